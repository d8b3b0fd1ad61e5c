/* What the parts of the fake camera share: its state, and who may touch it.
 *
 *   fake_camera_calls.c      the C library calls that are intercepted (and the list of settings)
 *   fake_camera_ioctl.c      what the driver answers to each V4L2 request
 *   fake_camera.c            faults, the thread that fills buffers, the buffers
 *   fake_camera_pictures.c   what it fills them with
 *   fake_camera_controls.c   brightness and the like
 *   fake_camera_device.c     the descriptors programs hold */
#ifndef LAB_FAKE_CAMERA_H
#define LAB_FAKE_CAMERA_H

#include <linux/videodev2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#define MOST_BUFFERS 32
#define HIGH_FD 900 /* our own descriptors stay out of the way of programs that count on small ones */

typedef struct {
    unsigned char *bytes;
    size_t n;
} jpeg;

/* One folder of frames of one size; `frames` is filled when streaming begins. */
typedef struct {
    char folder[4096];
    unsigned width, height;
    size_t biggest;
    int n;
    jpeg *frames;
} frame_set;

typedef struct {
    enum { WITH_DRIVER, QUEUED, FILLED, WITH_PROGRAM } state;
    size_t length, offset, used;
    unsigned char *memory;
    struct timespec captured;
    unsigned number, flags;
} buffer;

typedef struct {
    unsigned id;
    const char *name;
    int type, minimum, maximum, step, initial, value;
} control;

/* The one camera of this process. `lock` guards all of it; `changed` tells of filled buffers, of the
 * producer's end and of the unplugging. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *path, *fault_file, *state_file;
    bool has_no_stamps;
    double highest_rate_hz, rate_hz;
    unsigned width, height, format;
    int owner; /* descriptor that holds the buffers, -1 for none */
    bool is_streaming, is_gone, has_producer;
    buffer buffers[MOST_BUFFERS];
    int n_buffers, memory_kind, memory_fd;
    size_t memory_bytes;
    int queue[MOST_BUFFERS], n_queued, filled[MOST_BUFFERS], n_filled;
} camera;

extern camera cam;
extern frame_set frame_sets[];
extern int n_frame_sets;
extern control controls[];
extern const int n_controls;

/* All of these are called with the lock held, unless they say otherwise. */

void camera_set_up(void); /* once, before anything else; takes no lock */
void camera_find_frames(void);
void camera_load_frames(void); /* those of the size that is set */
frame_set *camera_frames_for(unsigned width, unsigned height);
size_t camera_image_bytes(void);
size_t camera_fill(unsigned char *bytes, size_t room, unsigned number); /* no lock; bytes used */
bool camera_is_unplugged(void);
bool camera_refuses_controls(void);
void camera_unplug(void);
int camera_set_buffers(int fd, unsigned count, int memory_kind); /* 0 or an errno */
void camera_free_buffers(void);
int camera_start(void); /* 0 or an errno */
void camera_stop(void); /* waits for the producer; lets the lock go meanwhile */
void camera_note_state(void);
control *control_of(unsigned id);
control *control_after(unsigned id);
unsigned control_flags(const control *c);
int control_set(control *c, int value); /* 0 or an errno */

/* Device descriptors: each is the read end of a pipe that holds one byte per filled buffer. */
int device_open(int flags); /* takes the lock; -1 with errno */
bool device_is(int fd);     /* no lock: true for our descriptors */
int device_close(int fd);   /* takes the lock */
void device_signal_owner(void);
void device_take_signal(int fd);
void device_hang_up(void);
void device_drain(int fd);

/* The driver's answer; takes the lock. */
int camera_ioctl(int fd, unsigned long request, void *argument);

/* The real mmap, found by fake_camera_calls.c. */
extern void *(*real_mmap)(void *, size_t, int, int, int, off_t);

#endif
