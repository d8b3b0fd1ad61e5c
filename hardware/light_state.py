"""What the light is told: on or off, brightness, color; how it is checked, and kept over a restart."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, replace

from errors import BadField
from hardware.strip import Color

RULE_OF_COLOR = re.compile("[0-9A-Fa-f]{6}")
MAX_BRIGHTNESS = 255

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LightState:
    """What was asked for. `color` is RRGGBB in capitals; it and `brightness` (0..255) stay known while off."""

    is_on: bool = False
    brightness: int = 128
    color: str = "FFFFFF"

    @property
    def rgb(self) -> Color:
        """The color as numbers, 0..255."""
        red, green, blue = bytes.fromhex(self.color)
        return red, green, blue


def changed(
    state: LightState, on: bool | None = None, brightness: int | None = None, color: str | None = None
) -> LightState:
    """`state` with what is not None.

    :raises BadField: names the value and its rule; types count: 1 is no `on`, True is no brightness.
    """
    if on is not None:
        state = replace(state, is_on=_checked_on(on))
    if brightness is not None:
        state = replace(state, brightness=_checked_brightness(brightness))
    if color is not None:
        state = replace(state, color=_checked_color(color))
    return state


def packed(state: LightState) -> str:
    """What is kept over a restart: brightness and color. The light itself starts dark."""
    return json.dumps({"brightness": state.brightness, "color": state.color})


def unpacked(text: str | None) -> LightState:
    """The state that `packed` kept; what makes no sense is forgotten."""
    if text is None:
        return LightState()
    try:
        kept = json.loads(text)
        return changed(LightState(), brightness=kept["brightness"], color=kept["color"])
    except (ValueError, TypeError, KeyError) as error:
        log.warning("light: what was kept makes no sense and is forgotten: %s", error)
        return LightState()


def _checked_on(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadField("on", f"on {value!r} is neither true nor false")
    return value


def _checked_brightness(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadField("brightness", f"brightness {value!r} is no whole number")
    if not 0 <= value <= MAX_BRIGHTNESS:
        raise BadField("brightness", f"brightness {value} is outside 0..{MAX_BRIGHTNESS}")
    return value


def _checked_color(value: object) -> str:
    if not isinstance(value, str) or not RULE_OF_COLOR.fullmatch(value):
        raise BadField("color", f"color {value!r} is not RRGGBB, six hexadecimal digits")
    return value.upper()
