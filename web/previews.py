"""Recordings that are not films yet, played as MJPEG."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from errors import TooManyViewers
from web import parts

PREVIEWS_MAX = 4  # each takes one of the server's threads
LATE_S = 0.2


class Previews:
    """Places for those who watch what is not a film yet."""

    def __init__(self, places: int = PREVIEWS_MAX) -> None:
        self._places = threading.Semaphore(places)

    def taken(self) -> Callable[[], None]:
        """Take a place; the answer gives it back.

        :raises TooManyViewers: when all are taken.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyViewers("too many recordings are being looked at before they are films; try again soon")
        return self._places.release


def stream(
    pictures: Iterator[tuple[float, bytes]],
    stopping: threading.Event,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[bytes]:
    """Parts at the speed of the pictures' own times; those that are late are left out."""
    yield parts.FIRST_HEAD
    begin: float | None = None
    for time_s, jpeg in pictures:
        now = clock()
        begin = now - time_s if begin is None else begin
        early_s = begin + time_s - now
        if stopping.wait(max(0.0, early_s)):
            return
        if early_s >= -LATE_S:
            yield jpeg + parts.NEXT_HEAD
