"""A motor's power: how long its enable pin is high, how softly that rises, and that it is off at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from fakes import DEADLINE_S
from turret_by_hand import ENABLE, LEFT, RIGHT, Bench, Gate

from errors import ConfigError, NoDevice
from hardware.net_run import unpacked
from hardware.pins import SimulatedPin

PINS = (LEFT, RIGHT)
SOFT = {"soft_start_s": 1.0, "net_run_limit_s": 0}


def powers(bench: Bench, seconds: float, velocity: float = 1) -> list[float]:
    """The power while it is driven for so long, every 10 ms."""
    seen = []
    for beat in range(round(seconds * 100)):
        if beat % 10 == 0:
            bench.turret.drive(velocity, None, "ann")
        bench.advance(0.01)
        seen.append(bench.scope.share(ENABLE))
    return seen


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Every change of a simulated pin, in its order: (pin, share of time it is high)."""
    seen: list[tuple[int, float]] = []
    change = SimulatedPin._change_state

    def note(pin: SimulatedPin, value: float) -> bool:
        is_new = change(pin, value)
        if is_new:
            seen.append((pin._number, float(value)))
        return is_new

    monkeypatch.setattr(SimulatedPin, "_change_state", note)
    return seen


@pytest.mark.parametrize("velocity", [-1, -0.2, 0.2, 0.5, 1])
def test_as_it_comes_any_stick_beyond_the_dead_zone_is_a_plain_high_level(velocity: float) -> None:
    bench = Bench()
    bench.turret.drive(velocity, None, "ann")
    assert bench.scope.share(ENABLE) == 1
    assert bench.pins._factory.pin(ENABLE).frequency is None


@pytest.mark.parametrize("velocity", [-1, 0.2, 0.5, 1])
def test_where_the_slowest_power_is_not_known_a_stick_switches(velocity: float) -> None:
    bench = Bench(pan={"speed_percent": 60, "pwm_hz": 250})
    bench.turret.drive(velocity, None, "ann")
    assert bench.scope.share(ENABLE) == pytest.approx(0.6)
    assert bench.pins._factory.pin(ENABLE).frequency == 250
    bench.turret.step(velocity, None, "ann")
    assert bench.scope.share(ENABLE) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("velocity", "power"), [(0.19, 0), (0.2, 0.3), (-0.6, 0.55), (0.6, 0.55), (0.8, 0.675), (1, 0.8), (-1, 0.8)]
)
def test_where_it_is_known_a_stick_gives_what_is_between(velocity: float, power: float) -> None:
    bench = Bench(pan={"speed_percent": 80, "slowest_percent": 30})
    bench.turret.drive(velocity, None, "ann")
    assert bench.scope.share(ENABLE) == pytest.approx(power)
    assert bench.scope.levels(*PINS) == ((0, 0) if not power else (0, 1) if velocity > 0 else (1, 0))


def test_without_a_soft_start_the_power_follows_the_stick_at_once_up_and_down() -> None:
    bench = Bench(pan={"slowest_percent": 20})
    for velocity, power in ((0.6, 0.6), (1, 1), (0.4, 0.4), (0.2, 0.2), (-1, 1), (-0.4, 0.4), (0, 0)):
        bench.turret.drive(velocity, None, "ann")
        assert bench.scope.share(ENABLE) == pytest.approx(power)


def test_a_soft_start_rises_evenly_from_the_first_moment_to_full_power_and_stays_there() -> None:
    bench = Bench(pan=SOFT)
    bench.turret.drive(1, None, "ann")
    assert bench.scope.share(ENABLE) == pytest.approx(0.02)
    seen = powers(bench, 1.5)
    assert [seen[at] for at in (24, 49, 74)] == pytest.approx([0.27, 0.52, 0.77], abs=0.021)
    assert max(later - before for before, later in pairwise(seen)) < 0.021
    assert seen[95] < 1
    assert seen[100:] == [1.0] * 50, "no pulses, but high all the time"


def test_a_soft_start_begins_at_the_slowest_power_and_ends_at_the_speed() -> None:
    bench = Bench(pan={**SOFT, "slowest_percent": 40, "speed_percent": 80})
    bench.turret.drive(-1, None, "ann")
    assert bench.scope.share(ENABLE) == pytest.approx(0.408)
    seen = powers(bench, 1.2, -1)
    assert seen[49] == pytest.approx(0.6, abs=0.017)
    assert seen[-15:] == [0.8] * 15


def test_more_stick_under_way_rises_softly_too_and_less_counts_at_once() -> None:
    bench = Bench(pan={**SOFT, "slowest_percent": 20})
    assert powers(bench, 0.6, 0.4)[-1] == pytest.approx(0.4)
    seen = powers(bench, 0.5, 1)
    assert seen[0] < 0.44
    assert seen[-1] == pytest.approx(0.8, abs=0.02)
    bench.turret.drive(0.4, None, "ann")
    assert bench.scope.share(ENABLE) == pytest.approx(0.4)


def test_a_dead_man_that_comes_late_makes_no_leap() -> None:
    bench = Bench(pan=SOFT, turret={"drive_timeout_ms": 2000})
    bench.turret.drive(1, None, "ann")
    bench.clock.now += 0.9
    bench.turret.dead_man.beat()
    assert bench.scope.share(ENABLE) == pytest.approx(0.12)


def test_a_click_has_the_same_length_and_rises_by_itself() -> None:
    bench = Bench(pan={**SOFT, "step_s": 0.5})
    bench.turret.step(1, 0, "ann")
    bench.advance(0.4)
    assert bench.scope.share(ENABLE) == pytest.approx(0.42, abs=0.021)
    bench.advance(0.11)
    assert bench.scope.is_all_low()


def test_after_a_reversal_the_soft_start_begins_anew() -> None:
    bench = Bench(pan=SOFT)
    assert powers(bench, 0.8, 1)[-1] > 0.7
    bench.turret.drive(-1, None, "ann")
    assert (bench.scope.levels(*PINS), bench.scope.share(ENABLE)) == ((1, 0), pytest.approx(0.02))


@pytest.mark.parametrize("seed", range(8))
def test_the_direction_never_changes_while_enabled_whatever_is_commanded(seed: int, changes: list) -> None:
    dice = random.Random(seed)
    slowest = dice.choice([0, 30])
    bench = Bench(pan={"slowest_percent": slowest, "soft_start_s": dice.choice([0, 0.3]), "net_run_limit_s": 3})
    turret = bench.turret
    changes.clear()
    for _ in range(400):
        dice.choice(
            [
                lambda: turret.drive(dice.uniform(-1, 1), None, "ann"),
                lambda: turret.drive(dice.choice([-1, 1]), None, "ann"),
                lambda: turret.step(dice.randint(-3, 3), 0, "ann"),
                turret.make_safe,
                lambda: turret.stop("ann"),
                lambda: turret.centre("ann"),
            ]
        )()
        bench.advance(dice.choice([0, 0.01, 0.05, 0.3]))
    levels, turns = dict.fromkeys((LEFT, RIGHT, ENABLE), 0.0), 0
    for pin, level in changes:
        levels[pin] = level
        assert not levels[LEFT] or not levels[RIGHT]
        if pin != ENABLE:
            turns += 1
            assert not levels[ENABLE]
        elif level:
            assert levels[LEFT] or levels[RIGHT]
    assert turns > 200
    turret.close()
    assert bench.scope.is_all_low()


def stall(bench: Bench) -> None:
    """The dead-man does not beat, so the watch-dog acts."""
    bench.clock.now += 0.3
    bench.turret.dead_man.look()


def fail(bench: Bench) -> None:
    """A fault in the dead-man's beat."""
    tick, bench.turret.tilt.tick = bench.turret.tilt.tick, lambda now: 1 / 0
    bench.turret.dead_man.beat()
    bench.turret.tilt.tick = tick


WAYS_OFF: dict[str, Callable[[Bench], object]] = {
    "the stick is let go": lambda bench: bench.turret.drive(0, None, "ann"),
    "somebody stops": lambda bench: bench.turret.stop("bob"),
    "nobody renews the drive": lambda bench: bench.advance(0.42),
    "the lease is given back": lambda bench: bench.turret.controls.release("ann"),
    "somebody takes over": lambda bench: bench.turret.controls.take_over("bob"),
    "made safe": lambda bench: bench.turret.make_safe(),
    "declared centred": lambda bench: bench.turret.centre("ann"),
    "the dead-man hangs": stall,
    "the dead-man fails": fail,
    "the dead-man ends": lambda bench: bench.turret.dead_man.stop(),
    "closed": lambda bench: bench.turret.close(),
}


@pytest.mark.parametrize("way", WAYS_OFF)
def test_off_in_the_middle_of_a_soft_start_is_off_at_once_and_stays_off(way: str, changes: list) -> None:
    bench = Bench(pan=SOFT)
    dead_man = bench.turret.dead_man
    assert 0.2 < powers(bench, 0.31)[-1] < 0.5
    WAYS_OFF[way](bench)
    assert bench.scope.is_all_low()
    changes.clear()
    for _ in range(100):
        bench.clock.now += 0.01
        dead_man.beat()
    assert changes == []


def test_at_its_bound_a_soft_start_ends_as_well() -> None:
    bench = Bench(pan={**SOFT, "net_run_limit_s": 0.2})
    seen = powers(bench, 2)
    assert 0.5 < max(seen) < 0.7
    assert seen[-100:] == [0.0] * 100
    assert bench.turret.state.pan.at_limit


@pytest.mark.parametrize("switch_off", ["stop", "make_safe", "close"])
def test_a_step_of_a_soft_start_that_hangs_and_comes_late_is_undone(
    switch_off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(pan=SOFT)
    powers(bench, 0.3)
    gate = Gate(monkeypatch, bench.turret.pan._enable, "set")
    gate.shut()
    bench.clock.now += 0.02
    late = threading.Thread(target=bench.turret.pan.tick, args=(bench.clock.now,))
    late.start()
    assert gate.is_hanging.wait(DEADLINE_S)
    getattr(bench.turret.pan, switch_off)()
    assert bench.scope.is_all_low()
    gate.open()
    late.join(DEADLINE_S)
    assert bench.scope.is_all_low()
    bench.turret.pan.tick(bench.clock.now + 0.02)
    assert bench.scope.is_all_low()


def test_who_stops_before_the_enable_pin_is_written_keeps_it_low(changes: list) -> None:
    bench = Bench(pan={**SOFT, "net_run_limit_s": 5})
    bench.turret.pan._on_net_run = lambda run: bench.turret.pan.stop()
    changes.clear()
    bench.turret.pan.drive(1)
    assert changes
    assert ENABLE not in dict(changes)
    assert bench.scope.is_all_low()


def test_a_pin_that_fails_in_a_soft_start_makes_everything_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(pan=SOFT)
    powers(bench, 0.3)
    write = bench.turret.pan._enable.set

    def refuse(share: float) -> None:
        if share:
            raise NoDevice("the pin is gone")
        write(share)

    monkeypatch.setattr(bench.turret.pan._enable, "set", refuse)
    bench.advance(0.03)
    assert bench.scope.is_all_low()
    assert not bench.turret.state.pan.moving


@pytest.mark.parametrize(
    ("pan", "velocity", "run_s"),
    [
        ({"speed_percent": 50}, 1, 1.0),
        ({"slowest_percent": 20}, 1, 1.0),
        ({"slowest_percent": 20}, 0.6, 0.6),
        ({"slowest_percent": 20, "speed_percent": 80}, 0.2, 0.25),
        ({"soft_start_s": 1.0}, 1, 0.5),
    ],
)
def test_the_net_run_is_counted_in_seconds_at_the_set_speed(pan: dict, velocity: float, run_s: float) -> None:
    bench = Bench(pan=pan)
    bench.drive_for(1.0, velocity, None)
    bench.turret.stop()
    assert bench.turret.state.pan.net_run_s == pytest.approx(run_s, abs=0.02)


def test_a_run_at_less_power_that_a_kill_cuts_off_counts_as_the_longest_at_any() -> None:
    kept: list[str] = []
    bench = Bench(keep_run=kept.append, pan={"slowest_percent": 20, "soft_start_s": 1.0})
    bench.turret.drive(0.2, None, "ann")
    bench.turret._run_memory.step()
    run = unpacked(kept[-1])
    assert (run.low_s, run.high_s) == (0, 5)


def test_at_less_power_it_runs_for_longer_and_ends_at_its_bound_all_the_same() -> None:
    bench = Bench(pan={"slowest_percent": 20, "net_run_limit_s": 0.5})
    assert sum(share > 0 for share in powers(bench, 2, 0.6)) == pytest.approx(83, abs=3)
    assert bench.turret.state.pan.net_run_s == pytest.approx(0.5, abs=0.01)
    assert bench.scope.is_all_low()


def test_a_slowest_power_above_the_speed_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\[pan\]: slowest_percent 60 must be at most speed_percent 50"):
        Bench(pan={"slowest_percent": 60, "speed_percent": 50})
