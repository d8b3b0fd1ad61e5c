"""A picture as the filters see it: one or three arrays that all get the same treatment.

The arrays are [Y] (gray), [Y, U, V] (planes as they lie in the JPEG: half the bytes of pixels, and chroma is neither
made finer nor coarser on the way) or [BGR] ((height, width, 3)). Flipping, turning and zooming are the same calls
on each array, whichever it is.
"""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np
import simplejpeg

from camera import image
from camera.room import Pixels, Room
from camera.turbo import Turbo

Size = tuple[int, int]

TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
CANNY_LOW, CANNY_HIGH = 100, 200


class Layers:
    """One picture. Each method changes it; `room` is where its arrays lie."""

    def __init__(self, arrays: list[Pixels], room: Room) -> None:
        self.arrays = arrays
        self._room = room

    @property
    def size(self) -> Size:
        """(width_px, height_px)."""
        height_px, width_px = self.arrays[0].shape[:2]
        return width_px, height_px

    def flip(self, *, horizontal: bool, vertical: bool) -> None:
        """Mirror left to right, upside down, or both."""
        code = -1 if horizontal and vertical else 1 if horizontal else 0
        self.arrays = [_pixels(cv2.flip(array, code, self._room.take(*array.shape))) for array in self.arrays]

    def turn(self, degrees: int) -> None:
        """Turn clockwise by 90, 180 or 270 degrees."""
        turned = []
        for array in self.arrays:
            height_px, width_px, *depth = array.shape
            shape = (height_px, width_px) if degrees == 180 else (width_px, height_px)
            turned.append(_pixels(cv2.rotate(array, TURNS[degrees], self._room.take(*shape, *depth))))
        self.arrays = turned

    def zoom(self, zoom: float, centre: tuple[float, float], size: Size) -> None:
        """Show only what lies around `centre` (shares of width and height), 1/`zoom` as wide and high, `size` large."""
        (left, top), (right, bottom) = part_of(self.size, zoom, centre)
        shown = []
        for array in self.arrays:
            across, down = array.shape[1] / self.size[0], array.shape[0] / self.size[1]
            rows, columns = _span(top * down, bottom * down), _span(left * across, right * across)
            wanted = ceil(size[0] * across), ceil(size[1] * down)
            target = self._room.take(wanted[1], wanted[0], *array.shape[2:])
            shown.append(_pixels(cv2.resize(array[rows, columns], wanted, target, interpolation=cv2.INTER_LINEAR)))
        self.arrays = shown

    def mix(self, matrix: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
        """Multiply each pixel's (blue, green, red) by a 3x3 matrix; for [BGR]."""
        self.arrays = [_pixels(cv2.transform(array, matrix, self._room.take(*array.shape))) for array in self.arrays]

    def draw_edges(self) -> None:
        """White lines where the picture has edges (Canny), on black; for [Y]."""
        self.arrays = [
            _pixels(cv2.Canny(array, CANNY_LOW, CANNY_HIGH, self._room.take(*array.shape))) for array in self.arrays
        ]

    def encoded(self, quality: int) -> bytes:
        """The JPEG: gray, in the planes' own subsampling, or 4:2:0."""
        if self.arrays[0].ndim == 3:
            return image.encode(self.arrays[0], quality)
        luma, *chroma = (*self.arrays, None, None)[:3]
        jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(luma, *chroma, quality, True)
        return jpeg


def decoded(jpeg: bytes, room: Room, turbo: Turbo | None, *, gray: bool, pixels: bool, half: bool) -> Layers:
    """The layers of a JPEG.

    :param gray: only [Y]; a JPEG without chroma has no more anyway.
    :param pixels: [BGR], for what mixes colors; else planes where `turbo` can give them.
    :param half: at half width and height, scaled by the decoder.
    :raises ValueError: when the bytes are no JPEG.
    """
    height_px, width_px, colors, _ = simplejpeg.decode_jpeg_header(jpeg)
    gray = gray or (colors == "Gray" and not pixels)
    if not gray and not pixels and turbo is not None:
        planes = turbo.planes(jpeg, room, half=half)
        if planes is not None:
            return Layers(planes, room)
    if half:
        width_px, height_px = (width_px + 1) // 2, (height_px + 1) // 2
    wanted, depth = ("GRAY", 1) if gray else ("BGR", 3)
    found = simplejpeg.decode_jpeg(
        jpeg, wanted, fastdct=True, min_width=width_px, min_height=height_px,
        buffer=room.take(height_px, width_px, depth),
    )  # fmt: skip
    return Layers([found[:, :, 0] if gray else found], room)


def part_of(size: Size, zoom: float, centre: tuple[float, float]) -> tuple[Size, Size]:
    """((left, top), (right, bottom)) of what a zoom shows, pixels; all of it within the picture."""
    (left, right), (top, bottom) = (
        _within(side_px, max(2, round(side_px / zoom)), share) for side_px, share in zip(size, centre, strict=True)
    )
    return (left, top), (right, bottom)


def _within(side_px: int, part_px: int, share: float) -> tuple[int, int]:
    start = min(max(round(share * side_px - part_px / 2), 0), side_px - part_px)
    return start, start + part_px


def _span(start: float, end: float) -> slice:
    return slice(round(start), max(round(start) + 1, round(end)))


def _pixels(found: object) -> Pixels:
    """What cv2 returns, whose own types say less."""
    return np.asarray(found, np.uint8)
