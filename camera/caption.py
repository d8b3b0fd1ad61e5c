"""Words burnt into the picture: white on a darkened strip in the upper left corner.

Drawing letters costs more than laying them onto a picture, and the words change once a second at most, so
they are drawn once and then laid on.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from camera.layers import Layers
from camera.room import Pixels

Weights = npt.NDArray[np.uint16]

FONT = "sans"
HEIGHT_SHARE = 1 / 30
LEAST_PX = 9
STRIP_THROUGH = 0.45
INK, NEUTRAL = 235, 128


class Caption:
    """What lays words onto layers. For one thread.

    :param words: what to write now; empty writes nothing.
    """

    def __init__(self, words: Callable[[], str]) -> None:
        self._words = words
        self._drawn: tuple[str, tuple[int, ...], Weights] = ("", (), np.zeros((0, 0), np.uint16))

    def __call__(self, layers: Layers) -> None:
        """Write the words of now onto the layers."""
        text = self._words()
        if not text:
            return
        ink, (width_px, height_px) = self._ink(text, layers.arrays[0].shape[:2]), layers.size
        for number, array in enumerate(layers.arrays):
            _lay(array, ink, (array.shape[1] / width_px, array.shape[0] / height_px), is_chroma=number > 0)

    def _ink(self, text: str, shape: tuple[int, ...]) -> Weights:
        """How much of each pixel of the strip is letter, (height, width), 0..255."""
        if self._drawn[:2] != (text, shape):
            self._drawn = (text, shape, _drawn(text, shape))
        return self._drawn[2]


def _lay(array: Pixels, ink: Weights, scale: tuple[float, float], *, is_chroma: bool) -> None:
    """Darken the strip and lay the letters on; chroma becomes neutral as far as either covers it."""
    if is_chroma:
        size = max(1, round(ink.shape[1] * scale[0])), max(1, round(ink.shape[0] * scale[1]))
        ink = np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), np.uint16)
    through = ((255 - ink) * STRIP_THROUGH).astype(np.uint16)
    added = (255 - through) * NEUTRAL if is_chroma else ink * INK
    if array.ndim == 3:
        through, added = through[:, :, None], added[:, :, None]
    strip = array[: ink.shape[0], : ink.shape[1]]
    strip[:] = (strip * through + added) // 255


def _drawn(text: str, shape: tuple[int, ...]) -> Weights:
    """The letters with some room around them, cut off where the picture ends."""
    height_px, width_px = shape
    letter_px = max(LEAST_PX, round(height_px * HEIGHT_SHARE))
    font, margin_px = cv2.FontFace(FONT), letter_px // 3
    left, top, across, down = cv2.getTextSize((0, 0), text, (0, 0), font, letter_px)
    canvas = np.zeros((down + 2 * margin_px, left + across + 2 * margin_px), np.uint8)
    cv2.putText(canvas, text, (margin_px, margin_px - top), (255,), font, letter_px)
    return canvas[:height_px, :width_px].astype(np.uint16)
