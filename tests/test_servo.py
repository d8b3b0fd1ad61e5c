"""A servo: pulse widths over time, limits, soft start, pulses off after settling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from turret_by_hand import PAN_SERVO, TILT, Bench

from errors import OutOfRange
from hardware.ramp import Motion, position_after
from hardware.servo import pulse_us_of
from settings import ServoSettings

PAN = {"kind": "servo"}


def deg(pulse_us: float) -> float:
    """Degrees of the default servo that is not inverted."""
    return (pulse_us - 500) / 2000 * 180


@pytest.mark.parametrize(
    ("position_deg", "options", "pulse_us"),
    [
        (0, {}, 500),
        (90, {}, 1500),
        (180, {}, 2500),
        (0, {"invert": True}, 2500),
        (45, {"travel_deg": 90, "highest_deg": 90, "min_pulse_us": 1000, "max_pulse_us": 2000}, 1500),
    ],
)
def test_degrees_become_pulse_widths(position_deg: float, options: dict, pulse_us: float) -> None:
    assert pulse_us_of(position_deg, ServoSettings(**options)) == pulse_us


def test_a_new_servo_gets_no_pulses() -> None:
    bench = Bench()
    bench.advance(2)
    assert bench.scope.is_all_low()


def test_up_with_the_default_wiring_makes_the_pulse_shorter() -> None:
    bench = Bench()
    bench.turret.step(0, 1, "ann")
    bench.advance(0.9)
    assert bench.scope.pulse_us(TILT) == pytest.approx(1500 - 15 / 180 * 2000)
    assert bench.turret.state.tilt.position_deg == 105


def test_pulses_go_off_after_settling_and_stay_on_with_hold() -> None:
    bench = Bench(pan=PAN, tilt={"hold": True})
    bench.turret.step(1, 1, "ann")
    bench.advance(1.3)
    assert bench.scope.pulse_us(PAN_SERVO) == pytest.approx(1500 + 15 / 180 * 2000)
    bench.advance(0.5)
    assert bench.scope.pulse_us(PAN_SERVO) is None
    assert bench.scope.pulse_us(TILT) == pytest.approx(1500 - 15 / 180 * 2000)


def test_a_move_starts_softly_keeps_its_speed_and_ends_softly() -> None:
    bench = Bench(pan={**PAN, "speed_deg_s": 90, "acceleration_deg_s2": 360})
    bench.turret.aim(180, None, "ann")
    seen = []
    for _ in range(150):
        bench.advance(0.01)
        seen.append(deg(bench.scope.pulse_us(PAN_SERVO)))
    speeds = [(b - a) / 0.01 for a, b in zip([90, *seen], seen, strict=False)]
    changes = [abs(b - a) / 0.01 for a, b in zip([0, *speeds], speeds, strict=False)]
    assert max(speeds) == pytest.approx(90)
    assert max(changes) <= 360 * 1.3
    assert seen[23] < 90 + 90 * 0.24 * 0.6  # half of full speed on average while it gets going
    assert seen[-1] == 180
    assert seen == sorted(seen)


def test_drive_speed_follows_the_stick() -> None:
    bench = Bench(pan=PAN)
    bench.drive_for(1, 0.5, None)
    half = bench.turret.state.pan.position_deg - 90
    bench = Bench(pan=PAN)
    bench.drive_for(0.5, 1, None)
    assert half == pytest.approx(45 - 45**2 / 720, abs=1)
    assert bench.turret.state.pan.position_deg - 90 == pytest.approx(45 - 90**2 / 720, abs=1)


def test_step_and_drive_stop_at_the_limits() -> None:
    bench = Bench(pan={**PAN, "lowest_deg": 80, "highest_deg": 100})
    for _ in range(3):
        bench.turret.step(1, 0, "ann")
    assert bench.turret.state.pan.at_limit
    bench.advance(2)
    assert bench.turret.state.pan.position_deg == 100
    bench.turret.step(1, 0, "ann")
    assert deg(bench.scope.pulse_us(PAN_SERVO)) == pytest.approx(100)
    bench.drive_for(2, -1, None)
    state = bench.turret.state.pan
    assert (state.position_deg, state.at_limit, state.moving) == (80, True, False)


def test_clicks_during_a_move_add_up() -> None:
    bench = Bench(pan=PAN)
    bench.turret.step(1, 0, "ann")
    bench.advance(0.05)
    bench.turret.step(1, 0, "ann")
    bench.advance(2)
    assert bench.turret.state.pan.position_deg == 120


def test_turn_by_degrees_and_home() -> None:
    bench = Bench(pan=PAN)
    bench.turret.turn(-5, 1, "ann")
    bench.advance(2)
    assert (bench.turret.state.pan.position_deg, bench.turret.state.tilt.position_deg) == (85, 91)
    bench.turret.home("ann")
    bench.advance(2)
    assert (bench.turret.state.pan.position_deg, bench.turret.state.tilt.position_deg) == (90, 90)


@pytest.mark.parametrize("position_deg", [79.9, 100.1, -1, 361, float("nan"), float("inf"), "90", True])
def test_aim_outside_the_limits_is_refused_and_neither_axis_moves(position_deg: object) -> None:
    bench = Bench(pan={**PAN, "lowest_deg": 80, "highest_deg": 100})
    with pytest.raises(OutOfRange, match=r"pan(_deg)? .* (is outside|is not a number in) "):
        bench.turret.aim(position_deg, 120, "ann")
    bench.advance(1)
    assert bench.scope.is_all_low()


def test_a_refused_aim_names_value_and_rule() -> None:
    bench = Bench(pan={**PAN, "lowest_deg": 80, "highest_deg": 100})
    with pytest.raises(OutOfRange, match=r"^pan 120 deg is outside 80\.\.100 deg$") as refused:
        bench.turret.aim(120, None, "ann")
    assert refused.value.field == "pan_deg"


def test_a_machine_that_slept_does_not_make_up_for_it() -> None:
    bench = Bench(pan=PAN)
    bench.turret.aim(180, None, "ann")
    bench.advance(0.3)
    before = bench.turret.state.pan.position_deg
    bench.clock.now += 5
    bench.turret.dead_man.beat()
    assert bench.turret.state.pan.position_deg - before <= 90 * 0.1 + 1e-6


@given(
    start=st.floats(0, 180),
    velocity=st.floats(-500, 500),
    target=st.floats(0, 180),
    speed=st.floats(1, 1000),
    acceleration=st.floats(1, 10000),
    dt=st.floats(0.001, 0.1),
)
def test_a_ramp_arrives_and_never_passes_its_target(start, velocity, target, speed, acceleration, dt) -> None:
    motion = Motion(start, 0.0)
    for _ in range(20):
        before = motion
        motion = position_after(dt, motion, target, speed, acceleration)
        assert min(before.position_deg, target) <= motion.position_deg <= max(before.position_deg, target)
        assert abs(motion.velocity_deg_s) <= speed * (1 + 1e-9)
    motion = Motion(start, velocity)
    for _ in range(200_000):
        if motion == (target, 0.0):
            return
        motion = position_after(0.1, motion, target, max(speed, 20), max(acceleration, 20))
    raise AssertionError(f"still at {motion}")
