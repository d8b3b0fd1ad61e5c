"""Reading the pictures of a recording back, undecoded, also while it is written and after it was cut off."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError

from camera import image
from camera.backend import is_whole_jpeg
from camera.writer import HELD, Segment

log = logging.getLogger(__name__)


def pictures_of(segments: Sequence[Path], from_s: float = 0.0) -> Iterator[tuple[float, bytes]]:
    """(seconds since the clip began, JPEG) of every whole picture, in order; pauses are filled.

    Broken pictures are left out, also the one that a crash cut in two.

    :param from_s: begin with the picture that is seen at that time.
    """
    for number, path in enumerate(segments):
        if from_s and number + 1 < len(segments) and _start_s(segments[number + 1]) <= from_s:
            continue
        yield from read_segment(path, from_s)


def read_segment(path: Path, from_s: float = 0.0) -> Iterator[tuple[float, bytes]]:
    """As `pictures_of`, of one segment."""
    try:
        with av.open(f"file:{path}", format="matroska") as container:
            if from_s:
                container.seek(round(from_s * 1e6))
            yield from _pictures_in(container)
    except (FFmpegError, OSError) as error:
        log.debug("%s ends before its end: %s", path, error)


def scan(path: Path) -> Segment | None:
    """What is in a segment, by reading all of it at the speed of the disk; None without a whole picture."""
    frames, start_s, end_s, size = 0, 0.0, 0.0, (0, 0)
    for time_s, jpeg in read_segment(path):
        if not any(size):
            with suppress(ValueError):
                start_s, size = time_s, image.size_of(jpeg)
        frames += not jpeg.startswith(HELD)
        end_s = time_s
    return Segment(path, frames, start_s, end_s, *size) if any(size) else None


def _pictures_in(container: InputContainer) -> Iterator[tuple[float, bytes]]:
    for packet in container.demux(video=0):
        if packet.pts is None or packet.time_base is None:
            continue
        jpeg = bytes(packet)
        if is_whole_jpeg(jpeg):
            yield float(packet.pts * packet.time_base), jpeg


def _start_s(path: Path) -> float:
    """When a segment begins; infinity for one that has no picture yet."""
    return next((time_s for time_s, _ in read_segment(path)), float("inf"))
