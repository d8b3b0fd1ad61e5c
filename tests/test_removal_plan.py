"""What goes and what stays: the rules of [retention] on paper."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.removal_plan import (
    GB,
    Aged,
    Limits,
    Upcoming,
    floor_of,
    for_room,
    gb,
    in_order,
    limits_of,
    over_limits,
    upcoming,
)
from settings import RetentionSettings
from store.media import Kind, Media, Total

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def media(number: int, age: timedelta, size_bytes: int = 100) -> Media:
    return Media(
        number, f"{number}.jpg", Kind.PHOTO, NOW - age, size_bytes, 64, 48, None, None, 0, False, True, None, None,
        None, None,
    )  # fmt: skip


def aged(*ages_days: float) -> list[Aged]:
    return [Aged(item, item.date) for item in (media(n, days * DAY) for n, days in enumerate(ages_days, 1))]


def gone(items: list[Aged], limits: Limits, total: Total | None = None) -> list[int]:
    total = total or Total(len(items), sum(item.media.size_bytes for item in items))
    return [one.media.id for one in over_limits(items, total, Kind.PHOTO, limits, NOW)]


@pytest.mark.parametrize(
    ("total_gb", "floor_gb"),
    [(4, 0.4), (10, 1), (16, 1), (1000, 1)],
)
def test_floor_is_one_gb_or_ten_per_cent_whichever_is_less(total_gb: float, floor_gb: float) -> None:
    assert floor_of(RetentionSettings(), round(total_gb * GB)) == round(floor_gb * GB)


@pytest.mark.parametrize("off", [{"min_free_gb": 0}, {"min_free_percent": 0}])
def test_zero_switches_the_floor_off(off: dict[str, float]) -> None:
    assert floor_of(RetentionSettings(**off), 10**12) == 0


def test_limits_come_from_the_settings_and_zero_is_none() -> None:
    settings = RetentionSettings(photo_days=1.5, video_count=7, timelapse_gb=0.5)
    assert limits_of(settings, Kind.PHOTO) == Limits(age=timedelta(hours=36))
    assert limits_of(settings, Kind.VIDEO) == Limits(count=7)
    assert limits_of(settings, Kind.TIMELAPSE) == Limits(size_bytes=GB // 2)


def test_nothing_goes_without_limits() -> None:
    assert gone(aged(10000, 1), Limits()) == []


def test_an_item_goes_in_the_moment_it_reaches_its_age() -> None:
    minute = 1 / 1440
    assert gone(aged(1 + minute, 1, 1 - minute / 60), Limits(age=DAY)) == [1, 2]


def test_so_many_of_the_oldest_go_that_the_count_is_kept() -> None:
    assert gone(aged(5, 4, 3, 2, 1), Limits(count=3)) == [1, 2]
    assert gone(aged(5, 4, 3), Limits(count=3)) == []


def test_so_many_of_the_oldest_go_that_the_size_is_kept() -> None:
    assert gone(aged(5, 4, 3, 2, 1), Limits(size_bytes=250)) == [1, 2, 3]
    assert gone(aged(5, 4, 3), Limits(size_bytes=300)) == []


def test_rules_work_together_and_each_says_its_name() -> None:
    items = aged(9, 4, 3, 2, 1)
    found = over_limits(items, Total(5, 500), Kind.PHOTO, Limits(age=5 * DAY, count=3, size_bytes=200), NOW)
    assert [one.why.split("] ")[1] for one in found] == ["photo_days)", "photo_count)", "photo_gb)"]


def test_total_counts_what_is_not_listed_too() -> None:
    assert gone(aged(5, 4, 3), Limits(count=1000), Total(1002, 10**6)) == [1, 2]


def test_room_is_made_by_the_oldest_and_by_no_more_than_is_needed() -> None:
    items = aged(1, 5, 3)
    assert [one.media.id for one in for_room(items, 101)] == [2, 3]
    assert [one.media.id for one in for_room(items, 100)] == [2]
    assert for_room(items, 0) == []
    assert len(for_room(items, 10**9)) == 3


def test_items_dated_ahead_of_a_clock_that_was_set_back_stand_where_they_were_added() -> None:
    """After the clock was set back an hour the newest photo had the lowest date, and would have gone first."""
    hour = timedelta(hours=1)
    old, ahead = media(1, 2 * hour), [media(2, -hour * 0.9), media(3, -hour)]
    new = media(4, timedelta(minutes=1))
    found = in_order([old, new], ahead, [(4, new.date)], NOW)
    assert [item.media.id for item in found] == [1, 2, 3, 4]
    assert [item.shot_at for item in found[1:3]] == [new.date, new.date]


def test_items_from_the_future_are_as_old_as_now_while_nothing_follows_them() -> None:
    found = in_order([], [media(2, -400 * DAY)], [], NOW)
    assert found[0].shot_at == NOW
    assert gone(found, Limits(age=DAY)) == []


def test_an_old_file_added_today_counts_by_its_date() -> None:
    assert [item.media.id for item in in_order([media(9, 900 * DAY), media(1, DAY)], [], [], NOW)] == [9, 1]


def heads(**ages_days: float) -> dict[Kind, Aged]:
    return {Kind(kind): aged(days)[0] for kind, days in ages_days.items()}


NONE = dict.fromkeys(Kind, Limits())
EMPTY = dict.fromkeys(Kind, Total(0, 0))


def test_next_is_what_reaches_its_age_first() -> None:
    found = upcoming(
        heads(photo=1, video=3), EMPTY, {**NONE, Kind.PHOTO: Limits(2 * DAY), Kind.VIDEO: Limits(9 * DAY)}, 1
    )
    assert isinstance(found, Upcoming)
    assert found.at == NOW + DAY
    assert "it is then 2 days old ([retention] photo_days)" in found.why


def test_next_without_ages_is_the_oldest_of_a_kind_at_its_bound_else_the_oldest_of_all() -> None:
    both = heads(photo=1, video=3)
    full = {**EMPTY, Kind.PHOTO: Total(5, 500)}
    at_bound = upcoming(both, full, {**NONE, Kind.PHOTO: Limits(count=5)}, GB)
    assert (at_bound.media, at_bound.at) == (both[Kind.PHOTO].media, None)
    short = upcoming(both, full, NONE, GB)
    assert (short.media, short.why) == (both[Kind.VIDEO].media, "less than 1 GB of the disk are free")
    assert upcoming(both, full, NONE, 0) is None
    assert upcoming({}, EMPTY, NONE, GB) is None


@pytest.mark.parametrize(("size_bytes", "text"), [(0, "0 MB"), (340_000_000, "340 MB"), (1_250_000_000, "1.25 GB")])
def test_sizes_are_said_in_round_figures(size_bytes: int, text: str) -> None:
    assert gb(size_bytes) == text
