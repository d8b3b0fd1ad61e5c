"""A servo: degrees become pulse widths, commands become soft motions inside the limits.

The position is the one we told the servo, it cannot tell us its own. Motions advance in `tick`,
which the dead-man calls; the driver below only repeats the pulse it was given last.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from errors import NotSupported, OutOfRange
from hardware.axis import AxisState, Part
from hardware.ramp import Motion, position_after
from settings import ServoSettings

TICK_S = 0.02  # one frame of a servo: more often has no effect


class ServoDriver(Protocol):
    """What makes the pulses."""

    def set_pulse_us(self, pulse_us: float | None) -> None:
        """Repeat a pulse of this width; None switches the pulses off.

        :raises NoDevice: when the device refuses.
        """

    def close(self) -> None:
        """Switch the pulses off for good; works twice."""


def pulse_us_of(position_deg: float, settings: ServoSettings) -> float:
    """The pulse width that stands for a position within the travel."""
    share = position_deg / settings.travel_deg
    if settings.invert:
        share = 1 - share
    return settings.min_pulse_us + share * (settings.max_pulse_us - settings.min_pulse_us)


class Servo(Part):
    """One servo axis. Before the first command and after `settle_s` of rest it gets no pulses.

    :param drive_timeout_s: a drive that is not renewed ends after this long.
    """

    def __init__(
        self,
        name: str,
        driver: ServoDriver,
        settings: ServoSettings,
        drive_timeout_s: float = 0.4,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name)
        self._driver = driver
        self._settings = settings
        self._drive_timeout_s = drive_timeout_s
        self._clock = clock
        self._motion = Motion(settings.start_deg)
        self._target_deg: float | None = None
        self._speed_deg_s = settings.speed_deg_s
        self._drive_until: float | None = None
        self._moved_at = 0.0
        self._off_at: float | None = None
        self._has_lapsed = False

    @property
    def state(self) -> AxisState:
        """What the servo is doing; plain reads, never waits."""
        position_deg, target_deg = self._motion.position_deg, self._target_deg
        limits_deg = (self._settings.lowest_deg, self._settings.highest_deg)
        aim_deg = position_deg if target_deg is None or self._drive_until is not None else target_deg
        return AxisState(
            "servo",
            target_deg is not None,
            position_deg,
            limits_deg,
            aim_deg in limits_deg,
            target_deg,
            driver=self._settings.driver,
        )

    def drive(self, velocity: float) -> AxisState:
        """Move at this share of the top speed, -1..1, until the drive time-out; 0 stops."""
        with self._lock:
            self._check_open()
            if velocity == 0:
                self._halt(self._clock())
            else:
                limit_deg = self._settings.highest_deg if velocity > 0 else self._settings.lowest_deg
                self._go(limit_deg, min(abs(velocity), 1.0) * self._settings.speed_deg_s, self._drive_timeout_s)
        return self.state

    def step(self, clicks: float) -> AxisState:
        """Move by so many clicks of `step_deg`; clicks during a move add up."""
        return self.turn(clicks * self._settings.step_deg)

    def turn(self, delta_deg: float) -> AxisState:
        """Move by so many degrees, as far as the limits allow; turns during a move add up."""
        with self._lock:
            self._check_open()
            is_aiming = self._target_deg is not None and self._drive_until is None
            base_deg = self._target_deg if is_aiming and self._target_deg is not None else self._motion.position_deg
            self._go(base_deg + delta_deg, self._settings.speed_deg_s)
        return self.state

    def aim(self, position_deg: float) -> AxisState:
        """Move to this position.

        :raises OutOfRange: outside the limits.
        """
        lowest_deg, highest_deg = self._settings.lowest_deg, self._settings.highest_deg
        if not lowest_deg <= position_deg <= highest_deg:
            message = f"{self.name} {position_deg:g} deg is outside {lowest_deg:g}..{highest_deg:g} deg"
            raise OutOfRange(f"{self.name}_deg", message)
        with self._lock:
            self._check_open()
            self._go(position_deg, self._settings.speed_deg_s)
        return self.state

    def home(self) -> AxisState:
        """Move to the start position."""
        return self.aim(self._settings.start_deg)

    def centre(self) -> AxisState:
        """:raises NotSupported: a servo knows its middle."""
        raise NotSupported(f"{self.name} is a servo, which knows where its middle is; only a motor can be centred")

    def stop(self) -> None:
        """Stand still where it is; the pulses go off after settling."""
        with self._seized():
            self._halt(self._clock())

    def make_safe(self) -> None:
        """Switch the pulses off at once."""
        self._cut = object()
        with self._seized():
            self._target_deg = self._drive_until = self._off_at = None
            self._motion = Motion(self._motion.position_deg)
            self._driver.set_pulse_us(None)

    def tick(self, now: float) -> float | None:
        """Move on, end drives nobody renewed, switch off pulses after settling; answers when it is due again."""
        with self._lock:
            if self._target_deg is not None and self._drive_until is not None and now >= self._drive_until:
                self._has_lapsed = True
                self._halt(now)
            if self._target_deg is not None:
                self._advance(now, self._target_deg)
            if self._off_at is not None and now >= self._off_at:
                self._off_at = None
                self._driver.set_pulse_us(None)
            if self._target_deg is None:
                return self._off_at
            return now + TICK_S if self._drive_until is None else min(now + TICK_S, self._drive_until)

    def take_lapse(self) -> bool:
        """True once after a drive ended because nobody renewed it."""
        has_lapsed, self._has_lapsed = self._has_lapsed, False
        return has_lapsed

    def close(self) -> None:
        """Pulses off for good; works twice."""
        self._is_closed = True
        self.make_safe()
        self._driver.close()

    def _go(self, target_deg: float, speed_deg_s: float, timeout_s: float | None = None) -> None:
        now, settings = self._clock(), self._settings
        if self._target_deg is None:
            self._moved_at = now
        target_deg = max(settings.lowest_deg, min(settings.highest_deg, target_deg))
        self._speed_deg_s = speed_deg_s
        self._drive_until = None if timeout_s is None else now + timeout_s
        self._target_deg, self._off_at = target_deg, None
        self._show()
        if target_deg == self._motion.position_deg and not self._motion.velocity_deg_s:
            self._halt(now)

    def _advance(self, now: float, target_deg: float) -> None:
        settings = self._settings
        motion = position_after(
            now - self._moved_at, self._motion, target_deg, self._speed_deg_s, settings.acceleration_deg_s2
        )
        position_deg = max(settings.lowest_deg, min(settings.highest_deg, motion.position_deg))
        self._motion = motion if position_deg == motion.position_deg else Motion(position_deg)
        self._moved_at = now
        self._show()
        if self._motion == (target_deg, 0.0):
            self._halt(now)

    def _halt(self, now: float) -> None:
        was_moving = self._target_deg is not None
        self._target_deg = self._drive_until = None
        self._motion = Motion(self._motion.position_deg)
        if was_moving and not self._settings.hold:
            self._off_at = now + self._settings.settle_s

    def _show(self) -> None:
        """Give the driver the pulse of the present position, unless the servo was made safe meanwhile."""
        cut = self._cut
        self._driver.set_pulse_us(pulse_us_of(self._motion.position_deg, self._settings))
        if self._cut is not cut:
            self._target_deg = None
            self._driver.set_pulse_us(None)
