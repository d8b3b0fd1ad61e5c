"""The tables a run ends with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from budgets import LOOP, Line
from measure import Row, median, select, spread, values
from trials import Bench

COLUMNS = (
    ("frames/s min", "fps_min", 1),
    ("CPU ms / 1000", "cpu_ms_per_1000", 1),
    ("CPU %", "cpu_percent", 1),
    ("p50 ms", "latency_p50_ms", 2),
    ("p99 ms", "latency_p99_ms", 2),
    ("RSS MB", "rss_kb", 1),
    ("threads", "threads", 0),
)


def write_table(head: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO) -> None:
    """A Markdown table, padded to be read as it is."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |", file=out)


def write_runs(rows: Sequence[Row], out: TextIO) -> None:
    """One table per number of viewers: medians over the rounds, extremes in brackets, ratios to the bare loop."""
    for viewers in sorted({row["viewers"] for row in rows}):
        here = [row for row in rows if row["viewers"] == viewers]
        names = list(dict.fromkeys(row["name"] for row in here))
        rounds = max(len(select(here, name)) for name in names)
        print(f"\n{viewers} {'viewer' if viewers == 1 else 'viewers'}, rounds: {rounds}\n", file=out)
        head = ["server", *(title for title, _, _ in COLUMNS), "CPU / loop", "p50 / loop"]
        write_table(head, [_run_line(here, name) for name in names], out)


def _run_line(rows: Sequence[Row], name: str) -> list[str]:
    mine = select(rows, name)
    cells = [spread([_scaled(value, key) for value in values(mine, key)], digits) for _, key, digits in COLUMNS]
    return [name, *cells, *(_ratio(rows, name, key) for key in ("cpu_ms_per_1000", "latency_p50_ms"))]


def _scaled(value: float, key: str) -> float:
    return value / 1024 if key.endswith("_kb") else value


def _ratio(rows: Sequence[Row], name: str, key: str) -> str:
    mine, loop = median(select(rows, name), key), median(select(rows, LOOP), key)
    return f"{mine / loop:.2f}" if mine is not None and loop else "-"


def write_trials(bench: Bench, out: TextIO) -> None:
    """What the single trials gave: name, figure, median and extremes."""
    figures = {
        "saturation": ("deliveries_per_s", "cpu_ms_per_1000", "latency_p50_ms"),
        "slow": ("slow_latency_p50_ms", "slow_latency_max_ms", "slow_fps", "fps_min", "latency_p50_ms"),
        "requests": ("p50_ms", "p90_ms", "p99_ms", "max_ms"),
        "drive": ("pin_p50_ms", "pin_p99_ms", "pin_max_ms", "p50_ms", "p99_ms"),
        "drive_stop": ("run_ms", "ms"),
        "drive_cpu": ("cpu_percent", "idle_percent"),
        "recording": ("ms_per_frame", "without_ms"),
        "recording_start": ("first_frame_ms",),
        "recording_beside": ("dropped", "recorded_hz", "fps_min", "latency_p50_ms", "latency_p99_ms"),
        "films": ("fps_min", "latency_p50_ms", "latency_p99_ms"),
        "filters": ("cpu_ms",),
        "change_seen": ("frames",),
        "photo": ("ms",),
        "pressed_photo": ("ms",),
        "bare_photo": ("ms",),
        "pressed_record": ("ms",),
        "record_and_play": ("seconds", "after_s"),
        "bare_film": ("seconds",),
        "zip": ("mb_per_s",),
        "zip_memory": ("kb",),
        "library_page": ("ms",),
        "library_chromium": ("shown_ms",),
        "library_repair": ("seconds",),
        "start": ("python_s", "listening_s", "first_frame_s", "after_python_s"),
        "memory": ("kb_per_viewer", "rss_kb"),
        "idle": ("cpu_percent",),
        "shutdown": ("seconds",),
        "soak": ("rss_kb",),
        "recording_soak": ("rss_kb",),
    }
    lines = []
    for trial, keys in figures.items():
        rows = bench.special.get(trial, [])
        for name in dict.fromkeys(row.get("name", "ours") for row in rows):
            mine = [row for row in rows if row.get("name", "ours") == name]
            lines += [[trial, name, key, spread(values(mine, key), 2)] for key in keys]
    if lines:
        print("\nTrials: median (extremes)\n", file=out)
        write_table(["trial", "server", "figure", "value"], lines, out)


def write_budget(lines: Sequence[Line], out: TextIO) -> None:
    """The final table."""
    print("\nBudget\n", file=out)
    head = ["what", "budget", "measured", ""]
    write_table(head, [[line.what, line.budget, line.measured, line.verdict] for line in lines], out)


def busy_elsewhere_percent(rows: Sequence[Row]) -> float | None:
    """How much of one core other work on this machine took meanwhile: how far to trust the figures."""
    shares = [
        100 * (row["machine_busy_s"] - row["viewers_cpu_s"] - row["server_cpu_s"]) / row["seconds"]
        for row in rows
        if "server_cpu_s" in row
    ]
    return max(0.0, sorted(shares)[len(shares) // 2]) if shares else None
