"""How the camera is set, over HTTP: every value is a field, whatever the camera calls it."""

from __future__ import annotations

from dataclasses import asdict

from apiflask import APIBlueprint
from pydantic import BaseModel, ConfigDict

from camera.backend import CameraMode, Control
from camera.names import FOCUS_AUTO
from camera.tuning import Tuned
from errors import BadField
from store.accounts import Role
from web.context import context
from web.control import account
from web.guard import needs
from web.wish import Wish

blueprint = APIBlueprint("camera", __name__, tag="Camera")

Value = bool | int | float | str | None


class CameraWish(BaseModel):
    """What to change, by name: any of the camera's `controls`, `size` ("1280x720"), `rate`, `pixel_format`, filters.

    Filters: `grayscale`, `half_resolution`, `flip_horizontal`, `flip_vertical`, `timestamp`, `edges` and
    `white_balance_correction` are true or false; `rotation` is 0, 90, 180 or 270 degrees clockwise; `zoom` is 1..4,
    `zoom_x` and `zoom_y` the middle of what it shows, 0..1; `label` is up to 60 letters.

    A control of kind boolean takes true or false, a menu the number or the name of one of its options, a button
    anything; the others a number within their range.
    """

    model_config = ConfigDict(extra="allow")


class FocusWish(Wish):
    """Either `value`, 0 (far) .. 1 (near), or `steps`, clicks nearer (positive) or farther."""

    value: float | None = None
    steps: float | None = None


class AutofocusWish(Wish):
    """Whether the camera focuses by itself."""

    on: bool


class ResetWish(Wish):
    """Which to set back; none named is all controls and filters, but not `size`, `rate` and `pixel_format`."""

    names: list[str] | None = None


class OptionOut(BaseModel):
    """One entry of a menu."""

    value: int
    name: str


class ControlOut(BaseModel):
    """One control: `kind` is integer, number, boolean, menu or button; `reason` says why it cannot be set now.

    `blocked_by` names the control that is the reason, as `focus_auto` of `focus_absolute` while that is on; null where
    it is none of them.
    """

    name: str
    label: str
    kind: str
    value: Value
    default: Value
    minimum: float | None
    maximum: float | None
    step: float | None
    unit: str
    options: list[OptionOut]
    reason: str | None
    blocked_by: str | None


class ModeOut(BaseModel):
    """A size the camera lists in a format, and its rates there, frames per second."""

    pixel_format: str
    size: str
    rates: list[float]


class MissingOut(BaseModel):
    """A usual control, or `size`, that this camera has not, and why."""

    name: str
    label: str
    reason: str


class CameraOut(BaseModel):
    """The camera. The value of each control and each filter is a field of its own beside those below.

    `revision` rises with every change, `changed_by` made the last one (null: the camera itself), `changed` names
    what it was: fields, or `full_resolution` for a photo in the camera's largest size, for which the live picture
    pauses; `message` says what went wrong by itself.
    """

    model_config = ConfigDict(extra="allow")

    name: str
    kind: str
    state: str
    reason: str | None
    size: str | None
    rate: float | None
    pixel_format: str
    controls: list[ControlOut]
    modes: list[ModeOut]
    missing: list[MissingOut]
    revision: int
    changed_by: str | None
    changed: list[str]
    message: str | None


@blueprint.get("/api/camera")
@needs(Role.VIEWER)
@blueprint.output(CameraOut)
def camera() -> CameraOut:
    """How the camera is set, and what can be set."""
    return _camera_now()


@blueprint.patch("/api/camera")
@needs(Role.OPERATOR)
@blueprint.input(CameraWish, arg_name="wish")
@blueprint.output(CameraOut)
def change_camera(wish: CameraWish) -> CameraOut:
    """Change what is named; the answer is how the camera is set then."""
    values = wish.model_extra or {}
    if not values:
        raise BadField("body", "nothing is named that could be changed")
    context().rig.tuning.change(values, account().username)
    return _camera_now()


@blueprint.post("/api/camera/focus")
@needs(Role.OPERATOR)
@blueprint.input(FocusWish, arg_name="wish")
@blueprint.output(CameraOut)
def focus(wish: FocusWish) -> CameraOut:
    """Focus by hand, which ends automatic focus."""
    context().rig.tuning.focus(wish.value, wish.steps, by=account().username)
    return _camera_now()


@blueprint.post("/api/camera/autofocus")
@needs(Role.OPERATOR)
@blueprint.input(AutofocusWish, arg_name="wish")
@blueprint.output(CameraOut)
def autofocus(wish: AutofocusWish) -> CameraOut:
    """Let the camera focus by itself, or keep the focus where it is."""
    context().rig.tuning.change({FOCUS_AUTO: wish.on}, account().username)
    return _camera_now()


@blueprint.post("/api/camera/reset")
@needs(Role.OPERATOR)
@blueprint.input(ResetWish, arg_name="wish")
@blueprint.output(CameraOut)
def reset(wish: ResetWish) -> CameraOut:
    """Set controls back to their defaults, and forget what was set."""
    context().rig.tuning.reset(wish.names, account().username)
    return _camera_now()


def _camera_now() -> CameraOut:
    rig = context().rig
    tuned = rig.tuning.describe()
    state = rig.capture.state
    return CameraOut(
        name=tuned.info.name,
        kind=tuned.info.kind,
        state=state.state,
        reason=state.reason,
        size=None if tuned.info.width_px is None else f"{tuned.info.width_px}x{tuned.info.height_px}",
        rate=tuned.info.rate_hz,
        pixel_format=tuned.info.pixel_format,
        controls=[_control_out(control) for control in tuned.controls],
        modes=[_mode_out(mode) for mode in tuned.modes],
        missing=[MissingOut(**asdict(found)) for found in tuned.missing],
        revision=tuned.news.revision,
        changed_by=tuned.news.changed_by,
        changed=list(tuned.news.changed),
        message=tuned.news.message,
        **_values_of(tuned),
    )


def _values_of(tuned: Tuned) -> dict[str, Value]:
    controls = {control.name: _value(control, control.value) for control in tuned.controls}
    return {**controls, **asdict(tuned.filters)}


def _control_out(control: Control) -> ControlOut:
    return ControlOut(
        name=control.name,
        label=control.label or control.name,
        kind=control.kind,
        value=_value(control, control.value),
        default=_value(control, control.default),
        minimum=control.minimum,
        maximum=control.maximum,
        step=control.step,
        unit=control.unit,
        options=[OptionOut(value=value, name=name) for value, name in control.options],
        reason=control.reason,
        blocked_by=control.blocked_by,
    )


def _value(control: Control, value: float | None) -> Value:
    """The value in the type that its kind has in JSON."""
    if value is None:
        return None
    return bool(value) if control.kind == "boolean" else int(value) if control.kind in ("integer", "menu") else value


def _mode_out(mode: CameraMode) -> ModeOut:
    return ModeOut(pixel_format=mode.pixel_format, size=f"{mode.width_px}x{mode.height_px}", rates=list(mode.rates_hz))
