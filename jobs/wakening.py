"""Keeps a camera awake for a while and tells when its pictures are good."""

from __future__ import annotations

import time
from collections.abc import Callable

from camera.hub import Frame, FrameHub
from settings import PhotoSettings


class Wakening:
    """A watch on the camera from `open` to `close`; both work twice.

    A camera that slept has settled after `delay_s` and `skip_frames`; one that was awake, at once. The counts are only
    written by the capture thread while it is open.
    """

    def __init__(self, hub: FrameHub, settings: PhotoSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._settings = settings
        self._clock = clock
        self._watch = hub.watch()
        self._is_open = False
        self._was_awake = False
        self._seen = 0
        self._first_at = 0.0

    @property
    def is_open(self) -> bool:
        """True while it keeps the camera awake."""
        return self._is_open

    def open(self) -> None:
        """Wake the camera."""
        if self._is_open:
            return
        latest = self._hub.latest
        self._is_open, self._was_awake, self._seen = True, latest is not None and latest.is_live, 0
        self._hub.add_sink(self._count)
        self._watch.open()

    def close(self) -> None:
        """Let the camera sleep, if nobody else watches."""
        if self._is_open:
            self._is_open = False
            self._hub.remove_sink(self._count)
            self._watch.close()

    def frame(self, after: float, is_last_chance: bool = False) -> Frame | None:
        """The newest picture if it is live, was captured after `after`, and the camera has settled.

        :param is_last_chance: a picture of a camera that has not settled is better than none.
        """
        frame = self._hub.latest
        if frame is None or not frame.is_live or frame.captured_at <= after:
            return None
        return frame if is_last_chance or self._has_settled() else None

    def _has_settled(self) -> bool:
        if self._was_awake:
            return True
        waited_s = self._clock() - self._first_at
        return self._seen > self._settings.skip_frames and waited_s >= self._settings.delay_s

    def _count(self, frame: Frame) -> None:
        if not frame.is_live:  # it failed or begins anew: all that was settled is lost
            self._was_awake, self._seen = False, 0
            return
        if not self._seen:
            self._first_at = frame.captured_at
        self._seen += 1
