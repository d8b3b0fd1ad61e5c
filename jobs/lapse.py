"""What a timelapse is: the wish, the job it becomes, and how that is kept over a restart."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil

from errors import BadField
from jobs.sun import Place
from jobs.window import Window, window_of

INTERVAL_S = (1.0, 86400.0)
DURATION_S = (1.0, 10 * 366 * 86400.0)
WIDTH_PX = (16, 8192)
KEEP_DAYS = (0.001, 36500.0)
FOLDER = "timelapse-"
# How long a still is waited for; always less than the interval.
PATIENCE_S, PATIENCE_SHARE = 10.0, 0.8


@dataclass(frozen=True)
class Wish:
    """What somebody wants shot.

    :ivar duration_s: None goes on until somebody ends it.
    :ivar begin: the part of the day, `HH:MM` or `sunrise`; None, and None for `end`, is all day.
    :ivar width_px: the stills are made this wide if they are wider; None leaves them as the camera's.
    :ivar keep_days: kept stills go after so many days, whatever [retention] says; None follows [retention].
    """

    interval_s: float
    duration_s: float | None = None
    name: str | None = None
    begin: str | None = None
    end: str | None = None
    width_px: int | None = None
    keep_stills: bool = True
    make_film: bool = False
    keep_days: float | None = None
    account_id: int | None = None


@dataclass(frozen=True)
class Job:
    """A wish that is being fulfilled. Turns are counted from 0, one every interval.

    :ivar folder: where in `partial/` the stills for the film are; None without a film.
    :ivar elapsed_s: how long it had been running at `saved_at`, by a clock nobody can turn.
    :ivar turn: the next one.
    :ivar is_over: nothing more is shot; what is left is to hand its stills over.
    """

    wish: Wish
    started_at: datetime
    saved_at: datetime
    folder: str | None = None
    elapsed_s: float = 0.0
    turn: int = 0
    shots: int = 0
    missed: int = 0
    is_over: bool = False

    @property
    def turns(self) -> int | None:
        """How many there are in all; None has no end."""
        wish = self.wish
        return None if wish.duration_s is None else max(1, ceil(round(wish.duration_s / wish.interval_s, 9)))

    def elapsed_now_s(self, now: datetime) -> float:
        """How long it has been running, by the date; a clock that was set back counts as no time."""
        return self.elapsed_s + max(0.0, (now - self.saved_at).total_seconds())


@dataclass(frozen=True)
class LapseState:
    """What the timelapse is doing, or did last.

    :ivar is_running: also while its stills are handed over, so that there is no moment without either job or film.
    :ivar next_at: when the next still is due; None while none is running.
    :ivar ends_at: None for a job without an end.
    :ivar reason: why the last still was missed; None when it was not.
    """

    is_running: bool = False
    wish: Wish | None = None
    shots: int = 0
    missed: int = 0
    started_at: datetime | None = None
    next_at: datetime | None = None
    ends_at: datetime | None = None
    reason: str | None = None


def check(wish: Wish, place: Place | None) -> Window | None:
    """The wish's part of the day.

    :raises BadField: names the field and the rule it breaks.
    """
    for name, value, (least, most) in (
        ("interval_s", wish.interval_s, INTERVAL_S),
        ("duration_s", wish.duration_s, DURATION_S),
        ("width_px", wish.width_px, WIDTH_PX),
        ("keep_days", wish.keep_days, KEEP_DAYS),
    ):
        if value is not None and not least <= value <= most:
            raise BadField(name, f"{name} {value:g} is outside {least:g}..{most:g}")
    if not (wish.keep_stills or wish.make_film):
        raise BadField("keep_stills", "keep_stills and make_film are both off, so nothing would be kept")
    if wish.keep_days is not None and not wish.keep_stills:
        raise BadField("keep_days", "keep_days is for stills, and keep_stills is off")
    return window_of(wish.begin, wish.end, place)


def patience_s(wish: Wish) -> float:
    """How long a still may come late."""
    return min(PATIENCE_S, PATIENCE_SHARE * wish.interval_s)


def turns_within(window: Window | None, first: int, last: int, origin: datetime, interval_s: float) -> int:
    """How many of the turns `first` to `last` - 1 lie in the window.

    :param origin: the date of turn 0.
    """
    if window is None or last <= first:
        return max(0, last - first)
    step = timedelta(seconds=interval_s)
    count = 0
    for opens, closes in window.openings(origin + first * step, origin + last * step):
        begin, end = (ceil((moment - origin) / step) for moment in (opens, closes))
        count += max(0, min(end, last) - max(begin, first))
    return count


def text_of(job: Job) -> str:
    """The job as it is kept."""
    dates = {"started_at": job.started_at.isoformat(), "saved_at": job.saved_at.isoformat()}
    return json.dumps({**asdict(job), **dates})


def job_of(text: str) -> Job:
    """:raises ValueError: when it is not what `text_of` made."""
    try:
        values = json.loads(text)
        dates = {name: datetime.fromisoformat(values[name]).astimezone(UTC) for name in ("started_at", "saved_at")}
        return Job(**{**values, **dates, "wish": Wish(**values["wish"])})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a timelapse: {error}") from error


def saved(job: Job, elapsed_s: float, now: datetime) -> Job:
    """The job with the time it was last known to run."""
    return replace(job, elapsed_s=elapsed_s, saved_at=now)


def state_of(job: Job, elapsed_s: float, now: datetime, opens_at: datetime | None, reason: str | None) -> LapseState:
    """What a job that runs is doing.

    :param elapsed_s: since its turn 0.
    :param opens_at: when its part of the day begins next; None while it is open.
    """
    wish = job.wish
    next_at = now + timedelta(seconds=max(0.0, job.turn * wish.interval_s - elapsed_s))
    ends_at = None if wish.duration_s is None else now + timedelta(seconds=wish.duration_s - elapsed_s)
    if opens_at is not None:
        next_at = max(next_at, opens_at)
    return LapseState(True, wish, job.shots, job.missed, job.started_at, next_at, ends_at, reason)
