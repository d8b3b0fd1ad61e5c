"""Running the lab's tools against a server, and what many runs say together."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers import CannotMeasure, Target, die_with_us

GRACE_S = 45.0
WARM_S = 1.0

Row = dict[str, Any]


@dataclass(frozen=True)
class Load:
    """What the viewers do.

    :ivar slow: (how many of them read slowly, bytes per second each).
    :ivar check: folder of the known frames: every byte is compared; costs the client CPU.
    """

    viewers: int
    seconds: float
    warm_s: float = field(default_factory=lambda: WARM_S)
    slow: tuple[int, int] | None = None
    check: Path | None = None


def viewers_command(program: Path, target: Target, load: Load) -> list[str]:
    """The command line of the load."""
    command = [str(program), "-H", target.host, "-p", str(target.port), "-u", target.path, "--name", target.name]
    command += ["-n", str(load.viewers), "-d", str(load.seconds), "-w", str(load.warm_s)]
    command += ["--pid", str(target.pid)] if target.pid else []
    command += ["--auth", target.auth] if target.auth else []
    command += ["--slow", f"{load.slow[0]}:{load.slow[1]}"] if load.slow else []
    return [*command, *(["--check", str(load.check)] if load.check else ["--light"])]


def watch(program: Path, target: Target, load: Load) -> Row:
    """One run of the viewers; lost viewers and broken frames are in the row, not an error.

    :raises CannotMeasure: when the tool itself fails.
    """
    return _json_of(viewers_command(program, target, load), load.seconds + load.warm_s)


def start_viewers(program: Path, target: Target, load: Load) -> subprocess.Popen[bytes]:
    """The viewers in the background; their result is thrown away."""
    command = viewers_command(program, target, load)
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, preexec_fn=die_with_us())  # noqa: PLW1509


@dataclass(frozen=True)
class Asking:
    """Small requests over one keep-alive connection, each after the answer to the one before.

    :ivar other_body: what every second one carries.
    :ivar starts: file for when each was sent: CLOCK_MONOTONIC in nanoseconds, one per line.
    """

    method: str
    path: str
    body: str | None = None
    rate_hz: float = 50.0
    other_body: str | None = None
    starts: Path | None = None


def requests_command(program: Path, target: Target, asking: Asking, seconds: float) -> list[str]:
    """The command line of the requests."""
    command = [str(program), "-H", target.host, "-p", str(target.port), "-X", asking.method, "-u", asking.path]
    command += ["-d", f"{seconds:g}", "-r", f"{asking.rate_hz:g}", "--name", target.name]
    command += ["--auth", target.auth] if target.auth else []
    command += ["-b", asking.body] if asking.body is not None else []
    command += ["-B", asking.other_body] if asking.other_body is not None else []
    return [*command, *(["--starts", str(asking.starts)] if asking.starts is not None else [])]


def request(program: Path, target: Target, asking: Asking, seconds: float) -> Row:
    """Requests for so many seconds; those that failed are in the row, not an error.

    :raises CannotMeasure: when the tool itself fails.
    """
    return _json_of(requests_command(program, target, asking, seconds), seconds)


def start_requests(program: Path, target: Target, asking: Asking, seconds: float) -> subprocess.Popen[bytes]:
    """Requests in the background; exit status 0 when every one was answered with success."""
    command, quiet = requests_command(program, target, asking, seconds), subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, preexec_fn=die_with_us())  # noqa: PLW1509


def _json_of(command: list[str], seconds: float) -> Row:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + GRACE_S, check=False, preexec_fn=die_with_us()
        )
    except subprocess.TimeoutExpired:
        raise CannotMeasure(f"{' '.join(command)}: no end after {seconds + GRACE_S:g} s") from None
    try:
        row: Row = json.loads(done.stdout)
    except ValueError:
        raise CannotMeasure(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}") from None
    row["said"] = done.stderr.strip()[:500]
    return row


def select(rows: Iterable[Row], name: str, viewers: int | None = None) -> list[Row]:
    """The rows of one server, of one number of viewers if given."""
    return [row for row in rows if row["name"] == name and viewers in (None, row.get("viewers"))]


def values(rows: Iterable[Row], key: str) -> list[float]:
    """The figures under `key` where there are any; a negative one means "none"."""
    return [float(row[key]) for row in rows if isinstance(row.get(key), int | float) and row[key] >= 0]


def median(rows: Iterable[Row], key: str) -> float | None:
    """The median over the rounds, None when nothing was measured."""
    found = values(rows, key)
    return statistics.median(found) if found else None


def spread(found: Sequence[float], digits: int) -> str:
    """`12.3 (11.9-14.0)`: median and extremes, `-` without any."""
    if not found:
        return "-"
    middle = f"{statistics.median(found):.{digits}f}"
    return middle if len(found) == 1 else f"{middle} ({min(found):.{digits}f}-{max(found):.{digits}f})"
