"""The benchmark's drive commands: which edge belongs to which request, the verdicts, and one real run."""

from __future__ import annotations

import http.server
import math
import threading
import time
from pathlib import Path

import pytest
from metronome import STANDSTILL_S, Metronome
from test_benchmarks import bench_with, needs_compiler, verdicts

from hardware.deadman import STALL_S

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
TO_PIN = {quantile: f"drive command to the pin {quantile}, 64 viewers" for quantile in ("p50", "p99")}
LONGEST_RUN_S = 0.6
STOP, SHARE = "longest run of a motor after the last command", "20 drive commands/s from 5 clients: share of one core"


@pytest.fixture(autouse=True)
def benchmark_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark's modules import each other by their bare names."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def drives(starts_s: list[float], edges: list[tuple[float, int]]) -> list[tuple[float, float]]:
    from driving import drives_of

    return [(drive.to_run_s, drive.run_s) for drive in drives_of(starts_s, edges)]


def test_each_request_gets_the_edges_before_the_next_one() -> None:
    edges = [(10.25, 1), (20.125, 0), (20.5, 1), (24.5, 0)]
    assert drives([10, 20], edges) == [(0.25, math.inf), (0.5, 4.0)]


def test_a_request_that_moved_nothing_counts_as_endless_not_as_the_next_ones() -> None:
    edges = [(10.25, 1), (14.25, 0), (30.5, 1)]
    assert drives([10, 20, 30], edges) == [(0.25, 4.0), (math.inf, math.inf), (0.5, math.inf)]


@pytest.mark.parametrize(("share", "found"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)])
def test_quantile_is_a_value_that_was_measured(share: float, found: float) -> None:
    from driving import quantile

    assert quantile(list(range(100, 0, -1)), share) == found


GOOD = {"name": "ours", "pin_p50_ms": 2.0, "pin_p99_ms": 8.0, "errors": 0, "other_status": 0}


def test_commands_at_the_limit_are_good() -> None:
    found = verdicts(bench_with([], drive=[GOOD], drive_stop=[{"run_ms": 450.0}], drive_cpu=[{"cpu_percent": 5.0}]))
    assert [found[what] for what in (*TO_PIN.values(), STOP, SHARE)] == ["ok"] * 4
    assert "failed drive commands" not in found


def test_commands_that_are_late_refused_or_never_end_are_missed_budgets() -> None:
    assert verdicts(bench_with([], drive=[{**GOOD, "pin_p50_ms": 2.1}]))[TO_PIN["p50"]] == "MISSED"
    assert verdicts(bench_with([], drive=[{**GOOD, "pin_p99_ms": math.inf}]))[TO_PIN["p99"]] == "MISSED"
    assert verdicts(bench_with([], drive=[{**GOOD, "other_status": 1}]))["failed drive commands"] == "MISSED"
    one_endless = [{"run_ms": 400.0}, {"run_ms": math.inf}]
    assert verdicts(bench_with([], drive_stop=one_endless))[STOP] == "MISSED"
    assert verdicts(bench_with([], drive_cpu=[{"cpu_percent": 5.1}]))[SHARE] == "MISSED"
    assert verdicts(bench_with([]))[STOP] == "not measured"


def test_the_loops_own_time_stands_beside_ours() -> None:
    import budgets

    rows = [GOOD, {"name": "loop-writev", "p50_ms": 0.04, "p99_ms": 13.4}]
    found = {line.what: line.measured for line in budgets.judge(bench_with([], drive=rows))}
    assert found[TO_PIN["p99"]] == "8.00 ms (the loop's answer 13.40)"


@needs_compiler
def test_every_second_request_carries_the_other_body_and_all_say_when_they_were_sent(tmp_path: Path) -> None:
    from measure import Asking, request
    from programs import build
    from servers import Target

    came: list[tuple[float, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            came.append((time.monotonic(), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asking = Asking("POST", "/", "one", other_body="another", starts=tmp_path / "starts")
        found = request(build("requests"), Target("x", server.server_port, "/", 0), asking, 0.5)
        server.shutdown()
    bodies = [body for _, body in came]
    assert found["requests"] == len(came) >= 4
    assert bodies == [(b"one", b"another")[number % 2] for number in range(len(came))]
    sent_s = [int(line) / 1e9 for line in (tmp_path / "starts").read_text().split()]
    both = [moment for sent, (arrived, _) in zip(sent_s, came, strict=True) for moment in (sent, arrived)]
    assert both == sorted(both)


@needs_compiler
def test_the_scope_sees_what_the_clients_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import driving
    from frames import frames_folder
    from programs import build
    from servers import Camera
    from trials import Bench

    monkeypatch.setattr(driving, "CROWD", 2)
    monkeypatch.setattr(driving, "SETTLES_S", 0.6)
    camera = Camera(frames_folder(tmp_path / "frames", (320, 240), 30), (320, 240), 30.0, None)
    programs = {name: build(name) for name in ("viewers", "requests", "bare_loop")}
    bench = Bench(programs, camera, tmp_path, (2,), 1, 1.0, ("GET", "/healthz", None))
    runs_ms: list[float] = []
    while not runs_ms:  # a machine that stands still during all of them drives again
        bench.special.clear()
        runs_ms = undisturbed_runs_ms(bench, monkeypatch)
    while not bench.special.get("drive_cpu"):
        measure_cpu(bench)
    assert 0 < bench.special["drive_cpu"][0]["cpu_percent"] < 100


def undisturbed_runs_ms(bench, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Drive, and see that all is as it should be; how long the motor ran each time when the machine went on.

    Where the machine stood still for as long as half of what the watch-dog bears, that may have switched everything
    off, as it should, and have refused commands until the dead-man was back: those count neither as good nor as bad.
    """
    import driving

    assert STANDSTILL_S <= STALL_S / 2
    starts_s: list[list[float]] = []
    real = driving._drive

    def noted(*arguments):
        found = real(*arguments)
        starts_s.append(found[1])
        return found

    with Metronome() as metronome, monkeypatch.context() as patched:
        patched.setattr(driving, "_drive", noted)
        driving.driving(bench)
    quick_s, rare_s = starts_s
    ours, loop = bench.special["drive"]
    assert (ours["name"], loop["name"]) == ("ours", "loop-writev")
    assert ours["other_status"] <= sum(metronome.stood_still(at - STALL_S, at + STALL_S) for at in quick_s)
    assert 0 < ours["pin_p50_ms"] < ours["p50_ms"]
    rows = bench.special["drive_stop"]
    assert len(rows) == len(rare_s) > 0
    found = zip(rows, rare_s, strict=True)
    runs_ms = [row["run_ms"] for row, at in found if not metronome.stood_still(at - STALL_S, at + LONGEST_RUN_S)]
    assert all(300 < run_ms < 600 + 2000 * metronome.worst_s for run_ms in runs_ms)
    return runs_ms


def measure_cpu(bench) -> None:
    """The CPU of driving, or nothing when the machine stood still: then commands may have been refused."""
    import driving
    from servers import CannotMeasure

    with Metronome() as metronome:
        try:
            driving.drive_cpu(bench)
        except CannotMeasure:
            if not metronome.standstills:
                raise
