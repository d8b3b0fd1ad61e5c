"""Who has a page open: how many event streams each person has, and when the last of them ends.

A program that never opened one is not present, and so never leaves; for it there is the control lease.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable


class Presence:
    """Counts event streams by account name. `_lock` guards `_streams`.

    :param on_gone: called with the name of a person whose last stream ended; by whichever thread saw it.
    """

    def __init__(self, on_gone: Callable[[str], None] = lambda username: None) -> None:
        self.on_gone = on_gone
        self._lock = threading.Lock()
        self._streams: Counter[str] = Counter()

    def enter(self, username: str) -> Callable[[], None]:
        """One more stream of this person; the answer ends it and works twice."""
        with self._lock:
            self._streams[username] += 1
        only_once = threading.Lock()
        return lambda: self._leave(username) if only_once.acquire(blocking=False) else None

    def _leave(self, username: str) -> None:
        with self._lock:
            self._streams[username] -= 1
            is_last = self._streams[username] <= 0
            if is_last:
                del self._streams[username]
        if is_last:
            self.on_gone(username)
