"""Writes a clip: JPEGs as they are, with their capture times, into Matroska files one after the other.

A file that is cut off anywhere can be read up to its last whole picture: every picture of more than 4 kB is a
cluster of its own, smaller ones share one for `CLUSTER_MS`. What was written survives the end of the program; `sync`
makes it survive a loss of power too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from camera.backend import SOI

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.stream import Stream

TIME_BASE = Fraction(1, 1000)  # Matroska's own: RFC 9559, 5.1.2.9, TimestampScale
CLUSTER_MS = 200
SEGMENT_NAME = "seg-{:04d}.mkv"
# Every finished cluster goes to the kernel at once, not when a buffer is full; no checksums, which would read every
# byte again. FFmpeg's muxer still keeps the newest picture back: the next one, or `hold`, pushes it out.
OPTIONS = {"cluster_time_limit": str(CLUSTER_MS), "write_crc32": "0", "fflags": "flush_packets"}
# A comment (ITU-T T.81, B.2.4.5) right behind the first marker: this picture stands for a pause of the camera.
HELD = SOI + b"\xff\xfe\x00\x06held"


@dataclass(frozen=True)
class Segment:
    """One file of a clip.

    :ivar frames: pictures of the camera in it; those repeated to show a pause do not count.
    :ivar start_s: time of its first picture, seconds since the clip began.
    :ivar end_s: time of its last picture, held ones included.
    """

    path: Path
    frames: int
    start_s: float
    end_s: float
    width_px: int
    height_px: int


class ClipWriter:
    """One clip on its way into `folder`: seg-0001.mkv and so on. Used by one thread.

    A segment ends after `segment_s` seconds, or when the pictures change their size. The library is loaded
    with the first picture.

    :ivar segments: those that are closed.
    :ivar frames: pictures written so far; held ones do not count.
    """

    def __init__(self, folder: Path, segment_s: float) -> None:
        self.segments: tuple[Segment, ...] = ()
        self.frames = 0
        self._folder = folder
        self._segment_s = segment_s
        self._container: OutputContainer | None = None
        self._stream: Stream | None = None
        self._open: Segment | None = None
        self._jpeg = b""
        self._last_ms = -1

    @property
    def segment(self) -> Segment | None:
        """The segment being written, as it is now; None before the first picture and after `close`."""
        return self._open

    def write(self, jpeg: bytes, time_s: float, width_px: int, height_px: int) -> None:
        """Append one picture.

        :param time_s: when it was captured, seconds since the clip began; moved behind the last one's.
        :raises OSError: when the disk does not take it; what was written before stays readable.
        """
        now = self._open
        if now is None or (now.width_px, now.height_px) != (width_px, height_px) or self._is_full(now, time_s):
            now = self._begin_segment(time_s, width_px, height_px)
        self._mux(jpeg, time_s)
        self._jpeg = jpeg
        self.frames += 1
        self._open = Segment(now.path, now.frames + 1, now.start_s, self._last_ms / 1000, width_px, height_px)

    def hold(self, time_s: float) -> None:
        """Show the last picture again, because none came: a pause is time, and what came before is on disk.

        :raises OSError: as `write`.
        """
        now = self._open
        if now is None:
            return
        self._mux(HELD + self._jpeg[len(SOI) :], time_s)
        self._open = Segment(now.path, now.frames, now.start_s, self._last_ms / 1000, now.width_px, now.height_px)

    def close(self) -> None:
        """End the last segment; works twice, and after a failed `write`.

        :raises OSError: when the disk does not take the rest; all but the last picture is readable.
        """
        container, segment = self._container, self._open
        self._container = self._stream = None
        if container is None or segment is None:
            return
        try:
            container.close()
        finally:
            self.segments = (*self.segments, segment) if segment.frames else self.segments
            self._open = None

    def _is_full(self, segment: Segment, time_s: float) -> bool:
        return time_s - segment.start_s >= self._segment_s

    def _begin_segment(self, time_s: float, width_px: int, height_px: int) -> Segment:
        import av

        self.close()
        path = self._folder / SEGMENT_NAME.format(len(self.segments) + 1)
        # Not by a URL: a folder named "a:b" is a folder.
        container = av.open(f"file:{path}", "w", format="matroska", options=OPTIONS)
        stream = container.add_mux_stream("mjpeg", width=width_px, height=height_px, time_base=TIME_BASE)
        container.start_encoding()  # makes the file, which `segment` may name only when it is there
        self._container, self._stream = container, stream
        self._open = Segment(path, 0, max(round(time_s, 3), (self._last_ms + 1) / 1000), 0.0, width_px, height_px)
        return self._open

    def _mux(self, jpeg: bytes, time_s: float) -> None:
        import av

        assert self._container is not None
        assert self._stream is not None
        self._last_ms = max(round(time_s * 1000), self._last_ms + 1)
        packet = av.Packet(jpeg)
        packet.stream, packet.time_base, packet.is_keyframe = self._stream, TIME_BASE, True
        packet.pts = packet.dts = self._last_ms
        self._container.mux_one(packet)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk itself; may take seconds.

    :raises OSError: when it is gone, or the disk failed.
    """
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
