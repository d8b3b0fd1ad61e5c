"""The trigger: disarmed unless somebody armed it lately, one bounded pulse per shot."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from errors import Busy, NotArmed, TurretError
from hardware.axis import Part
from hardware.pins import OutputPin
from settings import TriggerSettings

LONGEST_PULSE_S = 1.0


@dataclass(frozen=True)
class TriggerState:
    """What the trigger is doing.

    :ivar armed_for_s: until it disarms by itself; 0 while it is disarmed.
    :ivar cooling_s: until it may fire again; 0 when it may.
    :ivar reason: why there is no trigger; None when there is.
    """

    armed: bool
    armed_for_s: float
    firing: bool
    cooling_s: float
    reason: str | None = None


class AnyTrigger(Protocol):
    """A trigger, there or not. Any thread may call any method; none blocks."""

    @property
    def state(self) -> TriggerState:
        """What the trigger is doing."""

    def arm(self) -> None:
        """Let it fire for the time the settings give."""

    def disarm(self) -> None:
        """Let it fire no more; a shot under way is cut off."""

    def fire(self) -> None:
        """Fire once."""

    def make_safe(self) -> None:
        """Disarm and switch off at once, even while another thread hangs in here."""

    def tick(self, now: float) -> float | None:
        """Do what is due; answers when to be called again."""

    def close(self) -> None:
        """Make safe for good; works twice."""


class Trigger(Part):
    """One output that fires while it is on. Pulse and arming are ended by `tick`, which the dead-man calls."""

    def __init__(
        self,
        pin: OutputPin,
        settings: TriggerSettings,
        arm_timeout_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("trigger")
        self._pin = pin
        self._settings = settings
        self._arm_timeout_s = arm_timeout_s
        self._clock = clock
        self._armed_until: float | None = None
        self._off_at: float | None = None
        self._ready_at = 0.0

    @property
    def state(self) -> TriggerState:
        """What the trigger is doing; plain reads, never waits."""
        now, armed_until = self._clock(), self._armed_until
        armed_for_s = 0.0 if armed_until is None else max(0.0, armed_until - now)
        cooling_s = max(0.0, self._ready_at - now)
        return TriggerState(armed_for_s > 0, armed_for_s, self._off_at is not None, cooling_s)

    def arm(self) -> None:
        """Let it fire until the arm time-out."""
        with self._lock:
            self._check_open()
            cut = self._cut
            self._armed_until = self._clock() + self._arm_timeout_s
            if self._cut is not cut:
                self._armed_until = None

    def disarm(self) -> None:
        """Let it fire no more; a shot under way is cut off."""
        self._cut = object()
        with self._seized() as is_ours:
            if not is_ours:
                self._cut = object()  # who holds the lock may have looked after the first
            self._disarm()

    def fire(self) -> None:
        """Fire once.

        :raises NotArmed: while it is disarmed.
        :raises Busy: during a shot and during the cooldown.
        """
        with self._lock:
            self._check_open()
            cut, now = self._cut, self._clock()
            if self._armed_until is None or now >= self._armed_until:
                raise NotArmed("the trigger is disarmed; arm it first")
            if now < self._ready_at or self._off_at is not None:
                left_s = max(0.0, self._ready_at - now)
                raise Busy(f"the trigger is at its last shot, ready in {left_s:.1f} s", left_s)
            pulse_s = min(self._settings.pulse_ms / 1000, LONGEST_PULSE_S)
            self._off_at, self._ready_at = now + pulse_s, now + pulse_s + self._settings.cooldown_s
            self._turn_on(cut)

    def make_safe(self) -> None:
        """Disarm and switch off at once."""
        self.disarm()

    def tick(self, now: float) -> float | None:
        """End the pulse and the arming whose time is over; answers when the next of them, or the cooldown, ends."""
        with self._lock:
            if self._armed_until is not None and now >= self._armed_until:
                self._disarm()
            if self._off_at is not None and now >= self._off_at:
                self._turn_off()
            ready_at = self._ready_at if self._ready_at > now else None
            return min((at for at in (self._off_at, self._armed_until, ready_at) if at is not None), default=None)

    def close(self) -> None:
        """Off for good; works twice."""
        self._is_closed = True
        self.make_safe()

    def _disarm(self) -> None:
        self._armed_until = None
        self._turn_off()

    def _turn_on(self, cut: object) -> None:
        """:param cut: what `_cut` was before it was seen that it is armed."""
        if self._cut is cut:
            self._pin.set(self._settings.active_high)
        if self._cut is not cut:
            self._disarm()

    def _turn_off(self) -> None:
        self._pin.set(not self._settings.active_high)
        self._off_at = None


class MissingTrigger:
    """A trigger that is not there and says why."""

    def __init__(self, error: TurretError) -> None:
        self._error = error
        self.state = TriggerState(False, 0.0, False, 0.0, str(error))

    def arm(self) -> None:
        """:raises NotSupported, NoDevice: always."""
        raise type(self._error)(str(self._error))

    def fire(self) -> None:
        """:raises NotSupported, NoDevice: always."""
        raise type(self._error)(str(self._error))

    def disarm(self) -> None:
        """Nothing to do."""

    def make_safe(self) -> None:
        """Nothing to do."""

    def tick(self, now: float) -> float | None:
        """Nothing to do."""
        return None

    def close(self) -> None:
        """Nothing to do."""
