"""A value that is dear to get, kept for those who ask shortly after each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")


class _Kept(NamedTuple, Generic[Value]):
    """What was got, when (by the clock, seconds), and what `_mark` was when it was asked for."""

    value: Value
    at_s: float
    mark: object


class Lately(Generic[Value]):
    """What `read` gave lately. Any thread.

    `_turn` guards `_kept` and is held while `read` runs, so that those who ask at the same time get one reading.
    `_mark` is another object after each `forget`: a reading that began before is nobody's who asks after.
    """

    def __init__(self, read: Callable[[], Value], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._turn = threading.Lock()
        self._kept: _Kept[Value] | None = None
        self._mark = object()

    def get(self, max_age_s: float) -> Value:
        """The value as it was read less than `max_age_s` seconds ago, by somebody else or now."""
        with self._turn:
            kept, mark = self._kept, self._mark
            if kept is None or kept.mark is not mark or self._clock() - kept.at_s >= max_age_s:
                value = self._read()
                kept = self._kept = _Kept(value, self._clock(), mark)
            return kept.value

    def forget(self) -> None:
        """Whoever asks from now on gets what is read from now on. Never waits."""
        self._mark = object()
