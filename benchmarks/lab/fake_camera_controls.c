/* The fake camera's controls, and the file that tells of them. */
#define _GNU_SOURCE
#include "fake_camera.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

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
    if (camera_refuses_controls()) return EPIPE;
    bool is_outside = value < c->minimum || value > c->maximum;
    if (is_outside && c->type != V4L2_CTRL_TYPE_INTEGER) return ERANGE;
    c->value = value < c->minimum ? c->minimum : value > c->maximum ? c->maximum : value;
    camera_note_state();
    return 0;
}

void camera_note_state(void) {
    if (!cam.state_file) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, cam.state_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return;
    for (int i = 0; i < n_controls; i++)
        dprintf(fd, "0x%08x %s=%d\n", controls[i].id, controls[i].name, controls[i].value);
    dprintf(fd, "format=%ux%u %.4s %.3f\nstreaming=%d\n", cam.width, cam.height, (char *)&cam.format, cam.rate_hz,
            cam.is_streaming);
    syscall(SYS_close, fd);
}
