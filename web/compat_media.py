"""The ancestors' routes around photos, videos and the database; see `web/compat.py`.

`/snapshot` and `/video_capture` answer 200, or 500 with a sentence, as their scripts expect.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import Response, abort, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue

from errors import BadField, CameraError, NoSuchItem, StoreError, TurretError
from jobs.copy_series import LABELS
from store.accounts import Role
from store.anew import new_database
from store.media import Media, text_of
from web.compat import asked_switch, json_body, ok
from web.context import context
from web.guard import changes_by_get, needs
from web.media import file_response
from web.media_query import date_of
from web.words import count_text

blueprint = APIBlueprint("compat_media", __name__, enable_openapi=False)


@blueprint.get("/snapshot")
@changes_by_get
@needs(Role.OPERATOR)
def snapshot() -> Response:
    """Flask Video Streaming: a photo named `filename`, without extension; `date` is optional."""
    with _failed_is_500():
        context().rig.photographer.take(request.args.get("filename"), date_of(request.args.get("date")), g.account.id)
    return ok()


@blueprint.get("/video_capture")
@changes_by_get
@needs(Role.OPERATOR)
def video_capture() -> Response:
    """Flask Video Streaming: `status` false begins a recording, true ends it under the `filename` of that call."""
    is_to_end, name, date = asked_switch(), request.args.get("filename"), date_of(request.args.get("date"))
    with _failed_is_500():
        if is_to_end:
            _end_recording(name, date)
        else:
            context().rig.start_recording(name or "", g.account.id)
    return ok()


@blueprint.get("/get_database")
@needs(Role.VIEWER)
def get_database() -> Response:
    """Flask Video Streaming: date and file name of every item, oldest row first."""
    return jsonify([{"date": text_of(media.date), "filename": media.filename} for media in _all_items()])


@blueprint.get("/database/add")
@changes_by_get
@needs(Role.ADMIN)
def database_add() -> Response:
    """Flask Video Streaming: a row for a file in the media folder."""
    context().rig.library.adopt(request.args.get("filename", ""))
    return ok()


@blueprint.get("/database/remove")
@changes_by_get
@needs(Role.ADMIN)
def database_remove() -> Response:
    """Flask Video Streaming: row and file away."""
    context().rig.library.remove([_named(request.args.get("filename", "")).id])
    return ok()


@blueprint.get("/database/new")
@changes_by_get
@needs(Role.ADMIN)
def database_new() -> Response:
    """Flask Video Streaming: an empty table; the files stay, and so does a copy of the old one."""
    new_database(context().rig.database, context().rig.library)
    return ok()


@blueprint.get("/media/<name>")
@needs(Role.VIEWER)
def media_by_name(name: str) -> ResponseReturnValue:
    """Flask Video Streaming: the file of an item; a file without a row is not there."""
    return file_response(_named(name))


@blueprint.post("/capture")
@needs(Role.OPERATOR)
def capture() -> Response:
    """Realtime Image Streaming: a photo named picture_<n>.jpg; its copies do not count."""
    rig = context().rig
    number = rig.library.number_of_originals() + 1
    media = rig.photographer.take(f"picture_{number}", None, g.account.id)
    local, copied = media.date.astimezone(), _copied(media)
    return jsonify(message=f"{media.filename} was taken{copied}", timestamp=f"{local:%Y-%m-%d %H:%M:%S}")


@blueprint.post("/img_processing")
@needs(Role.OPERATOR)
def img_processing() -> Response:
    """Realtime Image Streaming: copies of all photos with WB, CTG (gray) or CE (edges) over them, or no longer.

    `isProcessing` true copies every photo, now and with each `/capture`; false ends that and removes those copies.
    """
    body, series = json_body(), context().rig.copy_series
    label, is_on = body.get("label"), body.get("isProcessing")
    if label not in list(LABELS):
        raise BadField("label", f"label {label!r:.40} is not one of {', '.join(LABELS)}")
    if not isinstance(is_on, bool):
        raise BadField("isProcessing", f"isProcessing {is_on!r:.40} is neither true nor false")
    if not is_on:
        return jsonify(message=f"Image processing is off, {count_text(series.end(label), 'copy', 'copies')} removed")
    done = series.begin(label, g.account.id)
    failed = f", {count_text(done.failed, 'photo')} could not be copied" if done.failed else ""
    left = "" if done.is_done else "; more are left, ask again"
    return jsonify(message=f"Image processing is on, {count_text(done.made, 'copy', 'copies')} made{failed}{left}")


def _copied(media: Media) -> str:
    """What came of the copy of a photo that was just taken, in words; the photo is there whatever that is."""
    try:
        copy = context().rig.copy_series.follow(media, g.account.id)
    except TurretError as error:
        return f", but not copied: {error}"
    return f" and copied to {copy.filename}" if copy else ""


def _end_recording(name: str | None, date: datetime | None) -> None:
    rig = context().rig
    media_id = rig.clips.item_of(rig.recorder.stop())
    if media_id is not None and name:
        rig.library.rename(media_id, name)
    if media_id is not None and date is not None:
        rig.library.redate(media_id, date.astimezone(UTC))


def _all_items() -> Iterator[Media]:
    return context().rig.library.in_order_of_number()


def _named(filename: str) -> Media:
    media = context().rig.library.by_name(filename)
    if media is None:
        raise NoSuchItem(f"there is no item {filename[:60]!r} in the library")
    return media


@contextmanager
def _failed_is_500() -> Iterator[None]:
    try:
        yield
    except (CameraError, StoreError) as error:
        abort(current_app.response_class(f"{error}\n", 500, mimetype="text/plain"))
