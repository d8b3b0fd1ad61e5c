/* The fake camera itself: its faults, the thread that fills its buffers, and the buffers. */
#define _GNU_SOURCE
#include "fake_camera.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul
#define SECOND 1000000000l /* in nanoseconds */

camera cam = {.lock = PTHREAD_MUTEX_INITIALIZER,
              .changed = PTHREAD_COND_INITIALIZER,
              .path = "/dev/video0",
              .highest_rate_hz = 30,
              .format = V4L2_PIX_FMT_MJPEG,
              .owner = -1,
              .memory_kind = V4L2_MEMORY_MMAP,
              .memory_fd = -1};

void camera_set_up(void) {
    const char *path = getenv("FAKEV4L2_DEVICE"), *rate = getenv("FAKEV4L2_FPS"), *bare = getenv("FAKEV4L2_NOTS");
    if (path) cam.path = path;
    if (rate && atof(rate) > 0) cam.highest_rate_hz = atof(rate);
    cam.fault_file = getenv("FAKEV4L2_CONTROL");
    cam.state_file = getenv("FAKEV4L2_STATE");
    cam.has_no_stamps = bare && *bare == '1';
}

/* ---- faults ---- */

typedef enum { NONE, UNPLUG, STALL, TRUNCATE, GARBAGE, NO_SOI, EMPTY, FLAGGED, REFUSE } fault;

static fault fault_now;

static fault fault_named(const char *word) {
    static const char *names[] = {"ok",    "unplug", "stall", "truncate", "garbage",
                                  "nosoi", "empty",  "error", "refuse"};
    for (int i = 0; i < 9; i++)
        if (!strcmp(word, names[i])) return (fault)i;
    return NONE;
}

/* Read the fault file; a "once-" word is used up when `consumes`. */
static void read_fault(bool consumes) {
    if (!cam.fault_file) return;
    char word[64] = "";
    int fd = (int)syscall(SYS_openat, AT_FDCWD, cam.fault_file, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
        ssize_t n = syscall(SYS_read, fd, word, sizeof word - 1);
        word[n > 0 ? n : 0] = 0;
        syscall(SYS_close, fd);
    }
    word[strcspn(word, " \t\r\n")] = 0;
    bool is_once = !strncmp(word, "once-", 5);
    fault_now = fault_named(is_once ? word + 5 : word);
    if (!is_once || !consumes) return;
    fd = (int)syscall(SYS_openat, AT_FDCWD, cam.fault_file, O_WRONLY | O_TRUNC | O_CLOEXEC, 0);
    if (fd < 0) return;
    if (syscall(SYS_write, fd, "ok\n", 3) < 0) perror(cam.fault_file);
    syscall(SYS_close, fd);
}

/* While frames flow the producer reads the fault file, before each frame. */
bool camera_is_unplugged(void) {
    if (fault_now == UNPLUG || !cam.is_streaming) read_fault(false);
    return fault_now == UNPLUG;
}

bool camera_refuses_controls(void) { return fault_now == REFUSE; }

void camera_unplug(void) {
    cam.is_gone = true;
    device_hang_up();
    pthread_cond_broadcast(&cam.changed);
}

static size_t spoil(unsigned char *bytes, size_t n, unsigned *flags) {
    if (fault_now == TRUNCATE) return n / 2;
    if (fault_now == EMPTY) return 0;
    if (fault_now == NO_SOI) memset(bytes, 0, n < 512 ? n : 512);
    if (fault_now == FLAGGED) *flags = V4L2_BUF_FLAG_ERROR;
    if (fault_now == GARBAGE)
        for (size_t i = n / 3; i < n / 3 * 2; i++) bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    return n;
}

/* ---- the producer ---- */

static int take_first(int *list, int *n) {
    int first = list[0];
    memmove(list, list + 1, (size_t)--*n * sizeof *list);
    return first;
}

/* Fill one buffer. The lock is let go while the buffer, which is ours, is written. */
static void produce(unsigned number) {
    if (!cam.n_queued) return; /* the program holds every buffer: the frame is lost, as in life */
    int i = take_first(cam.queue, &cam.n_queued);
    buffer *b = &cam.buffers[i];
    b->flags = 0;
    pthread_mutex_unlock(&cam.lock);
    size_t used = spoil(b->memory, camera_fill(b->memory, b->length, number), &b->flags);
    clock_gettime(CLOCK_MONOTONIC, &b->captured);
    pthread_mutex_lock(&cam.lock);
    if (!cam.is_streaming) return;
    b->used = used;
    b->number = number;
    b->state = FILLED;
    cam.filled[cam.n_filled++] = i;
    device_signal_owner();
    pthread_cond_broadcast(&cam.changed);
}

static struct timespec one_period_after(struct timespec t) {
    long period = (long)(SECOND / (cam.rate_hz > 0 ? cam.rate_hz : 30));
    t.tv_nsec += period % SECOND;
    t.tv_sec += period / SECOND + t.tv_nsec / SECOND;
    t.tv_nsec %= SECOND;
    return t;
}

static struct timespec sleep_to_next(struct timespec last) {
    struct timespec now, next = one_period_after(last);
    pthread_mutex_unlock(&cam.lock);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&cam.lock);
    return now.tv_sec - next.tv_sec > 1 ? now : next;
}

static void *producer_main(void *unused) {
    (void)unused;
    struct timespec tick;
    clock_gettime(CLOCK_MONOTONIC, &tick);
    pthread_mutex_lock(&cam.lock);
    for (unsigned number = 0; cam.is_streaming && !cam.is_gone;) {
        tick = sleep_to_next(tick);
        if (!cam.is_streaming) break;
        read_fault(true);
        if (fault_now == UNPLUG) camera_unplug();
        else if (fault_now != STALL) produce(number++);
    }
    cam.has_producer = false;
    pthread_cond_broadcast(&cam.changed);
    pthread_mutex_unlock(&cam.lock);
    return NULL;
}

int camera_start(void) {
    pthread_t producer;
    if (cam.is_streaming) return 0;
    while (cam.has_producer) pthread_cond_wait(&cam.changed, &cam.lock);
    camera_load_frames();
    cam.is_streaming = cam.has_producer = true;
    if (pthread_create(&producer, NULL, producer_main, NULL)) {
        cam.is_streaming = cam.has_producer = false;
        return ENOMEM;
    }
    pthread_setname_np(producer, "fake camera");
    pthread_detach(producer);
    camera_note_state();
    return 0;
}

void camera_stop(void) {
    cam.is_streaming = false;
    while (cam.has_producer) pthread_cond_wait(&cam.changed, &cam.lock);
    cam.n_queued = cam.n_filled = 0;
    for (int i = 0; i < cam.n_buffers; i++) cam.buffers[i].state = WITH_DRIVER;
    if (cam.owner >= 0) device_drain(cam.owner);
}

/* ---- buffers ---- */

int camera_set_buffers(int fd, unsigned count, int memory_kind) {
    cam.owner = fd;
    cam.memory_kind = memory_kind;
    cam.n_buffers = count > MOST_BUFFERS ? MOST_BUFFERS : count < 2 ? 2 : (int)count;
    size_t each = (camera_image_bytes() + PAGE - 1) & ~(PAGE - 1);
    cam.memory_bytes = each * (size_t)cam.n_buffers;
    int low = memfd_create("fake camera", MFD_CLOEXEC);
    if (low < 0 || ftruncate(low, (off_t)cam.memory_bytes)) return ENOMEM;
    int high = fcntl(low, F_DUPFD_CLOEXEC, HIGH_FD);
    if (high >= 0) syscall(SYS_close, low);
    cam.memory_fd = high >= 0 ? high : low;
    for (int i = 0; i < cam.n_buffers; i++) {
        buffer *b = &cam.buffers[i];
        *b = (buffer){.length = each, .offset = each * (size_t)i};
        if (memory_kind != V4L2_MEMORY_MMAP) continue; /* the program brings its own */
        b->memory = real_mmap(NULL, each, PROT_READ | PROT_WRITE, MAP_SHARED, cam.memory_fd, (off_t)b->offset);
        if (b->memory == MAP_FAILED) return ENOMEM;
    }
    return 0;
}

void camera_free_buffers(void) {
    for (int i = 0; i < cam.n_buffers; i++)
        if (cam.memory_kind == V4L2_MEMORY_MMAP && cam.buffers[i].memory)
            munmap(cam.buffers[i].memory, cam.buffers[i].length);
    memset(cam.buffers, 0, sizeof cam.buffers);
    cam.n_buffers = 0;
    if (cam.memory_fd >= 0) syscall(SYS_close, cam.memory_fd);
    cam.memory_fd = -1;
}
