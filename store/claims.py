"""Names that somebody is giving to a file right now, so that nobody else does, and its missing row is no fault."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Claim:
    """The names one adding has claimed; answers whether a name is taken, and if not, claims it."""

    def __init__(self, claims: Claims, has_row: Callable[[str], bool]) -> None:
        self.names: set[str] = set()
        self._claims = claims
        self._has_row = has_row

    def is_taken(self, filename: str) -> bool:
        """True when a row or somebody else has the name; else it is ours from now on."""
        if self._has_row(filename) or not self._claims.try_add(filename):
            return True
        self.names.add(filename)
        return False


class Claims:
    """All names being given. `_lock` guards `_names`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[str] = set()

    def __contains__(self, filename: str) -> bool:
        with self._lock:
            return filename in self._names

    def try_add(self, filename: str) -> bool:
        """Claim a name; False when it is claimed already."""
        with self._lock:
            if filename in self._names:
                return False
            self._names.add(filename)
            return True

    @contextmanager
    def adding(self, has_row: Callable[[str], bool]) -> Iterator[Claim]:
        """A claim that holds its names until the end of the block."""
        claim = Claim(self, has_row)
        try:
            yield claim
        finally:
            with self._lock:
                self._names -= claim.names
