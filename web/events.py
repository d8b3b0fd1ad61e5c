"""The state of the machine as server-sent events.

One thread turns "something changed" into at most `RATE_HZ` events a second. An event carries the
whole state, so a page that missed some is right again with the next.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from threads import StoppableThread
from web.parts import EventChannel

RATE_HZ = 4.0
HEARTBEAT_S = 15.0
MIMETYPE = "text/event-stream"

Show = Callable[[str, str], None]

log = logging.getLogger(__name__)


class EventFeed(StoppableThread):
    """Says the state whenever it changed. What cannot be said is tried again.

    :param describe: the state as one line of JSON, for nobody in particular; what it raises is logged, once in a row.
    :param show: takes an event's name and data; called in this thread.
    """

    def __init__(self, describe: Callable[[], str], show: Show) -> None:
        super().__init__("events")
        self._describe = describe
        self._show = show
        self._changed = threading.Event()
        self._is_failing = False
        self._start_once = threading.Lock()

    def start(self) -> None:
        """Start the thread; the second time and later does nothing, for any request may ask for it."""
        if self._start_once.acquire(blocking=False):
            super().start()

    def changed(self) -> None:
        """Something that people see changed; any thread, cheap."""
        self._changed.set()

    def wake(self) -> None:
        self._changed.set()

    def run(self) -> None:
        while not self.stopping.is_set():
            self._changed.wait()
            self._changed.clear()
            if not self.stopping.is_set():
                self._say()
            self.stopping.wait(1 / RATE_HZ)

    def _say(self) -> None:
        """Say the state. This thread must go on: without it every page would show for ever what was true once."""
        try:
            self._show("state", self._describe())
            self._is_failing = False
        except Exception:
            if not self._is_failing:
                log.exception("the state cannot be told; it is tried again")
            self._is_failing = True
            self._changed.set()


def stream(events: EventChannel, seen: int, first: bytes, stopping: threading.Event) -> Iterator[bytes]:
    """The same events for servers that cannot hand a connection over: one thread per listener.

    :param seen: the number of the newest event that `first` knows of.
    """
    yield first
    waited_s = 0.0
    while not stopping.wait(1 / RATE_HZ):
        waited_s += 1 / RATE_HZ
        if events.number != seen:
            seen, _, part = events.newest()
            waited_s = 0.0
            yield part.blob
        elif waited_s >= HEARTBEAT_S:
            waited_s = 0.0
            yield b": still here\n\n"
