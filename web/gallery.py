"""The pages of the media library: gallery and database; whole without scripts, up to date with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from apiflask import APIBlueprint
from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from errors import BadField, NoSuchItem
from store.accounts import Role
from store.media import Filter, Kind, Media, Order, cursor_before, cursor_of
from web.context import Context, context
from web.guard import needs
from web.retention_words import rules
from web.words import count_text, day_text, label_text, length_text, size_text

PER_PAGE = 60
PER_TABLE = 100
SEE_OTHER = 303
WORDS = {
    "count_text": count_text,
    "label_text": label_text,
    "length_text": length_text,
    "moment": lambda text: datetime.fromisoformat(text).astimezone(),
    "size_text": size_text,
}
PANELS = frozenset({"confirm", "player", "timelapse"})

blueprint = APIBlueprint("gallery", __name__, enable_openapi=False)


@dataclass(frozen=True)
class Asked:
    """What the address of the gallery asks for.

    :ivar first_day, last_day: both included, as the person's calendar has them; None is without end.
    :ivar cursor: where a page that is not the first begins.
    :ivar item_id: the item that is to be opened.
    """

    kind: Kind | None = None
    first_day: date | None = None
    last_day: date | None = None
    text: str = ""
    cursor: str | None = None
    item_id: int | None = None

    @classmethod
    def of(cls, args: MultiDict[str, str]) -> Asked:
        """:raises BadField: for a value that is none of its kind."""
        return cls(
            _asked_kind(args.get("kind")), _asked_day(args, "from"), _asked_day(args, "to"),
            args.get("text", "").strip(), args.get("cursor") or None, _asked_number(args.get("item")),
        )  # fmt: skip

    @property
    def filter(self) -> Filter:
        """The same for the library; days are those of this machine."""
        before = None if self.last_day is None else self.last_day + timedelta(days=1)
        return Filter(self.kind, _midnight(self.first_day), _midnight(before), self.text or None)

    @property
    def is_narrowed(self) -> bool:
        return self.filter != Filter()

    @property
    def days_text(self) -> str:
        """The days in words."""
        if self.first_day is None and self.last_day is None:
            return "Any day"
        if self.first_day == self.last_day:
            return str(self.first_day)
        if self.first_day is None:
            return f"until {self.last_day}"
        return f"from {self.first_day}" if self.last_day is None else f"{self.first_day} to {self.last_day}"

    def url(self, **changes: Any) -> str:
        """The address of the gallery that asks for the same but for `changes`."""
        wanted = replace(self, cursor=None, item_id=None)
        wanted = replace(wanted, **changes)
        days = {"from": wanted.first_day, "to": wanted.last_day}
        named = {"kind": wanted.kind, **days, "text": wanted.text, "cursor": wanted.cursor, "item": wanted.item_id}
        values: dict[str, Any] = {name: str(value) for name, value in named.items() if value}
        return url_for("gallery.index", **values)


@blueprint.get("/gallery")
@needs(Role.VIEWER)
def index() -> str:
    """The gallery: one page of the library, newest first, and perhaps one item opened."""
    asked, here = Asked.of(request.args), context()
    opened, notice = _opened(here, asked)
    page = here.rig.library.page(asked.filter, asked.cursor, PER_PAGE)
    start = asked.cursor
    if opened is not None and start is None and opened.id not in {media.id for media in page.items}:
        start = cursor_before(opened)
        page = here.rig.library.page(asked.filter, start, PER_PAGE)
    summary = here.shelf.library_out().model_dump()
    return render_template(
        "gallery.html",
        asked=asked,
        days=list(_days(page.items)),
        opened=opened and _opened_out(here, asked, opened),
        notice=notice,
        start=start,
        next=page.next,
        summary=summary,
        total=_total(summary),
        rules=rules(here.rig.settings.retention, summary["disk"]["floor_bytes"]),
        **WORDS,
    )


@blueprint.post("/gallery/shoot")
@needs(Role.OPERATOR)
def shoot() -> ResponseReturnValue:
    """Photo, record or end, for who has no scripts; goes on to what came of it."""
    here, what = context(), request.form.get("what", "")
    if what == "photo":
        media = here.rig.photographer.take(None, None, g.account.id)
        return redirect(url_for("gallery.index", item=media.id), SEE_OTHER)
    if what == "record":
        here.rig.start_recording("", g.account.id)
        return redirect(url_for("live.index"), SEE_OTHER)
    if what != "end":
        raise BadField("what", f"what {what[:40]!r} is none of photo, record, end")
    media_id = here.rig.clips.item_of(here.rig.recorder.stop())
    return redirect(url_for("gallery.index", item=media_id), SEE_OTHER)


@blueprint.get("/gallery/panel/<name>")
@needs(Role.VIEWER)
def panel(name: str) -> str:
    """A part of a page that is fetched when it is first wanted.

    :raises NoSuchItem: when there is none of that name.
    """
    if name not in PANELS:
        raise NoSuchItem(f"there is no panel {name[:40]!r}")
    return render_template(f"panels/{name}.html", timelapse=context().rig.settings.timelapse, camera=_camera_size())


@blueprint.get("/database")
@needs(Role.ADMIN)
def database() -> str:
    """The table editor."""
    here = context()
    order, is_descending = _asked_order(request.args.get("sort")), request.args.get("way", "down") != "up"
    summary = here.shelf.library_out().model_dump()
    count = _total(summary)["count"]
    last = max(1, -(-count // PER_TABLE))
    number = min(_asked_number(request.args.get("page")) or 1, last)
    rows = here.rig.library.table(order, is_descending, (number - 1) * PER_TABLE, PER_TABLE)
    return render_template(
        "database.html",
        rows=_items_out(here, rows),
        order=order, is_descending=is_descending, orders=list(Order), number=number, last=last,
        summary=summary, total=_total(summary), folder=here.rig.folder.root,
        **WORDS,
    )  # fmt: skip


def _opened(here: Context, asked: Asked) -> tuple[Media | None, str]:
    """The item that is to be opened, or why it is not."""
    if asked.item_id is None:
        return None, ""
    try:
        return here.rig.library.get(asked.item_id), ""
    except NoSuchItem:
        return None, f"Item {asked.item_id} is not in the library any more."


def _opened_out(here: Context, asked: Asked, media: Media) -> dict[str, Any]:
    """The opened item, and the addresses of its neighbours for who has no scripts."""
    library = here.rig.library
    newer = library.newer(media, asked.filter)
    older = library.page(asked.filter, cursor_of(media), 1).items
    return {
        "item": _items_out(here, [media])[0],
        "newer_url": newer and asked.url(item_id=newer.id),
        "older_url": asked.url(item_id=older[0].id) if older else None,
    }


def _days(items: Sequence[Media]) -> Iterator[dict[str, Any]]:
    """Items by the day they were shot, in this machine's time zone."""
    here, today = context(), datetime.now().astimezone().date()
    for day, found in groupby(items, lambda media: media.date.astimezone().date()):
        yield {"day": day, "title": day_text(day, today), "items": _items_out(here, list(found))}


def _items_out(here: Context, items: Sequence[Media]) -> list[dict[str, Any]]:
    """Items as the API gives them."""
    return [item.model_dump(mode="json") for item in here.shelf.items_out(tuple(items))]


def _total(summary: dict[str, Any]) -> dict[str, int]:
    """All kinds together."""
    kinds = summary["totals"].values()
    return {name: sum(kind[name] for kind in kinds) for name in ("count", "size_bytes")}


def _camera_size() -> tuple[int, int]:
    camera = context().rig.settings.camera
    return camera.width, camera.height


def _midnight(day: date | None) -> datetime | None:
    """The moment a day begins on this machine."""
    return None if day is None else datetime.combine(day, time()).astimezone(UTC)


def _asked_kind(text: str | None) -> Kind | None:
    try:
        return Kind(text) if text else None
    except ValueError:
        raise BadField("kind", f"kind {str(text)[:40]!r} is none of {', '.join(Kind)}") from None


def _asked_day(args: MultiDict[str, str], name: str) -> date | None:
    text = args.get(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadField(name, f"{name} {str(text)[:40]!r} is not a day such as 2026-11-21") from None


def _asked_number(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18) or text == "0":
        raise BadField("number", f"{text[:40]!r} is not a number from 1 on")
    return int(text)


def _asked_order(text: str | None) -> Order:
    try:
        return Order(text or "date")
    except ValueError:
        raise BadField("sort", f"sort {str(text)[:40]!r} is none of {', '.join(Order)}") from None
