"""What people see of the turret, and when there is something new to see."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from hardware.axis import AxisState
from hardware.lease import LeaseState
from hardware.trigger import TriggerState

MOVING_PERIOD_S = 0.1
# Pages count seconds down by themselves, so a deadline is news once it is later or sooner than they think by this.
DEADLINE_DRIFT_S = 0.5


@dataclass(frozen=True)
class TurretState:
    """Everything a page shows.

    :ivar at_s: when it was looked at, seconds of the turret's clock; of two states the later one counts.
    :ivar simulated: the pins are not real; `reason` says why.
    :ivar warnings: what people should know and can change, a sentence each.
    """

    at_s: float
    pan: AxisState
    tilt: AxisState
    trigger: TriggerState
    lease: LeaseState
    simulated: bool
    reason: str | None
    warnings: tuple[str, ...] = ()


class News:
    """Knows what was told last. Its fields are replaced, never changed: two threads at once tell twice, at worst."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: object = None
        self._told_deadlines = (0.0, 0.0)
        self._told_at = -math.inf

    def is_in(self, state: TurretState) -> bool:
        """True when this state is worth telling, and has to be told then.

        For mere positions that is at most every MOVING_PERIOD_S, for renewed deadlines every DEADLINE_DRIFT_S.
        """
        now = self._clock()
        told, deadlines = _switches(state), (now + state.lease.seconds_left, now + state.trigger.armed_for_s)
        has_moved = (state.pan.moving or state.tilt.moving) and now - self._told_at >= MOVING_PERIOD_S
        if told == self._told and not has_moved and not self._has_drifted(state, deadlines):
            return False
        self._told, self._told_deadlines, self._told_at = told, deadlines, now
        return True

    def _has_drifted(self, state: TurretState, deadlines: tuple[float, float]) -> bool:
        counts = (state.lease.holder is not None, state.trigger.armed)
        return any(
            is_counting and abs(deadline - told) >= DEADLINE_DRIFT_S
            for is_counting, deadline, told in zip(counts, deadlines, self._told_deadlines, strict=True)
        )


def _switches(state: TurretState) -> object:
    """All that is told as soon as it is different."""
    trigger, lease, axes = state.trigger, state.lease, (state.pan, state.tilt)
    return (
        *((axis.kind, axis.moving, axis.at_limit) for axis in axes),
        *(None if axis.moving else axis.net_run_s for axis in axes),
        (trigger.armed, trigger.firing, trigger.cooling_s > 0),
        (lease.holder, lease.asked_by),
        state.warnings,
    )
