"""A timelapse in a world whose time a test lets pass: a camera that sleeps, wakes slowly and shows when it was shot."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fakes import jpeg_of

from camera.backend import Picture
from camera.hub import FrameHub
from jobs.lapse import Wish
from jobs.photographer import Photographer
from jobs.scheduler import Scheduler
from jobs.stills import LapseStills
from jobs.sun import Place
from jobs.timelapse import Timelapse
from jobs.wakening import Wakening
from settings import PhotoSettings
from store.kept import Kept
from store.library import MediaLibrary
from store.media import Kind, Media

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FRAME_S = 0.2
DARK, LIGHT = 10, 200
PET_CAM = Wish(interval_s=300.0, name="pet cam", keep_days=1.0)
SETTINGS = PhotoSettings(delay_s=0.5, skip_frames=3)


class World:
    """Clock, calendar and camera of everything in it.

    :ivar start_s: how long the camera takes from being watched to its first picture; None: it never comes.
    :ivar awake: every moment (clock) the camera was switched on.
    """

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.date = NOON
        self.start_s: float | None = 1.0
        self.is_frozen = False
        self.awake: list[float] = []
        self.reason: str | None = None
        self.jpeg: bytes | None = None
        self.hub = FrameHub(clock=self.clock)
        self.scheduler = Scheduler(self.clock)
        self._on_since: float | None = None
        self._shown = 0
        self._dark, self._light = jpeg_of(DARK), jpeg_of(LIGHT)

    def clock(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.date

    def pass_(self, seconds: float) -> None:
        """Let time go by, with everything that is due meanwhile."""
        until = self.seconds + seconds
        while True:
            wait_s = self.scheduler.run_due()
            if wait_s <= 0:
                continue
            if self.seconds >= until - 1e-6:
                return
            step_s = min(wait_s, until - self.seconds)
            if self.hub.is_watched:
                step_s = min(step_s, FRAME_S)
            self._move(step_s)

    def set_clock(self, change: timedelta) -> None:
        """Turn the clock on the wall."""
        self.date += change

    def _move(self, seconds: float) -> None:
        self.seconds += seconds
        self.date += timedelta(seconds=seconds)
        if not self.hub.is_watched or self.start_s is None:
            if self._on_since is not None or self.start_s is None:
                self.hub.clear()
            self._on_since = None
            return
        if self._on_since is None:
            self._on_since, self._shown = self.seconds, 0
            self.awake.append(self.seconds)
        if self.seconds - self._on_since >= self.start_s and not self.is_frozen:
            # The first pictures of a camera are dark until its exposure has settled.
            jpeg = self.jpeg or (self._dark if self._shown < SETTINGS.skip_frames else self._light)
            self._shown += 1
            self.hub.publish(Picture(jpeg, self.seconds, 64, 48))


class Lapse:
    """A timelapse over a library; `again` is the same after a restart of the program."""

    def __init__(self, world: World, library: MediaLibrary, place: Place | None = None) -> None:
        self.world = world
        self.library = library
        self.films = 0
        photographer = Photographer(
            world.hub,
            library,
            SETTINGS,
            lambda: "hand",
            lambda: world.reason,
            nullcontext,
            clock=world.clock,
            now=world.now,
        )
        self.photographer = photographer
        stills = LapseStills(library, photographer, 30.0, 80, self._on_film)
        kept = Kept(library.database, "timelapse")
        self.timelapse = Timelapse(
            stills, Wakening(world.hub, SETTINGS, world.clock), world.scheduler, place,
            kept.load, kept.keep,
            lambda: world.reason, lambda: SETTINGS.delay_s + SETTINGS.skip_frames * FRAME_S, world.clock, world.now,
        )  # fmt: skip
        self.timelapse.open()

    def start(self, interval_s: float, **options) -> None:
        self.timelapse.start(Wish(interval_s, **options))

    @property
    def items(self) -> list[Media]:
        """The library's timelapse items, oldest first."""
        return [media for media in reversed(self.library.page(limit=500).items) if media.kind is Kind.TIMELAPSE]

    def dates_s(self, since: datetime = NOON) -> list[float]:
        """When the kept stills were shot, seconds since `since`."""
        return [(media.date - since).total_seconds() for media in self.items if media.ready]

    def stills_of(self, media: Media) -> list[Path]:
        """What an item that is not a film yet is to be made of."""
        return sorted((self.library.folder.partial / media.folder).glob("*.jpg"))

    def _on_film(self) -> None:
        self.films += 1
