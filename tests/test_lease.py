"""The control lease: one holder at a time, and what ends with it."""

from __future__ import annotations

import pytest
from turret_by_hand import ENABLE, TILT, TRIGGER, Bench

from errors import Busy, NotArmed


@pytest.fixture
def bench() -> Bench:
    return Bench(tilt={"speed_deg_s": 2})


def test_the_first_command_takes_it_and_use_renews_it(bench: Bench) -> None:
    assert bench.turret.state.lease.holder is None
    bench.turret.step(0, 1, "ann")
    bench.advance(10)
    assert bench.turret.state.lease.seconds_left == pytest.approx(5)
    bench.turret.step(0, 1, "ann")
    assert (bench.turret.state.lease.holder, bench.turret.state.lease.seconds_left) == ("ann", 15)


def test_everybody_else_is_busy_and_told_who_and_how_long(bench: Bench) -> None:
    bench.turret.drive(1, None, "ann")
    bench.advance(0.1)
    commands = [
        lambda: bench.turret.drive(-1, None, "bob"),
        lambda: bench.turret.step(-1, 0, "bob"),
        lambda: bench.turret.turn(0, 5, "bob"),
        lambda: bench.turret.aim(None, 10, "bob"),
        lambda: bench.turret.home("bob"),
        lambda: bench.turret.arm("bob"),
        lambda: bench.turret.fire("bob"),
        lambda: bench.turret.take_control("bob"),
    ]
    for command in commands:
        with pytest.raises(Busy, match="ann holds the controls for another 15 s"):
            command()
    assert bench.scope.level(ENABLE) == 1
    assert bench.turret.state.lease.holder == "ann"


def test_a_lease_that_lapses_in_the_middle_of_a_move_stops_it_and_disarms(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.aim(None, 180, "ann")
    bench.advance(14.9)
    assert bench.turret.state.tilt.moving
    assert bench.turret.state.trigger.armed
    bench.advance(0.2)
    stood = bench.scope.pulse_us(TILT)
    assert not bench.turret.state.tilt.moving
    assert not bench.turret.state.trigger.armed
    assert bench.turret.state.lease.holder is None
    bench.advance(0.5)
    assert bench.scope.pulse_us(TILT) == stood
    bench.advance(1)
    assert bench.scope.is_all_low()


def test_a_lapsed_lease_ends_what_it_began_even_before_the_dead_man_looks(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.clock.now += 20
    with pytest.raises(NotArmed):
        bench.turret.fire("ann")
    assert bench.scope.level(TRIGGER) == 0


def test_taking_over_stops_and_disarms(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.fire("ann")
    bench.turret.drive(1, None, "ann")
    bench.turret.take_over("admin")
    assert bench.scope.levels(ENABLE, TRIGGER) == (0, 0)
    assert bench.turret.state.lease.holder == "admin"
    assert not bench.turret.state.trigger.armed
    with pytest.raises(Busy, match="admin holds the controls"):
        bench.turret.drive(1, None, "ann")


def test_giving_back_stops_disarms_and_frees_and_is_for_the_holder_only(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.drive(1, None, "ann")
    bench.turret.release("bob")
    assert bench.scope.level(ENABLE) == 1
    bench.turret.release("ann")
    assert bench.scope.level(ENABLE) == 0
    assert not bench.turret.state.trigger.armed
    bench.turret.drive(-1, None, "bob")
    assert bench.turret.state.lease.holder == "bob"


def test_anybody_may_stop_which_disarms_and_leaves_the_lease(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.fire("ann")
    bench.turret.drive(1, 1, "ann")
    bench.turret.stop("bob")
    state = bench.turret.state
    assert bench.scope.levels(ENABLE, TRIGGER) == (0, 0)
    assert (state.tilt.moving, state.trigger.armed, state.lease.holder) == (False, False, "ann")


def test_a_held_arrow_does_not_win_against_somebody_elses_stop(bench: Bench) -> None:
    bench.drive_for(0.5, 1, None)
    bench.turret.stop("bob")
    for _ in range(20):
        with pytest.raises(Busy, match="let go first"):
            bench.turret.drive(1, None, "ann")
        bench.advance(0.1)
        assert bench.scope.level(ENABLE) == 0
    bench.advance(0.5)
    bench.turret.drive(1, None, "ann")
    assert bench.scope.level(ENABLE) == 1


def test_ones_own_stop_needs_no_pause(bench: Bench) -> None:
    bench.turret.drive(1, None, "ann")
    bench.turret.stop("ann")
    assert bench.scope.level(ENABLE) == 0
    bench.turret.drive(1, None, "ann")
    assert bench.scope.level(ENABLE) == 1
