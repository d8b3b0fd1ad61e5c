"""Which items go, and why: pure functions on what the library holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from settings import RetentionSettings
from store.media import Kind, Media, Total

GB = 10**9
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Limits:
    """How much is kept of one kind; None is no limit."""

    age: timedelta | None = None
    count: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Aged:
    """An item and when it really was shot, as far as can be told (see `in_order`)."""

    media: Media
    shot_at: datetime


@dataclass(frozen=True)
class Upcoming:
    """What is removed next and why; `at` is None when it depends on what is kept until then."""

    media: Media
    why: str
    at: datetime | None


@dataclass(frozen=True)
class Doomed:
    """An item that is to go, and why, in words that follow "because"."""

    media: Media
    why: str


def limits_of(settings: RetentionSettings, kind: Kind) -> Limits:
    """The limits of [retention] for one kind."""
    days, count, size_gb = (getattr(settings, f"{kind.value}_{name}") for name in ("days", "count", "gb"))
    return Limits(timedelta(days=days) if days else None, count or None, round(size_gb * GB) if size_gb else None)


def floor_of(settings: RetentionSettings, total_bytes: int) -> int:
    """How many bytes of a disk of `total_bytes` must stay free."""
    return round(min(settings.min_free_gb * GB, settings.min_free_percent / 100 * total_bytes))


def in_order(
    past: Iterable[Media], ahead: Iterable[Media], later: Sequence[tuple[int, datetime]], now: datetime
) -> list[Aged]:
    """Items, oldest first.

    Something that bears a date still to come was shot before a clock that was ahead was set back. It is older than
    whatever was added after it, so it gets the date of the next item with a possible one; without such, that of now.

    :param past: items with possible dates, oldest first.
    :param ahead: items with dates after `now`, by rising number.
    :param later: number and date of the items with possible dates that were added after the first of `ahead`.
    """
    aged = [Aged(media, media.date) for media in past]
    place = 0
    for media in ahead:
        while place < len(later) and later[place][0] < media.id:
            place += 1
        aged.append(Aged(media, later[place][1] if place < len(later) else now))
    return sorted(aged, key=_age_of)


def over_limits(items: Iterable[Aged], total: Total, kind: Kind, limits: Limits, now: datetime) -> list[Doomed]:
    """The first of `items` that have to go so that the rest keeps the limits.

    :param items: what may be removed of one kind, oldest first; not necessarily all.
    :param total: how many there are in all, and how large.
    """
    doomed: list[Doomed] = []
    count, size_bytes = total.count, total.size_bytes
    for item in items:
        why = _why_over(item, Total(count, size_bytes), kind, limits, now)
        if why is None:
            break
        doomed.append(Doomed(item.media, why))
        count, size_bytes = count - 1, size_bytes - item.media.size_bytes
    return doomed


def for_room(items: Iterable[Aged], short_bytes: int) -> list[Doomed]:
    """The oldest of `items` whose removal frees `short_bytes`; all of them when that is not enough."""
    doomed: list[Doomed] = []
    for item in sorted(items, key=_age_of):
        if short_bytes <= 0:
            break
        doomed.append(Doomed(item.media, "the disk is short of room ([retention] min_free_gb, min_free_percent)"))
        short_bytes -= item.media.size_bytes
    return doomed


def upcoming(
    heads: Mapping[Kind, Aged], totals: Mapping[Kind, Total], limits: Mapping[Kind, Limits], floor_bytes: int
) -> Upcoming | None:
    """What goes next: by its age, else with the next item of its kind, else when the disk is short of room.

    :param heads: the oldest item of each kind that has one.
    """
    old = [
        Upcoming(item.media, f"it is then {age / DAY:g} days old ([retention] {kind}_days)", item.shot_at + age)
        for kind, item in heads.items()
        if (age := limits[kind].age) is not None
    ]
    if old:
        return min(old, key=lambda one: one.at or datetime.max.replace(tzinfo=UTC))
    for kind, item in heads.items():
        if _is_at_bound(totals[kind], limits[kind]):
            return Upcoming(item.media, f"the next {kind} is more than [retention] allows", None)
    oldest = min(heads.values(), key=_age_of, default=None)
    if oldest is None or not floor_bytes:
        return None
    return Upcoming(oldest.media, f"less than {gb(floor_bytes)} of the disk are free", None)


def gb(size_bytes: int) -> str:
    """`1.25 GB`, or `340 MB` below one."""
    return f"{size_bytes / GB:.3g} GB" if size_bytes >= GB else f"{size_bytes / 10**6:.3g} MB"


def _why_over(item: Aged, total: Total, kind: Kind, limits: Limits, now: datetime) -> str | None:
    if limits.age is not None and item.shot_at + limits.age <= now:
        return f"it is older than {limits.age / DAY:g} days ([retention] {kind}_days)"
    if limits.count is not None and total.count > limits.count:
        return f"there are more than {limits.count} of its kind ([retention] {kind}_count)"
    if limits.size_bytes is not None and total.size_bytes > limits.size_bytes:
        return f"its kind takes more than {gb(limits.size_bytes)} ([retention] {kind}_gb)"
    return None


def _is_at_bound(total: Total, limits: Limits) -> bool:
    is_full = limits.size_bytes is not None and total.size_bytes >= limits.size_bytes
    return is_full or (limits.count is not None and total.count >= limits.count)


def _age_of(item: Aged) -> tuple[datetime, int]:
    return item.shot_at, item.media.id
