#!/usr/bin/env python3
"""Measures our program beside the bare C loop, in turn, on this machine, and prints the speed budget.

    python benchmarks/bench.py --quick
    python benchmarks/bench.py --viewers 1,16 --peer mjpg-streamer '/?action=stream' \\
        'mjpg_streamer -i "input_uvc.so -d /dev/video0 -r {width}x{height} -f {rate} -n" -o "output_http.so -p {port}"'

Exit status: 0 when everything was measured, 1 with --strict when a budget was missed, 2 when it could
not be measured. benchmarks/README.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import budgets
import driving
import gallery
import keeping
import machine
import picture
import pressing
import recording
import report
import trials
from frames import frames_folder, parse_size
from lines import Line
from picture_budget import of_picture
from programs import BUILD, CannotBuild, build
from servers import Camera, CannotMeasure, Target
from trials import Bench, Peer

RATE_HZ = 30.0
PICTURE = (
    ("a picture that nobody changes", picture.untouched),
    ("filters", picture.filters),
    ("a change of brightness", picture.change_seen),
)
QUICK = {"viewers": (1, 16, 64), "rounds": 1, "seconds": 2.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; returns the exit status."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    network = "measured in the machine's own network, where the attached servers are"
    if not options.attach:
        network = machine.enter_own_network()
    folder = Path(tempfile.mkdtemp(prefix="turret-bench-"))
    try:
        bench = _prepare(options, folder)
        _print_head(bench, network)
        _run(bench, options)
        lines = _print_results(bench, of_picture if options.only_picture else budgets.judge)
        _write_json(bench, lines, network, options)
    except (CannotBuild, CannotMeasure) as error:
        print(f"bench.py: {error}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if options.strict and any(line.verdict == "MISSED" for line in lines) else 0


def _prepare(options: argparse.Namespace, folder: Path) -> Bench:
    programs = {name: build(name) for name in ("viewers", "requests", "bare_loop")}
    frames = frames_folder(BUILD / "frames", options.size)
    return Bench(
        programs,
        Camera(frames, options.size, RATE_HZ, _preload(options.camera)),
        folder,
        options.viewers,
        options.rounds,
        options.seconds,
        (options.method, options.path, options.body),
        [
            *(Peer(name, path, command) for name, path, command in options.peer),
            *(_attached(name, url, pid) for name, url, pid in options.attach),
        ],
    )


def _preload(kind: str | None) -> Path | None:
    """The fake camera's library; None for the files backend, or where V4L2's headers are missing."""
    if kind == "files":
        return None
    try:
        return build("fake_camera.so")
    except CannotBuild as error:
        if kind == "fake":
            raise
        print(f"no fake camera, our program plays the files itself: {error}", file=sys.stderr)
        return None


def _attached(name: str, url: str, pid: str) -> Peer:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    auth = f"{parts.username}:{parts.password or ''}" if parts.username else None
    target = Target(name, parts.port or 80, path, int(pid), auth, parts.hostname or "127.0.0.1")
    return Peer(name, path, target=target)


def _run(bench: Bench, options: argparse.Namespace) -> None:
    if options.only_picture:
        _try(bench, PICTURE)
        return
    trials.many_viewers(bench)
    if options.only_viewers:
        return
    everything = (
        ("saturation", trials.saturation),
        ("slow viewers", trials.slow_viewers),
        ("memory", trials.memory),
        ("requests beside viewers", trials.requests_beside),
        ("drive commands beside viewers", driving.driving),
        ("CPU of driving", driving.drive_cpu),
        ("every byte compared", trials.whole_frames),
        ("CPU of recording", recording.cpu_per_frame),
        ("recording beside viewers", recording.beside_viewers),
        ("films beside viewers", recording.beside_films),
        *PICTURE,
        ("photos beside viewers", keeping.photos),
        ("presses on the live page", pressing.pressing),
        ("a zip of 1 GB", keeping.zipped),
        ("a library of 100,000 items", gallery.first_page),
        ("start and idle", trials.start_and_idle),
        ("shutdown", trials.shutdown),
    )
    _try(bench, everything)
    if options.soak:
        bench.say(f"{trials.CROWD} viewers coming and going for {options.soak:g} s")
        trials.soak(bench, options.soak)
        bench.say(f"recording beside {recording.VIEWERS} viewers for {options.soak:g} s")
        recording.soak(bench, options.soak)


def _try(bench: Bench, chosen: Sequence[tuple[str, Callable[[Bench], None]]]) -> None:
    for name, trial in chosen:
        bench.say(name)
        trial(bench)


def _print_head(bench: Bench, network: str) -> None:
    about = machine.describe()
    print(f"{about['cpu']}, {about['cores']} cores, {about['kernel']}, Python {about['python']}")
    width, height = bench.camera.size
    sizes = [path.stat().st_size for path in bench.camera.frames.glob("*.jpg")]
    source = "through a fake V4L2 device" if bench.camera.preload else "from the files backend"
    mean = sum(sizes) / len(sizes) / 1000
    print(
        f"{width}x{height} at {bench.camera.rate_hz:g} frames/s {source}, {mean:.0f} kB a frame on average; {network}"
    )


def _print_results(bench: Bench, judge: Callable[[Bench], list[Line]]) -> list[Line]:
    report.write_runs(bench.rows, sys.stdout)
    report.write_trials(bench, sys.stdout)
    lines = judge(bench)
    report.write_budget(lines, sys.stdout)
    elsewhere = report.busy_elsewhere_percent(bench.rows)
    if elsewhere is not None:
        print(f"\nOther work took about {elsewhere:.0f} % of one core meanwhile (capture by idle servers included).")
    return lines


def _write_json(bench: Bench, lines: Sequence[Line], network: str, options: argparse.Namespace) -> None:
    if options.json is None:
        return
    found = {
        "machine": machine.describe(),
        "network": network,
        "size": list(bench.camera.size),
        "runs": bench.rows,
        "trials": bench.special,
        "budget": [asdict(line) for line in lines],
    }
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _numbers(text: str) -> tuple[int, ...]:
    found = tuple(int(word) for word in text.split(",") if word.strip().isdecimal())
    if not found or len(found) != len(text.split(",")) or not all(1 <= number <= 4096 for number in found):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers from 1 to 4096, as in 1,16,64")
    return found


def _size(text: str) -> tuple[int, int]:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--viewers", type=_numbers, metavar="LIST", help="numbers of viewers (default 1,16,64,256)")
    add("--rounds", type=int, help="how often everything is measured (default 3)")
    add("--seconds", type=float, help="length of one measurement (default 5)")
    add("--size", type=_size, default=(1280, 720), metavar="WxH", help="picture size (default 1280x720)")
    add(
        "--camera",
        choices=("fake", "files"),
        help="fake V4L2 device, or the files backend (default: fake where it builds)",
    )
    add("--quick", action="store_true", help="one short round with up to 64 viewers")
    add("--only-viewers", action="store_true", help="leave out the single trials")
    add("--only-picture", action="store_true", help="only what is done to the picture, as picture.py")
    add("--method", default="GET", help="method of the request timed beside the viewers (default GET)")
    add("--path", default="/healthz", help="its path (default /healthz)")
    add("--body", help="its JSON body")
    add("--soak", type=float, default=0, metavar="SECONDS", help="let viewers come and go for so long (default: not)")
    add("--peer", nargs=3, action="append", default=[], metavar=("NAME", "PATH", "COMMAND"),
        help="also start and measure another streamer, on the same camera; see --peer in README.md")  # fmt: skip
    add("--attach", nargs=3, action="append", default=[], metavar=("NAME", "URL", "PID"),
        help="also measure a server that runs already")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write every single figure to FILE")
    add("--strict", action="store_true", help="exit status 1 when a budget is missed")
    options = parser.parse_args(arguments)
    defaults = QUICK if options.quick else {"viewers": (1, 16, 64, 256), "rounds": 3, "seconds": 5.0}
    for key, value in defaults.items():
        if getattr(options, key) is None:
            setattr(options, key, value)
    if options.rounds < 1 or not 0.5 <= options.seconds <= 600:
        parser.error("--rounds must be at least 1 and --seconds between 0.5 and 600")
    return options


if __name__ == "__main__":
    sys.exit(main())
