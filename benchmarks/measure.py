"""Running the lab's tools against a server, and what many runs say together."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers import CannotMeasure, Target, die_with_us

GRACE_S = 45.0

Row = dict[str, Any]


@dataclass(frozen=True)
class Load:
    """What the viewers do.

    :ivar slow: (how many of them read slowly, bytes per second each).
    :ivar check: folder of the known frames: every byte is compared; costs the client CPU.
    """

    viewers: int
    seconds: float
    warm_s: float = 1.0
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


def request(program: Path, target: Target, method: str, path: str, seconds: float, body: str | None = None) -> Row:
    """Keep-alive requests at 50 per second for `seconds`."""
    command = [
        str(program),
        "-p",
        str(target.port),
        "-X",
        method,
        "-u",
        path,
        "-d",
        str(seconds),
        "--name",
        target.name,
    ]
    command += ["--auth", target.auth] if target.auth else []
    command += ["-b", body] if body is not None else []
    return _json_of(command, seconds)


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
    return [row for row in rows if row["name"] == name and viewers in (None, row["viewers"])]


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
