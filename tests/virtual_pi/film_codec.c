/* LD_PRELOAD stand-in for the H.264 encoder of a Pi up to the 4: /dev/video11, bcm2835-codec, a V4L2 memory-to-memory
 * device with MMAP buffers, enough for FFmpeg's h264_v4l2m2m, which is unchanged. What it makes is real H.264
 * (ITU-T H.264): every picture an IDR slice of I_PCM macroblocks, so each sample comes out as it went in.
 *
 * FILM_CODEC, read once:
 *   works     as on a Pi
 *   refuses   it takes no format
 *   dies      after three pictures it fails with EIO
 *   hangs     after three pictures nothing comes any more
 * FILM_CODEC_DEV: a folder with a file video11, shown to who lists /dev.
 * cc -shared -fPIC -O2 -o film_codec.so film_codec.c -ldl */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#define BUFFERS 32
#define GOOD_PICTURES 3
#define IS_CAPTURE(type) ((type) == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE)
#define FIND_REAL(name)                                                         \
    if (!real)                                                                  \
    real = dlsym(RTLD_NEXT, name)

struct queue { int items[4 * BUFFERS]; unsigned head, tail; };
static void push(struct queue *q, int item) { q->items[q->tail++ % (4 * BUFFERS)] = item; }
static int pop(struct queue *q) { return q->items[q->head++ % (4 * BUFFERS)]; }
static int is_empty(const struct queue *q) { return q->head == q->tail; }

/* One thread uses the device: FFmpeg's wrapper. */
static int device = -1, is_draining, has_told_end;
static unsigned width, height, stride, rows, pictures;
static size_t raw_size, coded_size, coded_offset;
static unsigned char *memory;
static struct timeval stamps[BUFFERS];
static struct { size_t bytes; struct timeval stamp; unsigned flags; } coded[BUFFERS];
static struct queue raw_in, raw_done, coded_in, coded_done;

static int is_set_to(const char *value)
{
    const char *set = getenv("FILM_CODEC");
    return set && !strcmp(set, value);
}

/* Bits of a NAL unit, with the bytes that keep start codes out of it (7.4.1). */
static unsigned char *out;
static unsigned pending, pending_bits, zeros;

static void put_byte(unsigned char byte)
{
    if (zeros == 2 && byte <= 3)
        *out++ = 3, zeros = 0;
    *out++ = byte;
    zeros = byte ? 0 : zeros + 1;
}

static void put(unsigned value, unsigned bits)
{
    while (bits--) {
        pending = pending << 1 | (value >> bits & 1);
        if (++pending_bits == 8)
            put_byte((unsigned char)pending), pending = pending_bits = 0;
    }
}

static void put_ue(unsigned value) /* 9.1 */
{
    unsigned bits = 0;
    while ((value + 1) >> (bits + 1))
        bits++;
    put(0, bits);
    put(value + 1, bits + 1);
}

static void begin_unit(unsigned char kind)
{
    memcpy(out, "\0\0\0\1", 4);
    out += 4;
    *out++ = kind;
    zeros = 0;
}

static void align(unsigned bit)
{
    if (bit)
        put(1, 1);
    while (pending_bits)
        put(0, 1);
}

static void put_headers(void)
{
    unsigned columns = (width + 15) / 16, lines = (height + 15) / 16;
    unsigned right = (columns * 16 - width) / 2, below = (lines * 16 - height) / 2;
    begin_unit(0x67); /* 7.3.2.1.1: baseline, level 4, POC type 2, no frames referred to */
    put(66, 8), put(0, 8), put(40, 8), put_ue(0), put_ue(0), put_ue(2), put_ue(0), put(0, 1);
    put_ue(columns - 1), put_ue(lines - 1), put(1, 1), put(1, 1);
    put(right || below, 1);
    if (right || below)
        put_ue(0), put_ue(right), put_ue(0), put_ue(below);
    put(0, 1), align(1);
    begin_unit(0x68); /* 7.3.2.2: CAVLC, one slice group, deblocking told in the slice */
    put_ue(0), put_ue(0), put(0, 2), put_ue(0), put_ue(0), put_ue(0), put(0, 3), put_ue(0), put_ue(0), put_ue(0);
    put(1, 1), put(0, 2), align(1);
}

static void put_block(const unsigned char *plane, unsigned pitch, unsigned x, unsigned y, unsigned size, unsigned last_y)
{
    for (unsigned row = 0; row < size; row++)
        for (unsigned column = 0; column < size; column++)
            put_byte(plane[(size_t)(y + row < last_y ? y + row : last_y) * pitch + x + column]);
}

static size_t encode(const unsigned char *picture, unsigned char *to)
{
    const unsigned char *u = picture + (size_t)stride * rows, *v = u + (size_t)stride * rows / 4;
    unsigned columns = (width + 15) / 16, lines = (height + 15) / 16;
    out = to;
    put_headers();
    begin_unit(0x65); /* 7.3.3: an I slice of an IDR picture, deblocking off */
    put_ue(0), put_ue(7), put_ue(0), put(0, 4), put_ue(pictures & 1), put(0, 2), put_ue(0), put_ue(1);
    for (unsigned y = 0; y < lines; y++)
        for (unsigned x = 0; x < columns; x++) {
            put_ue(25), align(0); /* 7.3.5: I_PCM */
            put_block(picture, stride, 16 * x, 16 * y, 16, rows - 1);
            put_block(u, stride / 2, 8 * x, 8 * y, 8, rows / 2 - 1);
            put_block(v, stride / 2, 8 * x, 8 * y, 8, rows / 2 - 1);
        }
    align(1);
    return (size_t)(out - to);
}

static void work(void)
{
    int has_stopped = (is_set_to("hangs") || is_set_to("dies")) && pictures >= GOOD_PICTURES;
    while (!has_stopped && !is_empty(&raw_in) && !is_empty(&coded_in)) {
        int from = pop(&raw_in), to = pop(&coded_in);
        coded[to].bytes = encode(memory + (size_t)from * raw_size, memory + coded_offset + (size_t)to * coded_size);
        coded[to].stamp = stamps[from];
        coded[to].flags = V4L2_BUF_FLAG_KEYFRAME;
        pictures++;
        push(&raw_done, from);
        push(&coded_done, to);
    }
    if (!has_stopped && is_draining && !has_told_end && is_empty(&raw_in) && !is_empty(&coded_in)) {
        int to = pop(&coded_in);
        coded[to].bytes = 0;
        coded[to].flags = V4L2_BUF_FLAG_LAST;
        has_told_end = 1;
        push(&coded_done, to);
    }
}

static int set_format(struct v4l2_format *format, int is_trial)
{
    struct v4l2_pix_format_mplane *pix = &format->fmt.pix_mp;
    if (is_set_to("refuses") && !is_trial)
        return EINVAL;
    pix->num_planes = 1;
    pix->field = V4L2_FIELD_NONE;
    if (IS_CAPTURE(format->type)) {
        pix->plane_fmt[0].sizeimage = pix->width * pix->height * 2 + (1 << 16);
        if (!is_trial)
            coded_size = pix->plane_fmt[0].sizeimage;
        return pix->pixelformat == V4L2_PIX_FMT_H264 ? 0 : EINVAL;
    }
    pix->plane_fmt[0].bytesperline = (pix->width + 31) / 32 * 32; /* as the Pi's: rows of 32, 16 of them */
    pix->plane_fmt[0].sizeimage = pix->plane_fmt[0].bytesperline * ((pix->height + 15) / 16 * 16) * 3 / 2;
    if (!is_trial) {
        width = pix->width, height = pix->height, stride = pix->plane_fmt[0].bytesperline;
        rows = height, raw_size = pix->plane_fmt[0].sizeimage;
    }
    return pix->pixelformat == V4L2_PIX_FMT_YUV420 ? 0 : EINVAL;
}

static int request_buffers(struct v4l2_requestbuffers *request)
{
    if (request->count > BUFFERS)
        request->count = BUFFERS;
    if (request->count && raw_size && coded_size && !memory) {
        size_t total;
        coded_offset = (raw_size * BUFFERS + 4095) / 4096 * 4096;
        coded_size = (coded_size + 4095) / 4096 * 4096;
        total = coded_offset + coded_size * BUFFERS;
        if (ftruncate(device, (off_t)total))
            return ENOMEM;
        memory = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, device, 0);
    }
    return 0;
}

static int query_buffer(struct v4l2_buffer *buffer)
{
    size_t size = IS_CAPTURE(buffer->type) ? coded_size : (raw_size + 4095) / 4096 * 4096;
    raw_size = (raw_size + 4095) / 4096 * 4096;
    buffer->length = 1;
    buffer->m.planes[0].length = (unsigned)size;
    buffer->m.planes[0].m.mem_offset = (unsigned)((IS_CAPTURE(buffer->type) ? coded_offset : 0) + buffer->index * size);
    return 0;
}

static int fetch_buffer(struct v4l2_buffer *buffer)
{
    struct queue *done = IS_CAPTURE(buffer->type) ? &coded_done : &raw_done;
    if (is_set_to("dies") && pictures >= GOOD_PICTURES)
        return EIO;
    if (is_empty(done))
        return EAGAIN;
    buffer->index = (unsigned)pop(done);
    buffer->flags = 0;
    if (IS_CAPTURE(buffer->type)) {
        buffer->timestamp = coded[buffer->index].stamp;
        buffer->flags = coded[buffer->index].flags;
        buffer->m.planes[0].bytesused = (unsigned)coded[buffer->index].bytes;
    }
    return 0;
}

static int describe_format(struct v4l2_fmtdesc *description)
{
    if (description->index)
        return EINVAL;
    description->pixelformat = IS_CAPTURE(description->type) ? V4L2_PIX_FMT_H264 : V4L2_PIX_FMT_YUV420;
    return 0;
}

static int answer(unsigned int what, void *argument)
{
    struct v4l2_buffer *buffer = argument;
    struct v4l2_capability *capability = argument;
    struct v4l2_encoder_cmd *command = argument;
    struct v4l2_ext_controls *controls = argument;
    switch (what) {
    case VIDIOC_QUERYCAP:
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "bcm2835-codec");
        strcpy((char *)capability->card, "bcm2835-codec-encode");
        capability->device_caps = V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_STREAMING;
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    case VIDIOC_ENUM_FMT:
        return describe_format(argument);
    case VIDIOC_TRY_FMT:
        return set_format(argument, 1);
    case VIDIOC_S_FMT:
        return set_format(argument, 0);
    case VIDIOC_G_FMT: {
        struct v4l2_format *format = argument;
        format->fmt.pix_mp.width = width, format->fmt.pix_mp.height = height;
        format->fmt.pix_mp.pixelformat = IS_CAPTURE(format->type) ? V4L2_PIX_FMT_H264 : V4L2_PIX_FMT_YUV420;
        return set_format(format, 1);
    }
    case VIDIOC_REQBUFS:
        return request_buffers(argument);
    case VIDIOC_QUERYBUF:
        return query_buffer(buffer);
    case VIDIOC_QBUF:
        if (!IS_CAPTURE(buffer->type))
            stamps[buffer->index] = buffer->timestamp;
        push(IS_CAPTURE(buffer->type) ? &coded_in : &raw_in, (int)buffer->index);
        work();
        return 0;
    case VIDIOC_DQBUF:
        work();
        return fetch_buffer(buffer);
    case VIDIOC_ENCODER_CMD:
        is_draining = command->cmd == V4L2_ENC_CMD_STOP;
        work();
        return 0;
    case VIDIOC_G_EXT_CTRLS: /* no B-frames, and nothing else is asked for */
        for (unsigned number = 0; number < controls->count; number++)
            controls->controls[number].value = 0;
        return 0;
    case VIDIOC_SUBSCRIBE_EVENT:
        return EINVAL;
    default: /* S_PARM, S_EXT_CTRLS, STREAMON, STREAMOFF */
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
        errno = answer((unsigned int)request, argument);
        return errno ? -1 : 0;
    }
    FIND_REAL("ioctl");
    return real(fd, request, argument);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static int (*real)(struct pollfd *, nfds_t, int);
    while (count == 1 && device >= 0 && fds[0].fd == device) {
        work();
        fds[0].revents = 0;
        if (is_set_to("dies") && pictures >= GOOD_PICTURES)
            fds[0].revents = fds[0].events & (POLLIN | POLLOUT);
        if (!is_empty(&coded_done))
            fds[0].revents |= fds[0].events & POLLIN;
        if (!is_empty(&raw_done))
            fds[0].revents |= fds[0].events & POLLOUT;
        if (fds[0].revents || timeout == 0)
            return fds[0].revents != 0;
        usleep(1000);
        if (timeout > 0 && timeout-- == 1)
            return 0;
    }
    FIND_REAL("poll");
    return real(fds, count, timeout);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    (void)size;
    return poll(fds, count, timeout);
}

static int open_codec(void)
{
    device = memfd_create("bcm2835-codec", MFD_CLOEXEC);
    memory = NULL;
    raw_size = coded_size = 0;
    is_draining = has_told_end = 0;
    memset(&raw_in, 0, sizeof raw_in);
    raw_done = coded_in = coded_done = raw_in;
    return device;
}

#define OPEN(name)                                                              \
    int name(const char *path, int flags, ...)                                  \
    {                                                                           \
        static int (*real)(const char *, int, ...);                             \
        va_list ap;                                                             \
        va_start(ap, flags);                                                    \
        mode_t mode = va_arg(ap, mode_t);                                       \
        va_end(ap);                                                             \
        FIND_REAL(#name);                                                       \
        return strcmp(path, "/dev/video11") ? real(path, flags, mode) : open_codec(); \
    }
OPEN(open)
OPEN(open64)

int close(int fd)
{
    static int (*real)(int);
    if (fd >= 0 && fd == device)
        device = -1;
    FIND_REAL("close");
    return real(fd);
}

DIR *opendir(const char *path)
{
    static DIR *(*real)(const char *);
    const char *shown = strcmp(path, "/dev") ? NULL : getenv("FILM_CODEC_DEV");
    FIND_REAL("opendir");
    return real(shown ? shown : path);
}
