"""Timelapse: a still every so often, kept, made into a film, or both; one job at a time, over restarts.

The scheduler calls `run`, which looks at the clock and does the next thing: wake the camera shortly before a still is
due, take it, or say when to look again. Nothing here ever waits. The distance of stills is kept by a clock that nobody
can turn, the part of the day by the one on the wall. A still that cannot be had is missed and counted; there is never
an old picture instead.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Protocol

from camera.hub import Frame
from errors import AlreadyRecording, NotPlayable, NotRecording, TurretError
from jobs.lapse import Job, LapseState, Wish, check, job_of, patience_s, saved, state_of, text_of, turns_within
from jobs.scheduler import Scheduler
from jobs.sun import Place
from jobs.wakening import Wakening
from jobs.window import Window

NAME = "timelapse"
# A picture of this age when a still is due shows that moment.
FRESH_S = 0.5
LOOK_S = 0.1
GRACE_SHARE = 0.1
# A camera takes this long from waking to its first picture, more or less.
START_S = 3.0
RETRY_S = 60.0
# The same trouble is said again after so long.
SAID_AGAIN_S = 3600.0

log = logging.getLogger(__name__)


class Stills(Protocol):
    """Where stills go: `jobs.stills.LapseStills`, or a test's."""

    def begin(self, started_at: datetime) -> str: ...
    def keep(self, job: Job, frame: Frame, date: datetime) -> None: ...
    def hand_over(self, job: Job) -> None: ...
    def adopt(self, current: str | None) -> None: ...


class Timelapse:
    """The one timelapse. All methods may be called from any thread.

    `_working` guards everything, and is held while a still is taken, so that none comes after the end.

    :param kept: the job that was kept by `keep`, as text; None when there is none.
    :param keep: keeps a text over a restart, or forgets it (None).
    :param why_none: why the camera fails, or None while it may still deliver.
    :param warm_up_s: how long the camera takes from its first picture to a good one.
    :param on_change: called after every still and every change; must not block.
    """

    def __init__(
        self,
        stills: Stills,
        wakening: Wakening,
        scheduler: Scheduler,
        place: Place | None,
        kept: Callable[[], str | None],
        keep: Callable[[str | None], None],
        why_none: Callable[[], str | None] = lambda: None,
        warm_up_s: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._stills = stills
        self._wakening = wakening
        self._scheduler = scheduler
        self._place = place
        self._kept = kept
        self._keep = keep
        self._why_none = why_none
        self._warm_up_s = warm_up_s
        self._clock = clock
        self._now = now
        self._working = threading.Lock()
        self._job: Job | None = None
        self._window: Window | None = None
        self._origin = 0.0
        self._opens_at: datetime | None = None
        self._reason: str | None = None
        self._said: tuple[str, float] | None = None
        self._last = LapseState()

    def open(self) -> None:
        """Go on with the job of the last run, if there is one; stills of one that cannot go on become its film.

        :raises StoreUnavailable: when the database or the media folder cannot be read.
        """
        with self._working:
            job = self._kept_job()
            self._stills.adopt(None if job is None else job.folder)
        if job is not None:
            log.info("the timelapse goes on: %d stills so far", job.shots)
            self._scheduler.plan(NAME, self.run)

    def start(self, wish: Wish) -> LapseState:
        """Begin; the first still is due at once, or when its part of the day begins.

        :raises BadField: names the field of the wish that breaks a rule.
        :raises AlreadyRecording: while one runs.
        :raises StoreUnavailable: when it cannot be kept.
        """
        window = check(wish, self._place)
        with self._working:
            if self._job is not None:
                raise AlreadyRecording("a timelapse runs already")
            now = self._now()
            job = Job(wish, now, now, self._stills.begin(now) if wish.make_film else None)
            self._keep(text_of(job))
            self._take_up(job, window, 0.0)
        self._scheduler.plan(NAME, self.run)
        self.on_change()
        return self.state

    def stop(self, started_at: datetime | None = None) -> LapseState:
        """End; what was shot becomes the film, if one is wanted.

        :param started_at: end the one that began then; when that is over already, nothing is done.
        :raises NotRecording: when none runs.
        :raises StoreUnavailable: when that cannot be kept now; it is tried again by itself.
        """
        with self._working:
            if started_at is not None and (self._job is None or self._job.started_at != started_at):
                return self.state
            if self._job is None:
                raise NotRecording("no timelapse runs")
            self._job = replace(self._job, is_over=True)
            self._scheduler.plan(NAME, self.run, self._clock() + RETRY_S)
            self._finish(self._job)
            self._scheduler.cancel(NAME)
        self.on_change()
        return self.state

    def close(self) -> None:
        """Let the camera sleep; the job goes on at the next start. Works twice."""
        with self._working:
            self._wakening.close()

    @property
    def state(self) -> LapseState:
        """As it is now."""
        job = self._job
        if job is None:
            return self._last
        return self._state_of(job)

    def run(self) -> float | None:
        """Do what is due; answers when to call again. A job for the scheduler."""
        with self._working:
            job = self._job
            return None if job is None else self._step(self._without_skipped(job))

    def _step(self, job: Job) -> float | None:
        wish, now = job.wish, self._clock()
        if job.is_over or (job.turns is not None and job.turn >= job.turns):
            return self._end(job)
        due_at = self._origin + job.turn * wish.interval_s
        if not self._is_open_in(due_at - now):
            self._wakening.close()
            return self._pass_over(job, due_at, now)
        if now < (wake_at := due_at - START_S - self._warm_up_s()):
            self._wakening.close()
            return wake_at
        self._wakening.open()
        return due_at if now < due_at else self._shoot(job, due_at)

    def _shoot(self, job: Job, due_at: float) -> float:
        """Take the still that is due, or look again a little later, or give it up."""
        now = self._clock()
        is_last_chance = now >= due_at + patience_s(job.wish)
        frame = self._wakening.frame(due_at - FRESH_S, is_last_chance)
        reason = self._why_none() or "the camera gave no picture in time"
        if frame is not None:
            try:
                self._stills.keep(job, frame, self._now() - timedelta(seconds=now - frame.captured_at))
            except NotPlayable as error:
                reason = f"the camera sends broken pictures: {error}"
            except TurretError as error:
                return self._done(job, str(error))
            else:
                return self._done(job, None)
        return self._done(job, reason) if is_last_chance else now + LOOK_S

    def _done(self, job: Job, reason: str | None) -> float:
        """One turn is over, with a still or without; answers when the next thing is to be done."""
        if reason is not None:
            self._tell(reason)
        elif self._reason is not None:
            log.info("timelapse: stills are taken again, %d were missed so far", job.missed)
        self._reason = reason
        self._enter(replace(job, turn=job.turn + 1, shots=job.shots + (not reason), missed=job.missed + bool(reason)))
        return self._clock()

    def _end(self, job: Job) -> float | None:
        try:
            self._job = replace(job, is_over=True)
            self._finish(self._job)
        except TurretError as error:
            log.warning("the end of the timelapse cannot be kept now, it is tried again: %s", error)
            return self._clock() + RETRY_S
        self.on_change()
        return None

    def _finish(self, job: Job) -> None:
        """Hand the stills over and forget the job.

        That it is over is kept first: after a power cut in between it would go on, in a folder that is a film by then.

        :raises TurretError: when that cannot be done now; then it is still there, and over.
        """
        self._wakening.close()
        self._keep(text_of(job))
        self._stills.hand_over(job)
        self._keep(None)
        self._last = replace(self._state_of(job), is_running=False, next_at=None)
        self._job, self._reason = None, None

    def _take_up(self, job: Job, window: Window | None, elapsed_s: float) -> None:
        self._window, self._origin = window, self._clock() - elapsed_s
        self._opens_at = self._reason = self._said = None
        self._job = job  # last: `state` is asked by anybody

    def _kept_job(self) -> Job | None:
        """The job of the last run, taken up."""
        text = self._kept()
        if text is None:
            return None
        try:
            job = job_of(text)
            self._take_up(job, check(job.wish, self._place), job.elapsed_now_s(self._now()))
        except ValueError as error:  # also a window by the sun whose place is not in config.txt any more
            log.error("the timelapse that was running cannot go on: %s", error)  # noqa: TRY400
            self._keep(None)
            return None
        return job

    def _without_skipped(self, job: Job) -> Job:
        """The job, with the turns counted as missed that passed while nobody could do them."""
        interval_s = job.wish.interval_s
        too_late_s = patience_s(job.wish) + min(1.0, GRACE_SHARE * interval_s)
        latest = 1 + floor((self._clock() - self._origin - too_late_s) / interval_s)
        if job.turns is not None:
            latest = min(latest, job.turns)
        if latest <= job.turn or job.is_over:
            return job
        origin = self._now() - timedelta(seconds=self._clock() - self._origin)
        skipped = turns_within(self._window, job.turn, latest, origin, interval_s)
        if skipped:
            self._tell(f"{skipped} while the program was busy or not running")
        return self._enter(replace(job, turn=latest, missed=job.missed + skipped))

    def _pass_over(self, job: Job, due_at: float, now: float) -> float:
        """Outside of its part of the day; the wall clock may be turned, so it is looked at again with every turn."""
        date = self._now()
        if self._opens_at is None or self._opens_at <= date:
            self._opens_at = (self._window and self._window.next_opening(date)) or date + timedelta(days=1)
            self.on_change()
        if now < due_at:
            return due_at
        self._job = replace(job, turn=job.turn + 1)
        return now

    def _is_open_in(self, seconds: float) -> bool:
        is_open = self._window is None or self._window.is_open(self._now() + timedelta(seconds=max(0.0, seconds)))
        if is_open:
            self._opens_at = None
        return is_open

    def _enter(self, job: Job) -> Job:
        """Keep a job that has come on; one that cannot be kept goes on all the same."""
        self._job = job = saved(job, self._clock() - self._origin, self._now())
        try:
            self._keep(text_of(job))
        except TurretError as error:
            log.warning("timelapse: a restart would count some stills twice: %s", error)
        self.on_change()
        return job

    def _tell(self, reason: str) -> None:
        """Say once, and now and then again, why stills are missed."""
        said, at = self._said or ("", 0.0)
        if said != reason.lstrip("0123456789") or self._clock() - at >= SAID_AGAIN_S:
            self._said = reason.lstrip("0123456789"), self._clock()
            log.warning("timelapse: stills are missed: %s", reason)

    def _state_of(self, job: Job) -> LapseState:
        return state_of(job, self._clock() - self._origin, self._now(), self._opens_at, self._reason)
