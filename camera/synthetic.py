"""The camera for machines without one: a moving test picture.

Every picture shows its number and the time of day for the eye, and both as bars for a program
(`read_marks`), so that a test or a benchmark can tell which picture it got and how old it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from camera import image
from camera.backend import HEARTBEAT_S, Backend, CameraInfo, CameraMode, Control, Picture
from camera.image import Pixels
from camera.sizes import USUAL_RATES_HZ, USUAL_SIZES
from settings import CameraSettings

NUMBER_BITS = 32
CLOCK_BITS = 48
MARK_HEIGHT_SHARE = 1 / 36
TURN_DEG = 5
SAME_AGAIN_DEG = 120  # the seeds lie so that a third of a turn looks like none
LARGEST_PX = 1920
FASTEST_HZ = 60.0
# As a webcam has them: 0..255, 128 leaves the picture as it is.
NEUTRAL = 128
CONTROLS = ("brightness", "contrast")


class Marks(NamedTuple):
    """What `read_marks` found: the picture's number and its Unix time in milliseconds."""

    number: int
    unix_ms: int


class SyntheticBackend(Backend):
    """A bagel that rolls through a landscape at the set size and rate; `brightness` and `contrast` can be set."""

    def __init__(
        self,
        settings: CameraSettings,
        why: str = "it was asked for",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wanted = settings
        self._settings = settings
        self._why = why
        self._clock = clock
        self._now = now
        self._pause = pause
        self._set = dict.fromkeys(CONTROLS, NEUTRAL)
        self._tone: Pixels | None = None

    @property
    def info(self) -> CameraInfo:
        wanted = self._wanted
        return CameraInfo("test picture", "synthetic", self._why, "BGR", wanted.width, wanted.height, wanted.rate)

    @property
    def controls(self) -> tuple[Control, ...]:
        return tuple(
            Control(name, "integer", 0, 255, 1, NEUTRAL, value, label=name.capitalize())
            for name, value in self._set.items()
        )

    def set_control(self, name: str, value: float) -> float:
        if name not in self._set:
            return super().set_control(name, value)
        self._set[name] = min(max(round(value), 0), 255)
        self._tone = tone_curve(self._set["brightness"], self._set["contrast"])
        return float(self._set[name])

    @property
    def modes(self) -> tuple[CameraMode, ...]:
        own = self._settings
        rates = tuple(sorted({rate for rate in USUAL_RATES_HZ if rate <= FASTEST_HZ} | {own.rate}, reverse=True))
        sizes = {size for size in USUAL_SIZES if size[0] <= LARGEST_PX} | {(own.width, own.height)}
        return tuple(
            CameraMode("BGR", *size, rates) for size in sorted(sizes, key=lambda size: (-size[0] * size[1], size))
        )

    def frames(self) -> Iterator[Picture | None]:
        self._wanted = wanted = self.settings_for(self.info, self._settings)
        background, bagel = _landscape(wanted.width, wanted.height), Bagel(max(4, wanted.height // 9))
        canvas = np.empty_like(background)
        bars_px = _bar_rows(wanted.height, row_from_bottom=1)[0]
        period_s = 1.0 / wanted.rate
        due_at = self._clock()
        number = 0
        while True:
            while (wait_s := due_at - self._clock()) > 0:
                self._pause(min(wait_s, HEARTBEAT_S))
                if wait_s > HEARTBEAT_S:
                    yield None
            due_at = max(due_at + period_s, self._clock() - period_s)
            captured_at, unix_s, tone = self._clock(), self._now(), self._tone
            np.copyto(canvas, background)
            draw(canvas, bagel, number, unix_s)
            if tone is not None:
                cv2.LUT(canvas[:bars_px], tone, canvas[:bars_px])
            yield Picture(image.encode(canvas, wanted.quality), captured_at, wanted.width, wanted.height)
            number += 1


def tone_curve(brightness: int, contrast: int) -> Pixels | None:
    """What each of 256 values becomes, (256,), uint8; None when nothing changes."""
    if brightness == contrast == NEUTRAL:
        return None
    values = (np.arange(256) - NEUTRAL) * (contrast / NEUTRAL) + brightness
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


class Bagel:
    """Our bagel in every turn, drawn once: drawing its soft edges anew cost a third of a picture."""

    def __init__(self, radius_px: int) -> None:
        self._radius_px = radius_px + 2
        self._turns = [self._drawn(radius_px, turn_deg) for turn_deg in range(0, SAME_AGAIN_DEG, TURN_DEG)]

    def _drawn(self, radius_px: int, turn_deg: float) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
        """(what the bagel adds, 0..255 * 255; how much of the ground shows through, 0..255)."""
        side_px = 2 * self._radius_px
        on_black, on_white = np.zeros((side_px, side_px, 3), np.uint8), np.full((side_px, side_px, 3), 255, np.uint8)
        for ground in (on_black, on_white):
            image.draw_bagel(ground, (self._radius_px, self._radius_px), radius_px, turn_deg)
        return on_black.astype(np.uint16) * 255, (on_white - on_black).astype(np.uint16)

    def draw(self, pixels: Pixels, x_px: int, y_px: int, turn_deg: float) -> None:
        """Lay the bagel onto `pixels`, its centre at (x_px, y_px), cut off at the edges."""
        added, through = self._turns[int(turn_deg % SAME_AGAIN_DEG // TURN_DEG)]
        left, top = x_px - self._radius_px, y_px - self._radius_px
        right, bottom = (
            min(edge, near + len(added)) for edge, near in ((pixels.shape[1], left), (pixels.shape[0], top))
        )
        first_column, first_row = max(0, left), max(0, top)
        if right <= first_column or bottom <= first_row:
            return
        ground = pixels[first_row:bottom, first_column:right]
        seen = slice(first_row - top, bottom - top), slice(first_column - left, right - left)
        ground[:] = (added[seen] + ground * through[seen]) // 255


def draw(pixels: Pixels, bagel: Bagel, number: int, unix_s: float) -> None:
    """Draw what moves: the bagel, the time and number as text, and both as bars on the lower edge."""
    height_px, width_px = pixels.shape[:2]
    x_px = round((unix_s * 0.16 % 1.4 - 0.2) * width_px)
    bagel.draw(pixels, x_px, round(height_px * 0.66), unix_s * 160)
    scale = height_px / 720
    clock = datetime.fromtimestamp(unix_s).astimezone()
    text = f"{clock:%Y-%m-%d %H:%M:%S}.{clock.microsecond // 100000}  #{number}"
    origin = (round(28 * scale), round(652 * scale))
    for color, thickness in ((image.GROUND_BGR, 6), (image.INK_BGR, 2)):
        width = max(1, round(thickness * scale))
        cv2.putText(pixels, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 1.3 * scale, color, width, cv2.LINE_AA)
    _draw_bars(pixels, number % (1 << NUMBER_BITS), NUMBER_BITS, row_from_bottom=1)
    _draw_bars(pixels, round(unix_s * 1000), CLOCK_BITS, row_from_bottom=0)


def read_marks(pixels: Pixels) -> Marks:
    """The number and time that `draw` put into a picture, also after scaling and JPEG.

    :param pixels: (height, width) or (height, width, 3), uint8.
    """
    gray = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    return Marks(_read_bars(gray, NUMBER_BITS, 1), _read_bars(gray, CLOCK_BITS, 0))


def _bar_rows(height_px: int, row_from_bottom: int) -> tuple[int, int]:
    bar_px = max(4, round(height_px * MARK_HEIGHT_SHARE))
    bottom_px = height_px - row_from_bottom * bar_px
    return bottom_px - bar_px, bottom_px


def _draw_bars(pixels: Pixels, value: int, bits: int, row_from_bottom: int) -> None:
    top_px, bottom_px = _bar_rows(pixels.shape[0], row_from_bottom)
    shades = np.array([235 if value >> (bits - 1 - bit) & 1 else 16 for bit in range(bits)], np.uint8)
    columns = np.arange(pixels.shape[1]) * bits // pixels.shape[1]
    pixels[top_px:bottom_px] = shades[columns][None, :, None]


def _read_bars(gray: Pixels, bits: int, row_from_bottom: int) -> int:
    height_px, width_px = gray.shape[:2]
    top_px, bottom_px = _bar_rows(height_px, row_from_bottom)
    line = gray[(top_px + bottom_px) // 2]
    value = 0
    for bit in range(bits):
        value = value << 1 | int(line[int((bit + 0.5) * width_px / bits)] > 127)
    return value


def _landscape(width_px: int, height_px: int) -> Pixels:
    """The still part of the picture: sky, hills and a meadow."""
    rows = np.linspace(0, 1, height_px)[:, None]
    sky = (1 - rows) * np.array([211, 180, 143]) + rows * np.array([150, 200, 225])
    meadow = (1 - rows) * np.array([90, 130, 110]) + rows * np.array([30, 50, 38])
    horizon_px = round(height_px * 0.55)
    column = np.where(np.arange(height_px)[:, None] < horizon_px, sky, meadow).astype(np.uint8)
    pixels = np.repeat(column[:, None, :], width_px, axis=1)
    for share, peak, color in (
        (0.24, 0.34, (128, 110, 92)),
        (0.42, 0.27, (112, 95, 76)),
        (0.66, 0.38, (120, 102, 84)),
    ):
        left, right = (share - 0.2) * width_px, (share + 0.2) * width_px
        hill = np.array([[left, horizon_px], [share * width_px, peak * height_px], [right, horizon_px]], np.int32)
        cv2.fillPoly(pixels, [hill], color, cv2.LINE_AA)
    return pixels
