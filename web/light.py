"""The light over HTTP."""

from __future__ import annotations

from apiflask import APIBlueprint
from pydantic import BaseModel

from hardware.lights import LightStatus
from store.accounts import Role
from web.context import context
from web.guard import needs
from web.wish import Wish

blueprint = APIBlueprint("light", __name__, tag="Light")


class LightWish(Wish):
    """What to change: `brightness` 0..255, `color` RRGGBB."""

    on: bool | None = None
    brightness: int | None = None
    color: str | None = None


class LightOut(BaseModel):
    """The light; `supported` is false where there is none, and `reason` says why. `at_s` as the turret's."""

    on: bool
    brightness: int
    color: str
    kind: str
    simulated: bool
    supported: bool
    reason: str | None
    at_s: float


@blueprint.get("/api/light")
@needs(Role.VIEWER)
@blueprint.output(LightOut)
def light() -> LightOut:
    """What the light was told, and how its device does."""
    return light_out(context().rig.lights.status)


@blueprint.patch("/api/light")
@needs(Role.OPERATOR)
@blueprint.input(LightWish, arg_name="wish")
@blueprint.output(LightOut)
def change_light(wish: LightWish) -> LightOut:
    """Change what is named; the answer is the new state."""
    lights = context().rig.lights
    lights.set(wish.on, wish.brightness, wish.color)
    return light_out(lights.status)


def light_out(status: LightStatus) -> LightOut:
    """The light's state as it goes over the wire."""
    return LightOut(
        on=status.state.is_on,
        brightness=status.state.brightness,
        color=status.state.color,
        kind=status.kind,
        simulated=status.is_simulated,
        supported=status.is_supported,
        reason=status.reason,
        at_s=status.at_s,
    )
