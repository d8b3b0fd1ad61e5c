"""Who is there: viewers, listeners, and places kept for those on their way in; and what was sent so far.

A place is reserved by the view, before the connection is handed over, so that a full house can be
answered in words. The roster is guarded by the broadcaster's lock and never blocks.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from camera.renditions import Rendition
from errors import TooManyViewers
from web.parts import Pace
from web.viewer import Viewer

# Up to here the capture thread sends by itself; above, its own work would be held up.
DIRECT_VIEWERS_MAX = 4


@dataclass
class Totals:
    """Counters since the start, for /metrics."""

    frames_sent: int = 0
    bytes_sent: int = 0
    viewers: int = 0
    stalled: int = 0


class Place:
    """A reserved place. It is taken once, or given back; giving back works twice.

    :param on_take: gets the connected socket, HTTP head already written, and owns it from then on.
    :param on_give_back: the place is free again.
    :param pace: how often a picture goes to whoever takes it.
    :param seen: the number of a picture that is too old to begin with; 0 for none.
    :param rendition: the smaller copy that is watched from here, if it is one.
    """

    def __init__(
        self,
        on_take: Callable[[socket.socket], None],
        on_give_back: Callable[[], None],
        pace: Pace,
        rendition: Rendition | None,
        seen: int,
    ) -> None:
        self.seen = seen
        self.pace = pace
        self.rendition = rendition
        self._on_take = on_take
        self._on_give_back = on_give_back
        self._is_open = True

    def take(self, sock: socket.socket) -> None:
        """Hand the viewer's connection over."""
        self._is_open = False
        self._on_take(sock)

    def give_back(self) -> None:
        """The viewer did not come, or was served in another way and has left."""
        if self._is_open:
            self._is_open = False
            self._on_give_back()


class Roster:
    """The books of the broadcaster: viewers of the picture ("watchers") and listeners to events.

    :ivar watchers: viewers of the picture that are there.
    :ivar listeners: listeners to events that are there.
    :ivar direct: the watchers of the picture itself, while all are so few and plain that the capture thread may
        serve them itself; else empty.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.watchers = 0
        self.listeners = 0
        self.direct: tuple[Viewer, ...] = ()
        self._viewers: dict[int, Viewer] = {}
        self._reserved = {True: 0, False: 0}  # by "watches the picture"

    def __len__(self) -> int:
        return len(self._viewers)

    def __iter__(self) -> Iterator[Viewer]:
        """Everybody who is there; the roster may change meanwhile."""
        return iter(tuple(self._viewers.values()))

    def at(self, descriptor: int) -> Viewer | None:
        """The viewer with this socket."""
        return self._viewers.get(descriptor)

    @property
    def watching(self) -> int:
        """Watchers, those on their way in included."""
        return self.watchers + self._reserved[True]

    def reserve(self, is_watcher: bool) -> None:
        """Keep a place.

        :raises TooManyViewers: when every place of that kind is taken.
        """
        taken = self.watching if is_watcher else self.listeners + self._reserved[False]
        if taken >= self.places:
            raise TooManyViewers(f"all {self.places} places are taken; try again in a moment")
        self._reserved[is_watcher] += 1

    def unreserve(self, is_watcher: bool) -> None:
        """Free a kept place."""
        self._reserved[is_watcher] -= 1

    def enter(self, viewer: Viewer) -> None:
        """A viewer takes the place that was kept for it."""
        self._viewers[viewer.descriptor] = viewer
        self.unreserve(viewer.watch is not None)
        self._count(viewer, +1)

    def leave(self, viewer: Viewer) -> bool:
        """A viewer is no longer there; False when it was not."""
        if self._viewers.get(viewer.descriptor) is not viewer:
            return False
        del self._viewers[viewer.descriptor]
        self._count(viewer, -1)
        return True

    def _count(self, viewer: Viewer, change: int) -> None:
        if viewer.watch is None:
            self.listeners += change
            return
        self.watchers += change
        few = () if self.watchers > DIRECT_VIEWERS_MAX else tuple(v for v in self if v.gets_own_frames)
        self.direct = () if any(v.is_tls for v in few) else few
