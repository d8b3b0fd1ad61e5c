"""Reading a network camera in a test."""

from __future__ import annotations

import time
from contextlib import closing

from fakes import DEADLINE_S

from camera.backend import Picture
from camera.network import NetworkBackend


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
