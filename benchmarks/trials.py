"""The measurements: each starts what it needs, measures, and lets go of it again."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import machine
import measure
import servers
from measure import Asking, Load, Row
from servers import Camera, CannotMeasure, Process, Target

LOOPS = ("writev", "sendfile")
STARTS = 3
SATURATION_HZ = 1000.0
CROWD = 64
SLOW_OF, SLOW_VIEWERS, SLOW_BYTES_PER_S = 16, 2, 600_000
FIRST_FRAMES_S = 0.5  # after this the last viewers have theirs
CAMERA_SLEEPS_S = 3.0  # [camera] idle_timeout_s is 2 s
SHUTDOWN_PATIENCE_S = 20.0
MEMORY_WARM_VIEWERS = 16
SOAK_GROUPS_S = (3, 5, 7, 11)
SOAK_SETTLES_S = 30.0
SOAK_SAMPLE_S = 1.0


@dataclass(frozen=True)
class Peer:
    """Another streamer: a command to start, or one that runs already (`target`)."""

    name: str
    path: str
    command: str = ""
    target: Target | None = None


@dataclass
class Bench:
    """One run of the benchmark: what it needs, and what it found.

    :ivar rows: one row per run of the viewers at the camera's ordinary rate.
    :ivar special: name of a trial -> its rows.
    """

    programs: Mapping[str, Path]
    camera: Camera
    folder: Path
    viewers: Sequence[int]
    rounds: int
    seconds: float
    request: tuple[str, str, str | None]
    peers: Sequence[Peer] = ()
    rows: list[Row] = field(default_factory=list)
    special: dict[str, list[Row]] = field(default_factory=dict)
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)

    @property
    def max_viewers(self) -> int:
        """Places our program has to offer."""
        return max(256, *self.viewers)

    @contextlib.contextmanager
    def ours(
        self,
        rate_hz: float | None = None,
        extra: Mapping[str, str] | None = None,
        program: Sequence[str] = servers.PROGRAM,
    ) -> Iterator[Process]:
        """Our program, for as long as the block lasts."""
        camera = self.camera if rate_hz is None else replace(self.camera, rate_hz=rate_hz)
        with closing(servers.start_ours(camera, self.folder, self.max_viewers, extra, program)) as process:
            yield process

    def watch(self, target: Target, load: Load) -> Row:
        """One run of the viewers."""
        return measure.watch(self.programs["viewers"], target, load)

    def note(self, trial: str, row: Row) -> None:
        """Keep a trial's row."""
        self.special.setdefault(trial, []).append(row)


def many_viewers(bench: Bench) -> None:
    """Every server at every number of viewers, in turn, round after round."""
    with ExitStack() as stack:
        targets = list(_start_all(bench, stack))
        for number in range(bench.rounds):
            for viewers in bench.viewers:
                for target in targets:
                    row = {**bench.watch(target, Load(viewers, bench.seconds)), "round": number}
                    bench.rows.append(row)
                    bench.say(f"round {number + 1}/{bench.rounds} {_summary(row)}")


def _start_all(bench: Bench, stack: ExitStack) -> Iterator[Target]:
    loop = bench.programs["bare_loop"]
    for way in LOOPS:
        yield stack.enter_context(closing(servers.start_bare_loop(loop, bench.camera, bench.folder, way))).target
    yield servers.require_frame(stack.enter_context(bench.ours()))
    for peer in bench.peers:
        if peer.target is not None:
            yield peer.target
            continue
        process = servers.start_peer(peer.name, peer.path, peer.command, bench.camera, bench.folder)
        yield servers.require_frame(stack.enter_context(closing(process)))


def _summary(row: Row) -> str:
    cpu = f"{row['cpu_ms_per_1000']:7.1f} CPU ms per 1000" if "cpu_ms_per_1000" in row else "CPU unknown"
    latency = f"p50 {row['latency_p50_ms']:.2f} p99 {row['latency_p99_ms']:.2f} ms"
    return f"{row['viewers']:4d} viewers {row['name']:14s} {row['fps_min']:6.1f} frames/s at least, {cpu}, {latency}"


def saturation(bench: Bench) -> None:
    """As many deliveries per second as go: the camera at 1000 frames/s, 64 viewers, each server alone."""
    fast = replace(bench.camera, rate_hz=SATURATION_HZ)
    for _ in range(bench.rounds):
        for way in LOOPS:
            with closing(servers.start_bare_loop(bench.programs["bare_loop"], fast, bench.folder, way)) as loop:
                bench.note("saturation", bench.watch(loop.target, Load(CROWD, bench.seconds)))
        with bench.ours(SATURATION_HZ) as process:
            bench.note("saturation", bench.watch(process.target, Load(CROWD, bench.seconds)))


def memory(bench: Bench) -> None:
    """Resident memory of a fresh program with 16 viewers, then, for the first time, with as many as asked for.

    Twice with 16 first: every worker thread has then worked, every code path has run.
    """
    most = max(*bench.viewers, CROWD)
    for _ in range(bench.rounds):
        with bench.ours() as process:
            few = [bench.watch(process.target, Load(MEMORY_WARM_VIEWERS, bench.seconds)) for _ in range(2)][-1]
            many = bench.watch(process.target, Load(most, bench.seconds))
        grown_kb = many["rss_kb"] - few["rss_kb"]
        bench.note(
            "memory", {"kb_per_viewer": max(0.0, grown_kb / (most - MEMORY_WARM_VIEWERS)), "rss_kb": many["rss_kb"]}
        )


def slow_viewers(bench: Bench) -> None:
    """16 viewers of which 2 read 600 kB/s."""
    load = Load(SLOW_OF, max(bench.seconds, 5.0), warm_s=3.0, slow=(SLOW_VIEWERS, SLOW_BYTES_PER_S))
    with bench.ours() as process:
        for _ in range(bench.rounds):
            bench.note("slow", bench.watch(process.target, load))


def requests_beside(bench: Bench) -> None:
    """Keep-alive requests while 64 watch."""
    asking = Asking(*bench.request)
    with bench.ours() as process:
        load = Load(CROWD, bench.rounds * (bench.seconds + 1) + 10)
        with background(bench, process.target, load):
            for _ in range(bench.rounds):
                row = measure.request(bench.programs["requests"], process.target, asking, bench.seconds)
                bench.note("requests", row)


@contextlib.contextmanager
def background(bench: Bench, target: Target, load: Load) -> Iterator[None]:
    """Viewers for as long as the block lasts."""
    servers.wait_for_frame(target)
    child = measure.start_viewers(bench.programs["viewers"], target, load)
    try:
        _wait_for_viewers(target, load.viewers)
        yield
    finally:
        child.kill()
        child.wait()


def _wait_for_viewers(target: Target, viewers: int) -> None:
    """Until so many connections to the server stand (proc(5): /proc/net/tcp, state 01 is ESTABLISHED)."""
    wanted = f"{target.port:04X}"
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
        if sum(words[1].endswith(f":{wanted}") and words[3] == "01" for words in lines) >= viewers:
            time.sleep(FIRST_FRAMES_S)
            return
        time.sleep(0.05)
    raise CannotMeasure(f"{target.name}: {viewers} viewers did not get connected within 15 s")


def whole_frames(bench: Bench) -> None:
    """Every byte of every frame compared, 16 viewers; for programs and for <img>."""
    load = Load(16, bench.seconds, check=bench.camera.frames)
    with bench.ours() as process:
        for path in ("/video_feed", "/video_feed?for=img"):
            bench.note("whole", bench.watch(replace(process.target, path=path), load))


def start_and_idle(bench: Bench) -> None:
    """From the start to the first live frame, then CPU with nobody watching."""
    for _ in range(STARTS):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", ""], check=True, env=_clean_environment())
        python_up = time.monotonic()
        with bench.ours() as process:
            ready = time.monotonic()
            servers.wait_for_frame(process.target)
            first_frame = time.monotonic()
            bench.note(
                "start",
                {
                    "python_s": python_up - began,
                    "listening_s": ready - python_up,
                    "first_frame_s": first_frame - python_up,
                    "after_python_s": first_frame - python_up - (python_up - began),
                },
            )
    with bench.ours() as process:
        servers.wait_for_frame(process.target)
        time.sleep(CAMERA_SLEEPS_S)
        for _ in range(bench.rounds):
            bench.note("idle", {"cpu_percent": cpu_percent(process.target.pid, bench.seconds)})


def _clean_environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin"}


def cpu_percent(pid: int, seconds: float) -> float:
    """How much of one core a process uses, over so many seconds from now."""
    began, used = time.monotonic(), machine.cpu_seconds(pid)
    time.sleep(seconds)
    return 100 * (machine.cpu_seconds(pid) - used) / (time.monotonic() - began)


def shutdown(bench: Bench) -> None:
    """SIGTERM with 64 viewers, until the process is gone."""
    for _ in range(STARTS):
        with bench.ours() as process, background(bench, process.target, Load(CROWD, 60)):
            began = time.monotonic()
            process.child.terminate()
            try:
                status = process.child.wait(SHUTDOWN_PATIENCE_S)
            except subprocess.TimeoutExpired:
                status = -1
            bench.note("shutdown", {"seconds": time.monotonic() - began, "status": status})


def soak(bench: Bench, seconds: float) -> None:
    """64 viewers coming and going for `seconds`: resident memory once a second."""
    with bench.ours() as process, ExitStack() as stack:
        groups = [_Group(bench, process.target, CROWD // len(SOAK_GROUPS_S), stay_s) for stay_s in SOAK_GROUPS_S]
        for group in groups:
            stack.callback(group.close)
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            for group in groups:
                group.tend()
            bench.note("soak", {"at_s": now, "rss_kb": machine.rss_kb(process.target.pid)})
            time.sleep(SOAK_SAMPLE_S)
        bench.special["soak_visits"] = [{"visits": sum(group.visits for group in groups) * (CROWD // len(groups))}]


class _Group:
    """Some viewers that stay for a while, leave together and come again."""

    def __init__(self, bench: Bench, target: Target, viewers: int, stay_s: float) -> None:
        self.visits = 0
        self._start = lambda: measure.start_viewers(bench.programs["viewers"], target, Load(viewers, stay_s, 0.0))
        self._child: subprocess.Popen[bytes] | None = None

    def tend(self) -> None:
        """Bring them back when they have left."""
        if self._child is None or self._child.poll() is not None:
            self._child = self._start()
            self.visits += 1

    def close(self) -> None:
        """Send them away."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()


def soak_growth_kb(rows: Sequence[Row]) -> float | None:
    """By how much memory grew from the first to the last third, the settling time left out."""
    settled = [row["rss_kb"] for row in rows if row["at_s"] >= min(SOAK_SETTLES_S, rows[-1]["at_s"] / 4)]
    third = len(settled) // 3
    return statistics.median(settled[-third:]) - statistics.median(settled[:third]) if third else None
