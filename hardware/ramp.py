"""Soft start and soft stop: a speed that rises and falls along a trapezoid. Pure arithmetic."""

from __future__ import annotations

import math
from typing import NamedTuple

STEP_S = 0.01
LONGEST_STEP_S = 0.1
NEAR_DEG = 1e-6


class Motion(NamedTuple):
    """Where something is and how fast it goes, degrees and degrees per second."""

    position_deg: float
    velocity_deg_s: float = 0.0


def position_after(
    dt_s: float, motion: Motion, target_deg: float, speed_deg_s: float, acceleration_deg_s2: float
) -> Motion:
    """The motion `dt_s` seconds later, on its way to `target_deg`, which it never passes.

    Time lost by a sleeping machine is not made up for: at most LONGEST_STEP_S counts.
    """
    left_s = min(max(dt_s, 0.0), LONGEST_STEP_S)
    while left_s > 0:
        step_s = min(left_s, STEP_S)
        motion = _after_one_step(step_s, motion, target_deg, speed_deg_s, acceleration_deg_s2)
        left_s -= step_s
    return motion


def _after_one_step(
    dt_s: float, motion: Motion, target_deg: float, speed_deg_s: float, acceleration_deg_s2: float
) -> Motion:
    distance_deg = target_deg - motion.position_deg
    if abs(distance_deg) < NEAR_DEG:
        return Motion(target_deg)
    # The speed from which it can still stop in time when it slows down once per step: s = v^2 / 2a + v dt / 2.
    root_s = math.sqrt(dt_s**2 / 4 + 2 * abs(distance_deg) / acceleration_deg_s2)
    speed_deg_s = min(speed_deg_s, acceleration_deg_s2 * (root_s - dt_s / 2))
    change_deg_s = math.copysign(speed_deg_s, distance_deg) - motion.velocity_deg_s
    most_deg_s = acceleration_deg_s2 * dt_s
    velocity_deg_s = motion.velocity_deg_s + max(-most_deg_s, min(most_deg_s, change_deg_s))
    move_deg = velocity_deg_s * dt_s
    if move_deg * distance_deg > 0 and abs(move_deg) >= abs(distance_deg):
        return Motion(target_deg)
    return Motion(motion.position_deg + move_deg, velocity_deg_s)
