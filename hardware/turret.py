"""The turret: pan, tilt and trigger behind one door that enforces who may move them and for how long.

Routes call it directly; no call blocks for the length of a move. Every command of a holder takes or
renews the control lease first. What it started is ended by the dead-man, by `stop` (anybody), by the
loss of the lease and by `close`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from errors import Busy, NotArmed, NotSupported, NotWatched, OutOfRange
from hardware.advice import warnings_of
from hardware.axis import Axis, MissingAxis
from hardware.checks import check_limits, check_numbers, check_there
from hardware.controls import Controls
from hardware.deadman import DeadMan
from hardware.errand import Errands
from hardware.lease import Lease
from hardware.net_run import RunMemory
from hardware.news import News, TurretState
from hardware.parts import open_pan, open_tilt, open_trigger
from hardware.pins import Pins, open_pins
from hardware.servo_drivers import ServoDrivers
from hardware.trigger import AnyTrigger, MissingTrigger
from settings import Settings
from threads import do_each

MOST_CLICKS = 20.0
# What a command may answer without anything being wrong; after any other error everything is switched off.
REFUSALS = (Busy, NotArmed, NotSupported, NotWatched, OutOfRange)


class Turret:
    """Built safe and closed; `open` claims the pins, `close` works twice and after a failed open.

    Any thread may call any method.

    :param on_change: called after every visible change (`News` says which), by the thread that made it, so it must
        not block.
    :param pins: pins to use instead of the ones `settings` ask for.
    :param has_threads: False when a test beats the dead-man by hand, together with a `clock` it moves.
    :param run_memory: keeps a motor's net run over restarts; None forgets it.
    """

    def __init__(
        self,
        settings: Settings,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        pins: Pins | None = None,
        has_threads: bool = True,
        run_memory: RunMemory | None = None,
    ) -> None:
        self.on_change = on_change
        closed = NotWatched("the turret is closed")
        self.pan: Axis = MissingAxis(closed)
        self.tilt: Axis = MissingAxis(closed)
        self.trigger: AnyTrigger = MissingTrigger(closed)
        self._lease = Lease(settings.turret.lease_s, self._halt, clock)
        self.dead_man: DeadMan | None = None
        self._settings = settings
        self._clock = clock
        self._pins = pins
        self._has_threads = has_threads
        self._run_memory = run_memory or RunMemory()
        self._warnings: tuple[str, ...] = ()
        self.errands = Errands(self._lease, clock)
        self.controls = Controls(self._lease, self.errands, settings.turret.drive_timeout_ms / 1000, self._watch, clock)
        self._news = News(clock)

    def open(self) -> None:
        """Claim the pins, everything off, and start the dead-man.

        A part that cannot be opened is there as one that says why, unless `[turret] hardware = required`.

        :raises NoDevice: with `hardware = required`, when pins or a part cannot be opened.
        """
        try:
            self._pins = self._pins or open_pins(self._settings.turret.hardware)
            drivers = ServoDrivers(self._pins, self._settings)
            self.pan = open_pan(self._pins, drivers, self._settings, self._clock, self._run_memory)
            self.tilt = open_tilt(drivers, self._settings, self._clock)
            self.trigger = open_trigger(self._pins, self._settings, self._clock)
            self._warnings = warnings_of(self._pins, self.pan.state, self.tilt.state)
            wards = (self.pan, self.tilt, self.trigger, self._lease)
            self.dead_man = DeadMan(wards, self._after_beat, self._clock)
            if self._has_threads:
                self.dead_man.start()
                self._run_memory.start()
        except BaseException:
            self.close()
            raise

    @property
    def state(self) -> TurretState:
        """What everything is doing; never waits for the hardware."""
        at_s = self._clock()
        reason = self._pins.simulated_because if self._pins else "the turret is closed"
        pan, tilt = self.pan.state, self.tilt.state
        warnings = (*self._warnings, *(axis.warning for axis in (pan, tilt) if axis.warning is not None))
        trigger, lease = self.trigger.state, self._lease.state
        return TurretState(at_s, pan, tilt, trigger, lease, reason is not None, reason, warnings)

    def drive(self, pan: float | None, tilt: float | None, holder: str) -> TurretState:
        """Move at these shares of the top speed, -1..1, right and up positive; to be renewed within the time-out.

        0 stops that axis, None leaves it alone.

        :raises OutOfRange: for anything but a number in -1..1.
        :raises Busy: while somebody else holds the controls, or after somebody else stopped this holder, who has to
            let go for one time-out first; so does every other command.
        :raises NotSupported, NoDevice: when that axis is not there.
        """
        check_numbers(-1, 1, pan=pan, tilt=tilt)
        check_there((self.pan, pan or None), (self.tilt, tilt or None))
        with self._command(holder):
            if pan is not None:
                self.pan.drive(pan)
            if tilt is not None:
                self.tilt.drive(tilt)
        return self.state

    def step(self, pan: float | None, tilt: float | None, holder: str) -> TurretState:
        """Move by so many clicks, right and up positive; 0 or None leaves an axis alone.

        :raises OutOfRange: for anything but a number in -MOST_CLICKS..MOST_CLICKS.
        """
        check_numbers(-MOST_CLICKS, MOST_CLICKS, pan=pan, tilt=tilt)
        check_there((self.pan, pan or None), (self.tilt, tilt or None))
        with self._command(holder):
            if pan:
                self.pan.step(pan)
            if tilt:
                self.tilt.step(tilt)
        return self.state

    def turn(self, pan_deg: float | None, tilt_deg: float | None, holder: str) -> TurretState:
        """Move by so many degrees, as far as the limits allow; 0 or None leaves an axis alone.

        :raises OutOfRange: for anything but a number in -360..360.
        :raises NotSupported: for a motor, which does not know degrees.
        """
        check_numbers(-360, 360, pan_deg=pan_deg, tilt_deg=tilt_deg)
        check_there((self.pan, pan_deg or None), (self.tilt, tilt_deg or None))
        with self._command(holder):
            if pan_deg:
                self.pan.turn(pan_deg)
            if tilt_deg:
                self.tilt.turn(tilt_deg)
        return self.state

    def aim(self, pan_deg: float | None, tilt_deg: float | None, holder: str) -> TurretState:
        """Move to these positions; None leaves an axis alone.

        :raises OutOfRange: for anything but a number within the axis' limits; then neither axis moves.
        :raises NotSupported: for a motor, which has no position.
        """
        check_numbers(0, 360, pan_deg=pan_deg, tilt_deg=tilt_deg)
        check_limits("pan", pan_deg, self.pan.state)
        check_limits("tilt", tilt_deg, self.tilt.state)
        check_there((self.pan, pan_deg), (self.tilt, tilt_deg))
        with self._command(holder):
            if pan_deg is not None:
                self.pan.aim(pan_deg)
            if tilt_deg is not None:
                self.tilt.aim(tilt_deg)
        return self.state

    def home(self, holder: str) -> TurretState:
        """Move every servo to its start position."""
        with self._command(holder):
            self.pan.home()
            self.tilt.home()
        return self.state

    def centre(self, holder: str) -> TurretState:
        """Take the present place of a pan motor for the middle, from which its net run counts.

        :raises NotSupported: when pan is no motor.
        """
        with self._command(holder):
            self.pan.centre()
        return self.state

    def arm(self, holder: str) -> TurretState:
        """Let the trigger fire until the arm time-out, a stop, or the loss of the lease."""
        with self._command(holder):
            self.trigger.arm()
        return self.state

    def fire(self, holder: str) -> TurretState:
        """Fire once.

        :raises NotArmed: while the trigger is disarmed.
        :raises Busy: during a shot or the cooldown.
        """
        with self._command(holder):
            self.trigger.fire()
        return self.state

    def disarm(self) -> TurretState:
        """Let the trigger fire no more; anybody may."""
        do_each(self.trigger.disarm)
        self._tell()
        return self.state

    def stop(self, by: str | None = None) -> TurretState:
        """Stand still and disarm; anybody may, with or without the lease.

        :param by: who stops. When that is not the holder, the holder's commands are refused until they pause for one
            time-out: a held arrow does not win against somebody's STOP.
        """
        self.errands.note_stop()
        self.controls.note_stop(by)
        self._halt()
        self._tell()
        return self.state

    def lose_link(self, holder: str) -> None:
        """Nobody of this name sees the turret any more: a trigger they armed is disarmed."""
        if self.controls.is_held_by(holder):
            self.disarm()

    def make_safe(self) -> None:
        """Switch everything off at once, servo pulses too; never raises."""
        self.controls.note_halt()
        do_each(self.trigger.make_safe, self.pan.make_safe, self.tilt.make_safe)

    def close(self) -> None:
        """Switch everything off for good and give the pins back; works twice and after a failed `open`.

        The parts are forgotten before their pins are given back: nothing may write to a pin that is not ours.
        """
        self.make_safe()
        if self.dead_man is not None:
            do_each(self.dead_man.stop)
            self.dead_man = None
        do_each(self.trigger.close, self.pan.close, self.tilt.close, self._run_memory.close)
        self._forget_parts()
        if self._pins is not None:
            do_each(self._pins.close)

    def _forget_parts(self) -> None:
        closed = NotWatched("the turret is closed")
        self.pan = self.tilt = MissingAxis(closed)
        self.trigger = MissingTrigger(closed)

    @contextmanager
    def _command(self, holder: str) -> Iterator[None]:
        """Around everything that may start a motion or a shot."""
        dead_man = self.dead_man  # `close` forgets it
        if dead_man is None:
            raise NotWatched("the turret is closed")
        dead_man.check()
        mark = self.controls.admit(holder)
        try:
            yield
        except REFUSALS:
            raise
        except BaseException:
            self.make_safe()
            raise
        finally:
            self._watch()
        # Somebody may have stopped, or taken the controls, between our look at the lease and the pins.
        if not self.controls.confirm(holder, mark):
            self._halt()
            raise Busy("stopped by somebody else")

    def _watch(self) -> None:
        if (dead_man := self.dead_man) is not None:
            dead_man.wake()
        self._tell()

    def _halt(self) -> None:
        self.controls.note_halt()
        do_each(self.trigger.disarm, self.pan.stop, self.tilt.stop)

    def _after_beat(self) -> None:
        """A drive that nobody renewed is a lost link: nobody is there to see what the trigger would hit."""
        has_lapsed = [axis.take_lapse() for axis in (self.pan, self.tilt)]
        if any(has_lapsed):
            self.trigger.disarm()
        self._tell()

    def _tell(self) -> None:
        """Call `on_change` if there is news."""
        if self._news.is_in(self.state):
            do_each(self.on_change)
