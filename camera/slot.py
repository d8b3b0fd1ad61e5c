"""The place between a thread that gets pictures and the one that waits for them: room for one."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class NewestSlot(Generic[Item]):
    """Holds the newest item; an older one that nobody took is replaced and counted in `dropped`.

    `_ready` guards `_item`, `_is_awake` and `dropped`. Any thread may call any method.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._item: Item | None = None
        self._is_awake = False
        self._ready = threading.Condition()

    def put(self, item: Item) -> None:
        """Make `item` the newest. Never blocks."""
        with self._ready:
            self.dropped += self._item is not None
            self._item = item
            self._ready.notify()

    def take(self, timeout_s: float) -> Item | None:
        """The newest item, once; None when none came within `timeout_s` seconds or after `wake`."""
        with self._ready:
            if self._item is None and not self._is_awake:
                self._ready.wait(timeout_s)
            item, self._item, self._is_awake = self._item, None, False
            return item

    def wake(self) -> None:
        """Let the next or a waiting `take` return at once."""
        with self._ready:
            self._is_awake = True
            self._ready.notify()
