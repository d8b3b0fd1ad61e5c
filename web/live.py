"""The live picture: pages, streams, single pictures and the events that go with them."""

from __future__ import annotations

import math

from apiflask import APIBlueprint
from flask import Response, current_app, g, render_template, request
from flask.typing import ResponseReturnValue

from camera.hub import Frame
from camera.renditions import Form
from errors import BadField
from store.accounts import Role
from web import events as event_stream
from web import parts
from web.admin import status_json, status_of
from web.context import Context, context
from web.guard import needs, public, session_of_request, user_of_request
from web.headers import content_security_policy
from web.roster import Place
from web.server import hand_over, streamed

FPS_MAX = 1000.0
SCALES = {"1": 1, "1/2": 2}
QUALITY_MAX = 100
STILL_SIDE_PX = (16, 4096)
STILL_TIMEOUT_S = 5.0
CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")

blueprint = APIBlueprint("live", __name__, tag="Live")


@blueprint.get("/")
@blueprint.doc(hide=True)
@needs(Role.VIEWER)
def index() -> str:
    """The live page."""
    return render_template("live.html", status=_status_now())


@blueprint.get("/watch")
@blueprint.doc(hide=True)
@needs(Role.VIEWER)
def watch() -> ResponseReturnValue:
    """Only the picture, for embedding in other pages."""
    response = current_app.make_response(render_template("watch.html", status=_status_now()))
    response.headers["Content-Security-Policy"] = content_security_policy(frame_ancestors="*")
    return response


@blueprint.get("/favicon.ico")
@blueprint.doc(hide=True)
@public
def favicon() -> ResponseReturnValue:
    """Our bagel, for browsers that ask for it by its old name."""
    return current_app.send_static_file("favicon.ico")


@blueprint.get("/video_feed")
@blueprint.get("/stream", endpoint="stream")
@needs(Role.VIEWER)
def video_feed() -> ResponseReturnValue:
    """The live picture as MJPEG.

    `?fps=` limits the rate; `?for=img` sends each part's head in advance for <img> elements. `?scale=1/2` and
    `?quality=` ask for a smaller copy; X-Rendition says which one it is, with "; nearest" where it is not the one that
    was asked for, because there are few at a time.
    HEAD gets the head alone, a conditional request one picture, or one copy; neither is handed over.
    """
    period_s = 1.0 / fps if (fps := asked_fps(request.args.get("fps"))) else 0.0
    style = asked_style(request.args.get("for"))
    here = context()
    form = asked_form(request.args.get("scale"), request.args.get("quality"), here.rig.settings.camera.quality)
    response = current_app.response_class(mimetype=parts.MIMETYPE)
    response.headers["Cache-Control"] = "no-store"
    if request.method == "HEAD":
        return response
    if any(name in request.headers for name in CONDITIONS):
        return _one_part(here, response, style, form)
    place = here.broadcaster.door.reserve(session_of_request(), style, period_s, form)
    if place.rendition is not None:
        response.headers["X-Rendition"] = _rendition_text(place.rendition.form, form)
    handed = hand_over(request, response, place, parts.first_bytes(style))
    if handed is not None:
        return handed
    if place.rendition is not None:
        return streamed(
            response, parts.stream_rendition(place.rendition, style, place.pace, here.stopping, place.seen), place
        )
    return streamed(response, parts.stream(here.rig.hub, style, place.pace, here.stopping), place)


@blueprint.get("/live.jpeg")
@needs(Role.VIEWER)
def live_jpeg() -> ResponseReturnValue:
    """The newest picture."""
    return _still(None)


@blueprint.get("/live<int:width_px>x<int:height_px>.jpeg")
@needs(Role.VIEWER)
def live_jpeg_sized(width_px: int, height_px: int) -> ResponseReturnValue:
    """The newest picture, fitted into a box; it keeps its shape and is not enlarged."""
    for name, side_px in (("width", width_px), ("height", height_px)):
        if not STILL_SIDE_PX[0] <= side_px <= STILL_SIDE_PX[1]:
            raise BadField(name, f"{name} {side_px} is outside {STILL_SIDE_PX[0]}..{STILL_SIDE_PX[1]} px")
    return _still((width_px, height_px))


@blueprint.get("/api/events")
@needs(Role.VIEWER)
def events() -> ResponseReturnValue:
    """The state as server-sent events: at once, then after every change."""
    here = context()
    response = current_app.response_class(mimetype=event_stream.MIMETYPE)
    response.headers["Cache-Control"] = "no-store"
    if request.method == "HEAD":
        return response
    place = here.broadcaster.door.reserve_events(session_of_request(), _username())
    first = _first_event(place)
    handed = hand_over(request, response, place, first)
    if handed is not None:
        return handed
    here.feed.start()
    news = event_stream.stream(here.broadcaster.events, place.seen, first, here.stopping)
    return streamed(response, news, place)


def _first_event(place: Place) -> bytes:
    """The state now. It is looked at after the place was taken: what changes in between is told there, not lost."""
    try:
        return parts.event_block("state", status_json(None))
    except BaseException:
        place.give_back()
        raise


def _username() -> str:
    username: str = g.account.username
    return username


def _status_now() -> dict[str, object]:
    """The same as /api/status, for templates."""
    return status_of(context(), user_of_request()).model_dump()


def asked_fps(text: str | None) -> float | None:
    """The wanted rate, or None for all frames.

    :raises BadField: when it is no number in 0 < fps <= FPS_MAX.
    """
    if text is None:
        return None
    try:
        fps = float(text)
    except ValueError:
        fps = math.nan
    if not 0 < fps <= FPS_MAX:
        raise BadField("fps", f"fps {text[:40]!r} is not a number above 0 and up to {FPS_MAX:g}")
    return fps


def asked_form(scale: str | None, quality: str | None, usual_quality: int) -> Form | None:
    """The smaller copy that is wanted, or None for the picture itself.

    :raises BadField: when `scale` is neither 1 nor 1/2, or `quality` no whole number in 1..100.
    """
    if scale is not None and scale not in SCALES:
        raise BadField("scale", f"scale {scale[:40]!r} is neither 1 nor 1/2")
    if quality is not None and not (quality.isascii() and quality.isdecimal() and 1 <= int(quality[:9]) <= QUALITY_MAX):
        raise BadField("quality", f"quality {quality[:40]!r} is not a whole number in 1..{QUALITY_MAX}")
    divisor = SCALES[scale or "1"]
    if divisor == 1 and quality is None:
        return None
    return Form(divisor, usual_quality if quality is None else int(quality))


def asked_style(text: str | None) -> parts.Style:
    """How parts are written: for programs, or for <img>.

    :raises BadField: for anything but "img".
    """
    if text is None:
        return "length"
    if text != "img":
        raise BadField("for", f"for {text[:40]!r} is unknown; only img is")
    return "advance"


def _rendition_text(given: Form, wanted: Form | None) -> str:
    return str(given) if given == wanted else f"{given}; nearest"


def _one_part(here: Context, response: Response, style: parts.Style, form: Form | None) -> Response:
    frame = _newest(here)
    if frame is not None and form is not None:
        given, frame = here.broadcaster.door.copies.one_of(frame, form, STILL_TIMEOUT_S)
        response.headers["X-Rendition"] = _rendition_text(given, form)
    if frame is not None:
        response.set_data(parts.first_bytes(style) + parts.part_of(frame, style))
    return response


def _newest(here: Context) -> Frame | None:
    return here.stills.newest(STILL_TIMEOUT_S, lambda: here.rig.capture.state.state == "failed")


def _still(box: tuple[int, int] | None) -> ResponseReturnValue:
    """The newest picture with its ETag; a placeholder goes out as 503, so that no program takes it for live."""
    here = context()
    frame = _newest(here)
    if frame is None:
        return current_app.response_class("the camera gave no picture\n", 503, mimetype="text/plain")
    response = current_app.response_class(here.stills.scaled(frame, box), mimetype="image/jpeg")
    response.headers.update(parts.headers_of(frame))
    response.headers["Cache-Control"] = "no-store"
    if not frame.is_live:
        response.status_code = 503
        response.headers["Retry-After"] = "1"
        return response
    size = "full" if box is None else f"{box[0]}x{box[1]}"
    response.set_etag(f"{here.boot_mark}-{frame.number}-{size}")
    return response.make_conditional(request)
