"""The dead-man ends what nobody renewed; the watch-dog ends what the dead-man does not."""

from __future__ import annotations

import threading
import time

import pytest
from fakes import DEADLINE_S, wait_until
from metronome import Metronome
from turret_by_hand import ENABLE, LEFT, PAN_SERVO, RIGHT, TILT, TRIGGER, Bench, Gate

from errors import NoDevice, NotArmed, NotWatched
from hardware.deadman import STALL_S

MARGIN_S = 0.05


@pytest.fixture
def make_bench():
    """Benches that are closed at the end, whatever happened."""
    benches: list[Bench] = []

    def make(**options) -> Bench:
        benches.append(Bench(**options))
        return benches[-1]

    yield make
    for bench in benches:
        bench.turret.close()


def test_a_drive_that_is_not_renewed_stops_within_one_beat_after_the_time_out() -> None:
    bench = Bench(pan={"kind": "servo"})
    bench.turret.drive(1, -1, "ann")
    bench.advance(0.39)
    assert bench.turret.state.pan.moving
    bench.advance(0.02)
    stood = bench.scope.pulse_us(PAN_SERVO), bench.scope.pulse_us(TILT)
    assert not bench.turret.state.pan.moving
    bench.advance(0.5)
    assert (bench.scope.pulse_us(PAN_SERVO), bench.scope.pulse_us(TILT)) == stood
    assert stood != (1500, 1500)
    bench.advance(0.52)
    assert bench.scope.is_all_low()


@pytest.mark.parametrize("timeout_ms", [100, 400, 2000])
def test_a_motor_that_is_not_renewed_is_off_within_one_beat_after_the_time_out(timeout_ms: int) -> None:
    bench = Bench(turret={"drive_timeout_ms": timeout_ms})
    bench.turret.drive(1, None, "ann")
    bench.advance(timeout_ms / 1000 - 0.02)
    assert bench.scope.levels(LEFT, RIGHT, ENABLE) == (0, 1, 1)
    bench.advance(0.03)
    assert bench.scope.levels(LEFT, RIGHT, ENABLE) == (0, 0, 0)


def test_a_drive_that_is_renewed_goes_on() -> None:
    bench = Bench()
    bench.drive_for(2, 1, None)
    assert bench.scope.level(ENABLE) == 1


def test_a_drive_that_lapses_disarms_because_the_link_is_lost() -> None:
    bench = Bench()
    bench.turret.arm("ann")
    bench.drive_for(0.3, 1, None)
    assert bench.turret.state.trigger.armed
    bench.advance(0.5)
    assert not bench.turret.state.trigger.armed


def test_a_drive_that_is_let_go_properly_does_not_disarm() -> None:
    bench = Bench()
    bench.turret.arm("ann")
    bench.turret.drive(1, 1, "ann")
    bench.turret.drive(0, 0, "ann")
    bench.advance(1)
    assert bench.turret.state.trigger.armed


def test_nothing_is_due_when_nothing_happens() -> None:
    bench = Bench()
    assert bench.turret.dead_man.beat() is None
    bench.turret.controls.take("ann")
    assert bench.turret.dead_man.beat() == pytest.approx(15)
    bench.turret.drive(1, None, "ann")
    assert bench.turret.dead_man.beat() == pytest.approx(0.4)
    bench.advance(20)
    assert bench.turret.dead_man.beat() is None


def test_the_wall_clock_does_not_matter(monkeypatch: pytest.MonkeyPatch, make_bench) -> None:
    bench = make_bench(has_threads=True)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    bench.turret.arm("ann")
    bench.turret.fire("ann")
    monkeypatch.setattr(time, "time", lambda: 0.0)
    wait_until(lambda: bench.scope.level(TRIGGER) == 0, "the pulse ends")
    assert bench.turret.state.trigger.armed


def test_with_real_threads_every_output_is_off_in_time_though_nobody_calls(make_bench) -> None:
    bench = make_bench(has_threads=True)
    with Metronome() as metronome:
        bench.turret.arm("ann")
        bench.turret.drive(1, 1, "ann")
        bench.turret.fire("ann")
        wait_until(bench.scope.is_all_low, "everything off after the drive and after settling")
    margin_s = MARGIN_S + 2 * metronome.worst_s
    high_s = {pin: bench.scope.high_s(pin) for pin in (TRIGGER, ENABLE)}
    assert high_s[TRIGGER] == pytest.approx(0.2, abs=margin_s)
    assert high_s[ENABLE] == pytest.approx(0.4, abs=margin_s)


def test_a_dead_man_that_hangs_is_noticed_and_everything_goes_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, make_bench
) -> None:
    bench = make_bench(has_threads=True, turret={"drive_timeout_ms": 2000}, trigger={"pulse_ms": 1000})
    gate = Gate(monkeypatch, bench.turret.tilt._driver, "set_pulse_us")
    bench.turret.arm("ann")
    bench.turret.drive(1, 1, "ann")
    bench.turret.fire("ann")
    with Metronome() as metronome:
        gate.shut()
        assert gate.is_hanging.wait(DEADLINE_S)
        hung_at = time.monotonic()
        wait_until(lambda: bench.scope.levels(TRIGGER, LEFT, RIGHT, ENABLE) == (0, 0, 0, 0), "off by the watch-dog")
        off_after_s = time.monotonic() - hung_at
    assert off_after_s < STALL_S + 0.1 + 3 * MARGIN_S + 2 * metronome.worst_s
    for command in (bench.turret.arm, bench.turret.fire, bench.turret.home):
        with pytest.raises(NotWatched, match="stands still"):
            command("ann")
    assert "the dead-man stands still" in caplog.text
    gate.open()
    wait_until(bench.scope.is_all_low, "the pulse that hung is off too")
    wait_until(lambda: "beats again" in caplog.text, "the dead-man beats again")
    bench.turret.drive(-1, None, "ann")
    assert bench.scope.level(ENABLE) == 1


def test_commands_that_keep_coming_do_not_hide_a_dead_man_that_hangs() -> None:
    bench = Bench(turret={"drive_timeout_ms": 2000})
    bench.turret.drive(1, None, "ann")
    for _ in range(3):
        bench.clock.now += 0.1
        bench.turret.drive(1, None, "ann")
    bench.turret.dead_man.look()
    assert bench.scope.is_all_low()
    with pytest.raises(NotWatched):
        bench.turret.drive(1, None, "ann")
    bench.turret.dead_man.beat()
    bench.turret.drive(1, None, "ann")
    assert bench.scope.level(ENABLE) == 1


def test_the_watch_dog_leaves_a_dead_man_alone_that_is_in_time() -> None:
    bench = Bench()
    bench.turret.drive(1, None, "ann")
    for _ in range(30):
        bench.advance(0.01)
        bench.turret.dead_man.look()
    assert bench.scope.level(ENABLE) == 1


def test_a_program_that_stood_still_as_a_whole_is_told_from_a_dead_man_that_hangs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hanging, frozen = (Bench(turret={"drive_timeout_ms": 2000}) for _ in range(2))
    for bench in (hanging, frozen):
        bench.turret.drive(1, 1, "ann")
        bench.turret.dead_man.look()
    for _ in range(5):
        hanging.clock.now += 0.1
        hanging.turret.dead_man.look()
    frozen.clock.now += 5
    frozen.turret.dead_man.look()
    said = [record.getMessage() for record in caplog.records]
    assert [line.partition(";")[0] for line in said] == [
        "the dead-man stands still for 0.20 s", "the whole program stood still for 5.00 s",
    ]  # fmt: skip
    assert hanging.scope.is_all_low()
    assert frozen.scope.is_all_low()


@pytest.mark.parametrize("first", ["dead-man", "watch-dog", "command"])
def test_a_machine_that_slept_wakes_up_with_everything_off_disarmed_and_free(first: str) -> None:
    """The monotonic clock of a suspended virtual machine, or of some kernels, jumps by as long as it slept."""
    bench = Bench(pan={"net_run_limit_s": 0})
    bench.turret.arm("ann")
    bench.turret.drive(1, 1, "ann")
    bench.turret.fire("ann")
    bench.clock.now += 8 * 3600
    if first == "watch-dog":
        bench.turret.dead_man.look()
    elif first == "command":
        with pytest.raises(NotArmed):
            bench.turret.fire("bob")
        assert bench.scope.levels(LEFT, RIGHT, ENABLE, TRIGGER) == (0, 0, 0, 0)
    bench.turret.dead_man.beat()
    bench.advance(1.1)
    state = bench.turret.state
    assert bench.scope.is_all_low()
    assert (state.trigger.armed, state.pan.moving, state.tilt.moving) == (False, False, False)
    assert state.lease.holder == ("bob" if first == "command" else None)
    bench.turret.drive(-1, None, state.lease.holder or "ann")
    assert bench.scope.level(ENABLE) == 1


def test_a_clock_that_stands_still_for_a_while_loses_nothing() -> None:
    bench = Bench()
    bench.turret.drive(1, None, "ann")
    for _ in range(100):
        bench.turret.dead_man.beat()
        bench.turret.dead_man.look()
    assert bench.scope.level(ENABLE) == 1
    bench.advance(0.41)
    assert bench.scope.level(ENABLE) == 0


def test_a_fault_in_the_dead_man_makes_everything_safe_and_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    bench.turret.arm("ann")
    bench.turret.drive(1, 1, "ann")
    bench.turret.fire("ann")
    with monkeypatch.context() as patch:
        patch.setattr(bench.turret.tilt, "tick", lambda now: 1 / 0)
        bench.turret.dead_man.beat()
    assert bench.scope.is_all_low()
    assert not bench.turret.state.trigger.armed
    assert "the dead-man failed" in caplog.text
    bench.turret.drive(1, None, "ann")
    bench.advance(0.5)
    assert bench.scope.is_all_low()


def test_a_part_that_cannot_be_switched_off_does_not_keep_the_others_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.turret.arm("ann")
    bench.turret.drive(1, 1, "ann")
    bench.turret.fire("ann")

    def refuse(is_high: bool) -> None:
        raise NoDevice("the pin is gone")

    monkeypatch.setattr(bench.turret.trigger._pin, "set", refuse)
    bench.turret.dead_man.make_safe()
    assert bench.scope.levels(LEFT, RIGHT, ENABLE) == (0, 0, 0)
    assert bench.scope.pulse_us(TILT) is None


@pytest.mark.parametrize("part", ["enable", "trigger", "tilt"])
def test_a_switch_on_that_hangs_and_comes_late_is_undone(
    part: str, monkeypatch: pytest.MonkeyPatch, make_bench
) -> None:
    bench = make_bench()
    turret = bench.turret
    turret.arm("ann")
    owner, method, command, switch_off = {
        "enable": (turret.pan._enable, "set", lambda: turret.pan.drive(1), turret.stop),
        "trigger": (turret.trigger._pin, "set", turret.trigger.fire, turret.stop),
        "tilt": (turret.tilt._driver, "set_pulse_us", lambda: turret.tilt.aim(100), turret.make_safe),
    }[part]
    gate = Gate(monkeypatch, owner, method)
    gate.shut()
    late = threading.Thread(target=command)
    late.start()
    assert gate.is_hanging.wait(DEADLINE_S)
    switch_off()
    gate.open()
    late.join(DEADLINE_S)
    assert bench.scope.is_all_low()
