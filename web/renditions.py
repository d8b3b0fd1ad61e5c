"""Smaller copies of the live picture as channels of the broadcaster: one per form and style."""

from __future__ import annotations

import threading
from collections.abc import Callable

from camera.hub import Frame, FrameHub
from camera.renditions import Form, Rendition, Renditions
from web.parts import FrameChannel, Pace, Style


class Copies:
    """Who watches which copy. `_lock` guards `_channels`.

    :param wake: called when there is a new copy to send, in the thread that makes them; must not block.
    """

    def __init__(self, hub: FrameHub, wake: Callable[[], None]) -> None:
        self._renditions = Renditions(hub)
        self._renditions.on_made = self._show
        self._wake = wake
        self._lock = threading.Lock()
        self._channels: dict[Rendition, dict[Style, FrameChannel]] = {}

    def join(self, form: Form, style: Style, pace: Pace) -> tuple[Rendition, FrameChannel, Callable[[], None]]:
        """(what is watched, the channel to watch, what to call when leaving; that works twice)."""
        rendition = self._renditions.join(form, pace.is_due)
        with self._lock:
            channels = self._channels.setdefault(rendition, {})
            channel = channels.setdefault(style, FrameChannel(style, is_own=False))
            channel.frame = rendition.frame
        once = threading.Lock()
        return rendition, channel, lambda: self._leave(rendition, pace) if once.acquire(blocking=False) else None

    def one_of(self, frame: Frame, form: Form, timeout_s: float) -> tuple[Form, Frame | None]:
        """(which copy it is, that copy of `frame` or of a newer one; None when none was made in time)."""
        rendition, _, leave = self.join(form, "length", Pace())
        try:
            return rendition.form, rendition.at_least(frame.number, timeout_s)
        finally:
            leave()

    @property
    def made(self) -> int:
        """How many copies were made so far."""
        return self._renditions.made

    def stop(self) -> None:
        """End the thread that makes them; works twice."""
        self._renditions.stop()

    def _leave(self, rendition: Rendition, pace: Pace) -> None:
        self._renditions.leave(rendition, pace.is_due)
        with self._lock:
            if not rendition.users:
                self._channels.pop(rendition, None)

    def _show(self, rendition: Rendition) -> None:
        with self._lock:
            for channel in self._channels.get(rendition, {}).values():
                channel.frame = rendition.frame
        self._wake()
