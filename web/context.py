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
from web.media_out import Shelf
from web.previews import Previews
from web.stills import StillCache

EXTENSION = "turret"


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

    def library_changed(self) -> None:
        """The media library changed; any thread."""
        self.shelf.changed()
        self.feed.changed()

    def close(self) -> None:
        """End every stream; works twice."""
        self.stopping.set()
        self.feed.stop()
        self.broadcaster.close()


def context() -> Context:
    """The context of the application that handles the current request."""
    return cast(Context, current_app.extensions[EXTENSION])
