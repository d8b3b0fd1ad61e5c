"""The hub between one camera and everybody who wants its pictures.

The capture thread publishes; the newest frame replaces the one before. Nobody can slow the
publisher down: a subscription is a bounded queue that drops its oldest frame, a sink is a callable
that must return at once. The hub also knows whether anybody watches, so that capture can let an
unwatched camera sleep.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NamedTuple

from camera.backend import Picture

RATE_WINDOW_FRAMES = 60

new_tuple = tuple.__new__


class Frame(NamedTuple):
    """One published picture.

    `number` rises by one per published frame and never repeats within a process; `captured_at` is
    `time.monotonic()` in seconds; `is_live` is False for a placeholder that stands in for a camera
    that gives nothing.
    """

    number: int
    captured_at: float
    jpeg: bytes
    width_px: int
    height_px: int
    is_live: bool = True


Sink = Callable[[Frame], None]


class FrameHub:
    """Newest frame, who wants it, and who was too slow.

    `_lock` guards `_subscriptions`, `_watchers`, `unwatched_since` and the frame number; it is held
    for a swap, never during a callback.
    """

    def __init__(
        self,
        heartbeat_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        on_watched: Callable[[], None] | None = None,
    ) -> None:
        self.heartbeat_s = heartbeat_s
        self.latest: Frame | None = None
        self.published = 0
        self.dropped = 0
        self.on_watched = on_watched
        self.unwatched_since: float | None = clock()
        self._clock = clock
        self._lock = threading.Lock()
        self._watchers = 0
        self._subscriptions: tuple[Subscription, ...] = ()
        self._sinks: tuple[Sink, ...] = ()
        self._live_times: deque[float] = deque(maxlen=RATE_WINDOW_FRAMES)

    def publish(self, picture: Picture, is_live: bool = True) -> Frame:
        """Make `picture` the newest frame and hand it to everybody. Called by the capture thread only."""
        jpeg, captured_at, width_px, height_px = picture
        self.published = number = self.published + 1
        # Frame(...) would run Python code of its own, once per frame.
        frame = new_tuple(Frame, (number, captured_at, jpeg, width_px, height_px, is_live))
        self.latest = frame
        if is_live:
            self._live_times.append(captured_at)
        for subscription in self._subscriptions:
            subscription.offer(frame)
        for sink in self._sinks:
            sink(frame)
        return frame

    def clear(self) -> None:
        """Forget the newest frame: it is no longer what the camera sees."""
        self.latest = None
        self._live_times.clear()

    @property
    def rate_hz(self) -> float:
        """Live frames per second over the last two seconds or so; 0.0 when none came lately."""
        times = list(self._live_times)
        if len(times) < 2 or self._clock() - times[-1] > 2.0:
            return 0.0
        return (len(times) - 1) / max(times[-1] - times[0], 1e-6)

    def add_sink(self, sink: Sink) -> None:
        """Call `sink(frame)` in the capture thread for every frame; it must not block or raise."""
        with self._lock:
            self._sinks = (*self._sinks, sink)

    def remove_sink(self, sink: Sink) -> None:
        """Stop calling `sink`; unknown sinks are ignored."""
        with self._lock:
            self._sinks = tuple(s for s in self._sinks if s != sink)

    @property
    def is_watched(self) -> bool:
        """True while somebody holds a watch or a subscription."""
        return self.unwatched_since is None

    def unless_watched(self, swap: Callable[[], None]) -> bool:
        """Do `swap` in one step with the look that nobody watches; False when somebody does. It must not block.

        Who comes to watch comes before or after it, never in the middle.
        """
        with self._lock:
            if not self._watchers:
                swap()
            return not self._watchers

    def watch(self) -> Watch:
        """A context manager that keeps the camera awake while it is open."""
        return Watch(self)

    def subscribe(self, backlog: int = 1) -> Subscription:
        """A context manager over the frames from now on, the newest known one first.

        :param backlog: frames kept for a slow consumer before the oldest is dropped, at least 1.
        """
        return Subscription(self, backlog)

    def _watched_by(self, change: int) -> None:
        with self._lock:
            before = self._watchers
            self._watchers += change
            self.unwatched_since = None if self._watchers else self._clock()
        if self.on_watched is not None and not before:
            self.on_watched()

    def _enlist(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)

    def _strike(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions = tuple(s for s in self._subscriptions if s is not subscription)
            self.dropped += subscription.dropped


class Watch:
    """Keeps the camera awake from `open` (or `with`) to `close`; both work twice."""

    def __init__(self, hub: FrameHub) -> None:
        self._hub = hub
        self._is_open = False

    def open(self) -> None:
        """Start to count as a watcher."""
        if not self._is_open:
            self._is_open = True
            self._hub._watched_by(+1)

    def close(self) -> None:
        """Stop to count as a watcher."""
        if self._is_open:
            self._is_open = False
            self._hub._watched_by(-1)

    def __enter__(self) -> Watch:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Subscription:
    """A bounded queue of frames for one consumer thread.

    `_ready` guards `_queue`. Iterating yields frames, or None after `heartbeat_s` without one; it
    ends when the subscription is closed.
    """

    def __init__(self, hub: FrameHub, backlog: int) -> None:
        self.dropped = 0
        self._hub = hub
        self._watch = hub.watch()
        self._queue: deque[Frame] = deque(maxlen=max(1, backlog))
        self._ready = threading.Condition()
        self._is_open = False

    def offer(self, frame: Frame) -> None:
        """Queue a frame, dropping the oldest when full. Never blocks."""
        with self._ready:
            if len(self._queue) == self._queue.maxlen:
                self.dropped += 1
            self._queue.append(frame)
            self._ready.notify()

    def next(self, timeout_s: float) -> Frame | None:
        """The oldest frame that waits, or None when none came within `timeout_s` seconds."""
        with self._ready:
            if not self._queue and self._is_open:
                self._ready.wait(timeout_s)
            return self._queue.popleft() if self._queue else None

    def __iter__(self) -> Iterator[Frame | None]:
        while self._is_open:
            yield self.next(self._hub.heartbeat_s)

    def __enter__(self) -> Subscription:
        self._is_open = True
        latest = self._hub.latest
        if latest is not None:
            self.offer(latest)
        self._hub._enlist(self)
        self._watch.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the hub and end a waiting iteration; works twice and from any thread."""
        with self._ready:
            was_open, self._is_open = self._is_open, False
            self._ready.notify_all()
        if was_open:
            self._hub._strike(self)
            self._watch.close()
