"""USB cameras (V4L2): the camera's own JPEG passed on undecoded, raw pictures encoded once.

The capture thread calls `frames()` and thereby owns the device. Controls may be read and set from any
thread: each call opens the device a second time (V4L2 allows that), so nothing is shared with the loop.
The loop is the program's hottest Python: one wait, two ioctls on one reused buffer, one copy.
"""

from __future__ import annotations

import errno
import logging
import mmap
import select
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from fcntl import ioctl
from fractions import Fraction

from linuxpy.video import device as linux
from linuxpy.video import raw

from camera import image, v4l2
from camera.backend import EOI, HEARTBEAT_S, SOI, Backend, CameraInfo, CameraMode, Control, Picture
from camera.pixels import encoder, has_huffman_tables, trimmed, with_huffman_tables
from camera.v4l2 import CAPTURE, CameraNode, find_usb_cameras, pick_camera
from camera.v4l2_controls import read_controls, write_control
from camera.v4l2_modes import read_modes
from errors import CameraLost, NoCamera
from settings import CameraSettings

__all__ = ["UsbBackend", "find_usb_cameras"]

# A device that was just closed may not answer for a moment, and udev makes its lasting name anew when something about
# the device changes: then there is none for a moment.
RETURN_S, LOOK_AGAIN_S = 2.0, 0.05
BUFFERS = 4
SANE_AGE_S = 10.0
COMPLAINT_PERIOD_S = 60.0
QBUF = int(raw.IOC.QBUF)
DQBUF = int(raw.IOC.DQBUF)
FLAG_ERROR = int(raw.BufferFlag.ERROR)
TIMESTAMP_MASK = int(raw.BufferFlag.TIMESTAMP_MASK)
TIMESTAMP_MONOTONIC = int(raw.BufferFlag.TIMESTAMP_MONOTONIC)

log = logging.getLogger(__name__)


class Stream:
    """A camera that is open and streams into memory both of us see. Used by one thread.

    :raises NoCamera: when the camera offers nothing we can use.
    :raises OSError: from any step, e.g. EBUSY when another program streams; nothing is left open.
    """

    def __init__(self, camera: CameraNode, settings: CameraSettings) -> None:
        self.maps: list[mmap.mmap] = []
        self._device = v4l2.device_at(camera.path)
        try:
            self._device.open()
            self._open(settings)
        except BaseException:
            self.close()
            raise

    def _open(self, settings: CameraSettings) -> None:
        device = self._device
        mode = v4l2.choose(
            v4l2.read_formats(device),
            lambda name: v4l2.read_sizes(device, name),
            lambda name, width_px, height_px: v4l2.read_rates(device, name, width_px, height_px),
            (settings.width, settings.height, settings.rate),
            settings.pixel_format,
        )
        # The driver may change the size; it fixes it once buffers are requested.
        pix = device.set_format(CAPTURE, mode.width_px, mode.height_px, mode.pixel_format).fmt.pix
        self.mode = mode._replace(
            pixel_format=linux.human_pixel_format(pix.pixelformat), width_px=pix.width, height_px=pix.height
        )
        self.mode = self.mode._replace(rate_hz=self._set_rate(mode.rate_hz or Fraction(settings.rate)))
        self.encode = encoder(*self.mode[:3], pix.bytesperline, settings.quality)
        self._map_buffers()
        device.stream_on(CAPTURE)
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        self.wait = poll.poll

    def _set_rate(self, rate_hz: Fraction) -> Fraction | None:
        """What the driver made of the wanted rate; None when it has no say (webcams mostly do)."""
        try:
            interval = self._device.set_fps(CAPTURE, rate_hz).parm.capture.timeperframe
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL):
                raise
            return None
        return Fraction(interval.denominator, interval.numerator) if interval.numerator else None

    def _map_buffers(self) -> None:
        """As many buffers as the driver grants, all of them queued."""
        granted = self._device.request_buffers(CAPTURE, raw.Memory.MMAP, BUFFERS).count
        for index in range(granted):
            described = self._device.query_buffer(CAPTURE, raw.Memory.MMAP, index)
            self.maps.append(linux.mmap_from_buffer(self._device, described))
            self._device.enqueue_buffer(CAPTURE, raw.Memory.MMAP, 0, index)

    def fileno(self) -> int:
        """The device's file descriptor."""
        descriptor: int = self._device.fileno()
        return descriptor

    def close(self) -> None:
        """Let go of everything, also of a device that is gone; works twice."""
        if self._device.closed:
            return
        with suppress(OSError):  # ENODEV after an unplug
            self._device.stream_off(CAPTURE)
        for mapped in self.maps:
            with suppress(BufferError):  # a picture that could not be encoded still looks at it
                mapped.close()  # each holds the device open by a descriptor of its own
        self.maps.clear()
        with suppress(OSError):
            self._device.close()


class UsbBackend(Backend):
    """One USB camera."""

    def __init__(self, settings: CameraSettings, why: str = "config.txt says so") -> None:
        self._broken = 0
        self._settings = settings
        self._info = CameraInfo(settings.device or "USB camera", "usb", why)
        self._camera: CameraNode | None = None
        self._left: CameraNode | None = None
        self._is_listed, self._back_by = False, 0.0
        self._complain_at = 0.0

    @property
    def info(self) -> CameraInfo:
        return self._info

    @property
    def controls(self) -> tuple[Control, ...]:
        camera = self._camera
        return () if camera is None else read_controls(camera)

    def set_control(self, name: str, value: float) -> float:
        camera = self._camera
        return super().set_control(name, value) if camera is None else write_control(camera, name, value)

    @property
    def modes(self) -> tuple[CameraMode, ...]:
        camera = self._camera
        return () if camera is None else read_modes(camera)

    @property
    def broken(self) -> int:
        return self._broken

    def frames(self) -> Iterator[Picture | None]:
        # One loop without calls of our own: at 30 frames/s each call finds the caches cold and is felt
        # (measured per 98 kB frame: 170 us of CPU with calls, 145 without, 80 to 105 for the same loop in C).
        camera = yield from self._found()
        with self._opened(camera) as stream:
            wait, clock, maps, encode = stream.wait, time.monotonic, stream.maps, stream.encode
            descriptor, buffer = stream.fileno(), raw.v4l2_buffer(type=CAPTURE, memory=raw.Memory.MMAP)
            timestamp = buffer.timestamp  # a view: reads what the last DQBUF wrote
            new, heartbeat_ms, late_s = tuple.__new__, int(HEARTBEAT_S * 1000), 2 / (self._info.rate_hz or 10)
            width_px = height_px = 0
            complete: Callable[[bytes], bytes] | None = None
            heard_at = clock()
            while True:
                events = wait(heartbeat_ms)
                if not events:
                    heard_at = clock()
                    yield None
                    continue
                try:
                    ioctl(descriptor, DQBUF, buffer)
                except (BlockingIOError, InterruptedError):
                    if events[0][1] & ~select.POLLIN:
                        raise OSError(errno.ENODEV, "the camera hung up") from None
                    continue
                now, flags, used = clock(), buffer.flags, buffer.bytesused
                captured_at = timestamp.secs + timestamp.usecs * 1e-6
                if flags & TIMESTAMP_MASK != TIMESTAMP_MONOTONIC or not 0 <= now - captured_at < SANE_AGE_S:
                    captured_at = now
                elif now - captured_at > late_s and not flags & FLAG_ERROR and wait(0):
                    ioctl(descriptor, QBUF, buffer)  # we were away, and a newer picture waits
                    continue
                jpeg = maps[buffer.index][:used] if encode is None else encode(maps[buffer.index], used)
                ioctl(descriptor, QBUF, buffer)
                if flags & FLAG_ERROR or jpeg[-2:] != EOI or jpeg[:2] != SOI:
                    jpeg = b"" if flags & FLAG_ERROR else trimmed(jpeg)
                    if not jpeg:
                        self._count_broken(now)
                        if now - heard_at >= HEARTBEAT_S:
                            heard_at = now
                            yield None
                        continue
                if not width_px:
                    width_px, height_px = self._measure(jpeg)
                    complete = None if has_huffman_tables(jpeg) else with_huffman_tables
                heard_at = now
                # Picture(...) would run Python code of its own, a tenth of this loop.
                yield new(Picture, (complete(jpeg) if complete else jpeg, captured_at, width_px, height_px))

    def _found(self) -> Generator[None, None, CameraNode]:
        """The camera; one that we closed a moment ago is waited for, so that no other is taken in its place.

        :raises NoCamera: when it is not there.
        """
        found = find_usb_cameras()
        while time.monotonic() < self._back_by and not self._is_back(found):
            yield None
            time.sleep(LOOK_AGAIN_S)
            found = find_usb_cameras()
        camera = pick_camera(self._settings.device, found)
        self._is_listed = camera.name in _names_of(found)
        return camera

    def _is_back(self, found: Sequence[CameraNode]) -> bool:
        """Whether the camera that we closed can be opened again; a path that is no camera we find is just a path."""
        left = self._left
        return left is None or (left.name in _names_of(found) if self._is_listed else left.path.exists())

    @contextmanager
    def _opened(self, camera: CameraNode) -> Iterator[Stream]:
        """The streaming camera, closed however it ends; its OSErrors become ours."""
        try:
            stream = Stream(camera, self.settings_for(replace(self._info, name=camera.name), self._settings))
        except OSError as error:
            raise NoCamera(v4l2.explain(error, camera.name)) from error
        except NoCamera as error:
            raise NoCamera(f"camera {camera.name} cannot be used: {error}") from None
        self._left = None
        try:
            self._info = self._describe(camera, stream.mode)
            self._camera = camera
            yield stream
        except GeneratorExit:
            self._left = camera
            raise
        except OSError as error:
            raise CameraLost(v4l2.explain(error, camera.name)) from error
        finally:
            self._camera = None
            stream.close()  # takes seconds where the camera does not answer
            self._back_by = time.monotonic() + RETURN_S

    def _describe(self, camera: CameraNode, mode: v4l2.Mode) -> CameraInfo:
        return replace(
            self._info,
            name=camera.name,
            pixel_format=mode.pixel_format,
            width_px=mode.width_px,
            height_px=mode.height_px,
            rate_hz=None if mode.rate_hz is None else float(mode.rate_hz),
        )

    def _measure(self, jpeg: bytes) -> tuple[int, int]:
        """The size the first picture really has: firmware may send another than it agreed to."""
        try:
            width_px, height_px = image.size_of(jpeg)
        except ValueError:
            width_px, height_px = self._info.width_px or 0, self._info.height_px or 0
        self._info = replace(self._info, width_px=width_px, height_px=height_px)
        return width_px, height_px

    def _count_broken(self, now: float) -> None:
        self._broken += 1
        if now >= self._complain_at:
            self._complain_at = now + COMPLAINT_PERIOD_S
            log.warning("camera %s sends broken frames, %s so far", self._info.name, self._broken)


def _names_of(found: Sequence[CameraNode]) -> set[str]:
    return {camera.name for camera in found}
