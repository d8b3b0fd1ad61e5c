"""What changed about the camera, who did it, and what went wrong by itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class News:
    """The newest change.

    :ivar revision: rises with every change.
    :ivar changed_by: who made it; None for the camera itself.
    :ivar changed: the names of what changed.
    :ivar message: what went wrong by itself since the last change by a person began; None when nothing did.
    """

    revision: int = 0
    changed_by: str | None = None
    changed: tuple[str, ...] = ()
    message: str | None = None


class Board:
    """Where news hang. `_lock` guards `news`, `_gathered` and `_meanwhile`; any thread.

    :ivar on_change: called after every change of `news`, in the thread that made it; must not block.
    """

    def __init__(self) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.news = News()
        self._lock = threading.Lock()
        self._gathered: dict[str, None] | None = None
        self._meanwhile: str | None = None

    @contextmanager
    def as_one(self, by: str) -> Iterator[None]:
        """All that people change meanwhile is one piece of news, told at the end. One thread at a time.

        A complaint meanwhile stays: most often it is about this very change.
        """
        with self._lock:
            gathered = self._gathered = {}
            self._meanwhile = None
        try:
            yield
        finally:
            with self._lock:
                self._gathered = None
                if gathered:
                    self._hang(by, gathered, self._meanwhile)
            if gathered:
                self.on_change()

    def say(self, by: str | None, changed: Sequence[str]) -> None:
        """Something was changed by a person, or by the camera for None."""
        with self._lock:
            if by is not None and self._gathered is not None:
                self._gathered.update(dict.fromkeys(changed))
                return
            self._hang(by, changed, self.news.message if by is None else None)
        self.on_change()

    def complain(self, message: str) -> None:
        """Something went wrong by itself."""
        log.warning("%s", message)
        with self._lock:
            self._meanwhile = message
            self._hang(None, (), message)
        self.on_change()

    def _hang(self, by: str | None, changed: Iterable[str], message: str | None) -> None:
        """Replace the news; under `_lock`."""
        self.news = News(self.news.revision + 1, by, tuple(changed), message)
