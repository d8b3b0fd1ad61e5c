"""A V4L2 camera's controls as the camera room's `Control` values.

Each call opens the device for itself, so any thread may ask while another streams. Drivers count focus in
steps of their own, exposure in 100 us and angles in seconds of arc; `Scale` is what makes them ours.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass, replace

from linuxpy.video import device as linux
from linuxpy.video import raw

from camera import names
from camera.backend import Control
from camera.v4l2 import CameraNode, explain, opened
from errors import CameraLost, ControlRefused, NotSupported

KINDS = {
    raw.CtrlType.INTEGER: "integer",
    raw.CtrlType.BOOLEAN: "boolean",
    raw.CtrlType.MENU: "menu",
    raw.CtrlType.INTEGER_MENU: "menu",
    raw.CtrlType.BUTTON: "button",
}
# Fixed for good, or more than one number.
NO_CONTROL = raw.ControlFlag.DISABLED | raw.ControlFlag.HAS_PAYLOAD
ID = raw.ControlID
NAMES = {
    ID.BRIGHTNESS: "brightness",
    ID.AUTOBRIGHTNESS: "brightness_auto",
    ID.CONTRAST: "contrast",
    ID.SATURATION: "saturation",
    ID.HUE: "hue",
    ID.HUE_AUTO: "hue_auto",
    ID.SHARPNESS: "sharpness",
    ID.GAIN: "gain",
    ID.AUTOGAIN: "gain_auto",
    ID.EXPOSURE_AUTO: "exposure_auto",
    ID.EXPOSURE_ABSOLUTE: "exposure_absolute",
    ID.AUTO_WHITE_BALANCE: "white_balance_auto",
    ID.WHITE_BALANCE_TEMPERATURE: "white_balance_temperature",
    ID.RED_BALANCE: names.RED,
    ID.BLUE_BALANCE: names.BLUE,
    ID.BACKLIGHT_COMPENSATION: "backlight_compensation",
    ID.POWER_LINE_FREQUENCY: "power_line_frequency",
    ID.ZOOM_ABSOLUTE: "zoom_absolute",
    ID.PAN_ABSOLUTE: "pan_absolute",
    ID.TILT_ABSOLUTE: "tilt_absolute",
    ID.FOCUS_ABSOLUTE: names.FOCUS,
    ID.FOCUS_AUTO: names.FOCUS_AUTO,
}
# V4L2_CID_EXPOSURE_AUTO (kernel, ext-ctrls-camera.rst): who decides on the exposure time.
BY_CAMERA, BY_PERSON = (3, 0), (1, 2)
GONE = (errno.ENODEV, errno.ENXIO, errno.ENOENT)
ENDINGS = {
    errno.EACCES: "it only shows it",
    errno.EBUSY: "it is using it right now",
    errno.EINVAL: "it does not take that value",
    errno.ERANGE: "it does not take that value",
}


@dataclass(frozen=True)
class Scale:
    """`shown = (raw - offset) * factor`."""

    factor: float = 1.0
    offset: int = 0
    unit: str = ""

    def shown(self, value: int) -> float:
        """What people see of a driver's value."""
        return round((value - self.offset) * self.factor, 4)

    def raw(self, value: float) -> int:
        """The driver's value next to what people asked for."""
        return round(value / self.factor) + self.offset

    def step(self, step: int) -> float:
        """What people see of the driver's step."""
        return round(step * self.factor, 4)


@dataclass(frozen=True)
class Choice:
    """A menu shown as a switch: who decides on the exposure."""

    automatic: int
    manual: int
    unit: str = ""

    def shown(self, value: int) -> float:
        """1.0 while the camera decides."""
        return float(value in BY_CAMERA)

    def raw(self, value: float) -> int:
        """The entry of the menu."""
        return self.automatic if value else self.manual


@dataclass(frozen=True)
class Found:
    """A control and how to reach it."""

    id: int
    control: Control
    scale: Scale | Choice
    least: int
    most: int


def read_controls(camera: CameraNode) -> tuple[Control, ...]:
    """Everything with one value, in the driver's order; empty when the camera just went away."""
    try:
        with opened(camera) as device:
            return tuple(found.control for found in _find_all(device))
    except OSError:
        return ()


def write_control(camera: CameraNode, name: str, value: float) -> float:
    """Set one control, clamped to its range; returns what the driver took.

    :raises NotSupported: when there is no such control.
    :raises ControlRefused: when it cannot be set now, or the driver says no.
    :raises CameraLost: when the camera went away.
    """
    try:
        with opened(camera) as device:
            found = next((found for found in _find_all(device) if found.control.name == name), None)
            if found is None:
                raise NotSupported(f"camera {camera.name} has no control {name}")
            return _write(camera, device, found, value)
    except OSError as error:
        raise CameraLost(explain(error, camera.name)) from error


def _write(camera: CameraNode, device: linux.Device, found: Found, value: float) -> float:
    control = found.control
    if control.reason is not None:
        raise ControlRefused(f"camera {camera.name} does not take {control.name} now: {control.reason}")
    raw_value = min(max(found.scale.raw(value), found.least), found.most)
    try:
        linux.set_control(device, found.id, raw_value)
        taken = raw_value if control.value is None else linux.get_control(device, found.id)
    except OSError as error:
        if error.errno in GONE:
            raise
        reason = ENDINGS.get(error.errno or 0, error.strerror or str(error))
        raise ControlRefused(f"camera {camera.name} refuses {control.name} {value:g}: {reason}") from error
    return found.scale.shown(taken)


def _find_all(device: linux.Device) -> list[Found]:
    taken: dict[str, Found] = {}
    for entry in linux.iter_read_controls(device):
        if entry.type in KINDS and not entry.flags & NO_CONTROL:
            found = _describe(device, entry, taken)
            taken[found.control.name] = found
    is_on = {name for name, found in taken.items() if found.control.kind == "boolean" and found.control.value}
    return [_with_automatic(found, is_on) for found in taken.values()]


def _describe(device: linux.Device, entry: raw.v4l2_query_ext_ctrl, taken: dict[str, Found]) -> Found:
    kind, label = KINDS[entry.type], entry.name.decode(errors="replace")
    options = tuple(_options(device, entry)) if kind == "menu" else ()
    scale = _scale_of(entry, {number for number, _ in options})
    if isinstance(scale, Choice):
        kind, options = "boolean", ()
    elif kind == "integer" and scale.factor < 1:
        kind = "number"
    value, fault = _value(device, entry)
    is_number = kind in ("integer", "number")
    control = Control(
        name=names.free_name(_name_of(entry, scale, label), taken),
        kind=kind,
        minimum=scale.shown(entry.minimum) if is_number else None,
        maximum=scale.shown(entry.maximum) if is_number else None,
        step=_step(entry, scale) if isinstance(scale, Scale) and is_number else None,
        default=None if kind == "button" else scale.shown(entry.default_value),
        value=None if value is None else scale.shown(value),
        unit=scale.unit,
        options=options,
        label=label,
        reason=fault or _reason(entry.flags),
    )
    return Found(entry.id, control, scale, entry.minimum, entry.maximum)


def _name_of(entry: raw.v4l2_query_ext_ctrl, scale: Scale | Choice, label: str) -> str:
    if entry.id == ID.EXPOSURE_AUTO and not isinstance(scale, Choice):
        return names.snake_case(label)
    return NAMES.get(entry.id, names.snake_case(label))


def _scale_of(entry: raw.v4l2_query_ext_ctrl, choices: set[int]) -> Scale | Choice:
    """How a driver's values are shown; units are those of the kernel's ext-ctrls-camera.rst."""
    if entry.id == ID.EXPOSURE_AUTO:
        automatic = [value for value in (entry.default_value, *BY_CAMERA) if value in BY_CAMERA and value in choices]
        manual = [value for value in BY_PERSON if value in choices]
        return Choice(automatic[0], manual[0]) if automatic and manual else Scale()
    if entry.id == ID.EXPOSURE_ABSOLUTE:
        return Scale(100, unit="us")
    if entry.id in (ID.PAN_ABSOLUTE, ID.TILT_ABSOLUTE):
        return Scale(1 / 3600, unit="deg")
    if entry.id == ID.FOCUS_ABSOLUTE and entry.maximum > entry.minimum:
        return Scale(1 / (entry.maximum - entry.minimum), entry.minimum)
    return Scale()


def _step(entry: raw.v4l2_query_ext_ctrl, scale: Scale) -> float:
    """What one click changes: the driver's step, for focus at least ours."""
    step = scale.step(entry.step)
    return max(step, names.FOCUS_STEP) if entry.id == ID.FOCUS_ABSOLUTE else step


def _value(device: linux.Device, entry: raw.v4l2_query_ext_ctrl) -> tuple[int | None, str | None]:
    """(the value or None where there is none to read, why it cannot be read).

    :raises OSError: when the camera went away.
    """
    if entry.flags & raw.ControlFlag.WRITE_ONLY or entry.type == raw.CtrlType.BUTTON:
        return None, None
    try:
        return int(linux.get_control(device, entry.id)), None
    except OSError as error:
        if error.errno in GONE:
            raise
        return None, f"the camera does not tell it: {error.strerror}"


def _reason(flags: int) -> str | None:
    """Why a control cannot be set now, by its flags."""
    if flags & raw.ControlFlag.READ_ONLY:
        return "the camera only shows it"
    if flags & raw.ControlFlag.GRABBED:
        return "the camera is using it right now"
    return "it has no effect as the camera is set" if flags & raw.ControlFlag.INACTIVE else None


def _with_automatic(found: Found, is_on: set[str]) -> Found:
    """With the automatic named that makes a control sleep, where we know it."""
    automatic = names.AUTOMATIC_OF.get(found.control.name)
    if found.control.reason is None or automatic not in is_on:
        return found
    return replace(found, control=found.control.asleep(automatic))


def _options(device: linux.Device, entry: raw.v4l2_query_ext_ctrl) -> Iterator[tuple[int, str]]:
    for number, option in linux.MenuControl(device, entry, None).data.items():
        yield number, str(option)
