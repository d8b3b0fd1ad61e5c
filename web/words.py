"""Sizes, lengths and days in words, as the pages show them. The same words are in
`static/js/media-words.js` and `library-words.js`."""

from __future__ import annotations

import re
from datetime import date, timedelta

MADE_UP_NAME = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d+)?\.\w+")
UNITS = ("bytes", "kB", "MB", "GB", "TB")


def size_text(size_bytes: float) -> str:
    """`812 kB`, `1.2 MB`, `41.2 GB`: at most one decimal, and none from 100 on."""
    size, unit = float(size_bytes), 0
    while size >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    is_round = unit < 2 or size >= 99.95
    return f"{size:.0f} {UNITS[unit]}" if is_round else f"{size:.1f} {UNITS[unit]}"


def length_text(duration_s: float | None) -> str:
    """`0:24`, `12:05`, `1:02:03`; empty for what has no length."""
    if duration_s is None:
        return ""
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def day_text(day: date, today: date) -> str:
    """`Today`, `Yesterday`, `Saturday 21 November`; with the year when it is not this one."""
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    year = f" {day.year}" if day.year != today.year else ""
    return f"{day:%A} {day.day} {day:%B}{year}"


def count_text(count: int, one: str, many: str | None = None) -> str:
    """`1 photo`, `1,200 photos`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def label_text(filename: str, size_bytes: int) -> str:
    """What a tile says beside the time: the name somebody gave it, else its size."""
    return size_text(size_bytes) if MADE_UP_NAME.fullmatch(filename) else filename
