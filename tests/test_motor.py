"""The motor: direction, time limits and the bound on its net run, seen at its three pins."""

from __future__ import annotations

import pytest
from turret_by_hand import ENABLE, LEFT, RIGHT, Bench

from errors import NotSupported

PINS = (LEFT, RIGHT, ENABLE)


def on_time_s(bench: Bench, seconds: float) -> float:
    """How long the enable pin is high within the next `seconds`, to 10 ms."""
    high = 0
    for _ in range(round(seconds * 100)):
        high += bench.scope.level(ENABLE)
        bench.advance(0.01)
    return high / 100


@pytest.mark.parametrize(("velocity", "levels"), [(-1, (1, 0, 1)), (1, (0, 1, 1)), (0.1, (0, 0, 0)), (0, (0, 0, 0))])
def test_drive_sets_the_ancestors_levels(velocity: float, levels: tuple[int, ...]) -> None:
    bench = Bench()
    bench.turret.drive(velocity, None, "ann")
    assert bench.scope.levels(*PINS) == levels


@pytest.mark.parametrize(("velocity", "levels"), [(-1, (0, 1, 1)), (1, (1, 0, 1)), (0, (0, 0, 0))])
def test_a_motor_that_is_wired_the_other_way_round_is_inverted(velocity: float, levels: tuple[int, ...]) -> None:
    bench = Bench(pan={"invert": True})
    bench.turret.drive(velocity, None, "ann")
    assert bench.scope.levels(*PINS) == levels


def test_an_inverted_motor_counts_its_run_to_the_side_it_turns_to() -> None:
    bench = Bench(pan={"invert": True, "net_run_limit_s": 1.0})
    for _ in range(12):
        bench.drive_for(0.1, 1, None)
    assert bench.turret.state.pan.at_limit
    bench.turret.step(1, 0, "ann")
    assert bench.scope.levels(*PINS) == (0, 0, 0)
    bench.turret.step(-1, 0, "ann")
    assert bench.scope.levels(*PINS) == (0, 1, 1), "the way back is free"


def test_a_click_runs_for_its_time_and_ends_though_nobody_calls() -> None:
    bench = Bench()
    bench.turret.step(-1, 0, "ann")
    assert bench.scope.levels(*PINS) == (1, 0, 1)
    assert on_time_s(bench, 1) == pytest.approx(0.2, abs=0.011)
    assert bench.scope.levels(*PINS) == (0, 0, 0)


def test_many_clicks_at_once_are_bounded() -> None:
    bench = Bench()
    bench.turret.step(20, 0, "ann")
    assert on_time_s(bench, 5) == pytest.approx(2.0, abs=0.011)


@pytest.mark.parametrize("invert", [False, True])
def test_the_direction_never_changes_while_enabled(invert: bool) -> None:
    bench = Bench(pan={"invert": invert})
    for velocity in (1, -1, 1, 1, -1, 0, -1, 1):
        bench.turret.drive(velocity, None, "ann")
        bench.advance(0.05)
    bench.turret.step(-1, 0, "ann")
    bench.turret.stop()
    is_enabled, changes = False, 0
    for pin, level in bench.scope.history(*PINS):
        if pin == ENABLE:
            is_enabled = bool(level)
        else:
            changes += 1
            assert not is_enabled
    assert changes > 10


def test_the_net_run_is_bounded_each_way_and_the_way_back_is_free() -> None:
    bench = Bench(pan={"net_run_limit_s": 1.0})
    bench.drive_for(0.5, -1, None)
    run_s = 0.0
    for _ in range(30):
        bench.turret.drive(1, None, "ann")
        run_s += on_time_s(bench, 0.1)
    assert run_s == pytest.approx(1.5, abs=0.011)
    assert bench.turret.state.pan.at_limit
    bench.turret.step(1, 0, "ann")
    assert bench.scope.levels(*PINS) == (0, 0, 0)
    bench.turret.step(-1, 0, "ann")
    assert bench.scope.levels(*PINS) == (1, 0, 1)


def test_small_clicks_cannot_creep_past_the_bound() -> None:
    bench = Bench(pan={"net_run_limit_s": 1.0})
    run_s = 0.0
    for _ in range(20):
        bench.turret.step(1, 0, "ann")
        run_s += on_time_s(bench, 0.3)
    assert run_s == pytest.approx(1.0, abs=0.011)


def test_a_motor_knows_no_degrees() -> None:
    bench = Bench()
    with pytest.raises(NotSupported, match="pan is a motor, which has no position to aim at"):
        bench.turret.aim(90, None, "ann")
    with pytest.raises(NotSupported, match="cannot turn by degrees"):
        bench.turret.turn(5, 0, "ann")
    assert bench.turret.state.pan.position_deg is None
    assert bench.scope.is_all_low()
