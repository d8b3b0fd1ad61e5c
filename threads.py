"""The one kind of thread this program starts, the bell that tells the main thread to end, and `do_each` for ends.

A StoppableThread owns a `stopping` event and keeps the exception that ended it. Loops wait on
`stopping` (never on a bare sleep), so that `stop` takes effect at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from errors import ThreadStuck

log = logging.getLogger(__name__)


def do_each(*steps: Callable[[], object]) -> None:
    """Every step on its own, in this order: what cannot be ended must not keep the rest on. Faults are logged."""
    for step in steps:
        try:
            step()
        except Exception:
            log.exception("%s failed", getattr(step, "__qualname__", step))


class StoppableThread:
    """A named thread that ends when asked. Subclasses fill in `run`, and `wake` if they block elsewhere.

    `start` and `stop` may be called from any thread; `stop` works twice and before `start`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._guarded_run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread, once."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ask the thread to end and wait for it.

        :raises ThreadStuck: when it is still running after `timeout_s` seconds.
        """
        self.stopping.set()
        self.wake()
        if self._thread.ident is None or self._thread is threading.current_thread():
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise ThreadStuck(f"thread {self.name} did not stop within {timeout_s:g} s")

    @property
    def is_running(self) -> bool:
        """True from `start` until `run` returned."""
        return self._thread.is_alive()

    def run(self) -> None:
        """The thread's work; returns soon after `stopping` is set."""
        raise NotImplementedError

    def wake(self) -> None:
        """Interrupt whatever `run` blocks on besides `stopping`; called by `stop`."""

    def _guarded_run(self) -> None:
        try:
            self.run()
        except Exception as error:
            self.failure = error
            log.exception("thread %s ended by an error", self.name)


class Bell:
    """What the main thread waits for: rung once it stays rung, by any thread and by handlers of signals.

    An Event would not do. A handler runs in the middle of whatever the main thread does, also of `Event.wait`, whose
    lock `Event.set` then waits for, for ever. `SimpleQueue.put` may be called there (Python's documentation of queue).
    """

    def __init__(self) -> None:
        self._rings: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Let `wait` return, now and later."""
        if self._rings.empty():
            self._rings.put(None)

    def wait(self) -> None:
        """Return as soon as it was rung."""
        self._rings.get()
        self._rings.put(None)
