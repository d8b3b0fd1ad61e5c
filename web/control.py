"""The turret over HTTP. Safety lives below, in `hardware/`; here are only roles and names."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, ConfigDict

from errors import BadField
from hardware.axis import AxisState
from hardware.news import TurretState
from store.accounts import Account, Role
from web.context import context
from web.guard import needs, refuse_low_role

blueprint = APIBlueprint("control", __name__, tag="Turret")


class Wish(BaseModel):
    """A request's body: known fields only, numbers as numbers."""

    model_config = ConfigDict(extra="forbid", strict=True)


class DriveWish(Wish):
    """Shares of the top speed, -1..1, right and up positive; 0 stops that axis, absent leaves it alone."""

    pan: float | None = None
    tilt: float | None = None


class StepWish(Wish):
    """Clicks or degrees, right and up positive."""

    pan: float = 0.0
    tilt: float = 0.0
    pan_deg: float = 0.0
    tilt_deg: float = 0.0


class AimWish(Wish):
    """Positions in degrees; absent leaves an axis alone."""

    pan_deg: float | None = None
    tilt_deg: float | None = None


class LeaseWish(Wish):
    """One of three, or none to take free controls or renew one's own.

    `ask` asks the holder, for 30 s; `keep` answers no to whoever asks us; `take_over` takes the controls from
    whoever holds them, admin only.
    """

    ask: bool = False
    keep: bool = False
    take_over: bool = False


class AxisOut(BaseModel):
    """One axis; `position_deg` is null where nothing measures it, `reason` says why there is none."""

    kind: str
    moving: bool
    position_deg: float | None
    target_deg: float | None
    limits_deg: tuple[float, float] | None
    at_limit: bool
    reason: str | None


class TriggerOut(BaseModel):
    """The trigger; times in seconds."""

    armed: bool
    armed_for_s: float
    firing: bool
    cooling_s: float
    reason: str | None


class LeaseOut(BaseModel):
    """Who holds the controls, and who asks for them; `mine` is for whoever reads this."""

    holder: str | None
    seconds_left: float
    mine: bool
    asked_by: str | None


class TurretOut(BaseModel):
    """The whole turret; `simulated` means the pins are not real, and `reason` says why."""

    pan: AxisOut
    tilt: AxisOut
    trigger: TriggerOut
    lease: LeaseOut
    simulated: bool
    reason: str | None


@blueprint.get("/api/turret")
@needs(Role.VIEWER)
@blueprint.output(TurretOut)
def turret() -> TurretOut:
    """What the turret is doing."""
    return turret_out(context().rig.turret.state, _account().username)


@blueprint.post("/api/turret/drive")
@needs(Role.OPERATOR)
@blueprint.input(DriveWish, arg_name="wish")
@blueprint.output(TurretOut)
def drive(wish: DriveWish) -> TurretOut:
    """Move at a speed; to be renewed within `[turret] drive_timeout_ms`, else the motion ends."""
    return _done(context().rig.turret.drive(wish.pan, wish.tilt, _account().username))


@blueprint.post("/api/turret/step")
@needs(Role.OPERATOR)
@blueprint.input(StepWish, arg_name="wish")
@blueprint.output(TurretOut)
def step(wish: StepWish) -> TurretOut:
    """Move by clicks, or by degrees."""
    turret, holder = context().rig.turret, _account().username
    if wish.pan_deg or wish.tilt_deg:
        return _done(turret.turn(wish.pan_deg, wish.tilt_deg, holder))
    return _done(turret.step(wish.pan, wish.tilt, holder))


@blueprint.post("/api/turret/aim")
@needs(Role.OPERATOR)
@blueprint.input(AimWish, arg_name="wish")
@blueprint.output(TurretOut)
def aim(wish: AimWish) -> TurretOut:
    """Move to a position."""
    return _done(context().rig.turret.aim(wish.pan_deg, wish.tilt_deg, _account().username))


@blueprint.post("/api/turret/home")
@needs(Role.OPERATOR)
@blueprint.output(TurretOut)
def home() -> TurretOut:
    """Move every servo home."""
    return _done(context().rig.turret.home(_account().username))


@blueprint.post("/api/turret/stop")
@needs(Role.VIEWER)
@blueprint.output(TurretOut)
def stop() -> TurretOut:
    """Stand still and disarm; anybody may."""
    return _done(context().rig.turret.stop(_account().username))


@blueprint.post("/api/turret/arm")
@needs(Role.GUNNER)
@blueprint.output(TurretOut)
def arm() -> TurretOut:
    """Let the trigger fire for a while."""
    return _done(context().rig.turret.arm(_account().username))


@blueprint.post("/api/turret/disarm")
@needs(Role.VIEWER)
@blueprint.output(TurretOut)
def disarm() -> TurretOut:
    """Let the trigger fire no more; anybody may."""
    return _done(context().rig.turret.disarm())


@blueprint.post("/api/turret/fire")
@needs(Role.GUNNER)
@blueprint.output(TurretOut)
def fire() -> TurretOut:
    """Fire once."""
    return _done(context().rig.turret.fire(_account().username))


@blueprint.post("/api/turret/lease")
@needs(Role.OPERATOR)
@blueprint.input(LeaseWish, arg_name="wish")
@blueprint.output(TurretOut)
def take_lease(wish: LeaseWish) -> TurretOut:
    """Take the free controls, renew one's own, ask for them, keep them, or take them over."""
    turret, account = context().rig.turret, _account()
    if wish.ask + wish.keep + wish.take_over > 1:
        raise BadField("ask", "ask, keep and take_over: only one of them at a time")
    if wish.take_over:
        refuse_low_role(account, Role.ADMIN)
        turret.controls.take_over(account.username)
    elif wish.ask:
        turret.controls.ask(account.username)
    elif wish.keep:
        turret.controls.keep(account.username)
    else:
        turret.controls.take(account.username)
    return _done(turret.state)


@blueprint.delete("/api/turret/lease")
@needs(Role.OPERATOR)
@blueprint.output(TurretOut)
def release_lease() -> TurretOut:
    """Give one's own controls back, to whoever asks for them; who only asked, asks no more."""
    turret = context().rig.turret
    turret.controls.release(_account().username)
    return _done(turret.state)


def turret_out(state: TurretState, username: str | None) -> TurretOut:
    """The turret's state for one person; nobody's when `username` is None."""
    lease = state.lease
    return TurretOut(
        pan=_axis_out(state.pan),
        tilt=_axis_out(state.tilt),
        trigger=TriggerOut(
            armed=state.trigger.armed,
            armed_for_s=round(state.trigger.armed_for_s, 1),
            firing=state.trigger.firing,
            cooling_s=round(state.trigger.cooling_s, 1),
            reason=state.trigger.reason,
        ),
        lease=LeaseOut(
            holder=lease.holder,
            seconds_left=round(lease.seconds_left, 1),
            mine=username is not None and lease.holder == username,
            asked_by=lease.asked_by,
        ),
        simulated=state.simulated,
        reason=state.reason,
    )


def _axis_out(state: AxisState) -> AxisOut:
    return AxisOut(
        kind=state.kind,
        moving=state.moving,
        position_deg=None if state.position_deg is None else round(state.position_deg, 1),
        target_deg=None if state.target_deg is None else round(state.target_deg, 1),
        limits_deg=state.limits_deg,
        at_limit=state.at_limit,
        reason=state.reason,
    )


def _account() -> Account:
    account: Account = g.account
    return account


def _done(state: TurretState) -> TurretOut:
    return turret_out(state, _account().username)
