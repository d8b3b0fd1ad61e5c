"""A folder of JPEG files played as if it were a camera: for demonstrations and benchmarks.

The files are played in the order of their names, over and over. Up to `KEPT_SIZE_BYTES` they are
kept in memory after their first use, so that a thousand pictures a second cost next to nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from camera import image
from camera.backend import HEARTBEAT_S, Backend, CameraInfo, Picture, is_whole_jpeg
from errors import CameraLost, NoCamera
from settings import CameraSettings

KEPT_SIZE_BYTES = 256 * 2**20
SUFFIXES = frozenset({".jpg", ".jpeg"})

log = logging.getLogger(__name__)


class FilesBackend(Backend):
    """Plays the folder `settings.path` at `settings.rate`."""

    def __init__(
        self,
        settings: CameraSettings,
        why: str = "it was asked for",
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate_hz = settings.rate
        self._folder = settings.path or Path()
        self._clock = clock
        self._pause = pause
        self._info = CameraInfo(f"files in {self._folder}", "files", why, "JPEG", rate_hz=settings.rate)

    @property
    def info(self) -> CameraInfo:
        return self._info

    def frames(self) -> Iterator[Picture | None]:
        clock, pause, period_s = self._clock, self._pause, 1.0 / self._rate_hz
        due_at = clock()
        for jpeg, width_px, height_px in _endless(self._folder):
            while (wait_s := due_at - clock()) > 0:
                pause(min(wait_s, HEARTBEAT_S))
                if wait_s > HEARTBEAT_S:
                    yield None
            if (width_px, height_px) != (self._info.width_px, self._info.height_px):
                self._info = replace(self._info, width_px=width_px, height_px=height_px)
            captured_at = clock()
            yield Picture(jpeg, captured_at, width_px, height_px)
            # Deadlines keep their beat; those that passed meanwhile are left out, not caught up.
            due_at += period_s * max(1, -((due_at - clock()) // period_s))


Loaded = tuple[bytes, int, int]


def _endless(folder: Path) -> Iterator[Loaded]:
    """Every whole JPEG of `folder` in turn, for ever.

    :raises NoCamera: when there is none from the start.
    :raises CameraLost: when the last one vanished.
    """
    paths = _jpeg_paths(folder)
    keeps = sum(_size_bytes(path) for path in paths) <= KEPT_SIZE_BYTES
    kept: dict[Path, Loaded] = {}
    broken: set[Path] = set()
    for path in cycle(paths):
        loaded = kept.get(path) or _load(path, broken)
        if loaded is not None:
            if keeps:
                kept[path] = loaded
            yield loaded
        elif len(broken) == len(paths):
            if any(path.exists() for path in paths):
                raise NoCamera(f"folder {folder}: none of its {len(paths)} .jpg files is a whole JPEG")
            raise CameraLost(f"folder {folder}: its .jpg files are gone")


def _jpeg_paths(folder: Path) -> list[Path]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise NoCamera(f"folder {folder} cannot be read: {error.strerror}") from None
    if not paths:
        raise NoCamera(f"folder {folder} has no .jpg files")
    return paths


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _load(path: Path, broken: set[Path]) -> Loaded | None:
    """The file and its size in pixels; None, and once a line in the log, when it is no whole JPEG."""
    try:
        jpeg = path.read_bytes()
        if not is_whole_jpeg(jpeg):
            raise ValueError("it does not start and end as a JPEG")
        loaded = (jpeg, *image.size_of(jpeg))
    except (OSError, ValueError) as error:
        if path not in broken:
            log.warning("%s is left out: %s", path, error)
            broken.add(path)
        return None
    broken.discard(path)
    return loaded
