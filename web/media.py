"""Photos, videos and timelapses over HTTP: lists, files, small pictures, changes."""

from __future__ import annotations

from datetime import datetime

from apiflask import APIBlueprint
from flask import current_app, g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from errors import NotPlayable, NotReady
from store.accounts import Role
from store.media import Kind, Media, cursor_before
from web.context import context
from web.guard import needs
from web.media_files import THUMB_MAX_AGE_S, mimetype_of, sent, thumb_of, zip_of
from web.media_out import MediaOut, SummaryOut
from web.media_query import asked_filter, asked_ids, asked_limit, date_of
from web.wish import Wish

MOST_PER_CHANGE = 1000

blueprint = APIBlueprint("media", __name__, tag="Media")


class PhotoWish(Wish):
    """All may be left out. `name` is without extension, `date` ISO 8601 (local time unless it says otherwise).

    `full_resolution` takes the camera's largest size, for which the live picture pauses for a moment.
    """

    name: str | None = Field(None, max_length=1000)
    date: str | None = None
    full_resolution: bool = False


class ItemWish(Wish):
    """What to change."""

    name: str | None = Field(None, max_length=1000)
    protected: bool | None = None


class FoundWish(Wish):
    """A file that lies in the folder of its kind."""

    kind: Kind = Field(strict=False)
    filename: str


class ManyWish(Wish):
    """Which items."""

    ids: list[int] = Field(min_length=1, max_length=MOST_PER_CHANGE)


class ProtectWish(ManyWish):
    """Which items shall not be removed to make room, or may again."""

    protected: bool = True


class MediaPageOut(BaseModel):
    """Items, newest first; `next` is the `cursor` of the following page, null at the end."""

    items: list[MediaOut]
    next: str | None


class NewerOut(BaseModel):
    """The neighbour, null at the beginning; `cursor` is where a page begins with it."""

    item: MediaOut | None
    cursor: str | None


class RemovedOut(BaseModel):
    """How many went, and which were kept because they are protected."""

    removed: int
    kept_protected: list[int]


class ChangedOut(BaseModel):
    """How many items there were."""

    changed: int


@blueprint.post("/api/photos")
@needs(Role.OPERATOR)
@blueprint.input(PhotoWish, arg_name="wish")
@blueprint.output(MediaOut, status_code=201)
def take_photo(wish: PhotoWish) -> MediaOut:
    """Take a photo, waking the camera if it sleeps."""
    here = context()
    date = date_of(wish.date)
    return here.shelf.item_out(here.rig.photographer.take(wish.name, date, g.account.id, wish.full_resolution))


@blueprint.get("/api/media")
@needs(Role.VIEWER)
@blueprint.output(MediaPageOut)
def media_page() -> MediaPageOut:
    """A page of items: `?kind= &since= &before= &text= &cursor= &limit=`, each optional."""
    here = context()
    page = here.rig.library.page(asked_filter(), request.args.get("cursor") or None, asked_limit())
    return MediaPageOut(items=here.shelf.items_out(page.items), next=page.next)


@blueprint.get("/api/media/summary")
@needs(Role.VIEWER)
@blueprint.output(SummaryOut)
def summary() -> SummaryOut:
    """How many items there are, the newest of them, and the disk."""
    return context().shelf.summary()


@blueprint.post("/api/media")
@needs(Role.ADMIN)
@blueprint.input(FoundWish, arg_name="wish")
@blueprint.output(MediaOut, status_code=201)
def add_found(wish: FoundWish) -> MediaOut:
    """Add a file that somebody put into the media folder."""
    here = context()
    return here.shelf.item_out(here.rig.library.add_found(wish.kind, wish.filename))


@blueprint.get("/api/media/<int:media_id>")
@needs(Role.VIEWER)
@blueprint.output(MediaOut)
def media_item(media_id: int) -> MediaOut:
    """One item."""
    here = context()
    return here.shelf.item_out(here.rig.library.get(media_id))


@blueprint.get("/api/media/<int:media_id>/newer")
@needs(Role.VIEWER)
@blueprint.output(NewerOut)
def newer_item(media_id: int) -> NewerOut:
    """The item right before this one among those that `?kind= &since= &before= &text=` mean, newest first."""
    here = context()
    media = here.rig.library.newer(here.rig.library.get(media_id), asked_filter())
    if media is None:
        return NewerOut(item=None, cursor=None)
    return NewerOut(item=here.shelf.item_out(media), cursor=cursor_before(media))


@blueprint.patch("/api/media/<int:media_id>")
@needs(Role.OPERATOR)
@blueprint.input(ItemWish, arg_name="wish")
@blueprint.output(MediaOut)
def change_item(media_id: int, wish: ItemWish) -> MediaOut:
    """Rename an item, or protect it."""
    here = context()
    here.rig.library.get(media_id)
    if wish.name is not None:
        here.rig.library.rename(media_id, wish.name)
    if wish.protected is not None:
        here.rig.library.protect([media_id], wish.protected)
    return here.shelf.item_out(here.rig.library.get(media_id))


@blueprint.delete("/api/media/<int:media_id>")
@needs(Role.OPERATOR)
@blueprint.output({}, status_code=204)
def remove_item(media_id: int) -> str:
    """Remove an item and its file, protected or not."""
    here = context()
    here.rig.library.get(media_id)
    here.rig.library.remove([media_id])
    return ""


@blueprint.post("/api/media/<int:media_id>/retry")
@needs(Role.OPERATOR)
@blueprint.output(MediaOut)
def retry_item(media_id: int) -> MediaOut:
    """Try once more to make a film of a recording that did not become one."""
    here = context()
    here.rig.library.get(media_id)
    media = here.rig.library.retry(media_id)
    here.rig.conversions.look()
    return here.shelf.item_out(media)


@blueprint.post("/api/media/<int:media_id>/cancel")
@needs(Role.OPERATOR)
@blueprint.output(MediaOut)
def cancel_item(media_id: int) -> MediaOut:
    """Make no film of a recording now; it is kept, and plays as it is."""
    here = context()
    media = here.rig.library.get(media_id)
    if not media.ready:
        here.rig.conversions.cancel(media_id)
    return here.shelf.item_out(media)


@blueprint.post("/api/media/delete")
@needs(Role.OPERATOR)
@blueprint.input(ManyWish, arg_name="wish")
@blueprint.output(RemovedOut)
def remove_items(wish: ManyWish) -> RemovedOut:
    """Remove many items; protected ones are left out."""
    library = context().rig.library
    removed = library.remove(wish.ids, are_protected_spared=True)
    return RemovedOut(removed=removed, kept_protected=[media.id for media in library.items(wish.ids)])


@blueprint.post("/api/media/protect")
@needs(Role.OPERATOR)
@blueprint.input(ProtectWish, arg_name="wish")
@blueprint.output(ChangedOut)
def protect_items(wish: ProtectWish) -> ChangedOut:
    """Protect many items from being removed to make room, or no longer."""
    return ChangedOut(changed=context().rig.library.protect(wish.ids, wish.protected))


@blueprint.get("/api/media/zip")
@needs(Role.VIEWER)
def download_zip() -> ResponseReturnValue:
    """`?ids=1,2,3` as one zip file, made while it is sent."""
    library = context().rig.library
    items = [media for media in library.items(asked_ids()) if media.ready]
    if not items:
        raise NotReady("none of these items can be had")
    for media in items:
        context().rig.retention.played(media.id)
    archive = zip_of([(media.filename, library.path_of(media)) for media in items])
    response = current_app.response_class(archive, mimetype="application/zip", direct_passthrough=True)
    response.content_length = len(archive)
    name = f"bagel-turret-{datetime.now().astimezone():%Y-%m-%d_%H-%M-%S}.zip"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.get("/media/<int:media_id>/<name>")
@blueprint.doc(hide=True)
@needs(Role.VIEWER)
def file(media_id: int, name: str) -> ResponseReturnValue:
    """The file of an item, in ranges if asked; `?download=1` to keep. `name` is for people, the number counts."""
    rig = context().rig
    rig.retention.played(media_id)
    return file_response(rig.library.get(media_id))


def file_response(media: Media) -> ResponseReturnValue:
    """The file of an item, as whoever asks wants it.

    :raises NotReady: when it has none.
    """
    response = sent(
        context().rig.library.path_of(media),
        mimetype_of(media.filename),
        as_attachment="download" in request.args,
        download_name=media.filename,
        etag=f"{media.id}-{media.size_bytes}",
        max_age=0,
    )
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blueprint.get("/media/<int:media_id>/thumb")
@blueprint.doc(hide=True)
@needs(Role.VIEWER)
def thumb(media_id: int) -> ResponseReturnValue:
    """The small picture of an item, made now if it has none."""
    here = context()
    media = here.rig.library.get(media_id)
    try:
        response = sent(thumb_of(here.rig, media), "image/jpeg", etag=f"{media.id}-thumb")
    except (NotPlayable, NotReady):
        response = current_app.send_static_file("img/no-thumb.svg")
        response.headers["Cache-Control"] = "no-store"  # it may have one any moment
        return response
    response.headers["Cache-Control"] = f"private, max-age={THUMB_MAX_AGE_S}"
    return response
