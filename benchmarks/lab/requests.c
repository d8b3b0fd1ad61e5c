/* requests: a small request over a keep-alive connection at a fixed rate, while a load runs beside it.
 *
 * Prints one line of JSON with the round trip's p50, p90, p99 and maximum in milliseconds. Answers
 * must be shorter than 16 kB and carry Content-Length or chunks. With -B every second request carries
 * another body; --starts keeps when each was sent (CLOCK_MONOTONIC, ns), for whoever knows what it did. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth.h"
#include "measure.h"

static struct {
    const char *host, *path, *method, *body, *other_body, *type, *auth, *name, *starts;
    int port;
    double rate_hz, seconds;
} option = {.host = "127.0.0.1",
            .path = "/",
            .method = "GET",
            .type = "application/json",
            .name = "",
            .port = 8080,
            .rate_hz = 50,
            .seconds = 10};

static struct {
    int requests, connections, errors, other_status;
} count;
static histogram latency;

static int request_text(char *text, size_t size, const char *body) {
    int n =
        snprintf(text, size, "%s %s HTTP/1.1\r\nHost: %s:%d\r\n", option.method, option.path, option.host, option.port);
    if (option.auth) n += basic_auth(text + n, size - (size_t)n, option.auth);
    if (body)
        n += snprintf(text + n, size - (size_t)n, "Content-Type: %s\r\nContent-Length: %zu\r\n", option.type,
                      strlen(body));
    return n + snprintf(text + n, size - (size_t)n, "\r\n%s", body ? body : "");
}

static int connect_to_server(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
    struct timeval patience = {10, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    inet_pton(AF_INET, option.host, &address.sin_addr);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!connect(fd, (struct sockaddr *)&address, sizeof address)) {
        count.connections++;
        return fd;
    }
    close(fd);
    return -1;
}

/* A header's value within the answer's head, or NULL. */
static const char *header(const char *answer, const char *end, const char *name) {
    const char *found = strcasestr(answer, name);
    return found && found < end ? found + strlen(name) : NULL;
}

static bool is_whole(const char *answer, size_t n) {
    const char *end = strstr(answer, "\r\n\r\n");
    if (!end) return false;
    if (header(answer, end, "\r\ntransfer-encoding: chunked")) return !strcmp(answer + n - 5, "0\r\n\r\n");
    const char *length = header(answer, end, "\r\ncontent-length:");
    return n - (size_t)(end + 4 - answer) >= (length ? (size_t)atoi(length) : 0);
}

static bool read_answer(int fd, char *answer, size_t size) {
    size_t n = 0;
    ssize_t more;
    while ((more = read(fd, answer + n, size - 1 - n)) > 0) {
        n += (size_t)more;
        answer[n] = 0;
        if (is_whole(answer, n)) return true;
    }
    return false;
}

/* One round trip; returns the connection to go on with, -1 for none. */
static int ask(int fd, const char *request, size_t n, FILE *starts) {
    char answer[16384];
    u64 begin = now_ns();
    if (starts) fprintf(starts, "%llu\n", (unsigned long long)begin);
    if (fd < 0) fd = connect_to_server();
    if (fd < 0 || write(fd, request, n) != (ssize_t)n || !read_answer(fd, answer, sizeof answer)) {
        count.errors++;
        if (fd >= 0) close(fd);
        return -1;
    }
    histogram_add(&latency, now_ns() - begin);
    count.requests++;
    if (answer[9] != '2') count.other_status++;
    const char *end = strstr(answer, "\r\n\r\n");
    if (!header(answer, end, "\r\nconnection: close") && strncmp(answer, "HTTP/1.0", 8)) return fd;
    close(fd);
    return -1;
}

static void sleep_until(u64 due) {
    struct timespec t = {(time_t)(due / SECOND_NS), (long)(due % SECOND_NS)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void read_option(const char *key, const char *value) {
    if (!strcmp(key, "-H")) option.host = value;
    else if (!strcmp(key, "-p")) option.port = atoi(value);
    else if (!strcmp(key, "-u")) option.path = value;
    else if (!strcmp(key, "-X")) option.method = value;
    else if (!strcmp(key, "-b")) option.body = value;
    else if (!strcmp(key, "-B")) option.other_body = value;
    else if (!strcmp(key, "-c")) option.type = value;
    else if (!strcmp(key, "-r")) option.rate_hz = atof(value);
    else if (!strcmp(key, "-d")) option.seconds = atof(value);
    else if (!strcmp(key, "--auth")) option.auth = value;
    else if (!strcmp(key, "--name")) option.name = value;
    else if (!strcmp(key, "--starts")) option.starts = value;
    else {
        fprintf(
            stderr,
            "requests [-H IPv4 address] [-p port] [-u path] [-X method] [-b body] [-B every second body]\n"
            "         [-c content type] [-r requests/s] [-d seconds] [--auth USER:PASSWORD] [--name TEXT]\n"
            "         [--starts FILE]\n");
        exit(2);
    }
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i += 2) read_option(argv[i], i + 1 < argc ? argv[i + 1] : "");
    signal(SIGPIPE, SIG_IGN);
    char request[2][4096];
    const char *second = option.other_body ? option.other_body : option.body;
    size_t n[2] = {(size_t)request_text(request[0], sizeof request[0], option.body),
                   (size_t)request_text(request[1], sizeof request[1], second)};
    FILE *starts = option.starts ? fopen(option.starts, "w") : NULL;
    if (option.starts && !starts) {
        perror(option.starts);
        return 2;
    }
    unsigned turn = 0;
    u64 begin = now_ns(), end = begin + (u64)(option.seconds * 1e9), due = begin;
    for (int fd = -1; due < end && now_ns() < end; due += (u64)(1e9 / option.rate_hz)) {
        sleep_until(due);
        fd = ask(fd, request[turn], n[turn], starts);
        turn ^= 1;
    }
    if (starts) fclose(starts);
    printf("{\"name\":\"%s\",\"requests\":%d,\"connections\":%d,\"errors\":%d,\"other_status\":%d,\"p50_ms\":%.3f,"
           "\"p90_ms\":%.3f,"
           "\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
           option.name, count.requests, count.connections, count.errors, count.other_status, quantile_ms(&latency, .5),
           quantile_ms(&latency, .9), quantile_ms(&latency, .99), latency.n ? (double)latency.max / 1e6 : -1);
    return count.errors || count.other_status ? 1 : 0;
}
