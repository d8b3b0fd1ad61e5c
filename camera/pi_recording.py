"""A Pi camera that runs: picamera2's objects, opened and closed in the order that never hangs.

picamera2 and libcamera are imported inside functions only: they belong to the operating system and
most machines have neither.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from camera import pi_gains
from camera.backend import CameraInfo, CameraMode, Control, Picture, is_whole_jpeg
from camera.pi_controls import Orders, controls_of, orders_for, taken
from camera.pi_learnt import Learnt, PiCamera
from camera.pi_modes import buffers_for, choose_sensor_mode, hardware_bitrate, modes_for, monotonic_s
from camera.pi_readings import Readings
from camera.slot import NewestSlot
from errors import CameraLost, ControlRefused, NoCamera, NotSupported
from settings import CameraSettings

HOW_TO_INSTALL = "sudo apt install python3-picamera2, and a venv made with --system-site-packages"
# The widest and highest picture the codec behind /dev/video11 takes: MAX_W_CODEC and MAX_H_CODEC in
# drivers/staging/vc04_services/bcm2835-codec/bcm2835-v4l2-codec.c of Raspberry Pi's kernel.
HARDWARE_LIMIT_PX = 1920
LIBRARY_ERRORS = (RuntimeError, OSError, ValueError, KeyError, TypeError, AttributeError)

log = logging.getLogger(__name__)


def import_picamera2() -> Any:
    """The class Picamera2.

    :raises NoCamera: when it is not installed or cannot be loaded; says what to do.
    """
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:WARN")
    try:
        from picamera2 import Picamera2
    except ModuleNotFoundError as error:
        missing = error.name or "picamera2"
        raise NoCamera(f"{missing} is not installed ({HOW_TO_INSTALL})") from None
    # Half a camera stack fails in any way it likes, e.g. ValueError where numpy's ABI differs.
    except Exception as error:
        raise NoCamera(f"picamera2 cannot be loaded: {error}") from error
    return Picamera2


class Recording:
    """A Pi camera that runs, its encoder, and the slot that gets the pictures.

    :raises NoCamera: when the camera is busy or cannot be started; nothing is left open.
    """

    def __init__(self, camera: PiCamera, settings: CameraSettings, learnt: Learnt) -> None:
        self.slot: NewestSlot[Picture] = NewestSlot()
        self.encoder: Any = None
        self._camera = camera
        self._learnt = learnt
        self._loop: Any = None
        self._picam = _open(camera)
        self._readings = Readings(lambda: self._picam.capture_metadata(wait=False))
        try:
            self._start(settings)
        except LIBRARY_ERRORS as error:
            self.close()
            raise NoCamera(f"Pi camera {camera.model} cannot be started: {_reason(error)}") from error
        except BaseException:
            self.close()
            raise

    def _start(self, settings: CameraSettings) -> None:
        from picamera2.previews import NullPreview

        picam = self._picam
        sensor_modes = self._learnt.sensor_modes.get(self._camera.id)
        if sensor_modes is None:
            sensor_modes = self._learnt.sensor_modes[self._camera.id] = picam.sensor_modes
        picam.configure(_video_configuration(picam, settings, sensor_modes))
        picam.set_controls(self._orders())
        main = picam.camera_configuration()["main"]
        self.size, self.pixel_format = main["size"], main["format"]
        self.rate_hz = _true_rate(picam, settings.rate)
        loop = NullPreview()
        picam.start_preview(loop)
        self._loop = loop
        self.encoder = self._start_encoder(settings.quality)
        # Else the first frame sets it, and several threads that code the first ones take theirs for that at once.
        self.encoder.firsttimestamp = 0
        picam.start()

    def _start_encoder(self, quality: int) -> Any:
        """The board's JPEG encoder where it has one and the picture is not too large, else simplejpeg.

        Of picamera2's two software encoders simplejpeg's takes less than half the CPU of libav's.
        """
        from picamera2.encoders import JpegEncoder, MJPEGEncoder
        from picamera2.encoders.v4l2_encoder import V4L2Encoder

        has_hardware = self._learnt.has_hardware and issubclass(MJPEGEncoder, V4L2Encoder)
        if has_hardware and max(self.size) <= HARDWARE_LIMIT_PX:
            encoder = MJPEGEncoder(hardware_bitrate(quality, *self.size))
            try:
                self._picam.start_encoder(encoder, self._output(encoder))
            except LIBRARY_ERRORS as error:
                self._learnt.has_hardware = False
                log.warning("the board's JPEG encoder cannot be used (%s); encoding in software", _reason(error))
                if getattr(encoder, "vd", None) is not None:
                    _try("stop the hardware encoder", encoder.stop)
            else:
                return encoder
        encoder = JpegEncoder(num_threads=min(4, os.cpu_count() or 1), q=quality)
        self._picam.start_encoder(encoder, self._output(encoder))
        return encoder

    def _output(self, encoder: Any) -> Any:
        """picamera2's end of the slot; it is called in the encoder's thread."""
        from picamera2.outputs import Output

        slot, (width_px, height_px) = self.slot, self.size

        class SlotOutput(Output):  # type: ignore[misc]
            def outputframe(
                self, frame: Any, keyframe: bool = True, timestamp: int | None = None, *more: Any, **named: Any
            ) -> None:
                jpeg = bytes(frame)
                if is_whole_jpeg(jpeg):
                    stamp_s = None if timestamp is None else (encoder.firsttimestamp + timestamp) / 1e6
                    now_s, boot_s = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)
                    slot.put(Picture(jpeg, monotonic_s(stamp_s, now_s, boot_s), width_px, height_px))

        return SlotOutput()

    def describe(self, info: CameraInfo) -> CameraInfo:
        width_px, height_px = self.size
        return replace(
            info, pixel_format=self.pixel_format, width_px=width_px, height_px=height_px, rate_hz=self.rate_hz
        )

    def check(self) -> None:
        """:raises CameraLost: when a thread that should bring pictures has ended."""
        for name, thread in (("camera", self._loop.thread), ("encoder", self.encoder.thread)):
            if not thread.is_alive():
                raise CameraLost(f"Pi camera {self._camera.model}: picamera2's {name} thread died; its log says why")

    def controls(self) -> tuple[Control, ...]:
        picam = self._picam  # None once another thread closed the camera
        if picam is None:
            return ()
        told, own = self._learnt.told_to(self._camera.id), self._learnt.own.get(self._camera.id, {})
        return controls_of(dict(picam.camera_ctrl_info), told, self._readings.newest(), own)

    def set_control(self, name: str, value: float) -> float:
        picam, model, before = self._picam, self._camera.model, self._learnt.told_to(self._camera.id)
        listed = {} if picam is None else dict(picam.camera_ctrl_info)
        control = next((control for control in controls_of(listed, before) if control.name == name), None)
        if control is None:
            raise NotSupported(f"Pi camera {model} has no control {name}")
        if control.reason is not None:
            raise ControlRefused(f"Pi camera {model} does not take {name} now: {control.reason}")
        value = taken(control, value)
        try:
            told = pi_gains.told_after(listed, before, name, value, self._readings.after)
            self._send_first(picam, pi_gains.NOT_WITH.get(name, ()))
            picam.set_controls(orders_for(listed, control, value, told))
        except LIBRARY_ERRORS as error:
            raise ControlRefused(f"Pi camera {model} refuses {name} {value:g}: {_reason(error)}") from error
        self._learnt.note(self._camera.id, name, told)
        return value

    def _send_first(self, picam: Any, orders: Sequence[str]) -> None:
        """Wait until these went to the camera: picamera2 sends all it was told since the last frame with the next one.

        :raises TimeoutError: when the camera takes no frame.
        """
        while any(name in picam.controls.make_dict() for name in orders):
            self._readings.after(1)

    def modes(self) -> tuple[CameraMode, ...]:
        picam = self._picam
        if picam is None:
            return ()
        properties = picam.camera_properties
        areas = properties.get("PixelArrayActiveAreas") or [(0, 0, *self.size)]
        largest = properties.get("PixelArraySize") or areas[0][2:]
        return modes_for(self._learnt.sensor_modes[self._camera.id], tuple(largest), self.pixel_format)

    def _orders(self) -> Orders:
        """What was set before the camera was closed and opened again."""
        listed, told, orders = dict(self._picam.camera_ctrl_info), self._learnt.told_to(self._camera.id), Orders()
        for control in controls_of(listed, told):
            if control.name in told and control.reason is None:
                orders |= orders_for(listed, control, told[control.name], told)
        return orders

    def close(self) -> None:
        """Let go of everything. The event loop ends first: picamera2's stop() waits for it for ever if it died."""
        picam, loop, encoder = self._picam, self._loop, self.encoder
        self._picam = self._loop = self.encoder = None
        if loop is not None:
            _try("stop the event loop", picam.stop_preview)
        _try("stop the camera", picam.stop)
        if encoder is not None:
            _try("stop the encoder", picam.stop_encoder)
            if hasattr(encoder, "threads"):
                encoder.threads.shutdown(wait=False)
        _try("close the camera", picam.close)
        # picamera2's objects refer to each other in circles and keep descriptors until they are collected.
        self._readings.forget()
        del picam, loop, encoder
        gc.collect()


def _open(camera: PiCamera) -> Any:
    """picamera2's object, which holds the camera.

    :raises NoCamera: when another program has it.
    """
    picamera2 = import_picamera2()
    picam = picamera2.__new__(picamera2)
    try:
        picam.__init__(camera.number)
    except LIBRARY_ERRORS as error:
        _forget(picam)
        raise NoCamera(f"Pi camera {camera.model} cannot be opened: {_reason(error)}") from error
    return picam


def _forget(picam: Any) -> None:
    """Close what a Picamera2 whose __init__ failed leaves open: its pipe."""
    if getattr(picam, "is_open", False):
        _try("close the camera", picam.close)
    else:
        with contextlib.suppress(AttributeError, OSError):
            picam.notifymeread.close()
            os.close(picam.notifyme_w)


def _reason(error: BaseException) -> str:
    """The first cause of a library's error, in words."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error) or type(error).__name__
    return f"another program uses it ({text})" if "busy" in text.lower() else text


def _try(what: str, step: Callable[[], object]) -> None:
    try:
        step()
    except LIBRARY_ERRORS as error:
        log.warning("Pi camera: could not %s: %s", what, _reason(error))


def _video_configuration(picam: Any, settings: CameraSettings, sensor_modes: Sequence[Any]) -> Any:
    """Full-range YUV 4:2:0, which both encoders take as it is, at the wanted size and rate."""
    from libcamera import ColorSpace

    period_us = round(1e6 / settings.rate)
    has_rate = "FrameDurationLimits" in picam.camera_controls
    mode = choose_sensor_mode(sensor_modes, (settings.width, settings.height), settings.rate)
    return picam.create_video_configuration(
        main={"size": (settings.width, settings.height), "format": "YUV420"},
        colour_space=ColorSpace.Sycc(),
        controls={"FrameDurationLimits": (period_us, period_us)} if has_rate else {},
        buffer_count=buffers_for(settings.width, settings.height),
        **({"sensor": mode} if mode else {}),
    )


def _true_rate(picam: Any, wanted_hz: float) -> float:
    """`wanted_hz` within what the camera's mode can do."""
    low_us, high_us, _ = picam.camera_controls.get("FrameDurationLimits", (0, 0, None))
    period_us = max(1e6 / wanted_hz, float(low_us))
    return round(1e6 / (min(period_us, float(high_us)) if high_us else period_us), 3)
