"""Pins: the one place that knows whether they are real.

`open_pins` decides once per rig and never lets gpiozero choose by itself (it would warn, and end up
with whatever library is lying about). A pin is claimed at its safe level and left at its safe level
when it is closed, never as a floating input: the enable input of an L293D that floats counts as high
(TI data sheet SLRS008, "TTL compatible").
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from gpiozero.exc import GPIOZeroError
from gpiozero.pins.local import get_pi_revision
from gpiozero.pins.mock import MockFactory, MockPWMPin

from errors import NoDevice
from hardware.machine import Machine
from hardware.pca9685 import SimulatedBus

FRAME_US = 20_000
STATES_KEPT = 1000
SIMULATED_BOARD = "a02082"

Faults = tuple[type[Exception], ...]

log = logging.getLogger(__name__)


class SimulatedPin(MockPWMPin):  # type: ignore[misc]
    """A pin that exists in memory; `state` is its level, or the share of time it is high."""

    states: Any

    def clear_states(self) -> None:
        """Forget what the pin did; only the last STATES_KEPT changes are ever kept."""
        super().clear_states()
        self.states = deque(self.states, maxlen=STATES_KEPT)

    def close(self) -> None:
        """Leave the pin as it is, as a real one."""


class OutputPin:
    """A pin that is high or low."""

    def __init__(self, pin: Any, name: str, faults: Faults) -> None:
        self._pin = pin
        self._name = name
        self._faults = faults

    def set(self, is_high: bool) -> None:
        """Make the pin high or low.

        :raises NoDevice: when the board refuses.
        """
        with translated(self._name, self._faults):
            self._pin.state = int(is_high)


class PowerPin:
    """A pin that is high for a share of the time: what lets a motor run, and how hard.

    Off counts at once, and so does full power after off; anything else from the next pulse on.
    """

    def __init__(self, pin: Any, name: str, faults: Faults, has_pulses: bool) -> None:
        self._pin = pin
        self._name = name
        self._faults = faults
        self._has_pulses = has_pulses

    def set(self, share: float) -> None:
        """Make the pin high for this share of the time, 0..1; without pulses any but 0 is high.

        :raises NoDevice: when the board refuses.
        """
        with translated(self._name, self._faults):
            self._pin.state = share if self._has_pulses else int(share > 0)


class PulsePin:
    """A pin that repeats a pulse every 20 ms: a servo driver by software.

    The pulse is timed by a thread of lgpio, so a busy board makes it shake by some ten microseconds.
    """

    def __init__(self, pin: Any, name: str, faults: Faults) -> None:
        self._pin = pin
        self._name = name
        self._faults = faults

    def set_pulse_us(self, pulse_us: float | None) -> None:
        """Repeat a pulse of this width; None keeps the pin low.

        :raises NoDevice: when the board refuses.
        """
        with translated(self._name, self._faults):
            if pulse_us is None:
                self._pin.frequency = None
                return
            if self._pin.frequency is None:
                self._pin.frequency = 1_000_000 // FRAME_US
            self._pin.state = pulse_us / FRAME_US

    def close(self) -> None:
        """Keep the pin low."""
        self.set_pulse_us(None)


class Pins:
    """The pins of one rig.

    :ivar simulated_because: why the pins are not real; None when they are.
    :ivar machine: what else makes pulses; simulated like the pins.
    """

    def __init__(self, factory: Any, faults: Faults, simulated_because: str | None, machine: Machine) -> None:
        self.simulated_because = simulated_because
        self.machine = machine
        self._factory = factory
        self._faults = faults

    def output(self, number: int, name: str, is_high: bool = False) -> OutputPin:
        """Claim pin `number` (BCM) as an output that starts low, or high.

        :raises NoDevice: when another program has the pin.
        """
        return OutputPin(self._claim(number, name, is_high), name, self._faults)

    def power(self, number: int, name: str, pwm_hz: float | None) -> PowerPin:
        """Claim pin `number` (BCM) for so many pulses a second whose width varies, or for none; it starts low.

        :raises NoDevice: when another program has the pin.
        """
        pin = self._claim(number, name, is_high=False)
        if pwm_hz is not None:
            with translated(name, self._faults):
                pin.frequency = pwm_hz
        return PowerPin(pin, name, self._faults, pwm_hz is not None)

    def pulses(self, number: int, name: str) -> PulsePin:
        """Claim pin `number` (BCM) for servo pulses; it starts low.

        :raises NoDevice: when another program has the pin.
        """
        return PulsePin(self._claim(number, name, is_high=False), name, self._faults)

    def close(self) -> None:
        """Give the pins back; works twice."""
        self._factory.close()

    def _claim(self, number: int, name: str, is_high: bool) -> Any:
        with translated(name, self._faults):
            pin = self._factory.pin(number)
            pin.output_with_state(int(is_high))
            return pin


@contextmanager
def translated(name: str, faults: Faults) -> Iterator[None]:
    """Turn the libraries' errors into ours."""
    try:
        yield
    except faults as error:
        raise NoDevice(f"{name}: {_words_of(error)}") from error


def open_pins(hardware: Literal["auto", "required", "simulated"]) -> Pins:
    """The pins of this board, or simulated ones.

    :raises NoDevice: when `hardware` is "required" and the board's pins cannot be opened.
    """
    if hardware == "simulated":
        return simulated_pins("[turret] hardware = simulated")
    try:
        return _board_pins()
    except (ImportError, GPIOZeroError, OSError, NoDevice) as error:
        reason = f"no pins here: {_words_of(error)}"
        if hardware == "required":
            raise NoDevice(f"[turret] hardware = required, but {reason}") from error
        log.warning("the turret is simulated, %s", reason)
        return simulated_pins(reason)


def simulated_pins(reason: str) -> Pins:
    """Pins and an I2C bus in memory, for tests and for machines without any."""
    bus = SimulatedBus()
    machine = Machine(open_bus=lambda number: bus)
    return Pins(MockFactory(SIMULATED_BOARD, SimulatedPin), (GPIOZeroError,), reason, machine)


def _board_pins() -> Pins:
    get_pi_revision()  # fails on anything but a Pi, before lgpio starts its thread
    # lgpio keeps a FIFO in the folder LG_WD names, else in the working directory, which may be read-only.
    if "LG_WD" not in os.environ:
        os.environ["LG_WD"] = folder = tempfile.mkdtemp(prefix="turret-lgpio-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    from hardware.board import FAULTS, open_board

    return Pins(open_board(), FAULTS, None, Machine())


def _words_of(error: Exception) -> str:
    """What a library says, without the quotes lgpio puts around it."""
    return str(error).strip("'\"") or type(error).__name__
