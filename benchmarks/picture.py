"""What is done to the picture: what filters cost, and how soon a change is seen.

    python benchmarks/picture.py --quick

prints only these lines of the budget; options as bench.py's.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import servers
from measure import Load
from servers import CannotMeasure, Target
from trials import Bench

LAB = Path(__file__).resolve().parent / "lab"
FILTER_SECONDS_MAX = 2.0
PATIENCE_S = 300.0
CHANGES = 10
MOVED = 15.0  # how much brighter or darker a picture must be, of 255
GIVE_UP_FRAMES = 60


def filters(bench: Bench) -> None:
    """CPU a picture, in a process of its own."""
    for _ in range(bench.rounds):
        seconds = str(min(bench.seconds, FILTER_SECONDS_MAX))
        command = [sys.executable, str(LAB / "filters.py"), str(bench.camera.frames), seconds]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if done.returncode:
            raise CannotMeasure(f"filters.py: {done.stderr[-1000:]}")
        found = json.loads(done.stdout)
        for name, ms in found["ms"].items():
            bench.note("filters", {"name": name, "cpu_ms": ms})
        bench.note("filters", {"name": "dearest combination", "cpu_ms": found["dearest_ms"]})
        kept = {name: found[name] for name in ("same_bytes", "has_turbo", "decode_ms")}
        bench.note("filters_none", kept)


def untouched(bench: Bench) -> None:
    """The whole program with one viewer, who compares every byte with what the camera sent."""
    load = Load(1, bench.seconds, check=bench.camera.frames)
    with bench.ours() as process:
        for _ in range(bench.rounds):
            bench.note("untouched", bench.watch(process.target, load))


def change_seen(bench: Bench) -> None:
    """Brightness of the test picture changed over HTTP: how many frames after the answer it is seen."""
    with closing(_start(bench)) as process:
        target = servers.require_frame(process)
        with closing(_Stream(target)) as stream:
            for number in range(CHANGES):
                before = stream.brightness_of_next()
                _patch(target, {"brightness": 178 if number % 2 == 0 else 128})
                newest = _newest_number(target)
                bench.note("change_seen", {"frames": stream.frames_until_moved(before, newest)})


def _start(bench: Bench) -> servers.Process:
    """Our program on its test picture."""
    width, height = bench.camera.size
    port = servers.free_port()
    config = bench.folder / "config.txt"
    config.touch()
    environment = {
        "TURRET_ADMIN_PASSWORD": servers.PASSWORD,
        "TURRET_SERVER_HOST": "127.0.0.1",
        "TURRET_CAMERA_WIDTH": str(width),
        "TURRET_CAMERA_HEIGHT": str(height),
    }
    command = [sys.executable, *servers.PROGRAM, "--config", str(config), "--port", str(port)]
    command += ["--media", str(bench.folder / "media"), "--camera", "synthetic"]
    target = Target("ours", port, "/video_feed", 0, f"admin:{servers.PASSWORD}")
    return servers.start(target, command, environment, bench.folder)


def _headers(target: Target) -> dict[str, str]:
    name, _, value = servers.basic_header(target).strip().partition(": ")
    return {name: value, "Content-Type": "application/json"}


def _patch(target: Target, values: dict[str, object]) -> None:
    with closing(http.client.HTTPConnection(target.host, target.port, timeout=10)) as connection:
        connection.request("PATCH", "/api/camera", json.dumps(values), _headers(target))
        answer = connection.getresponse()
        text = answer.read()
    if answer.status != 200:
        raise CannotMeasure(f"PATCH /api/camera: {answer.status} {text[:300]!r}")


def _newest_number(target: Target) -> int:
    """The number of the newest frame."""
    with closing(http.client.HTTPConnection(target.host, target.port, timeout=10)) as connection:
        connection.request("GET", "/live.jpeg", headers=_headers(target))
        answer = connection.getresponse()
        answer.read()
        return int(answer.headers["X-Frame-Number"])


class _Stream:
    """A viewer that looks at what it sees."""

    def __init__(self, target: Target) -> None:
        self._connection = http.client.HTTPConnection(target.host, target.port, timeout=10)
        self._connection.request("GET", target.path, headers=_headers(target))
        self._answer = self._connection.getresponse()
        self._parts = self._read()

    def brightness_of_next(self) -> float:
        """Of the next frame, 0..255."""
        return next(self._parts)[1]

    def frames_until_moved(self, before: float, newest: int) -> int:
        """How many frames after number `newest` the picture is another one; 0 when that one is already."""
        for number, brightness in self._parts:
            if abs(brightness - before) > MOVED:
                return max(0, number - newest)
            if number > newest + GIVE_UP_FRAMES:
                break
        raise CannotMeasure(f"a change of brightness is not seen within {GIVE_UP_FRAMES} frames")

    def close(self) -> None:
        self._answer.close()
        self._connection.close()

    def _read(self) -> Iterator[tuple[int, float]]:
        """(number, brightness) of each frame."""
        while True:
            headers: dict[str, str] = {}
            while (line := self._answer.readline().strip().decode()) or "x-frame-number" not in headers:
                name, _, value = line.partition(": ")
                headers[name.lower()] = value
            jpeg = self._answer.read(int(headers["content-length"]))
            pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
            yield int(headers["x-frame-number"]), float(pixels.mean())


if __name__ == "__main__":
    import bench

    sys.exit(bench.main(["--only-picture", *sys.argv[1:]]))
