"""The USB backend on the kernel's `vivid`, a camera that sends raw pictures and makes every driver error."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import numpy as np
import pytest
from linuxpy.video import device as linux

from camera import image, v4l2
from camera.capture import Capture
from camera.hub import FrameHub
from camera.tuning import Tuning
from camera.usb import UsbBackend
from errors import CameraLost, ControlRefused, NoCamera
from settings import CameraSettings
from tests.fakes import DEADLINE_S
from tests.metronome import Metronome, within

DEVICE = "/dev/video0"
SIZE = {"width": 640, "height": 360}
# vivid's 75 % color bars, BGR
BARS = [(191, 191, 191), (0, 191, 191), (191, 191, 0), (0, 191, 0), (191, 0, 191), (0, 0, 191), (191, 0, 0), (0, 0, 0)]


def inject(control: str, value: int = 1) -> None:
    """Set one of vivid's error controls, which are buttons and numbers no backend offers."""
    with linux.Device(DEVICE) as vivid:
        for entry in linux.iter_read_controls(vivid):
            if re.sub(r"\W+", "_", entry.name.decode()).lower() == control:
                return linux.set_control(vivid, entry.id, value)
    raise AssertionError(f"vivid has no control {control}")


def bars_of(pixels: image.Pixels) -> np.ndarray:
    """The color in the middle of each of the eight bars, below vivid's text."""
    return pixels[320, 40::80].astype(int)


@pytest.mark.parametrize("pixel_format", ["YUYV", "UYVY", "NV12", "BGR3", "RGB3"])
def test_raw_pictures_become_jpeg_with_the_right_colors(
    pixel_format: str, open_camera: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v4l2, "PIXEL_FORMATS", (pixel_format,))
    camera = open_camera(DEVICE, **SIZE)
    picture = camera.picture()
    pixels = image.decode(picture.jpeg)
    assert camera.backend.info.pixel_format == pixel_format
    assert pixels.shape == (360, 640, 3)
    assert (picture.width_px, picture.height_px) == (640, 360)
    assert np.abs(bars_of(pixels) - BARS).max() <= 4


def test_gray_pictures_become_gray_jpeg(open_camera: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v4l2, "PIXEL_FORMATS", ("GREY",))
    brightness = bars_of(image.decode(open_camera(DEVICE, **SIZE).picture().jpeg))
    assert (np.ptp(brightness, axis=1) == 0).all()
    assert (np.diff(brightness[:, 0]) < 0).all()  # color bars go from bright to dark


def test_the_nearest_size_is_taken_and_said(open_camera: Callable) -> None:
    camera = open_camera(DEVICE, width=700, height=400, rate=14)
    picture = camera.picture()
    info = camera.backend.info
    assert (picture.width_px, picture.height_px, info.width_px, info.height_px) == (640, 360, 640, 360)
    assert info.rate_hz == 15
    assert info.name == "platform-vivid.0"


def test_pictures_are_young(open_camera: Callable) -> None:
    camera = open_camera(DEVICE, **SIZE)
    camera.picture()
    with Metronome() as metronome:
        captured_at = camera.picture().captured_at
        age_s, late_s = time.monotonic() - captured_at, metronome.late_s
    assert 0 <= age_s < 1.0 + late_s


def test_brightness_changes_the_picture(open_camera: Callable) -> None:
    camera = open_camera(DEVICE, **SIZE)
    before = image.decode(camera.picture().jpeg).mean()
    try:
        assert camera.backend.set_control("brightness", 250) == 250
        until = time.monotonic() + DEADLINE_S
        while image.decode(camera.picture().jpeg).mean() < before + 40:
            assert time.monotonic() < until, "the picture stayed dark"
    finally:
        camera.backend.set_control("brightness", 128)


def test_controls_are_described(open_camera: Callable) -> None:
    camera = open_camera(DEVICE, **SIZE)
    assert camera.backend.controls == ()
    camera.picture()
    controls = {control.name: control for control in camera.backend.controls}
    brightness, pattern = controls["brightness"], controls["test_pattern"]
    assert (brightness.kind, brightness.minimum, brightness.maximum, brightness.default) == ("integer", 0, 255, 128)
    assert controls["horizontal_flip"].kind == "boolean"
    assert (pattern.kind, pattern.value, pattern.options[0]) == ("menu", 0, (0, "75% Colorbar"))
    assert controls["read_only_integer_32_bits"].reason == "the camera only shows it"
    assert controls["gain"].reason == "gain_auto is on"
    assert controls["button"].kind == "button"
    assert not {"string", "bitmask", "u32_1_element_array"} & controls.keys()


def test_gain_wakes_when_its_automatic_is_switched_off(open_camera: Callable) -> None:
    camera = open_camera(DEVICE, **SIZE)
    camera.picture()
    backend = camera.backend
    with pytest.raises(ControlRefused, match="does not take gain now: gain_auto is on"):
        backend.set_control("gain", 50)
    backend.set_control("gain_auto", 0)
    try:
        assert backend.set_control("gain", 50) == 50
    finally:
        backend.set_control("gain_auto", 1)
    with pytest.raises(ControlRefused, match="does not take read_only_integer_32_bits now: the camera only shows it"):
        backend.set_control("read_only_integer_32_bits", 1)


def test_a_size_that_fails_at_the_start_gives_the_old_one_back() -> None:
    """vivid lists it, and its next start of streaming fails."""
    settings = CameraSettings.model_validate({"camera": "usb", "device": DEVICE, **SIZE})
    backend, hub, kept = UsbBackend(settings), FrameHub(), {}
    backend.start_timeout_s = DEADLINE_S
    capture = Capture(backend, hub, settings)
    tuning = Tuning(backend, capture, hub, kept.get, kept.__setitem__)
    capture.start()
    try:
        with hub.watch():
            assert tuning.describe().info.width_px == 640
            inject("inject_vidioc_streamon_error")
            with pytest.raises(ControlRefused, match=r"cannot do 320x180 .*Invalid argument; it is back at 640x360"):
                tuning.change({"size": "320x180"}, "anna")
            assert capture.state.info.width_px == 640
            tuning.change({"size": "320x180", "brightness": 200}, "anna")
            assert (capture.state.info.width_px, capture.state.info.height_px) == (320, 180)
        tuning.reset(None, "anna")
    finally:
        capture.stop(20)
    assert '"controls": {}, "mode": ["NV12", 320, 180' in kept["camera:platform-vivid.0"]


def test_dropped_buffers_give_heartbeats_and_then_pictures_again(open_camera: Callable) -> None:
    camera = open_camera(DEVICE, **SIZE)
    camera.picture()
    inject("percentage_of_dropped_buffers", 100)
    try:
        until = time.monotonic() + DEADLINE_S
        while camera.next() is not None:
            assert time.monotonic() < until, "pictures kept coming"
    finally:
        inject("percentage_of_dropped_buffers", 0)
    assert image.decode(camera.picture().jpeg).shape == (360, 640, 3)


def test_a_buffer_the_driver_flags_is_counted_and_not_published(open_camera: Callable) -> None:
    camera = open_camera(DEVICE, **SIZE)
    camera.picture()
    inject("inject_v4l2_buf_flag_error")
    until = time.monotonic() + DEADLINE_S
    while camera.backend.broken == 0:
        camera.picture()
        assert time.monotonic() < until, "the flagged buffer was published"
    assert camera.backend.broken == 1


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("inject_vidioc_qbuf_error", "failed: Invalid argument"),
        ("inject_fatal_streaming_error", "failed: Input/output error"),
        ("disconnect", "was unplugged"),
    ],
)
def test_a_fault_while_streaming_loses_the_camera_and_opening_again_heals(
    fault: str, sentence: str, open_camera: Callable
) -> None:
    camera = open_camera(DEVICE, **SIZE)
    camera.picture()
    inject(fault)
    with within(2.0), pytest.raises(CameraLost, match=f"camera platform-vivid.0 {sentence}"):
        for _ in range(20):
            camera.next()
    assert open_camera(DEVICE, **SIZE).picture().width_px == 640


@pytest.mark.parametrize("fault", ["inject_vidioc_reqbufs_error", "inject_vidioc_streamon_error"])
def test_a_fault_at_the_start_is_said_and_the_next_start_works(fault: str, open_camera: Callable) -> None:
    inject(fault)
    with pytest.raises(NoCamera, match="failed: Invalid argument"):
        open_camera(DEVICE, **SIZE).picture()
    assert open_camera(DEVICE, **SIZE).picture().width_px == 640
