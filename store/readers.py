"""Connections that only read, and that threads take turns on."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue


class Readers:
    """At most `count` SELECTs at a time; who comes later waits for one of them to end.

    `_idle` holds a connection, or None while closed, for each that nobody uses. `_changing` is held while all are
    exchanged, for which each is waited for.
    """

    def __init__(self, count: int) -> None:
        self._idle: SimpleQueue[sqlite3.Connection | None] = SimpleQueue()
        self._count = count
        self._changing = threading.Lock()
        for _ in range(count):
            self._idle.put(None)

    def open(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Connect, as often as may be read at a time.

        :raises sqlite3.Error: when that fails; then nothing is open.
        """
        opened: list[sqlite3.Connection] = []
        try:
            for _ in range(self._count):
                opened.append(connect())
        except BaseException:
            for connection in opened:
                connection.close()
            raise
        self._exchange(opened)

    def close(self) -> None:
        """Close every connection once nobody reads on it; works twice."""
        self._exchange([None] * self._count)

    @contextmanager
    def one(self) -> Iterator[sqlite3.Connection | None]:
        """A connection for one SELECT; None when they are closed."""
        connection = self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put(connection)

    def _exchange(self, new: list[sqlite3.Connection] | list[None]) -> None:
        with self._changing:
            old = [self._idle.get() for _ in range(self._count)]
            for connection in new:
                self._idle.put(connection)
        for connection in old:
            if connection is not None:
                connection.close()
