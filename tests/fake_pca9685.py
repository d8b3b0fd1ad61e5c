"""A PCA9685 down to its registers, as its data sheet has them (NXP PCA9685, rev. 4), on a bus that can fail."""

from __future__ import annotations

import errno
from collections.abc import Sequence

MODE1, PRE_SCALE, CHANNELS_FROM = 0x00, 0xFE, 0x06
RESTART, AUTO_INCREMENT, SLEEP, ALL_CALL = 0x80, 0x20, 0x10, 0x01
FULL = 0x10
PERIOD_TICKS, CLOCK_HZ = 4096, 25e6


class FakePca9685:
    """A board and the bus it hangs on.

    :ivar fault: an errno with which every message fails; None while all is well.
    :ivar messages: every write, as (register, bytes).
    :ivar is_open: whether the program holds the bus.
    """

    def __init__(self, address: int = 0x40) -> None:
        self.address = address
        self.fault: int | None = None
        self.lost_messages = 0
        self.messages: list[tuple[int, bytes]] = []
        self.opened: list[int] = []
        self.is_open = False
        self.power_on()

    def open_bus(self, number: int) -> FakePca9685:
        self.opened.append(number)
        self.is_open = True
        return self

    def power_on(self) -> None:
        """The state after power came (table 4 and following): asleep, every channel off."""
        self.registers = bytearray(256)
        self.registers[MODE1] = SLEEP | ALL_CALL
        self.registers[PRE_SCALE] = 0x1E
        for channel in range(16):
            self.registers[CHANNELS_FROM + 4 * channel + 3] = FULL

    def run(self, channel: int, ticks: int, pre_scale: int = 121) -> None:
        """What a program that was killed leaves: awake, and pulses on a channel."""
        self.registers[MODE1], self.registers[PRE_SCALE] = AUTO_INCREMENT | ALL_CALL, pre_scale
        at = CHANNELS_FROM + 4 * channel
        self.registers[at : at + 4] = bytes([0, 0, ticks & 0xFF, ticks >> 8])

    def pulse_us(self, channel: int) -> float | None:
        """The pulses at the pin of a channel; None while there are none. They come at 50 Hz, else this fails."""
        on_low, on_high, off_low, off_high = self._channel(channel)
        if off_high & FULL or self.registers[MODE1] & (SLEEP | RESTART):
            return None
        assert not on_high & FULL
        tick_us = (self.registers[PRE_SCALE] + 1) / CLOCK_HZ * 1e6
        assert abs(PERIOD_TICKS * tick_us - 20_000) < 100
        return ((off_high << 8 | off_low) - (on_high << 8 | on_low)) * tick_us

    def read_byte_data(self, address: int, register: int) -> int:
        self._answer(address)
        return self.registers[register]

    def write_byte_data(self, address: int, register: int, value: int) -> None:
        self._take(address, register, bytes([value]))

    def write_i2c_block_data(self, address: int, register: int, data: Sequence[int]) -> None:
        self._take(address, register, bytes(data))

    def close(self) -> None:
        self.is_open = False

    def _take(self, address: int, register: int, data: bytes) -> None:
        self._answer(address)
        self.messages.append((register, data))
        step = 1 if self.registers[MODE1] & AUTO_INCREMENT else 0
        for offset, value in enumerate(data):
            self._write(register + step * offset, value)

    def _write(self, register: int, value: int) -> None:
        if register == MODE1:
            value = self._mode_after(value)
        elif register == PRE_SCALE and not self.registers[MODE1] & SLEEP:
            return  # 7.3.5: writes are blocked while the oscillator runs
        self.registers[register] = value

    def _mode_after(self, value: int) -> int:
        """7.3.1.1: going to sleep with pulses on sets RESTART; they come back when RESTART is written as 1."""
        before = self.registers[MODE1]
        is_running = any(not self._channel(channel)[3] & FULL for channel in range(16))
        if value & SLEEP and not before & SLEEP and is_running:
            return value | RESTART
        if value & RESTART and not value & SLEEP:
            return value & ~RESTART
        return value & ~RESTART | before & RESTART

    def _channel(self, channel: int) -> bytes:
        at = CHANNELS_FROM + 4 * channel
        return bytes(self.registers[at : at + 4])

    def _answer(self, address: int) -> None:
        assert self.is_open, "a message on a bus that was closed"
        if address != self.address:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if self.lost_messages:
            self.lost_messages -= 1
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if self.fault is not None:
            raise OSError(self.fault, "a test says so")
