"""The benchmark: its frames, its verdicts, and that its viewers see what is wrong with a stream."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from camera import image
from camera.filter_settings import NAMES, ROTATIONS, FilterSettings
from camera.pixels import segments, standard_huffman_tables
from camera.probe import probe

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
SOF0 = b"\xff\xc0"
DHT = b"\xff\xc4"
SIZE = (160, 120)
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: sudo apt install gcc")


@pytest.fixture(autouse=True)
def benchmark_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark's modules import each other by their bare names."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture(scope="module")
def few_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of frames of `SIZE`, drawn once."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        from frames import frames_folder
    finally:
        sys.path.remove(str(BENCHMARKS))
    return frames_folder(tmp_path_factory.mktemp("frames"), SIZE, 30)


@pytest.fixture
def prepared(tmp_path: Path, few_frames: Path, monkeypatch: pytest.MonkeyPatch):
    """A short run, ready to measure: one round, few viewers, who are counted at once."""
    import bench
    import keeping
    import measure
    import recording
    import trials

    monkeypatch.setattr(bench, "frames_folder", lambda root, size: few_frames)
    monkeypatch.setattr(measure, "WARM_S", 0.1)
    monkeypatch.setattr(trials, "FIRST_FRAMES_S", 0.1)
    for module in (keeping, recording):
        monkeypatch.setattr(module, "VIEWERS", 2)
    size = f"{SIZE[0]}x{SIZE[1]}"
    return bench._prepare(bench._options(["--rounds", "1", "--seconds", "0.5", "--size", size]), tmp_path)


def test_frames_are_what_a_webcam_sends() -> None:
    import frames

    first, second = frames.draw_frames((320, 240), 2)
    assert (image.size_of(first), image.size_of(second)) == ((320, 240), (320, 240))
    assert first != second
    parts = {marker: first[start:end] for marker, start, end in segments(first)}
    assert parts[SOF0][10:13] == bytes((1, 0x22, 0))  # luma sampled 2x2: 4:2:0, baseline
    tables = b"".join(first[start:end] for marker, start, end in segments(first) if marker == DHT)
    assert tables == standard_huffman_tables()


def test_frames_are_the_same_at_every_start() -> None:
    import frames

    assert list(frames.draw_frames((128, 96), 2)) == list(frames.draw_frames((128, 96), 2))


@pytest.mark.parametrize("text", ["1280", "1280x", "x720", "128x95", "32x32", "5000x100", "ax b"])
def test_size_that_is_none_is_refused(text: str) -> None:
    import frames

    with pytest.raises(ValueError, match="size"):
        frames.parse_size(text)


def bench_with(rows: list[dict], **special: list[dict]):
    """A run that measured just this."""
    from servers import Camera
    from trials import Bench

    camera = Camera(Path(), (1280, 720), 30.0, None)
    request = ("GET", "/healthz", None)
    return Bench({}, camera, Path(), (64,), 1, 1.0, request, rows=rows, special=special)


def row(name: str, cpu_ms: float, **others: float) -> dict:
    figures = {"fps_min": 30.0, "latency_p50_ms": 1.0, "latency_p99_ms": 2.0, "frames": 9, "broken": 0, "backwards": 0}
    return {"name": name, "viewers": 64, "cpu_ms_per_1000": cpu_ms, "dead": 0, **figures, **others}


def verdicts(bench) -> dict[str, str]:
    import budgets

    return {line.what: line.verdict for line in budgets.judge(bench)}


@pytest.mark.parametrize(("ours_ms", "verdict"), [(13.9, "ok"), (14.1, "MISSED")])
def test_cpu_is_judged_against_the_bare_loop(ours_ms: float, verdict: str) -> None:
    found = verdicts(bench_with([row("ours", ours_ms), row("loop-writev", 10.0)]))
    assert found["CPU per 1000 frames, 64 viewers, beside loop-writev"] == verdict
    assert found["CPU per 1000 frames, 256 viewers, beside loop-writev"] == "not measured"


def test_broken_frames_lost_viewers_and_low_rates_are_missed_budgets() -> None:
    good, loop = row("ours", 10.0), row("loop-writev", 10.0)
    assert verdicts(bench_with([good, loop]))["slowest viewer's frames/s"] == "ok"
    for fault in ({"dead": 1}, {"fps_min": 29.4}):
        assert verdicts(bench_with([{**good, **fault}, loop]))["slowest viewer's frames/s"] == "MISSED"
    for fault in ({"broken": 1}, {"backwards": 1}):
        assert verdicts(bench_with([{**good, **fault}, loop]))["broken, mixed or reordered frames"] == "MISSED"


def test_shutdown_that_had_to_be_forced_is_missed() -> None:
    clean, killed = {"seconds": 0.1, "status": 0}, {"seconds": 0.1, "status": -9}
    assert verdicts(bench_with([], shutdown=[clean]))["shutdown with 64 viewers"] == "ok"
    assert verdicts(bench_with([], shutdown=[clean, killed]))["shutdown with 64 viewers"] == "MISSED"


@pytest.mark.parametrize(
    ("figures", "verdict"), [({}, "ok"), ({"dropped": 1}, "MISSED"), ({"recorded_hz": 29.3}, "MISSED")]
)
def test_recording_that_drops_or_lags_is_missed(figures: dict, verdict: str) -> None:
    beside = row("ours", 10.0) | {"dropped": 0, "recorded_hz": 30.0, **figures}
    assert verdicts(bench_with([], recording_beside=[beside]))["recording beside 16 viewers, frames/s"] == verdict


@pytest.mark.parametrize(("fps", "verdict"), [(29.6, "ok"), (29.4, "MISSED")])
def test_film_that_costs_viewers_frames_is_missed(fps: float, verdict: str) -> None:
    rows = [row("without", 10.0), row("with", 10.0) | {"fps_min": fps}]
    assert verdicts(bench_with([], films=rows))["frames/s of 16 viewers while a film is made"] == verdict


@pytest.mark.parametrize(("gray_ms", "frames", "verdict"), [(1.9, 3, "ok"), (2.1, 4, "MISSED")])
def test_filters_that_cost_more_and_changes_that_show_later_are_missed(
    gray_ms: float, frames: int, verdict: str
) -> None:
    rows = [{"name": "gray", "cpu_ms": gray_ms}]
    found = verdicts(bench_with([], filters=rows, change_seen=[{"frames": 0}, {"frames": frames}]))
    assert found["filter gray, CPU per frame"] == found["a change of brightness is seen after"] == verdict
    assert found["filter half, CPU per frame"] == "not measured"


UNTOUCHED = "no filter on: CPU per frame of the whole program with a viewer, beside one decode"


@pytest.mark.parametrize(("is_same", "verdict"), [(True, "ok"), (False, "MISSED")])
def test_a_picture_that_is_touched_without_need_is_missed(is_same: bool, verdict: str) -> None:
    found = verdicts(bench_with([], filters_none=[{"same_bytes": is_same, "has_turbo": True, "decode_ms": 1.3}]))
    assert found["no filter on: the camera's own bytes, no decode, no encode"] == verdict


@pytest.mark.parametrize(("ours_ms", "broken", "verdict"), [(0.2, 0, "ok"), (1.4, 0, "MISSED"), (0.2, 1, "MISSED")])
def test_a_program_that_costs_a_decode_or_changes_bytes_is_missed(ours_ms: float, broken: int, verdict: str) -> None:
    none = [{"same_bytes": True, "has_turbo": True, "decode_ms": 1.3}]
    rows = [{"cpu_ms_per_1000": 1000 * ours_ms, "broken": broken}]
    found = verdicts(bench_with([], filters_none=none, untouched=rows))
    assert found[UNTOUCHED] == verdict
    assert verdicts(bench_with([], filters_none=none))[UNTOUCHED] == "not measured"


@pytest.mark.slow
def test_trials_of_the_picture_measure_our_program(tmp_path: Path, few_frames: Path) -> None:
    import picture
    from servers import Camera
    from trials import Bench

    camera = Camera(few_frames, SIZE, 30.0, None)
    bench = Bench({}, camera, tmp_path, (2,), 1, 0.02, ("GET", "/healthz", None))
    picture.filters(bench)
    picture.change_seen(bench)
    costs = {row["name"]: row["cpu_ms"] for row in bench.special["filters"]}
    assert 0 < costs["half"] < costs["dearest combination"]
    assert bench.special["filters_none"][0]["same_bytes"]
    assert len(bench.special["change_seen"]) == picture.CHANGES


@pytest.mark.parametrize(
    ("photo_ms", "ours_mb_per_s", "kb", "verdict"), [(49, 60, 8000, "ok"), (51, 40, 9000, "MISSED")]
)
def test_slow_photos_and_zips_that_lag_or_grow_are_missed(
    photo_ms: float, ours_mb_per_s: float, kb: float, verdict: str
) -> None:
    rates = [{"name": "bare loop", "mb_per_s": 100}, {"name": "ours", "mb_per_s": ours_mb_per_s}]
    found = verdicts(bench_with([], photo=[{"ms": photo_ms}], zip=rates, zip_memory=[{"kb": kb}]))
    for what in (
        "photo of the running stream beside 16 viewers",
        "zip of 1 GB, beside a loop that only reads, sums up and sends",
        "memory growth meanwhile",
    ):
        assert found[what] == verdict


@pytest.mark.parametrize(
    ("photo_ms", "record_ms", "seconds", "verdict"), [(300, 100, 7, "ok"), (301, 101, 7.1, "MISSED")]
)
def test_presses_that_bring_something_late_are_missed(
    photo_ms: float, record_ms: float, seconds: float, verdict: str
) -> None:
    pressed = {"pressed_photo": [{"ms": photo_ms}], "pressed_record": [{"ms": record_ms}]}
    found = verdicts(bench_with([], **pressed, record_and_play=[{"seconds": seconds}]))
    for what in (
        "press of Photo until its small picture is seen, in Chromium",
        "press of Record until the page answers",
        "5 s recorded and played, with three clicks",
    ):
        assert found[what] == verdict


def test_presses_stand_beside_a_bare_loop_of_the_same_run() -> None:
    import budgets

    rows = {"pressed_photo": [{"ms": 110}], "bare_photo": [{"ms": 4}]}
    rows |= {"record_and_play": [{"seconds": 5.6, "after_s": 0.6}], "bare_film": [{"seconds": 1.2}]}
    found = {line.what: line.measured for line in budgets.judge(bench_with([], **rows))}
    photo = found["press of Photo until its small picture is seen, in Chromium"]
    assert photo == "110 ms (27.50 x a bare write and sync of 4.00 ms)"
    played = found["5 s recorded and played, with three clicks"]
    assert played == "5.6 s (0.50 x a bare conversion of 1.20 s, the 5 s taken off)"


def test_bare_loops_make_a_photo_and_a_film(tmp_path: Path, few_frames: Path) -> None:
    import bare

    jpegs = [path.read_bytes() for path in sorted(few_frames.glob("*.jpg"))]
    assert bare.photo_ms(tmp_path, jpegs[0]) > 0
    assert (tmp_path / "bare.jpg").read_bytes() == jpegs[0]
    assert bare.film_s(tmp_path, itertools.islice(itertools.cycle(jpegs), 60), 30.0) > 0
    facts = probe(tmp_path / "bare.mp4")
    assert ((facts.width_px, facts.height_px), facts.frames) == (SIZE, 60)
    assert facts.duration_s == pytest.approx(2.0, abs=0.05)


def test_filters_lab_tries_every_value_there_is_to_choose() -> None:
    """A filter that was left out made the dearest combination a cheap one."""
    from lab import filters

    assert set(filters.CHOICES) == set(NAMES)
    assert set(filters.CHOICES["rotation"]) == set(ROTATIONS)
    switches = [name for name, value in asdict(FilterSettings()).items() if isinstance(value, bool)]
    assert all(set(filters.CHOICES[name]) == {False, True} for name in switches)
    assert all(any(filters.CHOICES[name]) for name in NAMES)


@needs_compiler
@pytest.mark.slow
def test_trials_of_photos_and_zips_measure_our_program(prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    import keeping

    monkeypatch.setattr(keeping, "ZIP_FILE_BYTES", 100_000)
    monkeypatch.setattr(keeping, "PHOTOS", 2)
    keeping.photos(prepared)
    keeping.zipped(prepared)
    assert all(0 < photo["ms"] < 5000 for photo in prepared.special["photo"])
    assert [found["name"] for found in prepared.special["zip"]] == ["bare loop", "ours"]
    assert prepared.special["zip_memory"]


@needs_compiler
@pytest.mark.slow
def test_trials_of_recording_and_films_measure_our_program(prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    import recording

    monkeypatch.setattr(recording, "SETTLES_S", 0.1)
    monkeypatch.setattr(recording, "FILM_FRAMES", 300)
    with prepared.ours(extra=recording.EXTRA) as process:  # one for all of them: each start takes its time
        monkeypatch.setattr(prepared, "ours", lambda **named: contextlib.nullcontext(process))
        for trial in (recording.cpu_per_frame, recording.beside_viewers, recording.beside_films):
            trial(prepared)
        recording.soak(prepared, 1)
    beside, films = prepared.special["recording_beside"][0], prepared.special["films"]
    assert beside["frames"] > 5
    assert beside["recorded_hz"] > 10
    assert [film["name"] for film in films] == ["without", "with"]
    assert all(film["frames"] > 5 for film in films)
    assert prepared.special["recording_start"][0]["first_frame_ms"] < 5000
    assert prepared.special["recording_soak"][0]["rss_kb"] > 10_000
    assert prepared.special["recording"][0]["without_ms"] > 0


A, B = (b"\xff\xd8" + bytes([number]) * 3000 + b"\xff\xd9" for number in (1, 2))
TORN = b"\xff\xd8" + b"\x07" * 3000
LATE_S = 0.05
PARTS = 12  # are watched


def sized_part(jpeg: bytes) -> bytes:
    head = b"--edge\r\nContent-Type: image/jpeg\r\nX-Frame-Number: 7\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
    return head + jpeg + b"\r\n"


def open_part(jpeg: bytes) -> bytes:
    """A part with the next one's head in advance, as <img> viewers get it."""
    return jpeg + b"\r\n--edge\r\nContent-Type: image/jpeg\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def stamped_part() -> bytes:
    """A frame that was captured LATE_S ago, with the timestamp of lab/measure.h."""
    stamp = b"\xff\xfe\x00\x18TS=%019d" % (time.monotonic_ns() - int(LATE_S * 1e9))
    return sized_part(A[:2] + stamp + A[2:])


class Source(threading.Thread):
    """A server on loopback for one viewer, who is sent the parts in turn until he leaves."""

    def __init__(self, parts: list[Callable[[], bytes]], begin: bytes = b"", more_head: bytes = b"") -> None:
        super().__init__(daemon=True)
        self.request = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(30)
        self.port: int = self._listener.getsockname()[1]
        head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=edge\r\n"
        self._begin = head + more_head + b"\r\n" + begin
        self._parts = parts

    def run(self) -> None:
        with self._listener, self._listener.accept()[0] as connection, contextlib.suppress(OSError):
            connection.settimeout(0.005)
            self.request = connection.recv(4096)
            connection.sendall(self._begin)
            for part in itertools.cycle(self._parts):
                connection.sendall(part())
                with contextlib.suppress(TimeoutError):  # the pace; nothing more is ever said by a viewer
                    if not connection.recv(1):
                        return


def watch(source: Source, *options: str) -> dict:
    """What one viewer reports of the source's parts."""
    from programs import build

    source.start()
    command = [str(build("viewers")), "-p", str(source.port), "-w", "0", "-d", "0", "--least", str(PARTS), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40)
    source.join(10)
    return json.loads(done.stdout)


def source_of(*jpegs: bytes, shape: Callable[[bytes], bytes] = sized_part, **others: bytes) -> Source:
    return Source([functools.partial(shape, jpeg) for jpeg in jpegs], **others)


@needs_compiler
@pytest.mark.parametrize("reading", [[], ["--light"]])
@pytest.mark.parametrize(
    ("shape", "others"),
    [
        (sized_part, {}),
        (open_part, {"begin": b"--edge\r\nContent-Type: image/jpeg\r\n\r\n"}),
        (lambda jpeg: chunk(sized_part(jpeg)), {"more_head": b"Transfer-Encoding: chunked\r\n"}),
    ],
    ids=["length", "head in advance", "chunked"],
)
def test_viewers_count_whole_and_broken_frames(shape: Callable[[bytes], bytes], others: dict, reading: list) -> None:
    found = watch(source_of(A, B, TORN, shape=shape, **others), *reading)
    assert found["broken"] > 2
    assert abs(found["frames"] - 2 * found["broken"]) <= 2
    assert (found["dead"], found["repeated"]) == (0, 0)


@needs_compiler
def test_viewers_see_a_frame_that_comes_twice() -> None:
    found = watch(source_of(A, A, B))
    assert found["repeated"] > 2
    assert abs(found["frames"] - 2 * found["repeated"]) <= 2


@needs_compiler
def test_viewers_know_the_frames_they_were_shown(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(A)
    found = watch(Source([stamped_part, lambda: sized_part(B)]), "--check", str(tmp_path))
    assert found["frames"] > 2  # A, although its timestamp changes
    assert found["unknown"] == found["broken"] > 2  # B


@needs_compiler
def test_viewers_measure_the_age_of_a_frame() -> None:
    found = watch(Source([stamped_part]))
    assert found["latency_n"] == found["frames"] > 2
    assert LATE_S * 990 <= found["latency_p50_ms"] < LATE_S * 1000 + 100


@needs_compiler
def test_viewers_log_in_and_say_when_they_are_lost() -> None:
    source = Source([], more_head=b"X: ")
    found = watch(source, "--auth", "admin:secret")
    assert b"Authorization: Basic YWRtaW46c2VjcmV0\r\n" in source.request
    assert (found["dead"], found["frames"]) == (1, 0)


@needs_compiler
def test_bench_measures_the_program_beside_the_bare_loop(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "bench.py"), "--viewers", "2", "--rounds", "1", "--seconds", "0.5"]
    command += ["--size", "128x96", "--only-viewers", "--json", str(tmp_path / "found.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert [run["name"] for run in found["runs"]] == ["loop-writev", "loop-sendfile", "ours"]
    for run in found["runs"]:
        assert (run["live"], run["broken"], run["dead"]) == (2, 0, 0)
        assert run["frames"] > 10
    assert found["machine"]["cpu"] in done.stdout
    assert "| broken, mixed or reordered frames" in done.stdout
    assert "MISSED" not in next(line for line in done.stdout.splitlines() if "broken, mixed" in line)


def test_bench_says_what_is_missing_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import programs

    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(programs.CannotBuild, match="needs a C compiler: sudo apt install gcc"):
        programs.build("viewers", tmp_path / "bin")
