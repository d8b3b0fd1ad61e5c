"""The names that controls have whatever the driver calls them, and which of them work by themselves.

A control that only some driver knows keeps that driver's name, in lower case with underscores.
"""

from __future__ import annotations

import re
from collections.abc import Collection

# The control with the left name has no effect while the right one is on.
AUTOMATIC_OF = {
    "blue_balance": "white_balance_auto",
    "brightness": "brightness_auto",
    "exposure_absolute": "exposure_auto",
    "focus_absolute": "focus_auto",
    "gain": "gain_auto",
    "hue": "hue_auto",
    "red_balance": "white_balance_auto",
    "white_balance_temperature": "white_balance_auto",
}
AUTOMATICS = frozenset(AUTOMATIC_OF.values())
FOCUS, FOCUS_AUTO = "focus_absolute", "focus_auto"
FOCUS_STEP = 0.05
EXPOSURE, EXPOSURE_AUTO = "exposure_absolute", "exposure_auto"
WHITE_BALANCE_AUTO, TEMPERATURE = "white_balance_auto", "white_balance_temperature"
RED, BLUE = "red_balance", "blue_balance"
# Fields of /api/camera that a driver's own name must not hide: what it says of itself, and what we do to the picture.
FIELDS = frozenset(
    {"name", "kind", "state", "reason", "size", "rate", "pixel_format", "controls", "modes", "missing", "revision",
     "changed_by", "changed", "message", "grayscale", "half_resolution", "flip_horizontal", "flip_vertical",
     "rotation", "zoom", "zoom_x", "zoom_y", "timestamp", "label", "white_balance_correction", "edges"}
)  # fmt: skip
# What people look for on any camera, in the order they are used to, in the words of the page.
USUAL = (
    ("brightness", "Brightness"), ("contrast", "Contrast"), ("saturation", "Saturation"), ("hue", "Hue"),
    ("sharpness", "Sharpness"), ("gain", "Gain"), ("exposure_auto", "Automatic exposure"),
    ("exposure_absolute", "Exposure"), ("white_balance_auto", "Automatic white balance"),
    ("white_balance_temperature", "White balance"), ("backlight_compensation", "Backlight"),
    ("power_line_frequency", "Power line"), ("zoom_absolute", "Zoom of the camera"),
    ("pan_absolute", "Pan of the camera"), ("tilt_absolute", "Tilt of the camera"), ("focus_auto", "Autofocus"),
    ("focus_absolute", "Focus"),
)  # fmt: skip
# What stands behind one of the usual ones, as part of the same thing.
BEHIND = {"awb_mode": WHITE_BALANCE_AUTO, RED: TEMPERATURE, BLUE: TEMPERATURE}
# What News calls a photo in the camera's largest size, for which the live picture pauses.
FULL_RESOLUTION = "full_resolution"
POWER_LINE = ((0, "Disabled"), (1, "50 Hz"), (2, "60 Hz"), (3, "Auto"))


def snake_case(name: str) -> str:
    """`White Balance, Automatic` -> `white_balance_automatic`, `AeMeteringMode` -> `ae_metering_mode`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return "_".join("".join(letter if letter.isalnum() else " " for letter in words).lower().split())


def place_of(name: str) -> tuple[int, bool]:
    """What to sort controls by where the driver has no order: the usual ones first, with what belongs to them."""
    usual = [name for name, _ in USUAL]
    first = BEHIND.get(name, name)
    return usual.index(first) if first in usual else len(usual), first != name


def free_name(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or `wanted_2` and so on when a driver calls two controls the same, or one as we call something else."""
    name, number = wanted, 2
    while name in taken or name in FIELDS:
        name, number = f"{wanted}_{number}", number + 1
    return name
