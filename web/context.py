"""What views reach: the rig below and the web's own long-lived objects."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from rig import Rig
from web.broadcaster import Broadcaster
from web.events import EventFeed
from web.guard import account_of
from web.media_out import Shelf
from web.previews import Previews
from web.stills import StillCache

EXTENSION = "turret"
# Accounts are also changed from the shell, by another process.
PASSES_LOOKED_AT_EVERY_S = 10.0


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
        """Start the threads that serve handed-over connections."""
        self.broadcaster.start()
        self.feed.start()
        self.rig.scheduler.plan("passes", self._look_at_passes)

    def library_changed(self) -> None:
        """The media library changed; any thread."""
        self.shelf.changed()
        self.feed.changed()

    def people_changed(self) -> None:
        """Somebody was removed, or has another password: what they watch ends. Any thread."""
        self.broadcaster.door.send_away(lambda pass_id: account_of(self.rig.accounts, pass_id) is not None)

    def _look_at_passes(self) -> float:
        self.people_changed()
        return time.monotonic() + PASSES_LOOKED_AT_EVERY_S

    def close(self) -> None:
        """End every stream; works twice."""
        self.stopping.set()
        self.rig.scheduler.cancel("passes")
        self.feed.stop()
        self.broadcaster.close()


def context() -> Context:
    """The context of the application that handles the current request."""
    return cast(Context, current_app.extensions[EXTENSION])
