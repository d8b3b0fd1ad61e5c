"""What views reach: the rig below and the web's own long-lived objects."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from errors import StoreUnavailable
from rig import Rig
from threads import do_each
from web.broadcaster import Broadcaster
from web.events import EventFeed
from web.guard import account_of
from web.media_out import Shelf
from web.previews import Previews
from web.stills import StillCache

EXTENSION = "turret"
PEOPLE_JOB = "people"
# A stream outlives its session by so much at most.
SEE_EVERY_S = 5.0

log = logging.getLogger(__name__)


@dataclass
class Context:
    """One per application; built by `app.create_app`, closed by `close`."""

    rig: Rig
    broadcaster: Broadcaster
    feed: EventFeed
    stills: StillCache
    shelf: Shelf
    previews: Previews
    version: str
    boot_mark: str = field(default_factory=lambda: secrets.token_hex(4))
    started_at: float = field(default_factory=time.monotonic)
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start the threads that serve handed-over connections, and see from time to time who may still be there."""
        self.broadcaster.start()
        self.feed.start()
        self.start_seeing()

    def library_changed(self) -> None:
        """The media library changed; any thread."""
        self.shelf.changed()
        self.feed.changed()

    def close(self) -> None:
        """End every stream, whichever thread is stuck; works twice."""
        self.stopping.set()
        do_each(
            lambda: self.rig.scheduler.cancel(PEOPLE_JOB), self.stills.close, self.feed.stop, self.broadcaster.close
        )

    def start_seeing(self) -> None:
        """See who may still be there, now and from time to time."""
        self.rig.scheduler.plan(PEOPLE_JOB, self._see_who_may_stay)

    def _see_who_may_stay(self) -> float:
        """End the streams of people who were removed or got another password, also by another process."""
        accounts = self.rig.accounts
        try:
            self.broadcaster.ask_to_leave(lambda session: account_of(accounts, session) is not None)
        except StoreUnavailable as error:
            log.warning("who may still watch cannot be seen: %s", error)
        return time.monotonic() + SEE_EVERY_S


def context() -> Context:
    """The context of the application that handles the current request."""
    return cast(Context, current_app.extensions[EXTENSION])
