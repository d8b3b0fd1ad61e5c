"""The state of the turret as it goes over the wire."""

from __future__ import annotations

from pydantic import BaseModel

from hardware.axis import AxisState
from hardware.news import TurretState
from jobs.tour import PatrolState
from rig import Rig


class AxisOut(BaseModel):
    """One axis; `position_deg` is null where nothing measures it, `reason` says why there is none.

    `driver` is for servos: software, hardware or pca9685. `net_run_s` is for motors: how much longer it ran to the
    right than to the left; it may go up to `net_run_limit_s` each way, null for no bound.
    """

    kind: str
    driver: str | None
    moving: bool
    position_deg: float | None
    target_deg: float | None
    limits_deg: tuple[float, float] | None
    at_limit: bool
    net_run_s: float | None
    net_run_limit_s: float | None
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


class PatrolOut(BaseModel):
    """A patrol, which `paused` leaves running; times in seconds, null while they do not apply."""

    running: bool
    paused: bool
    preset_id: int
    preset_name: str
    seconds_left: float | None
    resumes_in_s: float | None


class TurretOut(BaseModel):
    """The whole turret; `simulated` means the pins are not real, and `reason` says why.

    `at_s` are seconds of a clock that only goes forward while the machine is on: of two answers that with the higher
    number is newer, whichever came last.
    `warnings` are sentences about what works, but should be changed.
    `presets` is another number after every change of the list, `home_in_s` null while nothing goes home by itself.
    """

    at_s: float
    pan: AxisOut
    tilt: AxisOut
    trigger: TriggerOut
    lease: LeaseOut
    simulated: bool
    reason: str | None
    warnings: list[str]
    patrol: PatrolOut | None
    calibrated: bool
    presets: int
    home_in_s: float | None


def turret_out(rig: Rig, state: TurretState, username: str | None) -> TurretOut:
    """The turret's state for one person; nobody's when `username` is None."""
    lease = state.lease
    return TurretOut(
        at_s=state.at_s,
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
        warnings=list(state.warnings),
        patrol=_patrol_out(rig.patrol.state),
        calibrated=rig.aiming.calibration is not None,
        presets=rig.presets.table.revision,
        home_in_s=_rounded(rig.patrol.home_in_s),
    )


def _patrol_out(state: PatrolState | None) -> PatrolOut | None:
    if state is None:
        return None
    return PatrolOut(
        running=True,
        paused=state.is_paused,
        preset_id=state.preset.id,
        preset_name=state.preset.name,
        seconds_left=_rounded(state.seconds_left),
        resumes_in_s=_rounded(state.resumes_in_s),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _axis_out(state: AxisState) -> AxisOut:
    return AxisOut(
        kind=state.kind,
        driver=state.driver,
        moving=state.moving,
        position_deg=_rounded(state.position_deg),
        target_deg=_rounded(state.target_deg),
        limits_deg=state.limits_deg,
        at_limit=state.at_limit,
        net_run_s=None if state.net_run_s is None else round(state.net_run_s, 2),
        net_run_limit_s=state.net_run_limit_s,
        reason=state.reason,
    )
