"""A DC motor behind an L293D or alike: two inputs choose the direction, the enable input lets it run.

How long the enable input is high in every pulse is the motor's power (`power.py`). It has no position.
So every run has an end that the dead-man enforces, and a bound on how much longer it may run to one side
than to the other keeps it from winding up its cable; that net run outlives the program (`net_run.py`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from errors import NotSupported
from hardware.axis import AxisState, Part
from hardware.net_run import NetRun
from hardware.pins import OutputPin, PowerPin
from hardware.power import STEP_S, power_after, power_of
from settings import PanSettings

LONGEST_STEP_S = 2.0
UNSURE = (
    "The program ended while the pan motor ran, so nobody knows how far its cable is wound: it turns only as far as is "
    "safe wherever it stands. Bring it to the middle, then press “It points straight ahead now” under “More”."
)


class Motor(Part):
    """One motor axis. The direction never changes while it is enabled; `invert` swaps what the two inputs mean.

    Its power rises softly in `tick`, and in the commands that renew a drive; it is off at once.

    :param drive_timeout_s: a drive that is not renewed ends after this long.
    :param net: the net run at the start.
    :param on_net_run: called when a run begins, with what it may come to, and when it is over, with what it was; in the
        thread that moves the pins, so it must return at once.
    """

    def __init__(
        self,
        name: str,
        left: OutputPin,
        right: OutputPin,
        enable: PowerPin,
        settings: PanSettings,
        drive_timeout_s: float = 0.4,
        clock: Callable[[], float] = time.monotonic,
        net: NetRun = NetRun(),
        on_net_run: Callable[[NetRun], None] = lambda run: None,
    ) -> None:
        super().__init__(name)
        self._left, self._right, self._enable = left, right, enable
        self._settings = settings
        self._drive_timeout_s = drive_timeout_s
        self._clock = clock
        self._net = net
        self._on_net_run = on_net_run
        self._direction = 0
        self._until = 0.0
        self._counted_at = 0.0
        self._power = 0.0
        self._target = 0.0
        self._powered_at = 0.0
        self._is_drive = False
        self._has_lapsed = False

    @property
    def state(self) -> AxisState:
        """What the motor is doing; plain reads, never waits."""
        net, limit_s = self._net, self._settings.net_run_limit_s
        at_limit = min(net.left_s(+1, self._limit_s), net.left_s(-1, self._limit_s)) <= 0
        return AxisState(
            "motor",
            self._direction != 0,
            None,
            None,
            at_limit,
            net_run_s=net.worst_s,
            net_run_limit_s=limit_s or None,
            warning=None if net.is_sure or not limit_s else UNSURE,
        )

    def drive(self, velocity: float) -> AxisState:
        """Turn right (positive) or left until the drive time-out; a stick that hardly moved stops it."""
        with self._lock:
            self._check_open()
            if power := power_of(velocity, self._settings):
                self._run(1 if velocity > 0 else -1, power, self._drive_timeout_s, is_drive=True)
            else:
                self._halt(self._clock())
        return self.state

    def step(self, clicks: float) -> AxisState:
        """Turn for so many times `step_s`, at most LONGEST_STEP_S; the dead-man ends it."""
        with self._lock:
            self._check_open()
            if clicks:
                run_s = min(abs(clicks) * self._settings.step_s, LONGEST_STEP_S)
                self._run(1 if clicks > 0 else -1, self._full_power, run_s, is_drive=False)
        return self.state

    def turn(self, delta_deg: float) -> AxisState:
        """:raises NotSupported: nothing measures a motor's degrees."""
        raise NotSupported(f"{self.name} is a motor, which cannot turn by degrees")

    def aim(self, position_deg: float) -> AxisState:
        """:raises NotSupported: nothing measures a motor's position."""
        raise NotSupported(f"{self.name} is a motor, which has no position to aim at")

    def home(self) -> AxisState:
        """Nothing to do: a motor has no home."""
        return self.state

    def centre(self) -> AxisState:
        """Stand still, and take this place for the middle."""
        with self._lock:
            self._check_open()
            self._halt(self._clock())
            self._net = NetRun()
            self._on_net_run(self._net)
        return self.state

    def stop(self) -> None:
        """Stand still."""
        self._cut = object()
        with self._seized():
            self._halt(self._clock())

    def make_safe(self) -> None:
        """Switch everything off at once, which is no more than standing still."""
        self.stop()

    def tick(self, now: float) -> float | None:
        """End a run whose time is over, raise the power of another; answers when it is due again."""
        with self._lock:
            cut = self._cut
            self._count(now)
            if not self._direction:
                return None
            left_s = self._left_to_run_s(self._direction)
            if now < self._until and left_s > 0:
                self._feed(now, cut)
                rises_at = now + STEP_S if self._power < self._target else math.inf
                return min(self._until, now + left_s, rises_at)
            self._has_lapsed = self._is_drive and now >= self._until
            self._halt(now)
            return None

    def take_lapse(self) -> bool:
        """True once after a drive ended because nobody renewed it."""
        has_lapsed, self._has_lapsed = self._has_lapsed, False
        return has_lapsed

    def close(self) -> None:
        """Everything off for good; works twice."""
        self._is_closed = True
        self.make_safe()

    def _run(self, direction: int, power: float, run_s: float, is_drive: bool) -> None:
        cut, now = self._cut, self._clock()
        self._count(now)
        if self._left_to_run_s(direction) <= 0:
            self._halt(now)
            return
        self._until, self._is_drive, self._target = now + run_s, is_drive, power
        if direction == self._direction:
            self._feed(now, cut)
        else:
            self._halt(now)
            self._turn_on(direction, now, cut)

    def _turn_on(self, direction: int, now: float, cut: object) -> None:
        """Inputs first, enable last."""
        if self._settings.net_run_limit_s:
            self._on_net_run(self._net.interrupted(direction, self._settings.net_run_limit_s))
        is_right = (direction > 0) is not self._settings.invert
        self._left.set(not is_right)
        self._right.set(is_right)
        self._direction, self._counted_at = direction, now
        self._powered_at = now - STEP_S  # the first step of a soft start is due at once
        self._feed(now, cut)

    def _feed(self, now: float, cut: object) -> None:
        """Give the motor the power it has by now; off if it was made safe since `cut` was looked at.

        :param cut: `_cut` as it was when the lock was taken, before anything else was looked at.
        """
        power = power_after(now - self._powered_at, self._power, self._target, self._settings)
        self._powered_at = now
        if power != self._power and self._cut is cut:
            self._power = power
            self._enable.set(power)
        if self._cut is not cut:
            self._halt(now)

    def _halt(self, now: float) -> None:
        """Enable first, inputs last; each is written even if the one before fails."""
        self._count(now)
        was_running, self._direction, self._power = self._direction != 0, 0, 0.0
        try:
            self._enable.set(0.0)
        finally:
            try:
                self._left.set(False)
            finally:
                self._right.set(False)
        if was_running:
            self._on_net_run(self._net)

    def _count(self, now: float) -> None:
        """Seconds at the power of `speed_percent`; those at less count for less.

        That a motor turns in proportion to its power is not true, only not far from it.
        """
        if self._direction:
            run_s = max(0.0, now - self._counted_at) * self._power / self._full_power
            self._net = self._net.moved(self._direction * run_s)
            self._counted_at = now

    def _left_to_run_s(self, direction: int) -> float:
        return self._net.left_s(direction, self._limit_s)

    @property
    def _full_power(self) -> float:
        return self._settings.speed_percent / 100

    @property
    def _limit_s(self) -> float:
        return self._settings.net_run_limit_s or math.inf
