"""Single pictures for /live.jpeg: each frame and size is made once, and the camera stays awake for who asks again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from camera import image
from camera.hub import Frame, FrameHub
from camera.newest import newest_frame
from jobs.scheduler import Scheduler

SIZES_MAX = 16
HOLD_S = 5.0
HOLD_JOB = "single pictures"

Box = tuple[int, int]


@dataclass
class _Still:
    """One size of one frame, made by the first who asks while the others wait for `lock`."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    jpeg: bytes | None = None


class _Hold:
    """Keeps the camera awake until HOLD_S after the last `renew`. `_lock` guards all it has.

    A poller over a slow link asks less often than a camera takes to fall asleep; one that had to be opened for every
    picture would be slower still.
    """

    def __init__(self, hub: FrameHub, scheduler: Scheduler, clock: Callable[[], float]) -> None:
        self._watch = hub.watch()
        self._scheduler = scheduler
        self._clock = clock
        self._lock = threading.Lock()
        self._until: float | None = None
        self._is_closed = False

    def renew(self) -> None:
        """Begin anew to count; only the first call plans anything."""
        with self._lock:
            if self._is_closed:
                return
            was_held, self._until = self._until is not None, self._clock() + HOLD_S
            if not was_held:
                self._watch.open()
                self._scheduler.plan(HOLD_JOB, self._end, self._until)

    def close(self) -> None:
        """Let go for good; works twice."""
        with self._lock:
            self._is_closed, self._until = True, None
            self._scheduler.cancel(HOLD_JOB)
            self._watch.close()

    def _end(self) -> float | None:
        """Let go, or say when to look again."""
        with self._lock:
            if self._until is not None and self._clock() < self._until:
                return self._until
            self._until = None
            self._watch.close()
            return None


class StillCache:
    """The newest frame in the sizes that were asked for. `_lock` guards `_number` and `_stills`.

    :param scheduler: lets the camera sleep HOLD_S after the last who asked.
    """

    def __init__(
        self, hub: FrameHub, quality: int, scheduler: Scheduler, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._hub = hub
        self._quality = quality
        self._hold = _Hold(hub, scheduler, clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._number = 0
        self._stills: dict[Box, _Still] = {}

    def newest(self, timeout_s: float, give_up: Callable[[], bool]) -> Frame | None:
        """What `camera.newest.newest_frame` says of this hub; who asks again within HOLD_S finds the camera awake."""
        with self._hub.watch():
            frame = newest_frame(self._hub, timeout_s, give_up, self._clock)
            self._hold.renew()
        return frame

    def close(self) -> None:
        """Hold the camera no longer; works twice."""
        self._hold.close()

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
