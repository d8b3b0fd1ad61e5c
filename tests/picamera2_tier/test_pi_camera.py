"""The Pi camera through the real picamera2: pictures, controls, faults, and letting go of the camera."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from camera import image
from camera.backend import Picture, is_whole_jpeg
from camera.capture import Capture
from camera.hub import FrameHub
from camera.pi import PiBackend, find_pi_cameras
from camera.tuning import Tuning
from errors import CameraLost, ControlRefused, NoCamera, NotSupported
from settings import CameraSettings
from tests.metronome import Metronome
from tests.picamera2_tier.conftest import DEADLINE_S, OpenCamera, until

BY_CODEC = b"virtual pi codec"
PROJECT = Path(__file__).resolve().parents[2]

Open = Callable[..., OpenCamera]


def brightness_of(picture: Picture) -> float:
    return float(image.decode(picture.jpeg).mean())


def pictures_at(camera: OpenCamera, count: int, least_hz: float, most_hz: float) -> list[Picture]:
    """So many pictures, that come at such a rate by the sensor's times, but for what the machine was late meanwhile."""
    with Metronome() as metronome:
        pictures = camera.pictures(count)
        late_s = metronome.late_s
    took_s = pictures[-1].captured_at - pictures[0].captured_at
    assert took_s > (count - 1) / most_hz
    assert took_s - late_s < (count - 1) / least_hz
    return pictures


def handles() -> tuple[int, int]:
    """(open descriptors, threads) of this process."""
    return len([*Path("/proc/self/fd").iterdir()]), threading.active_count()


def are_all_back(before: tuple[int, int]) -> bool:
    """Whether there are no more than before; a thread that was told to end may take a moment."""
    return all(now <= was for now, was in zip(handles(), before, strict=True))


def test_both_cameras_are_found_by_their_names() -> None:
    cameras, reason = find_pi_cameras()
    assert {camera.model: camera.id for camera in cameras} == {"imx708": "Virtual0", "ov5647": "Virtual1"}
    assert reason == ""


def test_the_number_is_the_one_picamera2_takes(open_camera: Open) -> None:
    for camera in find_pi_cameras()[0]:
        opened = open_camera(str(camera.number))
        opened.picture()
        assert opened.backend.info.name == f"Pi camera {camera.model}"
        opened.close()


def test_pictures_have_the_size_and_the_rate(open_camera: Open) -> None:
    camera = open_camera(width=1280, height=720)
    camera.picture()
    pictures = pictures_at(camera, 45, 15, 33)
    assert all(is_whole_jpeg(picture.jpeg) for picture in pictures)
    assert {image.decode(picture.jpeg).shape for picture in pictures[:3]} == {(720, 1280, 3)}
    assert {picture[2:] for picture in pictures} == {(1280, 720)}
    info = camera.backend.info
    assert (info.kind, info.pixel_format, info.width_px, info.height_px, info.rate_hz) == (
        "pi", "YUV420", 1280, 720, 30.0,
    )  # fmt: skip


def test_the_size_the_camera_really_gives_is_believed(open_camera: Open) -> None:
    camera = open_camera("ov5647", width=801, height=601)
    assert image.size_of(camera.picture().jpeg) == (640, 480)
    assert (camera.backend.info.width_px, camera.backend.info.height_px) == (640, 480)


def test_the_rate_asked_for_reaches_the_camera(open_camera: Open) -> None:
    camera = open_camera(rate=10)
    camera.pictures(6)
    pictures_at(camera, 8, 4, 12)
    assert camera.backend.info.rate_hz == 10


def test_quality_is_the_jpeg_quality(open_camera: Open) -> None:
    sizes = []
    for quality in (20, 90):
        camera = open_camera(quality=quality)
        sizes.append(len(camera.picture().jpeg))
        camera.close()
    assert sizes[1] > 1.3 * sizes[0]


def test_pictures_are_stamped_with_the_sensors_time(open_camera: Open) -> None:
    camera = open_camera()
    times = [picture.captured_at for picture in camera.pictures(4)]
    with Metronome() as metronome:
        times += [picture.captured_at for picture in camera.pictures(10)]
        now_s, late_s = time.monotonic(), metronome.late_s
    assert times == sorted(set(times))
    assert now_s - 2 - late_s < times[4] < times[-1] <= now_s


def test_two_cameras_run_at_once(open_camera: Open) -> None:
    left, right = open_camera("ov5647"), open_camera("imx708", width=1280, height=720)
    for _ in range(5):
        assert image.size_of(left.picture().jpeg) == (640, 480)
        assert image.size_of(right.picture().jpeg) == (1280, 720)


def test_brightness_shows_in_the_picture(open_camera: Open) -> None:
    camera = open_camera()
    before = brightness_of(camera.pictures(3)[-1])
    assert camera.backend.set_control("brightness", 0.5) == 0.5
    until(lambda: brightness_of(camera.picture()) >= before + 30, "a brighter picture")
    control = next(control for control in camera.backend.controls if control.name == "brightness")
    assert (control.kind, control.minimum, control.maximum, control.default, control.value) == (
        "number", -1.0, 1.0, 0.0, 0.5,
    )  # fmt: skip


def test_controls_are_described_for_people(open_camera: Open) -> None:
    camera = open_camera()
    camera.picture()
    controls = {control.name: control for control in camera.backend.controls}
    assert (controls["exposure_auto"].kind, controls["exposure_auto"].label) == ("boolean", "AeEnable")
    assert (controls["exposure_absolute"].kind, controls["exposure_absolute"].unit) == ("integer", "us")
    assert controls["exposure_absolute"].reason == "exposure_auto is on"
    assert controls["awb_mode"].options[:3] == ((0, "Auto"), (1, "Incandescent"), (2, "Tungsten"))
    lens = controls["focus_absolute"]
    assert (lens.kind, lens.minimum, lens.maximum, lens.step, lens.label) == ("number", 0, 1, 0.05, "LensPosition")
    assert not {"frame_duration_limits", "colour_gains", "af_trigger", "af_mode"} & controls.keys()


def test_values_are_clamped_and_unknown_controls_refused(open_camera: Open) -> None:
    camera = open_camera()
    camera.picture()
    assert camera.backend.set_control("brightness", 7) == 1.0
    assert camera.backend.set_control("awb_mode", 2.4) == 2.0
    with pytest.raises(NotSupported, match="has no control hue"):
        camera.backend.set_control("hue", 1)
    camera.picture()


def test_focus_and_exposure_by_hand_need_the_automatic_off(open_camera: Open) -> None:
    camera = open_camera()
    camera.picture()
    backend = camera.backend
    with pytest.raises(ControlRefused, match="does not take exposure_absolute now: exposure_auto is on"):
        backend.set_control("exposure_absolute", 10000)
    for automatic, control, value in (
        ("exposure_auto", "exposure_absolute", 10000),
        ("focus_auto", "focus_absolute", 0.4),
    ):
        assert backend.set_control(automatic, 1) == 1
        with pytest.raises(ControlRefused):
            backend.set_control(control, value)
        assert backend.set_control(automatic, 0) == 0
        assert backend.set_control(control, value) == value
    camera.picture()


def test_what_was_set_is_there_from_the_first_picture_when_the_camera_opens_again(open_camera: Open) -> None:
    camera = open_camera()
    before = brightness_of(camera.pictures(3)[-1])
    camera.backend.set_control("brightness", 0.5)
    camera.close()
    again = OpenCamera(camera.backend)
    try:
        assert brightness_of(again.picture()) > before + 30
    finally:
        again.close()


def test_the_modes_are_usual_sizes_and_each_can_be_had(open_camera: Open) -> None:
    camera = open_camera()
    camera.picture()
    modes = {(mode.width_px, mode.height_px): mode for mode in camera.backend.modes}
    assert {(1920, 1080), (1280, 720), (640, 480), (320, 240)} <= set(modes)
    assert 30 in modes[1280, 720].rates_hz
    camera.backend.settings_for = lambda info, settings: settings.model_copy(update={"width": 1920, "height": 1080})
    camera.close()
    again = OpenCamera(camera.backend)
    try:
        assert image.size_of(again.picture().jpeg) == (1920, 1080)
    finally:
        again.close()


def test_what_is_set_is_remembered_by_the_cameras_name_and_id(make_backend: Callable[..., PiBackend]) -> None:
    backend, hub, kept = make_backend(), FrameHub(), {}
    capture = Capture(backend, hub, CameraSettings(camera="pi"))
    tuning = Tuning(backend, capture, hub, kept.get, kept.__setitem__)
    capture.start()
    try:
        tuning.change({"brightness": 0.5}, "anna")
        assert '"brightness": 0.5' in kept["camera:Pi camera imx708 Virtual0"]
        assert tuning.describe().modes
    finally:
        capture.stop(DEADLINE_S)


def test_a_busy_camera_says_so_and_can_be_had_afterwards(open_camera: Open) -> None:
    first, second = open_camera(), open_camera()
    first.picture()
    with pytest.raises(NoCamera, match="Pi camera imx708 cannot be opened: another program uses it"):
        second.picture()
    assert is_whole_jpeg(first.picture().jpeg)
    first.close()
    assert is_whole_jpeg(open_camera().picture().jpeg)


def test_nothing_is_left_behind_by_closing_and_by_failing(open_camera: Open) -> None:
    first = open_camera()
    first.picture()
    for _ in range(2):  # the first failure loads what stays loaded
        with pytest.raises(NoCamera):
            open_camera().picture()
    before = handles()
    for _ in range(10):
        with pytest.raises(NoCamera):
            open_camera().picture()
    until(lambda: are_all_back(before), f"no more than {before}")
    first.close()
    before = handles()
    for _ in range(4):
        camera = open_camera()
        camera.picture()
        camera.close()
    until(lambda: are_all_back(before), f"no more than {before}")


def test_a_camera_that_is_not_there_names_the_others(open_camera: Open) -> None:
    with pytest.raises(NoCamera, match=r"no Pi camera 'imx477'; there is: 0 ov5647 \(Virtual1\), 1 imx708"):
        open_camera("imx477").picture()


def test_the_boards_encoder_is_used_where_there_is_one(open_camera: Open, codec: Callable[[str], None]) -> None:
    codec("works")
    camera = open_camera(width=1280, height=720)
    with Metronome() as metronome:
        pictures = camera.pictures(2) + pictures_at(camera, 18, 15, 33)
        now_s, late_s = time.monotonic(), metronome.late_s
    assert all(BY_CODEC in picture.jpeg and is_whole_jpeg(picture.jpeg) for picture in pictures)
    assert image.decode(pictures[0].jpeg).shape == (720, 1280, 3)
    assert now_s - 2 - late_s < pictures[-1].captured_at <= now_s
    camera.close()
    in_software = open_camera(width=2304, height=1296).picture()
    assert BY_CODEC not in in_software.jpeg, "too large for the board's encoder"
    assert image.size_of(in_software.jpeg) == (2304, 1296)


def test_hardware_and_software_make_the_same_picture(open_camera: Open, codec: Callable[[str], None]) -> None:
    in_software = open_camera()
    expected = image.decode(in_software.pictures(2)[-1].jpeg).mean((0, 1))
    in_software.close()
    codec("works")
    assert image.decode(open_camera().picture().jpeg).mean((0, 1)) == pytest.approx(expected, abs=2)


def test_the_boards_encoder_follows_the_quality(open_camera: Open, codec: Callable[[str], None]) -> None:
    codec("works")
    sizes = []
    for quality in (20, 90):
        camera = open_camera(width=1280, height=720, quality=quality)
        sizes.append(len(camera.picture().jpeg))
        camera.close()
    assert sizes[1] > 1.3 * sizes[0]


def test_an_encoder_that_refuses_is_replaced_by_software(
    open_camera: Open, codec: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    codec("refuses")
    camera = open_camera()
    for _ in range(2):
        assert BY_CODEC not in camera.picture().jpeg
        camera.close()
        camera = OpenCamera(camera.backend)
    assert caplog.text.count("the board's JPEG encoder cannot be used") == 1


def test_an_encoder_that_dies_is_a_lost_camera(
    open_camera: Open, codec: Callable[[str], None], no_thread_complaints: None
) -> None:
    codec("works")
    camera = open_camera()
    camera.pictures(3)
    codec("dies")
    with pytest.raises(CameraLost, match="encoder thread died"):
        camera.wait_for_fault()
    codec("works")
    assert BY_CODEC in open_camera().picture().jpeg


@pytest.fixture
def no_thread_complaints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of picamera2 may end by an exception in this test."""
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)


def test_a_software_encoder_that_dies_is_a_lost_camera(
    open_camera: Open, monkeypatch: pytest.MonkeyPatch, no_thread_complaints: None
) -> None:
    from picamera2.encoders import JpegEncoder

    camera = open_camera()
    camera.pictures(3)
    with monkeypatch.context() as broken:
        broken.setattr(JpegEncoder, "encode_func", lambda *arguments: 1 / 0)
        with pytest.raises(CameraLost, match="encoder thread died"):
            camera.wait_for_fault()
    assert is_whole_jpeg(open_camera().picture().jpeg)


def test_an_event_loop_that_dies_is_a_lost_camera_and_closing_does_not_hang(
    open_camera: Open, monkeypatch: pytest.MonkeyPatch, no_thread_complaints: None
) -> None:
    from picamera2 import Picamera2

    camera = open_camera()
    camera.pictures(3)
    with monkeypatch.context() as broken:
        broken.setattr(Picamera2, "process_requests", lambda *arguments: 1 / 0)
        with pytest.raises(CameraLost, match="camera thread died"):
            camera.wait_for_fault()
    assert is_whole_jpeg(open_camera().picture().jpeg)


def test_capture_wakes_it_lets_it_sleep_and_wakes_it_again(make_backend: Callable[..., PiBackend]) -> None:
    backend, hub = make_backend(), FrameHub()
    capture = Capture(backend, hub, CameraSettings(camera="pi", idle_timeout_s=0.1))
    capture.start()
    try:
        for _ in range(2):
            with hub.subscribe() as subscription:
                frame = next(frame for frame in subscription if frame is not None and frame.is_live)
                assert image.decode(frame.jpeg).shape == (480, 640, 3)
                assert capture.state.state == "live"
            # It is said to sleep before it is closed.
            until(lambda: capture.state.state == "idle" and backend.controls == (), "the camera to sleep")
    finally:
        capture.stop(DEADLINE_S)


def in_a_process(code: str, **environment: str) -> str:
    """What a fresh Python prints, with the camera room at hand."""
    head = "from camera.pi import *\nfrom camera.backend import is_whole_jpeg\nfrom settings import CameraSettings\n"
    done = subprocess.run(
        [sys.executable, "-c", head + code],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_pi_5_encodes_in_software() -> None:
    code = (
        "frames = PiBackend(CameraSettings(camera='pi', device='imx708')).frames()\n"
        "jpeg = next(picture.jpeg for picture in frames if picture)\n"
        "frames.close()\n"
        "print(is_whole_jpeg(jpeg), b'virtual pi codec' in jpeg)"
    )
    assert in_a_process(code, VPI_PLATFORM="pisp", VPI_CODEC="works") == "True False\n"
    assert in_a_process(code, VPI_CODEC="works") == "True True\n"


def test_a_pi_without_a_camera_says_so() -> None:
    code = (
        "print(find_pi_cameras())\n"
        "try: next(PiBackend(CameraSettings(camera='pi')).frames())\n"
        "except NoCamera as error: print(error)"
    )
    printed = in_a_process(code, LIBCAMERA_PIPELINES_MATCH_LIST="simple")
    assert printed.splitlines() == [
        "([], 'libcamera sees none')",
        "no Pi camera: libcamera sees none; check its cable with: rpicam-hello --list-cameras",
    ]
