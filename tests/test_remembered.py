"""What was set on a camera is given back to that camera, also where two have the same name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from fakes import jpeg_of

from camera import pi
from camera.backend import CameraInfo, CameraMode, Control, Picture
from camera.capture import Capture
from camera.hub import FrameHub
from camera.pi import PiBackend
from camera.pi_learnt import PiCamera
from camera.remembered import Memory, Remembered, packed
from camera.tuning import Tuning
from settings import CameraSettings

LEFT = PiCamera(0, "imx708", "/base/soc/i2c0mux/i2c@1/imx708@1a")
RIGHT = PiCamera(1, "imx708", "/base/soc/i2c0mux/i2c@0/imx708@1a")
PERIOD_S = 0.01
OLD_KEY = "camera:Pi camera imx708"
MODES = (CameraMode("YUV420", 640, 480, (30.0,)), CameraMode("YUV420", 320, 240, (30.0,)))


class Slot:
    """A picture for whoever takes one, a hundred a second."""

    def __init__(self, jpeg: bytes, size: tuple[int, int]) -> None:
        self._jpeg, self._size = jpeg, size
        self._pause = threading.Event()

    def take(self, timeout_s: float) -> Picture:
        self._pause.wait(PERIOD_S)
        return Picture(self._jpeg, time.monotonic(), *self._size)


class StandIn:
    """In the place of a `Recording`: a camera with a brightness."""

    def __init__(self, camera: PiCamera, settings: CameraSettings, learnt: object) -> None:
        self.size = (settings.width, settings.height)
        self.slot = Slot(jpeg_of(9, *self.size), self.size)
        self.brightness = Control("brightness", "number", -1.0, 1.0, None, 0.0, 0.0)

    def describe(self, info: CameraInfo) -> CameraInfo:
        width_px, height_px = self.size
        return replace(info, pixel_format="YUV420", width_px=width_px, height_px=height_px, rate_hz=30.0)

    def controls(self) -> tuple[Control, ...]:
        return (self.brightness,)

    def set_control(self, name: str, value: float) -> float:
        self.brightness = replace(self.brightness, value=value)
        return value

    def modes(self) -> tuple[CameraMode, ...]:
        return MODES

    def check(self) -> None:
        """It is well."""

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Iterator[Tuning]]:
    """The program with one of two Pi cameras of one model, by its connector; it ends with the block."""
    monkeypatch.setattr(pi, "_list_cameras", lambda: [LEFT, RIGHT])
    monkeypatch.setattr(pi, "Recording", StandIn)

    @contextmanager
    def start(connector: str, kept: dict[str, str]) -> Iterator[Tuning]:
        settings, hub = CameraSettings(camera="pi", device=connector, width=640, height=480), FrameHub()
        backend = PiBackend(settings)
        capture = Capture(backend, hub, settings)
        tuning = Tuning(backend, capture, hub, kept.get, kept.__setitem__)
        capture.start()
        try:
            with hub.watch():
                tuning.describe()
                yield tuning
        finally:
            capture.stop(5.0)

    return start


def brightness_of(tuning: Tuning) -> float | None:
    return next(control.value for control in tuning.describe().controls if control.name == "brightness")


def test_two_pi_cameras_of_one_model_keep_apart_what_was_set_on_them(start) -> None:
    kept: dict[str, str] = {}
    with start("i2c@1", kept) as tuning:
        tuning.change({"brightness": 0.5, "size": "320x240"}, "anna")
        assert tuning.describe().info.name == "Pi camera imx708", "people read the name alone"
    with start("i2c@0", kept) as tuning:
        assert (brightness_of(tuning), tuning.describe().info.width_px) == (0.0, 640)
        tuning.change({"brightness": -0.5}, "anna")
    with start("i2c@1", kept) as tuning:
        assert (brightness_of(tuning), tuning.describe().info.width_px) == (0.5, 320)
    assert set(kept) == {f"{OLD_KEY} {camera.id}" for camera in (LEFT, RIGHT)}


def test_what_was_remembered_by_the_name_alone_is_found_until_something_else_is_set(start) -> None:
    kept = {OLD_KEY: packed(Remembered({"brightness": 0.25}))}
    with start("i2c@1", kept) as tuning:
        assert brightness_of(tuning) == 0.25
        tuning.reset(None, "anna")
        assert brightness_of(tuning) == 0.0
    with start("i2c@1", kept) as tuning:
        assert brightness_of(tuning) == 0.0, "what was reset stays so"
    with start("i2c@0", kept) as tuning:
        assert brightness_of(tuning) == 0.25


def test_a_camera_without_an_id_is_remembered_by_its_name() -> None:
    kept: dict[str, str] = {}
    Memory(kept.get, kept.__setitem__).remember(CameraInfo("usb-A_B_1", "usb", ""), Remembered({"contrast": 3.0}))
    assert set(kept) == {"camera:usb-A_B_1"}
    assert Memory(kept.get, kept.__setitem__).of(CameraInfo("usb-A_B_1", "usb", "")).controls == {"contrast": 3.0}
