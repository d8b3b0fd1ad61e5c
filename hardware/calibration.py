"""From a place in the picture to degrees: two clicks calibrate, each later click aims. All but `Aiming` is arithmetic.

The map is linear per axis. That is exact for no lens: in an undistorted picture a point at the share u from
its middle (-0.5..0.5 of the width) lies at atan(2 u tan(fov/2)). With a field of view of 60 degrees and clicks near
the left and right edge the linear map is 0 to 1.1 degrees short between middle and edge; with clicks near
the middle it is right there and 3.1 degrees too far at the edge. A second click on the same thing, now near
the middle, corrects that. That pan covers less of the picture while the turret looks up or down (by the cosine
of the tilt) is left out as well. A picture that is flipped, turned or zoomed differently wants a new calibration.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Literal, get_args

from errors import BadField, NotCalibrated, NotSupported, TurretError
from hardware.axis import AxisState

CLOSEST_SHARE = 0.05
SMALLEST_TURN_DEG = 1.0
WIDEST_DEG = 360.0
SHOWN_DEG = 0.1  # positions are shown rounded, and come back so

CameraMount = Literal["moving", "fixed"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Point:
    """A place in the picture, 0..1 from its left and top, and where the turret stood or pointed; None for nowhere."""

    x: float
    y: float
    pan_deg: float | None
    tilt_deg: float | None


@dataclass(frozen=True)
class Line:
    """What one axis does along the picture.

    :ivar middle_deg: the position that points at the middle; only a fixed camera has one.
    :ivar across_deg: degrees from the left to the right edge, or from the top to the bottom.
    """

    middle_deg: float
    across_deg: float


@dataclass(frozen=True)
class Calibration:
    """What two clicks told; an axis that had no position then is None.

    :ivar camera: "moving": it rides on the turret, and one landmark was clicked from two positions. "fixed": it stands
        still, and the turret pointed at two places.
    """

    camera: CameraMount
    points: tuple[Point, Point]
    pan: Line | None
    tilt: Line | None

    def target(self, x: float, y: float, pan: AxisState, tilt: AxisState) -> tuple[float | None, float | None]:
        """Where pan and tilt have to go to look at this place, within their limits; None for no such axis.

        With a camera that rides along, the place counts from where the turret is now.
        """
        return self._target_of(self.pan, x, pan), self._target_of(self.tilt, y, tilt)

    def _target_of(self, line: Line | None, share: float, state: AxisState) -> float | None:
        if line is None or state.position_deg is None:
            return None
        middle_deg = line.middle_deg if self.camera == "fixed" else state.position_deg
        return state.nearest(middle_deg + (share - 0.5) * line.across_deg)


def calibration_of(camera: str, points: Sequence[Point]) -> Calibration:
    """The calibration that two clicks stand for.

    :raises BadField: names the value and the rule it breaks.
    """
    if camera not in get_args(CameraMount):
        raise BadField("camera", f"camera {camera[:20]!r} is neither moving nor fixed")
    if len(points) != 2:
        raise BadField("points", f"{len(points)} points: a calibration takes 2")
    first, second = points
    for number, point in enumerate(points, 1):
        check_shares(f"points: x of point {number}", "points", point.x)
        check_shares(f"points: y of point {number}", "points", point.y)
    pan = _line("pan", "x", camera, (first.x, second.x), (first.pan_deg, second.pan_deg))
    tilt = _line("tilt", "y", camera, (first.y, second.y), (first.tilt_deg, second.tilt_deg))
    if pan is None and tilt is None:
        raise BadField("points", "points: neither pan_deg nor tilt_deg is given for both")
    return Calibration("fixed" if camera == "fixed" else "moving", (first, second), pan, tilt)


def check_shares(name: str, field: str, share: float) -> None:
    """:raises BadField: for anything outside 0..1, NaN included."""
    if not 0 <= share <= 1:
        raise BadField(field, f"{name} {share:g} is outside 0..1")


def _line(
    axis: str, side: str, camera: str, shares: tuple[float, float], positions: tuple[float | None, float | None]
) -> Line | None:
    """The line through two places on one axis; None when it has no position."""
    from_deg, to_deg = positions
    if from_deg is None or to_deg is None:
        return None
    across, turn_deg = shares[1] - shares[0], to_deg - from_deg
    length = "width" if side == "x" else "height"
    _check_apart(axis, abs(across), CLOSEST_SHARE, f"of the picture's {length} ({side})")
    _check_apart(axis, abs(turn_deg), SMALLEST_TURN_DEG, f"deg of {axis}")
    across_deg = turn_deg / across
    if abs(across_deg) > WIDEST_DEG:
        raise BadField(
            "points", f"points: {axis} would be {abs(across_deg):.0f} deg across the picture, 360 is the most"
        )
    if camera == "moving":  # the landmark goes the other way than the turret
        return Line(0.0, -across_deg)
    return Line(from_deg + (0.5 - shares[0]) * across_deg, across_deg)


def _check_apart(axis: str, apart: float, least: float, what: str) -> None:
    """The one rule of how far two points have to be from each other; people read the message while they click.

    :raises BadField: when they are nearer; the figure is rounded down, so that it never looks like enough.
    """
    if not apart >= least - 1e-9:
        figure = f"{math.floor(apart * 1000) / 1000:g}" if math.isfinite(apart) else f"{apart}"
        way = "sideways" if axis == "pan" else "up or down"
        rule = f"{least:g} is the least: turn farther {way} between them"
        raise BadField("points", f"the two points are {figure} {what} apart, and {rule}")


class Aiming:
    """The calibration in force. It is replaced, never changed; any thread may call any method.

    :param load: the text kept last, or None.
    :param keep: keeps a text over a restart, None forgets it; what it raises is passed on, and nothing is changed.
    """

    def __init__(self, load: Callable[[], str | None], keep: Callable[[str | None], None]) -> None:
        self.calibration: Calibration | None = None
        self._load = load
        self._keep = keep

    def open(self) -> None:
        """Take up what was kept; what makes no sense is left aside."""
        text = self._load()
        try:
            self.calibration = None if text is None else _from_text(text)
        except (TurretError, ValueError, TypeError, KeyError) as error:
            log.warning("the kept calibration is left aside: %s", error)

    def calibrate(self, camera: str, points: Sequence[Point], pan: AxisState, tilt: AxisState) -> Calibration:
        """Put a calibration in force and keep it. An axis without a position is left out.

        :raises NotSupported: when neither axis has a position.
        :raises BadField: names the value and the rule it breaks.
        """
        if pan.position_deg is None and tilt.position_deg is None:
            raise NotSupported("neither pan nor tilt has a position, so nothing can be aimed by a click")
        told = [
            replace(point, pan_deg=_told("pan", point.pan_deg, pan), tilt_deg=_told("tilt", point.tilt_deg, tilt))
            for point in points
        ]
        calibration = calibration_of(camera, told)
        self._keep(_text_of(calibration))
        self.calibration = calibration
        return calibration

    def forget(self) -> None:
        """Have no calibration from now on."""
        self._keep(None)
        self.calibration = None

    def target(self, x: float, y: float, pan: AxisState, tilt: AxisState) -> tuple[float | None, float | None]:
        """Where to go for a click at this place; see `Calibration.target`.

        :raises BadField: when x or y is outside 0..1.
        :raises NotCalibrated: when there is no calibration.
        :raises NotSupported: when no calibrated axis has a position any more.
        """
        check_shares("x", "x", x)
        check_shares("y", "y", y)
        calibration = self.calibration
        if calibration is None:
            raise NotCalibrated("the picture is not calibrated; calibrate it with two clicks first")
        target = calibration.target(x, y, pan, tilt)
        if target == (None, None):
            raise NotSupported("no axis that was calibrated has a position; calibrate again")
        return target


def _told(axis: str, position_deg: float | None, state: AxisState) -> float | None:
    """What a point says of an axis; None when the axis has no position."""
    if state.position_deg is None or state.limits_deg is None:
        return None
    if position_deg is None:
        raise BadField("points", f"points: {axis}_deg is missing, and {axis} has a position")
    lowest_deg, highest_deg = state.limits_deg
    if not lowest_deg - SHOWN_DEG <= position_deg <= highest_deg + SHOWN_DEG:
        where = f"{lowest_deg:g}..{highest_deg:g} deg"
        raise BadField("points", f"points: {axis}_deg {position_deg:g} is outside {where}")
    return position_deg


def _text_of(calibration: Calibration) -> str:
    return json.dumps({"camera": calibration.camera, "points": [astuple(point) for point in calibration.points]})


def _from_text(text: str) -> Calibration:
    kept = json.loads(text)
    return calibration_of(kept["camera"], [Point(*point) for point in kept["points"]])
