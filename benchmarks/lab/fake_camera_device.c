/* The descriptors programs get for the fake camera: each the read end of a pipe with one byte per filled buffer.
 *
 * A slot's number never changes while it is used, so that `device_is` needs no lock. */
#define _GNU_SOURCE
#include "fake_camera.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_DESCRIPTORS 8

static struct {
    volatile bool is_used;
    volatile int read_end;
    int write_end;
} slots[MOST_DESCRIPTORS];

static int slot_of(int fd) {
    for (int i = 0; i < MOST_DESCRIPTORS; i++)
        if (slots[i].is_used && slots[i].read_end == fd) return i;
    return -1;
}

bool device_is(int fd) { return slot_of(fd) >= 0; }

static int free_slot(void) {
    for (int i = 0; i < MOST_DESCRIPTORS; i++)
        if (!slots[i].is_used) return i;
    errno = EMFILE;
    return -1;
}

static int add_descriptor(int flags) {
    int ends[2], i = free_slot();
    if (i < 0 || pipe2(ends, O_CLOEXEC)) return -1;
    int high = fcntl(ends[1], F_DUPFD_CLOEXEC, HIGH_FD);
    if (high >= 0) {
        syscall(SYS_close, ends[1]);
        ends[1] = high;
    }
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    if (flags & O_NONBLOCK) fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (!(flags & O_CLOEXEC)) fcntl(ends[0], F_SETFD, 0);
    slots[i].read_end = ends[0];
    slots[i].write_end = ends[1];
    slots[i].is_used = true;
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

static void hang_up(int i) {
    if (slots[i].write_end >= 0) syscall(SYS_close, slots[i].write_end);
    slots[i].write_end = -1;
}

int device_close(int fd) {
    pthread_mutex_lock(&cam.lock);
    int i = slot_of(fd);
    if (i >= 0 && cam.owner == fd) {
        camera_stop();
        camera_free_buffers();
        cam.owner = -1;
    }
    if (i >= 0) {
        hang_up(i);
        slots[i].is_used = false;
    }
    pthread_mutex_unlock(&cam.lock);
    return (int)syscall(SYS_close, fd);
}

void device_signal_owner(void) {
    int i = slot_of(cam.owner);
    if (i >= 0 && slots[i].write_end >= 0 && syscall(SYS_write, slots[i].write_end, "", 1) < 0) perror("fake camera");
}

void device_take_signal(int fd) {
    char byte;
    struct pollfd p = {fd, POLLIN, 0};
    if (poll(&p, 1, 0) > 0 && p.revents & POLLIN && syscall(SYS_read, fd, &byte, 1) < 0) perror("fake camera");
}

void device_hang_up(void) {
    for (int i = 0; i < MOST_DESCRIPTORS; i++)
        if (slots[i].is_used) hang_up(i);
}

void device_drain(int fd) {
    char bytes[256];
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    while (syscall(SYS_read, fd, bytes, sizeof bytes) > 0) continue;
    fcntl(fd, F_SETFL, flags);
}
