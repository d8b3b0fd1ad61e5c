"""What is done to every picture before anybody gets it: which values there are, and how they are checked and kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from camera.checks import checked_number
from errors import BadField
from settings import CameraSettings

ROTATIONS = (0, 90, 180, 270)
ZOOM_RANGE = (1.0, 4.0)
LABEL_LENGTH_MAX = 60

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FilterSettings:
    """All off by default.

    :ivar rotation: clockwise, degrees, after flipping.
    :ivar zoom: how many times larger, 1..4; `zoom_x` and `zoom_y` are the middle of what is then seen, as shares
        of width and height, and always such that all of it lies within the picture.
    :ivar label: a name burnt into the picture; `timestamp` burns in date and time.
    """

    grayscale: bool = False
    half_resolution: bool = False
    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: int = 0
    zoom: float = 1.0
    zoom_x: float = 0.5
    zoom_y: float = 0.5
    timestamp: bool = False
    label: str = ""
    white_balance_correction: bool = False
    edges: bool = False


NAMES = tuple(found.name for found in fields(FilterSettings))
NUMBERS = {"zoom": ZOOM_RANGE, "zoom_x": (0.0, 1.0), "zoom_y": (0.0, 1.0)}


def defaults_of(settings: CameraSettings) -> FilterSettings:
    """What config.txt says."""
    return FilterSettings(
        grayscale=settings.grayscale,
        half_resolution=settings.half_resolution,
        flip_horizontal=settings.flip_horizontal,
        flip_vertical=settings.flip_vertical,
        rotation=settings.rotation,
        timestamp=settings.timestamp,
        label=settings.label,
    )


def changed(settings: FilterSettings, values: Mapping[str, object]) -> FilterSettings:
    """`settings` with the named values.

    :raises BadField: names value and rule; types count.
    """
    wanted = replace(settings, **{name: _checked(name, value) for name, value in values.items()})
    share = 0.5 / wanted.zoom
    return replace(
        wanted,
        zoom_x=round(min(max(wanted.zoom_x, share), 1 - share), 4),
        zoom_y=round(min(max(wanted.zoom_y, share), 1 - share), 4),
    )


def packed(settings: FilterSettings, defaults: FilterSettings) -> str:
    """What differs from the defaults, as one line of JSON."""
    usual = asdict(defaults)
    return json.dumps({name: value for name, value in asdict(settings).items() if value != usual[name]})


def unpacked(text: str | None, defaults: FilterSettings) -> FilterSettings:
    """The defaults with what `packed` kept; what makes no sense is forgotten."""
    try:
        kept = {} if text is None else json.loads(text)
        return changed(defaults, {name: value for name, value in kept.items() if name in NAMES})
    except (ValueError, AttributeError) as error:
        log.warning("filters: what was kept makes no sense and is forgotten: %s", error)
        return defaults


def _checked(name: str, value: object) -> Any:
    if name == "rotation":
        if isinstance(value, bool) or value not in ROTATIONS:
            raise BadField(name, f"rotation {value!r:.40} is not one of 0, 90, 180, 270")
        return value
    if name == "label":
        return _checked_label(value)
    if name in NUMBERS:
        return checked_number(name, value, *NUMBERS[name])
    if not isinstance(value, bool):
        raise BadField(name, f"{name} {value!r:.40} is neither true nor false")
    return value


def _checked_label(value: object) -> str:
    if not isinstance(value, str) or len(value) > LABEL_LENGTH_MAX or not value.isprintable():
        raise BadField("label", f"label {value!r:.40} is no line of up to {LABEL_LENGTH_MAX} letters")
    return value.strip()
