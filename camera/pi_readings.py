"""What the Pi camera's algorithms decided by themselves: exposure, gain, color, focus, from the metadata of a frame.

Read when somebody asks, at most once in PERIOD_S, never per frame; `after` alone reads as soon as it is asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from typing import Any

PERIOD_S = 1.0
PATIENCE_S = 0.3
ANSWER_S = 2.5
FAULTS = (RuntimeError, OSError, ValueError, KeyError, TypeError, AttributeError, CancelledError)


class Readings:
    """The newest metadata of one running camera. Any thread; `_turn` is held by the one that reads.

    :param ask: begins to read, as `Picamera2.capture_metadata(wait=False)`; the answer comes with the next frame.
    """

    def __init__(self, ask: Callable[[], Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._turn = threading.Lock()
        self._job: Any = None
        self._newest: Mapping[str, Any] = {}
        self._stale_at = 0.0

    def newest(self) -> Mapping[str, Any]:
        """Metadata by libcamera's names, of a frame not long ago; empty while none came."""
        if self._clock() >= self._stale_at and self._turn.acquire(blocking=False):
            try:
                self._read()
            finally:
                self._turn.release()
        return self._newest

    def after(self, frames: int) -> Mapping[str, Any]:
        """Metadata of the frame after so many, by libcamera's names: of one that had what the camera was told before.

        :raises TimeoutError: when one does not come within ANSWER_S, or the camera is being closed.
        """
        found: Mapping[str, Any] = {}
        for _ in range(frames):
            try:
                found = self._ask().get_result(timeout=ANSWER_S)
            except FAULTS:
                raise TimeoutError("it does not tell what it made of the frames before") from None
        return found

    def forget(self) -> None:
        """Let go of a question that is still open: it holds the camera's objects."""
        self._job = None

    def _read(self) -> None:
        """Take the metadata of the next frame; one that is late is taken the next time."""
        try:
            self._job = job = self._job or self._ask()
            self._newest = dict(job.get_result(timeout=PATIENCE_S))
        except TimeoutError:
            return
        except FAULTS:
            self._newest = {}  # the camera is being closed
        self._job = None
        self._stale_at = self._clock() + PERIOD_S
