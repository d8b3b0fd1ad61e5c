"""The trigger: disarmed unless armed, one bounded pulse per shot, a pause between shots."""

from __future__ import annotations

import pytest
from turret_by_hand import TRIGGER, Bench

from errors import Busy, NotArmed, NotSupported


def pulse_s(bench: Bench, seconds: float = 2.0) -> float:
    """How long the trigger's pin is high within the next `seconds`, to 10 ms."""
    high = 0
    for _ in range(round(seconds * 100)):
        high += bench.scope.level(TRIGGER)
        bench.advance(0.01)
    return high / 100


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_is_disarmed_at_the_start(bench: Bench) -> None:
    assert not bench.turret.state.trigger.armed
    with pytest.raises(NotArmed, match="disarmed"):
        bench.turret.fire("ann")
    assert bench.scope.history(TRIGGER) == [(TRIGGER, 0)]


def test_a_pulse_ends_though_nobody_calls(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.fire("ann")
    assert pulse_s(bench) == pytest.approx(0.2, abs=0.011)
    assert bench.scope.history(TRIGGER) == [(TRIGGER, 0), (TRIGGER, 1), (TRIGGER, 0)]


def test_a_disarm_between_the_look_and_the_pin_prevents_the_shot(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that waits for its turn on a busy machine may stand there for longer than switching off waits."""
    bench.turret.arm("ann")
    trigger = bench.turret.trigger

    class Late:
        """The settings, whose first number is read once it was seen that the trigger is armed."""

        def __getattr__(self, name: str) -> object:
            if name == "pulse_ms":
                bench.turret.disarm()
            return getattr(settings, name)

    settings = trigger._settings
    monkeypatch.setattr(trigger, "_settings", Late())
    bench.turret.fire("ann")
    assert pulse_s(bench) == 0
    assert bench.scope.history(TRIGGER) == [(TRIGGER, 0)]


def test_a_disarm_while_somebody_arms_is_not_overtaken(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    trigger, clock = bench.turret.trigger, bench.turret.trigger._clock

    def late() -> float:
        monkeypatch.setattr(trigger, "_clock", clock)
        bench.turret.disarm()
        return clock()

    monkeypatch.setattr(trigger, "_clock", late)
    bench.turret.arm("ann")
    assert not bench.turret.state.trigger.armed


def test_twice_at_once_and_during_the_cooldown_is_busy_and_queues_nothing(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.fire("ann")
    with pytest.raises(Busy, match=r"ready in 1\.2 s") as busy:
        bench.turret.fire("ann")
    assert busy.value.seconds_left == pytest.approx(1.2)
    bench.advance(0.5)
    with pytest.raises(Busy, match=r"ready in 0\.7 s"):
        bench.turret.fire("ann")
    assert pulse_s(bench) == 0
    bench.turret.fire("ann")
    assert pulse_s(bench) == pytest.approx(0.2, abs=0.011)


def test_arming_runs_out(bench: Bench) -> None:
    bench.turret.arm("ann")
    for _ in range(59):
        bench.advance(1)
        bench.turret.controls.take("ann")
    assert bench.turret.state.trigger.armed_for_s == pytest.approx(1)
    bench.advance(1.01)
    assert not bench.turret.state.trigger.armed
    with pytest.raises(NotArmed):
        bench.turret.fire("ann")


def test_arming_that_runs_out_cuts_the_shot_off() -> None:
    bench = Bench(turret={"arm_timeout_s": 1}, trigger={"pulse_ms": 1000})
    bench.turret.arm("ann")
    bench.advance(0.9)
    bench.turret.fire("ann")
    assert pulse_s(bench) == pytest.approx(0.1, abs=0.011)


def test_disarm_cuts_the_shot_off_and_needs_no_lease(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.fire("ann")
    bench.turret.disarm()
    assert bench.scope.level(TRIGGER) == 0
    with pytest.raises(NotArmed):
        bench.turret.fire("ann")


def test_disarming_and_arming_again_does_not_shorten_the_cooldown(bench: Bench) -> None:
    bench.turret.arm("ann")
    bench.turret.fire("ann")
    bench.turret.disarm()
    bench.turret.arm("ann")
    with pytest.raises(Busy):
        bench.turret.fire("ann")


def test_active_low_is_high_at_rest_from_its_first_moment_to_after_the_end() -> None:
    bench = Bench(trigger={"active_high": False})
    assert bench.scope.level(TRIGGER) == 1
    bench.turret.arm("ann")
    bench.turret.fire("ann")
    assert bench.scope.level(TRIGGER) == 0
    bench.turret.close()
    assert bench.scope.history(TRIGGER)[-3:] == [(TRIGGER, 1), (TRIGGER, 0), (TRIGGER, 1)]


def test_no_trigger_says_so() -> None:
    bench = Bench(trigger={"kind": "none"})
    with pytest.raises(NotSupported, match=r"there is no trigger: \[trigger\] kind = none"):
        bench.turret.arm("ann")
    with pytest.raises(NotSupported):
        bench.turret.fire("ann")
    bench.turret.stop()
