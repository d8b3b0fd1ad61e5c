"""The Pi camera's own zoom: the part of its sensor that the picture shows (libcamera's ScalerCrop).

Unlike our zoom filter it loses nothing while the sensor has more pixels than the picture. Pure functions over
`Picamera2.camera_ctrl_info`, whose limits are rectangles on the sensor: the least, all of it, and the usual one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from camera.backend import Control

CROP, CROPS = "ScalerCrop", "ScalerCrops"
ZOOM, PAN, TILT = "zoom_absolute", "pan_absolute", "tilt_absolute"
NAMES = frozenset({ZOOM, PAN, TILT})
ZOOM_MAX = 8.0
ZOOM_STEP, MOVE_STEP = 0.1, 0.05


class Part(NamedTuple):
    """A rectangle on the sensor, in its pixels, from the upper left."""

    x: int
    y: int
    width: int
    height: int


def crop_controls(listed: Mapping[str, tuple[Any, Any]]) -> Iterator[Control]:
    """Zoom, and where to: pan -1 (left) .. 1 (right), tilt -1 (down) .. 1 (up) of the way that is free."""
    if CROP not in listed:
        return
    most = _zoom_max(_least(listed), _whole(listed))
    if most > 1:
        yield Control(ZOOM, "number", 1.0, most, ZOOM_STEP, 1.0, 1.0, "\u00d7", label="Zoom of the sensor")
        yield Control(PAN, "number", -1.0, 1.0, MOVE_STEP, 0.0, 0.0, label="Pan within the sensor")
        yield Control(TILT, "number", -1.0, 1.0, MOVE_STEP, 0.0, 0.0, label="Tilt within the sensor")


def crop_orders(listed: Mapping[str, tuple[Any, Any]], values: Mapping[str, float]) -> dict[str, Any]:
    """What picamera2 is told so that the picture shows the part these values mean.

    On a Pi 5 the streams have crops of their own, which picamera2 sets at each opening and which count more.
    """
    part = tuple(
        part_for(_whole(listed), *(values.get(name, usual) for name, usual in ((ZOOM, 1), (PAN, 0), (TILT, 0))))
    )
    return {CROP: part, CROPS: [part]} if CROPS in listed else {CROP: part}


def part_for(whole: Part, zoom: float, pan: float, tilt: float) -> Part:
    """The part of `whole` that is 1/`zoom` as wide and high."""
    width, height = round(whole.width / zoom), round(whole.height / zoom)
    return Part(
        whole.x + round((whole.width - width) * (1 + pan) / 2),
        whole.y + round((whole.height - height) * (1 - tilt) / 2),
        width,
        height,
    )


def _whole(listed: Mapping[str, tuple[Any, Any]]) -> Part:
    """What the picture shows by itself: of the picture's shape, so not always all of the sensor."""
    limits = listed[CROP][1]
    usual = _part(limits.default)
    return usual if usual.width and usual.height else _part(limits.max)


def _least(listed: Mapping[str, tuple[Any, Any]]) -> Part:
    return _part(listed[CROP][1].min)


def _part(limit: Any) -> Part:
    """libcamera's Rectangle, or four numbers; nothing for None."""
    if limit is None:
        return Part(0, 0, 0, 0)
    return Part(*(limit.to_tuple() if hasattr(limit, "to_tuple") else limit))


def _zoom_max(least: Part, whole: Part) -> float:
    """How far the camera can zoom, to one decimal below."""
    found = min(whole.width / max(1, least.width), whole.height / max(1, least.height), ZOOM_MAX)
    return int(found * 10) / 10
