"""Where the kernel shows what this machine has: its files, and its I2C buses. Tests give another machine."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from errors import NoDevice

BOOT_FILE = "/boot/firmware/config.txt"


class Bus(Protocol):
    """An I2C bus; every method raises OSError when nobody answers."""

    def read_byte_data(self, address: int, register: int, /) -> int:
        """One register of the device at `address`."""

    def write_byte_data(self, address: int, register: int, value: int, /) -> None:
        """Write one register."""

    def write_i2c_block_data(self, address: int, register: int, data: Sequence[int], /) -> None:
        """Write some bytes in one message."""

    def close(self) -> None:
        """Let the bus go."""


def open_bus(number: int) -> Bus:
    """The bus of that number.

    :raises NoDevice: says what to do about it.
    """
    from smbus2 import SMBus

    try:
        bus: Bus = SMBus(number)
    except OSError as error:
        raise NoDevice(_words_of_bus(number, error)) from error
    return bus


@dataclass(frozen=True)
class Machine:
    """One machine.

    :ivar root: the folder that holds its `sys` and `proc`.
    :ivar open_bus: opens an I2C bus by number, or raises NoDevice.
    """

    root: Path = Path("/")
    open_bus: Callable[[int], Bus] = open_bus


def _words_of_bus(number: int, error: OSError) -> str:
    path = f"/dev/i2c-{number}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission for {path}: sudo usermod -aG i2c $USER, then log in again"
    if error.errno != errno.ENOENT:
        return f"{path} cannot be opened: {error.strerror or error}"
    line = "dtparam=i2c_arm=on" if number == 1 else f"the overlay of bus {number}"
    return f"there is no {path}: put {line} into {BOOT_FILE} and restart the Pi"
