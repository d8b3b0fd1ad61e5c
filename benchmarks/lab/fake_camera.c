/* The fake camera itself: frames, buffers, the thread that fills them, faults and controls.
 *
 * Nothing here may call a function that fake_camera_calls.c intercepts on a path that could be the
 * camera's; files are opened, read and closed by bare system calls. */
#define _GNU_SOURCE
#include "fake_camera.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_SETS 8
#define MOST_DESCRIPTORS 8
#define HIGH_FD 900 /* our own descriptors stay out of the way of programs that count on small ones */
#define PAGE 4096ul
#define STAMP_BYTES 26 /* COM marker, length, "TS=" and 19 digits: measure.h */
#define STAMP_END (2 + STAMP_BYTES)
#define SECOND_NS 1000000000l

camera cam = {.lock = PTHREAD_MUTEX_INITIALIZER,
              .changed = PTHREAD_COND_INITIALIZER,
              .path = "/dev/video0",
              .highest_rate_hz = 30,
              .format = V4L2_PIX_FMT_MJPEG,
              .owner = -1,
              .memory_kind = V4L2_MEMORY_MMAP,
              .memory_fd = -1};
frame_set frame_sets[MOST_SETS];
int n_frame_sets;

control controls[] = {
    {V4L2_CID_BRIGHTNESS, "Brightness", V4L2_CTRL_TYPE_INTEGER, -64, 64, 1, 0, 0},
    {V4L2_CID_CONTRAST, "Contrast", V4L2_CTRL_TYPE_INTEGER, 0, 64, 1, 32, 32},
    {V4L2_CID_SATURATION, "Saturation", V4L2_CTRL_TYPE_INTEGER, 0, 128, 1, 60, 60},
    {V4L2_CID_HUE, "Hue", V4L2_CTRL_TYPE_INTEGER, -40, 40, 1, 0, 0},
    {V4L2_CID_AUTO_WHITE_BALANCE, "White Balance, Automatic", V4L2_CTRL_TYPE_BOOLEAN, 0, 1, 1, 1, 1},
    {V4L2_CID_GAMMA, "Gamma", V4L2_CTRL_TYPE_INTEGER, 72, 500, 1, 100, 100},
    {V4L2_CID_GAIN, "Gain", V4L2_CTRL_TYPE_INTEGER, 0, 100, 1, 0, 0},
    {V4L2_CID_POWER_LINE_FREQUENCY, "Power Line Frequency", V4L2_CTRL_TYPE_MENU, 0, 2, 1, 1, 1},
    {V4L2_CID_WHITE_BALANCE_TEMPERATURE, "White Balance Temperature", V4L2_CTRL_TYPE_INTEGER, 2800, 6500, 1, 4600,
     4600},
    {V4L2_CID_SHARPNESS, "Sharpness", V4L2_CTRL_TYPE_INTEGER, 0, 6, 1, 3, 3},
    {V4L2_CID_BACKLIGHT_COMPENSATION, "Backlight Compensation", V4L2_CTRL_TYPE_INTEGER, 0, 2, 1, 1, 1},
    {V4L2_CID_EXPOSURE_AUTO, "Auto Exposure", V4L2_CTRL_TYPE_MENU, 0, 3, 1, 3, 3},
    {V4L2_CID_EXPOSURE_ABSOLUTE, "Exposure Time, Absolute", V4L2_CTRL_TYPE_INTEGER, 1, 5000, 1, 157, 157},
    {V4L2_CID_FOCUS_ABSOLUTE, "Focus, Absolute", V4L2_CTRL_TYPE_INTEGER, 1, 1023, 1, 1, 1},
    {V4L2_CID_FOCUS_AUTO, "Focus, Automatic Continuous", V4L2_CTRL_TYPE_BOOLEAN, 0, 1, 1, 1, 1},
    {V4L2_CID_JPEG_COMPRESSION_QUALITY, "Compression Quality", V4L2_CTRL_TYPE_INTEGER, 1, 100, 1, 80, 80},
};
const int n_controls = (int)(sizeof controls / sizeof controls[0]);

static const char *fault_file, *state_file;
static bool has_no_stamps;
static struct {
    int read_end, write_end;
} descriptors[MOST_DESCRIPTORS];
static int n_descriptors;

void camera_set_up(void) {
    const char *path = getenv("FAKEV4L2_DEVICE"), *rate = getenv("FAKEV4L2_FPS"), *bare = getenv("FAKEV4L2_NOTS");
    if (path) cam.path = path;
    if (rate && atof(rate) > 0) cam.highest_rate_hz = atof(rate);
    fault_file = getenv("FAKEV4L2_CONTROL");
    state_file = getenv("FAKEV4L2_STATE");
    has_no_stamps = bare && *bare == '1';
}

/* ---- frames ---- */

static bool is_jpeg_name(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
}

/* Call `use` for each JPEG file of a folder, in order of name. */
static void each_jpeg(frame_set *set, void (*use)(frame_set *, const char *path)) {
    struct dirent **entries;
    int n = scandir(set->folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[8192];
        snprintf(path, sizeof path, "%s/%s", set->folder, entries[i]->d_name);
        if (is_jpeg_name(entries[i]->d_name)) use(set, path);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

static void count_frame(frame_set *set, const char *path) {
    struct stat st;
    if (stat(path, &st)) return;
    set->n++;
    if ((size_t)st.st_size + STAMP_BYTES > set->biggest) set->biggest = (size_t)st.st_size + STAMP_BYTES;
}

/* Each frame is kept with an empty timestamp behind SOI. */
static void load_frame(frame_set *set, const char *path) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return;
    off_t size = lseek(fd, 0, SEEK_END);
    unsigned char *bytes = malloc((size_t)(size > 4 ? size : 4) + STAMP_BYTES);
    bool is_fine = size > 4 && pread(fd, bytes, 2, 0) == 2 && bytes[0] == 0xFF && bytes[1] == 0xD8 &&
                   pread(fd, bytes + STAMP_END, (size_t)size - 2, 2) == size - 2;
    syscall(SYS_close, fd);
    if (!is_fine) {
        free(bytes);
        return;
    }
    memcpy(bytes + 2, "\xFF\xFE\x00\x18TS=0000000000000000000", STAMP_BYTES);
    set->frames[set->n++] = (jpeg){bytes, (size_t)size + STAMP_BYTES};
}

static void add_frame_set(const char *root, const char *name) {
    frame_set *set = &frame_sets[n_frame_sets];
    if (n_frame_sets == MOST_SETS || sscanf(name, "%ux%u", &set->width, &set->height) != 2) return;
    snprintf(set->folder, sizeof set->folder, "%s/%s", root, name);
    each_jpeg(set, count_frame);
    if (set->n) n_frame_sets++;
}

/* Done at the first open of the device, not in every program of the process tree. */
void camera_find_frames(void) {
    static bool is_done;
    if (is_done) return;
    is_done = true;
    const char *root = getenv("FAKEV4L2_FRAMES");
    struct dirent **entries;
    int n = root ? scandir(root, &entries, NULL, alphasort) : -1;
    for (int i = 0; i < n; i++) {
        add_frame_set(root, entries[i]->d_name);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    if (!n_frame_sets) {
        fprintf(stderr, "fake camera: no WxH/*.jpg in FAKEV4L2_FRAMES=%s\n", root ? root : "(not set)");
        return;
    }
    cam.width = frame_sets[0].width;
    cam.height = frame_sets[0].height;
    cam.rate_hz = cam.highest_rate_hz;
}

frame_set *camera_frames_for(unsigned width, unsigned height) {
    frame_set *best = NULL;
    long least = 0;
    for (int i = 0; i < n_frame_sets; i++) {
        frame_set *set = &frame_sets[i];
        long distance = labs((long)set->width - (long)width) + labs((long)set->height - (long)height);
        if (best && distance >= least) continue;
        best = set;
        least = distance;
    }
    return best;
}

static void load_frames(frame_set *set) {
    if (set->frames) return;
    set->frames = calloc((size_t)set->n, sizeof *set->frames);
    set->n = 0;
    each_jpeg(set, load_frame);
}

/* What uvcvideo reports for MJPG too: two bytes a pixel. */
size_t camera_image_bytes(void) {
    size_t raw = (size_t)cam.width * cam.height * 2;
    frame_set *set = camera_frames_for(cam.width, cam.height);
    return cam.format == V4L2_PIX_FMT_MJPEG && set->biggest > raw ? set->biggest : raw;
}

/* ---- faults ---- */

typedef enum { NONE, UNPLUG, STALL, TRUNCATE, GARBAGE, NO_SOI, EMPTY, FLAGGED } fault;

static fault fault_now;

static fault fault_named(const char *word) {
    static const char *names[] = {"ok", "unplug", "stall", "truncate", "garbage", "nosoi", "empty", "error"};
    for (int i = 0; i < 8; i++)
        if (!strcmp(word, names[i])) return (fault)i;
    return NONE;
}

/* Read the fault file; a "once-" word is used up when `consumes`. */
static void read_fault(bool consumes) {
    if (!fault_file) return;
    char word[64] = "";
    int fd = (int)syscall(SYS_openat, AT_FDCWD, fault_file, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
        ssize_t n = syscall(SYS_read, fd, word, sizeof word - 1);
        word[n > 0 ? n : 0] = 0;
        syscall(SYS_close, fd);
    }
    word[strcspn(word, " \t\r\n")] = 0;
    bool is_once = !strncmp(word, "once-", 5);
    fault_now = fault_named(is_once ? word + 5 : word);
    if (!is_once || !consumes) return;
    fd = (int)syscall(SYS_openat, AT_FDCWD, fault_file, O_WRONLY | O_TRUNC | O_CLOEXEC, 0);
    if (fd < 0) return;
    if (syscall(SYS_write, fd, "ok\n", 3) < 0) perror(fault_file);
    syscall(SYS_close, fd);
}

/* While frames flow the producer reads the fault file, before each frame. */
bool camera_is_unplugged(void) {
    if (fault_now == UNPLUG || !cam.is_streaming) read_fault(false);
    return fault_now == UNPLUG;
}

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

static uint64_t nanoseconds(struct timespec t) { return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec; }

/* A moving test picture; the luma of the first 64 pixels of line 0 is the time, bit 63 first. */
static size_t draw_yuyv(unsigned char *bytes, unsigned number, uint64_t time_ns) {
    for (unsigned y = 0; y < cam.height; y++) {
        unsigned char *line = bytes + (size_t)y * cam.width * 2;
        for (unsigned x = 0; x < cam.width; x += 2) {
            line[x * 2] = (unsigned char)(16 + ((x + number * 4) * 219 / cam.width) % 220);
            line[x * 2 + 1] = (unsigned char)(128 + (int)(y * 90 / cam.height) - 45);
            line[x * 2 + 2] = (unsigned char)(16 + ((x + 1 + number * 4) * 219 / cam.width) % 220);
            line[x * 2 + 3] = (unsigned char)(128 + (int)((number * 3 + y) % 64) - 32);
        }
    }
    for (unsigned i = 0; i < 64 && i < cam.width; i++) bytes[i * 2] = time_ns >> (63 - i) & 1 ? 235 : 16;
    return (size_t)cam.width * cam.height * 2;
}

/* The time is taken when the rest of the frame is in place: a driver's buffer is ready at that moment. */
static size_t copy_jpeg(unsigned char *bytes, size_t room, const jpeg *frame) {
    size_t n = frame->n < room ? frame->n : room;
    memcpy(bytes, frame->bytes, 2);
    if (has_no_stamps) {
        memcpy(bytes + 2, frame->bytes + STAMP_END, n - STAMP_END);
        return n - STAMP_BYTES;
    }
    memcpy(bytes + STAMP_END, frame->bytes + STAMP_END, n - STAMP_END);
    struct timespec now;
    char digits[32];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(digits, sizeof digits, "%019llu", (unsigned long long)nanoseconds(now));
    memcpy(bytes + 2, frame->bytes + 2, 7);
    memcpy(bytes + 9, digits, 19);
    return n;
}

static size_t fill(unsigned char *bytes, size_t room, unsigned number, unsigned *flags) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (cam.format == V4L2_PIX_FMT_YUYV) return draw_yuyv(bytes, number, nanoseconds(now));
    frame_set *set = camera_frames_for(cam.width, cam.height);
    if (!set->n) return 0;
    return spoil(bytes, copy_jpeg(bytes, room, &set->frames[number % (unsigned)set->n]), flags);
}

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
    size_t used = fill(b->memory, b->length, number, &b->flags);
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
    long period = (long)(SECOND_NS / (cam.rate_hz > 0 ? cam.rate_hz : 30));
    t.tv_nsec += period % SECOND_NS;
    t.tv_sec += period / SECOND_NS + t.tv_nsec / SECOND_NS;
    t.tv_nsec %= SECOND_NS;
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
    if (cam.format == V4L2_PIX_FMT_MJPEG) load_frames(camera_frames_for(cam.width, cam.height));
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

/* ---- controls ---- */

control *control_of(unsigned id) {
    for (int i = 0; i < n_controls; i++)
        if (controls[i].id == id) return &controls[i];
    return NULL;
}

control *control_after(unsigned id) {
    control *next = NULL;
    for (int i = 0; i < n_controls; i++)
        if (controls[i].id > id && (!next || controls[i].id < next->id)) next = &controls[i];
    return next;
}

/* A manual control sleeps while its automatic partner is on. */
unsigned control_flags(const control *c) {
    bool is_inactive = (c->id == V4L2_CID_FOCUS_ABSOLUTE && control_of(V4L2_CID_FOCUS_AUTO)->value) ||
                       (c->id == V4L2_CID_EXPOSURE_ABSOLUTE && control_of(V4L2_CID_EXPOSURE_AUTO)->value != 1) ||
                       (c->id == V4L2_CID_WHITE_BALANCE_TEMPERATURE && control_of(V4L2_CID_AUTO_WHITE_BALANCE)->value);
    return is_inactive ? V4L2_CTRL_FLAG_INACTIVE : 0;
}

int control_set(control *c, int value) {
    bool is_outside = value < c->minimum || value > c->maximum;
    if (is_outside && c->type != V4L2_CTRL_TYPE_INTEGER) return ERANGE;
    c->value = value < c->minimum ? c->minimum : value > c->maximum ? c->maximum : value;
    camera_note_state();
    return 0;
}

void camera_note_state(void) {
    if (!state_file) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, state_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return;
    for (int i = 0; i < n_controls; i++)
        dprintf(fd, "0x%08x %s=%d\n", controls[i].id, controls[i].name, controls[i].value);
    dprintf(fd, "format=%ux%u %.4s %.3f\nstreaming=%d\n", cam.width, cam.height, (char *)&cam.format, cam.rate_hz,
            cam.is_streaming);
    syscall(SYS_close, fd);
}

/* ---- descriptors ---- */

static int slot_of(int fd) {
    for (int i = 0; fd >= 0 && i < n_descriptors; i++)
        if (descriptors[i].read_end == fd) return i;
    return -1;
}

bool device_is(int fd) { return n_descriptors && slot_of(fd) >= 0; }

static int add_descriptor(int flags) {
    int ends[2];
    if (n_descriptors == MOST_DESCRIPTORS) {
        errno = EMFILE;
        return -1;
    }
    if (pipe2(ends, O_CLOEXEC)) return -1;
    int high = fcntl(ends[1], F_DUPFD_CLOEXEC, HIGH_FD);
    if (high >= 0) {
        syscall(SYS_close, ends[1]);
        ends[1] = high;
    }
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    if (flags & O_NONBLOCK) fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (!(flags & O_CLOEXEC)) fcntl(ends[0], F_SETFD, 0);
    descriptors[n_descriptors].read_end = ends[0];
    descriptors[n_descriptors++].write_end = ends[1];
    return ends[0];
}

int device_open(int flags) {
    int fd = -1;
    pthread_mutex_lock(&cam.lock);
    camera_find_frames();
    if (camera_is_unplugged() || !n_frame_sets) errno = ENOENT;
    else {
        if (cam.is_gone) cam.is_gone = cam.is_streaming = false; /* plugged in again */
        fd = add_descriptor(flags);
    }
    pthread_mutex_unlock(&cam.lock);
    return fd;
}

int device_close(int fd) {
    pthread_mutex_lock(&cam.lock);
    int i = slot_of(fd);
    if (i >= 0) {
        if (cam.owner == fd) {
            camera_stop();
            camera_free_buffers();
            cam.owner = -1;
        }
        if (descriptors[i].write_end >= 0) syscall(SYS_close, descriptors[i].write_end);
        descriptors[i] = descriptors[--n_descriptors];
    }
    pthread_mutex_unlock(&cam.lock);
    return (int)syscall(SYS_close, fd);
}

void device_signal_owner(void) {
    int i = slot_of(cam.owner);
    if (i >= 0 && descriptors[i].write_end >= 0 && syscall(SYS_write, descriptors[i].write_end, "", 1) < 0)
        perror("fake camera");
}

void device_hang_up(void) {
    for (int i = 0; i < n_descriptors; i++) {
        if (descriptors[i].write_end >= 0) syscall(SYS_close, descriptors[i].write_end);
        descriptors[i].write_end = -1;
    }
}

void device_drain(int fd) {
    char bytes[256];
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    while (syscall(SYS_read, fd, bytes, sizeof bytes) > 0) continue;
    fcntl(fd, F_SETFL, flags);
}
