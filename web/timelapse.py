"""Timelapse over HTTP: begin, look, end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from apiflask import APIBlueprint
from flask import g, request
from pydantic import BaseModel, Field

from errors import NotRecording
from jobs.lapse import Wish
from store.accounts import Role
from store.media import Kind, Media
from web.context import Context, context
from web.guard import needs
from web.media_query import asked_number, date_of
from web.wish import Wish as Body

blueprint = APIBlueprint("timelapse", __name__, tag="Media")


class LapseWish(Body):
    """What to shoot. `from` and `until`, local time as HH:MM, or sunrise and sunset, are the part of the day; without
    them it is all day. Without `duration_s` it goes on until it is ended, without `keep_days` stills go when
    [retention] says so."""

    name: str | None = Field(None, max_length=100)
    interval_s: float
    duration_s: float | None = None
    begin: str | None = Field(None, alias="from")
    until: str | None = None
    width_px: int | None = None
    keep_stills: bool = True
    make_film: bool = False
    keep_days: float | None = None


class LapseOut(BaseModel):
    """What the timelapse does, or did last; `reason` says why the last still was missed.

    `rendering` is how much of its film is made, 0..1, null while none is being made; `film_id` is that film's item.
    """

    running: bool
    name: str | None
    interval_s: float | None
    shots: int
    missed: int
    started_at: datetime | None
    next_at: datetime | None
    ends_at: datetime | None
    reason: str | None
    rendering: float | None
    film_id: int | None


@blueprint.get("/api/timelapses")
@needs(Role.VIEWER)
@blueprint.output(LapseOut)
def timelapse() -> LapseOut:
    """What the timelapse does."""
    return lapse_out(context())


@blueprint.post("/api/timelapses")
@needs(Role.OPERATOR)
@blueprint.input(LapseWish, arg_name="wish")
@blueprint.output(LapseOut, status_code=201)
def start_timelapse(wish: LapseWish) -> LapseOut:
    """Begin; it goes on when everybody leaves, and over a restart."""
    here = context()
    here.rig.timelapse.start(
        Wish(
            interval_s=wish.interval_s,
            duration_s=wish.duration_s,
            name=(wish.name or "").strip() or None,
            begin=wish.begin,
            end=wish.until,
            width_px=wish.width_px,
            keep_stills=wish.keep_stills,
            make_film=wish.make_film,
            keep_days=wish.keep_days,
            account_id=g.account.id,
        )
    )
    return lapse_out(here)


@blueprint.delete("/api/timelapses/current")
@needs(Role.OPERATOR)
@blueprint.output(LapseOut)
def stop_timelapse() -> LapseOut:
    """End it; its film is made from what there is. While the film is made, end that: its stills are kept, and it can
    be tried again.

    `started_at` ends the timelapse that began then and nothing else: one that has just ended by itself keeps its film.
    `film_id` ends the making of that film and nothing else. Without either it is what goes on by the time this comes.
    """
    here = context()
    film_id, started_at = asked_number("film_id"), date_of(request.args.get("started_at"), "started_at")
    if film_id is not None:
        _cancel(here, film_id)
    elif started_at is not None:
        here.rig.timelapse.stop(started_at)
    else:
        _stop_what_goes_on(here)
    return lapse_out(here)


def lapse_out(here: Context) -> LapseOut:
    """The timelapse's state as it goes over the wire; callable outside of a request."""
    state, film = here.rig.timelapse.state, _film_of(here)
    making = here.rig.conversions.state
    progress = making.progress if film is not None and making.folder and making.folder.name == film.folder else 0.0
    return LapseOut(
        running=state.is_running,
        name=state.wish and state.wish.name,
        interval_s=state.wish and state.wish.interval_s,
        shots=state.shots,
        missed=state.missed,
        started_at=state.started_at,
        next_at=state.next_at and _whole_second(state.next_at),
        ends_at=state.ends_at and _whole_second(state.ends_at),
        reason=state.reason,
        rendering=None if film is None else round(progress, 2),
        film_id=film and film.id,
    )


def _cancel(here: Context, film_id: int) -> None:
    if all(film.id != film_id for film in _films(here)):
        raise NotRecording(f"film {film_id} is not being made")
    here.rig.conversions.cancel(film_id)


def _stop_what_goes_on(here: Context) -> None:
    rig, film = here.rig, _film_of(here)
    if film is not None and not rig.timelapse.state.is_running:
        rig.conversions.cancel(film.id)
    else:
        rig.timelapse.stop()


def _film_of(here: Context) -> Media | None:
    """The film that is being made, or is the next to be."""
    return next(_films(here), None)


def _films(here: Context) -> Iterator[Media]:
    """The films of timelapses that are being made, or wait for that."""
    return (media for media in here.shelf.glance().waiting if media.kind is Kind.TIMELAPSE)


def _whole_second(moment: datetime) -> datetime:
    """Rounded, so that it stays the same however often it is asked."""
    return datetime.fromtimestamp(round(moment.timestamp()), moment.tzinfo)
