"""Presets, patrol and the calibration for aiming by click, over HTTP."""

from __future__ import annotations

import hashlib

from apiflask import APIBlueprint
from flask import current_app, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from errors import BadField
from hardware.calibration import Calibration, CameraMount, Point
from store.accounts import Role
from store.presets import Preset, PresetChange
from web.context import context
from web.control import account, done
from web.guard import needs
from web.turret_state import TurretOut
from web.wish import Wish

blueprint = APIBlueprint("presets", __name__, tag="Turret")


class NewPreset(Wish):
    """Without a name it becomes "Preset N"; `slot` is the key 1..9 that goes there, taken from whoever has it."""

    name: str | None = None
    slot: int | None = Field(None, ge=1, le=9)


class PresetWish(NewPreset):
    """What to change: `slot` null is no key, `here` takes the present position and picture."""

    here: bool = False


class PatrolWish(Wish):
    """Which presets in which order, all in theirs without; how long it stays at each, seconds, 1..3600."""

    preset_ids: list[int] | None = None
    dwell_s: float = 10.0


class PresetOut(BaseModel):
    """One preset; `thumb_url` is null where there is no picture."""

    id: int
    name: str
    slot: int | None
    pan_deg: float | None
    tilt_deg: float | None
    thumb_url: str | None


class PresetsOut(BaseModel):
    """Those with a key by that key, then the others by name."""

    items: list[PresetOut]
    next: None = None


class PointWish(Wish):
    """A place in the picture, 0..1 from its left and top, and where the turret stood (moving) or pointed (fixed)."""

    x: float
    y: float
    pan_deg: float | None = None
    tilt_deg: float | None = None


class CalibrationWish(Wish):
    """Two clicks. `camera` moving: one landmark from two positions; fixed: two places the turret pointed at."""

    camera: CameraMount
    points: list[PointWish]


class CalibrationOut(BaseModel):
    """The calibration in force; `pan_across_deg` and `tilt_across_deg` are degrees over the whole picture."""

    calibrated: bool
    camera: CameraMount | None = None
    points: list[PointWish] = []
    pan_across_deg: float | None = None
    tilt_across_deg: float | None = None


@blueprint.get("/api/turret/presets")
@needs(Role.VIEWER)
@blueprint.output(PresetsOut)
def presets() -> PresetsOut:
    """All presets."""
    return _all_out()


@blueprint.post("/api/turret/presets")
@needs(Role.OPERATOR)
@blueprint.input(NewPreset, arg_name="wish")
@blueprint.output(PresetOut, status_code=201)
def add_preset(wish: NewPreset) -> PresetOut:
    """Keep where the turret stands, with a picture of what it sees."""
    return _preset_out(context().rig.presets.add(wish.name, wish.slot))


@blueprint.patch("/api/turret/presets/<int:preset_id>")
@needs(Role.OPERATOR)
@blueprint.input(PresetWish, arg_name="wish")
@blueprint.output(PresetOut)
def change_preset(preset_id: int, wish: PresetWish) -> PresetOut:
    """Change what is named."""
    named = wish.model_fields_set
    if "name" in named and wish.name is None:
        raise BadField("name", "name null: a preset needs one")
    change = PresetChange(wish.name, wish.slot if "slot" in named else 0)
    return _preset_out(context().rig.presets.change(preset_id, change, is_here=wish.here))


@blueprint.delete("/api/turret/presets/<int:preset_id>")
@needs(Role.OPERATOR)
@blueprint.output(PresetsOut)
def remove_preset(preset_id: int) -> PresetsOut:
    """Remove it; the answer is what is left."""
    context().rig.presets.remove(preset_id)
    return _all_out()


@blueprint.post("/api/turret/presets/<int:preset_id>/undo")
@needs(Role.OPERATOR)
@blueprint.output(PresetsOut)
def undo_preset(preset_id: int) -> PresetsOut:
    """Make it what it was before its last change, also a removed one; once. The answer is all presets."""
    context().rig.presets.undo(preset_id)
    return _all_out()


@blueprint.get("/api/turret/presets/<int:preset_id>/thumb")
@needs(Role.VIEWER)
def preset_thumb(preset_id: int) -> ResponseReturnValue:
    """What the camera saw when the position was kept."""
    jpeg = context().rig.presets.table.thumbnail(preset_id)
    response = current_app.response_class(jpeg, mimetype="image/jpeg")
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(hashlib.sha256(jpeg).hexdigest()[:16])
    return response.make_conditional(request)


@blueprint.post("/api/turret/presets/<int:preset_id>/aim")
@needs(Role.OPERATOR)
@blueprint.output(TurretOut)
def aim_at_preset(preset_id: int) -> TurretOut:
    """Move there, as near as the limits allow."""
    rig = context().rig
    return done(rig.presets.aim(rig.presets.table.get(preset_id), account().username))


@blueprint.post("/api/turret/patrol")
@needs(Role.OPERATOR)
@blueprint.input(PatrolWish, arg_name="wish")
@blueprint.output(TurretOut)
def begin_patrol(wish: PatrolWish) -> TurretOut:
    """Visit presets in turn; every person's command interrupts it, STOP ends it."""
    rig = context().rig
    rig.patrol.begin(wish.preset_ids, wish.dwell_s, account().username)
    return done(rig.turret.state)


@blueprint.delete("/api/turret/patrol")
@needs(Role.VIEWER)
@blueprint.output(TurretOut)
def end_patrol() -> TurretOut:
    """End the patrol; anybody may."""
    rig = context().rig
    rig.patrol.end()
    return done(rig.turret.state)


@blueprint.get("/api/turret/calibration")
@needs(Role.VIEWER)
@blueprint.output(CalibrationOut)
def calibration() -> CalibrationOut:
    """How places in the picture become degrees."""
    return _calibration_out(context().rig.aiming.calibration)


@blueprint.put("/api/turret/calibration")
@needs(Role.OPERATOR)
@blueprint.input(CalibrationWish, arg_name="wish")
@blueprint.output(CalibrationOut)
def calibrate(wish: CalibrationWish) -> CalibrationOut:
    """Let clicks on the picture aim."""
    here = context()
    state = here.rig.turret.state
    points = [Point(point.x, point.y, point.pan_deg, point.tilt_deg) for point in wish.points]
    made = here.rig.aiming.calibrate(wish.camera, points, state.pan, state.tilt)
    here.feed.changed()
    return _calibration_out(made)


@blueprint.delete("/api/turret/calibration")
@needs(Role.OPERATOR)
@blueprint.output(CalibrationOut)
def forget_calibration() -> CalibrationOut:
    """Let clicks on the picture aim no more."""
    here = context()
    here.rig.aiming.forget()
    here.feed.changed()
    return _calibration_out(None)


def _all_out() -> PresetsOut:
    return PresetsOut(items=[_preset_out(preset) for preset in context().rig.presets.table.all()])


def _preset_out(preset: Preset) -> PresetOut:
    mark = "".join(filter(str.isdigit, preset.pictured_at or ""))  # another picture has another address
    return PresetOut(
        id=preset.id,
        name=preset.name,
        slot=preset.slot,
        pan_deg=None if preset.pan_deg is None else round(preset.pan_deg, 1),
        tilt_deg=None if preset.tilt_deg is None else round(preset.tilt_deg, 1),
        thumb_url=url_for("presets.preset_thumb", preset_id=preset.id, v=mark) if mark else None,
    )


def _calibration_out(calibration: Calibration | None) -> CalibrationOut:
    if calibration is None:
        return CalibrationOut(calibrated=False)
    return CalibrationOut(
        calibrated=True,
        camera=calibration.camera,
        points=[PointWish(x=p.x, y=p.y, pan_deg=p.pan_deg, tilt_deg=p.tilt_deg) for p in calibration.points],
        pan_across_deg=None if calibration.pan is None else round(calibration.pan.across_deg, 1),
        tilt_across_deg=None if calibration.tilt is None else round(calibration.tilt.across_deg, 1),
    )
