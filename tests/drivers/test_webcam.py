"""The USB backend on a USB webcam that can be pulled out, frozen and broken, behind the kernel's uvcvideo."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from camera import image
from camera.capture import Capture
from camera.hub import Frame, FrameHub
from camera.usb import UsbBackend, find_usb_cameras
from errors import CameraLost, ControlRefused, NoCamera, NotSupported
from settings import CameraSettings
from tests.drivers.webcams import SIZE, Webcam
from tests.fakes import wait_until
from tests.metronome import Metronome, within

NOBODY = 65534
# What a test may wait for things that take a second or two outside the VM, which runs 10 to 20 times slower.
SLACK_S = 20.0


def test_both_webcams_are_found_once_by_their_lasting_names(webcams: list[Webcam]) -> None:
    found = [camera for camera in find_usb_cameras() if "Soft_Camera" in camera.name]
    assert [camera.path for camera in found] == [webcam.link for webcam in webcams]
    assert found[0].name == "usb-Virtual_Pi_Soft_Camera_CAM0001"
    assert "Soft Camera" in found[0].label


def test_a_usb_camera_comes_before_a_virtual_one(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera(None)
    camera.picture()
    assert camera.backend.info.name == "usb-Virtual_Pi_Soft_Camera_CAM0001"


def test_the_cameras_own_jpeg_is_passed_on_byte_for_byte(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera(str(webcam.link))
    pictures = [camera.picture() for _ in range(20)]
    assert {picture.jpeg for picture in pictures} <= set(webcam.jpegs)
    assert len({picture.jpeg for picture in pictures}) > 5
    assert all((picture.width_px, picture.height_px) == SIZE for picture in pictures)
    info = camera.backend.info
    assert (info.kind, info.pixel_format, info.width_px, info.height_px, info.rate_hz) == ("usb", "MJPG", *SIZE, 30)


def test_capture_times_rise_and_are_now(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    with Metronome() as metronome:
        times = [camera.picture().captured_at for _ in range(9)]
        late_s = metronome.late_s
        times.append(camera.picture().captured_at)
        age_s, late_s = time.monotonic() - times[-1], metronome.late_s - late_s
    assert times == sorted(set(times))
    assert 0 <= age_s < 1.0 + late_s


def test_two_cameras_are_told_apart_while_both_stream(webcams: list[Webcam], open_camera: Callable) -> None:
    cameras = [open_camera(webcam.serial) for webcam in webcams]
    for _ in range(5):
        for camera, webcam in zip(cameras, webcams, strict=True):
            assert camera.picture().jpeg in webcam.jpegs


def test_a_pause_is_followed_by_a_new_picture(webcam: Webcam, open_camera: Callable) -> None:
    """After a pause all buffers hold old pictures; the newest of them comes first, then live ones."""
    camera = open_camera("CAM0001")
    camera.picture()
    seen = webcam.sent()
    wait_until(lambda: webcam.sent() >= seen + 6, "pictures that nobody takes")
    webcam.freeze()  # what comes while the old ones are looked through would be the newest
    before = time.monotonic()
    assert camera.picture().captured_at < before
    webcam.order("thaw")
    assert camera.picture().captured_at > before


def test_a_busy_camera_is_said_to_be_busy(webcam: Webcam, open_camera: Callable) -> None:
    first = open_camera("CAM0001")
    first.picture()
    with pytest.raises(NoCamera, match="camera usb-Virtual_Pi_Soft_Camera_CAM0001 is in use by another program"):
        open_camera("CAM0001").picture()
    first.picture()
    first.close()
    assert open_camera("CAM0001").picture().jpeg in webcam.jpegs


def test_an_unplug_is_noticed_at_once_and_a_replug_healed(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    camera.picture()
    webcam.order("unplug")
    lost = pytest.raises(CameraLost, match="camera usb-Virtual_Pi_Soft_Camera_CAM0001 was unplugged")
    with within(1.0), lost:
        for _ in range(20):
            camera.next()
    wait_until(webcam.is_gone, "the kernel to let go", SLACK_S)
    with pytest.raises(NoCamera, match=r"CAM0001.*there is usb-Virtual_Pi_Soft_Camera_CAM0002"):
        open_camera("CAM0001").picture()
    with pytest.raises(NoCamera, match=f"there is no camera {webcam.link}; there is"):
        open_camera(str(webcam.link)).picture()
    webcam.plug()
    assert next(p for p in camera.backend.frames() if p).jpeg in webcam.jpegs


def test_a_frozen_camera_gives_heartbeats_and_no_pictures(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    camera.picture()
    webcam.order("freeze")
    beats: list[bool] = []
    started = time.monotonic()
    while beats[-3:] != [True, True, True]:  # before the last picture a busy machine may make a beat of its own
        beats.append(camera.next() is None)
        assert time.monotonic() - started < SLACK_S, "pictures kept coming"
    webcam.order("thaw")
    assert camera.picture().jpeg in webcam.jpegs


@pytest.mark.parametrize("fault", ["truncate", "behead"])
def test_broken_pictures_are_never_published(fault: str, webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    camera.picture()
    webcam.order(fault)
    beats = 0
    until = time.monotonic() + SLACK_S
    while beats < 2 or camera.backend.broken < 5:  # a busy machine may make beats of its own
        picture = camera.next()
        assert picture is None or picture.jpeg in webcam.jpegs
        beats += picture is None
        assert time.monotonic() < until, f"{beats} beats, {camera.backend.broken} broken pictures"
    webcam.order("mend")
    assert camera.picture().jpeg in webcam.jpegs


def test_padding_behind_a_picture_is_cut_off(webcam: Webcam, open_camera: Callable) -> None:
    webcam.order("pad")
    camera = open_camera("CAM0001")
    assert {camera.picture().jpeg for _ in range(5)} <= set(webcam.jpegs)
    assert camera.backend.broken == 0


def test_controls_of_a_streaming_camera_can_be_set(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    camera.picture()
    assert camera.backend.set_control("brightness", 199.7) == 200
    assert camera.backend.set_control("brightness", 999) == 255
    assert camera.backend.set_control("brightness", 128) == 128
    with pytest.raises(NotSupported, match="no control gamma"):
        camera.backend.set_control("gamma", 1)
    camera.close()
    with pytest.raises(NotSupported):
        camera.backend.set_control("brightness", 1)


def test_the_webcams_controls_have_our_names_units_and_ranges(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    camera.picture()
    found = {control.name: control for control in camera.backend.controls}
    expected = {
        "brightness": ("integer", 0, 255, ""),
        "power_line_frequency": ("menu", None, None, ""),
        "white_balance_temperature": ("integer", 2800, 6500, ""),
        "exposure_auto": ("boolean", None, None, ""),
        "exposure_absolute": ("integer", 100, 500000, "us"),
        "focus_absolute": ("number", 0, 1, ""),
        "zoom_absolute": ("integer", 100, 400, ""),
        "pan_absolute": ("number", -10, 10, "deg"),
    }
    listed = {name: (c.kind, c.minimum, c.maximum, c.unit) for name, c in found.items()}
    assert {name: listed.get(name) for name in expected} == expected
    assert {"contrast", "backlight_compensation", "white_balance_auto", "focus_auto", "tilt_absolute"} <= set(found)
    assert (found["focus_absolute"].default, found["focus_absolute"].step) == (0.2, 0.05)
    assert dict(found["power_line_frequency"].options)[1] == "50 Hz"


def test_focus_by_hand_needs_the_automatic_off(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    camera.picture()
    backend = camera.backend
    with pytest.raises(ControlRefused, match="does not take focus_absolute now: focus_auto is on"):
        backend.set_control("focus_absolute", 0.5)
    assert backend.set_control("focus_auto", 0) == 0
    try:
        assert backend.set_control("focus_absolute", 0.5) == 0.5
        assert backend.set_control("focus_absolute", 0.505) == 0.5, "the lens moves in steps of 5 of 250"
    finally:
        backend.set_control("focus_auto", 1)


def test_exposure_by_hand_and_back(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    camera.picture()
    backend = camera.backend
    assert backend.set_control("exposure_auto", 0) == 0
    assert backend.set_control("exposure_absolute", 20000) == 20000
    assert backend.set_control("exposure_auto", 1) == 1
    reasons = {control.name: control.reason for control in backend.controls}
    assert reasons["exposure_absolute"] == "exposure_auto is on"


def test_a_firmware_that_refuses_is_said_and_the_stream_goes_on(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    camera.picture()
    webcam.order("refuse")
    with pytest.raises(ControlRefused, match="camera usb-Virtual_Pi_Soft_Camera_CAM0001 refuses contrast 60"):
        camera.backend.set_control("contrast", 60)
    webcam.order("mend")
    assert camera.backend.set_control("contrast", 60) == 60
    assert camera.backend.set_control("contrast", 32) == 32
    assert camera.picture().jpeg in webcam.jpegs


def test_a_camera_pulled_out_during_a_change_is_lost(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    camera.picture()
    webcam.unplug()
    with pytest.raises(CameraLost):
        camera.backend.set_control("contrast", 60)
    assert camera.backend.controls == ()
    assert camera.backend.modes == ()


def test_modes_are_those_of_the_descriptors_and_each_is_delivered(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001")
    camera.picture()
    modes = camera.backend.modes
    listed = {(mode.pixel_format, mode.width_px, mode.height_px): mode.rates_hz for mode in modes}
    assert listed["MJPG", 640, 480] == (30, 15, 10)
    assert {mode[1:] for mode in listed} == {(1280, 720), (640, 480), (320, 240)}
    camera.backend.settings_for = lambda info, settings: settings.model_copy(
        update={"pixel_format": "YUYV", "width": 320, "height": 240, "rate": 15}
    )
    camera.close()
    picture = next(picture for picture in camera.backend.frames() if picture)
    info = camera.backend.info
    assert image.size_of(picture.jpeg) == (320, 240)
    assert (info.pixel_format, info.rate_hz) == ("YUYV", 15)


def test_brightness_moves_the_mean_of_the_picture(webcam: Webcam, open_camera: Callable) -> None:
    camera = open_camera("CAM0001", width=320, height=240, pixel_format="YUYV")
    before = image.decode(camera.picture().jpeg).mean()
    try:
        camera.backend.set_control("brightness", 200)
        wait_until(lambda: image.decode(camera.picture().jpeg).mean() > before + 20, "a brighter picture", SLACK_S)
    finally:
        camera.backend.set_control("brightness", 128)


def test_a_camera_without_permission_names_the_group(webcam: Webcam, open_camera: Callable) -> None:
    os.seteuid(NOBODY)
    try:
        with pytest.raises(NoCamera, match=r"no permission.*add this user to the group video"):
            open_camera("CAM0001").picture()
    finally:
        os.seteuid(0)


@contextmanager
def captured(device: str, **options: object) -> Iterator[tuple[Capture, list[Frame]]]:
    """A running capture that somebody watches, and every frame it published."""
    settings = CameraSettings.model_validate(
        {"camera": "usb", "device": device, "width": 640, "height": 480, **options}
    )
    hub, frames = FrameHub(), []
    hub.add_sink(frames.append)
    capture = Capture(UsbBackend(settings), hub, settings)
    capture.start()
    try:
        with hub.watch():
            yield capture, frames
    finally:
        capture.stop(SLACK_S)


def wait_for(frames: list[Frame], is_live: bool, what: str) -> Frame:
    """The first frame of the kind that is published from now on."""
    known = len(frames)
    wait_until(lambda: any(frame.is_live == is_live for frame in frames[known:]), what, SLACK_S)
    return next(frame for frame in frames[known:] if frame.is_live == is_live)


def test_a_camera_absent_at_start_is_taken_when_it_is_plugged_in(webcam: Webcam) -> None:
    webcam.unplug()
    with captured("CAM0001") as (capture, frames):
        wait_until(lambda: capture.state.state == "failed", "a failed camera", SLACK_S)
        assert "CAM0001" in (capture.state.reason or "")
        wait_for(frames, False, "a placeholder")
        webcam.plug()
        assert wait_for(frames, True, "live pictures").jpeg in webcam.jpegs


def test_a_frozen_camera_shows_a_placeholder_and_live_pictures_come_back(webcam: Webcam) -> None:
    with captured("CAM0001", stall_timeout_s=2.0) as (capture, frames):
        wait_for(frames, True, "live pictures")
        with within(5.0):
            webcam.order("freeze")
            wait_for(frames, False, "a placeholder")
        assert "no picture from usb-Virtual_Pi_Soft_Camera_CAM0001" in (capture.state.reason or "")
        webcam.order("thaw")
        wait_for(frames, True, "live pictures after the thaw")


def test_a_camera_that_sends_only_broken_pictures_counts_as_frozen(webcam: Webcam) -> None:
    with captured("CAM0001", stall_timeout_s=2.0) as (_, frames):
        wait_for(frames, True, "live pictures")
        with within(5.0):
            webcam.order("truncate")
            wait_for(frames, False, "a placeholder")
        webcam.order("mend")
        wait_for(frames, True, "live pictures after the repair")
        assert {frame.jpeg for frame in frames if frame.is_live} <= set(webcam.jpegs)
