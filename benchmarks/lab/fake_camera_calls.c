/* fake_camera.so: an LD_PRELOAD camera. A program started with this library sees a V4L2 capture device
 * that plays a folder of JPEG files as MJPG, or a test picture as YUYV. This part takes the place of
 * the C library calls by which a program reaches the device.
 *
 *   FAKEV4L2_FRAMES   folder with WxH/ folders of *.jpg, one frame size each (needed)
 *   FAKEV4L2_DEVICE   path to stand in for (default /dev/video0)
 *   FAKEV4L2_FPS      highest frame rate offered, and the default (default 30; up to 2000)
 *   FAKEV4L2_CONTROL  file read before each frame; its first word says what the camera does:
 *                     ok | unplug (ENODEV, POLLHUP, the node is gone) | stall (no frames) |
 *                     truncate (half a JPEG) | garbage (noise in the middle) | nosoi (no JPEG head) |
 *                     empty (0 bytes) | error (V4L2_BUF_FLAG_ERROR) | refuse (EPIPE for every control) |
 *                     once-<any of these> (one frame, then ok)
 *   FAKEV4L2_STATE    file the control values, format and state are written to on every change
 *   FAKEV4L2_NOTS     1: no timestamp in the frames
 *   FAKEV4L2_LOG      1: trace the requests on standard error
 *
 * Each MJPG frame carries the timestamp of measure.h, taken when its buffer became ready; the buffer's
 * timestamp is the same moment. The device descriptor is the read end of a pipe that holds one byte per
 * ready buffer, so poll, select and epoll work unaided; unplugging closes the write end (POLLHUP).
 *
 * Nothing is intercepted for any other path or descriptor. */
#define _GNU_SOURCE
#include "fake_camera.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAJOR_VIDEO 81 /* the kernel's number for video4linux devices */
#define UEVENT_PATH "/sys/dev/char/81:0/uevent"

void *(*real_mmap)(void *, size_t, int, int, int, off_t);

static struct {
    int (*open)(const char *, int, ...), (*openat)(int, const char *, int, ...), (*close)(int),
        (*ioctl)(int, unsigned long, ...);
    ssize_t (*read)(int, void *, size_t);
    int (*access)(const char *, int), (*faccessat)(int, const char *, int, int);
    int (*stat)(const char *, struct stat *), (*lstat)(const char *, struct stat *), (*fstat)(int, struct stat *);
    int (*fstatat)(int, const char *, struct stat *, int);
    FILE *(*fopen)(const char *, const char *);
    char *(*realpath)(const char *, char *);
} real;

static bool is_tracing;

static void find_real_calls(void) {
    static const struct {
        const char *name;
        void **where;
    } wanted[] = {
        {"open", (void **)&real.open},     {"openat", (void **)&real.openat},       {"close", (void **)&real.close},
        {"ioctl", (void **)&real.ioctl},   {"mmap", (void **)&real_mmap},           {"read", (void **)&real.read},
        {"access", (void **)&real.access}, {"faccessat", (void **)&real.faccessat}, {"stat", (void **)&real.stat},
        {"lstat", (void **)&real.lstat},   {"fstat", (void **)&real.fstat},         {"fstatat", (void **)&real.fstatat},
        {"fopen", (void **)&real.fopen},   {"realpath", (void **)&real.realpath}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) *wanted[i].where = dlsym(RTLD_NEXT, wanted[i].name);
    const char *trace = getenv("FAKEV4L2_LOG");
    is_tracing = trace && *trace == '1';
    camera_set_up();
}

static void begin(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_real_calls);
}

static bool is_camera(const char *path) {
    begin();
    return path && !strcmp(path, cam.path);
}

static bool is_device(int fd) {
    begin();
    return device_is(fd);
}

/* ---- opening and closing ---- */

#define TAKE_MODE(mode, flags)                                                                                         \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                             \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode = va_arg(rest, mode_t);                                                                                   \
        va_end(rest);                                                                                                  \
    }

int open(const char *path, int flags, ...) {
    TAKE_MODE(mode, flags)
    return is_camera(path) ? device_open(flags) : real.open(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    TAKE_MODE(mode, flags)
    return is_camera(path) ? device_open(flags) : real.open(path, flags | O_LARGEFILE, mode);
}
int openat(int folder, const char *path, int flags, ...) {
    TAKE_MODE(mode, flags)
    return is_camera(path) ? device_open(flags) : real.openat(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
    TAKE_MODE(mode, flags)
    return is_camera(path) ? device_open(flags) : real.openat(folder, path, flags | O_LARGEFILE, mode);
}
int __open_2(const char *path, int flags) { return is_camera(path) ? device_open(flags) : real.open(path, flags); }
int __open64_2(const char *path, int flags) { return __open_2(path, flags | O_LARGEFILE); }
int __openat_2(int folder, const char *path, int flags) {
    return is_camera(path) ? device_open(flags) : real.openat(folder, path, flags);
}
int __openat64_2(int folder, const char *path, int flags) { return __openat_2(folder, path, flags | O_LARGEFILE); }
int close(int fd) { return is_device(fd) ? device_close(fd) : real.close(fd); }

/* ---- using the descriptor ---- */

static int device_ioctl(int fd, unsigned long request, void *argument) {
    int result = camera_ioctl(fd, request, argument), error = errno;
    if (is_tracing)
        fprintf(stderr, "fake camera: ioctl %d nr %u -> %s\n", fd, (unsigned)_IOC_NR(request),
                result ? strerror(error) : "ok");
    errno = error;
    return result;
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return is_device(fd) && _IOC_TYPE(request) == 'V' ? device_ioctl(fd, request, argument)
                                                      : real.ioctl(fd, request, argument);
}

void *mmap(void *address, size_t n, int protection, int flags, int fd, off_t offset) {
    if (fd < 0 || !is_device(fd)) {
        begin();
        return real_mmap(address, n, protection, flags, fd, offset);
    }
    if (cam.memory_fd >= 0 && (size_t)offset + n <= cam.memory_bytes)
        return real_mmap(address, n, protection, flags, cam.memory_fd, offset);
    errno = EINVAL;
    return MAP_FAILED;
}
void *mmap64(void *address, size_t n, int protection, int flags, int fd, off64_t offset) {
    return mmap(address, n, protection, flags, fd, offset);
}

ssize_t read(int fd, void *bytes, size_t n) {
    if (!is_device(fd)) return real.read(fd, bytes, n);
    errno = EINVAL; /* a camera without V4L2_CAP_READWRITE */
    return -1;
}

/* ---- looking at the node ---- */

static bool node_is_there(void) {
    pthread_mutex_lock(&cam.lock);
    bool is_there = !camera_is_unplugged();
    pthread_mutex_unlock(&cam.lock);
    if (!is_there) errno = ENOENT;
    return is_there;
}

static void describe_node(struct stat *st) {
    *st = (struct stat){.st_mode = S_IFCHR | 0660,
                        .st_rdev = makedev(MAJOR_VIDEO, 0),
                        .st_nlink = 1,
                        .st_blksize = 4096,
                        .st_ino = 81000};
}

static int stat_node(struct stat *st) {
    if (!node_is_there()) return -1;
    describe_node(st);
    return 0;
}

static int stat_descriptor(struct stat *st) {
    describe_node(st);
    return 0;
}

int access(const char *path, int mode) {
    if (!is_camera(path)) return real.access(path, mode);
    return node_is_there() ? 0 : -1;
}
int faccessat(int folder, const char *path, int mode, int flags) {
    if (!is_camera(path)) return real.faccessat(folder, path, mode, flags);
    return node_is_there() ? 0 : -1;
}
int stat(const char *path, struct stat *st) { return is_camera(path) ? stat_node(st) : real.stat(path, st); }
int lstat(const char *path, struct stat *st) { return is_camera(path) ? stat_node(st) : real.lstat(path, st); }
int fstat(int fd, struct stat *st) { return is_device(fd) ? stat_descriptor(st) : real.fstat(fd, st); }
int fstatat(int folder, const char *path, struct stat *st, int flags) {
    return is_camera(path) ? stat_node(st) : real.fstatat(folder, path, st, flags);
}
int stat64(const char *path, struct stat64 *st) { return stat(path, (struct stat *)st); }
int lstat64(const char *path, struct stat64 *st) { return lstat(path, (struct stat *)st); }
int fstat64(int fd, struct stat64 *st) { return fstat(fd, (struct stat *)st); }
int fstatat64(int folder, const char *path, struct stat64 *st, int flags) {
    return fstatat(folder, path, (struct stat *)st, flags);
}

/* Programs built against a C library before 2.33. */
int __xstat(int version, const char *path, struct stat *st) {
    (void)version;
    return stat(path, st);
}
int __xstat64(int version, const char *path, struct stat64 *st) {
    (void)version;
    return stat64(path, st);
}
int __lxstat(int version, const char *path, struct stat *st) {
    (void)version;
    return lstat(path, st);
}
int __fxstat(int version, int fd, struct stat *st) {
    (void)version;
    return fstat(fd, st);
}
int __fxstat64(int version, int fd, struct stat64 *st) {
    (void)version;
    return fstat64(fd, st);
}

char *realpath(const char *path, char *resolved) {
    if (!is_camera(path)) return real.realpath(path, resolved);
    return resolved ? strcpy(resolved, cam.path) : strdup(cam.path);
}
char *__realpath_chk(const char *path, char *resolved, size_t n) {
    (void)n;
    return realpath(path, resolved);
}

/* What v4l2-ctl reads to learn the kind of the node. */
static FILE *uevent(void) {
    const char *slash = strrchr(cam.path, '/');
    int fd = memfd_create("uevent", MFD_CLOEXEC);
    if (fd < 0) return NULL;
    dprintf(fd, "MAJOR=81\nMINOR=0\nDEVNAME=%s\n", slash ? slash + 1 : cam.path);
    lseek(fd, 0, SEEK_SET);
    return fdopen(fd, "r");
}

FILE *fopen(const char *path, const char *mode) {
    begin();
    return path && !strcmp(path, UEVENT_PATH) ? uevent() : real.fopen(path, mode);
}
FILE *fopen64(const char *path, const char *mode) { return fopen(path, mode); }
