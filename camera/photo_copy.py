"""A photo once more, with a filter of the live picture over it: white balance, gray, edges.

The work is that of `camera/filters.py`, for one picture. Decoder, filters and encoder let go of the GIL, so it
may be done beside the capture thread.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import cv2
import numpy as np

from camera.backend import SOI, Picture
from camera.exif import with_exif_of
from camera.filter_settings import FilterSettings, changed
from camera.filters import Filters
from camera.image import encode, size_of, whole_size
from errors import NotPlayable

# A kept picture is coded twice; at this quality the second time cannot be seen.
QUALITY = 92
# Bytes of memory for each pixel while it is worked at, both JPEGs included; white balance is the dearest.
BYTES_PER_PIXEL = 9


class CopyFilter(StrEnum):
    """What can be done to a photo; `setting` is the name of the same filter on the live picture."""

    WHITE_BALANCE = "white_balance"
    GRAY = "gray"
    EDGES = "edges"

    @property
    def setting(self) -> str:
        names = {"white_balance": "white_balance_correction", "gray": "grayscale", "edges": "edges"}
        return names[self.value]


def effect_of(wanted: Collection[CopyFilter]) -> CopyFilter:
    """What is seen of some filters together: edges are drawn in gray, and in gray there is no white to balance.

    :param wanted: at least one.
    """
    return next(one for one in (CopyFilter.EDGES, CopyFilter.GRAY, CopyFilter.WHITE_BALANCE) if one in wanted)


def processed(photo: bytes, wanted: CopyFilter) -> bytes:
    """A JPEG of the same size with the filter over it; what the photo says of itself (Exif) goes with it.

    :param photo: a JPEG, or anything else OpenCV reads.
    :raises NotPlayable: when it cannot be decoded; says what is wrong with it.
    """
    whole_size(photo)
    jpeg = photo if photo[:2] == SOI else _as_jpeg(photo)
    faults: list[str] = []
    filters = Filters(changed(FilterSettings(), {wanted.setting: True}), QUALITY, faults.append)
    made = filters.apply(Picture(jpeg, 0.0, *size_of(jpeg)))
    if made is None or faults:
        raise NotPlayable(faults[0] if faults else "this picture cannot be decoded")
    return with_exif_of(jpeg, made.jpeg)


def _as_jpeg(photo: bytes) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None  # whole_size has seen it
    return encode(np.asarray(pixels, np.uint8), QUALITY)
