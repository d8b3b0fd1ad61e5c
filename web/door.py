"""Who comes in and leaves: places, the camera that wakes for a viewer, who is present, which copy is watched.

A view reserves a `Place` here and hands its connection over with it; from then on the socket belongs to the
broadcaster. A place that is not taken is given back, and everything that was reserved with it ends.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from camera.hub import FrameHub, Watch
from camera.renditions import Form, Rendition
from errors import TooManyViewers
from web.parts import Channel, EventChannel, FrameChannel, Pace, Style
from web.presence import Presence
from web.renditions import Copies
from web.roster import Place, Roster
from web.viewer import Viewer


def _nothing() -> None:
    """Nobody minds that a watcher leaves."""


class Door:
    """Places for viewers of the live picture and for listeners to the events.

    :param lock: the broadcaster's; guards `roster` and `refused`.
    :param on_enter: gets each viewer whose connection was handed over; takes its place in the roster, or calls
        `turn_away`.
    :param wake: called when there is a new copy to send; must not block.
    :ivar pictures: the channel of the live picture itself, by style.
    :ivar refused: how many found no place since the start.
    :ivar on_count: called after the number of watching viewers changed, from any thread.
    """

    def __init__(
        self,
        hub: FrameHub,
        places: int,
        lock: threading.Lock,
        on_enter: Callable[[Viewer], None],
        wake: Callable[[], None],
    ) -> None:
        self.roster = Roster(places)
        self.presence = Presence()
        self.copies = Copies(hub, wake)
        self.events = EventChannel()
        self.pictures: dict[Style, FrameChannel] = {
            "length": FrameChannel("length"),
            "advance": FrameChannel("advance"),
        }
        self.refused = 0
        self.on_count: Callable[[], None] = lambda: None
        self._hub = hub
        self._lock = lock
        self._on_enter = on_enter

    def reserve(self, session: str, style: Style, period_s: float = 0.0, form: Form | None = None) -> Place:
        """A place for one more viewer of the picture; the camera wakes up for it.

        :param session: whoever it is for, who may be asked to leave.
        :param period_s: least time between two frames, 0 for all.
        :param form: of the smaller copy that is wanted; the place says which one it is.
        :raises TooManyViewers: when every place is taken.
        """
        self._reserve(is_watcher=True)
        watch = self._hub.watch()
        try:
            watch.open()
            self.on_count()
            return self._watching(session, style, Pace(period_s), form, watch)
        except BaseException:
            self._release(watch, _nothing)
            raise

    def reserve_events(self, session: str, username: str) -> Place:
        """A place for one more listener to the events that come from now on; `username` is present meanwhile.

        :raises TooManyViewers: when every place is taken.
        """
        self._reserve(is_watcher=False)
        return self._place(session, self.events, Pace(), None, self.events.number, self.presence.enter(username))

    def turn_away(self, viewer: Viewer) -> None:
        """Close a viewer that left while it came in, and free its place."""
        viewer.close()
        self._release(viewer.watch, viewer.on_close)

    def _reserve(self, is_watcher: bool) -> None:
        with self._lock:
            try:
                self.roster.reserve(is_watcher)
            except TooManyViewers:
                self.refused += 1
                raise

    def _watching(self, session: str, style: Style, pace: Pace, form: Form | None, watch: Watch) -> Place:
        if form is None:
            return self._place(session, self.pictures[style], pace, watch, seen=0)
        rendition, channel, leave = self.copies.join(form, style, pace)
        seen = 0 if rendition.frame is None or rendition.is_of(self._hub.latest) else rendition.frame.number
        return self._place(session, channel, pace, watch, seen, leave, rendition)

    def _place(
        self,
        session: str,
        channel: Channel,
        pace: Pace,
        watch: Watch | None,
        seen: int,
        leave: Callable[[], None] = _nothing,
        rendition: Rendition | None = None,
    ) -> Place:
        def take(sock: socket.socket) -> None:
            self._on_enter(Viewer(sock, channel, pace, watch, seen, leave, session))

        return Place(take, lambda: self._release(watch, leave), pace, rendition, seen)

    def _release(self, watch: Watch | None, leave: Callable[[], None]) -> None:
        with self._lock:
            self.roster.unreserve(watch is not None)
        leave()
        if watch is not None:
            watch.close()
            self.on_count()
