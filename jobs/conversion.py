"""Recordings and stills become films, one at a time, in the background, for as long as it takes.

What waits is asked for anew each time, so there is no list that could be lost: after a restart it is asked for again,
and what was half done begins from the start. A film lies beside what it was made of until somebody takes it over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from camera import converter
from camera.probe import FilmFacts, probe
from errors import NotPlayable, TurretError
from settings import RecordingSettings
from threads import StoppableThread

FILM = "film.mp4"
LOOK_S = 10.0
ROOM_S = 1.0
CANCELLED = "it was cancelled"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FilmJob:
    """What is to become a film: the segments of a recording, or stills.

    :ivar item: what the one who asks calls it.
    :ivar folder: where its film is made.
    """

    item: int
    folder: Path
    segments: tuple[Path, ...] = ()
    stills: tuple[Path, ...] = ()
    rate_hz: float = 30.0

    @property
    def film(self) -> Path:
        """Where the film appears when it is whole."""
        return self.folder / FILM


@dataclass(frozen=True)
class Conversion:
    """What is being made now.

    :ivar folder: of what; None when nothing is.
    :ivar progress: how much is done, 0..1.
    :ivar waits_for: why nothing is begun although something waits.
    """

    folder: Path | None = None
    progress: float = 0.0
    waits_for: str | None = None


class Conversions(StoppableThread):
    """Makes films of what `waiting` lists, in its order. `state` is replaced, never changed.

    `_lock` guards `_live`, `_cancelled` and `_skipped`.

    :param waiting: what is to become a film, without what failed; called in this thread.
    :param on_ready: takes the film over, called in this thread; when it raises a TurretError, that is a failure.
    :param on_failed: told why there is no film; what it was to be made of stays.
    :param has_room: raises NoSpace when nothing more may be written; asked before a film, and every second.
    :param on_change: called in this thread with every new state; must not block.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        waiting: Callable[[], Sequence[FilmJob]],
        on_ready: Callable[[FilmJob, Path, FilmFacts], object],
        on_failed: Callable[[FilmJob, str], object],
        has_room: Callable[[], None] = lambda: None,
        on_change: Callable[[Conversion], None] = lambda state: None,
    ) -> None:
        super().__init__("conversions")
        self.state = Conversion()
        self.on_change = on_change
        self._settings = settings
        self._waiting = waiting
        self._on_ready = on_ready
        self._on_failed = on_failed
        self._has_room = has_room
        self._attention = threading.Event()
        self._lock = threading.Lock()
        self._live: Path | None = None
        self._cancelled: set[int] = set()
        self._skipped: set[int] = set()
        self._room_asked_at = 0.0

    def look(self) -> None:
        """Something waits that did not before, or is to be tried again. Any thread."""
        with self._lock:
            self._skipped.clear()
        self._attention.set()

    def cancel(self, item: int) -> None:
        """Make no film of this item; `on_failed` is told that it was cancelled. Any thread."""
        with self._lock:
            self._cancelled.add(item)
        self._attention.set()

    def follow(self, folder: Path) -> None:
        """A recording into `folder` has begun: with `encoder = live`, make its film meanwhile. Any thread."""
        if self._settings.encoder == "live":
            with self._lock:
                self._live = folder
            self._attention.set()

    def wake(self) -> None:
        self._attention.set()

    def run(self) -> None:
        while not self.stopping.is_set():
            self._attention.clear()
            if not self._work():
                self._attention.wait(LOOK_S)

    def _work(self) -> bool:
        """Make one film, or none; False when there was nothing to do."""
        with self._lock:
            live, self._live = self._live, None
        if live is not None:
            self._follow(live)
            return True
        try:
            job = self._next()
        except TurretError as error:
            log.warning("what is to become a film is not known now: %s", error)
            return False
        return job is not None and self._make(job)

    def _next(self) -> FilmJob | None:
        with self._lock:
            before = set(self._cancelled)  # what is cancelled while we ask may be of an item that came meanwhile
        waiting = self._waiting()
        with self._lock:
            self._cancelled -= before - {job.item for job in waiting}
            return next((job for job in waiting if job.item not in self._skipped), None)

    def _make(self, job: FilmJob) -> bool:
        try:
            self._has_room()
        except TurretError as error:
            self._enter(Conversion(waits_for=str(error)))
            return False
        self._enter(Conversion(job.folder))
        try:
            facts = self._ready_film(job) or self._film(job)
            if facts is not None:
                self._on_ready(job, job.film, facts)
            elif not self.stopping.is_set():
                self._fail(job, CANCELLED)
        except (TurretError, OSError) as error:
            self._fail(job, str(error))
        finally:
            self._enter(Conversion())
        return True

    def _ready_film(self, job: FilmJob) -> FilmFacts | None:
        """The film that was made before, by `follow` or in vain, if it is one."""
        try:
            return probe(job.film) if job.film.exists() else None
        except NotPlayable as error:
            log.warning("%s is made anew: %s", job.film, error)
            return None

    def _film(self, job: FilmJob) -> FilmFacts | None:
        def is_stopped() -> bool:
            return self._is_stopped(job.item)

        if job.stills:
            return converter.render(job.stills, job.rate_hz, job.film, self._settings, self._progress, is_stopped)
        return converter.convert(job.segments, job.film, self._settings, self._progress, is_stopped)

    def _follow(self, folder: Path) -> None:
        """Make the film of a recording that runs; when that fails it is made afterwards, as any other."""
        self._enter(Conversion(folder))
        try:
            converter.follow(folder, folder / FILM, self._settings, self._progress, lambda: self._is_stopped(None))
        except (TurretError, OSError) as error:
            log.warning("recording %s does not become a film meanwhile: %s", folder.name, error)
        finally:
            self._enter(Conversion())

    def _is_stopped(self, item: int | None) -> bool:
        """:raises NoSpace: when the room ran out."""
        now = time.monotonic()
        if now - self._room_asked_at >= ROOM_S:
            self._room_asked_at = now
            self._has_room()
        with self._lock:
            return self.stopping.is_set() or item in self._cancelled

    def _fail(self, job: FilmJob, why: str) -> None:
        log.warning("%s does not become a film: %s", job.folder.name, why)
        with self._lock:
            self._cancelled.discard(job.item)
            self._skipped.add(job.item)  # until somebody looks again, whether or not the next call succeeds
        try:
            self._on_failed(job, why)
        except TurretError as error:
            log.warning("%s: that cannot be kept: %s", job.folder.name, error)

    def _progress(self, progress: float, time_s: float) -> None:
        if self.state.folder is not None and int(100 * progress) != int(100 * self.state.progress):
            self._enter(Conversion(self.state.folder, progress))

    def _enter(self, state: Conversion) -> None:
        if state != self.state:
            self.state = state
            self.on_change(state)
