"""The whole program in the VM: started as a user starts it, watched over HTTP, its webcam pulled out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from camera import image
from tests.drivers.webcams import SIZE, Webcam
from tests.fakes import PASSWORD, Viewer, basic, free_port, wait_until, watching

DEADLINE_S = 30.0
PROJECT = Path(__file__).resolve().parents[2]
CONFIG = """
[camera]
device = CAM0001
width = {0}
height = {1}
"""


@pytest.fixture(scope="module")
def port(webcams: list[Webcam], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """app.py serving the first webcam; ends as SIGTERM ends it, without a traceback."""
    tmp_path, number = tmp_path_factory.mktemp("program"), free_port()
    (tmp_path / "config.txt").write_text(CONFIG.format(*SIZE))
    command = [sys.executable, "app.py", "--config", str(tmp_path / "config.txt"), "--media", str(tmp_path / "media")]
    environ = {**os.environ, "TURRET_ADMIN_PASSWORD": PASSWORD}
    with (
        (tmp_path / "errors.txt").open("w+") as errors,
        subprocess.Popen(
            [*command, "--camera", "usb", "--host", "127.0.0.1", "--port", str(number)],
            cwd=PROJECT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as program,
    ):
        try:
            assert program.stdout is not None
            greeting = program.stdout.readline()
            assert f":{number}" in greeting, greeting + (tmp_path / "errors.txt").read_text()
            yield number
        finally:
            program.terminate()
            status = program.wait(timeout=20)
            errors.seek(0)
            text = errors.read()
    assert (status, "Traceback" in text) == (0, False), text


def next_part(viewer: Viewer, is_placeholder: bool) -> bytes:
    """The next picture of the kind, passing over at most some seconds of the other kind."""
    for _ in range(600):
        part = viewer.part()
        if part.is_placeholder == is_placeholder:
            return part.body
    raise AssertionError(f"no {'placeholder' if is_placeholder else 'live picture'} within 600 parts")


@pytest.mark.timeout(300)  # Flask and OpenCV take some 15 s to load in the VM, minutes on a busy machine
def test_a_viewer_sees_the_unplug_and_the_replug_in_one_stream(webcam: Webcam, port: int) -> None:
    with watching(port) as viewer:
        assert viewer.status == 200
        assert next_part(viewer, is_placeholder=False) in webcam.jpegs
        webcam.unplug()
        assert next_part(viewer, is_placeholder=True) not in webcam.jpegs
        webcam.plug()
        assert next_part(viewer, is_placeholder=False) in webcam.jpegs
        webcam.order("freeze")
        next_part(viewer, is_placeholder=True)
        webcam.order("thaw")
        assert next_part(viewer, is_placeholder=False) in webcam.jpegs


def ask(port: int, method: str, **values: object) -> dict[str, object]:
    """/api/camera as the admin calls it."""
    body = json.dumps(values).encode() if values else None
    headers = {"Authorization": basic(), "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/camera", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            found: dict[str, object] = json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{error}: {error.read().decode()}") from error
    return found


def change_mode(port: int, **values: object) -> dict[str, object]:
    """Change the mode; where the VM is too slow for the program's patience, which then goes back, once more."""
    try:
        return ask(port, "PATCH", **values)
    except AssertionError as error:
        if "ControlRefused" not in str(error):
            raise
        return ask(port, "PATCH", **values)


def shade_of(jpeg: bytes) -> float:
    return float(image.decode(jpeg).mean())


def first_live_part(viewer: Viewer, is_so: Callable[[bytes], bool]) -> bytes:
    """The first live picture that is so, of this stream, whose frames come in order; a slow VM shows placeholders."""
    number, seen = 0, []
    for _ in range(600):
        part = viewer.part()
        assert part.number > number
        number = part.number
        if not part.is_placeholder and is_so(part.body):
            return part.body
        seen.append((part.is_placeholder, image.size_of(part.body), round(shade_of(part.body))))
    raise AssertionError(f"no such picture within 600 parts: {sorted(set(seen))}, the last {seen[-1]}")


@pytest.mark.timeout(300)  # Flask and OpenCV take some 15 s to load in the VM, minutes on a busy machine
def test_size_format_and_brightness_change_in_one_stream(webcam: Webcam, port: int) -> None:
    with watching(port) as viewer:
        assert next_part(viewer, is_placeholder=False) in webcam.jpegs
        found = change_mode(port, size="320x240", pixel_format="YUYV", brightness=100)
        assert (found["size"], found["pixel_format"], found["brightness"]) == ("320x240", "YUYV", 100)
        # Its bars have a mean of 101 at brightness 100, 120 at 128, and 173 at 200.
        dark = first_live_part(viewer, lambda jpeg: image.size_of(jpeg) == (320, 240) and shade_of(jpeg) < 110)
        assert ask(port, "PATCH", brightness=200)["changed"] == ["brightness"]
        bright = first_live_part(viewer, lambda jpeg: shade_of(jpeg) > 160)
        assert image.size_of(bright) == image.size_of(dark)
        assert change_mode(port, size="640x480", pixel_format="MJPG", brightness=128)["size"] == "640x480"
        assert first_live_part(viewer, lambda jpeg: jpeg in webcam.jpegs), "the camera's own bytes again"


@pytest.mark.timeout(300)  # Flask and OpenCV take some 15 s to load in the VM, minutes on a busy machine
def test_the_camera_is_let_go_when_nobody_watches(webcam: Webcam, port: int) -> None:
    with watching(port) as viewer:
        next_part(viewer, is_placeholder=False)
    seen = [webcam.sent()]

    def is_asleep() -> bool:
        seen.append(webcam.sent())
        return len(seen) > 100 and seen[-1] == seen[-100]

    wait_until(is_asleep, "the webcam to be switched off", 20.0)
