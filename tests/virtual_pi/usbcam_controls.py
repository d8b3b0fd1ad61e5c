"""The software webcam's controls: brightness to focus, as a webcam has them, and a firmware that may refuse.

Source: USB Video Class 1.1, 4.2.2.1 (camera terminal) and 4.2.2.3 (processing unit).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_RES, GET_LEN, GET_INFO, GET_DEF = 0x01, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87
TERMINAL, PROCESSING = 1, 2  # unit numbers in our descriptors
BRIGHTNESS = (PROCESSING, 0x02)
EXPOSURE_MODE, EXPOSURE = (TERMINAL, 0x02), (TERMINAL, 0x04)
BY_CAMERA = 8
LIGHT = {"dusk": 2000, "day": 156}  # the exposure that the camera finds right then, 100 us
# What GET_INFO says: GET and SET work; and here the camera changes the value by itself (4.1.2).
PLAIN, AUTOUPDATE = b"\x03", b"\x0b"


class Range(NamedTuple):
    """A control's numbers, each packed by `layout`; bit is its place in the unit's bmControls."""

    bit: int
    layout: str
    least: tuple[int, ...]
    most: tuple[int, ...]
    step: tuple[int, ...]
    default: tuple[int, ...]


CONTROLS = {
    EXPOSURE_MODE: Range(1, "<B", (1,), (9,), (9,), (BY_CAMERA,)),  # manual 1, aperture priority 8
    EXPOSURE: Range(3, "<I", (1,), (5000,), (1,), (156,)),  # exposure time, 100 us
    (TERMINAL, 0x06): Range(5, "<H", (0,), (250,), (5,), (50,)),  # focus
    (TERMINAL, 0x08): Range(17, "<B", (0,), (1,), (1,), (1,)),  # automatic focus
    (TERMINAL, 0x0B): Range(9, "<H", (100,), (400,), (1,), (100,)),  # zoom
    (TERMINAL, 0x0D): Range(11, "<ii", (-36000, -36000), (36000, 36000), (3600, 3600), (0, 0)),  # pan and tilt, arc s
    (PROCESSING, 0x01): Range(8, "<H", (0,), (1,), (1,), (0,)),  # backlight compensation
    BRIGHTNESS: Range(0, "<H", (0,), (255,), (1,), (128,)),
    (PROCESSING, 0x03): Range(1, "<H", (0,), (255,), (1,), (32,)),  # contrast
    (PROCESSING, 0x05): Range(10, "<B", (0,), (2,), (1,), (1,)),  # power line frequency
    (PROCESSING, 0x0A): Range(6, "<H", (2800,), (6500,), (10,), (4000,)),  # white balance, K
    (PROCESSING, 0x0B): Range(12, "<B", (0,), (1,), (1,), (1,)),  # automatic white balance
}


def bitmap(unit: int, size_bytes: int) -> bytes:
    """The bmControls of a unit."""
    return sum(1 << found.bit for (owner, _), found in CONTROLS.items() if owner == unit).to_bytes(size_bytes, "little")


class Controls:
    """What the webcam is set to. `refuses` lets it stall every change.

    :ivar light: the exposure that the camera thinks right, and takes while it decides.
    """

    def __init__(self) -> None:
        self.refuses = False
        self.light = CONTROLS[EXPOSURE].default[0]
        self._values = {key: found.default for key, found in CONTROLS.items()}

    def value(self, key: tuple[int, int]) -> int:
        """The first number of a control."""
        return self._values[key][0]

    def has(self, unit: int, selector: int) -> bool:
        return (unit, selector) in CONTROLS

    def answer(self, unit: int, selector: int, request: int, data: bytes) -> bytes | None:
        """Answer a request; None is a stall."""
        key = unit, selector
        known = CONTROLS[key]
        if request == SET_CUR:
            if self.refuses:
                return None
            self._values[key] = struct.unpack(known.layout, data[: struct.calcsize(known.layout)])
            return b""
        if request == GET_INFO:
            return AUTOUPDATE if key == EXPOSURE else PLAIN
        if key == EXPOSURE and self.value(EXPOSURE_MODE) == BY_CAMERA:
            self._values[EXPOSURE] = (self.light,)
        if request == GET_LEN:
            return struct.pack("<H", struct.calcsize(known.layout))
        numbers = {
            GET_CUR: self._values[key], GET_MIN: known.least, GET_MAX: known.most, GET_RES: known.step,
            GET_DEF: known.default,
        }  # fmt: skip
        return struct.pack(known.layout, *numbers[request])
