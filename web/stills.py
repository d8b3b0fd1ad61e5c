"""Single pictures for /live.jpeg: each frame and size is made once, however many ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from camera import image
from camera.hub import Frame, FrameHub
from camera.newest import newest_frame

SIZES_MAX = 16

Box = tuple[int, int]


@dataclass
class _Still:
    """One size of one frame, made by the first who asks while the others wait for `lock`."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    jpeg: bytes | None = None


class StillCache:
    """The newest frame in the sizes that were asked for. `_lock` guards `_number` and `_stills`."""

    def __init__(self, hub: FrameHub, quality: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._quality = quality
        self._clock = clock
        self._lock = threading.Lock()
        self._number = 0
        self._stills: dict[Box, _Still] = {}

    def newest(self, timeout_s: float, give_up: Callable[[], bool]) -> Frame | None:
        """What `camera.newest.newest_frame` says of this hub."""
        return newest_frame(self._hub, timeout_s, give_up, self._clock)

    def scaled(self, frame: Frame, box: Box | None) -> bytes:
        """The frame's JPEG fitted into `box` (width_px, height_px); as it is for None."""
        if box is None or (box[0] >= frame.width_px and box[1] >= frame.height_px):
            return frame.jpeg
        still = self._still(frame.number, box)
        with still.lock:
            if still.jpeg is None:
                still.jpeg = image.scaled(frame.jpeg, *box, self._quality)
            return still.jpeg

    def _still(self, number: int, box: Box) -> _Still:
        with self._lock:
            if number < self._number:
                return _Still()
            if number > self._number or (len(self._stills) >= SIZES_MAX and box not in self._stills):
                self._number, self._stills = number, {}
            return self._stills.setdefault(box, _Still())
