/* What the fake camera's driver answers to each V4L2 request; modelled on uvcvideo.
 *
 * One function per group of requests, each called with the lock held and returning 0 or an errno. */
#define _GNU_SOURCE
#include "fake_camera.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define CAPTURE V4L2_BUF_TYPE_VIDEO_CAPTURE
#define TEXT(field, text) snprintf((char *)(field), sizeof(field), "%s", text)

/* ---- what the camera is and can ---- */

static int query_capabilities(struct v4l2_capability *c) {
    memset(c, 0, sizeof *c);
    TEXT(c->driver, "uvcvideo");
    TEXT(c->card, "Fake camera");
    TEXT(c->bus_info, "usb-fake-1");
    c->version = 0x060100;
    c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT;
    c->capabilities = c->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

static int list_format(struct v4l2_fmtdesc *d) {
    static const struct {
        const char *name;
        unsigned format, flags;
    } known[] = {{"Motion-JPEG", V4L2_PIX_FMT_MJPEG, V4L2_FMT_FLAG_COMPRESSED}, {"YUYV 4:2:2", V4L2_PIX_FMT_YUYV, 0}};
    unsigned i = d->index;
    if (d->type != CAPTURE || i > 1) return EINVAL;
    memset(d, 0, sizeof *d);
    d->index = i;
    d->type = CAPTURE;
    d->flags = known[i].flags;
    d->pixelformat = known[i].format;
    TEXT(d->description, known[i].name);
    return 0;
}

static int list_size(struct v4l2_frmsizeenum *s) {
    bool is_known = s->pixel_format == V4L2_PIX_FMT_MJPEG || s->pixel_format == V4L2_PIX_FMT_YUYV;
    if (!is_known || (int)s->index >= n_frame_sets) return EINVAL;
    s->type = V4L2_FRMSIZE_TYPE_DISCRETE;
    s->discrete.width = frame_sets[s->index].width;
    s->discrete.height = frame_sets[s->index].height;
    return 0;
}

/* A rate as a fraction of a second; whole rates as 1/n. */
static struct v4l2_fract interval_of(double rate_hz) {
    unsigned numerator = rate_hz == (unsigned)rate_hz ? 1 : 1000;
    return (struct v4l2_fract){numerator, (unsigned)(rate_hz * numerator + .5)};
}

/* The highest rate first, then the usual ones below it. */
static int list_interval(struct v4l2_frmivalenum *v) {
    static const double usual[] = {60, 30, 25, 20, 15, 10, 5};
    frame_set *set = camera_frames_for(v->width, v->height);
    if (!set || set->width != v->width || set->height != v->height) return EINVAL;
    double rate_hz = v->index ? 0 : cam.highest_rate_hz;
    for (unsigned i = 0, k = 0; i < 7 && rate_hz == 0; i++)
        if (usual[i] < cam.highest_rate_hz && ++k == v->index) rate_hz = usual[i];
    if (rate_hz == 0) return EINVAL;
    v->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    v->discrete = interval_of(rate_hz);
    return 0;
}

static int input_request(unsigned request, void *argument) {
    struct v4l2_input *input = argument;
    if (request == VIDIOC_G_INPUT) *(int *)argument = 0;
    if (request == VIDIOC_S_INPUT) return *(int *)argument ? EINVAL : 0;
    if (request != VIDIOC_ENUMINPUT) return 0;
    if (input->index) return EINVAL;
    memset(input, 0, sizeof *input);
    TEXT(input->name, "Camera 1");
    input->type = V4L2_INPUT_TYPE_CAMERA;
    return 0;
}

/* ---- format and rate ---- */

static void describe_format(struct v4l2_pix_format *p) {
    bool is_raw = cam.format == V4L2_PIX_FMT_YUYV;
    *p = (struct v4l2_pix_format){.width = cam.width,
                                  .height = cam.height,
                                  .pixelformat = cam.format,
                                  .field = V4L2_FIELD_NONE,
                                  .bytesperline = is_raw ? cam.width * 2 : 0,
                                  .sizeimage = (unsigned)camera_image_bytes(),
                                  .colorspace = is_raw ? V4L2_COLORSPACE_SRGB : V4L2_COLORSPACE_JPEG,
                                  .priv = V4L2_PIX_FMT_PRIV_MAGIC};
}

static void adopt_format(const struct v4l2_pix_format *p) {
    frame_set *set = camera_frames_for(p->width, p->height);
    cam.width = set->width;
    cam.height = set->height;
    cam.format = p->pixelformat == V4L2_PIX_FMT_YUYV ? V4L2_PIX_FMT_YUYV : V4L2_PIX_FMT_MJPEG;
}

static int format_request(int fd, unsigned request, struct v4l2_format *f) {
    unsigned width = cam.width, height = cam.height, format = cam.format;
    if (f->type != CAPTURE) return EINVAL;
    if (request == VIDIOC_S_FMT && (cam.n_buffers || (cam.owner >= 0 && cam.owner != fd))) return EBUSY;
    if (request != VIDIOC_G_FMT) adopt_format(&f->fmt.pix);
    describe_format(&f->fmt.pix);
    if (request == VIDIOC_TRY_FMT) {
        cam.width = width;
        cam.height = height;
        cam.format = format;
    }
    if (request == VIDIOC_S_FMT) camera_note_state();
    return 0;
}

static int rate_request(unsigned request, struct v4l2_streamparm *p) {
    struct v4l2_captureparm *c = &p->parm.capture;
    if (p->type != CAPTURE) return EINVAL;
    if (request == VIDIOC_S_PARM) {
        double wanted = c->timeperframe.numerator ? (double)c->timeperframe.denominator / c->timeperframe.numerator : 0;
        cam.rate_hz = wanted > cam.highest_rate_hz || wanted <= 0 ? cam.highest_rate_hz : wanted;
        camera_note_state();
    }
    *c = (struct v4l2_captureparm){.capability = V4L2_CAP_TIMEPERFRAME, .timeperframe = interval_of(cam.rate_hz)};
    return 0;
}

/* ---- buffers ---- */

static int request_buffers(int fd, struct v4l2_requestbuffers *r) {
    if (r->type != CAPTURE || (r->memory != V4L2_MEMORY_MMAP && r->memory != V4L2_MEMORY_USERPTR)) return EINVAL;
    if ((cam.owner >= 0 && cam.owner != fd) || cam.is_streaming) return EBUSY;
    camera_free_buffers();
    cam.owner = -1;
    r->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP | V4L2_BUF_CAP_SUPPORTS_USERPTR;
    int error = r->count ? camera_set_buffers(fd, r->count, (int)r->memory) : 0;
    r->count = (unsigned)cam.n_buffers;
    return error;
}

static void describe_buffer(struct v4l2_buffer *v, unsigned i) {
    const buffer *b = &cam.buffers[i];
    unsigned state = b->state == QUEUED ? V4L2_BUF_FLAG_QUEUED : b->state == FILLED ? V4L2_BUF_FLAG_DONE : 0;
    v->index = i;
    v->type = CAPTURE;
    v->memory = (unsigned)cam.memory_kind;
    v->length = (unsigned)b->length;
    v->field = V4L2_FIELD_NONE;
    v->bytesused = b->state == QUEUED ? 0 : (unsigned)b->used;
    v->sequence = b->number;
    v->timestamp.tv_sec = b->captured.tv_sec;
    v->timestamp.tv_usec = b->captured.tv_nsec / 1000;
    if (cam.memory_kind == V4L2_MEMORY_MMAP) v->m.offset = (unsigned)b->offset;
    else v->m.userptr = (unsigned long)b->memory;
    v->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | b->flags | state;
    v->reserved2 = 0;
    v->request_fd = 0;
}

static int query_buffer(int fd, struct v4l2_buffer *v) {
    if (cam.owner != fd || (int)v->index >= cam.n_buffers) return EINVAL;
    describe_buffer(v, v->index);
    return 0;
}

static int queue_buffer(int fd, struct v4l2_buffer *v) {
    if (cam.owner != fd || (int)v->index >= cam.n_buffers) return EINVAL;
    buffer *b = &cam.buffers[v->index];
    if (b->state == QUEUED || b->state == FILLED) return EINVAL;
    if (cam.memory_kind == V4L2_MEMORY_USERPTR) {
        b->memory = (unsigned char *)v->m.userptr;
        b->length = v->length;
    }
    b->state = QUEUED;
    cam.queue[cam.n_queued++] = (int)v->index;
    v->flags = V4L2_BUF_FLAG_QUEUED | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    return 0;
}

static int dequeue_buffer(int fd, struct v4l2_buffer *v) {
    for (;;) {
        if (cam.is_gone) return ENODEV;
        if (!cam.is_streaming) return EINVAL;
        if (cam.n_filled) break;
        if (fcntl(fd, F_GETFL) & O_NONBLOCK) return EAGAIN;
        pthread_cond_wait(&cam.changed, &cam.lock);
    }
    int i = cam.filled[0];
    memmove(cam.filled, cam.filled + 1, (size_t)--cam.n_filled * sizeof *cam.filled);
    device_take_signal(fd);
    cam.buffers[i].state = WITH_PROGRAM;
    describe_buffer(v, (unsigned)i);
    return 0;
}

static int stream_on(int fd) { return cam.owner != fd || !cam.n_buffers ? EINVAL : camera_start(); }

static int stream_off(int fd) {
    if (cam.owner != fd && cam.owner >= 0) return EBUSY;
    camera_stop();
    camera_note_state();
    return 0;
}

/* ---- controls ---- */

static control *asked_for(unsigned id) {
    return id & V4L2_CTRL_FLAG_NEXT_CTRL ? control_after(id & V4L2_CTRL_ID_MASK) : control_of(id);
}

static int query_control(struct v4l2_queryctrl *q) {
    control *c = asked_for(q->id);
    if (!c) return EINVAL;
    *q = (struct v4l2_queryctrl){.id = c->id,
                                 .type = (unsigned)c->type,
                                 .minimum = c->minimum,
                                 .maximum = c->maximum,
                                 .step = c->step,
                                 .default_value = c->initial,
                                 .flags = control_flags(c)};
    TEXT(q->name, c->name);
    return 0;
}

static int query_extended_control(struct v4l2_query_ext_ctrl *q) {
    control *c = asked_for(q->id);
    if (!c) return EINVAL;
    *q = (struct v4l2_query_ext_ctrl){.id = c->id,
                                      .type = (unsigned)c->type,
                                      .minimum = c->minimum,
                                      .maximum = c->maximum,
                                      .step = (unsigned)c->step,
                                      .default_value = c->initial,
                                      .flags = control_flags(c),
                                      .elem_size = 4,
                                      .elems = 1};
    TEXT(q->name, c->name);
    return 0;
}

static int query_menu(struct v4l2_querymenu *m) {
    static const char *exposure[] = {"Auto Mode", "Manual Mode", "Shutter Priority Mode", "Aperture Priority Mode"};
    static const char *power[] = {"Disabled", "50 Hz", "60 Hz"};
    control *c = control_of(m->id);
    if (!c || c->type != V4L2_CTRL_TYPE_MENU || (int)m->index > c->maximum) return EINVAL;
    TEXT(m->name, (m->id == V4L2_CID_EXPOSURE_AUTO ? exposure : power)[m->index]);
    m->reserved = 0;
    return 0;
}

static int get_control(struct v4l2_control *v) {
    control *c = control_of(v->id);
    if (!c) return EINVAL;
    v->value = c->value;
    return 0;
}

static int set_control(unsigned id, int value) {
    control *c = control_of(id);
    return c ? control_set(c, value) : EINVAL;
}

static int extended_controls(unsigned request, struct v4l2_ext_controls *list) {
    for (unsigned i = 0; i < list->count; i++) {
        struct v4l2_ext_control *v = &list->controls[i];
        control *c = control_of(v->id);
        int error = c ? 0 : EINVAL;
        if (c && request == VIDIOC_G_EXT_CTRLS) v->value = c->value;
        if (c && request == VIDIOC_S_EXT_CTRLS) error = control_set(c, v->value);
        if (!error) continue;
        list->error_idx = i;
        return error;
    }
    return 0;
}

static int jpeg_request(unsigned request, struct v4l2_jpegcompression *j) {
    if (request == VIDIOC_S_JPEGCOMP) return set_control(V4L2_CID_JPEG_COMPRESSION_QUALITY, j->quality);
    *j = (struct v4l2_jpegcompression){.quality = control_of(V4L2_CID_JPEG_COMPRESSION_QUALITY)->value};
    return 0;
}

/* ---- which request goes where ---- */

static int answer(int fd, unsigned request, void *argument) {
    switch (request) {
    case VIDIOC_QUERYCAP: return query_capabilities(argument);
    case VIDIOC_ENUM_FMT: return list_format(argument);
    case VIDIOC_ENUM_FRAMESIZES: return list_size(argument);
    case VIDIOC_ENUM_FRAMEINTERVALS: return list_interval(argument);
    case VIDIOC_ENUMINPUT:
    case VIDIOC_G_INPUT:
    case VIDIOC_S_INPUT: return input_request(request, argument);
    case VIDIOC_G_FMT:
    case VIDIOC_TRY_FMT:
    case VIDIOC_S_FMT: return format_request(fd, request, argument);
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: return rate_request(request, argument);
    case VIDIOC_REQBUFS: return request_buffers(fd, argument);
    case VIDIOC_QUERYBUF: return query_buffer(fd, argument);
    case VIDIOC_QBUF: return queue_buffer(fd, argument);
    case VIDIOC_DQBUF: return dequeue_buffer(fd, argument);
    case VIDIOC_STREAMON: return stream_on(fd);
    case VIDIOC_STREAMOFF: return stream_off(fd);
    case VIDIOC_QUERYCTRL: return query_control(argument);
    case VIDIOC_QUERY_EXT_CTRL: return query_extended_control(argument);
    case VIDIOC_QUERYMENU: return query_menu(argument);
    case VIDIOC_G_CTRL: return get_control(argument);
    case VIDIOC_S_CTRL:
        return set_control(((struct v4l2_control *)argument)->id, ((struct v4l2_control *)argument)->value);
    case VIDIOC_G_EXT_CTRLS:
    case VIDIOC_S_EXT_CTRLS:
    case VIDIOC_TRY_EXT_CTRLS: return extended_controls(request, argument);
    case VIDIOC_G_JPEGCOMP:
    case VIDIOC_S_JPEGCOMP: return jpeg_request(request, argument);
    case VIDIOC_G_PRIORITY: *(enum v4l2_priority *)argument = V4L2_PRIORITY_DEFAULT; return 0;
    case VIDIOC_S_PRIORITY:
    case VIDIOC_SUBSCRIBE_EVENT:
    case VIDIOC_UNSUBSCRIBE_EVENT: return 0;
    default: return ENOTTY;
    }
}

int camera_ioctl(int fd, unsigned long request, void *argument) {
    pthread_mutex_lock(&cam.lock);
    if (camera_is_unplugged() && !cam.is_gone) camera_unplug();
    int error = cam.is_gone ? ENODEV : answer(fd, (unsigned)request, argument);
    pthread_mutex_unlock(&cam.lock);
    errno = error ? error : errno;
    return error ? -1 : 0;
}
