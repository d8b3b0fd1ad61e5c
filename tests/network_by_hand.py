"""Reading a network camera in a test."""

from __future__ import annotations

import time
from collections import deque
from contextlib import closing

from fakes import DEADLINE_S

from camera.backend import Picture
from camera.network import NetworkBackend
from camera.network_reader import Shot
from camera.slot import NewestSlot


class EverySlot(NewestSlot[Shot]):
    """A slot in which nothing is replaced, so that a consumer may be late without missing a picture."""

    def __init__(self) -> None:
        super().__init__()
        self._more: deque[Shot] = deque()

    def put(self, item: Shot) -> None:
        with self._ready:
            self._more.append(item)
            self._ready.notify()

    def take(self, timeout_s: float) -> Shot | None:
        with self._ready:
            if not self._more and not self._is_awake:
                self._ready.wait(timeout_s)
            if self._more:
                return self._more.popleft()
            self._is_awake = False
            return None


def pictures_of(backend: NetworkBackend, count: int) -> list[Picture]:
    """The next pictures of a camera opened for them."""
    found: list[Picture] = []
    until = time.monotonic() + DEADLINE_S
    with closing(backend.frames()) as frames:
        for picture in frames:
            assert time.monotonic() < until, f"only {len(found)} of {count} pictures"
            if picture is not None:
                found.append(picture)
            if len(found) == count:
                break
    return found
