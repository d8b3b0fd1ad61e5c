"""What code alone does not tell of a route: the fields of its address and its form, and what it answers.

By endpoint; routes whose body and answer are models of JSON need nothing here. A test asks every route and holds
this against what it reads and answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from web import parts
from web.events import MIMETYPE as EVENTS

PAGE, TEXT, JSON, JPEG, SVG = "text/html", "text/plain", "application/json", "image/jpeg", "image/svg+xml"
FORM = "application/x-www-form-urlencoded"
MJPEG, ANY = parts.MIMETYPE.partition(";")[0], "*/*"


class Field(NamedTuple):
    """One field: its type in JSON, and what it means."""

    name: str
    text: str
    type: str = "string"
    is_needed: bool = False


@dataclass(frozen=True)
class Told:
    """One route.

    :ivar answers: media types by status; none for an answer without a body.
    :ivar body_type: how `body` is sent.
    """

    answers: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({200: (PAGE,)}))
    query: tuple[Field, ...] = ()
    body: tuple[Field, ...] = ()
    body_type: str = JSON


def _plain(*query: Field) -> Told:
    """An ancestor's route: success is the text 200."""
    return Told({200: (TEXT,)}, query)


def _form(*body: Field) -> Told:
    """A page's form: goes on to another page."""
    return Told({302: (PAGE,), 303: (PAGE,)}, (), body, FORM)


def _number(name: str, text: str) -> Field:
    return Field(name, text, "number", is_needed=True)


FILENAME = Field("filename", "name without extension")
DATE = Field("date", "ISO 8601, local time unless it says otherwise")
UPSIDE_DOWN = Field("status", "false switches on, true switches off", "boolean", is_needed=True)
FILTER = (
    Field("kind", "only this kind: photo, video, timelapse"), Field("since", "ISO 8601, from then on"),
    Field("before", "ISO 8601, before that"), Field("text", "part of the name"),
)  # fmt: skip
LIVE = Told(
    {200: (MJPEG,)},
    (
        Field("fps", "at most so many frames a second", "number"),
        Field("scale", "1/2: half width and height"),
        Field("quality", "JPEG quality of a copy made for this", "integer"),
        Field("for", "img: parts as <img> wants them"),
    ),
)
STILL = Told({200: (JPEG,), 304: (), 503: (JPEG, TEXT)})

TOLD: Mapping[str, Told] = MappingProxyType(
    {
        "live.favicon": Told({200: (SVG, "image/vnd.microsoft.icon", "image/x-icon"), 304: ()}),
        "live.video_feed": LIVE,
        "live.stream": LIVE,
        "live.live_jpeg": STILL,
        "live.live_jpeg_sized": STILL,
        "live.events": Told({200: (EVENTS.partition(";")[0],)}),
        "admin.healthz": Told({200: (JSON,)}),
        "admin.metrics": Told({200: (TEXT,)}),
        "openapi.spec": Told({200: (JSON,)}),
        "static": Told({200: (ANY,), 206: (ANY,), 304: ()}),
        "login.form": Told({200: (PAGE,), 302: (PAGE,)}, (Field("next", "path to go to afterwards"),)),
        "login.log_in": Told(
            {302: (PAGE,), 401: (PAGE,)}, (),
            (
                Field("username", "the account's name", is_needed=True),
                Field("password", "its password", is_needed=True), Field("next", "path to go to afterwards"),
            ),
            FORM,
        ),
        "login.log_out": _form(),
        "presets.preset_thumb": Told({200: (JPEG, SVG), 304: ()}),
        "media.media_page": Told(
            {}, (*FILTER, Field("cursor", "from the page before"), Field("limit", "items", "integer"))
        ),
        "media.newer_item": Told({}, FILTER),
        "media.download_zip": Told(
            {200: ("application/zip",)}, (Field("ids", "numbers with commas between them", is_needed=True),)
        ),
        "media.file": Told({200: (ANY,), 206: (ANY,), 304: ()}, (Field("download", "anything: to keep it"),)),
        "media.thumb": Told({200: (JPEG, SVG), 304: ()}),
        "timelapse.stop_timelapse": Told(
            {},
            (
                Field("started_at", "only the timelapse that began then, as it says of itself"),
                Field("film_id", "only the making of this film", "integer"),
            ),
        ),
        "recording.preview": Told({200: (MJPEG,)}, (Field("from", "begin so many seconds later", "number"),)),
        "gallery.index": Told(
            {200: (PAGE,)},
            (
                FILTER[0], Field("from", "first day"), Field("to", "last day"), FILTER[3],
                Field("cursor", "from the page before"), Field("item", "item to open", "integer"),
            ),
        ),
        "gallery.shoot": _form(Field("what", "photo, record or end", is_needed=True)),
        "gallery.database": Told(
            {200: (PAGE,)},
            (
                Field("sort", "column"), Field("way", "up or down"), Field("page", "from 1", "integer"),
            ),
        ),
        "photo_copies.copy_from_page": _form(
            Field("item", "the photo's number", "integer", is_needed=True),
            Field("filter", "what to do to it", is_needed=True),
        ),
        "compat.command": Told(
            {200: (JSON,)}, (Field("action", "1 left, 2 right, 3 fire, 4 up, 5 down", "integer"),)
        ),
        "compat.light": _plain(Field("status", "true is on, false is off", "boolean", is_needed=True)),
        "compat.set_brightness": _plain(_number("value", "0..255")),
        "compat.set_color": _plain(Field("value", "RRGGBB", is_needed=True)),
        "compat.get_controller_data": _plain(),
        "compat_media.snapshot": _plain(FILENAME, DATE),
        "compat_media.video_capture": _plain(
            Field("status", "false begins, true ends", "boolean", is_needed=True), FILENAME, DATE
        ),
        "compat_media.get_database": Told({200: (JSON,)}),
        "compat_media.database_add": _plain(Field("filename", "a file in the media folder", is_needed=True)),
        "compat_media.database_remove": _plain(Field("filename", "an item's file", is_needed=True)),
        "compat_media.database_new": _plain(),
        "compat_media.media_by_name": Told(
            {200: (ANY,), 206: (ANY,), 304: ()}, (Field("download", "anything: to keep it"),)
        ),
        "compat_media.capture": Told({200: (JSON,)}),
        "compat_media.img_processing": Told(
            {200: (JSON,)},
            (),
            (
                Field("label", "WB, CTG or CE", is_needed=True),
                Field("isProcessing", "copy all photos, or remove those copies", "boolean", is_needed=True),
            ),
        ),
        "compat_camera.generate_camera": LIVE,
        "compat_camera.grayscale": _plain(UPSIDE_DOWN),
        "compat_camera.resolution": _plain(UPSIDE_DOWN),
        "compat_camera.autofocus": _plain(UPSIDE_DOWN),
        "compat_camera.step_focus": _plain(_number("direction", "its sign counts, 0 is nothing")),
        "compat_camera.set_focus": _plain(_number("value", "0..1, made to fit")),
        "compat_camera.default_values": Told({200: (JSON,)}),
        "compat_camera.camera_settings": Told(
            {200: (JSON,)},
            (),
            tuple(
                Field(name, "offset from its default; one of these", "number")
                for name in ("exposure", "saturation", "height", "width", "zoom")
            ),
        ),
        "compat_camera.coords": Told(
            {200: (JSON,)}, (), (Field("dx", "pixels", "number"), Field("dy", "pixels", "number"))
        ),
    }
)  # fmt: skip
