"""Names that somebody is giving to a file right now, so that nobody else does, and its missing row is no fault."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Claim:
    """The names one adding has claimed; answers whether a name is taken, and if not, claims it."""

    def __init__(self, claims: Claims, is_in_use: Callable[[str], bool]) -> None:
        self.names: set[str] = set()
        self._claims = claims
        self._is_in_use = is_in_use

    def is_taken(self, filename: str) -> bool:
        """True when the name is in use or somebody else is giving it; else it is ours from now on.

        Claimed first and looked at second: nobody can give and give up the name between the two.
        """
        if not self._claims.try_add(filename):
            return True
        try:
            is_in_use = self._is_in_use(filename)
        except BaseException:
            self._claims.remove({filename})
            raise
        if is_in_use:
            self._claims.remove({filename})
        else:
            self.names.add(filename)
        return is_in_use


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

    def remove(self, filenames: set[str]) -> None:
        """Give claimed names up."""
        with self._lock:
            self._names -= filenames

    @contextmanager
    def adding(self, is_in_use: Callable[[str], bool]) -> Iterator[Claim]:
        """A claim that holds its names until the end of the block."""
        claim = Claim(self, is_in_use)
        try:
            yield claim
        finally:
            self.remove(claim.names)
