"""Drive commands, from the client's request to the edge on the motor's pin, and what they cost.

The client writes down when it sent each request, the simulated pin when it changed; both by CLOCK_MONOTONIC of the
same machine. Every command turns the other way than the one before, so each has a falling and a rising edge of the
enable pin of its own, and a late one cannot be taken for the next.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import measure
import servers
from measure import Asking, Load, Row
from servers import CannotMeasure, Target
from trials import CROWD, Bench, background, cpu_percent

ASKING = Asking("POST", "/api/turret/drive", '{"pan": 1, "tilt": 1}', other_body='{"pan": -1, "tilt": -1}')
SCOPED = Path(__file__).resolve().parent / "scoped_app.py"
SIMULATED = {"TURRET_TURRET_HARDWARE": "simulated"}  # whatever board this is, nothing of it may move
ENABLE_PIN = 25  # [pan] enable_pin
QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
RATE_HZ = 50.0
LAPSE_HZ = 1.5  # so rarely that every drive lapses: [turret] drive_timeout_ms is 400
CLIENTS, ALL_CLIENTS_HZ = 5, 20.0
LOOP_WAY = "writev"
MORE_S = 1.0
SETTLES_S = 2.5  # a servo that is at rest gets pulses for another 0.5 s, a camera pictures for 2 s
NEVER_S = float("inf")

Edges = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Drive:
    """One command: from its request until the motor ran, and how long it ran; NEVER_S for what did not happen."""

    to_run_s: float
    run_s: float


def drives_of(starts_s: Sequence[float], edges: Edges) -> list[Drive]:
    """What each request did, by the changes of the enable pin; both in the order of time."""
    at_s = [at for at, _ in edges]
    found = []
    for number, start_s in enumerate(starts_s):
        next_s = starts_s[number + 1] if number + 1 < len(starts_s) else NEVER_S
        mine = edges[bisect_left(at_s, start_s) : bisect_left(at_s, next_s)]
        runs_s = next((at for at, level in mine if level), NEVER_S)
        # Not the fall that comes with the change of direction, before the rise.
        run_s = next((at - runs_s for at, level in mine if not level and at > runs_s), NEVER_S)
        found.append(Drive(runs_s - start_s, run_s))
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def driving(bench: Bench) -> None:
    """Commands to the pin, and drives nobody renews, while 64 watch; then the bare loop's answers, for comparison."""
    for _ in range(bench.rounds):
        _drive_ours(bench)
        _ask_loop(bench)


def _drive_ours(bench: Bench) -> None:
    changes = bench.folder / "enable-pin.json"
    program = (str(SCOPED), str(changes), str(ENABLE_PIN))
    with bench.ours(extra=SIMULATED, program=program) as process, background(bench, process.target, _crowd(bench)):
        quick, quick_starts_s = _drive(bench, process.target, RATE_HZ)
        _, rare_starts_s = _drive(bench, process.target, LAPSE_HZ)
    edges = _edges_in(changes)
    waits_s = [drive.to_run_s for drive in drives_of(quick_starts_s, edges)]
    to_pin = {f"pin_{name}_ms": 1000 * quantile(waits_s, share) for name, share in QUANTILES.items()}
    bench.note("drive", {**quick, **to_pin})
    for drive in drives_of(rare_starts_s, edges):
        bench.note("drive_stop", {"run_ms": 1000 * drive.run_s, "ms": 1000 * (drive.to_run_s + drive.run_s)})


def _ask_loop(bench: Bench) -> None:
    """The same commands to a server in C that does nothing with them: what this machine takes for itself."""
    loop = bench.programs["bare_loop"]
    with closing(servers.start_bare_loop(loop, bench.camera, bench.folder, LOOP_WAY)) as process:
        target = process.target
        asking = replace(ASKING, rate_hz=RATE_HZ)
        with background(bench, target, _crowd(bench)):
            bench.note("drive", measure.request(bench.programs["requests"], target, asking, bench.seconds))


def _crowd(bench: Bench) -> Load:
    return Load(CROWD, 2 * (bench.seconds + SETTLES_S) + 10)


def drive_cpu(bench: Bench) -> None:
    """Nobody watches, the camera is off; 5 clients drive: the CPU above what the idle program uses."""
    asking = replace(ASKING, rate_hz=ALL_CLIENTS_HZ / CLIENTS)
    with bench.ours(extra=SIMULATED) as process:
        # A password's first check is slow by design; remembered from here on.
        measure.request(bench.programs["requests"], process.target, asking, MORE_S / 2)
        time.sleep(SETTLES_S)
        for _ in range(bench.rounds):
            idle = cpu_percent(process.target.pid, bench.seconds)
            with _clients(bench, process.target, asking):
                driven = cpu_percent(process.target.pid, bench.seconds)
            time.sleep(SETTLES_S)
            bench.note("drive_cpu", {"cpu_percent": driven - idle, "idle_percent": idle})


def _drive(bench: Bench, target: Target, rate_hz: float) -> tuple[Row, list[float]]:
    """What the client says of its commands, and when it sent each."""
    starts = bench.folder / "starts"
    asking = replace(ASKING, rate_hz=rate_hz, starts=starts)
    row = measure.request(bench.programs["requests"], target, asking, bench.seconds)
    time.sleep(SETTLES_S)
    return row, [int(line) / 1e9 for line in starts.read_text().split()]


def _edges_in(path: Path) -> Edges:
    try:
        found: Edges = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotMeasure(f"ours: its scope left nothing: {error}") from None
    return found


@contextlib.contextmanager
def _clients(bench: Bench, target: Target, asking: Asking) -> Iterator[None]:
    """Some that drive, for as long as the block lasts.

    :raises CannotMeasure: when a command was refused meanwhile.
    """
    children = [
        measure.start_requests(bench.programs["requests"], target, asking, bench.seconds + MORE_S)
        for _ in range(CLIENTS)
    ]
    try:
        time.sleep(MORE_S / 2)
        yield
        if any(child.wait(bench.seconds + MORE_S) for child in children):
            raise CannotMeasure("ours: a drive command was refused")
    finally:
        for child in children:
            child.kill()
            child.wait()
