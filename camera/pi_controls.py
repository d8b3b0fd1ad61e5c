"""The Pi camera's controls: libcamera's, in the names and units that all our cameras share.

Pure functions over `Picamera2.camera_ctrl_info` (`Listed`). libcamera takes orders without saying what it made
of them, so a control's value is what it was told last; what the camera decides by itself is in each frame's metadata.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from camera import names, pi_crop, pi_gains
from camera.backend import Control

# Commands, what we set ourselves, and what stands behind a control of ours. picamera2 sets the two modes itself:
# AeEnable stands for both (libcamera's control_ids_core.yaml).
NOT_SETTINGS = frozenset(
    {"AfTrigger", "AfPause", "FrameDurationLimits", "ColourGains", "AfMode", "AeFlickerMode", "AeFlickerPeriod",
     "ExposureTimeMode", "AnalogueGainMode"}
)  # fmt: skip
NAMES = {
    "AeEnable": "exposure_auto",
    "AnalogueGain": "gain",
    "AwbEnable": names.WHITE_BALANCE_AUTO,
    "ColourTemperature": names.TEMPERATURE,
    "ExposureTime": "exposure_absolute",
    "LensPosition": names.FOCUS,
}
SWITCHES = ("AeEnable", "AwbEnable")
# What algorithms decide, and metadata tell.
LIBCAMERAS = {ours: theirs for theirs, ours in NAMES.items() if theirs not in SWITCHES}
UNITS = {"ExposureTime": "us", "ExposureValue": "EV", "ColourTemperature": "K"}
AUTOMATIC_OF = {**names.AUTOMATIC_OF, "gain": "exposure_auto"}
# libcamera's control_ids_core.yaml: AfMode, AeFlickerMode; AeFlickerPeriod is half the mains' period, in us.
AF_MANUAL, AF_CONTINUOUS = 0, 2
FLICKER_OFF, FLICKER_MANUAL, FLICKER_AUTO = 0, 1, 2
FLICKER_PERIODS_US = {1: 10000, 2: 8333}
FLICKER_OF = {0: FLICKER_OFF, 3: FLICKER_AUTO}

Listed = Mapping[str, tuple[Any, Any]]
Orders = dict[str, Any]


def controls_of(
    listed: Listed,
    told: Mapping[str, float],
    metadata: Mapping[str, Any] = MappingProxyType({}),
    own: Mapping[str, float] = MappingProxyType({}),
) -> tuple[Control, ...]:
    """Everything people can set, and what they cannot set now.

    :param told: what was set so far, by our names.
    :param metadata: of a frame not long ago, by libcamera's names.
    :param own: the gains that the automatic white balance decided last.
    """
    found = [
        *_plain_controls(listed), *_focus_auto(listed), *_power_line(listed), *pi_crop.crop_controls(listed),
        *pi_gains.gain_controls(listed, own),
    ]  # fmt: skip
    # libcamera's Python binding lists them by their addresses, so in another order at each start (py_main.cpp).
    found.sort(key=lambda control: names.place_of(control.name))
    found = [replace(control, value=told.get(control.name, control.default)) for control in found]
    is_on = {control.name for control in found if control.kind == "boolean" and control.value}
    found = [_asleep(control, is_on) for control in found]
    return tuple(replace(control, value=_decided(listed, control, told, metadata)) for control in found)


def orders_for(listed: Listed, control: Control, value: float, told: Mapping[str, float]) -> Orders:
    """What picamera2 is told so that `control` gets `value`, beside what it was told before."""
    if control.name in pi_crop.NAMES:
        return pi_crop.crop_orders(listed, {**told, control.name: value})
    if control.name == names.FOCUS_AUTO:
        return {"AfMode": AF_CONTINUOUS if value else AF_MANUAL}
    if control.name in pi_gains.NAMES:
        return pi_gains.gain_orders({**told, control.name: value})
    if control.name == "power_line_frequency":
        return _power_line_orders(value)
    order = _plain_order(listed, control, value)
    return {**order, **pi_gains.gain_orders(told)} if order == {"AwbEnable": False} else order


def taken(control: Control, value: float) -> float:
    """The value next to the wanted one that the control can have."""
    if control.minimum is not None and control.maximum is not None:
        value = min(max(value, control.minimum), control.maximum)
    return float(value if control.kind == "number" else bool(value) if control.kind == "boolean" else round(value))


def _power_line_orders(value: float) -> Orders:
    period_us = FLICKER_PERIODS_US.get(round(value))
    if period_us is None:
        return {"AeFlickerMode": FLICKER_OF[round(value)]}
    return {"AeFlickerMode": FLICKER_MANUAL, "AeFlickerPeriod": period_us}


def _plain_order(listed: Listed, control: Control, value: float) -> Orders:
    name = next(name for name in listed if _our_name(name) == control.name)
    if control.name == names.FOCUS:
        near, far = listed[name][1].max, listed[name][1].min
        return {name: far + value * (near - far)}
    return {name: {"boolean": bool, "number": float}.get(control.kind, round)(value)}


def _our_name(name: str) -> str:
    return NAMES.get(name, names.snake_case(name))


def _asleep(control: Control, is_on: set[str]) -> Control:
    automatic = AUTOMATIC_OF.get(control.name)
    return control.asleep(automatic) if automatic in is_on else control


def _decided(listed: Listed, control: Control, told: Mapping[str, float], metadata: Mapping[str, Any]) -> float | None:
    """The value now: what the camera itself made of it, unless a person decides."""
    if control.reason is None and control.name in told:
        return control.value
    if control.name in pi_gains.NAMES:
        return pi_gains.decided(metadata).get(control.name, control.value)
    name = LIBCAMERAS.get(control.name, "")
    if name not in metadata:
        return control.value
    return _as_focus(float(metadata[name]), listed[name][1]) if control.name == names.FOCUS else float(metadata[name])


def _as_focus(dioptres: float, limits: Any) -> float:
    """0 (far) .. 1 (near)."""
    far, near = float(limits.min), float(limits.max)
    return round((dioptres - far) / (near - far), 4)


def _plain_controls(listed: Listed) -> Iterator[Control]:
    """The controls that are one number, with what libcamera says of them."""
    for name in sorted(listed):
        key, limits = listed[name]
        is_number = isinstance(limits.min, bool | int | float) and not getattr(key, "isArray", False)
        if name not in NOT_SETTINGS and is_number and limits.min != limits.max:
            yield _plain_control(name, key, limits)


def _plain_control(name: str, key: Any, limits: Any) -> Control:
    options = _names_of_values(key)
    default = None if limits.default is None else float(limits.default)
    kind = "number" if isinstance(limits.min, float) else "menu" if options else "integer"
    if isinstance(limits.min, bool):
        kind, options = "boolean", ()
        # libcamera may name no default of its algorithms (ipa_base.cpp, ipaColourControls): they run until told not to.
        default = 1.0 if default is None and name in SWITCHES else default
    step = 1.0 if kind == "integer" else None
    control = Control(
        _our_name(name), kind, float(limits.min), float(limits.max), step, default, default, UNITS.get(name, ""),
        options, label=name,
    )  # fmt: skip
    if control.name == names.FOCUS:
        return _focus(control)
    return control if kind in ("number", "integer") else replace(control, minimum=None, maximum=None)


def _focus(lens: Control) -> Control:
    """LensPosition, dioptres, as 0 (far) .. 1 (near)."""
    far, near = lens.minimum or 0.0, lens.maximum or 1.0
    default = None if lens.default is None else round((lens.default - far) / (near - far), 4)
    return replace(lens, minimum=0.0, maximum=1.0, step=names.FOCUS_STEP, default=default, value=default)


def _focus_auto(listed: Listed) -> Iterator[Control]:
    if "AfMode" in listed and listed["AfMode"][1].max >= AF_CONTINUOUS:
        default = float(listed["AfMode"][1].default == AF_CONTINUOUS)
        yield Control(names.FOCUS_AUTO, "boolean", None, None, None, default, default, label="AfMode")


def _power_line(listed: Listed) -> Iterator[Control]:
    if "AeFlickerMode" in listed and "AeFlickerPeriod" in listed:
        has_auto = listed["AeFlickerMode"][1].max >= FLICKER_AUTO
        options = names.POWER_LINE if has_auto else names.POWER_LINE[:-1]
        yield Control(
            "power_line_frequency", "menu", None, None, None, 0.0, 0.0, options=options, label="AeFlickerMode"
        )


def _names_of_values(key: Any) -> tuple[tuple[int, str], ...]:
    """(value, name) of a menu, without what all its names begin with; older libcameras tell none."""
    enumerators = getattr(key, "enumerators", {})
    named = enumerators() if callable(enumerators) else enumerators
    # Character by character is meant: "AwbAuto" and "AwbIndoor" share "Awb".
    shared = os.path.commonprefix([str(text) for text in named.values()]) if len(named) > 1 else ""  # noqa: RUF071
    return tuple((int(value), str(text).removeprefix(shared)) for value, text in sorted(named.items()))
