"""Whether a value can be what somebody wants of a camera: pure functions that say no in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from camera import names
from camera.backend import CameraInfo, CameraMode, Control
from camera.remembered import WantedMode
from errors import BadField

MODE_FIELDS = frozenset({"size", "rate", "pixel_format"})
SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
LISTED_MAX = 12


def checked(control: Control, value: object) -> float:
    """`value` as the number the control takes.

    :raises BadField: names control, value and rule. Types count: true is no number, 1 no switch.
    """
    name = control.name
    if control.kind == "button":
        return 1.0
    if control.kind == "boolean":
        if not isinstance(value, bool):
            raise BadField(name, f"{name} {_short(value)} is neither true nor false")
        return float(value)
    if control.kind == "menu":
        return _checked_choice(control, value)
    number = checked_number(name, value, control.minimum, control.maximum)
    if control.kind == "integer" and number != int(number):
        raise BadField(name, f"{name} {number:g} is no whole number")
    return number


def checked_number(name: str, value: object, least: float | None, most: float | None) -> float:
    """`value` if it is a number within its range.

    :raises BadField: names value and range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BadField(name, f"{name} {_short(value)} is no number{_range(least, most)}")
    if (least is not None and value < least) or (most is not None and value > most):
        raise BadField(name, f"{name} {value:g} is outside {least:g}..{most:g}")
    return float(value)


def in_order(wanted: Iterable[str]) -> list[str]:
    """Names in the order they must be set: what works by itself first, for it decides what else can be set."""
    return sorted(wanted, key=lambda name: name not in names.AUTOMATICS)


def wakes(control: Control, wanted: Mapping[str, object]) -> bool:
    """True when `wanted` switches off the automatic that makes this control sleep."""
    automatic = names.AUTOMATIC_OF.get(control.name, "")
    return wanted.get(automatic) is False or (control.name == "gain" and wanted.get("exposure_auto") is False)


def wanted_mode(modes: Sequence[CameraMode], now: CameraInfo, wanted: Mapping[str, object]) -> WantedMode:
    """The listed mode that `wanted` (`size` "1280x720", `rate`, `pixel_format`; each may be missing) means.

    What is not named stays as it is, as far as the camera lists it together with the rest.

    :raises BadField: when it lists no such thing; says what it lists.
    """
    found = _with_format(list(modes), now, wanted)
    found = _with_size(found, now, wanted)
    kept = next((mode for mode in found if mode.pixel_format == now.pixel_format), found[0])
    return WantedMode(kept.pixel_format, kept.width_px, kept.height_px, _rate(kept, now, wanted))


def largest_mode(modes: Sequence[CameraMode], now: CameraInfo) -> WantedMode | None:
    """The listed mode with the most pixels, in the present format if that has them; None when none has more."""
    now_px = (now.width_px or 0) * (now.height_px or 0)
    best = max(
        modes,
        key=lambda mode: (mode.width_px * mode.height_px, mode.pixel_format == now.pixel_format),
        default=None,
    )
    if best is None or best.width_px * best.height_px <= now_px:
        return None
    return WantedMode(best.pixel_format, best.width_px, best.height_px, best.rates_hz[0] if best.rates_hz else None)


def other_mode(now: CameraInfo, wanted: WantedMode | None) -> str | None:
    """In what a camera that was opened for a mode is not in it."""
    if wanted is None:
        return None
    if (now.width_px, now.height_px) != (wanted.width_px, wanted.height_px):
        return f"it gave {now.width_px}x{now.height_px}"
    return None if now.pixel_format == wanted.pixel_format else f"it gave {now.pixel_format}"


def _with_format(modes: list[CameraMode], now: CameraInfo, wanted: Mapping[str, object]) -> list[CameraMode]:
    if "pixel_format" not in wanted:
        is_new_size = "size" in wanted
        return modes if is_new_size else [mode for mode in modes if mode.pixel_format == now.pixel_format] or modes
    found = [mode for mode in modes if mode.pixel_format == wanted["pixel_format"]]
    if not found:
        listed = dict.fromkeys(mode.pixel_format for mode in modes)
        raise BadField(
            "pixel_format", f"pixel_format {_short(wanted['pixel_format'])} is not one of {', '.join(listed)}"
        )
    return found


def _with_size(modes: list[CameraMode], now: CameraInfo, wanted: Mapping[str, object]) -> list[CameraMode]:
    if "size" not in wanted:
        same = [mode for mode in modes if (mode.width_px, mode.height_px) == (now.width_px, now.height_px)]
        return same or modes[:1]
    match = SIZE.fullmatch(wanted["size"]) if isinstance(wanted["size"], str) else None
    size = None if match is None else (int(match[1]), int(match[2]))
    found = [mode for mode in modes if (mode.width_px, mode.height_px) == size]
    if not found:
        listed = dict.fromkeys(f"{mode.width_px}x{mode.height_px}" for mode in modes)
        raise BadField("size", f"size {_short(wanted['size'])} is not one of {_some(listed)}")
    return found


def _rate(mode: CameraMode, now: CameraInfo, wanted: Mapping[str, object]) -> float | None:
    """The wanted rate, else the listed one next to today's."""
    if "rate" not in wanted:
        today = now.rate_hz or max(mode.rates_hz, default=30.0)
        return min(mode.rates_hz, key=lambda rate: (abs(rate - today), -rate), default=now.rate_hz)
    least, most = (min(mode.rates_hz), max(mode.rates_hz)) if mode.rates_hz else (0.1, 1000.0)
    rate = checked_number("rate", wanted["rate"], least, most)
    same = [listed for listed in mode.rates_hz if abs(listed - rate) <= 0.01]
    if mode.rates_hz and not same:
        raise BadField("rate", f"rate {rate:g} is not one of {_some(f'{listed:g}' for listed in mode.rates_hz)}")
    return same[0] if same else rate


def _checked_choice(control: Control, value: object) -> float:
    """A menu's entry by its number or its name."""
    for number, option in control.options:
        is_name = isinstance(value, str) and value.casefold() == option.casefold()
        if is_name or (value == number and not isinstance(value, bool)):
            return float(number)
    listed = _some(f"{number} ({option})" for number, option in control.options)
    raise BadField(control.name, f"{control.name} {_short(value)} is not one of {listed}")


def _range(least: float | None, most: float | None) -> str:
    return "" if least is None or most is None else f" in {least:g}..{most:g}"


def _some(words: Iterable[str]) -> str:
    listed = list(words)
    return ", ".join(listed[:LISTED_MAX]) + (" ..." if len(listed) > LISTED_MAX else "")


def _short(value: object) -> str:
    return repr(value)[:40]
