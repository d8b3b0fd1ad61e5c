"""A part of the day, by the clock on the wall or by the sun; a new one every day, also over midnight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from errors import BadField
from jobs.sun import Place, daylight, local
from settings import TimelapseSettings

SUNRISE, SUNSET = "sunrise", "sunset"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """From one time of the day until another: `HH:MM` by this machine's clock, or `sunrise` and `sunset`.

    :ivar place: where the sun is looked at; None for windows without sun.
    :ivar zone: whose clock counts; None is that of this machine.
    """

    begin: str
    end: str
    place: Place | None = None
    zone: tzinfo | None = None

    def is_open(self, now: datetime) -> bool:
        """True from the first moment until just before the last one."""
        return any(opens <= now for opens, _ in self.openings(now, now))

    def next_opening(self, now: datetime) -> datetime | None:
        """`now` while it is open, else when it opens next; None when it does not within a year (a polar night)."""
        return next((max(now, opens) for opens, _ in self.openings(now, now + 366 * DAY)), None)

    def openings(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """(opens, closes) of every time it is open that ends after `since` and begins at `until` at the latest."""
        day = since.astimezone(self.zone).date() - 2 * DAY
        while day <= until.astimezone(self.zone).date() + DAY:
            opens, closes = self._on(day)
            if opens < closes and closes > since and opens <= until:
                yield opens, closes
            day += DAY

    def _on(self, day: date) -> tuple[datetime, datetime]:
        opens, closes = self._moment(self.begin, day), self._moment(self.end, day)
        is_day_of_sun = (self.begin, self.end) == (SUNRISE, SUNSET)
        return opens, closes if closes > opens or is_day_of_sun else self._moment(self.end, day + DAY)

    def _moment(self, text: str, day: date) -> datetime:
        if text not in (SUNRISE, SUNSET):
            return local(day, time.fromisoformat(text), self.zone)
        assert self.place is not None  # `window_of` sees to that
        found = daylight(day, self.place, self.zone)
        return found.sunrise if text == SUNRISE else found.sunset


def place_of(settings: TimelapseSettings) -> Place | None:
    """Where the turret stands, if somebody said so."""
    if settings.latitude_deg is None or settings.longitude_deg is None:
        return None
    return Place(settings.latitude_deg, settings.longitude_deg)


def window_of(begin: str | None, end: str | None, place: Place | None, zone: tzinfo | None = None) -> Window | None:
    """The window somebody asked for; None for the whole day.

    :raises BadField: when one end is missing or makes no sense, or the sun is meant and nobody knows where.
    """
    if begin is None and end is None:
        return None
    for field, text in (("from", begin), ("until", end)):
        if text is None:
            raise BadField(field, f"{field} is missing: a window has both ends")
        if text in (SUNRISE, SUNSET):
            if place is None:
                raise BadField(
                    field, f"{field} {text}: where the turret stands is not known; set [timelapse] latitude_deg and "
                    "longitude_deg in config.txt"
                )  # fmt: skip
        elif not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
            raise BadField(field, f"{field} {text[:20]!r} is neither a time such as 06:30 nor {SUNRISE} or {SUNSET}")
    if begin == end:
        raise BadField("until", f"until {end} is when it begins; leave both out for the whole day")
    assert begin is not None
    assert end is not None
    return Window(begin, end, place, zone)
