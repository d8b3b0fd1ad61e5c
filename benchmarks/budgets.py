"""What each line of the speed budget demands, and whether this run kept it.

Pure functions over the rows of a run; the limits are those of docs/architecture.md, "Speed".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lines import Line, at_most, line
from measure import Row, median, select, values
from picture_budget import of_picture
from trials import CROWD, Bench, soak_growth_kb

LOOP = "loop-writev"

CPU_AGAINST_LOOP = {64: 1.4, 256: 1.3}
CPU_AGAINST_USTREAMER = 0.5
CPU_AGAINST_MJPG_STREAMER = 1.0
LATENCY_OVER_LOOP_MS = {"p50": 1.0, "p99": 8.0}
RATE_SHARE = 29.5 / 30
SATURATION_SHARE = 0.9
SLOW_AGE_MS = 500.0
REQUEST_MS = {"p50": 2.0, "p99": 8.0}
DRIVE_MS = {"p50": 2.0, "p99": 8.0}
DRIVE_STOP_MS = 450.0  # [turret] drive_timeout_ms, which is 400, and 50 more
DRIVE_PERCENT = 5.0
FIRST_FRAME_S = 1.5
IDLE_PERCENT = 1.0
VIEWER_KB = 5.0
SHUTDOWN_S = 0.5
SOAK_GROWTH_KB = 2048.0
RECORDING_MS = 0.4
FIRST_RECORDED_MS = 100.0
PHOTO_MS = 50.0
PRESSED_PHOTO_MS = 300.0
PRESSED_RECORD_MS = 100.0
RECORD_AND_PLAY_S = 7.0  # 5 of which are recorded
ZIP_SHARE = 0.5
ZIP_GROWTH_KB = 8192.0
LIBRARY_PAGE_MS = 100.0
LIBRARY_SHOWN_MS = 1000.0
LIBRARY_REPAIR_S = 30.0


def judge(bench: Bench) -> list[Line]:
    """Every line, in the order of the design's table."""
    parts: tuple[Callable[[Bench], list[Line]], ...] = (
        _cpu, _cpu_against_peers, _latency, _rates, _saturation, _slow, _requests, _driving, _start, _idle, _memory,
        _shutdown, _whole, _soak, _recording, _films, _recording_soak, of_picture, _keeping, _library,
    )  # fmt: skip
    return [line for part in parts for line in part(bench)]


def _ratio_line(bench: Bench, viewers: int, other: str, limit: float) -> Line:
    what = f"CPU per 1000 frames, {viewers} {'viewer' if viewers == 1 else 'viewers'}, beside {other}"
    ours = median(select(bench.rows, "ours", viewers), "cpu_ms_per_1000")
    theirs = median(select(bench.rows, other, viewers), "cpu_ms_per_1000")
    budget = f"at most {limit:g} x its"
    if ours is None or not theirs:
        return line(what, budget, "-", None)
    return line(what, budget, f"{ours / theirs:.2f} x ({ours:.1f} : {theirs:.1f} ms)", ours / theirs <= limit)


def _cpu(bench: Bench) -> list[Line]:
    return [_ratio_line(bench, viewers, LOOP, limit) for viewers, limit in CPU_AGAINST_LOOP.items()]


def _cpu_against_peers(bench: Bench) -> list[Line]:
    names = {row["name"] for row in bench.rows}
    limits = ((1, "mjpg-streamer", CPU_AGAINST_MJPG_STREAMER), (16, "mjpg-streamer", CPU_AGAINST_MJPG_STREAMER),
              (64, "ustreamer", CPU_AGAINST_USTREAMER), (256, "ustreamer", CPU_AGAINST_USTREAMER))  # fmt: skip
    found = ((n, next((name for name in names if name.startswith(peer)), peer), limit) for n, peer, limit in limits)
    return [_ratio_line(bench, n, name, limit) for n, name, limit in found]


def _latency(bench: Bench) -> list[Line]:
    lines = []
    for quantile, limit in LATENCY_OVER_LOOP_MS.items():
        key = f"latency_{quantile}_ms"
        ours = median(select(bench.rows, "ours", CROWD), key)
        loop = median(select(bench.rows, LOOP, CROWD), key)
        what, budget = f"capture to received {quantile}, {CROWD} viewers", f"at most {limit:g} ms over the loop's"
        if ours is None or loop is None:
            lines.append(line(what, budget, "-", None))
            continue
        lines.append(line(what, budget, f"{ours - loop:+.2f} ms ({ours:.2f} : {loop:.2f})", ours - loop <= limit))
    return lines


def _rates(bench: Bench) -> list[Line]:
    """The slowest viewer, by the median of the rounds at the number of viewers where it is worst; nobody lost."""
    rows = select(bench.rows, "ours")
    if not rows:
        return []
    limit = RATE_SHARE * bench.camera.rate_hz
    rates = {n: median(select(rows, "ours", n), "fps_min") or 0.0 for n in {row["viewers"] for row in rows}}
    viewers = min(rates, key=lambda n: rates[n])
    loop = median(select(bench.rows, LOOP, viewers), "fps_min")
    dead = sum(row["dead"] for row in rows)
    beside = "" if loop is None else f" (the loop's {loop:.1f})"
    measured = f"{rates[viewers]:.1f} of {viewers}{beside}, {dead} lost"
    is_kept = rates[viewers] >= limit and not dead
    return [line("slowest viewer's frames/s", f"at least {limit:.1f}, none lost", measured, is_kept)]


def _saturation(bench: Bench) -> list[Line]:
    rows = bench.special.get("saturation", [])
    ours, loop = (median(select(rows, name), "deliveries_per_s") for name in ("ours", LOOP))
    what, budget = f"deliveries/s at saturation, {CROWD} viewers", f"at least {SATURATION_SHARE:g} x {LOOP}"
    if ours is None or not loop:
        return [line(what, budget, "-", None)]
    return [line(what, budget, f"{ours / loop:.2f} x ({ours:.0f} : {loop:.0f})", ours / loop >= SATURATION_SHARE)]


def _slow(bench: Bench) -> list[Line]:
    rows = bench.special.get("slow", [])
    age, rate = median(rows, "slow_latency_p50_ms"), median(rows, "fps_min")
    limit = RATE_SHARE * bench.camera.rate_hz
    return [
        at_most("slow viewer (600 kB/s): age of what it sees", SLOW_AGE_MS, age, "ms", 0),
        line(
            "frames/s of the others beside slow ones",
            f"at least {limit:.1f}",
            "-" if rate is None else f"{rate:.1f}",
            None if rate is None else rate >= limit,
        ),
    ]


def _requests(bench: Bench) -> list[Line]:
    method, path, _ = bench.request
    rows = bench.special.get("requests", [])
    lines = [
        at_most(f"{method} {path} {quantile} beside {CROWD} viewers", limit, median(rows, f"{quantile}_ms"), "ms", 2)
        for quantile, limit in REQUEST_MS.items()
    ]
    failed = sum(row["errors"] + row["other_status"] for row in rows)
    return lines if not failed else [*lines, line(f"failed {method} {path}", "0", f"{failed:g}", False)]


def _driving(bench: Bench) -> list[Line]:
    """Also what a server in C that does nothing takes for an answer: the machine's own share."""
    rows = bench.special.get("drive", [])
    ours, loop = select(rows, "ours"), select(rows, LOOP)
    lines = [
        _beside(at_most(f"drive command to the pin {quantile}, {CROWD} viewers", limit,
                         median(ours, f"pin_{quantile}_ms"), "ms", 2), median(loop, f"{quantile}_ms"))
        for quantile, limit in DRIVE_MS.items()
    ]  # fmt: skip
    stops = values(bench.special.get("drive_stop", []), "run_ms")
    cpu = median(bench.special.get("drive_cpu", []), "cpu_percent")
    failed = sum(row["errors"] + row["other_status"] for row in ours)
    return [
        *lines,
        *([line("failed drive commands", "0", f"{failed:g}", False)] if failed else []),
        at_most("longest run of a motor after the last command", DRIVE_STOP_MS, max(stops, default=None), "ms", 0),
        at_most("20 drive commands/s from 5 clients: share of one core", DRIVE_PERCENT, cpu, "%", 1),
    ]


def _beside(line: Line, loop_ms: float | None) -> Line:
    return line if loop_ms is None else replace(line, measured=f"{line.measured} (the loop's answer {loop_ms:.2f})")


def _start(bench: Bench) -> list[Line]:
    found = median(bench.special.get("start", []), "after_python_s")
    return [at_most("start to first frame, after Python is up", FIRST_FRAME_S, found, "s", 2)]


def _idle(bench: Bench) -> list[Line]:
    found = median(bench.special.get("idle", []), "cpu_percent")
    return [at_most("idle, nobody watching: share of one core", IDLE_PERCENT, found, "%", 2)]


def _memory(bench: Bench) -> list[Line]:
    found = median(bench.special.get("memory", []), "kb_per_viewer")
    return [at_most("memory per further viewer", VIEWER_KB, found, "kB", 1)]


def _shutdown(bench: Bench) -> list[Line]:
    rows = bench.special.get("shutdown", [])
    found = median(rows, "seconds") if all(row["status"] == 0 for row in rows) else None
    text = ", ".join(f"{row['seconds']:.2f} s status {row['status']}" for row in rows)
    if rows and found is None:
        return [line(f"shutdown with {CROWD} viewers", f"at most {SHUTDOWN_S:g} s", text, False)]
    return [at_most(f"shutdown with {CROWD} viewers", SHUTDOWN_S, found, "s", 3)]


def _whole(bench: Bench) -> list[Line]:
    rows = [*select(bench.rows, "ours"), *bench.special.get("whole", [])]
    if not rows:
        return []
    bad = sum(row["broken"] + row["backwards"] for row in rows)
    total = sum(row["frames"] for row in rows)
    return [line("broken, mixed or reordered frames", "0", f"{bad} of {total}", bad == 0)]


def _soak(bench: Bench) -> list[Line]:
    rows = bench.special.get("soak")
    if not rows:
        return []
    visits = bench.special["soak_visits"][0]["visits"]
    what = f"memory growth over {rows[-1]['at_s'] / 60:.1f} min, {visits} visits"
    return [at_most(what, SOAK_GROWTH_KB, soak_growth_kb(rows), "kB", 0)]


def _recording(bench: Bench) -> list[Line]:
    rows, beside = bench.special.get("recording", []), bench.special.get("recording_beside", [])
    dropped = sum(row["dropped"] for row in beside)
    rate, fewest = median(beside, "recorded_hz"), RATE_SHARE * bench.camera.rate_hz
    is_kept = None if rate is None else rate >= fewest and not dropped
    measured = "-" if rate is None else f"{rate:.2f} recorded, {dropped} dropped"
    return [
        at_most("recording: CPU per frame", RECORDING_MS, median(rows, "ms_per_frame"), "ms", 3),
        line("recording beside 16 viewers, frames/s", f"at least {fewest:.1f}, none dropped", measured, is_kept),
        _at_least_rate("frames/s of the viewers beside a recording", beside, bench),
        at_most("start of a recording to its first frame", FIRST_RECORDED_MS,
                 median(bench.special.get("recording_start", []), "first_frame_ms"), "ms", 0),
    ]  # fmt: skip


def _films(bench: Bench) -> list[Line]:
    """The rate without a film beside it: what else the machine does costs frames, too."""
    rows = bench.special.get("films", [])
    found = _at_least_rate("frames/s of 16 viewers while a film is made", select(rows, "with"), bench)
    without = median(select(rows, "without"), "fps_min")
    return [found if without is None else replace(found, measured=f"{found.measured} (without {without:.2f})")]


def _at_least_rate(what: str, rows: list[Row], bench: Bench) -> Line:
    rate, fewest = median(rows, "fps_min"), RATE_SHARE * bench.camera.rate_hz
    measured = "-" if rate is None else f"{rate:.2f}"
    return line(what, f"at least {fewest:.1f}", measured, None if rate is None else rate >= fewest)


def _recording_soak(bench: Bench) -> list[Line]:
    rows = bench.special.get("recording_soak")
    if not rows:
        return []
    dropped = bench.special["recording_soaked"][0]["dropped"]
    what = f"memory growth over {rows[-1]['at_s'] / 60:.1f} min of recording beside 16 viewers"
    return [
        at_most(what, SOAK_GROWTH_KB, soak_growth_kb(rows), "kB", 0),
        line("frames dropped meanwhile", "0", f"{dropped}", not dropped),
    ]


def _keeping(bench: Bench) -> list[Line]:
    rows, grown = bench.special.get("zip", []), values(bench.special.get("zip_memory", []), "kb")
    ours, loop = (median(select(rows, name), "mb_per_s") for name in ("ours", "bare loop"))
    share = ours / loop if ours and loop else None
    measured = f"{share:.2f} x ({ours:.0f} : {loop:.0f} MB/s)" if share else "-"
    return [
        at_most("photo of the running stream beside 16 viewers", PHOTO_MS,
                 median(bench.special.get("photo", []), "ms"), "ms", 1),
        _pressed_photo(bench),
        at_most("press of Record until the page answers", PRESSED_RECORD_MS,
                 median(bench.special.get("pressed_record", []), "ms"), "ms", 0),
        _record_and_play(bench),
        line("zip of 1 GB, beside a loop that only reads, sums up and sends", f"at least {ZIP_SHARE:g} x its rate",
             measured, None if share is None else share >= ZIP_SHARE),
        at_most("memory growth meanwhile", ZIP_GROWTH_KB, max(grown, default=None), "kB", 0),
    ]  # fmt: skip


def _pressed_photo(bench: Bench) -> Line:
    """Also how often a bare loop would have written and synced such a picture meanwhile."""
    ours, loop = (median(bench.special.get(name, []), "ms") for name in ("pressed_photo", "bare_photo"))
    found = at_most("press of Photo until its small picture is seen, in Chromium", PRESSED_PHOTO_MS, ours, "ms", 0)
    return _times(found, ours, loop, "a bare write and sync of {:.2f} ms")


def _record_and_play(bench: Bench) -> Line:
    """Also what is left when the 5 s are taken off, beside a bare conversion of as many pictures."""
    rows = bench.special.get("record_and_play", [])
    found = at_most("5 s recorded and played, with three clicks", RECORD_AND_PLAY_S, median(rows, "seconds"), "s", 1)
    loop = median(bench.special.get("bare_film", []), "seconds")
    return _times(found, median(rows, "after_s"), loop, "a bare conversion of {:.2f} s, the 5 s taken off")


def _times(found: Line, ours: float | None, loop: float | None, what: str) -> Line:
    if ours is None or not loop:
        return found
    return replace(found, measured=f"{found.measured} ({ours / loop:.2f} x {what.format(loop)})")


def _library(bench: Bench) -> list[Line]:
    pages, shown, repairs = (bench.special.get(f"library_{name}", []) for name in ("page", "chromium", "repair"))
    return [
        *(at_most(f"first page of 100,000 items at the server, {path}", LIBRARY_PAGE_MS,
                   median(select(pages, path), "ms"), "ms", 1)
          for path in dict.fromkeys(row["name"] for row in pages)),
        at_most("first page of 100,000 items in Chromium", LIBRARY_SHOWN_MS, median(shown, "shown_ms"), "ms", 0),
        at_most("check and repair of 100,000 items", LIBRARY_REPAIR_S, median(repairs, "seconds"), "s", 1),
    ]  # fmt: skip
