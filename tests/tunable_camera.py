"""A camera with controls and modes that a test can make refuse, lie, fail and vanish. Its pictures show them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from camera import image, names
from camera.backend import Backend, CameraInfo, CameraMode, Control, Picture
from camera.v4l2_controls import Scale
from errors import CameraLost, ControlRefused, NoCamera, NotSupported
from settings import CameraSettings

PERIOD_S = 0.01
MODES = (
    CameraMode("MJPG", 640, 480, (30.0, 15.0)),
    CameraMode("MJPG", 320, 240, (60.0, 30.0, 15.0)),
    CameraMode("YUYV", 320, 240, (30.0,)),
)
CONTROLS = (
    Control("brightness", "integer", 0, 255, 1, 128, 128, label="Brightness"),
    Control("contrast", "integer", 0, 100, 1, 50, 50, label="Contrast"),
    Control("power_line_frequency", "menu", None, None, None, 1, 1, options=((0, "Disabled"), (1, "50 Hz"))),
    Control("focus_auto", "boolean", None, None, None, 1, 1),
    Control("focus_absolute", "number", 0.0, 1.0, 0.05, 0.5, 0.5),
    Control("firmware", "integer", 0, 9, 1, 3, 3, reason="the camera only shows it"),
    Control("led", "boolean", None, None, None, 0, 0),
    Control("pan_reset", "button", None, None, None, None, None),
)
LENS = Scale(1 / 1023, 0)


class TunableCamera(Backend):
    """Delivers gray pictures as bright as its brightness, a hundred a second.

    :ivar reads: how often the driver was asked for all controls; `on_read` is called each time.
    :ivar refuses: names of controls whose driver says no.
    :ivar cannot: sizes ("640x480") that fail to open; `lies` those that give `lie` instead.
    :ivar opened: (width_px, height_px, rate_hz, pixel_format) of each opening.
    """

    start_timeout_s = 10.0

    def __init__(self, name: str = "tunable camera", controls: tuple[Control, ...] = CONTROLS) -> None:
        self.name = name
        self.reads = 0
        self.on_read: Callable[[], None] = lambda: None
        self.refuses: set[str] = set()
        self.cannot: set[str] = set()
        self.lies: set[str] = set()
        self.lie = (160, 120)
        self.opened: list[tuple[int, int, float, str]] = []
        self.listed = MODES
        self.is_plugged_in = True
        self._controls = {control.name: control for control in controls}
        self._defaults = CameraSettings(width=320, height=240, pixel_format="MJPG")
        self._running: CameraSettings | None = None
        self._size = (320, 240)

    def become(self, name: str, controls: tuple[Control, ...]) -> None:
        """Be another camera from the next opening on."""
        self.name, self._controls = name, {control.name: control for control in controls}

    def drift(self, name: str, value: float) -> None:
        """Change a value by itself, as an automatic does."""
        self._controls[name] = replace(self._controls[name], value=value)

    @property
    def info(self) -> CameraInfo:
        now = self._running or self._defaults
        return CameraInfo(self.name, "usb", "the test says so", now.pixel_format or "MJPG", *self._size, now.rate)

    @property
    def controls(self) -> tuple[Control, ...]:
        if self._running is None:
            return ()
        self.reads += 1
        self.on_read()
        return self._awake()

    def _awake(self) -> tuple[Control, ...]:
        for name, automatic in names.AUTOMATIC_OF.items():
            control, switch = self._controls.get(name), self._controls.get(automatic)
            if control is not None and switch is not None:
                awake = replace(control, reason=None, blocked_by=None)
                self._controls[name] = control.asleep(automatic) if switch.value else awake
        return tuple(self._controls.values())

    def set_control(self, name: str, value: float) -> float:
        if not self.is_plugged_in:
            raise CameraLost(f"camera {self.name} was unplugged")
        control = next((control for control in self._awake() if control.name == name), None)
        if control is None:
            raise NotSupported(f"camera {self.name} has no control {name}")
        if name in self.refuses or control.reason is not None:
            raise ControlRefused(f"camera {self.name} refuses {name} {value:g}: {control.reason or 'Broken pipe'}")
        taken = LENS.shown(LENS.raw(value)) if name == "focus_absolute" else value
        if control.kind != "button":
            self._controls[name] = replace(control, value=taken)
        return taken

    @property
    def modes(self) -> tuple[CameraMode, ...]:
        return self.listed if self._running else ()

    def value(self, name: str) -> float | None:
        """What the driver has."""
        return self._controls[name].value

    def frames(self) -> Iterator[Picture | None]:
        wanted = self.settings_for(self.info, self._defaults)
        size = f"{wanted.width}x{wanted.height}"
        if size in self.cannot or not self.is_plugged_in:
            raise NoCamera(f"no USB bandwidth left for camera {self.name}")
        self.opened.append((wanted.width, wanted.height, wanted.rate, wanted.pixel_format or ""))
        self._size = self.lie if size in self.lies else (wanted.width, wanted.height)
        self._running = wanted
        pause = threading.Event()
        try:
            while self.is_plugged_in:
                pause.wait(PERIOD_S)
                shade = round(self._controls["brightness"].value or 0) if "brightness" in self._controls else 0
                pixels = np.full((*reversed(self._size), 3), shade, np.uint8)
                yield Picture(image.encode(pixels, 90), time.monotonic(), *self._size)
            raise CameraLost(f"camera {self.name} was unplugged")
        finally:
            self._running = None


def shade_of(jpeg: bytes) -> float:
    """How bright a picture is, 0..255."""
    return float(image.decode(jpeg).mean())
