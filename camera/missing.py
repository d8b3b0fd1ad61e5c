"""What people look for on a camera and this one has not, with the reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from camera.names import USUAL


@dataclass(frozen=True)
class Missing:
    """A control, or `size`, that cannot be had."""

    name: str
    label: str
    reason: str


def no_control(camera: str, name: str) -> str:
    """Why a control cannot be set on a camera that has none."""
    return f"camera {camera} has no control {name}"


def no_modes(camera: str, names: str) -> str:
    """Why size, rate or format cannot be chosen on a camera that lists none."""
    return f"camera {camera} lists no modes, so {names} cannot be changed"


def missing_of(camera: str, there: Collection[str], *, has_modes: bool, fault: str | None) -> tuple[Missing, ...]:
    """The usual controls that are not `there`.

    :param fault: why nothing is known of the camera; None when it was open.
    """
    found = [Missing(name, label, fault or no_control(camera, name)) for name, label in USUAL if name not in there]
    return tuple(found if has_modes else [*found, Missing("size", "Size", fault or no_modes(camera, "size"))])
