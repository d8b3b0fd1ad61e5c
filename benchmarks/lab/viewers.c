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
#include "viewers.h"

#define CONNECTING_AT_ONCE 16 /* viewers that have had no frame yet */
#define CONNECT_DEADLINE_NS (20 * SECOND_NS)
#define SLOW_TICK_NS 5000000
#define LIGHT_READ 512 /* heads are read in pieces this small, so that little of the body comes along */
#define READS_PER_TURN 64

options option = {
    .host = "127.0.0.1", .path = "/stream", .name = "", .port = 8080, .viewers = 1, .seconds = 10, .warm_s = 2};
viewer *viewers;
totals total;
bool is_measuring;

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
    v->s.on_part = tally_part;
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

static sample take_sample(void) {
    sample t = {.server = usage_of(option.pid), .own_s = own_cpu_s(), .machine_s = machine_busy_s()};
    t.at_ns = now_ns();
    return t;
}

static run run_viewers(void) {
    run r = {.idle = take_sample()};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
    inet_pton(AF_INET, option.host, &address.sin_addr);
    int poll_fd = epoll_create1(EPOLL_CLOEXEC), clock_fd = slow_clock(poll_fd), opened = 0;
    u64 connected = 0, now = r.idle.at_ns;
    while (!is_measuring || now < r.begin.at_ns + (u64)(option.seconds * 1e9) ||
           (long long)(total.frames + total.broken + total.repeated) < option.least_parts) {
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

/* ---- options ---- */

static void usage_exit(void) {
    fprintf(stderr, "viewers [-H IPv4 address] [-p port] [-u path] [-n viewers] [-d seconds] [-w warm-up seconds] "
                    "[--auth USER:PASSWORD]\n"
                    "        [--least parts, however long they take] "
                    "[--slow K:BYTES_PER_S] [--light] [--check DIR] [--pid PID] [--name TEXT] [-v]\n");
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
    else if (!strcmp(key, "--least")) option.least_parts = atoll(value);
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
    tally_begin();
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    viewers = calloc((size_t)option.viewers, sizeof *viewers);
    run r = run_viewers();
    report(&r);
    return total.broken || total.dead ? 1 : 0;
}
