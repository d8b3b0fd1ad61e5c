"""What a patrol is at one moment, and what people see of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hardware.errand import Moment
from store.presets import Preset


@dataclass(frozen=True)
class PatrolState:
    """What people see of a patrol.

    :ivar preset: where it is, or is going.
    :ivar seconds_left: until it goes on to the next; None on its way and while paused.
    :ivar resumes_in_s: until it goes on after a pause; None unless paused.
    """

    is_paused: bool
    preset: Preset
    seconds_left: float | None
    resumes_in_s: float | None


@dataclass(frozen=True)
class Tour:
    """A patrol: where it goes and how far it is. It is replaced, never changed.

    :ivar command: a person's last command when the tour began or went on; a later one pauses it.
    :ivar stop: the last STOP when it began; a later one ends it.
    :ivar place: which of `preset_ids` comes next ("due") or is `preset`.
    :ivar until: when it goes on from there.
    """

    preset_ids: tuple[int, ...]
    dwell_s: float
    command: Moment
    stop: Moment
    preset: Preset
    revision: int
    place: int = 0
    leg: Literal["due", "moving", "there"] = "due"
    until: float = 0.0
