"""What is known of Pi cameras between their openings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from camera import names

Values = Mapping[str, float]


class PiCamera(NamedTuple):
    """A camera on the Pi's connector; `number` is picamera2's, and that of `rpicam-hello --list-cameras`."""

    number: int
    model: str
    id: str


@dataclass
class Learnt:
    """What need not be found out again when a camera is opened again.

    :ivar sensor_modes: by camera id; picamera2 asks the sensor for them slowly.
    :ivar has_hardware: False once the board's JPEG encoder failed.
    :ivar told: by camera id: what was set, by our names; libcamera forgets it with each closing. Values are replaced,
        never changed, since any thread may read them.
    :ivar own: by camera id: the gains that the automatic white balance left when it was switched off last.
    """

    sensor_modes: dict[str, list[Any]] = field(default_factory=dict)
    has_hardware: bool = True
    told: dict[str, Values] = field(default_factory=dict)
    own: dict[str, Values] = field(default_factory=dict)

    def told_to(self, camera_id: str) -> Values:
        """What was set on this camera."""
        return self.told.get(camera_id, {})

    def note(self, camera_id: str, name: str, told: Values) -> None:
        """`name` was set, and `told` is what counts as told from now on."""
        before = self.told_to(camera_id)
        if name == names.WHITE_BALANCE_AUTO and names.RED in told and names.RED not in before:
            self.own[camera_id] = {gain: told[gain] for gain in (names.RED, names.BLUE)}
        self.told[camera_id] = told
