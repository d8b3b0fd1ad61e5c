#!/usr/bin/env python3
"""How fast the cameras of this machine are: pictures per second, and what each picture costs.

Every Pi and USB camera that is found, and the test picture, at every size: opened as the program opens
them, run for some seconds as fast as they go, and let go again. The program itself must not run
meanwhile, for a camera has one owner.

Exit status: 0 when at least one camera was measured, 1 when none was, 2 for a wrong option.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from camera.backend import Backend, Picture
from camera.choice import open_backend
from camera.pi import find_pi_cameras
from camera.usb import find_usb_cameras
from errors import CameraError
from settings import CameraSettings

SIZES = "1920x1080,1280x720,800x600,640x480,320x240"
SIDE_PX = (64, 8192)
FASTEST_HZ = 1000.0
FIRST_PICTURE_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 3.0
HEAD = ("camera", "asked", "got", "format", "frames/s", "ms/frame", "CPU ms/frame", "kB/frame", "first after s")

Size = tuple[int, int]


@dataclass(frozen=True)
class Figures:
    """What a camera did at one size.

    `first_picture_s` is the time from opening it to its first picture, `cpu_ms_per_frame` the CPU time of
    the whole process, all threads, per picture.
    """

    width_px: int
    height_px: int
    pixel_format: str
    frames: int
    frames_per_s: float
    ms_per_frame: float
    cpu_ms_per_frame: float
    bytes_per_frame: int
    first_picture_s: float


@dataclass(frozen=True)
class Row:
    """One camera at one size: either its figures, or why there are none."""

    camera: str
    kind: str
    asked: str
    figures: Figures | None
    error: str | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    options = _options(arguments)
    cameras = list(_cameras(options))
    rows = [_row(settings, options.seconds) for settings in _each_size(cameras, options.sizes)]
    if options.json:
        print(json.dumps({"seconds": options.seconds, "rows": [asdict(row) for row in rows]}, indent=1))
    else:
        print("\n".join(table(rows)))
    return 0 if any(row.figures for row in rows) else 1


def _cameras(options: argparse.Namespace) -> Iterator[CameraSettings]:
    """What is to be measured, size left open: the named camera, or every one that is found."""
    wanted: dict[str, object] = {"rate": options.rate, "device": options.device, "url": options.url}
    if options.camera != "all":
        yield CameraSettings.model_validate({**wanted, "camera": options.camera, "path": options.path})
        return
    pi_cameras, why_none = find_pi_cameras()
    usb_cameras = find_usb_cameras()
    if not pi_cameras:
        _say(f"no Pi camera: {why_none}")
    if not usb_cameras:
        _say("no USB camera")
    yield from (CameraSettings(camera="pi", device=str(camera.number), rate=options.rate) for camera in pi_cameras)
    yield from (CameraSettings(camera="usb", device=str(camera.path), rate=options.rate) for camera in usb_cameras)
    yield CameraSettings(camera="synthetic", rate=options.rate)


def _each_size(cameras: Iterable[CameraSettings], sizes: Sequence[Size]) -> Iterator[CameraSettings]:
    for camera in cameras:
        for width, height in sizes:
            yield camera.model_copy(update={"width": width, "height": height})


def _row(settings: CameraSettings, seconds: float) -> Row:
    """Measure one camera at one size, telling on standard error how it goes."""
    backend = open_backend(settings)
    asked = f"{settings.width}x{settings.height}"
    _say(f"{settings.camera} {settings.device or ''} {asked} ...".replace("  ", " "))
    figures, error = None, None
    try:
        figures = measure(backend, seconds)
    except CameraError as fault:
        error = str(fault)
    _say(f"  {error}" if figures is None else f"  {figures.frames_per_s:.1f} frames/s")
    return Row(backend.info.name, settings.camera, asked, figures, error)


def measure(backend: Backend, seconds: float) -> Figures:
    """Run a camera for `seconds` after its first picture.

    :raises CameraError: when it cannot be opened, goes away, or gives too few pictures.
    """
    opened_at = time.monotonic()
    with closing(backend.frames()) as pictures:  # type: ignore[type-var]
        first = _first(pictures, opened_at)
        began_at, cpu_began_s = time.monotonic(), time.process_time()
        last, frames, size_bytes = first, 0, 0
        for picture in _until(pictures, began_at + seconds):
            last, frames, size_bytes = picture, frames + 1, size_bytes + len(picture.jpeg)
        took_s, cpu_s = time.monotonic() - began_at, time.process_time() - cpu_began_s
    if not frames:
        raise CameraError(f"one picture, and no other within {took_s:.1f} s")
    return Figures(
        last.width_px,
        last.height_px,
        backend.info.pixel_format,
        frames,
        round(frames / took_s, 2),
        round(1000 * took_s / frames, 3),
        round(1000 * cpu_s / frames, 3),
        size_bytes // frames,
        round(began_at - opened_at, 3),
    )


def _first(pictures: Iterator[Picture | None], opened_at: float) -> Picture:
    for picture in pictures:
        if picture is not None:
            return picture
        if time.monotonic() - opened_at > FIRST_PICTURE_TIMEOUT_S:
            break
    raise CameraError(f"no picture within {FIRST_PICTURE_TIMEOUT_S:g} s")


def _until(pictures: Iterator[Picture | None], end: float) -> Iterator[Picture]:
    """The pictures up to the first one that comes after `end`, that one included: whole periods are counted."""
    for picture in pictures:
        now = time.monotonic()
        if picture is not None:
            yield picture
        if now >= end + (SILENCE_TIMEOUT_S if picture is None else 0):
            return


def table(rows: Sequence[Row]) -> list[str]:
    """The rows as lines of text; a camera that failed shows its reason."""
    cells = [_cells(row) for row in rows if row.figures]
    cells = [HEAD, *cells] if cells else []
    widths = [max((len(line[column]) for line in cells), default=0) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    failed = [f"{row.camera}  {row.asked}  FAILED: {row.error}" for row in rows if row.figures is None]
    return [*lines, *failed]


def _cells(row: Row) -> tuple[str, ...]:
    figures = row.figures
    assert figures is not None
    return (
        row.camera,
        row.asked,
        f"{figures.width_px}x{figures.height_px}",
        figures.pixel_format,
        f"{figures.frames_per_s:.1f}",
        f"{figures.ms_per_frame:.2f}",
        f"{figures.cpu_ms_per_frame:.2f}",
        f"{figures.bytes_per_frame / 1000:.0f}",
        f"{figures.first_picture_s:.2f}",
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def parse_sizes(text: str) -> list[Size]:
    """`1280x720,640x480` -> [(1280, 720), (640, 480)].

    :raises argparse.ArgumentTypeError: names the size that is none, and the rule.
    """
    return [_parse_size(word) for word in text.split(",")]


def _parse_size(text: str) -> Size:
    width, _, height = text.strip().lower().partition("x")
    least, most = SIDE_PX
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"size {text!r} is not WIDTHxHEIGHT, as in 1280x720")
    if not (least <= int(width) <= most and least <= int(height) <= most):
        raise argparse.ArgumentTypeError(f"size {text} is outside {least}x{least}..{most}x{most}")
    return int(width), int(height)


def _number_between(least: float, most: float, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text} is not a number from {least:g} to {most:g}")
    return number


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchcamera.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = ("all", "pi", "usb", "network", "synthetic", "files")
    add = parser.add_argument
    add("--camera", choices=kinds, default="all", help="which kind (default all: Pi, USB and the test picture)")
    add("--device", help="which Pi or USB camera, as in config.txt")
    add("--url", help="address of the network camera")
    add("--path", type=Path, help="folder of .jpg files for --camera files")
    add("--sizes", type=parse_sizes, default=SIZES, metavar="WxH,...", help=f"sizes to ask for (default {SIZES})")
    add("--seconds", type=lambda text: _number_between(0.1, 3600, text), default=3.0, help="time for each (default 3)")
    add("--rate", type=lambda text: _number_between(0.1, FASTEST_HZ, text), default=FASTEST_HZ, metavar="HZ",
        help="pictures per second to ask for (default: as fast as the camera goes)")  # fmt: skip
    add("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    for kind, name in (("network", "url"), ("files", "path")):
        if (options.camera == kind) != (getattr(options, name) is not None):
            parser.error(f"--camera {kind} and --{name} need each other")
    if options.device is not None and options.camera not in ("pi", "usb"):
        parser.error("--device needs --camera pi or --camera usb")
    return options


if __name__ == "__main__":
    sys.exit(main())
