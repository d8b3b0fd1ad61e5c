"""From settings to parts: which pan, tilt and trigger this turret has."""

from __future__ import annotations

from collections.abc import Callable

from errors import NoDevice, NotSupported
from hardware.axis import Axis, MissingAxis
from hardware.motor import Motor
from hardware.net_run import RunMemory
from hardware.pins import Pins
from hardware.servo import Servo
from hardware.servo_drivers import ServoDrivers
from hardware.trigger import AnyTrigger, MissingTrigger, Trigger
from settings import PanSettings, Settings, TiltSettings

Clock = Callable[[], float]


def open_pan(pins: Pins, drivers: ServoDrivers, settings: Settings, clock: Clock, memory: RunMemory) -> Axis:
    """The pan axis, or one that says why there is none.

    :raises NoDevice: with `[turret] hardware = required`, when its pins cannot be had.
    """
    try:
        if settings.pan.kind == "motor":
            return _motor(pins, settings, clock, memory)
        return _servo("pan", drivers, settings.pan, settings, clock)
    except (NoDevice, NotSupported) as error:
        return MissingAxis(_only_if_bearable(error, settings))


def open_tilt(drivers: ServoDrivers, settings: Settings, clock: Clock) -> Axis:
    """The tilt axis, or one that says why there is none.

    :raises NoDevice: with `[turret] hardware = required`, when its pins cannot be had.
    """
    try:
        return _servo("tilt", drivers, settings.tilt, settings, clock)
    except (NoDevice, NotSupported) as error:
        return MissingAxis(_only_if_bearable(error, settings))


def open_trigger(pins: Pins, settings: Settings, clock: Clock) -> AnyTrigger:
    """The trigger, or one that says why there is none.

    :raises NoDevice: with `[turret] hardware = required`, when its pin cannot be had.
    """
    own = settings.trigger
    if own.kind == "none":
        return MissingTrigger(NotSupported("there is no trigger: [trigger] kind = none"))
    try:
        pin = pins.output(own.pin, f"[trigger] pin {own.pin}", is_high=not own.active_high)
    except NoDevice as error:
        return MissingTrigger(_only_if_bearable(error, settings))
    return Trigger(pin, own, settings.turret.arm_timeout_s, clock)


def _motor(pins: Pins, settings: Settings, clock: Clock, memory: RunMemory) -> Axis:
    own, timeout_s = settings.pan, settings.turret.drive_timeout_ms / 1000
    # Enable first: it keeps the motor still while the other two are claimed.
    pwm_hz = own.pwm_hz if own.has_pulses else None
    enable = pins.power(own.enable_pin, f"[pan] enable_pin {own.enable_pin}", pwm_hz)
    left = pins.output(own.left_pin, f"[pan] left_pin {own.left_pin}")
    right = pins.output(own.right_pin, f"[pan] right_pin {own.right_pin}")
    return Motor("pan", left, right, enable, own, timeout_s, clock, memory.load(), memory.note)


def _servo(name: str, drivers: ServoDrivers, own: PanSettings | TiltSettings, settings: Settings, clock: Clock) -> Axis:
    if own.kind == "none":
        raise NotSupported(f"there is no {name}: [{name}] kind = none")
    return Servo(name, drivers.open(name, own), own, settings.turret.drive_timeout_ms / 1000, clock)


def _only_if_bearable(error: NoDevice | NotSupported, settings: Settings) -> NoDevice | NotSupported:
    if settings.turret.hardware == "required" and isinstance(error, NoDevice):
        raise error
    return error
