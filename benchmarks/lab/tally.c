/* Which frames were whole, new and known, how old they were, and the report of it all. */
#include "viewers.h"

#include <dirent.h>
#include <stdio.h>

#define OLDEST_NS (60 * SECOND_NS) /* an X-Timestamp further back is on another clock */

static histogram fast_latency, slow_latency;
static set64 distinct, known;
static u64 unix_minus_monotonic_ns;

static bool is_jpeg(const part *p) {
    return p->n_first >= 2 && p->first[0] == 0xFF && p->first[1] == 0xD8 && p->length >= 4 && p->last[0] == 0xFF &&
           p->last[1] == 0xD9;
}

/* When the frame was captured, on the monotonic clock; 0 when neither frame nor part says so credibly. */
static u64 captured_at(const part *p, u64 stamp) {
    if (stamp) return stamp;
    u64 captured = p->sent_unix_ns - unix_minus_monotonic_ns;
    return p->sent_unix_ns && captured <= p->received_ns && p->received_ns - captured < OLDEST_NS ? captured : 0;
}

/* A value that differs from frame to frame. */
static u64 identity_of(const part *p, u64 stamp) {
    if (stamp) return stamp;
    if (p->sent_unix_ns) return p->sent_unix_ns;
    if (option.check_dir) return p->hash;
    word_hash w;
    hash_begin(&w);
    hash_add(&w, p->first, (size_t)p->n_first);
    w.length = p->length;
    return hash_end(&w);
}

static void count_frame(viewer *v, const part *p, u64 stamp, u64 identity) {
    v->frames++;
    total.frames++;
    set_add(&distinct, identity);
    if (stamp && stamp < v->last_id) v->backwards++;
    u64 gap = v->last_frame_ns ? p->received_ns - v->last_frame_ns : 0;
    if (gap > v->longest_gap_ns) v->longest_gap_ns = gap;
    v->last_frame_ns = p->received_ns;
    u64 captured = captured_at(p, stamp);
    if (captured)
        histogram_add(v->is_slow ? &slow_latency : &fast_latency,
                      p->received_ns > captured ? p->received_ns - captured : 0);
}

void tally_part(stream *s, const part *p) {
    viewer *v = (viewer *)s;
    u64 stamp = stamp_of(p->first, (size_t)p->n_first), identity = identity_of(p, stamp);
    bool is_known = !option.check_dir || set_has(&known, p->hash), is_fine = is_jpeg(p) && is_known;
    if (!v->has_frame) total.with_frame++;
    v->has_frame = true;
    if (is_measuring) {
        total.bytes += p->length;
        if (!is_known) total.unknown++;
        if (!is_fine) total.broken++;
        else if (identity == v->last_id) total.repeated++;
        else count_frame(v, p, stamp, identity);
        if (!is_fine && option.is_verbose)
            fprintf(stderr, "viewer %d: bad frame, %llu bytes\n", v->id, (unsigned long long)p->length);
    }
    v->last_id = identity;
}

static void learn_frames(void) {
    static unsigned char jpeg[8 << 20];
    DIR *d = opendir(option.check_dir);
    if (!d) {
        perror(option.check_dir);
        exit(2);
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (!strstr(e->d_name, ".jp")) continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", option.check_dir, e->d_name);
        FILE *f = fopen(path, "rb");
        size_t n = f ? fread(jpeg, 1, sizeof jpeg, f) : 0;
        if (f) fclose(f);
        if (n < STAMP_END) continue;
        size_t from = stamp_of(jpeg, n) ? STAMP_END : 2;
        word_hash w;
        hash_begin(&w);
        hash_add(&w, jpeg, 2);
        hash_add(&w, jpeg + from, n - from);
        set_add(&known, hash_end(&w));
    }
    closedir(d);
}

void tally_begin(void) {
    unix_minus_monotonic_ns = clock_ns(CLOCK_REALTIME) - now_ns();
    if (option.check_dir) learn_frames();
}

static int by_value(const void *a, const void *b) {
    u64 x = *(const u64 *)a, y = *(const u64 *)b;
    return x < y ? -1 : x > y;
}

static void report_rates(double seconds) {
    u64 *frames = calloc((size_t)option.viewers, sizeof *frames), slow = 0, gap = 0, backwards = 0;
    int n = 0, starved = 0;
    for (int i = 0; i < option.viewers; i++) {
        viewer *v = &viewers[i];
        backwards += v->backwards;
        if (v->is_slow) {
            slow += v->frames;
            continue;
        }
        frames[n++] = v->frames;
        starved += !v->frames;
        if (v->longest_gap_ns > gap) gap = v->longest_gap_ns;
    }
    qsort(frames, (size_t)n, sizeof *frames, by_value);
    printf(",\"fps_min\":%.2f,\"fps_median\":%.2f,\"fps_max\":%.2f,\"slow_fps\":%.2f,\"starved\":%d,\"longest_gap_ms\":"
           "%.1f,\"backwards\":%llu",
           n ? (double)frames[0] / seconds : 0, n ? (double)frames[n / 2] / seconds : 0,
           n ? (double)frames[n - 1] / seconds : 0, option.slow ? (double)slow / seconds / option.slow : 0, starved,
           (double)gap / 1e6, (unsigned long long)backwards);
    free(frames);
}

static void report_latency(const char *prefix, const histogram *h) {
    printf(",\"%slatency_n\":%llu,\"%slatency_p50_ms\":%.3f,\"%slatency_p90_ms\":%.3f,\"%slatency_p99_ms\":%.3f,\"%"
           "slatency_max_ms\":%.3f",
           prefix, (unsigned long long)h->n, prefix, quantile_ms(h, .5), prefix, quantile_ms(h, .9), prefix,
           quantile_ms(h, .99), prefix, h->n ? (double)h->max / 1e6 : -1);
}

static void report_server(const run *r, double seconds) {
    const usage *a = &r->begin.server, *b = &r->end.server;
    double cpu_s = b->cpu_s - a->cpu_s;
    printf(",\"server_cpu_s\":%.4f,\"server_user_s\":%.2f,\"server_system_s\":%.2f,\"cpu_percent\":%.2f,\"cpu_ms_per_"
           "1000\":%.2f",
           cpu_s, b->user_s - a->user_s, b->system_s - a->system_s, 100 * cpu_s / seconds,
           total.frames ? cpu_s * 1e6 / (double)total.frames : -1);
    printf(",\"rss_idle_kb\":%ld,\"rss_kb\":%ld,\"pss_kb\":%ld,\"threads\":%d", r->idle.server.rss_kb, b->rss_kb,
           b->pss_kb, b->threads);
}

void report(const run *r) {
    double seconds = (double)(r->end.at_ns - r->begin.at_ns) / 1e9;
    printf("{\"name\":\"%s\",\"viewers\":%d,\"live\":%d,\"slow\":%d,\"dead\":%llu,\"seconds\":%.3f,\"connect_s\":%.3f,"
           "\"reading\":\"%s\"",
           option.name, option.viewers, r->live, option.slow, (unsigned long long)total.dead, seconds, r->connect_s,
           option.check_dir  ? "check"
           : option.is_light ? "light"
                             : "full");
    printf(",\"frames\":%llu,\"deliveries_per_s\":%.1f,\"megabytes_per_s\":%.1f,\"distinct\":%zu,\"broken\":%llu,"
           "\"unknown\":%llu,\"repeated\":%llu",
           (unsigned long long)total.frames, (double)total.frames / seconds, (double)total.bytes / seconds / 1e6,
           distinct.n, (unsigned long long)total.broken, (unsigned long long)total.unknown,
           (unsigned long long)total.repeated);
    report_rates(seconds);
    report_latency("", &fast_latency);
    report_latency("slow_", &slow_latency);
    printf(",\"viewers_cpu_s\":%.3f,\"machine_busy_s\":%.2f", r->end.own_s - r->begin.own_s,
           r->end.machine_s - r->begin.machine_s);
    if (option.pid) report_server(r, seconds);
    printf("}\n");
}
