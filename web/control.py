"""The turret over HTTP. Safety lives below, in `hardware/`; here are only roles and names."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import g

from errors import BadField
from hardware.news import TurretState
from store.accounts import Account, Role
from web.context import context
from web.guard import needs, refuse_low_role
from web.turret_state import TurretOut, turret_out
from web.wish import Wish

blueprint = APIBlueprint("control", __name__, tag="Turret")


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
    """Positions in degrees, absent leaves an axis alone; or a place in the picture, 0..1 from its left and top."""

    pan_deg: float | None = None
    tilt_deg: float | None = None
    x: float | None = None
    y: float | None = None


class LeaseWish(Wish):
    """One of three, or none to take free controls or renew one's own.

    `ask` asks the holder, for 30 s; `keep` answers no to whoever asks us; `take_over` takes the controls from
    whoever holds them, admin only.
    """

    ask: bool = False
    keep: bool = False
    take_over: bool = False


@blueprint.get("/api/turret")
@needs(Role.VIEWER)
@blueprint.output(TurretOut)
def turret() -> TurretOut:
    """What the turret is doing."""
    return done(context().rig.turret.state)


@blueprint.post("/api/turret/drive")
@needs(Role.OPERATOR)
@blueprint.input(DriveWish, arg_name="wish")
@blueprint.output(TurretOut)
def drive(wish: DriveWish) -> TurretOut:
    """Move at a speed; to be renewed within `[turret] drive_timeout_ms`, else the motion ends."""
    return done(context().rig.turret.drive(wish.pan, wish.tilt, account().username))


@blueprint.post("/api/turret/step")
@needs(Role.OPERATOR)
@blueprint.input(StepWish, arg_name="wish")
@blueprint.output(TurretOut)
def step(wish: StepWish) -> TurretOut:
    """Move by clicks, or by degrees."""
    turret, holder = context().rig.turret, account().username
    if wish.pan_deg or wish.tilt_deg:
        return done(turret.turn(wish.pan_deg, wish.tilt_deg, holder))
    return done(turret.step(wish.pan, wish.tilt, holder))


@blueprint.post("/api/turret/aim")
@needs(Role.OPERATOR)
@blueprint.input(AimWish, arg_name="wish")
@blueprint.output(TurretOut)
def aim(wish: AimWish) -> TurretOut:
    """Move to a position, or to a place in the picture as near as the limits allow."""
    rig, pan_deg, tilt_deg = context().rig, wish.pan_deg, wish.tilt_deg
    if wish.x is not None or wish.y is not None:
        state = rig.turret.state
        pan_deg, tilt_deg = rig.aiming.target(*_place_in(wish), state.pan, state.tilt)
    return done(rig.turret.aim(pan_deg, tilt_deg, account().username))


@blueprint.post("/api/turret/home")
@needs(Role.OPERATOR)
@blueprint.output(TurretOut)
def home() -> TurretOut:
    """Move every servo home."""
    return done(context().rig.turret.home(account().username))


@blueprint.post("/api/turret/centre")
@needs(Role.OPERATOR)
@blueprint.output(TurretOut)
def centre() -> TurretOut:
    """Take the present place of a pan motor for the middle, from which its net run counts."""
    return done(context().rig.turret.centre(account().username))


@blueprint.post("/api/turret/stop")
@needs(Role.VIEWER)
@blueprint.output(TurretOut)
def stop() -> TurretOut:
    """Stand still and disarm; anybody may."""
    return done(context().rig.turret.stop(account().username))


@blueprint.post("/api/turret/arm")
@needs(Role.GUNNER)
@blueprint.output(TurretOut)
def arm() -> TurretOut:
    """Let the trigger fire for a while."""
    return done(context().rig.turret.arm(account().username))


@blueprint.post("/api/turret/disarm")
@needs(Role.VIEWER)
@blueprint.output(TurretOut)
def disarm() -> TurretOut:
    """Let the trigger fire no more; anybody may."""
    return done(context().rig.turret.disarm())


@blueprint.post("/api/turret/fire")
@needs(Role.GUNNER)
@blueprint.output(TurretOut)
def fire() -> TurretOut:
    """Fire once."""
    return done(context().rig.turret.fire(account().username))


@blueprint.post("/api/turret/lease")
@needs(Role.OPERATOR)
@blueprint.input(LeaseWish, arg_name="wish")
@blueprint.output(TurretOut)
def take_lease(wish: LeaseWish) -> TurretOut:
    """Take the free controls, renew one's own, ask for them, keep them, or take them over."""
    turret, person = context().rig.turret, account()
    if wish.ask + wish.keep + wish.take_over > 1:
        raise BadField("ask", "ask, keep and take_over: only one of them at a time")
    if wish.take_over:
        refuse_low_role(person, Role.ADMIN)
        turret.controls.take_over(person.username)
    elif wish.ask:
        turret.controls.ask(person.username)
    elif wish.keep:
        turret.controls.keep(person.username)
    else:
        turret.controls.take(person.username)
    return done(turret.state)


@blueprint.delete("/api/turret/lease")
@needs(Role.OPERATOR)
@blueprint.output(TurretOut)
def release_lease() -> TurretOut:
    """Give one's own controls back, to whoever asks for them; who only asked, asks no more."""
    turret = context().rig.turret
    turret.controls.release(account().username)
    return done(turret.state)


def done(state: TurretState) -> TurretOut:
    """What a command answers to whoever asked."""
    return turret_out(context().rig, state, account().username)


def account() -> Account:
    """Who asks."""
    known: Account = g.account
    return known


def _place_in(wish: AimWish) -> tuple[float, float]:
    """:raises BadField: when a place is not whole, or comes together with degrees."""
    if wish.pan_deg is not None or wish.tilt_deg is not None:
        raise BadField("x", "x and y are a place in the picture, pan_deg and tilt_deg a position; not both at once")
    if wish.x is None or wish.y is None:
        raise BadField("y" if wish.y is None else "x", "x and y go together")
    return wish.x, wish.y
