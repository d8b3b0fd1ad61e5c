"""Servo pulses by a PCA9685, a chip with 16 PWM outputs on the I2C bus (NXP data sheet PCA9685, rev. 4).

It repeats the pulses by itself, so they do not shake, and it goes on after a crash: whoever takes a
channel switches it off first. Channels nobody named are left alone; the frame rate they share is 50 Hz.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from errors import NoDevice
from hardware.machine import BOOT_FILE, Bus

MODE1, LED0_ON_L, PRE_SCALE = 0x00, 0x06, 0xFE
RESTART, AUTO_INCREMENT, SLEEP = 0x80, 0x20, 0x10
FULL_OFF = 0x10  # in LEDn_OFF_H: off at once, whatever the other registers say (7.3.3)
REGISTERS_PER_CHANNEL = 4
OFF_H = 3  # the last of a channel's registers

CLOCK_HZ = 25e6  # its own oscillator
TICKS = 4096
PRE_SCALE_50_HZ = round(CLOCK_HZ / (TICKS * 50)) - 1  # 7.3.5
POWER_ON_PRE_SCALE = 0x1E
TICK_US = (PRE_SCALE_50_HZ + 1) / CLOCK_HZ * 1e6  # 4.88 us: what a pulse is rounded to
WAKE_S = 0.001  # 0.5 ms until the oscillator runs (7.3.1.1)

# A motor that starts disturbs the wires: such a message is sent again, at most so often.
TRIES = 3
NO_ANSWER = (errno.EREMOTEIO, errno.ENXIO, errno.ENODEV, errno.EIO)

T = TypeVar("T")

log = logging.getLogger(__name__)


class Pca9685:
    """One board, which two servos may share. Any thread may call any method.

    `_lock` guards `_users` and `_bus`, and is held while the chip starts, some milliseconds; a channel is written in
    one message, which needs none.

    :param open_bus: opens its bus; called when the first channel is taken.
    :param name: what errors call it.
    """

    def __init__(self, open_bus: Callable[[], Bus], address: int, name: str) -> None:
        self._open_bus = open_bus
        self._address = address
        self._name = name
        self._lock = threading.Lock()
        self._users: set[int] = set()
        self._bus: Bus | None = None

    def take(self, number: int) -> None:
        """Take channel 0..15, switched off.

        :raises NoDevice: when the board does not answer, or is none.
        """
        with self._lock:
            self._bus = self._bus or self._open_bus()
            self._users.add(number)
        try:
            self.switch_off(number)
            self.start()
        except BaseException:
            self.leave(number)
            raise

    def leave(self, number: int) -> None:
        """A channel is not used any more; after the last one the bus is let go."""
        with self._lock:
            self._users.discard(number)
            bus = self._bus
            if self._users or bus is None:
                return
            self._bus = None
        bus.close()

    def switch_off(self, number: int) -> None:
        """:raises NoDevice: when the board does not answer."""
        self._write(_register(number) + OFF_H, FULL_OFF)

    def pulse(self, number: int, pulse_us: float) -> None:
        """:raises NoDevice: when the board does not answer."""
        ticks = round(pulse_us / TICK_US)
        data = [0, 0, ticks & 0xFF, ticks >> 8]
        self._talk(lambda bus: bus.write_i2c_block_data(self._address, _register(number), data))

    def start(self) -> None:
        """Make the chip run at 50 Hz, unless it does; channels that run go on (7.3.1.1).

        :raises NoDevice: when it does not answer or does not behave like a PCA9685.
        """
        with self._lock:
            mode, scale = self._read(MODE1), self._read(PRE_SCALE)
            if mode & AUTO_INCREMENT and not mode & SLEEP and scale == PRE_SCALE_50_HZ:
                return
            if scale not in (PRE_SCALE_50_HZ, POWER_ON_PRE_SCALE):
                log.warning("%s: its frame rate was another; now it is 50 Hz on all channels", self._name)
            self._set_rate(mode & ~(RESTART | SLEEP) | AUTO_INCREMENT)
            scale = self._read(PRE_SCALE)
            if scale != PRE_SCALE_50_HZ:
                raise NoDevice(f"{self._name}: what answers there is no PCA9685, it does not keep its frame rate")

    def _set_rate(self, mode: int) -> None:
        """The rate can be set while it sleeps only; what ran before goes on by RESTART."""
        self._write(MODE1, mode | SLEEP)
        self._write(PRE_SCALE, PRE_SCALE_50_HZ)
        had_running = self._read(MODE1) & RESTART
        self._write(MODE1, mode)
        time.sleep(WAKE_S)
        if had_running:
            self._write(MODE1, mode | RESTART)

    def _read(self, register: int) -> int:
        return self._talk(lambda bus: bus.read_byte_data(self._address, register))

    def _write(self, register: int, value: int) -> None:
        self._talk(lambda bus: bus.write_byte_data(self._address, register, value))

    def _talk(self, message: Callable[[Bus], T]) -> T:
        """Send a message, and again when it was not answered, TRIES times in all."""
        bus = self._bus
        if bus is None:
            raise NoDevice(f"{self._name}: closed")
        for tries_left in reversed(range(TRIES)):
            try:
                return message(bus)
            except OSError as error:
                if not tries_left or error.errno not in NO_ANSWER:
                    raise NoDevice(f"{self._name}: {_words_of(error)}") from error
        raise AssertionError("the last try answers or fails")


class Pca9685Pulses:
    """A servo driver: one channel of a board, switched off when it is opened.

    A pulse is rounded to TICK_US, some 0.4 degrees of a servo that turns 180 degrees between 500 and 2500 us. The
    chip's oscillator is not exact either, so the ends of the travel want to be tried out.

    :param number: the channel, 0..15.
    :param name: what errors call it.
    :raises NoDevice: when the board does not answer, or is none.
    """

    def __init__(self, board: Pca9685, number: int, name: str) -> None:
        self._board = board
        self._number = number
        self._name = name
        self._is_on = False
        self._is_closed = False
        with self._named():
            board.take(number)

    def set_pulse_us(self, pulse_us: float | None) -> None:
        """Repeat a pulse of this width; None switches the channel off at once.

        :raises NoDevice: when the board does not answer.
        """
        with self._named():
            if pulse_us is None:
                self._is_on = False
                self._board.switch_off(self._number)
                return
            if not self._is_on:
                self._board.start()  # it may have lost its power since, and sleep
                self._is_on = True
            self._board.pulse(self._number, pulse_us)

    def close(self) -> None:
        """Switch off for good; works twice."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self.set_pulse_us(None)
        finally:
            self._board.leave(self._number)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except NoDevice as error:
            raise NoDevice(f"{self._name}: {error}") from error


class SimulatedBus:
    """An I2C bus in memory on which a PCA9685 answers at every address; keeps what was written, does no more.

    :ivar registers: address -> the registers of that board.
    """

    def __init__(self) -> None:
        self.registers: dict[int, bytearray] = {}

    def read_byte_data(self, address: int, register: int, /) -> int:
        """One register."""
        return self._board(address)[register]

    def write_byte_data(self, address: int, register: int, value: int, /) -> None:
        """Write one register."""
        self._board(address)[register] = value

    def write_i2c_block_data(self, address: int, register: int, data: Sequence[int], /) -> None:
        """Write registers that follow each other."""
        self._board(address)[register : register + len(data)] = bytes(data)

    def close(self) -> None:
        """Nothing to do."""

    def pulse_us(self, address: int, number: int) -> float | None:
        """The pulses of a channel; None while it is off."""
        on_low, on_high, off_low, off_high = self._board(address)[_register(number) : _register(number + 1)]
        if off_high & FULL_OFF:
            return None
        return ((off_low | off_high << 8) - (on_low | on_high << 8)) * TICK_US

    def _board(self, address: int) -> bytearray:
        if address not in self.registers:
            self.registers[address] = board = bytearray(256)
            board[MODE1], board[PRE_SCALE] = SLEEP | 1, POWER_ON_PRE_SCALE
            board[LED0_ON_L + OFF_H : _register(16) : REGISTERS_PER_CHANNEL] = bytes([FULL_OFF] * 16)
        return self.registers[address]


def _register(number: int) -> int:
    """The first register of a channel."""
    return LED0_ON_L + REGISTERS_PER_CHANNEL * number


def _words_of(error: OSError) -> str:
    if error.errno in (*NO_ANSWER, errno.ETIMEDOUT):
        return "no answer; look at its power, its address jumpers, and the wires SDA and SCL"
    if error.errno == errno.EBUSY:
        return f"a driver of the kernel has it; take its dtoverlay line out of {BOOT_FILE} and restart the Pi"
    return f"the bus fails: {error.strerror or error}"
