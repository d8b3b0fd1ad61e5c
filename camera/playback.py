"""Reading the pictures of a recording back, undecoded, also while it is written and after it was cut off."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

import av
from av.error import FFmpegError

from camera.backend import is_whole_jpeg
from camera.clip import read_notes
from camera.writer import HELD, SEGMENT_NAME, Segment

GROWS_S = 0.2
# The header says all there is to know; FFmpeg would else read megabytes ahead to guess rate and format.
OPTIONS = {"fpsprobesize": "0", "analyzeduration": "0", "probesize": "4096"}

log = logging.getLogger(__name__)


def pictures_of(segments: Sequence[Path], from_s: float = 0.0) -> Iterator[tuple[float, bytes]]:
    """(seconds since the clip began, JPEG) of every whole picture, in order; pauses are filled.

    Torn pictures are left out, also the one that a crash cut in two.

    :param from_s: begin with the picture that is seen at that time.
    """
    for number, path in enumerate(segments):
        if from_s and number + 1 < len(segments) and _start_s(segments[number + 1]) <= from_s:
            continue
        yield from whole(read_segment(path, from_s))


def whole(pictures: Iterator[tuple[float, bytes]]) -> Iterator[tuple[float, bytes]]:
    """Those that are not torn."""
    return ((time_s, jpeg) for time_s, jpeg in pictures if is_whole_jpeg(jpeg))


def read_segment(source: Path | GrowingFile, from_s: float = 0.0) -> Iterator[tuple[float, bytes]]:
    """(seconds since the clip began, whatever was recorded then) up to where the file ends or makes no sense."""
    try:
        with av.open(
            f"file:{source}" if isinstance(source, Path) else source, "r", format="matroska", options=OPTIONS
        ) as container:
            if from_s:
                container.seek(round(from_s * av.time_base))
            for packet in container.demux(video=0):
                if packet.pts is not None and packet.time_base is not None:
                    yield float(packet.pts * packet.time_base), bytes(packet)
    except (FFmpegError, OSError) as error:
        log.debug("%s ends before its end: %s", source, error)


def follow(folder: Path) -> Iterator[tuple[float, bytes]]:
    """As `read_segment` of all that is being recorded into a folder: waits for more until the recording is over.

    Only that ends the waiting: for a process of its own, which is ended as a whole (`film_child.py`).
    """
    for number in count(1):
        path, following = (folder / SEGMENT_NAME.format(number + more) for more in (0, 1))
        while not path.exists():
            if _is_over(folder) and not path.exists():
                return
            time.sleep(GROWS_S)
        with closing(GrowingFile(path, lambda following=following: following.exists() or _is_over(folder))) as file:  # type: ignore[misc]
            yield from read_segment(file)


def _is_over(folder: Path) -> bool:
    notes = read_notes(folder) if folder.exists() else None
    return notes is None or notes.is_over


class GrowingFile:
    """A file for reading that only ends when it `is_whole`; until then `read` waits for more."""

    def __init__(self, path: Path, is_whole: Callable[[], bool]) -> None:
        self.name = str(path)
        self._is_whole = is_whole
        self._file = path.open("rb", buffering=0)

    def read(self, size: int) -> bytes:
        while not (data := self._file.read(size)):
            if self._is_whole():
                return self._file.read(size)  # what came between the two looks
            time.sleep(GROWS_S)
        return data

    def close(self) -> None:
        self._file.close()


def scan(path: Path) -> Segment | None:
    """What is in a segment, by reading all of it at the speed of the disk; None without a whole picture."""
    from camera import image  # who only reads pictures needs no OpenCV

    frames, start_s, end_s, size = 0, 0.0, 0.0, (0, 0)
    for time_s, jpeg in whole(read_segment(path)):
        if not any(size):
            with suppress(ValueError):
                start_s, size = time_s, image.size_of(jpeg)
        frames += not jpeg.startswith(HELD)
        end_s = time_s
    return Segment(path, frames, start_s, end_s, *size) if any(size) else None


def _start_s(path: Path) -> float:
    """When a segment begins; infinity for one that has no picture yet."""
    return next((time_s for time_s, _ in read_segment(path)), float("inf"))
