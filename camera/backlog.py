"""Live frames on their way from the capture thread to a recording.

While nothing is recorded the backlog can be a ring of the last seconds (pre-roll). While a recording takes from it, it
may fill when the disk is slow; at its bound the oldest frame is dropped and counted.
"""

from __future__ import annotations

import threading
from collections import deque

from camera.hub import Frame, FrameHub

BACKLOG_S = 5.0  # an SD card that tidies up can hold up a write for seconds
BACKLOG_BYTES = 64 << 20
RING_BYTES = 48 << 20
FRESH_S = 0.5


class Backlog:
    """A queue of live frames, bounded in seconds and in bytes; placeholders never enter it.

    While it listens to the hub it counts as a watcher, so the camera stays awake.
    `_lock` guards `_frames`, `_size_bytes`, `_newest` and `_is_taken`; it is held for a few appends.

    :param pre_roll_s: how much is kept while nobody takes, seconds; 0: it then does not even listen.
    :ivar dropped: frames lost since `begin`.
    """

    def __init__(self, hub: FrameHub, pre_roll_s: float = 0.0) -> None:
        self.dropped = 0
        self._hub = hub
        self._pre_roll_s = pre_roll_s
        self._watch = hub.watch()
        self._is_listening = False
        self._lock = threading.Lock()
        self._frames: deque[Frame] = deque()
        self._size_bytes = 0
        self._newest = 0
        self._is_taken = False

    def open(self) -> None:
        """Begin to keep the pre-roll, if there is to be one."""
        if self._pre_roll_s > 0:
            self._listen()

    def close(self) -> None:
        """Stop listening and forget everything; works twice."""
        self._hub.remove_sink(self._put)
        self._watch.close()
        self._is_listening = False
        self.take()

    def begin(self, now: float) -> None:
        """Somebody takes from now on: first the pre-roll, or the newest frame if it is fresh.

        :param now: clock seconds.
        """
        self._listen()
        rate_hz, latest = self._hub.rate_hz, self._hub.latest
        fresh_s = max(FRESH_S, 2 / rate_hz) if rate_hz else FRESH_S
        if latest is not None:
            self._put(latest)
        with self._lock:
            self._is_taken = True
            self.dropped = 0
            while self._frames and self._frames[0].captured_at < now - max(fresh_s, self._pre_roll_s):
                self._drop()

    def take(self) -> list[Frame]:
        """Everything that waits, oldest first."""
        with self._lock:
            taken = list(self._frames)
            self._frames.clear()
            self._size_bytes = 0
            return taken

    def end(self) -> None:
        """Nobody takes any more; what was not taken is pre-roll, or forgotten."""
        with self._lock:
            self._is_taken = False
        if self._pre_roll_s <= 0:
            self.close()

    def _listen(self) -> None:
        if not self._is_listening:
            self._is_listening = True
            self._hub.add_sink(self._put)
            self._watch.open()

    def _put(self, frame: Frame) -> None:
        """Append a live frame that is newer than all others. Never blocks; called by the capture thread."""
        if not frame.is_live:
            return
        with self._lock:
            if frame.number > self._newest:
                self._newest = frame.number
                self._frames.append(frame)
                self._size_bytes += len(frame.jpeg)
                self._trim(frame.captured_at)

    def _trim(self, newest_at: float) -> None:
        limit_s, limit_bytes = self._pre_roll_s, RING_BYTES
        if self._is_taken:
            limit_s, limit_bytes = self._pre_roll_s + BACKLOG_S, BACKLOG_BYTES
        while len(self._frames) > 1 and (
            self._size_bytes > limit_bytes or newest_at - self._frames[0].captured_at > limit_s
        ):
            self._drop()
            self.dropped += self._is_taken

    def _drop(self) -> None:
        self._size_bytes -= len(self._frames.popleft().jpeg)
