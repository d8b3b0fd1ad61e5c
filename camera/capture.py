"""The capture thread: the one owner of the camera.

It opens the camera when somebody watches, publishes every picture to the hub, lets the camera sleep
when nobody watches, and never gives up: a camera that fails is opened again with growing pauses,
while viewers see once a second a placeholder with the reason and the time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from camera import image
from camera.backend import Backend, CameraInfo, Picture
from camera.filter_settings import defaults_of
from camera.filters import Filters
from camera.hub import FrameHub
from errors import CameraError, CameraLost
from settings import CameraSettings
from threads import StoppableThread

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
PLACEHOLDER_PERIOD_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CameraState:
    """What the camera is doing.

    :ivar state: "idle" (asleep, nobody watches), "starting", "live" or "failed".
    :ivar reason: why it failed; None unless `state` is "failed".
    :ivar since: when this state began, UTC.
    """

    state: Literal["idle", "starting", "live", "failed"]
    reason: str | None
    since: datetime
    info: CameraInfo


class Capture(StoppableThread):
    """Runs one backend. `state` may be read from any thread; it is replaced, never changed.

    `_turned` guards `_asked` and `_settled`, which count openings: those that somebody asked for, and the last
    one that led to a picture or a fault.

    :param on_state: called with the new state in this thread, after every change; must not block.
    :ivar filters: what is done to each picture before it is published.
    :ivar on_open: called in this thread when an opened camera gave its first picture, before anybody sees it.
    """

    def __init__(
        self,
        backend: Backend,
        hub: FrameHub,
        settings: CameraSettings,
        on_state: Callable[[CameraState], None] = lambda state: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__("capture")
        self.on_state = on_state
        self.on_open: Callable[[], None] = lambda: None
        self.filters = Filters(defaults_of(settings), settings.quality)
        self._backend = backend
        self._hub = hub
        self._settings = settings
        self._clock = clock
        self._now = now
        self._attention = threading.Event()
        self._turned = threading.Condition()
        self._asked = self._opening = self._settled = 0
        self._pause_s = FIRST_PAUSE_S
        self._shown_at = 0.0
        self.state = CameraState("idle", None, now(), backend.info)
        hub.on_watched = self.wake

    @property
    def broken(self) -> int:
        """How many pictures came damaged from the camera since the program started, and were not published."""
        return self._backend.broken

    def wake(self) -> None:
        """Look again whether to stop or to start; any thread."""
        self._attention.set()

    def reopen(self, timeout_s: float) -> CameraState:
        """Close the camera and open it anew, viewers stay; the state once it is live or failed, or time is up.

        For a camera that somebody watches, and any thread but ours.
        """
        with self._turned:
            self._asked = asked = self._asked + 1
        self.wake()
        with self._turned:
            self._turned.wait_for(lambda: self._settled >= asked or self.stopping.is_set(), timeout_s)
        return self.state

    def await_picture(self, timeout_s: float) -> CameraState:
        """The state once the camera is live or failed, or time is up; for a camera that somebody watches.

        What failed before is tried again at once: since then it may have been mended.
        """
        if self.state.state == "failed":
            return self.reopen(timeout_s)
        with self._turned:
            self._turned.wait_for(lambda: self.state.state in ("live", "failed") or self.stopping.is_set(), timeout_s)
        return self.state

    def run(self) -> None:
        while not self.stopping.is_set():
            if not self._hub.is_watched:
                self._sleep_until_watched()
                continue
            try:
                self._run_camera()
            except CameraError as error:
                self._fail(str(error))
            except Exception as error:
                log.exception("camera %s: a fault in its driver", self._backend.info.name)
                self._fail(f"a fault in the camera's driver: {error}")
        self._hub.clear()
        self._settle()

    def _sleep_until_watched(self) -> None:
        self._hub.clear()
        if self.state.state != "failed":
            self._enter("idle")
        self._attention.wait()
        self._attention.clear()

    def _run_camera(self) -> None:
        """Publish until nobody watches, somebody asks to open anew, the camera ends, or a CameraError is raised."""
        self._opening = opening = self._asked
        self._begin_to_start()
        hub, clock, stopping, idle_s = self._hub, self._clock, self.stopping, self._settings.idle_timeout_s
        heard_at, patience_s, filters = clock(), self._backend.start_timeout_s, self.filters
        with closing(self._backend.frames()) as pictures:  # type: ignore[type-var]
            for picture in pictures:
                if picture is not None:
                    if self.state.state != "live":
                        self._pause_s, patience_s = FIRST_PAUSE_S, self._settings.stall_timeout_s
                        self.on_open()
                        self._enter("live")
                        self._settle()
                    heard_at = picture.captured_at
                    shown = filters.apply(picture) if filters.is_on else picture
                    if shown is not None:
                        hub.publish(shown)
                elif clock() - heard_at > patience_s:
                    raise CameraLost(f"no picture from {self._backend.info.name} for {patience_s:g} s")
                elif self.state.state != "live" and clock() - self._shown_at >= PLACEHOLDER_PERIOD_S:
                    self._publish_placeholder()
                unwatched_since = hub.unwatched_since
                if unwatched_since is not None and clock() - unwatched_since >= idle_s and self._let_sleep():
                    return
                if stopping.is_set() or self._asked != opening:
                    return
        if self.state.state != "live":
            raise CameraLost(f"{self._backend.info.name} ended without a picture")

    def _let_sleep(self) -> bool:
        """Said before the device is closed, so that nobody takes a camera for live that no longer is.

        False when somebody came to watch at the last moment.
        """
        was, idle = self.state, CameraState("idle", None, self._now(), self._backend.info)

        def swap() -> None:
            self._hub.clear()
            if was.state == "live":
                self.state = idle

        is_asleep = self._hub.unless_watched(swap)
        if self.state is not was:
            self.on_state(self.state)
        return is_asleep

    def _begin_to_start(self) -> None:
        """Say that the camera starts; at once to those who saw nothing yet, else only if it takes long."""
        was = self.state.state
        if was == "failed":
            return
        self._enter("starting")
        if was == "live":
            self._shown_at = self._clock()
        else:
            self._publish_placeholder()

    def _settle(self) -> None:
        """Tell those who wait that this opening led to something."""
        with self._turned:
            self._settled = self._opening
            self._turned.notify_all()

    def _fail(self, reason: str) -> None:
        """Show the reason for as long as the next pause lasts, or until somebody asks to open anew."""
        if self.state.reason != reason:
            log.warning("camera: %s", reason)
            self._enter("failed", reason)
        self._settle()
        until = self._clock() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        while not self.stopping.is_set() and self._hub.is_watched and self._clock() < until:
            if self._asked != self._opening:
                self._pause_s = FIRST_PAUSE_S
                return
            self._publish_placeholder()
            self._attention.wait(min(PLACEHOLDER_PERIOD_S, max(0.0, until - self._clock())))
            self._attention.clear()

    def _publish_placeholder(self) -> None:
        """Say in a picture what the camera is doing, or why it fails, and what time it is."""
        width_px, height_px, state = self._settings.width, self._settings.height, self.state
        if state.reason is None:
            title, lines = "Starting the camera", [state.info.name]
        else:
            title, lines = "No live picture", [state.reason, f"since {state.since.astimezone():%H:%M:%S}"]
        jpeg = image.placeholder(width_px, height_px, title, [*lines, f"{self._now().astimezone():%Y-%m-%d %H:%M:%S}"])
        self._shown_at = self._clock()
        self._hub.publish(Picture(jpeg, self._shown_at, width_px, height_px), is_live=False)

    def _enter(self, state: Literal["idle", "starting", "live", "failed"], reason: str | None = None) -> None:
        info = self._backend.info
        if (state, reason) == (self.state.state, self.state.reason):
            self.state = replace(self.state, info=info)
            return
        self.state = CameraState(state, reason, self._now(), info)
        if state == "live":
            log.info("camera: %s, %s x %s, %s", info.name, info.width_px, info.height_px, info.pixel_format)
        self.on_state(self.state)
