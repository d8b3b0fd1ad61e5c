"""How a camera was set survives the end of the program, also a power cut: looked at in what its driver is told."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fakes import PASSWORD, basic, free_port, jpeg_of, wait_until, watching

from benchmarks.programs import CannotBuild, build
from camera import image

ROOT = Path(__file__).resolve().parent.parent
START_S = 30.0
SIZE = (320, 240)


class Program:
    """app.py in a process of its own, on a USB camera that forgets everything when it is plugged in again."""

    def __init__(self, folder: Path, library: Path, number: int) -> None:
        self.port = free_port()
        self._state = folder / f"state-{number}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TURRET_")}
        size = {"TURRET_CAMERA_WIDTH": str(SIZE[0]), "TURRET_CAMERA_HEIGHT": str(SIZE[1])}
        fake = {
            "LD_PRELOAD": str(library), "FAKEV4L2_FRAMES": str(folder / "frames"), "FAKEV4L2_FPS": "50",
            "FAKEV4L2_CONTROL": str(folder / "fault"), "FAKEV4L2_STATE": str(self._state), "FAKEV4L2_NOTS": "1",
        }  # fmt: skip
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--media", str(folder / "media")]
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), *options, "--camera", "usb"],
            env={**kept, **size, **fake, "TURRET_CAMERA_DEVICE": "/dev/video0", "TURRET_ADMIN_PASSWORD": PASSWORD,
                 "TURRET_RETENTION_MIN_FREE_GB": "0", "TURRET_TURRET_HARDWARE": "simulated"},
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout.readline(), "it did not start"

    def told(self) -> dict[str, int]:
        """What the driver has, by its own names."""
        lines = self._state.read_text().splitlines() if self._state.exists() else []
        pairs = (line.partition(" ")[2].rpartition("=")[::2] for line in lines)
        return {name: int(value) for name, value in pairs if value.lstrip("-").isdecimal()}

    def ask(self, method: str, path: str = "/api/camera", **values: object) -> dict[str, object]:
        body, headers = json.dumps(values) if values else None, {"Authorization": basic()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body, {**headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            found = json.loads(answer.read())
        assert answer.status == 200, found
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Program]]:
    try:
        library = build("fake_camera.so", tmp_path)
    except CannotBuild as error:
        pytest.skip(f"no fake camera: {error}")
    folder = tmp_path / "frames" / f"{SIZE[0]}x{SIZE[1]}"
    folder.mkdir(parents=True)
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(jpeg_of(40 * number + 20, *SIZE))
    programs: list[Program] = []

    def started() -> Program:
        programs.append(Program(tmp_path, library, len(programs)))
        return programs[-1]

    yield started
    for program in programs:
        program.kill()


def test_controls_and_filters_come_back_after_a_power_cut_and_a_reset_is_remembered_too(
    start: Callable[[], Program],
) -> None:
    first = start()
    name = first.ask("GET")["name"]
    first.ask("PATCH", brightness=40, focus_auto=False, focus_absolute=0.5, half_resolution=True, rotation=90)
    set_by_hand = {"Brightness": 40, "Focus, Automatic Continuous": 0, "Focus, Absolute": 512}
    assert set_by_hand.items() <= first.told().items()
    first.kill()

    second = start()
    assert not set_by_hand.items() <= second.told().items(), "the camera itself has forgotten everything"
    with watching(second.port) as viewer:
        part = viewer.live_part()
        assert set_by_hand.items() <= second.told().items(), "set again before anybody sees a picture"
        assert image.size_of(part.body) == (SIZE[1] // 2, SIZE[0] // 2)
    found = second.ask("GET")
    assert [found[field] for field in ("name", "brightness", "focus_auto", "rotation")] == [name, 40, False, 90]
    second.ask("POST", "/api/camera/reset", names=["brightness", "rotation", "half_resolution"])
    second.kill()

    third = start()
    with watching(third.port) as viewer:
        assert image.size_of(viewer.live_part().body) == SIZE
        assert {**set_by_hand, "Brightness": 0}.items() <= third.told().items()
    third.ask("POST", "/api/camera/reset", names=None)
    third.kill()

    fourth = start()
    found = fourth.ask("GET")
    assert (found["brightness"], found["focus_auto"]) == (0, True)
    wait_until(lambda: fourth.told().get("Brightness", 0) == 0, "the driver's own values", START_S)
