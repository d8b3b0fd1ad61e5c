"""What a request asks of the media library, in its address."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import request

from errors import BadField
from store.media import Filter, Kind

PAGE_ITEMS = 60
MOST_PER_ZIP = 500


def asked_filter() -> Filter:
    """What of the library a request means."""
    args = request.args
    return Filter(
        kind_of(args.get("kind", "")), date_of(args.get("since"), "since"), date_of(args.get("before"), "before"),
        args.get("text") or None,
    )  # fmt: skip


def asked_limit() -> int:
    """How many items a request wants; the library knows the bounds."""
    limit = asked_number("limit")
    return PAGE_ITEMS if limit is None else limit


def asked_number(name: str) -> int | None:
    """A whole number in the address; None when it is not there.

    :raises BadField: when it is none, or longer than any number of ours.
    """
    text = request.args.get(name, "")
    if text and not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise BadField(name, f"{name} {text[:20]!r} is not a whole number")
    return int(text) if text else None


def asked_ids() -> list[int]:
    """The item numbers in `?ids=`.

    :raises BadField: when they are no numbers, or too many.
    """
    words = [word for word in request.args.get("ids", "").split(",") if word]
    if not 1 <= len(words) <= MOST_PER_ZIP:
        raise BadField("ids", f"ids names {len(words)} items; 1..{MOST_PER_ZIP} can be had at once")
    for word in words:
        if not (word.isascii() and word.isdecimal() and len(word) < 16):
            raise BadField("ids", f"ids {word[:20]!r} is not the number of an item")
    return [int(word) for word in words]


def date_of(text: str | None, field: str = "date") -> datetime | None:
    """A moment in ISO 8601; local time unless it says otherwise.

    :raises BadField: when it is none, or one no calendar here has.
    """
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadField(
            field, f"{field} {text[:40]!r} is not a date such as 2026-11-21 or 2026-11-21T14:05:00"
        ) from None


def kind_of(text: str) -> Kind | None:
    """The kind a word stands for; None for all.

    :raises BadField: when there is no such kind.
    """
    if text in ("", "all"):
        return None
    try:
        return Kind(text)
    except ValueError:
        raise BadField("kind", f"kind {text[:20]!r} is none of all, {', '.join(Kind)}") from None
