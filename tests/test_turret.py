"""The turret as a whole: who may, what is refused, and that every way out leaves it safe."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from gpiozero.exc import GPIOPinInUse
from turret_by_hand import ENABLE, LEFT, RIGHT, TILT, TRIGGER, Bench

from errors import Busy, ConfigError, HardwareError, NoDevice, NotArmed, NotSupported, NotWatched, OutOfRange
from hardware import pins as pins_module
from hardware.pins import SimulatedPin, open_pins, simulated_pins
from hardware.turret import Turret

NONSENSE = [1.01, -2, float("nan"), float("inf"), float("-inf"), "1", True, [1], {}, 1e308, 10**5000]


def name_of(value: object) -> str:
    return "a huge integer" if isinstance(value, int) and value > 1e9 else repr(value)


def busy_bench(**options) -> Bench:
    """Everything is moving and firing."""
    bench = Bench(**options)
    bench.turret.arm("ann")
    bench.turret.drive(1, 1, "ann")
    bench.turret.fire("ann")
    bench.advance(0.1)
    assert bench.scope.levels(ENABLE, TRIGGER) == (1, 1)
    assert bench.scope.pulse_us(TILT) is not None
    return bench


def pins_without(*taken: int):
    """Simulated pins, some of which another program has."""
    pins = simulated_pins("a test")
    claim = pins._factory.pin

    def pin(number: int):
        if number in taken:
            raise GPIOPinInUse(f"pin GPIO{number} is already in use")
        return claim(number)

    pins._factory.pin = pin
    return pins


@pytest.mark.parametrize("value", NONSENSE, ids=name_of)
def test_nonsense_is_refused_by_name_value_and_rule_and_moves_nothing(value: object) -> None:
    bench = Bench()
    with pytest.raises(OutOfRange, match=r"^pan .* (is outside|is not a number in) -1\.\.1$"):
        bench.turret.drive(value, 0.5, "ann")
    with pytest.raises(OutOfRange, match=r"^tilt .*-1\.\.1$") as refused:
        bench.turret.drive(0.5, value, "ann")
    assert refused.value.field == "tilt"
    assert bench.turret.state.lease.holder is None
    assert bench.scope.is_all_low()


@pytest.mark.parametrize("value", [*NONSENSE[2:], 21, -20.5], ids=name_of)
def test_nonsense_steps_and_turns_are_refused(value: object) -> None:
    bench = Bench()
    with pytest.raises(OutOfRange):
        bench.turret.step(value, 0, "ann")
    with pytest.raises(OutOfRange):
        bench.turret.turn(0, value if value not in (21, -20.5) else 361, "ann")
    assert bench.scope.is_all_low()


def test_stop_works_at_any_time_for_anybody() -> None:
    bench = busy_bench()
    bench.turret.stop()
    assert bench.scope.levels(LEFT, RIGHT, ENABLE, TRIGGER) == (0, 0, 0, 0)
    stood = bench.scope.pulse_us(TILT)
    bench.advance(0.9)
    assert bench.scope.pulse_us(TILT) == stood
    bench.advance(0.2)
    assert bench.scope.is_all_low()
    Turret(bench.settings).stop()


def test_make_safe_cuts_servo_pulses_too() -> None:
    bench = busy_bench(tilt={"hold": True})
    bench.turret.make_safe()
    assert bench.scope.is_all_low()


def test_close_in_the_middle_of_everything_leaves_all_low_and_works_twice() -> None:
    bench = busy_bench()
    bench.turret.close()
    assert bench.scope.is_all_low()
    bench.turret.close()
    for command in (bench.turret.home, bench.turret.arm, bench.turret.fire):
        with pytest.raises(NotWatched, match="closed"):
            command("ann")
    with pytest.raises(NotWatched):
        bench.turret.drive(1, 1, "ann")
    assert bench.scope.is_all_low()


def test_nothing_writes_to_a_pin_that_was_given_back(caplog: pytest.LogCaptureFixture, monkeypatch) -> None:
    """The real factory has no handle any more by then; once, the second close wrote to it and failed."""
    bench = busy_bench()
    bench.turret.close()

    def refuse(self: object, value: object) -> None:
        raise TypeError("no handle")

    monkeypatch.setattr(SimulatedPin, "_set_state", refuse)
    monkeypatch.setattr(SimulatedPin, "_set_frequency", refuse)
    bench.turret.close()
    bench.turret.stop("ann")
    bench.turret.disarm()
    bench.turret.make_safe()
    assert "no handle" not in caplog.text


def test_a_command_while_it_is_closed_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrows are held while the program ends; it was a fault of ours in the log."""
    bench = Bench()
    dead_men = [bench.turret.dead_man]

    def look(turret: Turret) -> object:
        found = dead_men[-1]
        if len(dead_men) == 1:
            dead_men.append(found)
            turret.close()
        return found

    monkeypatch.setattr(Turret, "dead_man", property(look, lambda turret, found: dead_men.append(found)), raising=False)
    with pytest.raises(NotWatched, match="closed"):
        bench.turret.drive(1, 1, "ann")
    assert bench.scope.is_all_low()


def test_a_part_refuses_even_a_command_that_was_under_way_when_it_was_closed() -> None:
    bench = Bench()
    bench.turret.close()
    for command in (lambda: bench.turret.pan.drive(1), lambda: bench.turret.tilt.aim(100), bench.turret.trigger.arm):
        with pytest.raises(NotWatched, match="is closed"):
            command()
    assert bench.scope.is_all_low()


def test_close_with_running_threads_leaves_all_low_and_no_thread() -> None:
    bench = Bench(has_threads=True)
    bench.turret.arm("ann")
    bench.turret.drive(1, 1, "ann")
    bench.turret.fire("ann")
    bench.turret.close()
    assert bench.scope.is_all_low()
    assert not {"dead-man", "watch-dog"} & {thread.name for thread in threading.enumerate()}


def test_close_goes_on_past_a_part_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = busy_bench()

    def refuse() -> None:
        raise NoDevice("gone")

    monkeypatch.setattr(bench.turret.trigger, "close", refuse)
    bench.turret.close()
    assert bench.scope.is_all_low()


def test_a_turret_that_was_never_opened_refuses_and_closes() -> None:
    turret = Turret(Bench().settings)
    assert (turret.state.pan.kind, turret.state.pan.reason) == ("none", "the turret is closed")
    with pytest.raises(NotWatched):
        turret.drive(1, 1, "ann")
    turret.close()


def test_a_taken_pin_is_an_axis_that_says_so_and_the_rest_works() -> None:
    bench = Bench(pins=pins_without(LEFT))
    state = bench.turret.state
    assert (state.pan.kind, state.tilt.kind) == ("none", "servo")
    assert state.pan.reason == "[pan] left_pin 23: pin GPIO23 is already in use"
    with pytest.raises(NoDevice, match="left_pin 23"):
        bench.turret.drive(1, 1, "ann")
    assert bench.scope.is_all_low()
    bench.turret.drive(0, 1, "ann")
    bench.turret.step(0, 1, "ann")
    assert bench.scope.pulse_us(TILT) is not None


def test_a_taken_trigger_pin_says_so() -> None:
    bench = Bench(pins=pins_without(TRIGGER))
    with pytest.raises(NoDevice, match=r"\[trigger\] pin 27: "):
        bench.turret.arm("ann")
    assert bench.turret.state.trigger.reason == "[trigger] pin 27: pin GPIO27 is already in use"


@pytest.mark.parametrize("taken", [LEFT, TILT, TRIGGER])
def test_with_required_hardware_a_taken_pin_stops_the_start(taken: int) -> None:
    with pytest.raises(NoDevice, match=f"{taken}: pin GPIO{taken} is already in use"):
        Bench(pins=pins_without(taken), turret={"hardware": "required"})


def test_axes_that_are_switched_off_in_the_settings() -> None:
    bench = Bench(pan={"kind": "none"}, tilt={"kind": "none"})
    with pytest.raises(NotSupported, match=r"there is no pan: \[pan\] kind = none"):
        bench.turret.drive(1, None, "ann")
    with pytest.raises(NotSupported, match="there is no tilt"):
        bench.turret.aim(None, 90, "ann")
    bench.turret.drive(0, 0, "ann")
    bench.turret.home("ann")
    bench.turret.stop()


def test_both_axes_or_neither() -> None:
    bench = Bench(tilt={"kind": "none"})
    for command in (bench.turret.drive, bench.turret.step):
        with pytest.raises(NotSupported, match="there is no tilt"):
            command(1, 1, "ann")
    assert bench.scope.history(ENABLE) == [(ENABLE, 0)]


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), ImportError("no lgpio"), NoDevice("gone")])
def test_no_pins_means_simulated_ones_and_a_mark_or_no_start_if_required(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail():
        raise error

    monkeypatch.setattr(pins_module, "_board_pins", fail)
    pins = open_pins("auto")
    assert str(error) in pins.simulated_because
    state = Bench(pins=pins).turret.state
    assert (state.simulated, state.reason) == (True, pins.simulated_because)
    with pytest.raises(NoDevice, match=r"hardware = required, but no pins here: "):
        open_pins("required")
    assert open_pins("simulated").simulated_because == "[turret] hardware = simulated"


def test_a_pin_that_fails_in_the_middle_of_a_command_makes_everything_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.turret.arm("ann")
    bench.turret.drive(1, None, "ann")
    bench.turret.fire("ann")

    def refuse(pulse_us: float | None) -> None:
        if pulse_us is not None:
            raise NoDevice("the servo's pin is gone")

    monkeypatch.setattr(bench.turret.tilt._driver, "set_pulse_us", refuse)
    with pytest.raises(NoDevice, match="servo's pin"):
        bench.turret.step(0, 1, "ann")
    assert bench.scope.is_all_low()
    assert not bench.turret.state.trigger.armed


@pytest.mark.parametrize("intruder", ["stop", "take_over", "release"])
def test_who_stops_between_the_look_at_the_lease_and_the_pins_wins(
    intruder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench()
    act = {
        "stop": lambda: bench.turret.stop("bob"),
        "take_over": lambda: bench.turret.controls.take_over("admin"),
        "release": lambda: bench.turret.controls.release("ann"),
    }[intruder]
    drive = bench.turret.pan.drive

    def drive_late(velocity: float):
        act()
        return drive(velocity)

    monkeypatch.setattr(bench.turret.pan, "drive", drive_late)
    with pytest.raises(Busy, match="stopped by somebody else"):
        bench.turret.drive(1, None, "ann")
    assert bench.scope.is_all_low()


def test_two_clients_at_once_and_only_one_of_them_moves_it() -> None:
    bench = Bench(has_threads=True)
    done: dict[str, int] = {"ann": 0, "bob": 0}
    refused: dict[str, int] = {"ann": 0, "bob": 0}
    start = threading.Barrier(2)

    def drive(holder: str, velocity: float) -> None:
        start.wait(20)
        for _ in range(50):
            try:
                bench.turret.drive(velocity, velocity, holder)
                done[holder] += 1
            except Busy:
                refused[holder] += 1

    threads = [threading.Thread(target=drive, args=args) for args in (("ann", 1.0), ("bob", -1.0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    bench.turret.close()
    winner, loser = sorted(done, key=done.__getitem__, reverse=True)
    assert (done[winner], done[loser], refused[loser]) == (50, 0, 50)
    moved = {pin for pin, level in bench.scope.history(LEFT, RIGHT) if level}
    assert moved == {RIGHT if winner == "ann" else LEFT}


def test_pages_hear_of_every_change() -> None:
    bench = Bench()
    seen: list[tuple[bool, bool, str | None]] = []

    def look() -> None:
        state = bench.turret.state
        seen.append((state.pan.moving, state.trigger.armed, state.lease.holder))

    bench.turret.on_change = look
    bench.turret.controls.take("ann")
    bench.turret.arm("ann")
    bench.turret.drive(1, None, "ann")
    bench.advance(0.05)
    bench.turret.stop("ann")
    bench.advance(16)
    changes = [seen[0]] + [b for a, b in pairwise(seen) if a != b]
    assert changes == [
        (False, False, "ann"), (False, True, "ann"), (True, True, "ann"), (False, False, "ann"), (False, False, None),
    ]  # fmt: skip


def test_positions_are_told_while_they_change_but_not_too_often() -> None:
    bench = Bench()
    seen: list[float | None] = []
    bench.turret.on_change = lambda: seen.append(bench.turret.state.tilt.position_deg)
    bench.drive_for(1, None, 1)
    assert 9 <= len(seen) <= 13
    assert seen == sorted(seen)


def test_pages_hear_when_the_trigger_is_ready_again() -> None:
    bench = Bench()
    seen: list[tuple[bool, bool]] = []
    bench.turret.on_change = lambda: seen.append(
        (bench.turret.state.trigger.firing, bench.turret.state.trigger.cooling_s > 0)
    )
    bench.turret.arm("ann")
    bench.turret.fire("ann")
    due_s = []
    while (pause_s := bench.turret.dead_man.beat()) is not None and len(due_s) < 3:
        due_s.append(pause_s)
        bench.clock.now += pause_s
    assert due_s[:2] == pytest.approx([0.2, 1.0])
    assert seen[:4] == [(False, False), (True, True), (False, True), (False, False)]


def test_a_fault_of_ours_in_a_command_makes_everything_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = busy_bench()
    monkeypatch.setattr(bench.turret.tilt, "step", lambda clicks: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench.turret.step(0, 1, "ann")
    assert bench.scope.is_all_low()


def test_a_refusal_stops_nothing_that_moves() -> None:
    bench = Bench(pins=pins_without(LEFT))
    bench.turret.drive(None, 1, "ann")
    with pytest.raises(NoDevice):
        bench.turret.step(1, 0, "ann")
    with pytest.raises(NotArmed):
        bench.turret.fire("ann")
    assert bench.turret.state.tilt.moving


def test_a_listener_that_fails_stops_nothing() -> None:
    bench = Bench()
    bench.turret.on_change = lambda: 1 / 0
    bench.turret.drive(1, None, "ann")
    assert bench.scope.level(ENABLE) == 1
    bench.advance(0.5)
    assert bench.scope.level(ENABLE) == 0


def test_one_pin_for_two_parts_is_refused_and_both_are_named() -> None:
    with pytest.raises(ConfigError, match=r"\[pan\] enable_pin and \[tilt\] servo_pin are both pin 25"):
        Bench(tilt={"servo_pin": 25})
    Bench(tilt={"servo_pin": 25}, pan={"kind": "none"}).turret.close()


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"tilt": {"lowest_deg": 100, "highest_deg": 90}}, r"\[tilt\]: lowest_deg 100 must be below highest_deg 90"),
        ({"pan": {"highest_deg": 200}}, r"\[pan\]: .* at most travel_deg 180"),
        ({"tilt": {"start_deg": 10, "lowest_deg": 20}}, r"\[tilt\]: start_deg 10 is outside lowest_deg 20"),
        ({"tilt": {"min_pulse_us": 2500}}, r"\[tilt\]: min_pulse_us 2500 must be below max_pulse_us 2500"),
        ({"trigger": {"pulse_ms": 1001}}, r"\[trigger\] pulse_ms = 1001: .*less than or equal to 1000"),
        ({"trigger": {"pin": 28}}, r"\[trigger\] pin = 28: "),
        ({"turret": {"drive_timeout_ms": "nan"}}, r"\[turret\] drive_timeout_ms = nan: "),
    ],
)
def test_settings_that_do_not_fit_are_refused(sections: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Bench(**sections)


def test_every_error_of_the_turret_is_a_hardware_error() -> None:
    for kind in (Busy, OutOfRange, NoDevice, NotWatched):
        assert issubclass(kind, HardwareError)


def test_the_rig_opens_and_closes_its_turret(rig) -> None:
    assert rig.turret.state.tilt.kind == "servo"
    rig.turret.drive(1, 1, "ann")
    rig.close()
    with pytest.raises(NotWatched):
        rig.turret.drive(1, 1, "ann")
