"""From `[pan] driver` and `[tilt] driver` to what makes the pulses."""

from __future__ import annotations

from functools import partial

from hardware.pca9685 import Pca9685, Pca9685Pulses
from hardware.pins import Pins
from hardware.pwm import open_pwm
from hardware.servo import ServoDriver
from settings import PanSettings, Settings, TiltSettings


class ServoDrivers:
    """The drivers of one turret's servos; two on one PCA9685 share its board.

    With simulated pins all of them are simulated: a hardware PWM as a simulated pin, a board as its registers.
    """

    def __init__(self, pins: Pins, settings: Settings) -> None:
        self._pins = pins
        self._settings = settings
        self._boards: dict[tuple[int, int], Pca9685] = {}

    def open(self, section: str, own: PanSettings | TiltSettings) -> ServoDriver:
        """The driver of the servo of that section, switched off.

        :raises NoDevice: when it cannot be had; says what to do.
        """
        if own.driver == "pca9685":
            return Pca9685Pulses(self._board(own), own.channel, f"[{section}] channel {own.channel}")
        name = f"[{section}] servo_pin {own.servo_pin}"
        if own.driver == "hardware" and self._pins.simulated_because is None:
            return open_pwm(self._pins.machine.root, own.servo_pin, name, self._pwm_pins())
        return self._pins.pulses(own.servo_pin, name)

    def _board(self, own: PanSettings | TiltSettings) -> Pca9685:
        place = (own.bus, own.address)
        if place not in self._boards:
            name = f"PCA9685 at {own.address:#x} on bus {own.bus}"
            open_bus = partial(self._pins.machine.open_bus, own.bus)
            self._boards[place] = Pca9685(open_bus, own.address, name)
        return self._boards[place]

    def _pwm_pins(self) -> list[int]:
        """Every pin that wants the kernel's PWM."""
        axes = (self._settings.pan, self._settings.tilt)
        return sorted(own.servo_pin for own in axes if own.drives("hardware"))
