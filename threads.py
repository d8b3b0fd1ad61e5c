"""The one kind of thread this program starts, the bell that tells the main thread to end, and `do_each` for ends.

A StoppableThread owns a `stopping` event and keeps the exception that ended it. Loops wait on
`stopping` (never on a bare sleep), so that `stop` takes effect at once.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress

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
    """What the main thread waits for: rung once it stays rung, by any thread and by signals.

    An Event would not do. A handler runs in the middle of whatever the main thread does, also of `Event.wait`, whose
    lock `Event.set` then waits for, for ever. Nor would a queue: a signal that comes just before the main thread falls
    asleep wakes nobody, and its handler, which runs in the main thread alone, never runs. So it is a pipe, and the
    interpreter writes into it within the signal itself (signal.set_wakeup_fd).
    """

    def __init__(self) -> None:
        self._hears, self._rope = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        weakref.finalize(self, _close_all, self._hears, self._rope).atexit = False

    def ring(self) -> None:
        """Let `wait` return, now and later."""
        with suppress(BlockingIOError):  # it is full, and so it rings already
            os.write(self._rope, b".")

    def ring_at(self, *numbers: int) -> None:
        """Let these signals ring it, until the end of the process; main thread."""
        for number in numbers:
            signal.signal(number, lambda *_: self.ring())
        signal.set_wakeup_fd(self._rope, warn_on_full_buffer=False)

    def wait(self) -> None:
        """Return as soon as it was rung."""
        poll = select.poll()
        poll.register(self._hears, select.POLLIN)
        poll.poll()


def _close_all(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
