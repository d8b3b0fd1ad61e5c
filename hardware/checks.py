"""Checks of a command, before anything moves."""

from __future__ import annotations

from errors import OutOfRange
from hardware.axis import Axis, AxisState

MOST_SHOWN = 10**18  # an integer of any size may come; far larger ones cannot even be printed


def check_numbers(lowest: float, highest: float, **values: float | None) -> None:
    """:raises OutOfRange: when one of `values` is neither None nor a number within these."""
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OutOfRange(name, f"{name} {value!r} is not a number in {lowest:g}..{highest:g}")
        if not lowest <= value <= highest:  # also refuses NaN, which is in no range
            shown = value if isinstance(value, float) else max(-MOST_SHOWN, min(MOST_SHOWN, value))
            raise OutOfRange(name, f"{name} {shown:g} is outside {lowest:g}..{highest:g}")


def check_limits(name: str, position_deg: float | None, state: AxisState) -> None:
    """:raises OutOfRange: when a position is outside the limits of the axis called `name`; names the field."""
    if position_deg is None or state.limits_deg is None:
        return
    lowest_deg, highest_deg = state.limits_deg
    if not lowest_deg <= position_deg <= highest_deg:
        message = f"{name} {position_deg:g} deg is outside {lowest_deg:g}..{highest_deg:g} deg"
        raise OutOfRange(f"{name}_deg", message)


def check_there(*moves: tuple[Axis, float | None]) -> None:
    """All or none: nothing moves when one of the axes that shall move is not there; None is no wish to move.

    :raises NotSupported, NoDevice: for the first of them.
    """
    for axis, number in moves:
        if number is not None:
            axis.check()
