"""Processed copies of photos over HTTP: the API, and a form for who has no scripts."""

from __future__ import annotations

from typing import Annotated

from apiflask import APIBlueprint
from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from camera.photo_copy import CopyFilter
from errors import BadField
from store.accounts import Role
from web.context import context
from web.gallery import SEE_OTHER
from web.guard import needs
from web.media_out import MediaOut
from web.wish import Wish

blueprint = APIBlueprint("photo_copies", __name__, tag="Media")


class CopyWish(Wish):
    """What is done to the copy; several do together what they do on the live picture: edges and gray have no colors."""

    filters: list[Annotated[CopyFilter, Field(strict=False)]] = Field(min_length=1, max_length=len(CopyFilter))


@blueprint.post("/api/media/<int:media_id>/copies")
@needs(Role.OPERATOR)
@blueprint.input(CopyWish, arg_name="wish")
@blueprint.output(MediaOut, status_code=201)
def copy_photo(media_id: int, wish: CopyWish) -> MediaOut:
    """Make a processed copy of a photo: a new item of the same size and date that names it as its parent."""
    here = context()
    return here.shelf.item_out(here.rig.photo_copies.make(media_id, wish.filters, g.account.id))


@blueprint.post("/gallery/copy")
@blueprint.doc(hide=True)
@needs(Role.OPERATOR)
def copy_from_page() -> ResponseReturnValue:
    """The same for who has no scripts; goes on to the copy."""
    number, wanted = request.form.get("item", ""), request.form.get("filter", "")
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):
        raise BadField("item", f"item {number[:40]!r} is no number")
    if wanted not in list(CopyFilter):
        raise BadField("filter", f"filter {wanted[:40]!r} is none of {', '.join(CopyFilter)}")
    copy = context().rig.photo_copies.make(int(number), [CopyFilter(wanted)], g.account.id)
    return redirect(url_for("gallery.index", item=copy.id), SEE_OTHER)
