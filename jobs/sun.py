"""When the sun rises and sets at a place.

The formulae are those of NOAA's Solar Calculator (gml.noaa.gov/grad/solcalc/calcdetails.html), after Jean Meeus,
"Astronomical Algorithms", chapters 25 and 28; within a minute of published tables below 65 degrees of latitude, and
within some minutes where the sun grazes the horizon. Angles are in degrees, north and east positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import acos, asin, cos, degrees, floor, radians, sin, tan

# The sun's upper edge touches the horizon: half its disk and the usual refraction below 90 degrees.
ZENITH_DEG = 90.833
HALF_DAY = timedelta(hours=12)
J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """A point on the Earth."""

    latitude_deg: float
    longitude_deg: float


@dataclass(frozen=True)
class Daylight:
    """From sunrise to sunset, UTC.

    Where the sun does not set it is the whole day from one midnight of the sun to the next, where it does not rise
    both are noon; so days grow and shrink into those without a jump.
    """

    sunrise: datetime
    sunset: datetime


def daylight(day: date, place: Place, zone: tzinfo | None = None) -> Daylight:
    """Sunrise and sunset around the noon of the sun that is nearest to noon by the clock.

    :param zone: whose calendar `day` belongs to; None is that of this machine.
    """
    noon = _solar_noon(local(day, time(12), zone), place)
    half = _half_arc(noon, place)
    if half is None or half == HALF_DAY:
        return Daylight(noon, noon) if half is None else Daylight(noon - HALF_DAY, noon + HALF_DAY)
    return Daylight(_event(noon, -half, place), _event(noon, half, place))


def local(day: date, at: time, zone: tzinfo | None = None) -> datetime:
    """A time by the clock on a day, in UTC; of one that comes twice in autumn the first.

    :param zone: None is that of this machine.
    """
    naive = datetime.combine(day, at)
    return (naive.astimezone() if zone is None else naive.replace(tzinfo=zone)).astimezone(UTC)


def _event(noon: datetime, offset: timedelta, place: Place) -> datetime:
    """Sunrise (`offset` negative) or sunset; looked at again at the time found, for the sun moves meanwhile."""
    found = noon + offset
    for _ in range(3):
        half = _half_arc(found, place)
        if half is None or half == HALF_DAY:
            return found  # grazing: the sun's declination at the event is just past the last rise or set
        found = _solar_noon(noon, place, found) + (half if offset > timedelta(0) else -half)
    return found


def _solar_noon(near: datetime, place: Place, by: datetime | None = None) -> datetime:
    """When the sun crosses the meridian, within half a day of `near`, by the equation of time at `by`."""
    minutes = 720 - 4 * place.longitude_deg - _equation_of_time_min(by or near)
    midnight = datetime.combine(near.date(), time(0), UTC)
    noon = midnight + timedelta(minutes=minutes)
    return noon + timedelta(days=floor((near - noon) / timedelta(days=1) + 0.5))


def _half_arc(moment: datetime, place: Place) -> timedelta | None:
    """Half of the time the sun is up, if its declination stayed as it is; 12 hours when it does not set, None when it
    does not rise."""
    latitude, declination = radians(place.latitude_deg), radians(_declination_deg(moment))
    cosine = cos(radians(ZENITH_DEG)) / (cos(latitude) * cos(declination)) - tan(latitude) * tan(declination)
    if cosine >= 1:
        return None
    return HALF_DAY if cosine <= -1 else timedelta(minutes=4 * degrees(acos(cosine)))


def _declination_deg(moment: datetime) -> float:
    century = _century(moment)
    return degrees(asin(sin(radians(_obliquity_deg(century))) * sin(radians(_apparent_longitude_deg(century)))))


def _equation_of_time_min(moment: datetime) -> float:
    """How far a sundial is ahead of the clock, minutes."""
    century = _century(moment)
    longitude, anomaly = radians(_mean_longitude_deg(century)), radians(_mean_anomaly_deg(century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    y = tan(radians(_obliquity_deg(century) / 2)) ** 2
    return 4 * degrees(
        y * sin(2 * longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(2 * longitude)
        - y * y * sin(4 * longitude) / 2
        - 1.25 * eccentricity**2 * sin(2 * anomaly)
    )


def _century(moment: datetime) -> float:
    """Julian centuries since J2000.0."""
    return (moment - J2000) / timedelta(days=36525)


def _mean_longitude_deg(century: float) -> float:
    return (280.46646 + century * (36000.76983 + 0.0003032 * century)) % 360


def _mean_anomaly_deg(century: float) -> float:
    return 357.52911 + century * (35999.05029 - 0.0001537 * century)


def _apparent_longitude_deg(century: float) -> float:
    anomaly = radians(_mean_anomaly_deg(century))
    centre = (
        sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + sin(3 * anomaly) * 0.000289
    )
    return _mean_longitude_deg(century) + centre - 0.00569 - 0.00478 * sin(radians(125.04 - 1934.136 * century))


def _obliquity_deg(century: float) -> float:
    mean = 23 + (26 + (21.448 - century * (46.815 + century * (0.00059 - 0.001813 * century))) / 60) / 60
    return mean + 0.00256 * cos(radians(125.04 - 1934.136 * century))
