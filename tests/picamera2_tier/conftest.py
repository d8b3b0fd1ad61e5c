"""Fixtures of the picamera2 tier: the real picamera2 and libcamera, whose cameras are virtual.

`make test-picamera2` runs this folder inside the set-up of tests/virtual_pi: an imx708 of up to 2304x1296
and an ov5647 of 640x480. picamera2 takes the machine for a Pi 4; VPI_CODEC gives it that board's JPEG encoder.

The folder is not called picamera2: as a folder beside test modules it would hide that a machine has none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from camera.backend import Picture
from camera.pi import PiBackend
from settings import CameraSettings

DEADLINE_S = 20.0


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition that the camera brings about."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S:g} s: {what}"
        time.sleep(0.005)


def pytest_configure(config: pytest.Config) -> None:
    # The set-up's Python is newer than what picamera2 and its videodev2 were written for.
    config.addinivalue_line("filterwarnings", r"ignore::DeprecationWarning:picamera2\..*")
    config.addinivalue_line("filterwarnings", "ignore:Due to '_pack_':DeprecationWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.picamera2)
            if "VPI_PICAMERA2" not in os.environ:
                item.add_marker(pytest.mark.skip(reason="needs the real picamera2: make test-picamera2"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that only skipped proved nothing: it fails as if it had found no test."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    ran = reporter is not None and {"passed", "failed", "error"} & reporter.stats.keys()
    if "VPI_PICAMERA2" in os.environ and not ran:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


class OpenCamera:
    """A backend whose pictures a test takes one by one."""

    def __init__(self, backend: PiBackend) -> None:
        self.backend = backend
        self._pictures = backend.frames()

    def picture(self) -> Picture:
        """The next picture, passing over heartbeats."""
        until = time.monotonic() + DEADLINE_S
        for picture in self._pictures:
            if picture is not None:
                return picture
            assert time.monotonic() < until, "no picture came"
        raise AssertionError("the camera ended its pictures")

    def pictures(self, count: int) -> list[Picture]:
        return [self.picture() for _ in range(count)]

    def wait_for_fault(self) -> None:
        """Take pictures until the camera raises."""
        until = time.monotonic() + DEADLINE_S
        for _ in self._pictures:
            assert time.monotonic() < until, "nothing was raised"

    def close(self) -> None:
        self._pictures.close()  # type: ignore[attr-defined]


@pytest.fixture
def make_backend() -> Callable[..., PiBackend]:
    def make(device: str | None = "imx708", **options: Any) -> PiBackend:
        values = {"camera": "pi", "device": device, "width": 640, "height": 480, **options}
        return PiBackend(CameraSettings.model_validate(values))

    return make


@pytest.fixture
def open_camera(make_backend: Callable[..., PiBackend]) -> Iterator[Callable[..., OpenCamera]]:
    """Opens a camera by device and settings; closed at the end of the test."""
    opened: list[OpenCamera] = []

    def open_(device: str | None = "imx708", **options: Any) -> OpenCamera:
        opened.append(OpenCamera(make_backend(device, **options)))
        return opened[-1]

    yield open_
    for camera in opened:
        camera.close()


@pytest.fixture(autouse=True)
def no_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without /dev/video11, unless a test says otherwise."""
    monkeypatch.delenv("VPI_CODEC", raising=False)


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch, no_codec: None) -> Callable[[str], None]:
    """Puts the Pi 4's JPEG encoder into a state: works, refuses or dies."""
    return lambda state: monkeypatch.setenv("VPI_CODEC", state)
