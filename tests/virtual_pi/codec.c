/* LD_PRELOAD stand-in for the JPEG encoder of a Pi up to the 4: /dev/video11, bcm2835-codec, a V4L2
 * memory-to-memory device. It takes YUV 4:2:0 from DMA buffers and gives JPEGs with a comment that says who
 * made them; the bit rate sets the quality. Enough for picamera2's V4L2Encoder, which is unchanged.
 *
 * VPI_CODEC, looked at again with every call:
 *   unset     there is no such device
 *   works     as on a Pi
 *   refuses   it opens, but takes no format
 *   dies      it fails with EIO when a picture is fetched
 * cc -shared -fPIC -O2 -o codec.so codec.c -ldl -lpthread        needs libturbojpeg.so.0 when used */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BUFFERS 16
#define LIMIT_PX 1920
static const char comment[] = "\xff\xfe\x00\x13virtual pi codec"; /* a COM segment of 19 bytes, length included */

struct queue { int items[2 * BUFFERS]; unsigned head, tail; };
static void push(struct queue *q, int item) { q->items[q->tail++ % (2 * BUFFERS)] = item; }
static int pop(struct queue *q) { return q->items[q->head++ % (2 * BUFFERS)]; }
static int is_empty(const struct queue *q) { return q->head == q->tail; }

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int device = -1;
static unsigned width, height, stride, buffer_size, quality = 75;
static unsigned char *memory; /* the capture buffers, shared with who maps the device */
static struct { int fd; struct timeval stamp; } raw[BUFFERS];
static struct { unsigned bytes; struct timeval stamp; } coded[BUFFERS];
static struct queue raw_in, raw_done, coded_in, coded_done;

static int is_set_to(const char *value)
{
    const char *set = getenv("VPI_CODEC");
    return set && !strcmp(set, value);
}

static int open_codec(void)
{
    pthread_mutex_lock(&lock);
    device = memfd_create("bcm2835-codec", MFD_CLOEXEC);
    memory = NULL;
    memset(&raw_in, 0, sizeof raw_in);
    raw_done = coded_in = coded_done = raw_in;
    pthread_mutex_unlock(&lock);
    return device;
}

#define OPEN(name, first, args)                                                 \
    int name first                                                              \
    {                                                                           \
        static int (*real) first;                                               \
        va_list ap;                                                             \
        va_start(ap, flags);                                                    \
        mode_t mode = va_arg(ap, mode_t);                                       \
        va_end(ap);                                                             \
        if (!strcmp(path, "/dev/video11") && getenv("VPI_CODEC"))               \
            return open_codec();                                                \
        if (!real)                                                              \
            real = dlsym(RTLD_NEXT, #name);                                     \
        return real args;                                                       \
    }
OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))

int close(int fd)
{
    static int (*real)(int);
    if (!real)
        real = dlsym(RTLD_NEXT, "close");
    if (fd >= 0 && fd == device)
        device = -1; /* the number may soon be somebody else's */
    return real(fd);
}

/* The JPEG of the raw buffer in the coded buffer; its size, 0 on failure. */
static unsigned encode(int fd, unsigned char *out, unsigned room)
{
    static void *(*start)(void);
    static int (*compress)(void *, const unsigned char **, int, const int *, int, int, unsigned char **, unsigned long *, int, int);
    static void (*release)(unsigned char *);
    static void *turbo;
    if (!turbo) {
        void *library = dlopen("libturbojpeg.so.0", RTLD_NOW);
        if (!library)
            return 0;
        start = dlsym(library, "tjInitCompress");
        compress = dlsym(library, "tjCompressFromYUVPlanes");
        release = dlsym(library, "tjFree");
        turbo = start();
    }
    size_t size = (size_t)stride * height * 3 / 2;
    unsigned char *yuv = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0), *jpeg = NULL;
    if (yuv == MAP_FAILED)
        return 0;
    const unsigned char *planes[] = { yuv, yuv + stride * height, yuv + stride * height * 5 / 4 };
    int strides[] = { (int)stride, (int)stride / 2, (int)stride / 2 };
    unsigned long bytes = 0;
    unsigned total = 0;
    if (!compress(turbo, planes, (int)width, strides, (int)height, 2 /* 4:2:0 */, &jpeg, &bytes, (int)quality, 0) && bytes + 64 < room) {
        memcpy(out, jpeg, 2);
        memcpy(out + 2, comment, sizeof comment);
        memcpy(out + 2 + sizeof comment, jpeg + 2, bytes - 2);
        total = (unsigned)bytes + sizeof comment;
    }
    release(jpeg);
    munmap(yuv, size);
    return total;
}

/* Encode what can be encoded. Called with the lock held, in the thread that polls. */
static void work(void)
{
    while (!is_empty(&raw_in) && !is_empty(&coded_in)) {
        int from = pop(&raw_in), to = pop(&coded_in);
        coded[to].bytes = encode(raw[from].fd, memory + (size_t)to * buffer_size, buffer_size);
        coded[to].stamp = raw[from].stamp;
        push(&raw_done, from);
        push(&coded_done, to);
    }
}

static short wait_codec(int timeout_ms)
{
    struct timespec until;
    short events = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&lock);
    do {
        work();
        events = (short)((is_empty(&coded_done) ? 0 : POLLIN) | (is_empty(&raw_done) ? 0 : POLLOUT));
    } while (!events && !pthread_cond_timedwait(&changed, &lock, &until));
    pthread_mutex_unlock(&lock);
    return events;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static int (*real)(struct pollfd *, nfds_t, int);
    if (count == 1 && device >= 0 && fds[0].fd == device) {
        fds[0].revents = wait_codec(timeout);
        return fds[0].revents != 0;
    }
    if (!real)
        real = dlsym(RTLD_NEXT, "poll");
    return real(fds, count, timeout);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    (void)size;
    return poll(fds, count, timeout);
}

static int set_format(struct v4l2_format *format)
{
    struct v4l2_pix_format_mplane *pix = &format->fmt.pix_mp;
    if (is_set_to("refuses"))
        return EINVAL;
    if (pix->width > LIMIT_PX)
        pix->width = LIMIT_PX;
    if (pix->height > LIMIT_PX)
        pix->height = LIMIT_PX;
    if (format->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE) {
        buffer_size = pix->plane_fmt[0].sizeimage;
        return pix->pixelformat == V4L2_PIX_FMT_MJPEG ? 0 : EINVAL;
    }
    width = pix->width, height = pix->height, stride = pix->plane_fmt[0].bytesperline;
    return pix->pixelformat == V4L2_PIX_FMT_YUV420 ? 0 : EINVAL;
}

static int queue_buffer(struct v4l2_buffer *buffer)
{
    if (buffer->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE) {
        push(&coded_in, (int)buffer->index);
    } else {
        raw[buffer->index].fd = buffer->m.planes[0].m.fd;
        raw[buffer->index].stamp = buffer->timestamp;
        push(&raw_in, (int)buffer->index);
    }
    pthread_cond_broadcast(&changed);
    return 0;
}

static int fetch_buffer(struct v4l2_buffer *buffer)
{
    int is_coded = buffer->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
    struct queue *done = is_coded ? &coded_done : &raw_done;
    if (is_set_to("dies"))
        return EIO;
    if (is_empty(done))
        return EAGAIN;
    buffer->index = (unsigned)pop(done);
    if (is_coded) {
        buffer->timestamp = coded[buffer->index].stamp;
        buffer->m.planes[0].bytesused = coded[buffer->index].bytes;
        buffer->m.planes[0].length = buffer_size;
    }
    return 0;
}

static int answer(unsigned int what, void *argument)
{
    struct v4l2_buffer *buffer = argument;
    struct v4l2_control *control = argument;
    struct v4l2_requestbuffers *request = argument;
    switch (what) {
    case VIDIOC_S_FMT:
        return set_format(argument);
    case (unsigned int)VIDIOC_S_CTRL: /* picamera2's tables: 50 Mbit/s is quality 80 at 1080p30; here for 720p */
        if (control->id != V4L2_CID_MPEG_VIDEO_BITRATE)
            return EINVAL;
        quality = (unsigned)(control->value / 1e6 * 1.6 * (1920.0 * 1080 / (1280.0 * 720)));
        quality = quality < 1 ? 1 : quality > 100 ? 100 : quality;
        return 0;
    case (unsigned int)VIDIOC_REQBUFS:
        if (request->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE && request->count) {
            if (ftruncate(device, (off_t)buffer_size * BUFFERS))
                return ENOMEM;
            memory = mmap(NULL, (size_t)buffer_size * BUFFERS, PROT_READ | PROT_WRITE, MAP_SHARED, device, 0);
        } else if (request->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE && memory) {
            munmap(memory, (size_t)buffer_size * BUFFERS);
            memory = NULL;
        }
        return 0;
    case (unsigned int)VIDIOC_QUERYBUF:
        buffer->m.planes[0].length = buffer_size;
        buffer->m.planes[0].m.mem_offset = buffer->index * buffer_size;
        return 0;
    case (unsigned int)VIDIOC_QBUF:
        return queue_buffer(buffer);
    case (unsigned int)VIDIOC_DQBUF:
        return fetch_buffer(buffer);
    default: /* QUERYCAP, STREAMON, STREAMOFF */
        return 0;
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    static int (*real)(int, unsigned long, ...);
    va_list ap;
    va_start(ap, request);
    void *argument = va_arg(ap, void *);
    va_end(ap);
    if (device >= 0 && fd == device && (request >> 8 & 0xff) == 'V') {
        pthread_mutex_lock(&lock);
        errno = answer((unsigned int)request, argument);
        pthread_mutex_unlock(&lock);
        return errno ? -1 : 0;
    }
    if (!real)
        real = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, argument);
}
