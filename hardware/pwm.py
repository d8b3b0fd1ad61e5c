"""Servo pulses by the kernel's PWM: /sys/class/pwm, a folder per chip with a folder per channel.

The hardware repeats the pulse by itself, so it does not shake, and it goes on after a crash: whoever
opens a channel switches it off first (kernel, Documentation/driver-api/pwm.rst).
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from errors import NoDevice
from hardware.machine import BOOT_FILE

FRAME_NS = 20_000_000
FRAME_S = FRAME_NS / 1e9
# udev gives a new channel to the group gpio a moment after it was made (raspberrypi-sys-mods, 99-com.rules).
READY_TIMEOUT_S = 5.0
READY_PERIOD_S = 0.01

# The part of the board behind a chip -> pin -> channel of that chip. Chip numbers change with the kernel
# (raspberrypi/linux issue 6818), names do not. 1f00098000 is the RP1 of a Pi 5; the other is the BCM2835's, at
# 3f20c000 on a Pi 3 and Zero 2 and at fe20c000 on a Pi 4 (BCM2835 ARM Peripherals, table 6-31; RP1 Peripherals).
CHANNELS: Mapping[str, Mapping[int, int]] = {
    "1f00098000.pwm": {12: 0, 13: 1, 18: 2, 19: 3},
    "20c000.pwm": {12: 0, 13: 1, 18: 0, 19: 1},
}
FUNCTIONS = {12: 4, 13: 4, 18: 2, 19: 2}  # of a pin that is PWM (raspberrypi/linux, overlays/README, pwm)
# Where the overlays note the pins they took.
PIN_NOTES = ("soc*/gpio@*/pwm_pins/brcm,pins", "axi/pcie@*/rp1/gpio@*/pwm_pins/brcm,pins")


class PwmPulses:
    """A servo driver: one channel of the kernel's PWM, `folder`. Opened switched off.

    :param name: what errors call it.
    :raises NoDevice: when the channel cannot be had.
    """

    def __init__(self, chip: Path, channel: int, name: str) -> None:
        self._chip = chip
        self._channel = channel
        self._name = name
        self._folder = chip / f"pwm{channel}"
        self._is_enabled = False
        self._is_closed = False
        with self._translated():
            self._export()
            self._claim_off()

    def set_pulse_us(self, pulse_us: float | None) -> None:
        """Repeat a pulse of this width, to the nanosecond; None lets the one under way end and is low then.

        :raises NoDevice: when the kernel refuses.
        """
        with self._translated():
            if pulse_us is not None:
                self._write("duty_cycle", round(pulse_us * 1000))
                if not self._is_enabled:
                    self._write("enable", 1)
                    self._is_enabled = True
            elif self._is_enabled:
                # Not `enable`: what a disabled output does is up to the chip, and it may stop in the middle of a pulse.
                self._write("duty_cycle", 0)

    def close(self) -> None:
        """Switch off and give the channel back to the kernel; works twice."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self.set_pulse_us(None)
            if self._is_enabled:
                time.sleep(FRAME_S)  # the last pulse ends
        finally:
            with self._translated():
                self._write("enable", 0)
                (self._chip / "unexport").write_text(str(self._channel))

    def _export(self) -> None:
        if not self._folder.is_dir():
            (self._chip / "export").write_text(str(self._channel))
        until = time.monotonic() + READY_TIMEOUT_S
        while not self._is_ready():
            if time.monotonic() > until:
                raise PermissionError(errno.EACCES, "not ours")
            time.sleep(READY_PERIOD_S)

    def _is_ready(self) -> bool:
        return all(os.access(self._folder / file, os.W_OK) for file in ("period", "duty_cycle", "enable"))

    def _claim_off(self) -> None:
        """Switch off whatever a program that crashed has left, then be ready for pulses of ours."""
        if self._read("period") != "0":
            self._write("duty_cycle", 0)
        if self._read("enable") != "0":
            self._write("enable", 0)
        if (self._folder / "polarity").exists() and self._read("polarity") != "normal":
            self._write("polarity", "normal")
        self._write("period", FRAME_NS)
        self._write("duty_cycle", 0)

    def _read(self, file: str) -> str:
        return (self._folder / file).read_text().strip()

    def _write(self, file: str, value: int | str) -> None:
        """By the bare calls of the system: pathlib takes 3 times as long, 50 times a second while a servo moves."""
        opened = os.open(f"{self._folder}/{file}", os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(opened, str(value).encode())
        finally:
            os.close(opened)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NoDevice(f"{self._name}: {_words_of(error, self._chip)}") from error


def open_pwm(root: Path, pin: int, name: str, all_pins: Sequence[int]) -> PwmPulses:
    """The PWM channel of pin `pin` (BCM), switched off.

    :param root: the folder that holds `sys` and `proc`.
    :param all_pins: every pin that wants PWM, for the line of the boot file that a message proposes.
    :raises NoDevice: says what is missing and what to do.
    """
    advice = f"put {overlay_line(all_pins)} into {BOOT_FILE} and restart the Pi"
    found = _find(root / "sys/class/pwm", pin)
    if found is None:
        raise NoDevice(f"{name}: the kernel shows no PWM for it: {advice}")
    noted = _pins_noted(root / "proc/device-tree")
    if noted and pin not in noted:
        pins = " and ".join(str(number) for number in noted)
        raise NoDevice(f"{name}: the boot file gives the PWM to BCM {pins}: {advice} instead")
    return PwmPulses(*found, name)


def overlay_line(pins: Sequence[int]) -> str:
    """The line of the boot file that gives the PWM to one or two pins (raspberrypi/linux, overlays/README)."""
    overlay = "pwm" if len(pins) == 1 else "pwm-2chan"
    keys = [f"pin{mark}={pin},func{mark}={FUNCTIONS[pin]}" for mark, pin in zip(("", 2), pins, strict=False)]
    return ",".join([f"dtoverlay={overlay}", *keys])


def _find(folder: Path, pin: int) -> tuple[Path, int] | None:
    """The chip that reaches `pin`, and the channel; None when there is none."""
    for chip in sorted(folder.glob("pwmchip*")):
        for name, channels in CHANNELS.items():
            if (chip / "device").resolve().name.endswith(name):
                return chip, channels[pin]
    return None


def _pins_noted(tree: Path) -> list[int]:
    """The pins an overlay gave to the PWM; empty when nothing is known (brcm,pins: 32-bit numbers, big-endian)."""
    cells = b"".join(path.read_bytes() for note in PIN_NOTES for path in tree.glob(note))
    return [int.from_bytes(cells[at : at + 4], "big") for at in range(0, len(cells), 4)]


def _words_of(error: OSError, chip: Path) -> str:
    if error.errno == errno.EROFS:
        return f"{chip.resolve()} is read-only here: the service's file must name it in ReadWritePaths"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission for {chip}: sudo usermod -aG gpio $USER, then log in again"
    if error.errno == errno.EBUSY:
        return f"something else has that channel of {chip}: another overlay in {BOOT_FILE}, or the analog sound"
    return f"{chip} fails: {error.strerror or error}"
