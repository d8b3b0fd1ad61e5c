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
        lambda: bench.turret.controls.take("bob"),
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
    bench.turret.controls.take_over("admin")
    assert bench.scope.levels(ENABLE, TRIGGER) == (0, 0)
    assert bench.turret.state.lease.holder == "admin"
    assert not bench.turret.state.trigger.armed
    with pytest.raises(Busy, match="admin holds the controls"):
        bench.turret.drive(1, None, "ann")


def test_giving_back_stops_disarms_and_frees_and_is_for_the_holder_only(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.drive(1, None, "ann")
    bench.turret.controls.release("bob")
    assert bench.scope.level(ENABLE) == 1
    bench.turret.controls.release("ann")
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


COMMANDS = {
    "drive": lambda turret: turret.drive(1, 1, "ann"),
    "step": lambda turret: turret.step(1, 1, "ann"),
    "turn": lambda turret: turret.turn(None, 5, "ann"),
    "aim": lambda turret: turret.aim(None, 100, "ann"),
    "home": lambda turret: turret.home("ann"),
    "arm": lambda turret: turret.arm("ann"),
    "fire": lambda turret: turret.fire("ann"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_neither_a_held_arrow_nor_quick_clicks_win_against_somebody_elses_stop(command) -> None:
    bench = Bench()
    bench.drive_for(0.5, 1, 1)
    bench.turret.stop("bob")
    bench.advance(1.1)
    bench.turret.stop("bob")
    for _ in range(20):
        with pytest.raises(Busy, match=r"bob stopped the turret; let go first, for 0\.4 s"):
            command(bench.turret)
        bench.advance(0.1)
        assert bench.scope.is_all_low()
        assert not bench.turret.state.trigger.armed
    assert bench.turret.state.lease.seconds_left < 13, "what is refused renews nothing"
    bench.advance(0.5)
    bench.turret.drive(1, 1, "ann")
    assert bench.scope.level(ENABLE) == 1
    assert bench.scope.pulse_us(TILT) is not None


def test_a_command_between_stop_and_lease_is_not_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the mark was taken behind the lease, and a STOP before it went unseen for one time-out."""
    bench = Bench()
    take = bench.turret._lease.take

    def take_late(holder: str) -> None:
        take(holder)
        bench.turret.stop("bob")

    monkeypatch.setattr(bench.turret._lease, "take", take_late)
    with pytest.raises(Busy, match="stopped"):
        bench.turret.drive(1, 1, "ann")
    assert bench.scope.level(ENABLE) == 0


def test_ones_own_stop_needs_no_pause(bench: Bench) -> None:
    bench.turret.drive(1, None, "ann")
    bench.turret.stop("ann")
    assert bench.scope.level(ENABLE) == 0
    bench.turret.drive(1, None, "ann")
    assert bench.scope.level(ENABLE) == 1


def test_who_asks_is_named_to_everybody_and_gets_them_when_the_holder_gives_them_back(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.drive(1, None, "ann")
    bench.turret.controls.ask("bob")
    assert (bench.turret.state.lease.holder, bench.turret.state.lease.asked_by) == ("ann", "bob")
    assert bench.scope.level(ENABLE) == 1
    bench.turret.controls.release("ann")
    state = bench.turret.state
    assert (state.lease.holder, state.lease.asked_by, state.lease.seconds_left) == ("bob", None, 15)
    assert (bench.scope.level(ENABLE), state.trigger.armed) == (0, False)
    with pytest.raises(Busy, match="bob holds the controls"):
        bench.turret.drive(1, None, "ann")


def test_who_asks_gets_them_when_they_lapse(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.controls.ask("bob")
    bench.advance(15.1)
    state = bench.turret.state
    assert (state.lease.holder, state.lease.asked_by, state.trigger.armed) == ("bob", None, False)
    bench.clock.now += 100
    bench.turret.controls.ask("ann")
    assert (bench.turret.state.lease.holder, bench.turret.state.lease.asked_by) == ("ann", None)


def test_who_lost_them_to_the_asker_is_refused_even_before_the_dead_man_looks(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.controls.ask("bob")
    bench.clock.now += 16
    with pytest.raises(Busy, match="bob holds the controls for another 15 s"):
        bench.turret.fire("ann")
    assert not bench.turret.state.trigger.armed


def test_a_question_lapses_after_half_a_minute(bench: Bench) -> None:
    bench.turret.step(0, 1, "ann")
    bench.turret.controls.ask("bob")
    for _ in range(3):
        bench.advance(9.9)
        bench.turret.step(0, 1, "ann")
    assert bench.turret.state.lease.asked_by == "bob"
    bench.advance(0.5)
    assert (bench.turret.state.lease.holder, bench.turret.state.lease.asked_by) == ("ann", None)
    bench.turret.controls.release("ann")
    assert bench.turret.state.lease.holder is None


def test_the_holder_may_say_no_and_goes_on_driving(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.drive(1, None, "ann")
    bench.turret.controls.ask("bob")
    bench.advance(0.1)
    bench.turret.controls.keep("ann")
    state = bench.turret.state
    assert (state.lease.holder, state.lease.asked_by, state.lease.seconds_left) == ("ann", None, 15)
    assert (bench.scope.level(ENABLE), state.trigger.armed) == (1, True)
    with pytest.raises(Busy, match="ann holds"):
        bench.turret.controls.keep("bob")


def test_one_asks_at_a_time_and_may_ask_again_or_withdraw(bench: Bench) -> None:
    bench.turret.controls.take("ann")
    bench.turret.controls.ask("bob")
    bench.advance(10)
    with pytest.raises(Busy, match="bob has asked for the controls already, 20 s are left"):
        bench.turret.controls.ask("cleo")
    bench.turret.controls.ask("bob")
    bench.turret.controls.release("bob")
    assert (bench.turret.state.lease.holder, bench.turret.state.lease.asked_by) == ("ann", None)
    bench.turret.controls.ask("cleo")
    assert bench.turret.state.lease.asked_by == "cleo"


def test_asking_for_free_controls_or_ones_own_is_taking_them(bench: Bench) -> None:
    bench.turret.controls.ask("ann")
    bench.advance(5)
    bench.turret.controls.ask("ann")
    lease = bench.turret.state.lease
    assert (lease.holder, lease.asked_by, lease.seconds_left) == ("ann", None, 15)


def test_a_question_outlives_a_take_over_unless_who_asked_took_them(bench: Bench) -> None:
    bench.turret.controls.take("ann")
    bench.turret.controls.ask("bob")
    bench.turret.controls.take_over("admin")
    assert (bench.turret.state.lease.holder, bench.turret.state.lease.asked_by) == ("admin", "bob")
    bench.turret.controls.take_over("bob")
    assert (bench.turret.state.lease.holder, bench.turret.state.lease.asked_by) == ("bob", None)


def test_pages_hear_who_asks_and_how_it_ends(bench: Bench) -> None:
    seen: list[tuple[str | None, str | None]] = []
    bench.turret.on_change = lambda: seen.append((bench.turret.state.lease.holder, bench.turret.state.lease.asked_by))
    bench.turret.controls.take("ann")
    bench.turret.controls.ask("bob")
    bench.turret.controls.keep("ann")
    bench.turret.controls.ask("bob")
    bench.turret.controls.release("ann")
    bench.turret.controls.ask("ann")
    bench.turret.controls.release("ann")
    bench.advance(15.1)
    assert seen == [
        ("ann", None), ("ann", "bob"), ("ann", None), ("ann", "bob"), ("bob", None), ("bob", "ann"), ("bob", None),
        (None, None),
    ]  # fmt: skip


def test_the_seconds_a_page_counts_down_are_never_wrong_by_a_second(bench: Bench) -> None:
    """A page shows what it was told, less the time since. Renewing the lease was once no news: 15 s looked like 5."""
    told: list[tuple[float, float, float]] = []

    def hear() -> None:
        state = bench.turret.state
        told.append((bench.clock.now, state.lease.seconds_left, state.trigger.armed_for_s))

    bench.turret.on_change = hear
    bench.turret.arm("ann")
    for beat in range(300):
        bench.advance(0.1)
        if beat % 3 == 0:
            bench.turret.controls.take("ann")
        if beat % 7 == 0:
            bench.turret.arm("ann")
        at, lease_s, armed_s = told[-1]
        state, since_s = bench.turret.state, bench.clock.now - at
        assert lease_s - since_s == pytest.approx(state.lease.seconds_left, abs=0.75)
        assert armed_s - since_s == pytest.approx(state.trigger.armed_for_s, abs=0.75)
    assert 30 <= len(told) <= 120, "at most two a second for each of the two"


def test_whose_last_page_is_gone_is_disarmed_if_they_hold_the_controls(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.lose_link("bob")
    assert bench.turret.state.trigger.armed
    bench.turret.fire("ann")
    bench.turret.lose_link("ann")
    assert (bench.scope.level(TRIGGER), bench.turret.state.trigger.armed) == (0, False)
