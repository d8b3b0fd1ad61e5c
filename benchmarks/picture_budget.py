"""What may be done to the picture at what price; the limits are those of docs/architecture.md, "Speed"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lines import Line, at_most, line
from measure import Row, median, select
from trials import Bench

FILTER_MS = {"gray": 2.0, "half": 2.5, "dearest combination": 20.0}  # the last: 60 % of a core at 30 frames/s
FILTER_SIZE = (1280, 720)
CHANGE_FRAMES = 3


def of_picture(bench: Bench) -> list[Line]:
    """The limits are those of 1280x720."""
    rows = bench.special.get("filters", []) if bench.camera.size == FILTER_SIZE else []
    untouched, seen = bench.special.get("filters_none", []), bench.special.get("change_seen", [])
    is_same = all(row["same_bytes"] for row in untouched) if untouched else None
    without = "" if all(row["has_turbo"] for row in untouched) else " (without libturbojpeg)"
    most = max((row["frames"] for row in seen), default=None)
    return [
        line("no filter on: the camera's own bytes, no decode, no encode", "yes", "yes" if is_same else "no", is_same),
        _untouched(bench.special.get("untouched", []), median(untouched, "decode_ms")),
        *(replace(found, measured=f"{found.measured}{without}")
          for found in (at_most(f"filter {name}, CPU per frame", limit, median(select(rows, name), "cpu_ms"), "ms", 2)
                        for name, limit in FILTER_MS.items())),
        line("a change of brightness is seen after", f"at most {CHANGE_FRAMES} frames", f"{most} frames",
             None if most is None else most <= CHANGE_FRAMES),
    ]  # fmt: skip


def _untouched(rows: Sequence[Row], decode_ms: float | None) -> Line:
    """Whoever decodes or encodes cannot be cheaper than a decode."""
    what, budget = "no filter on: CPU per frame of the whole program with a viewer, beside one decode", "below 1.00 x"
    ours = median(rows, "cpu_ms_per_1000")
    if ours is None or not decode_ms:
        return line(what, budget, "", None)
    share, is_whole = ours / 1000 / decode_ms, not any(row["broken"] for row in rows)
    measured = f"{share:.2f} x ({ours / 1000:.2f} : {decode_ms:.2f} ms){'' if is_whole else ', bytes differ'}"
    return line(what, budget, measured, share < 1 and is_whole)
