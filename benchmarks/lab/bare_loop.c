/* bare_loop: the least a C server can do with the same frames: one thread, epoll, newest frame wins.
 *
 * It is the physical limit that the ratios refer to, and the trivially correct server that the
 * viewers are tried on. It captures nothing: a timer picks the next frame and writes the time into it.
 *
 *   GET /stream    multipart stream
 *   anything else  204, the connection stays open
 *
 * -m writev     head, JPEG and tail from user memory, copied once into each socket
 * -m sendfile   each frame is written once to a memfd of its own; every socket gets page references
 * -r 0          a new frame every 0.25 ms: as fast as the sockets take them (saturation) */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "measure.h"

#define BOUNDARY "frame"
#define STREAM_HEAD                                                                                                    \
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=" BOUNDARY                                   \
    "\r\nConnection: close\r\n\r\n--" BOUNDARY "\r\n"
#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"
#define TAIL "\r\n--" BOUNDARY "\r\n"
#define TAIL_BYTES (sizeof TAIL - 1)
#define MOST_CLIENTS 4096
#define SATURATION_HZ 4000.0

typedef struct {
    unsigned char *bytes;
    size_t n;
} jpeg; /* with room for the timestamp */

/* One frame as it goes out; freed with its last reference. */
typedef struct {
    char head[128];
    size_t n_head, total;
    const jpeg *picture;
    int memfd, references;
    u64 number;
} part;

typedef struct client client;
struct client {
    int fd; /* -1: gone, freed when the loop's turn is over */
    bool is_streaming, wants_room;
    part *sending;
    size_t sent;
    u64 number; /* of the part begun last */
    char request[2048];
    size_t n_request;
    client *next_gone;
};

static jpeg *pictures;
static int n_pictures, n_clients, poll_fd;
static client *clients[MOST_CLIENTS], *gone;
static part *newest;
static bool uses_sendfile;

/* ---- frames ---- */

static bool load_picture(const char *path, jpeg *into) {
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    into->n = size + STAMP_BYTES;
    into->bytes = malloc(into->n);
    bool is_fine =
        size > 4 && fread(into->bytes, 1, 2, f) == 2 && fread(into->bytes + STAMP_END, 1, size - 2, f) == size - 2;
    memcpy(into->bytes + 2, "\xFF\xFE\x00\x18TS=", 7); /* length 24: itself and "TS=" with 19 digits */
    fclose(f);
    return is_fine;
}

static void load_pictures(const char *folder) {
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n > 0) pictures = calloc((size_t)n, sizeof *pictures);
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (strstr(entries[i]->d_name, ".jp")) n_pictures += load_picture(path, &pictures[n_pictures]);
    }
    if (n_pictures) return;
    fprintf(stderr, "bare_loop: no JPEG files in %s\n", folder);
    exit(2);
}

static part *next_part(void) {
    static u64 number = 0;
    part *p = calloc(1, sizeof *p);
    jpeg *picture = &pictures[number % (u64)n_pictures];
    char stamp[32];
    snprintf(stamp, sizeof stamp, "%019llu", (unsigned long long)now_ns());
    memcpy(picture->bytes + 9, stamp, 19);
    *p = (part){.picture = picture, .number = ++number, .references = 1, .memfd = -1};
    p->n_head = (size_t)snprintf(p->head, sizeof p->head, "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n",
                                 picture->n);
    p->total = p->n_head + picture->n + TAIL_BYTES;
    if (!uses_sendfile) return p;
    p->memfd = memfd_create("frame", MFD_CLOEXEC);
    struct iovec pieces[] = {{p->head, p->n_head}, {picture->bytes, picture->n}, {TAIL, TAIL_BYTES}};
    if (writev(p->memfd, pieces, 3) == (ssize_t)p->total) return p;
    perror("bare_loop: memfd");
    exit(1);
}

static void release(part *p) {
    if (!p || --p->references) return;
    if (p->memfd >= 0) close(p->memfd);
    free(p);
}

/* ---- clients ---- */

static void drop(client *c) {
    for (int i = 0; i < n_clients; i++) {
        if (clients[i] != c) continue;
        clients[i] = clients[--n_clients];
        break;
    }
    release(c->sending);
    close(c->fd);
    c->fd = -1;
    c->next_gone = gone;
    gone = c;
}

static void bury(void) {
    while (gone) {
        client *c = gone;
        gone = c->next_gone;
        free(c);
    }
}

static void want_room(client *c, bool wants) {
    if (c->wants_room == wants) return;
    c->wants_room = wants;
    struct epoll_event event = {.events = EPOLLIN | (wants ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static ssize_t send_pieces(const client *c) {
    const part *p = c->sending;
    struct iovec whole[] = {{(char *)p->head, p->n_head}, {p->picture->bytes, p->picture->n}, {TAIL, TAIL_BYTES}},
                 rest[3];
    size_t skip = c->sent;
    int n = 0;
    for (int i = 0; i < 3; i++) {
        if (skip < whole[i].iov_len) {
            rest[n++] = (struct iovec){(char *)whole[i].iov_base + skip, whole[i].iov_len - skip};
            skip = 0;
        } else skip -= whole[i].iov_len;
    }
    struct msghdr message = {.msg_iov = rest, .msg_iovlen = (size_t)n};
    return sendmsg(c->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t send_file(const client *c) {
    off_t offset = (off_t)c->sent;
    return sendfile(c->fd, c->sending->memfd, &offset, c->sending->total - c->sent);
}

typedef enum { GONE, BUSY, IDLE } outcome;

/* Send what the client still owes of its part. */
static outcome push(client *c) {
    while (c->sending) {
        ssize_t n = uses_sendfile ? send_file(c) : send_pieces(c);
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
            want_room(c, true);
            return BUSY;
        }
        if (n < 0) {
            drop(c);
            return GONE;
        }
        c->sent += (size_t)n;
        if (c->sent < c->sending->total) continue;
        release(c->sending);
        c->sending = NULL;
    }
    return IDLE;
}

/* Begin the newest frame if the client is free and has not had it. */
static outcome offer(client *c) {
    if (c->sending || !newest || c->number == newest->number) return IDLE;
    c->sending = newest;
    newest->references++;
    c->sent = 0;
    c->number = newest->number;
    return push(c);
}

static void publish(void) {
    part *old = newest;
    newest = next_part();
    release(old);
    for (int i = n_clients - 1; i >= 0; i--)
        if (i < n_clients && clients[i]->is_streaming) offer(clients[i]);
}

static void accept_clients(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (n_clients == MOST_CLIENTS) {
            close(fd);
            continue;
        }
        client *c = calloc(1, sizeof *c);
        c->fd = fd;
        clients[n_clients++] = c;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static size_t body_bytes(char *request) {
    char *length = strcasestr(request, "content-length:");
    return length ? (size_t)atoi(length + strlen("content-length:")) : 0;
}

static void answer(client *c, const char *text) {
    c->n_request = 0;
    if (send(c->fd, text, strlen(text), MSG_NOSIGNAL) < 0) perror("bare_loop: answer");
}

/* False when the client is gone. */
static bool read_request(client *c) {
    ssize_t n = recv(c->fd, c->request + c->n_request, sizeof c->request - 1 - c->n_request, 0);
    if (n < 0 && errno == EAGAIN) return true;
    if (n > 0) {
        c->n_request += (size_t)n;
        c->request[c->n_request] = 0;
    }
    if (n <= 0 || c->n_request >= sizeof c->request - 1) {
        drop(c);
        return false;
    }
    char *end = strstr(c->request, "\r\n\r\n");
    if (!end || c->n_request - (size_t)(end + 4 - c->request) < body_bytes(c->request)) return true;
    bool wants_stream = !strncmp(c->request, "GET /stream", 11);
    answer(c, wants_stream ? STREAM_HEAD : NO_CONTENT);
    c->is_streaming |= wants_stream;
    return !wants_stream || offer(c) != GONE;
}

static void serve(client *c, uint32_t events) {
    if (c->fd < 0) return;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !read_request(c)) return;
    if (!(events & EPOLLOUT) || push(c) != IDLE) return;
    if (offer(c) == IDLE && !c->sending) want_room(c, false);
}

/* ---- the loop ---- */

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!bind(fd, (struct sockaddr *)&address, sizeof address) && !listen(fd, 512)) return fd;
    perror("bare_loop: listen");
    exit(1);
}

static int frame_clock(double rate_hz) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    u64 period = (u64)(1e9 / (rate_hz > 0 ? rate_hz : SATURATION_HZ));
    struct timespec t = {(time_t)(period / SECOND_NS), (long)(period % SECOND_NS)};
    struct itimerspec every = {t, t};
    timerfd_settime(fd, 0, &every, NULL);
    return fd;
}

static void watch(int fd, void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void loop(int listener, int clock) {
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(listener, &listener);
    watch(clock, &clock);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            u64 ticks;
            if (events[i].data.ptr == &listener) accept_clients(listener);
            else if (events[i].data.ptr != &clock) serve(events[i].data.ptr, events[i].events);
            else if (read(clock, &ticks, sizeof ticks) > 0) publish();
        }
        bury();
    }
}

int main(int argc, char **argv) {
    int port = 8080;
    const char *folder = NULL;
    double rate_hz = 30;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "-p")) port = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "-f")) folder = argv[i + 1];
        else if (!strcmp(argv[i], "-r")) rate_hz = atof(argv[i + 1]);
        else if (!strcmp(argv[i], "-m")) uses_sendfile = !strcmp(argv[i + 1], "sendfile");
    }
    if (!folder) {
        fprintf(stderr, "bare_loop -f FRAMES_DIR [-p port] [-r frames/s, 0: saturation] [-m writev|sendfile]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    load_pictures(folder);
    loop(listen_on(port), frame_clock(rate_hz));
}
