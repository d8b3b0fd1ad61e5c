"""What recording and making films cost: CPU, dropped pictures, memory, and what viewers notice of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import machine
import servers
from measure import Load, Row
from servers import CannotMeasure, Target
from trials import Bench, background, cpu_percent

VIEWERS = 16
SETTLES_S = 0.5
SOAK_SAMPLE_S = 1.0
FIRST_FRAME_PATIENCE_S = 10.0
EXTRA = {"TURRET_RECORDING_MAX_MINUTES": "1440", "TURRET_RETENTION_MIN_FREE_GB": "0.1"}
FILM_FRAMES = 3000
FILMS = Path(__file__).resolve().parent / "lab" / "films.py"


def ask(target: Target, method: str, path: str) -> Row:
    """The JSON answer of our program.

    :raises CannotMeasure: when it does not do as asked.
    """
    name, _, value = servers.basic_header(target).strip().partition(": ")
    headers = {name: value, "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection(target.host, target.port, timeout=60)) as connection:
        connection.request(method, path, "{}" if method == "POST" else None, headers)
        answer = connection.getresponse()
        text = answer.read()
    if answer.status >= 400:
        raise CannotMeasure(f"{method} {path}: {answer.status} {text[:300]!r}")
    found: Row = json.loads(text) if text else {}
    return found


@contextlib.contextmanager
def recording(bench: Bench, target: Target) -> Iterator[Row]:
    """A recording for as long as the block lasts; then its figures are in the row, and it is removed."""
    ask(target, "POST", "/api/recording")
    found: Row = {}
    try:
        yield found
    finally:
        found.update(ask(target, "GET", "/api/recording"))
        item = ask(target, "DELETE", "/api/recording")
        found["recorded_hz"] = item["frames"] / item["duration_s"]
        ask(target, "DELETE", f"/api/media/{item['id']}")


def cpu_per_frame(bench: Bench) -> None:
    """The program's CPU time with one viewer, without and with a recording, in turn: the difference is its cost."""
    to_ms = 10 / bench.camera.rate_hz
    with bench.ours(extra=EXTRA) as process, background(bench, process.target, Load(1, 3600)):
        for _ in range(2 * bench.rounds):
            without = cpu_percent(process.target.pid, bench.seconds)
            with recording(bench, process.target):
                time.sleep(SETTLES_S)
                recorded = cpu_percent(process.target.pid, bench.seconds)
            time.sleep(SETTLES_S)
            bench.note("recording", {"ms_per_frame": (recorded - without) * to_ms, "without_ms": without * to_ms})


def beside_viewers(bench: Bench) -> None:
    """A recording beside 16 viewers: what it drops, what they get, and how soon it has its first picture."""
    with bench.ours(extra=EXTRA) as process:
        servers.wait_for_frame(process.target)
        for _ in range(bench.rounds):
            with background(bench, process.target, Load(VIEWERS, 60)):
                bench.note("recording_start", {"first_frame_ms": _first_frame_ms(bench, process.target)})
            with recording(bench, process.target) as recorded:
                row = bench.watch(process.target, Load(VIEWERS, bench.seconds))
            bench.note("recording_beside", {**recorded, **row})


def _first_frame_ms(bench: Bench, target: Target) -> float:
    """From the request to record until the first picture of the clip was captured; 0 when it was before."""
    asked_at = time.time()
    with recording(bench, target) as found:
        deadline = time.monotonic() + FIRST_FRAME_PATIENCE_S
        while not ask(target, "GET", "/api/recording")["frames"]:
            if time.monotonic() > deadline:
                raise CannotMeasure(f"the recording got no picture within {FIRST_FRAME_PATIENCE_S:g} s")
            time.sleep(0.05)
    return max(0.0, 1000 * (datetime.fromisoformat(found["started_at"]).timestamp() - asked_at))


def beside_films(bench: Bench) -> None:
    """What 16 viewers get without and with a process beside them that makes one film after the other."""
    with bench.ours() as process:
        servers.wait_for_frame(process.target)
        for _ in range(bench.rounds):
            for name in ("without", "with"):
                with _films(bench) if name == "with" else contextlib.nullcontext():
                    row = bench.watch(process.target, Load(VIEWERS, bench.seconds))
                bench.note("films", {**row, "name": name})


@contextlib.contextmanager
def _films(bench: Bench) -> Iterator[None]:
    """Films are made of the frames for as long as the block lasts."""
    command = [sys.executable, str(FILMS), str(bench.camera.frames), str(bench.folder), str(FILM_FRAMES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=servers.die_with_us()) as maker:  # noqa: PLW1509
        assert maker.stdout is not None
        try:
            if not maker.stdout.readline():
                raise CannotMeasure("no film is being made")
            yield
        finally:
            maker.kill()


def soak(bench: Bench, seconds: float) -> None:
    """A recording beside 16 viewers for `seconds`: resident memory once a second, and what was dropped."""
    with bench.ours(extra=EXTRA) as process, background(bench, process.target, Load(VIEWERS, seconds + 60)):
        with recording(bench, process.target) as found:
            began = time.monotonic()
            while (now := time.monotonic() - began) < seconds:
                bench.note("recording_soak", {"at_s": now, "rss_kb": machine.rss_kb(process.target.pid)})
                time.sleep(SOAK_SAMPLE_S)
        bench.note("recording_soaked", found)
