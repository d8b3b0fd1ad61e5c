"""What is done to every picture before anybody gets it, in one pass for all: viewers, photos and recordings.

With no filter on, nothing is done: the camera's JPEG goes on as the same bytes. A filter that fails is switched
off and said; pictures that cannot be decoded are left out, and after some in a row all filters go off. So no
setting can end the stream.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from camera.backend import Picture
from camera.caption import Caption
from camera.filter_settings import FilterSettings
from camera.layers import Layers, decoded
from camera.room import Room
from camera.turbo import open_turbo

UNREADABLE_MAX = 10
BALANCE_MEMORY = 0.9
GAIN_RANGE = (0.4, 2.5)

Step = Callable[[Layers], None]
Off = dict[str, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What to do to each picture, worked out once.

    :ivar settings: what it was worked out from.
    :ivar steps: (the settings that switch it off, the step), in order.
    :ivar only_gray: nothing but chroma goes.
    """

    settings: FilterSettings
    gray: bool
    pixels: bool
    half: bool
    only_gray: bool
    steps: tuple[tuple[Off, Step], ...]


class Filters:
    """The filters of one stream. `apply` is for the capture thread; `set` and `settings` are for any.

    `_lock` guards changes of `settings`, `_plan` and `is_on`: switching off what fails must not undo a change that
    somebody makes at that moment.

    :ivar is_on: False while pictures pass untouched.
    :ivar on_fault: called with a sentence after a filter was switched off; in the capture thread, must not block.
    """

    def __init__(
        self,
        settings: FilterSettings,
        quality: int,
        on_fault: Callable[[str], None] = lambda message: None,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.on_fault = on_fault
        self.settings = settings
        self.is_on = False
        self._quality = quality
        self._now = now
        self._turbo = open_turbo()
        self._room = Room()
        self._unreadable = 0
        self._lock = threading.Lock()
        self.set(settings)

    def set(self, settings: FilterSettings) -> None:
        """From the next picture on, do this."""
        with self._lock:
            self._adopt(settings)

    def apply(self, picture: Picture) -> Picture | None:
        """The filtered picture; None for one that cannot be read."""
        plan = self._plan
        if plan is None:
            return picture
        try:
            made = self._only_gray(picture) if plan.only_gray else self._made(picture, plan)
        except ValueError as error:
            self._note_unreadable(plan, error)
            return None
        except Exception as error:
            log.exception("filters: a fault of ours")
            self._switch_off(plan, FilterSettings(), f"all filters were switched off: {error}")
            return picture
        self._unreadable = 0
        return made

    def _made(self, picture: Picture, plan: Plan) -> Picture:
        self._room.clear()
        layers = decoded(picture.jpeg, self._room, self._turbo, gray=plan.gray, pixels=plan.pixels, half=plan.half)
        for off, step in plan.steps:
            try:
                step(layers)
            except Exception as error:
                log.exception("filters: %s failed", ", ".join(off))
                self._switch_off(plan, replace(plan.settings, **off), f"{_words(off)} switched off: {error}")
        return Picture(layers.encoded(self._quality), picture.captured_at, *layers.size)

    def _only_gray(self, picture: Picture) -> Picture:
        if self._turbo is not None:
            with suppress(ValueError):  # where colors are not kept as brightness and chroma, none can be dropped
                return picture._replace(jpeg=self._turbo.gray(picture.jpeg))
        self._room.clear()
        layers = decoded(picture.jpeg, self._room, None, gray=True, pixels=False, half=False)
        return picture._replace(jpeg=layers.encoded(self._quality))

    def _note_unreadable(self, plan: Plan, error: ValueError) -> None:
        self._unreadable += 1
        if self._unreadable > UNREADABLE_MAX:
            self._unreadable = 0
            self._switch_off(plan, FilterSettings(), f"all filters were switched off: pictures cannot be read: {error}")

    def _switch_off(self, seen: Plan, settings: FilterSettings, message: str) -> None:
        """Go on with `settings`, unless somebody changed something since `seen` was worked out.

        What still fails then does so at the next picture.
        """
        with self._lock:
            if self._plan is not seen:
                return
            self._adopt(settings)
        self.on_fault(message)

    def _adopt(self, settings: FilterSettings) -> None:
        """Go by these; under `_lock`."""
        self.settings, self._plan = settings, self._planned(settings)
        self.is_on = self._plan is not None

    def _planned(self, wanted: FilterSettings) -> Plan | None:
        """None when there is nothing to do."""
        steps = tuple(self._steps(wanted))
        gray = wanted.grayscale or wanted.edges
        if not steps and not gray and not wanted.half_resolution:
            return None
        only_gray = not steps and not wanted.half_resolution
        half = wanted.half_resolution and wanted.zoom == 1
        return Plan(wanted, gray, wanted.white_balance_correction and not gray, half, only_gray, steps)

    def _steps(self, wanted: FilterSettings) -> list[tuple[Off, Step]]:
        """In the order a person thinks of them: how the camera hangs, then the part, then colors, then words.

        In gray there is no white to balance.
        """
        steps: list[tuple[Off, Step]] = []
        is_half_turn = wanted.rotation == 180
        horizontal, vertical = wanted.flip_horizontal != is_half_turn, wanted.flip_vertical != is_half_turn
        if horizontal or vertical:
            off: Off = {
                "flip_horizontal": False,
                "flip_vertical": False,
                "rotation": 0 if is_half_turn else wanted.rotation,
            }
            steps.append((off, lambda layers: layers.flip(horizontal=horizontal, vertical=vertical)))
        if wanted.rotation in (90, 270):
            steps.append(({"rotation": 0}, lambda layers: layers.turn(wanted.rotation)))
        if wanted.zoom > 1:
            steps.append(({"zoom": 1.0}, lambda layers: _zoom(layers, wanted)))
        if wanted.white_balance_correction and not (wanted.grayscale or wanted.edges):
            steps.append(({"white_balance_correction": False}, WhiteBalance()))
        if wanted.edges:
            steps.append(({"edges": False}, Layers.draw_edges))
        if wanted.timestamp or wanted.label:
            steps.append(({"timestamp": False, "label": ""}, Caption(lambda: self._caption(wanted))))
        return steps

    def _caption(self, wanted: FilterSettings) -> str:
        now = f"{self._now():%Y-%m-%d %H:%M:%S}" if wanted.timestamp else ""
        return "  ".join(word for word in (wanted.label, now) if word)


class WhiteBalance:
    """Makes the mean of a picture gray ("gray world"), slowly enough not to flicker. For one thread; [BGR]."""

    def __init__(self) -> None:
        self._gains: npt.NDArray[np.float64] | None = None

    def __call__(self, layers: Layers) -> None:
        means = np.maximum(cv2.mean(layers.arrays[0][::4, ::4])[:3], 1.0)
        gains = np.clip(means.mean() / means, *GAIN_RANGE)
        before = self._gains
        self._gains = gains if before is None else BALANCE_MEMORY * before + (1 - BALANCE_MEMORY) * gains
        layers.mix(np.diag(self._gains).astype(np.float32))


def _zoom(layers: Layers, wanted: FilterSettings) -> None:
    width_px, height_px = layers.size
    size = ((width_px + 1) // 2, (height_px + 1) // 2) if wanted.half_resolution else (width_px, height_px)
    layers.zoom(wanted.zoom, (wanted.zoom_x, wanted.zoom_y), size)


def _words(off: Off) -> str:
    return f"{' and '.join(off)} {'was' if len(off) == 1 else 'were'}"
