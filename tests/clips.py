"""Helpers for tests of recordings: a camera by hand, pictures that say which they are, disks that are small."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from fakes import jpeg_of

from camera import image
from camera.backend import Picture
from camera.hub import Frame, FrameHub
from camera.playback import pictures_of
from camera.writer import ClipWriter

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
NOISE = np.random.default_rng(7).integers(0, 255, (240, 320, 3), np.uint8)


class HandCamera:
    """Publishes pictures at the times a test says; `now` is the clock of everybody."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.hub = FrameHub(clock=self.clock)

    def clock(self) -> float:
        return self.now

    def show(self, shade: int = 128, after_s: float = 0.0, width_px: int = 64, height_px: int = 48) -> Frame:
        """Let time pass, then publish a picture of one gray shade."""
        self.now += after_s
        return self.hub.publish(Picture(jpeg_of(shade, width_px, height_px), self.now, width_px, height_px))

    def show_bytes(self, jpeg: bytes, after_s: float = 0.0) -> Frame:
        self.now += after_s
        return self.hub.publish(Picture(jpeg, self.now, 64, 48))

    def show_placeholder(self, after_s: float = 0.0) -> Frame:
        self.now += after_s
        return self.hub.publish(Picture(jpeg_of(1), self.now, 64, 48), is_live=False)


def write_clip(folder: Path, pictures: Iterable[tuple[float, bytes]], segment_s: float = 600) -> list[Path]:
    """Segments of these pictures at these times."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = ClipWriter(folder, segment_s)
    for time_s, jpeg in pictures:
        try:
            size = image.size_of(jpeg)
        except ValueError:
            size = (64, 48)
        writer.write(jpeg, time_s, *size)
    writer.close()
    return [segment.path for segment in writer.segments]


def shade_of(jpeg: bytes) -> int:
    """The shade that `jpeg_of` put in, within the error of JPEG."""
    return round(float(image.decode(jpeg).mean()))


def shades_of(segments: Sequence[Path], from_s: float = 0.0) -> list[tuple[float, int]]:
    """(time, shade) of every picture that can be read, decoded."""
    return [(round(time_s, 3), shade_of(jpeg)) for time_s, jpeg in pictures_of(segments, from_s)]


def big_jpeg(number: int = 0) -> bytes:
    """A picture of some 60 kB, 320x240, that does not compress."""
    return image.encode(np.roll(NOISE, number, axis=1), 95)


@contextmanager
def small_disk(folder: Path, size: str = "2m") -> Iterator[Path]:
    """A file system of that size at `folder`; needs root."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def numbered_jpeg(number: int) -> bytes:
    """A picture that shows its number, for `number_of`."""
    pixels = NOISE.copy()
    pixels[:32] = np.repeat([[number >> (bit // 20) & 1] for bit in range(320)], 3, axis=1).astype(np.uint8) * 255
    return image.encode(pixels, 60)


def number_of(jpeg: bytes) -> int:
    """The number of a `numbered_jpeg`, decoded from its pixels."""
    row = image.decode(jpeg)[16, 10::20].mean(axis=1)
    return sum(int(value > 127) << bit for bit, value in enumerate(row))


def film_pictures(path: Path) -> list[tuple[float, int]]:
    """(time, shade in the middle) of every picture of a film, decoded."""
    with av.open(str(path)) as container:
        return [(round(frame.time, 3), _middle(frame)) for frame in container.decode(video=0)]


def film_picture_at(path: Path, time_s: float) -> np.ndarray:
    """The picture a player shows after a jump to that time: BGR, (height, width, 3)."""
    with av.open(str(path)) as container:
        container.seek(round(time_s * av.time_base))
        shown = None
        for frame in container.decode(video=0):
            if shown is not None and frame.time > time_s:
                break
            shown = frame
        return shown.to_ndarray(format="bgr24")


def _middle(frame: av.VideoFrame) -> int:
    pixels = frame.to_ndarray(format="bgr24")
    return round(float(pixels[pixels.shape[0] // 2 - 4 : pixels.shape[0] // 2 + 4, pixels.shape[1] // 2].mean()))


def boxes_of(path: Path) -> list[str]:
    """The names of an MP4's outer boxes, in order (ISO/IEC 14496-12, 4.2)."""
    data, names, place = path.read_bytes(), [], 0
    while place < len(data):
        names.append(data[place + 4 : place + 8].decode())
        place += int.from_bytes(data[place : place + 4], "big")
    return names
