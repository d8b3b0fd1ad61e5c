"""Going home by itself after a time without commands."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from errors import Busy, NotWatched, TurretError
from hardware.errand import Moment
from hardware.turret import Turret

MOVING_POLL_S = 0.1
LOOK_S = 0.5  # who gives the controls back or disarms sets the turret free before it was to be

log = logging.getLogger(__name__)


class IdleHome:
    """Sends everything that has a position home. `step` is the work; it and `note_departure` are for one thread.

    Once per departure: who switches the turret on, or finds it at home, sees it stay there.

    :param idle_s: after so long without a command; 0 is never.
    """

    def __init__(self, turret: Turret, idle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._turret = turret
        self._idle_s = idle_s
        self._clock = clock
        self._departure = Moment(clock())
        self._home_since = (turret.errands.last_command, self._departure)
        self._is_moving = False

    @property
    def left_s(self) -> float | None:
        """Seconds until everything goes home; None when it is there, on its way, or does not by itself."""
        errands = self._turret.errands
        if not self._idle_s or self._home_since == (errands.last_command, self._departure):
            return None
        moments = (errands.last_command, errands.last_stop, self._departure)
        return max(max(moment.at for moment in moments) + self._idle_s - self._clock(), busy_for_s(self._turret), 0.0)

    def note_departure(self) -> None:
        """Something other than a person's command moves the turret."""
        self._departure, self._is_moving = Moment(self._clock()), False

    def step(self) -> float | None:
        """Do what is due; answers after how many seconds to be called again, None for never."""
        if self._is_moving:
            return self._look_after()
        left_s = self.left_s
        if left_s is None:
            return self._idle_s or None
        return min(left_s, LOOK_S) if left_s > 0 else self._go()

    def _go(self) -> float:
        errands = self._turret.errands
        since = (errands.last_command, self._departure)
        try:
            with errands.command() as holder:
                self._turret.home(holder)
        except (Busy, NotWatched):
            return MOVING_POLL_S
        except TurretError as error:
            log.warning("going home after %g s without a command: %s", self._idle_s, error)
        else:
            self._is_moving = True
        self._home_since = since
        return MOVING_POLL_S

    def _look_after(self) -> float:
        """Keep the controls while it moves, then give them back."""
        self._is_moving = is_underway(self._turret)
        return MOVING_POLL_S


def is_underway(turret: Turret) -> bool:
    """True while an errand of ours moves something; its lease is renewed, or given back at the end."""
    state = turret.state
    if state.pan.moving or state.tilt.moving:
        return turret.errands.renew()
    turret.errands.finish()
    return False


def busy_for_s(turret: Turret) -> float:
    """For how long at least the turret is not free for an errand: a person holds it, or the trigger is armed."""
    state = turret.state
    return max(state.lease.seconds_left, state.trigger.armed_for_s)
