"""The ancestors' routes around the picture; see `web/compat.py`.

Flask Video Streaming's `status` is upside down: false switches on, true switches off. Realtime Image Streaming counts
exposure, saturation, size and zoom as offsets from their defaults, in the steps of the camera's own control.
"""

from __future__ import annotations

from math import isfinite

from apiflask import APIBlueprint
from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from camera.backend import Control
from camera.filter_settings import ZOOM_RANGE
from camera.names import EXPOSURE, EXPOSURE_AUTO, FOCUS, FOCUS_AUTO
from camera.tuning import Tuned
from errors import BadField, NotSupported
from store.accounts import Role
from web import live
from web.compat import asked_switch, json_body, missing_is_403, ok
from web.context import context
from web.guard import changes_by_get, needs

SETTINGS = ("exposure", "saturation", "height", "width", "zoom")

blueprint = APIBlueprint("compat_camera", __name__, enable_openapi=False)


@blueprint.get("/generate_camera")
@needs(Role.VIEWER)
def generate_camera() -> ResponseReturnValue:
    """Realtime Image Streaming: the live picture, as `/video_feed`."""
    return live.video_feed()


@blueprint.get("/grayscale")
@changes_by_get
@needs(Role.OPERATOR)
def grayscale() -> Response:
    """Flask Video Streaming: `status` false is gray, true is color."""
    return _change({"grayscale": not asked_switch()})


@blueprint.get("/resolution")
@changes_by_get
@needs(Role.OPERATOR)
def resolution() -> Response:
    """Flask Video Streaming: `status` false is half width and height, true is all of it."""
    return _change({"half_resolution": not asked_switch()})


@blueprint.get("/autofocus")
@changes_by_get
@needs(Role.OPERATOR)
def autofocus() -> Response:
    """Flask Video Streaming: `status` false lets the camera focus by itself, true ends that."""
    return _change({FOCUS_AUTO: not asked_switch()})


@blueprint.get("/step_focus")
@changes_by_get
@needs(Role.OPERATOR)
def step_focus() -> Response:
    """Flask Video Streaming: one step nearer or farther, by the sign of `direction`; 0 is nothing."""
    direction = _number("direction", request.args.get("direction"))
    with missing_is_403():
        _needed(context().rig.tuning.describe(), FOCUS)
        if direction:
            context().rig.tuning.focus(steps=1 if direction > 0 else -1, by=g.account.username)
    return ok()


@blueprint.get("/set_focus")
@changes_by_get
@needs(Role.OPERATOR)
def set_focus() -> Response:
    """Flask Video Streaming: focus on `value`, 0..1; what is outside is made to fit."""
    value = min(max(_number("value", request.args.get("value")), 0.0), 1.0)
    with missing_is_403():
        context().rig.tuning.focus(value, by=g.account.username)
    return ok()


@blueprint.get("/default_values")
@needs(Role.VIEWER)
def default_values() -> Response:
    """Realtime Image Streaming: what offsets count from; null for what this camera has not."""
    tuned, usual = context().rig.tuning.describe(), context().rig.settings.camera
    exposure, saturation = (_found(tuned, name) for name in (EXPOSURE, "saturation"))
    return jsonify(
        exposure=None if exposure is None else exposure.default,
        saturation=None if saturation is None else saturation.default,
        height=usual.height,
        width=usual.width,
        zoom=1,
    )


@blueprint.post("/camera_settings")
@needs(Role.OPERATOR)
def camera_settings() -> Response:
    """Realtime Image Streaming: one of SETTINGS as an offset from its default; answers all values as they are."""
    body = json_body()
    name = next((name for name in SETTINGS if name in body), None)
    if name is None:
        raise BadField("body", f"none of {', '.join(SETTINGS)} is named")
    offset = _number(name, body[name])
    with missing_is_403():
        _set_offset(name, offset)
    return jsonify(_settings_now())


@blueprint.post("/coords")
@needs(Role.OPERATOR)
def coords() -> Response:
    """Realtime Image Streaming: move the zoomed part by `dx`, `dy` pixels; answers where its corner is then."""
    body, tuning = json_body(), context().rig.tuning
    moved = {name: _number(name, body.get(name, 0)) for name in ("dx", "dy")}
    filters, (width_px, height_px) = tuning.describe().filters, _size_now()
    share = 0.5 / filters.zoom
    x, y = filters.zoom_x + moved["dx"] / width_px, filters.zoom_y + moved["dy"] / height_px
    wanted = {"zoom_x": min(max(x, share), 1 - share), "zoom_y": min(max(y, share), 1 - share)}
    tuning.change(wanted, g.account.username)
    return jsonify(dx=round((wanted["zoom_x"] - share) * width_px), dy=round((wanted["zoom_y"] - share) * height_px))


def _set_offset(name: str, offset: float) -> None:
    tuning, by = context().rig.tuning, g.account.username
    if name == "zoom":
        tuning.change({"zoom": min(max(1 + offset, ZOOM_RANGE[0]), ZOOM_RANGE[1])}, by)
    elif name in ("width", "height"):
        tuning.change({"size": _nearest_size(tuning.describe(), name, offset)}, by)
    else:
        _set_control_offset(EXPOSURE if name == "exposure" else name, offset, by)


def _set_control_offset(name: str, offset: float, by: str) -> None:
    """Exposure by hand ends the automatic one; an offset of 0 brings it back."""
    tuning = context().rig.tuning
    tuned = tuning.describe()
    control = _needed(tuned, name)
    automatic = [EXPOSURE_AUTO] if name == EXPOSURE and _found(tuned, EXPOSURE_AUTO) is not None else []
    if offset == 0:
        tuning.reset([name, *automatic], by)
    else:
        tuning.change({name: _offset_value(control, offset), **dict.fromkeys(automatic, False)}, by)


def _offset_value(control: Control, offset: float) -> float:
    """So many steps from the default, within the range."""
    value = (control.default or 0.0) + offset * (control.step or 1.0)
    value = round(value) if control.kind == "integer" else value
    least, most = control.minimum, control.maximum
    return value if least is None or most is None else min(max(value, least), most)


def _nearest_size(tuned: Tuned, side: str, offset: float) -> str:
    """The listed size whose width or height is next to the default's plus `offset`, in shape most like the default."""
    if not tuned.modes:
        raise NotSupported(f"camera {tuned.info.name} lists no sizes")
    usual = context().rig.settings.camera
    wanted = (usual.width if side == "width" else usual.height) + offset

    def distance(size: tuple[int, int]) -> tuple[float, float]:
        return abs(size[side == "height"] - wanted), abs(size[0] / size[1] - usual.width / usual.height)

    width_px, height_px = min(((mode.width_px, mode.height_px) for mode in tuned.modes), key=distance)
    return f"{width_px}x{height_px}"


def _settings_now() -> dict[str, float | None]:
    tuned = context().rig.tuning.describe()
    exposure, saturation = (_found(tuned, name) for name in (EXPOSURE, "saturation"))
    return {
        "exposure": None if exposure is None else exposure.value,
        "saturation": None if saturation is None else saturation.value,
        "height": tuned.info.height_px,
        "width": tuned.info.width_px,
        "zoom": tuned.filters.zoom,
    }


def _size_now() -> tuple[int, int]:
    """Width and height of the picture as it is shown, pixels."""
    latest, usual = context().rig.hub.latest, context().rig.settings.camera
    return (usual.width, usual.height) if latest is None else (latest.width_px, latest.height_px)


def _change(values: dict[str, object]) -> Response:
    with missing_is_403():
        context().rig.tuning.change(values, g.account.username)
    return ok()


def _found(tuned: Tuned, name: str) -> Control | None:
    return next((control for control in tuned.controls if control.name == name), None)


def _needed(tuned: Tuned, name: str) -> Control:
    found = _found(tuned, name)
    if found is None:
        raise NotSupported(f"camera {tuned.info.name} has no control {name}")
    return found


def _number(name: str, value: object) -> float:
    """A number, also one that came as text, as those of sliders do."""
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else float("nan")
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise BadField(name, f"{name} {value!r:.40} is no number")
    return number
