"""Where the log goes: to standard error, without keeping anybody waiting.

A terminal that was stopped, or a pipe whose reader hangs, takes a write when it likes, which may be
never; and all that log meanwhile wait for the one who writes. So here one thread of its own writes, and
everybody else only queues a line.
"""

from __future__ import annotations

import copy
import logging
import os
import select
import stat
import threading
import time
from collections import deque
from collections.abc import Callable

from threads import StoppableThread

LINES_KEPT = 1000
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
WRITE_BYTES = 4096  # what a pipe that poll calls writable takes without waiting: one page (pipe(7), PIPE_BUF)
GOODBYE_S = 0.5
LOOK_MS = 100


class LogWriter(StoppableThread):
    """Writes what its `handler` is given to a file descriptor; the newest LINES_KEPT lines wait, older ones are lost.

    `_lock` guards `_waiting` and `_lost`.

    :param descriptor: not closed by us; what waits in it belongs to whoever reads.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__("log")
        self.handler: logging.Handler = _Handler(self._put)
        self._descriptor = descriptor
        self._formatter = logging.Formatter(FORMAT)
        self._lock = threading.Lock()
        self._waiting: deque[logging.LogRecord] = deque()
        self._lost = 0
        self._news = threading.Event()
        self._patience_until = float("inf")

    def run(self) -> None:
        never_wait(self._descriptor)
        while not self.stopping.is_set():
            self._news.wait()
            self._news.clear()
            self._write_all()
        self._write_all()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the thread once everything is written, at the latest after GOODBYE_S.

        :raises ThreadStuck: when a write waits although it should not.
        """
        self._patience_until = time.monotonic() + GOODBYE_S
        super().stop(timeout_s)

    def wake(self) -> None:
        self._news.set()

    def _put(self, record: logging.LogRecord) -> None:
        """Queue a line; any thread, never waits."""
        with self._lock:
            if len(self._waiting) >= LINES_KEPT:
                self._waiting.popleft()
                self._lost += 1
            self._waiting.append(record)
        self._news.set()

    def _write_all(self) -> None:
        while (text := self._next()) is not None and self._write(text.encode(errors="backslashreplace")):
            pass

    def _next(self) -> str | None:
        """The next line, formatted here because a traceback reads files; None when all is written."""
        with self._lock:
            lost, self._lost = self._lost, 0
            record = self._waiting.popleft() if self._waiting else None
        if record is None:
            return None
        gap = f"({lost} lines of the log are lost: nobody read them)\n" if lost else ""
        return f"{gap}{self._formatter.format(record)}\n"

    def _write(self, data: bytes) -> bool:
        """Write all of it; False when nobody will ever read it, or we have to stop."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        try:
            while data and time.monotonic() < self._patience_until:
                if poll.poll(LOOK_MS):
                    data = data[self._write_some(data) :]
        except OSError:
            return False
        return not data

    def _write_some(self, data: bytes) -> int:
        """How many bytes were taken."""
        try:
            return os.write(self._descriptor, data[:WRITE_BYTES])
        except BlockingIOError:  # somebody else wrote in the meantime
            self.stopping.wait(LOOK_MS / 1000)
            return 0


class _Handler(logging.Handler):
    """Passes records on with their message made: what it was made of may change."""

    def __init__(self, put: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._put = put

    def emit(self, record: logging.LogRecord) -> None:
        ours = copy.copy(record)
        ours.msg, ours.args = record.getMessage(), None
        self._put(ours)


def never_wait(descriptor: int) -> None:
    """Make writes to a pipe or terminal fail rather than wait, for this process alone.

    Libraries written in C may write to standard error while they hold up all of Python. The flag belongs to what was
    opened, which others share, so it is opened once more. What else there may be (a file, a socket) stays as it is.
    """
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(mode) or os.isatty(descriptor)):
        return
    try:
        again = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return  # somebody else's terminal, or no /proc
    try:
        os.dup2(again, descriptor)
    finally:
        os.close(again)
