"""How much power a motor gets: from a stick to a share of all there is, and a soft start. Pure arithmetic."""

from __future__ import annotations

from settings import PanSettings

DEAD_ZONE = 0.2  # a stick that hardly moved is at rest
STEP_S = 0.02  # a soft start rises this often: more often is finer than the motor and its load are
LONGEST_STEP_S = 0.1


def power_of(velocity: float, settings: PanSettings) -> float:
    """The share of full power, 0..1, for a stick at `velocity`, -1..1.

    Where `slowest_percent` is not known a stick switches: below it a motor hums, takes the current of one that is held
    fast, and does not turn.
    """
    if abs(velocity) < DEAD_ZONE:
        return 0.0
    least, most = settings.slowest_percent / 100, settings.speed_percent / 100
    if not least:
        return most
    return min(most, most - (most - least) * (1 - abs(velocity)) / (1 - DEAD_ZONE))


def power_after(dt_s: float, power: float, target: float, settings: PanSettings) -> float:
    """The power `dt_s` seconds later on its way to `target`: it rises softly, and falls at once.

    Time lost by a sleeping machine is not made up for: at most LONGEST_STEP_S counts.
    """
    if not settings.soft_start_s:
        return target
    least, most = settings.slowest_percent / 100, settings.speed_percent / 100
    share = max(0.0, min(dt_s, LONGEST_STEP_S)) / settings.soft_start_s
    return min(target, max(power, least) + (most - least) * share)
