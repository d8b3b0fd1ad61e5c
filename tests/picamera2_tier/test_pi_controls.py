"""What can be set on the Pi camera through the real picamera2, looked at in its pictures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import simplejpeg

from camera import image
from camera.backend import Control
from camera.capture import Capture
from camera.hub import Frame, FrameHub, Subscription
from camera.pi import PiBackend
from camera.pi_readings import PERIOD_S
from camera.tuning import Tuning
from errors import ControlRefused
from settings import CameraSettings
from tests.picamera2_tier.conftest import DEADLINE_S, OpenCamera, until

Open = Callable[..., OpenCamera]
CHANGES = 7
MOVED = 20


# The bars of libcamera's virtual camera from left to right, 1 for blue, 2 for green, 4 for red; they wander.
BARS = [7, 6, 3, 2, 5, 4, 1, 0]


def bars_in(jpeg: bytes) -> list[int]:
    """The places in BARS of the color bars that a picture shows, from left to right."""
    row = image.decode(jpeg)[100].astype(int)
    colors = (row > 100).astype(int) @ [1, 2, 4]
    runs = np.split(colors, np.flatnonzero(np.diff(colors)) + 1)
    return [BARS.index(run[0]) for run in runs if len(run) > 8]


def is_mirrored(jpeg: bytes) -> bool:
    steps = {int(step) for step in np.diff(bars_in(jpeg)) % len(BARS)}
    assert steps in ({1}, {len(BARS) - 1}), steps
    return steps == {len(BARS) - 1}


def control_of(backend: PiBackend, name: str) -> Control:
    return next(control for control in backend.controls if control.name == name)


def crop_of_the_camera() -> tuple[int, ...]:
    """What libcamera was told last."""
    import virtual_isp

    return tuple(virtual_isp._set["Virtual0"]["ScalerCrop"].to_tuple())


def test_zoom_is_a_part_of_the_sensor(open_camera: Open) -> None:
    camera = open_camera(width=1280, height=720)
    assert len(bars_in(camera.picture().jpeg)) in (8, 9)
    zoom = control_of(camera.backend, "zoom_absolute")
    assert (zoom.kind, zoom.minimum, zoom.maximum, zoom.value, zoom.unit) == ("number", 1, 8, 1, "\u00d7")
    assert camera.backend.set_control("zoom_absolute", 4) == 4
    until(lambda: len(bars_in(camera.picture().jpeg)) in (2, 3), "a picture of a quarter of the sensor")
    assert crop_of_the_camera() == (1728, 972, 1152, 648)
    camera.backend.set_control("pan_absolute", -1)
    camera.backend.set_control("tilt_absolute", 1)
    until(lambda: camera.picture() and crop_of_the_camera() == (0, 0, 1152, 648), "the upper left corner")
    assert [control_of(camera.backend, name).value for name in ("zoom_absolute", "pan_absolute")] == [4, -1]


def test_zoom_is_there_from_the_first_picture_when_the_camera_opens_again_in_another_shape(open_camera: Open) -> None:
    camera = open_camera(width=1280, height=720)
    camera.picture()
    camera.backend.set_control("zoom_absolute", 4)
    camera.close()
    camera.backend.settings_for = lambda info, settings: settings.model_copy(update={"width": 640, "height": 480})
    again = OpenCamera(camera.backend)
    try:
        assert len(bars_in(again.picture().jpeg)) in (2, 3)
        assert crop_of_the_camera() == (1872, 972, 864, 648), "a quarter of what 4:3 shows of a sensor of 16:9"
    finally:
        again.close()


def test_what_the_camera_decides_by_itself_is_read_back_and_moves(open_camera: Open) -> None:
    camera = open_camera()
    camera.picture()
    names = ("exposure_absolute", "gain", "white_balance_temperature")
    until(lambda: camera.picture() and control_of(camera.backend, names[0]).value is not None, "a reading")
    found = {control.name: control for control in camera.backend.controls}
    assert 10000 <= (found["exposure_absolute"].value or 0) < 15000
    assert [found[name].value for name in names[1:]] == [2.5, 4700]
    assert [found[name].reason for name in names] == [
        "exposure_auto is on", "exposure_auto is on", "white_balance_auto is on",
    ]  # fmt: skip
    value, until_s = new_exposure(camera)
    again = control_of(camera.backend, "exposure_absolute").value
    while time.monotonic() >= until_s:  # the machine stood still in between
        value, until_s = new_exposure(camera)
        again = control_of(camera.backend, "exposure_absolute").value
    assert again == value, f"read once in {PERIOD_S:g} s at most"
    camera.backend.set_control("focus_auto", 1)
    until(lambda: camera.picture() and control_of(camera.backend, "focus_absolute").value == 0.25, "the lens's place")


def new_exposure(camera: OpenCamera) -> tuple[float | None, float]:
    """An exposure that follows the light, and the time (monotonic) before which it is not read again."""
    was = control_of(camera.backend, "exposure_absolute").value
    asked_at, value = 0.0, was
    deadline = time.monotonic() + DEADLINE_S
    while value in (was, None):
        camera.picture()
        asked_at = time.monotonic()
        assert asked_at < deadline, "the exposure stayed the same"
        value = control_of(camera.backend, "exposure_absolute").value
    return value, asked_at + PERIOD_S


def test_exposure_by_hand_is_what_was_set(open_camera: Open) -> None:
    camera = open_camera()
    camera.picture()
    camera.backend.set_control("exposure_auto", 0)
    camera.backend.set_control("exposure_absolute", 20000)
    assert control_of(camera.backend, "exposure_absolute").value == 20000


def test_focus_is_automatic_by_hand_by_steps_and_reset(make_backend: Callable[..., PiBackend]) -> None:
    with staged(make_backend()) as stage:
        stage.tuning.change({"focus_auto": True}, "anna")
        assert control_of(stage.backend, "focus_absolute").reason == "focus_auto is on"
        stage.tuning.focus(value=0.4, by="anna")
        assert [control_of(stage.backend, name).value for name in ("focus_auto", "focus_absolute")] == [0, 0.4]
        stage.tuning.focus(steps=2, by="anna")
        assert control_of(stage.backend, "focus_absolute").value == pytest.approx(0.5)
        stage.tuning.reset(["focus_absolute"], "anna")
        lens = control_of(stage.backend, "focus_absolute")
        assert lens.value == lens.default == 0.0667


def test_a_control_that_picamera2_refuses_is_said_and_the_stream_goes_on(
    open_camera: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from picamera2 import Picamera2

    def refuse(camera: Picamera2, controls: object) -> None:
        raise RuntimeError("Control Brightness is not advertised by libcamera")

    camera = open_camera()
    camera.picture()
    with monkeypatch.context() as broken:
        broken.setattr(Picamera2, "set_controls", refuse)
        with pytest.raises(ControlRefused, match=r"Pi camera imx708 refuses brightness 0.5: .* not advertised"):
            camera.backend.set_control("brightness", 0.5)
    assert control_of(camera.backend, "brightness").value == 0
    assert camera.backend.set_control("brightness", 0.5) == 0.5
    camera.picture()


class Stage:
    """A running capture over the Pi camera, what may be changed about it, and somebody who watches."""

    def __init__(self, backend: PiBackend, tuning: Tuning, hub: FrameHub, frames: Subscription) -> None:
        self.backend = backend
        self.tuning = tuning
        self.hub = hub
        self._frames = frames

    def frame(self) -> Frame:
        return next(frame for frame in self._frames if frame is not None and frame.is_live)

    def frames_until(self, is_seen: Callable[[Frame], bool]) -> int:
        """How many frames after now the first is one of those."""
        last = self.hub.published
        while not is_seen(frame := self.frame()):
            assert frame.number < last + 60
        return max(0, frame.number - last)


@contextmanager
def staged(backend: PiBackend) -> Iterator[Stage]:
    hub, settings = FrameHub(), CameraSettings(camera="pi")
    capture = Capture(backend, hub, settings)
    tuning = Tuning(backend, capture, hub)
    capture.start()
    try:
        with hub.subscribe(backlog=60) as frames:
            stage = Stage(backend, tuning, hub, frames)
            stage.frame()
            yield stage
    finally:
        capture.stop(DEADLINE_S)


def shade(frame: Frame) -> float:
    return float(image.decode(frame.jpeg).mean())


@pytest.mark.parametrize("encoder", ["works", "refuses"])
def test_a_change_is_seen_within_three_frames(
    encoder: str, make_backend: Callable[..., PiBackend], codec: Callable[[str], None]
) -> None:
    """The usual number of frames: on a busy machine one in a while may come later."""
    codec(encoder)
    with staged(make_backend(width=1280, height=720)) as stage:
        counts = []
        for number in range(CHANGES):
            before = shade(stage.frame())
            stage.tuning.change({"brightness": 0.0 if number % 2 else 0.5}, "anna")
            counts.append(stage.frames_until(lambda frame, was=before: abs(shade(frame) - was) > MOVED))
        assert statistics.median(counts) <= 3, counts


def test_filters_on_the_pi_camera_gray_half_and_flipped(make_backend: Callable[..., PiBackend]) -> None:
    with staged(make_backend()) as stage:
        assert not is_mirrored(stage.frame().jpeg)
        stage.tuning.change({"flip_horizontal": True}, "anna")
        until(lambda: is_mirrored(stage.frame().jpeg), "the picture mirrored")
        stage.tuning.change({"grayscale": True, "half_resolution": True}, "anna")
        until(lambda: image.size_of(stage.frame().jpeg) == (320, 240), "half the size")
        assert simplejpeg.decode_jpeg_header(stage.frame().jpeg)[2] == "Gray"
