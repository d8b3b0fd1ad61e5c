#define _GNU_SOURCE
#include "process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MOST_RELATIVES 256
#define MOST_PROCESSES 65536

/* The text of /proc/PID/stat behind the name in brackets, or NULL (proc(5)). */
static const char *stat_of(int pid, char *text, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) return NULL;
    size_t n = fread(text, 1, size - 1, f);
    fclose(f);
    text[n] = 0;
    const char *bracket = strrchr(text, ')');
    return bracket ? bracket + 2 : NULL;
}

static int parent_of(int pid) {
    char text[1024], state;
    int parent;
    const char *rest = stat_of(pid, text, sizeof text);
    return rest && sscanf(rest, "%c %d", &state, &parent) == 2 ? parent : -1;
}

static bool contains(const int *list, int n, int value) {
    for (int i = 0; i < n; i++)
        if (list[i] == value) return true;
    return false;
}

/* `pid` and its descendants into `family`; returns how many. */
static int family_of(int pid, int *family) {
    static int all[MOST_PROCESSES], parent[MOST_PROCESSES];
    int total = 0, n = 0;
    family[n++] = pid;
    DIR *proc = opendir("/proc");
    for (struct dirent *e; proc && (e = readdir(proc)) && total < MOST_PROCESSES;) {
        int other = atoi(e->d_name);
        if (other <= 0) continue;
        all[total] = other;
        parent[total++] = parent_of(other);
    }
    if (proc) closedir(proc);
    for (int k = 0; k < n; k++)
        for (int i = 0; i < total && n < MOST_RELATIVES; i++)
            if (parent[i] == family[k] && !contains(family, n, all[i])) family[n++] = all[i];
    return n;
}

static long pss_kb_of(int pid) {
    char path[64], line[256];
    long value, sum = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Pss: %ld", &value) == 1) sum += value;
    if (f) fclose(f);
    return sum;
}

static void add_usage(usage *u, int pid) {
    clockid_t clock;
    struct timespec t;
    if (!clock_getcpuclockid(pid, &clock) && !clock_gettime(clock, &t))
        u->cpu_s += (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    char text[1024];
    unsigned long user, system;
    long threads, pages;
    const char *rest = stat_of(pid, text, sizeof text);
    if (rest && sscanf(rest, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d %*u %*u %ld",
                       &user, &system, &threads, &pages) == 4) {
        double ticks = (double)sysconf(_SC_CLK_TCK);
        u->user_s += (double)user / ticks;
        u->system_s += (double)system / ticks;
        u->threads += (int)threads;
        u->rss_kb += pages * (sysconf(_SC_PAGESIZE) / 1024);
    }
    u->pss_kb += pss_kb_of(pid);
}

usage usage_of(int pid) {
    usage u = {0};
    int family[MOST_RELATIVES], n = pid ? family_of(pid, family) : 0;
    for (int i = 0; i < n; i++) add_usage(&u, family[i]);
    return u;
}

double machine_busy_s(void) {
    unsigned long long user, nice, system, idle, wait, irq, softirq;
    double busy = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (f &&
        fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &irq, &softirq) == 7)
        busy = (double)(user + nice + system + irq + softirq) / (double)sysconf(_SC_CLK_TCK);
    if (f) fclose(f);
    return busy;
}

double own_cpu_s(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
