"""Windows of the day: by the clock, over midnight, by the sun, through the change of summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from errors import BadField
from jobs.sun import Place
from jobs.window import Window, window_of

BERLIN = ZoneInfo("Europe/Berlin")
BERLIN_PLACE = Place(52.52, 13.40)
TROMSO = Place(69.65, 18.96)
OSLO_TIME = ZoneInfo("Europe/Oslo")
SECOND = timedelta(seconds=1)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def window(begin: str, end: str, place: Place | None = None, zone: ZoneInfo = BERLIN) -> Window:
    found = window_of(begin, end, place, zone)
    assert found is not None
    return found


def test_window_is_open_from_its_first_moment_until_just_before_its_last() -> None:
    day = window("06:30", "21:00")
    edges = {"06:29:59": False, "06:30:00": True, "20:59:59": True, "21:00:00": False}
    assert {text: day.is_open(berlin(f"2026-06-01T{text}")) for text in edges} == edges


def test_window_over_midnight_is_open_on_both_sides_of_it() -> None:
    night = window("22:00", "05:00")
    edges = {
        "21:59:59": False,
        "22:00:00": True,
        "23:59:59": True,
        "00:00:00": True,
        "04:59:59": True,
        "05:00:00": False,
    }
    assert {text: night.is_open(berlin(f"2026-06-01T{text}")) for text in edges} == edges


def test_next_opening_is_now_or_today_or_tomorrow() -> None:
    day = window("06:00", "21:00")
    assert day.next_opening(berlin("2026-06-01T12:00")) == berlin("2026-06-01T12:00")
    assert day.next_opening(berlin("2026-06-01T03:00")) == berlin("2026-06-01T06:00")
    assert day.next_opening(berlin("2026-06-01T22:00")) == berlin("2026-06-02T06:00")


def test_wall_clock_counts_through_the_change_to_summer_time() -> None:
    """In the night to 29 March 2026 Berlin's clocks skip from 2 to 3: the window still opens at 6 by the clock."""
    day = window("06:00", "07:00")
    assert day.is_open(datetime(2026, 3, 28, 5, 30, tzinfo=UTC))
    assert not day.is_open(datetime(2026, 3, 29, 5, 30, tzinfo=UTC))
    assert day.is_open(datetime(2026, 3, 29, 4, 30, tzinfo=UTC))


def test_times_that_the_clock_skips_or_repeats_make_no_hole() -> None:
    skipped = window("02:30", "04:00")
    ((opens, closes),) = list(skipped.openings(berlin("2026-03-29T00:00"), berlin("2026-03-29T12:00")))
    assert opens <= closes == berlin("2026-03-29T04:00")
    repeated = window("02:30", "04:00")
    ((opens, closes),) = list(repeated.openings(berlin("2026-10-25T00:00"), berlin("2026-10-25T12:00")))
    assert closes - opens == timedelta(hours=2, minutes=30), "half past two comes twice; the first one counts"


def test_openings_of_a_week_are_seven() -> None:
    found = list(window("22:00", "05:00").openings(berlin("2026-06-01T12:00"), berlin("2026-06-08T12:00")))
    assert len(found) == 7
    assert all(closes - opens == timedelta(hours=7) for opens, closes in found)


def test_daylight_opens_at_sunrise_and_closes_at_sunset() -> None:
    """Berlin, 1 June: sunrise 4:48, sunset 21:20 (timeanddate.com); the night is what is left."""
    day, night = window("sunrise", "sunset", BERLIN_PLACE), window("sunset", "sunrise", BERLIN_PLACE)
    for text, is_day in {
        "04:44": False,
        "04:52": True,
        "12:00": True,
        "21:16": True,
        "21:24": False,
        "23:59": False,
    }.items():
        moment = berlin(f"2026-06-01T{text}")
        assert (day.is_open(moment), night.is_open(moment)) == (is_day, not is_day), text


def test_clock_and_sun_can_be_mixed() -> None:
    evening = window("18:00", "sunset", BERLIN_PLACE)
    assert evening.is_open(berlin("2026-06-01T21:10"))
    assert not evening.is_open(berlin("2026-06-01T21:30"))
    morning = window("22:00", "sunrise", BERLIN_PLACE)
    assert morning.is_open(berlin("2026-06-01T04:00"))
    assert not morning.is_open(berlin("2026-06-01T05:00"))


@pytest.mark.parametrize(("text", "is_light"), [("2026-06-21", True), ("2026-12-21", False)])
def test_polar_day_is_all_day_and_polar_night_all_night(text: str, is_light: bool) -> None:
    day, night = (window(*ends, TROMSO, OSLO_TIME) for ends in (("sunrise", "sunset"), ("sunset", "sunrise")))
    midnight = datetime.fromisoformat(text).replace(tzinfo=OSLO_TIME)
    open_hours = [hour for hour in range(24) if day.is_open(midnight + timedelta(hours=hour))]
    assert open_hours == (list(range(24)) if is_light else [])
    dark_hours = [hour for hour in range(24) if night.is_open(midnight + timedelta(hours=hour))]
    assert dark_hours == ([] if is_light else list(range(24)))


def test_window_that_is_closed_for_months_says_when_it_opens() -> None:
    """The sun comes back to Tromsø in the middle of January."""
    opens = window("sunrise", "sunset", TROMSO, OSLO_TIME).next_opening(datetime(2026, 12, 1, tzinfo=UTC))
    assert opens is not None
    assert datetime(2027, 1, 12, tzinfo=UTC) < opens < datetime(2027, 1, 19, tzinfo=UTC)


def test_no_window_is_the_whole_day() -> None:
    assert window_of(None, None, None) is None


@pytest.mark.parametrize(
    ("begin", "end", "field"),
    [
        ("06:00", None, "until"), (None, "06:00", "from"), ("6:00", "21:00", "from"), ("06:00", "24:00", "until"),
        ("noon", "21:00", "from"), ("06:00", "06:00", "until"), ("06:60", "21:00", "from"),
        ("06:00\n", "21:00", "from"), ("", "21:00", "from"), ("sunset", "sunset", "until"),
    ],
)  # fmt: skip
def test_windows_that_make_no_sense_are_refused(begin: str | None, end: str | None, field: str) -> None:
    with pytest.raises(BadField) as refused:
        window_of(begin, end, BERLIN_PLACE)
    assert refused.value.field == field


def test_sun_needs_a_place() -> None:
    with pytest.raises(BadField, match="latitude_deg"):
        window_of("sunrise", "21:00", None)


def test_window_by_this_machines_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        found = Window("06:00", "07:00")
        assert found.is_open(datetime(2026, 6, 1, 21, 30, tzinfo=UTC))
        assert not found.is_open(datetime(2026, 6, 1, 6, 30, tzinfo=UTC))
    finally:
        monkeypatch.undo()
        time.tzset()
