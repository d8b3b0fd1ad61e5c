"""What wakes a thread that waits in epoll."""

from __future__ import annotations

import os
import threading


class Waker:
    """An eventfd that any thread may ring, also after it was closed, when its number may be another file's by then.

    `_lock` guards `_is_open`.

    :ivar descriptor: readable once it was rung, until `take`.
    """

    def __init__(self) -> None:
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._is_open = True

    def ring(self) -> None:
        """Wake who waits; nobody does after `close`."""
        with self._lock:
            if self._is_open:
                os.eventfd_write(self.descriptor, 1)

    def take(self) -> None:
        """Let it be rung again."""
        os.eventfd_read(self.descriptor)

    def close(self) -> None:
        """Give the descriptor back; works twice."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                os.close(self.descriptor)
