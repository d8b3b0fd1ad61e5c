"""The Pi camera where there is none, and its arithmetic. tests/picamera2_tier has the real one."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from camera.pi import PiBackend, find_pi_cameras, pick_camera
from camera.pi_learnt import PiCamera
from camera.pi_modes import choose_sensor_mode, hardware_bitrate, monotonic_s
from camera.pi_readings import PERIOD_S, Readings
from errors import NoCamera, NotSupported
from settings import CameraSettings

LEFT = PiCamera(0, "ov5647", "/base/soc/i2c0mux/i2c@1/ov5647@36")
RIGHT = PiCamera(1, "imx708_wide", "/base/soc/i2c0mux/i2c@0/imx708@1a")
# Sensors as libcamera lists them on a Pi: size, pictures a second, what part of the sensor is read.
IMX219 = [
    {"size": (640, 480), "fps": 103.33, "crop_limits": (1000, 752, 1280, 960), "bit_depth": 10},
    {"size": (1640, 1232), "fps": 41.85, "crop_limits": (0, 0, 3280, 2464), "bit_depth": 10},
    {"size": (1920, 1080), "fps": 47.57, "crop_limits": (680, 692, 1920, 1080), "bit_depth": 10},
    {"size": (3280, 2464), "fps": 21.19, "crop_limits": (0, 0, 3280, 2464), "bit_depth": 10},
    {"size": (1640, 1232), "fps": 83.7, "crop_limits": (0, 0, 3280, 2464), "bit_depth": 8},
]
IMX708 = [
    {"size": (1536, 864), "fps": 120.13, "crop_limits": (768, 432, 3072, 1728), "bit_depth": 10},
    {"size": (2304, 1296), "fps": 56.03, "crop_limits": (0, 0, 4608, 2592), "bit_depth": 10},
    {"size": (4608, 2592), "fps": 14.35, "crop_limits": (0, 0, 4608, 2592), "bit_depth": 10},
]


def settings_for(device: str | None = None) -> CameraSettings:
    return CameraSettings(camera="pi", device=device)


@pytest.fixture
def no_picamera2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without picamera2: returns an empty folder that modules are looked for in, first."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("picamera2", "libcamera")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(p for p in sys.path if "dist-packages" not in p)])
    return tmp_path


def test_without_picamera2_the_way_to_get_it_is_said(no_picamera2: Path) -> None:
    with pytest.raises(NoCamera) as caught:
        next(PiBackend(settings_for()).frames())
    assert str(caught.value) == (
        "picamera2 is not installed (sudo apt install python3-picamera2, and a venv made with --system-site-packages)"
    )
    assert find_pi_cameras() == ([], str(caught.value))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import libcamera_that_is_not_there", "libcamera_that_is_not_there is not installed (sudo apt"),
        ("raise ValueError('numpy.dtype size changed')", "picamera2 cannot be loaded: numpy.dtype size changed"),
        ("raise OSError('libcamera.so.0.5: cannot open')", "picamera2 cannot be loaded: libcamera.so.0.5"),
        ("x = 1", "picamera2 cannot be loaded: cannot import name 'Picamera2'"),
    ],
)
def test_a_broken_picamera2_is_reported_never_raised(no_picamera2: Path, code: str, message: str) -> None:
    (no_picamera2 / "picamera2.py").write_text(code)
    cameras, reason = find_pi_cameras()
    assert cameras == []
    assert message in reason


@pytest.fixture
def fake_listing(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What libcamera lists on a pretended Pi."""
    listing: list[dict[str, Any]] = []

    class Picamera2:
        @staticmethod
        def global_camera_info() -> list[dict[str, Any]]:
            return listing

    module = ModuleType("picamera2")
    module.Picamera2 = Picamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return listing


def test_usb_cameras_that_libcamera_lists_are_not_pi_cameras(fake_listing: list[dict[str, Any]]) -> None:
    webcams = [
        "/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1.3:1.0-0c45:6366",
        "/base/axi/pcie@120000/rp1/usb@200000-1:1.0-046d:0825",
    ]
    fake_listing += [{"Id": webcam, "Model": "HD Webcam", "Num": 0} for webcam in webcams]
    assert find_pi_cameras() == ([], "libcamera sees none")
    fake_listing.insert(0, {"Id": RIGHT.id, "Model": "imx708_wide", "Num": 2})
    assert find_pi_cameras() == ([PiCamera(0, "imx708_wide", RIGHT.id)], "")


def test_no_camera_says_where_to_look(fake_listing: list[dict[str, Any]]) -> None:
    with pytest.raises(NoCamera, match="check its cable with: rpicam-hello --list-cameras"):
        next(PiBackend(settings_for()).frames())


@pytest.mark.parametrize(
    ("wanted", "camera"),
    [(None, LEFT), ("0", LEFT), ("1", RIGHT), ("ov5647", LEFT), ("imx708", RIGHT), ("i2c@0", RIGHT)],
)
def test_a_camera_is_picked_by_number_model_or_connector(wanted: str | None, camera: PiCamera) -> None:
    assert pick_camera([LEFT, RIGHT], wanted) == camera


@pytest.mark.parametrize("wanted", ["2", "imx477", "/dev/video0"])
def test_a_camera_that_is_not_there_names_those_that_are(wanted: str) -> None:
    with pytest.raises(NoCamera) as caught:
        pick_camera([LEFT, RIGHT], wanted)
    assert str(caught.value) == f"no Pi camera {wanted!r}; there is: 0 ov5647 ({LEFT.id}), 1 imx708_wide ({RIGHT.id})"


def test_a_closed_camera_has_no_controls() -> None:
    backend = PiBackend(settings_for("imx708"))
    assert backend.controls == ()
    assert backend.info.name == "Pi camera imx708"
    with pytest.raises(NotSupported, match="is not running"):
        backend.set_control("Brightness", 0.5)


@pytest.mark.parametrize(
    ("modes", "size", "rate_hz", "expected"),
    [
        (IMX219, (1280, 720), 30, {"output_size": (1640, 1232), "bit_depth": 10}),
        (IMX219, (640, 480), 30, {"output_size": (1640, 1232), "bit_depth": 10}),
        (IMX219, (640, 480), 60, {"output_size": (1640, 1232), "bit_depth": 8}),
        (IMX219, (640, 480), 90, {"output_size": (640, 480), "bit_depth": 10}),
        (IMX219, (1920, 1080), 30, {"output_size": (1920, 1080), "bit_depth": 10}),
        (IMX219, (1920, 1080), 10, {"output_size": (3280, 2464), "bit_depth": 10}),
        (IMX708, (1280, 720), 30, {"output_size": (2304, 1296), "bit_depth": 10}),
        (IMX708, (1280, 720), 100, {"output_size": (1536, 864), "bit_depth": 10}),
        (IMX708, (4608, 2592), 30, {"output_size": (2304, 1296), "bit_depth": 10}),
        (IMX708, (1280, 720), 500, None),
        ([{"format": "YUYV"}], (1280, 720), 30, None),
        ([], (1280, 720), 30, None),
    ],
)
def test_the_sensor_mode_with_the_widest_view_is_taken(
    modes: list[dict[str, Any]], size: tuple[int, int], rate_hz: float, expected: dict[str, Any] | None
) -> None:
    assert choose_sensor_mode(modes, size, rate_hz) == expected


def test_the_bit_rate_follows_quality_and_size() -> None:
    assert hardware_bitrate(80, 1920, 1080) == 50_000_000
    assert hardware_bitrate(80, 960, 540) == 12_500_000
    rates = [hardware_bitrate(quality, 1280, 720) for quality in range(1, 101)]
    assert rates == sorted(set(rates))


@pytest.mark.parametrize(
    ("stamp_s", "now_s", "boot_s", "expected"),
    [
        (99.9, 100.0, 100.0, 99.9),  # a machine that never slept: both clocks agree
        (599.9, 100.0, 600.0, 99.9),  # it slept 500 s, and the stamp is of boot time
        (99.9, 100.0, 600.0, 99.9),  # it slept, and the driver's stamp is monotonic
        (600.5, 100.0, 600.0, 100.0),  # a stamp from the future is now
        (None, 100.0, 600.0, 100.0),
    ],
)
def test_a_sensor_stamp_becomes_monotonic_time(
    stamp_s: float | None, now_s: float, boot_s: float, expected: float
) -> None:
    assert monotonic_s(stamp_s, now_s, boot_s) == pytest.approx(expected)


class Answer:
    """A job of picamera2 that is done when the test says so."""

    def __init__(self) -> None:
        self.metadata: dict[str, Any] | Exception | None = None

    def get_result(self, timeout: float) -> dict[str, Any]:
        if self.metadata is None:
            raise TimeoutError
        if isinstance(self.metadata, Exception):
            raise self.metadata
        return self.metadata


class Metadata:
    """A camera whose metadata are asked for."""

    def __init__(self) -> None:
        self.now = 100.0
        self.answers: list[Answer] = []
        self.answers_at_once: list[dict[str, Any]] = []
        self.readings = Readings(self._ask, clock=lambda: self.now)

    def _ask(self) -> Answer:
        self.answers.append(Answer())
        if self.answers_at_once:
            self.answers[-1].metadata = self.answers_at_once.pop(0)
        return self.answers[-1]


def test_metadata_are_read_now_and_then_and_never_twice_in_a_row() -> None:
    camera = Metadata()
    assert camera.readings.newest() == {}
    camera.answers[0].metadata = {"ExposureTime": 1}
    assert [dict(camera.readings.newest()) for _ in range(5)] == [{"ExposureTime": 1}] * 5
    assert len(camera.answers) == 1, "an answer that was late is taken, not asked for again"
    camera.now += PERIOD_S
    assert camera.readings.newest() == {"ExposureTime": 1}
    camera.answers[1].metadata = {"ExposureTime": 2}
    assert camera.readings.newest() == {"ExposureTime": 2}


def test_what_an_order_made_of_the_frames_is_read_from_a_later_one_at_once() -> None:
    camera = Metadata()
    camera.answers_at_once = [{"ColourTemperature": temperature} for temperature in (4700, 4700, 3000, 3000)]
    assert camera.readings.after(3) == {"ColourTemperature": 3000}
    assert camera.readings.after(1) == {"ColourTemperature": 3000}, "and not only once in a second"
    with pytest.raises(TimeoutError, match="it does not tell what it made of the frames before"):
        camera.readings.after(1)


def test_metadata_of_a_camera_that_ends_are_none() -> None:
    camera = Metadata()
    camera.readings.newest()
    camera.answers[0].metadata = RuntimeError("camera stopped")
    assert camera.readings.newest() == {}
    camera.now += PERIOD_S
    camera.readings.newest()
    camera.readings.forget()
    camera.readings.newest()
    assert len(camera.answers) == 3
