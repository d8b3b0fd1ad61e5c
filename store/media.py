"""What the media library is about: kinds, items, pages of them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from errors import BadField


class Kind(StrEnum):
    """What an item is; `folder` is where in the media folder its file lies."""

    PHOTO = "photo"
    VIDEO = "video"
    TIMELAPSE = "timelapse"

    @property
    def folder(self) -> str:
        return {"photo": "photos", "video": "videos", "timelapse": "timelapse"}[self.value]


@dataclass(frozen=True)
class Facts:
    """What a file itself tells: size of the picture in pixels; for films the length and the number of pictures.

    :ivar expires_at: until when it was to be kept, whatever [retention] says; None when it does not say.
    """

    width_px: int
    height_px: int
    duration_s: float | None = None
    frames: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Found:
    """A file in the folder of its kind that may become an item; `date` is that of the file, UTC.

    :ivar expires_at: when it is to go, whatever [retention] says.
    """

    kind: Kind
    filename: str
    size_bytes: int
    date: datetime
    facts: Facts
    expires_at: datetime | None = None


@dataclass(frozen=True)
class NewRow:
    """What table media is to say of an item that we made or took over.

    :ivar date: when it was shot.
    :ivar dropped: pictures that were lost while recording.
    :ivar account_id: who made it, and `parent_id`: the item it was made of; noted if still there.
    :ivar folder: where in `partial/` its segments lie while it is not a film yet; None for what is ready.
    :ivar expires_at: when it is to go, whatever [retention] says.
    """

    filename: str
    kind: Kind
    date: datetime
    size_bytes: int
    facts: Facts
    dropped: int = 0
    account_id: int | None = None
    parent_id: int | None = None
    folder: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Media:
    """One row of the library.

    :ivar date: when it was shot, UTC.
    :ivar dropped: pictures that were lost while recording.
    :ivar ready: False while it is still segments in `partial/<folder>`, not yet a film.
    :ivar fault: why it did not become a film; None when it did or still may.
    :ivar expires_at: when it goes, whatever [retention] says, UTC; None follows [retention] alone.
    """

    id: int
    filename: str
    kind: Kind
    date: datetime
    size_bytes: int
    width_px: int
    height_px: int
    duration_s: float | None
    frames: int | None
    dropped: int
    protected: bool
    ready: bool
    folder: str | None
    fault: str | None
    account_id: int | None
    parent_id: int | None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Page:
    """Some items, newest first; `next` is the cursor of the following page, None at the end."""

    items: tuple[Media, ...]
    next: str | None


@dataclass(frozen=True)
class Total:
    """How many items of a kind there are, and how large they are together."""

    count: int
    size_bytes: int


class Order(StrEnum):
    """By what the rows of a table are sorted; `column` is what SQL calls it."""

    DATE = "date"
    NAME = "name"
    KIND = "kind"
    SIZE = "size"
    LENGTH = "length"

    @property
    def column(self) -> str:
        columns = {"name": "filename COLLATE NOCASE", "size": "size_bytes", "length": "duration_s"}
        return columns.get(self.value, self.value)


@dataclass(frozen=True)
class Filter:
    """Which items of the library are meant; everything None means all.

    :ivar since: shot at this moment or later.
    :ivar before: shot earlier than this moment.
    :ivar text: the file name contains this, whatever its case.
    """

    kind: Kind | None = None
    since: datetime | None = None
    before: datetime | None = None
    text: str | None = None


def text_of(date: datetime) -> str:
    """A moment as the database keeps it: `2026-11-21T14:05:09.123Z`, which sorts as time does."""
    return date.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def media_of(row: sqlite3.Row) -> Media:
    """The item in one row of table media."""
    values = dict(zip(row.keys(), tuple(row), strict=True))
    flags = {name: bool(values[name]) for name in ("protected", "ready")}
    dates = {name: datetime.fromisoformat(text) for name in ("date", "expires_at") if (text := values[name])}
    return Media(**{**values, **flags, **dates, "kind": Kind(values["kind"])})


def cursor_of(media: Media) -> str:
    """The place of an item in the order of pages."""
    return f"{text_of(media.date)}_{media.id}"


def cursor_before(media: Media) -> str:
    """The cursor of a page that begins with this item."""
    return f"{text_of(media.date)}_{media.id + 1}"


def place_of(cursor: str) -> tuple[str, int]:
    """Date and id that a cursor stands for.

    :raises BadField: when it is none of ours.
    """
    date, _, number = cursor.partition("_")
    try:
        return text_of(datetime.fromisoformat(date)), int(number)
    except ValueError:
        raise BadField("cursor", f"cursor {cursor[:40]!r} is not one this program gave") from None
