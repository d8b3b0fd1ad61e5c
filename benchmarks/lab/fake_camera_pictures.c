/* What the fake camera sees: the frame sets it plays, and a test picture.
 *
 * Files are opened, read and closed by bare system calls: fake_camera_calls.c stands before the others. */
#define _GNU_SOURCE
#include "fake_camera.h"
#include "measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_SETS 8

frame_set frame_sets[MOST_SETS];
int n_frame_sets;

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

void camera_load_frames(void) {
    frame_set *set = camera_frames_for(cam.width, cam.height);
    if (cam.format != V4L2_PIX_FMT_MJPEG || set->frames) return;
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

/* A moving test picture; the luma of the first 64 pixels of line 0 is the time, bit 63 first. */
static size_t draw_yuyv(unsigned char *bytes, unsigned number, u64 time_ns) {
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
    if (cam.has_no_stamps) {
        memcpy(bytes + 2, frame->bytes + STAMP_END, n - STAMP_END);
        return n - STAMP_BYTES;
    }
    memcpy(bytes + STAMP_END, frame->bytes + STAMP_END, n - STAMP_END);
    char digits[32];
    snprintf(digits, sizeof digits, "%019llu", (unsigned long long)now_ns());
    memcpy(bytes + 2, frame->bytes + 2, 7);
    memcpy(bytes + 9, digits, 19);
    return n;
}

size_t camera_fill(unsigned char *bytes, size_t room, unsigned number) {
    if (cam.format == V4L2_PIX_FMT_YUYV) return draw_yuyv(bytes, number, now_ns());
    frame_set *set = camera_frames_for(cam.width, cam.height);
    if (!set->n) return 0;
    return copy_jpeg(bytes, room, &set->frames[number % (unsigned)set->n]);
}
