"""Sunrise and sunset against published tables; polar day and night."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from jobs.sun import Place, daylight

LONDON = Place(51.5074, -0.1278)
SUNDSVALL = Place(62.392, 17.290)
OSTERSUND = Place(63.178, 14.635)
TROMSO = Place(69.5, 19.0)
WELLINGTON = Place(-41.29, 174.78)
CET = timezone(timedelta(hours=1))
ALLOWED = timedelta(minutes=2)
MINUTE = timedelta(minutes=1)

# timeanddate.com/sun/uk/london, December 2015; stjarnhimlen.se, 2001 and 2021 (P. Schlyter); US Naval Observatory,
# Sun and Moon Data for One Day, Tromsø 2014; timeanddate.com, Wellington 2020.
PUBLISHED = [
    (LONDON, UTC, date(2015, 1, 1), "08:06", "16:01"),
    (LONDON, UTC, date(2015, 12, 1), "07:43", "15:55"),
    (LONDON, UTC, date(2015, 12, 12), "07:56", "15:51"),
    (LONDON, UTC, date(2015, 12, 25), "08:05", "15:55"),
    (SUNDSVALL, CET, date(2001, 1, 1), "09:18", "14:31"),
    (SUNDSVALL, CET, date(2001, 1, 8), "09:11", "14:45"),
    (SUNDSVALL, CET, date(2001, 1, 15), "08:59", "15:02"),
    (OSTERSUND, CET, date(2021, 1, 1), "09:39", "14:32"),
    (OSTERSUND, CET, date(2021, 1, 17), "09:13", "15:11"),
    (TROMSO, CET, date(2014, 4, 1), "04:50", "18:49"),
    (TROMSO, CET, date(2014, 4, 30), "02:29", "20:58"),
    (TROMSO, CET, date(2014, 5, 17), "00:29", "23:06"),
    (WELLINGTON, ZoneInfo("Pacific/Auckland"), date(2020, 2, 11), "06:38", "20:31"),
]
# aa.quae.nl, "The Position of the Sun: Tables", table 1: sunrise on 1 January 2002 at longitude 0, by latitude.
SUNRISES = {-64: "01:43", -60: "02:43", -50: "03:55", -40: "04:35", -34: "04:52", -20: "05:24", 0: "06:00", 10: "06:17",
            20: "06:35", 30: "06:56", 40: "07:22", 50: "07:59"}  # fmt: skip


def at(day: date, text: str, zone: tzinfo) -> datetime:
    return datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=zone)


@pytest.mark.parametrize(("place", "zone", "day", "sunrise", "sunset"), PUBLISHED)
def test_sunrise_and_sunset_are_those_of_published_tables(
    place: Place, zone: tzinfo, day: date, sunrise: str, sunset: str
) -> None:
    found = daylight(day, place, zone)
    assert abs(found.sunrise - at(day, sunrise, zone)) <= ALLOWED
    assert abs(found.sunset - at(day, sunset, zone)) <= ALLOWED


@pytest.mark.parametrize(("latitude_deg", "sunrise"), SUNRISES.items())
def test_sunrise_is_right_at_every_latitude(latitude_deg: float, sunrise: str) -> None:
    day = date(2002, 1, 1)
    assert abs(daylight(day, Place(latitude_deg, 0), UTC).sunrise - at(day, sunrise, UTC)) <= ALLOWED


@pytest.mark.parametrize("day", [date(2014, 5, 19), date(2014, 6, 21), date(2014, 7, 24)])
def test_midnight_sun_is_a_day_of_24_hours_around_noon(day: date) -> None:
    """By the US Naval Observatory the sun over Tromsø rises on 18 May 2014 and sets on 25 July."""
    found = daylight(day, TROMSO, CET)
    assert found.sunset - found.sunrise == timedelta(hours=24)
    assert abs(found.sunrise + timedelta(hours=12) - at(day, "11:43", CET)) < 10 * MINUTE


def test_sun_sets_again_at_the_end_of_the_midnight_sun() -> None:
    day = date(2014, 7, 25)
    assert abs(daylight(day, TROMSO, CET).sunset - at(day, "23:20", CET)) <= ALLOWED


@pytest.mark.parametrize("place", [TROMSO, Place(90, 0), Place(78.2, 15.6)])
def test_polar_night_has_no_daylight(place: Place) -> None:
    found = daylight(date(2014, 12, 21), place, CET)
    assert found.sunrise == found.sunset


def test_poles_have_half_a_year_each() -> None:
    for latitude_deg, light, dark in ((90, 6, 12), (-90, 12, 6)):
        pole = Place(latitude_deg, 0)
        assert daylight(date(2026, light, 1), pole, UTC).sunset > daylight(date(2026, light, 1), pole, UTC).sunrise
        assert daylight(date(2026, dark, 1), pole, UTC).sunset == daylight(date(2026, dark, 1), pole, UTC).sunrise


def test_days_grow_into_the_midnight_sun_without_a_jump() -> None:
    lengths = []
    for number in range(365):
        found = daylight(date(2026, 1, 1) + timedelta(days=number), Place(69.65, 18.96), CET)
        lengths.append(found.sunset - found.sunrise)
    steps = [abs(later - sooner) for sooner, later in pairwise(lengths)]
    assert max(steps) < timedelta(minutes=110)
    assert min(lengths) == timedelta(0)
    assert max(lengths) == timedelta(hours=24)


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata"])
@pytest.mark.parametrize("longitude_deg", [179.9, -179.9, -150.0, 77.0])
def test_day_is_the_one_of_the_calendar_wherever_the_date_line_runs(zone: str, longitude_deg: float) -> None:
    there, day = ZoneInfo(zone), date(2026, 3, 20)
    found = daylight(day, Place(10, longitude_deg), there)
    noon = found.sunrise + (found.sunset - found.sunrise) / 2
    assert abs(noon - at(day, "12:00", there)) <= timedelta(hours=12, minutes=1)
