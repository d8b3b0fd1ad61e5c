/* viewers: N viewers of one multipart/x-mixed-replace MJPEG stream, one thread, epoll.
 *
 * Checks every part (SOI first, EOI last; with --check DIR byte for byte against the known frames),
 * counts frames per viewer and takes capture-to-received latency from the timestamp in each frame
 * (measure.h), else from the part's X-Timestamp. Prints one line of JSON; exit status 1 when a frame
 * was broken or a viewer was lost.
 *
 * By default every byte is copied to this process. With --light the middle of each sized part is
 * thrown away inside the kernel (MSG_TRUNC), so that the viewers take as little as they can of the
 * machine they share with the server. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "auth.h"
#include "process.h"
#include "stream.h"

#define CONNECTING_AT_ONCE 16 /* viewers that have had no frame yet */
#define CONNECT_DEADLINE_NS (20 * SECOND_NS)
#define SLOW_TICK_NS 5000000
#define LIGHT_READ 512 /* heads are read in pieces this small, so that little of the body comes along */
#define READS_PER_TURN 64
#define OLDEST_NS (60 * SECOND_NS) /* an X-Timestamp further back is on another clock */

static struct {
    const char *host, *path, *auth, *check_dir, *name;
    int port, viewers, slow, pid;
    double seconds, warm_s, slow_bytes_per_s;
    bool is_light, is_verbose;
} option = {.host = "127.0.0.1", .path = "/stream", .name = "", .port = 8080, .viewers = 1, .seconds = 10, .warm_s = 2};

typedef struct {
    stream s; /* first: on_part gets the viewer from its stream */
    int fd, id;
    bool is_slow, has_frame;
    double allowance; /* bytes a slow viewer may read now */
    u64 allowed_at;
    u64 last_id, frames, last_frame_ns, longest_gap_ns, backwards;
} viewer;

static viewer *viewers;
static histogram fast_latency, slow_latency;
static set64 distinct, known;
static bool is_measuring;
static u64 unix_minus_monotonic_ns;
static struct {
    u64 frames, bytes, broken, unknown, repeated, dead;
    int with_frame;
} total;

/* ---- judging frames ---- */

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

static void on_part(stream *s, const part *p) {
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

/* ---- connecting and reading ---- */

static void lose(viewer *v, const char *why) {
    fprintf(stderr, "viewer %d of %s: %s\n", v->id, option.name, why);
    if (v->fd >= 0) close(v->fd);
    v->fd = -1;
    if (v->s.state != BROKEN) stream_fail(&v->s, why);
    total.dead++;
}

static int request_text(char *text, size_t size) {
    int n = snprintf(text, size, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: viewers\r\nAccept: */*\r\n",
                     option.path, option.host, option.port);
    if (option.auth) n += basic_auth(text + n, size - (size_t)n, option.auth);
    return n + snprintf(text + n, size - (size_t)n, "\r\n");
}

static void open_viewer(viewer *v, int poll_fd, const struct sockaddr_in *address) {
    char request[2048];
    int n = request_text(request, sizeof request), one = 1;
    v->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    v->s.on_part = on_part;
    v->s.is_hashed = option.check_dir != NULL;
    v->allowed_at = now_ns();
    setsockopt(v->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(v->fd, (const struct sockaddr *)address, sizeof *address)) return lose(v, strerror(errno));
    if (write(v->fd, request, (size_t)n) != n) return lose(v, "the request could not be written");
    fcntl(v->fd, F_SETFL, O_NONBLOCK);
    if (v->is_slow) { /* is read by the clock, and may never get a whole frame: do not wait for one */
        v->has_frame = true;
        total.with_frame++;
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = v};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, v->fd, &event);
}

/* How many bytes to ask for in light mode: heads and a frame's first bytes, no more. */
static size_t light_want(const stream *s) {
    if (s->state == IN_RESPONSE_HEAD || s->state == IN_OPEN_PART) return SIZE_MAX;
    if (s->state == IN_SIZED_PART && s->now.n_first < FIRST_BYTES) return (size_t)(FIRST_BYTES - s->now.n_first);
    return LIGHT_READ;
}

/* Read what is there, at most `budget` bytes (0: no limit); false when the viewer is lost. */
static void read_viewer(viewer *v, size_t budget) {
    static unsigned char buffer[1 << 18];
    size_t used = 0;
    for (int turn = 0; turn < READS_PER_TURN && !(budget && used >= budget); turn++) {
        u64 skip = option.is_light ? stream_may_skip(&v->s) : 0;
        size_t want = option.is_light && !skip ? light_want(&v->s) : SIZE_MAX;
        if (skip && skip < want) want = skip;
        if (!skip && want > sizeof buffer) want = sizeof buffer;
        if (budget && want > budget - used) want = budget - used;
        ssize_t n = recv(v->fd, skip ? NULL : buffer, want, skip ? MSG_TRUNC : 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n <= 0) return lose(v, n ? strerror(errno) : "closed by the server");
        used += (size_t)n;
        v->allowance -= (double)n;
        if (skip) stream_skipped(&v->s, (u64)n);
        else if (!stream_feed(&v->s, buffer, (size_t)n, now_ns())) return lose(v, v->s.failure);
        if (!option.is_light && !budget && (size_t)n < want) return;
    }
}

static void read_slow_viewers(int opened, u64 now) {
    for (int i = 0; i < option.slow && i < opened; i++) {
        viewer *v = &viewers[i];
        if (v->fd < 0) continue;
        v->allowance += option.slow_bytes_per_s * (double)(now - v->allowed_at) / 1e9;
        v->allowed_at = now;
        if (v->allowance > option.slow_bytes_per_s / 4) v->allowance = option.slow_bytes_per_s / 4;
        if (v->allowance >= LIGHT_READ) read_viewer(v, (size_t)v->allowance);
    }
}

static int slow_clock(int poll_fd) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct itimerspec every = {{0, SLOW_TICK_NS}, {0, SLOW_TICK_NS}};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    timerfd_settime(fd, 0, &every, NULL);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
    return fd;
}

static void wait_and_read(int poll_fd, int clock_fd, int opened) {
    struct epoll_event events[128];
    int n = epoll_wait(poll_fd, events, 128, 1000);
    u64 ticks;
    for (int i = 0; i < n; i++) {
        viewer *v = events[i].data.ptr;
        if (v && v->fd >= 0) read_viewer(v, 0);
        if (!v && read(clock_fd, &ticks, sizeof ticks) > 0) read_slow_viewers(opened, now_ns());
    }
}

/* ---- the run ---- */

typedef struct {
    u64 at_ns;
    usage server;
    double own_s, machine_s;
} sample;

static sample take_sample(void) {
    sample t = {.server = usage_of(option.pid), .own_s = own_cpu_s(), .machine_s = machine_busy_s()};
    t.at_ns = now_ns();
    return t;
}

typedef struct {
    sample idle, begin, end;
    double connect_s;
    int live;
} run;

static run run_viewers(void) {
    run r = {.idle = take_sample()};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
    inet_pton(AF_INET, option.host, &address.sin_addr);
    int poll_fd = epoll_create1(EPOLL_CLOEXEC), clock_fd = slow_clock(poll_fd), opened = 0;
    u64 connected = 0, now = r.idle.at_ns;
    while (!is_measuring || now < r.begin.at_ns + (u64)(option.seconds * 1e9)) {
        while (opened < option.viewers && opened - total.with_frame - (int)total.dead < CONNECTING_AT_ONCE) {
            viewers[opened].id = opened;
            viewers[opened].is_slow = opened < option.slow;
            open_viewer(&viewers[opened], poll_fd, &address);
            opened++;
        }
        wait_and_read(poll_fd, clock_fd, opened);
        now = now_ns();
        if ((int)total.dead >= option.viewers) break;
        bool is_settled =
            total.with_frame + (int)total.dead >= option.viewers || now > r.idle.at_ns + CONNECT_DEADLINE_NS;
        if (!connected && is_settled) {
            connected = now;
            r.connect_s = (double)(now - r.idle.at_ns) / 1e9;
        }
        if (connected && !is_measuring && now > connected + (u64)(option.warm_s * 1e9)) {
            r.live = total.with_frame;
            r.begin = take_sample();
            is_measuring = true;
        }
    }
    r.end = take_sample();
    if (!r.begin.at_ns) r.begin = r.idle;
    return r;
}

/* ---- the report ---- */

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

static void report(const run *r) {
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

/* ---- options ---- */

static void usage_exit(void) {
    fprintf(stderr, "viewers [-H IPv4 address] [-p port] [-u path] [-n viewers] [-d seconds] [-w warm-up seconds] "
                    "[--auth USER:PASSWORD]\n"
                    "        [--slow K:BYTES_PER_S] [--light] [--check DIR] [--pid PID] [--name TEXT] [-v]\n");
    exit(2);
}

static void read_option(const char *key, const char *value) {
    if (!strcmp(key, "-H")) option.host = value;
    else if (!strcmp(key, "-p")) option.port = atoi(value);
    else if (!strcmp(key, "-u")) option.path = value;
    else if (!strcmp(key, "-n")) option.viewers = atoi(value);
    else if (!strcmp(key, "-d")) option.seconds = atof(value);
    else if (!strcmp(key, "-w")) option.warm_s = atof(value);
    else if (!strcmp(key, "--auth")) option.auth = value;
    else if (!strcmp(key, "--check")) option.check_dir = value;
    else if (!strcmp(key, "--pid")) option.pid = atoi(value);
    else if (!strcmp(key, "--name")) option.name = value;
    else if (strcmp(key, "--slow") || sscanf(value, "%d:%lf", &option.slow, &option.slow_bytes_per_s) != 2)
        usage_exit();
}

static void read_options(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--light")) option.is_light = true;
        else if (!strcmp(argv[i], "-v")) option.is_verbose = true;
        else if (i + 1 < argc) {
            read_option(argv[i], argv[i + 1]);
            i++;
        } else usage_exit();
    }
    struct in_addr address;
    if (option.viewers < 1 || inet_pton(AF_INET, option.host, &address) != 1) usage_exit();
    if (option.check_dir) option.is_light = false;
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    if (option.check_dir) learn_frames();
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    unix_minus_monotonic_ns = clock_ns(CLOCK_REALTIME) - now_ns();
    viewers = calloc((size_t)option.viewers, sizeof *viewers);
    run r = run_viewers();
    report(&r);
    return total.broken || total.dead ? 1 : 0;
}
