"""The USB backend in a process of its own, on the benchmark's fake V4L2 camera (LD_PRELOAD).

The same faults on real kernel drivers: tests/drivers.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import DEADLINE_S, jpeg_of, wait_until
from metronome import Metronome

from benchmarks.programs import CannotBuild, build

PROJECT = Path(__file__).resolve().parents[1]
SIZE = (320, 240)
MANY = 200


class Camera:
    """A USB backend in another process, and the fake camera it reads."""

    def __init__(self, process: subprocess.Popen[str], fault_file: Path, jpegs: list[bytes]) -> None:
        self._process = process
        self._fault_file = fault_file
        self.jpegs = jpegs

    def ask(self, order: str) -> object:
        """Give an order of tests/usb_session.py."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        assert select.select([self._process.stdout], [], [], DEADLINE_S)[0], f"no answer to {order}"
        return json.loads(self._process.stdout.readline())

    def jpeg(self) -> bytes:
        """The next picture."""
        answer = self.ask("next-picture")
        assert "jpeg" in answer, answer
        return base64.b64decode(answer["jpeg"])

    def until_heartbeat(self) -> list[bytes]:
        """The pictures that come before the heartbeat of a camera that sends nothing good."""
        answers = iter(lambda: self.ask("next"), None)
        jpegs = [base64.b64decode(answer["jpeg"]) for answer in itertools.islice(answers, MANY)]
        assert len(jpegs) < MANY, "pictures kept coming"
        return jpegs

    def suffer(self, fault: str) -> None:
        """Let the camera fail from now on (words: benchmarks/lab/fake_camera_calls.c)."""
        fresh = self._fault_file.with_suffix(".new")
        fresh.write_text(fault)
        fresh.replace(self._fault_file)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build("fake_camera.so", tmp_path_factory.mktemp("bin"))
    except CannotBuild as error:
        pytest.skip(f"no fake camera: {error}")


@pytest.fixture
def open_camera(library: Path, tmp_path: Path) -> Iterator[Callable[..., Camera]]:
    folder = tmp_path / f"{SIZE[0]}x{SIZE[1]}"
    folder.mkdir()
    jpegs = [jpeg_of(shade, *SIZE) for shade in range(20, 200, 20)]
    for number, jpeg in enumerate(jpegs):
        (folder / f"{number}.jpg").write_bytes(jpeg)
    processes: list[subprocess.Popen[str]] = []

    def open_(rate_hz: float = 100, **environ: str) -> Camera:
        settings = {"camera": "usb", "device": "/dev/video0", "width": SIZE[0], "height": SIZE[1], "rate": rate_hz}
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(PROJECT / "tests" / "usb_session.py"), json.dumps(settings)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(PROJECT),
                "LD_PRELOAD": str(library),
                "FAKEV4L2_FRAMES": str(tmp_path),
                "FAKEV4L2_FPS": "100",
                "FAKEV4L2_CONTROL": str(tmp_path / "fault"),
                "FAKEV4L2_NOTS": "1",
                **environ,
            },
        )
        processes.append(process)
        return Camera(process, tmp_path / "fault", jpegs)

    yield open_
    for process in processes:
        process.communicate(timeout=10)
        assert process.returncode == 0


def test_the_cameras_own_jpeg_is_passed_on_byte_for_byte(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    assert {camera.jpeg() for _ in range(30)} == set(camera.jpegs)
    info = camera.ask("info")
    assert (info["name"], info["pixel_format"], info["rate_hz"]) == ("video0", "MJPG", 100)
    assert [info["width_px"], info["height_px"]] == list(SIZE)


def test_capture_times_are_the_cameras(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    with Metronome() as metronome:
        answers = [camera.ask("next-picture") for _ in range(5)]
    assert all(0 <= answer["age_s"] < 1.0 + metronome.late_s for answer in answers)
    assert answers[0]["size"] == list(SIZE)


def test_huffman_tables_a_camera_left_out_are_put_in(open_camera: Callable[..., Camera], tmp_path: Path) -> None:
    whole = jpeg_of(100, *SIZE)
    tables = whole.index(b"\xff\xc4")
    scan = whole.index(b"\xff\xda")
    for path in tmp_path.glob("*x*/*.jpg"):
        path.write_bytes(whole[:tables] + whole[scan:])
    camera = open_camera()
    assert camera.jpeg() == whole


@pytest.mark.parametrize("fault", ["truncate", "nosoi", "empty", "error"])
def test_a_broken_frame_is_counted_and_not_published(fault: str, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    camera.jpeg()
    camera.suffer(fault)
    for jpeg in camera.until_heartbeat():
        assert jpeg in camera.jpegs
    assert camera.ask("info")["broken"] >= 10
    camera.suffer("ok")
    assert camera.jpeg() in camera.jpegs


def test_a_frozen_camera_gives_heartbeats(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    camera.jpeg()
    camera.suffer("stall")
    camera.until_heartbeat()
    assert camera.ask("next") is None
    camera.suffer("ok")
    assert camera.jpeg() in camera.jpegs


def test_an_unplugged_camera_is_lost_and_opens_again(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    camera.jpeg()
    camera.suffer("unplug")
    answers = (camera.ask("next-picture") for _ in range(MANY))
    answer = next(answer for answer in answers if "jpeg" not in answer)
    assert answer == {"error": "CameraLost", "text": "camera video0 was unplugged"}
    absent = camera.ask("next")
    assert absent["error"] == "NoCamera"
    assert "there is no camera /dev/video0" in absent["text"]
    camera.suffer("ok")
    assert camera.jpeg() in camera.jpegs


def test_a_camera_that_is_away_for_a_moment_at_reopening_is_waited_for(open_camera: Callable[..., Camera]) -> None:
    """udev makes its name anew: a change of size must not fail by that, nor take another camera instead."""
    camera = open_camera()
    camera.jpeg()
    camera.ask("close")
    camera.suffer("unplug")
    assert [camera.ask("next") for _ in range(3)] == [None] * 3
    camera.suffer("ok")
    assert camera.jpeg() in camera.jpegs


def test_a_camera_that_does_not_come_back_is_missing(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    camera.jpeg()
    camera.ask("close")
    camera.suffer("unplug")
    answers = (camera.ask("next") for _ in range(MANY))
    assert next(answer for answer in answers if answer is not None)["error"] == "NoCamera"


def test_a_camera_in_use_says_so(open_camera: Callable[..., Camera]) -> None:
    """The fake camera is busy for a second opening in the same process."""
    camera = open_camera()
    camera.jpeg()
    answer = camera.ask("second")
    assert answer == {"error": "NoCamera", "text": "camera video0 is in use by another program"}
    camera.ask("close")
    assert camera.jpeg() in camera.jpegs


def test_controls_are_there_while_the_camera_is_open(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    assert camera.ask("controls") == {}
    camera.jpeg()
    found = camera.ask("controls")
    assert {"brightness", "power_line_frequency", "focus_auto", "gamma", "compression_quality"} <= set(found)
    assert camera.ask("set zoom_absolute 1")["error"] == "NotSupported"
    camera.ask("close")
    assert camera.ask("set brightness 1")["error"] == "NotSupported"


def test_controls_have_our_names_and_units(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    camera.jpeg()
    found = camera.ask("controls")
    shown = {name: [found[name][key] for key in ("kind", "minimum", "maximum", "default", "unit")] for name in found}
    assert shown["brightness"] == ["integer", -64, 64, 0, ""]
    assert shown["exposure_auto"] == ["boolean", None, None, 1, ""]
    assert shown["exposure_absolute"] == ["integer", 100, 500000, 15700, "us"]
    assert shown["focus_absolute"] == ["number", 0, 1, 0, ""]
    assert found["focus_absolute"]["step"] == 0.05
    assert found["power_line_frequency"]["options"][1] == [1, "50 Hz"]
    assert found["exposure_auto"]["label"] == "Auto Exposure"


def test_what_an_automatic_puts_to_sleep_says_so_and_wakes_with_it(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    camera.jpeg()
    for sleeper, automatic in (
        ("focus_absolute", "focus_auto"),
        ("exposure_absolute", "exposure_auto"),
        ("white_balance_temperature", "white_balance_auto"),
    ):
        assert camera.ask("controls")[sleeper]["reason"] == f"{automatic} is on"
        refusal = camera.ask(f"set {sleeper} 0.5")
        assert refusal["text"] == f"camera video0 does not take {sleeper} now: {automatic} is on"
        assert camera.ask(f"set {automatic} 0") == 0
        assert camera.ask("controls")[sleeper]["reason"] is None
    assert camera.ask("set focus_absolute 0.5") == 0.5
    assert camera.ask("set exposure_absolute 20000") == 20000
    assert camera.ask("set focus_auto 1") == 1


def test_the_driver_gets_its_own_units(open_camera: Callable[..., Camera], tmp_path: Path) -> None:
    state = tmp_path / "state"
    camera = open_camera(FAKEV4L2_STATE=str(state))
    camera.jpeg()
    for order in ("focus_auto 0", "focus_absolute 0.5", "exposure_auto 0", "exposure_absolute 20000"):
        camera.ask(f"set {order}")
    told = state.read_text()
    assert "Focus, Absolute=512\n" in told  # 1 + 0.5 * (1023 - 1)
    assert "Auto Exposure=1\n" in told
    assert "Exposure Time, Absolute=200\n" in told
    camera.ask("set exposure_auto 1")
    assert "Auto Exposure=3\n" in state.read_text()


def test_a_driver_that_says_no_is_a_refusal(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    camera.jpeg()
    camera.suffer("refuse")
    wait_until(lambda: camera.ask("set contrast 10") != 10, "a refusal")
    refusal = {"error": "ControlRefused", "text": "camera video0 refuses contrast 10: Broken pipe"}
    assert camera.ask("set contrast 10") == refusal
    camera.suffer("unplug")
    wait_until(lambda: camera.ask("set contrast 10") != refusal, "the unplug")
    answer = camera.ask("set contrast 10")
    assert (answer["error"], answer["text"][:12]) == ("CameraLost", "camera video")
    assert camera.ask("controls") == {}


def test_modes_are_listed_and_can_be_chosen(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(30)
    assert camera.ask("modes") == []
    camera.jpeg()
    modes = camera.ask("modes")
    assert [mode[:3] for mode in modes] == [["MJPG", *SIZE], ["YUYV", *SIZE]]
    assert {30, 100} <= set(modes[0][3]), "from one picture a second to a hundred"
    camera.ask('use {"pixel_format":"YUYV"}')
    camera.ask("close")
    camera.jpeg()
    assert camera.ask("info")["pixel_format"] == "YUYV"
