"""Recording over HTTP, and the pictures of what is not a film yet."""

from __future__ import annotations

import math
from datetime import datetime

from apiflask import APIBlueprint
from flask import current_app, g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from camera.recorder import RecordingState
from errors import BadField, NotReady
from jobs.clips import preview_of
from store.accounts import Role
from web import parts, previews
from web.context import context
from web.guard import needs
from web.media_out import MediaOut
from web.wish import Wish

blueprint = APIBlueprint("recording", __name__, tag="Media")


class RecordingWish(Wish):
    """`name` is without extension; without one it is named by its date."""

    name: str | None = Field(None, max_length=1000)


class RecordingOut(BaseModel):
    """What the recorder does; `reason` says why the last recording ended by itself. `at_s` as the turret's."""

    recording: bool
    name: str | None
    started_at: datetime | None
    duration_s: float
    frames: int
    dropped: int
    size_bytes: int
    reason: str | None
    at_s: float


@blueprint.get("/api/recording")
@needs(Role.VIEWER)
@blueprint.output(RecordingOut)
def recording() -> RecordingOut:
    """What the recorder does."""
    return recording_out(context().rig.recorder.state)


@blueprint.post("/api/recording")
@needs(Role.OPERATOR)
@blueprint.input(RecordingWish, arg_name="wish")
@blueprint.output(RecordingOut, status_code=201)
def start_recording(wish: RecordingWish) -> RecordingOut:
    """Begin a recording; it goes on when everybody leaves."""
    return recording_out(context().rig.start_recording(wish.name or "", g.account.id))


@blueprint.delete("/api/recording")
@needs(Role.OPERATOR)
@blueprint.output(MediaOut)
def stop_recording() -> MediaOut:
    """End the recording; the answer is its item, which becomes a film in the background."""
    here = context()
    clip = here.rig.recorder.stop()
    media_id = here.rig.clips.item_of(clip)
    if media_id is None:
        raise NotReady("the recording is safe on the disk, but has no row yet; the next start will try again")
    return here.shelf.item_out(here.rig.library.get(media_id))


@blueprint.get("/media/<int:media_id>/preview", endpoint="preview")
@blueprint.doc(hide=True)
@needs(Role.VIEWER)
def preview(media_id: int) -> ResponseReturnValue:
    """The pictures of an item that is not a film yet, as MJPEG at their own speed; `?from=` in seconds."""
    here = context()
    media = here.rig.library.get(media_id)
    if media.folder is None:
        raise NotReady(f"{media.filename} is a film already")
    pictures = preview_of(media, here.rig.folder.partial, asked_start(request.args.get("from")))
    place = here.previews.taken()
    response = current_app.response_class(previews.stream(pictures, here.stopping), mimetype=parts.MIMETYPE)
    response.call_on_close(place)
    response.headers["Cache-Control"] = "no-store"
    return response


def recording_out(state: RecordingState) -> RecordingOut:
    """The recorder's state as it goes over the wire."""
    return RecordingOut(
        recording=state.is_recording,
        name=state.name or None,
        started_at=state.started_at,
        duration_s=round(state.duration_s, 1),
        frames=state.frames,
        dropped=state.dropped,
        size_bytes=state.size_bytes,
        reason=state.reason,
        at_s=state.at_s,
    )


def asked_start(text: str | None) -> float:
    """Where to begin, seconds.

    :raises BadField: when it is no number of seconds.
    """
    try:
        start_s = float(text or 0)
    except ValueError:
        start_s = math.nan
    if not 0 <= start_s < 1e9:
        raise BadField("from", f"from {text!r:.40} is not a number of seconds")
    return start_s
