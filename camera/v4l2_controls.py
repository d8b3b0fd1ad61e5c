"""A V4L2 camera's controls as the camera room's `Control` values.

Each call opens the device for itself, so any thread may ask while another streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from linuxpy.video import device as linux
from linuxpy.video import raw

from camera.backend import Control
from camera.v4l2 import CameraNode, device_at, explain
from errors import CameraLost, NotSupported

KINDS = {
    raw.CtrlType.INTEGER: "integer",
    raw.CtrlType.BOOLEAN: "boolean",
    raw.CtrlType.MENU: "menu",
    raw.CtrlType.INTEGER_MENU: "menu",
}
# Nothing to set: not there, fixed, or without effect until another control (auto focus) is changed.
IDLE_FLAGS = (
    raw.ControlFlag.DISABLED
    | raw.ControlFlag.GRABBED
    | raw.ControlFlag.READ_ONLY
    | raw.ControlFlag.WRITE_ONLY
    | raw.ControlFlag.INACTIVE
    | raw.ControlFlag.HAS_PAYLOAD
)


def read_controls(camera: CameraNode) -> tuple[Control, ...]:
    """What can be set now, in the driver's order; empty when the camera just went away."""
    try:
        with _opened(camera) as device:
            return tuple(_control(device, entry) for entry in _settable(device))
    except OSError:
        return ()


def write_control(camera: CameraNode, name: str, value: float) -> float:
    """Set one control, clamped to its range; returns what the driver took.

    :raises NotSupported: when there is no such control, or not now.
    :raises CameraLost: when the camera went away.
    """
    try:
        with _opened(camera) as device:
            for entry in _settable(device):
                if _name(entry) == name:
                    linux.set_control(device, entry.id, min(max(round(value), entry.minimum), entry.maximum))
                    return float(linux.get_control(device, entry.id))
    except OSError as error:
        raise CameraLost(explain(error, camera.name)) from error
    raise NotSupported(f"camera {camera.name} has no control {name!r} that can be set now")


@contextmanager
def _opened(camera: CameraNode) -> Iterator[linux.Device]:
    device = device_at(camera.path)
    device.open()
    try:
        yield device
    finally:
        device.close()


def _settable(device: linux.Device) -> Iterator[raw.v4l2_query_ext_ctrl]:
    for entry in linux.iter_read_controls(device):
        if entry.type in KINDS and not entry.flags & IDLE_FLAGS:
            yield entry


def _name(entry: raw.v4l2_query_ext_ctrl) -> str:
    """`White Balance, Automatic` -> `white_balance_automatic`."""
    words = "".join(letter if letter.isalnum() else " " for letter in entry.name.decode(errors="replace"))
    return "_".join(words.lower().split())


def _control(device: linux.Device, entry: raw.v4l2_query_ext_ctrl) -> Control:
    kind = KINDS[entry.type]
    is_number = kind == "integer"
    return Control(
        name=_name(entry),
        kind=kind,
        minimum=float(entry.minimum) if is_number else None,
        maximum=float(entry.maximum) if is_number else None,
        step=float(entry.step) if is_number else None,
        default=float(entry.default_value),
        value=float(linux.get_control(device, entry.id)),
        options=tuple(_options(device, entry)) if kind == "menu" else (),
    )


def _options(device: linux.Device, entry: raw.v4l2_query_ext_ctrl) -> Iterator[tuple[int, str]]:
    for number, option in linux.MenuControl(device, entry, None).data.items():
        yield number, str(option)
