"""Fixtures of the drivers tier: real kernel drivers, software cameras. Runs only inside the test VM.

`make test-drivers` boots the VM of tests/virtual_pi and runs this folder in it. Two USB webcams
(tests/virtual_pi/usbcam.py behind the kernel's uvcvideo) and one raw camera (the kernel's vivid) are there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import settings as settings_file
from camera.backend import Picture
from camera.usb import UsbBackend
from hardware.turret import Turret
from settings import CameraSettings
from tests.drivers.gpio_lines import Lines
from tests.drivers.servo_devices import ADDRESS, Chip, Stub
from tests.drivers.standstills import Standstills
from tests.drivers.webcams import PLUG_S, Webcam, link_of, make_jpegs
from tests.fakes import wait_until

SERIALS = ("CAM0001", "CAM0002")
PROJECT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.drivers)
            if "VPI" not in os.environ:
                item.add_marker(pytest.mark.skip(reason="needs the test VM: make test-drivers"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run in the VM that only skipped proved nothing: it fails as if it had found no test."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if "VPI" in os.environ and reporter is not None and not {"passed", "failed", "error"} & reporter.stats.keys():
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.fixture(scope="session")
def webcams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Webcam]]:
    """The two USB webcams, served by a process of their own."""
    folder = tmp_path_factory.mktemp("frames")
    jpegs = [make_jpegs(folder / serial, tint) for serial, tint in zip(SERIALS, (0, 200), strict=True)]
    command = [sys.executable, "-m", "tests.virtual_pi.usbcam", "serve", *SERIALS, "--frames", str(folder)]
    with subprocess.Popen(command, cwd=PROJECT) as server:
        try:
            for serial in SERIALS:
                wait_until(link_of(serial).exists, f"a device {link_of(serial)}", PLUG_S)
            yield [Webcam(serial, port, jpegs[port]) for port, serial in enumerate(SERIALS)]
        finally:
            server.kill()


@pytest.fixture(autouse=True)
def healthy(request: pytest.FixtureRequest) -> None:
    """Both webcams are plugged in and well before each test that uses one."""
    if "webcams" in request.fixturenames:
        for webcam in request.getfixturevalue("webcams"):
            webcam.reset()


@pytest.fixture
def webcam(webcams: list[Webcam]) -> Webcam:
    """The first webcam."""
    return webcams[0]


class OpenCamera:
    """A backend whose pictures a test takes one by one."""

    def __init__(self, backend: UsbBackend) -> None:
        self.backend = backend
        self.pictures = backend.frames()

    def next(self) -> Picture | None:
        """The next picture, or None for a heartbeat without one."""
        return next(self.pictures)

    def picture(self) -> Picture:
        """The next picture, passing over heartbeats."""
        return next(picture for picture in self.pictures if picture is not None)

    def close(self) -> None:
        self.pictures.close()  # type: ignore[attr-defined]


@pytest.fixture
def open_camera() -> Iterator[Callable[..., OpenCamera]]:
    """Opens a camera by device name; closed at the end of the test."""
    opened: list[OpenCamera] = []

    def open_(device: str | None, **options: object) -> OpenCamera:
        settings = CameraSettings.model_validate({"camera": "usb", "width": 640, "height": 480, **options})
        opened.append(OpenCamera(UsbBackend(settings.model_copy(update={"device": device}))))
        return opened[-1]

    yield open_
    for camera in opened:
        with closing(camera):
            pass


@pytest.fixture
def lines() -> Lines:
    return Lines(Path(os.environ["VPI_GPIO_SYS"]))


@pytest.fixture
def make_turret() -> Iterator:
    turrets: list[Turret] = []

    def make(**sections: dict[str, object]) -> Turret:
        sections.setdefault("turret", {})["hardware"] = "required"
        turrets.append(Turret(settings_file.load(Path("none.txt"), {}, sections)))
        turrets[-1].open()
        return turrets[-1]

    yield make
    for turret in turrets:
        turret.close()


@pytest.fixture
def told_percent(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every share of the time for which lgpio is told to make a pin high, percent."""
    import lgpio

    found: list[float] = []
    tx_pwm = lgpio.tx_pwm

    def tell(handle: int, gpio: int, frequency_hz: float, duty_percent: float) -> int:
        found.append(duty_percent)
        return tx_pwm(handle, gpio, frequency_hz, duty_percent)

    monkeypatch.setattr(lgpio, "tx_pwm", tell)
    return found


@pytest.fixture
def standstills(monkeypatch: pytest.MonkeyPatch) -> Standstills:
    return Standstills(monkeypatch)


@pytest.fixture
def stub() -> Iterator[Stub]:
    subprocess.run(["/sbin/modprobe", "i2c-stub", f"chip_addr={ADDRESS:#x}"], check=True)
    with closing(Stub()) as chip:
        chip.power_on()
        yield chip


@pytest.fixture
def chip() -> Iterator[Chip]:
    found = Chip(next(Path("/sys/class/pwm").glob("pwmchip*")).resolve())
    yield found
    found.unexport()


@pytest.fixture
def pi_root(chip: Chip, tmp_path: Path) -> Path:
    """A `/` in which that chip is a Pi 4's."""
    for folder in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
        folder.chmod(0o755)
    link = tmp_path / "sys/class/pwm/pwmchip0"
    link.mkdir(parents=True)
    (link / "device").symlink_to("../../../../fe20c000.pwm")
    for name in ("export", "unexport", "pwm0", "pwm1"):
        (link / name).symlink_to(chip.folder / name)
    return tmp_path
