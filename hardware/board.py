"""The pins of a real board: gpiozero's lgpio pins, mended where a turret needs more.

Importing this starts lgpio's thread; only `hardware/pins.py` does so, and only on a Pi.
"""

from __future__ import annotations

import time

import lgpio
from gpiozero.exc import GPIOZeroError
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin

from errors import NoDevice

LOOK_S = 0.0005

FAULTS = (lgpio.error, GPIOZeroError, OSError)


class BoardPin(LGPIOPin):  # type: ignore[misc]
    """A pin with exact pulses, claimed without a flicker, closed without floating, at rest without a jerk of others.

    gpiozero 2.0.1 rounds the duty down to whole percent: a servo would move in jumps of 18 degrees.
    """

    _pwm: tuple[float, float] | None

    def output_with_state(self, state: int) -> None:
        """Become an output at this level at once; gpiozero's own way is low first."""
        lgpio.gpio_claim_output(self.factory._handle, self._number, state)

    def close(self) -> None:
        """Stay an output at the level we were left at, until the factory gives the line back."""

    def _set_state(self, value: float) -> None:
        """Set the level, or the share of the time for which it is high; of that 0 counts at once, and 1 after 0.

        lgpio's thread writes the level of a pin with pulses at every edge, those of no width or no pause as well, and
        begins with new ones when the present pulse and its pause are over (lgPthTx.c, "start of cycle"). So it is told
        first: from then on it makes no pin high that shall be low, and what is written here holds.
        """
        if self._pwm is None:
            self._write(int(value))
            return
        frequency_hz, _ = self._pwm
        self._pwm = (frequency_hz, value * 100)
        try:
            lgpio.tx_pwm(self.factory._handle, self._number, frequency_hz, value * 100)
        finally:
            if not value:
                self._write(0)
        if value == 1:
            self._write(1)

    def _set_frequency(self, value: float | None) -> None:
        if value is not None or self._pwm is None:
            super()._set_frequency(value)
            return
        # Pulses of no width, instead of gpiozero's end of them: lgpio 0.2.2 leaves out a round of all its pulses when
        # it forgets a pin (lgPthTx.c: after the first record is deleted the rest are not looked at), so another
        # servo's pulse under way would last 20 ms longer and that servo would jump.
        frequency_hz, _ = self._pwm
        lgpio.tx_pwm(self.factory._handle, self._number, frequency_hz, 0)
        self._pwm = None
        # Cut short, a pulse under way would be a command to go elsewhere, and a digital servo would stay there.
        self._await_low(1 / frequency_hz)
        self._write(0)

    def _await_low(self, longest_s: float) -> None:
        """Until a pulse under way is over: 2.5 ms for a servo's, or so long where lgpio's thread hangs."""
        until = time.monotonic() + longest_s
        while lgpio.gpio_read(self.factory._handle, self._number) and time.monotonic() < until:
            time.sleep(LOOK_S)

    def _write(self, level: int) -> None:
        lgpio.gpio_write(self.factory._handle, self._number, level)


def open_board() -> LGPIOFactory:
    """A factory of the board's pins.

    :raises NoDevice: when the GPIO device cannot be opened.
    """
    try:
        factory = LGPIOFactory()
    except lgpio.error as error:
        raise NoDevice(str(error).strip("'\"")) from error
    factory.pin_class = BoardPin
    return factory
