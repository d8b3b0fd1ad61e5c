"""Timelapse over HTTP: begin, look, end."""

from __future__ import annotations

from datetime import datetime

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from jobs.lapse import Wish
from store.accounts import Role
from store.media import Kind, Media
from web.context import Context, context
from web.guard import needs
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
    be tried again."""
    here = context()
    rig, film = here.rig, _film_of(here)
    if film is not None and not rig.timelapse.state.is_running:
        rig.conversions.cancel(film.id)
    else:
        rig.timelapse.stop()
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


def _film_of(here: Context) -> Media | None:
    """The film of a timelapse that is being made, or waits for that."""
    return next((media for media in here.shelf.glance().waiting if media.kind is Kind.TIMELAPSE), None)


def _whole_second(moment: datetime) -> datetime:
    """Rounded, so that it stays the same however often it is asked."""
    return datetime.fromtimestamp(round(moment.timestamp()), moment.tzinfo)
