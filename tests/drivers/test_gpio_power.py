"""A motor's power on GPIO lines of the kernel: how wide its pulses are, and that off is off for good."""

from __future__ import annotations

import random
import signal
import time
from contextlib import closing, suppress
from functools import partial
from itertools import pairwise

import pytest

from errors import NotWatched
from hardware.pins import open_pins
from hardware.power import LONGEST_STEP_S
from tests.drivers.gpio_lines import ENABLE, LEFT, RIGHT, TILT, Lines, driving
from tests.drivers.servo_devices import end, stop_when
from tests.fakes import wait_until
from tests.metronome import Metronome

PERIOD_S = 0.01  # [pan] pwm_hz = 100


def is_ever(lines: Lines, level: int, seconds: float) -> bool:
    """True when the enable line was seen at that level within so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if lines.level(ENABLE) == level:
            return True
    return False


def test_pulses_at_the_enable_line_are_as_wide_as_the_power(lines: Lines, make_turret, standstills) -> None:
    turret = make_turret(pan={"slowest_percent": 20, "net_run_limit_s": 0}, turret={"drive_timeout_ms": 2000})

    def driven(velocity: float) -> tuple[tuple[int, ...], float]:
        turret.drive(velocity, None, "ann")
        return lines.levels(LEFT, RIGHT), lines.pulse_ms(ENABLE, 0.5)

    for velocity, expected_ms in ((0.3, 3.0), (-0.6, 6.0), (0.9, 9.0)):
        seen_ms: list[float] = []
        # Some tries, as a busy machine loses edges now and then.
        while not seen_ms or not -0.25 < seen_ms[-1] - expected_ms < 0.25:
            assert len(seen_ms) < 10, f"{velocity}: {seen_ms} instead of {expected_ms:.2f} ms"
            levels, width_ms = standstills.seen_without(partial(driven, velocity), limit_s=2.0)
            assert levels == ((0, 1) if velocity > 0 else (1, 0))
            seen_ms.append(width_ms)
    turret.stop()
    assert lines.are_low_for(0.3)


def test_full_power_is_a_constant_level_before_and_after_pulses(lines: Lines, make_turret, standstills) -> None:
    turret = make_turret(pan={"slowest_percent": 20, "net_run_limit_s": 0}, turret={"drive_timeout_ms": 2000})

    def begun() -> int:
        turret.stop("ann")
        time.sleep(2 * PERIOD_S)
        turret.drive(1, None, "ann")
        return lines.level(ENABLE)

    def drives(velocity: float, *levels: int) -> bool:
        """True when these are the levels that are seen."""
        with suppress(NotWatched):
            turret.drive(velocity, None, "ann")
        return tuple(level for level in (0, 1) if is_ever(lines, level, 0.2)) == levels

    assert standstills.seen_without(begun, limit_s=2.0), "at once"
    for velocity, levels in ((1, (1,)), (0.5, (0, 1)), (1, (1,)), (-1, (1,)), (-0.5, (0, 1)), (1, (1,))):
        wait_until(partial(drives, velocity, *levels), f"{levels} at {velocity}")
    turret.stop()
    assert lines.are_low_for(0.3)


def test_a_soft_start_widens_the_pulses_until_there_are_none(
    lines: Lines, make_turret, standstills, told_percent: list[float]
) -> None:
    """What lgpio is told rises in every try; what is seen on the line does when a busy machine loses no edges."""
    turret = make_turret(pan={"soft_start_s": 1.5, "net_run_limit_s": 0}, turret={"drive_timeout_ms": 2000})

    def started() -> tuple[list[float], float]:
        turret.stop("ann")
        told_percent.clear()
        began = time.monotonic()
        turret.drive(1, None, "ann")
        seen_ms = [lines.pulse_ms(ENABLE, 0.3) for _ in range(4)]
        turret.drive(1, None, "ann")
        while is_ever(lines, 0, 0.1) and time.monotonic() - began < 3:
            pass
        return seen_ms, time.monotonic() - began

    def is_soft(seen_ms: list[float], full_after_s: float) -> bool:
        return seen_ms == sorted(seen_ms) and seen_ms[0] < 3 and seen_ms[-1] > 6 and full_after_s > 1.4

    tries: list[tuple[list[float], float]] = []
    while not tries or not is_soft(*tries[-1]):
        assert len(tries) < 5, tries
        tries.append(standstills.seen_without(started, limit_s=3.0))
        assert told_percent == sorted(told_percent)
        assert told_percent[-1] == 100
        assert max(later - one for one, later in pairwise(told_percent)) < 100 * LONGEST_STEP_S / 1.5 + 0.1


def test_a_drive_that_is_not_renewed_ends_in_the_middle_of_a_soft_start(lines: Lines, make_turret, standstills) -> None:
    turret = make_turret(pan={"soft_start_s": 2, "speed_percent": 80, "net_run_limit_s": 0})

    def driven() -> tuple[float, float]:
        began = time.monotonic()
        turret.drive(1, None, "ann")
        high_at, low_at = lines.off_between()
        return high_at - began, low_at - began

    with Metronome() as metronome:
        high_s, low_s = standstills.seen_without(driven)
        assert low_s > 0.3
        assert high_s < 0.45 + 2 * PERIOD_S + metronome.late_s


def test_off_is_off_at_once_and_no_pulse_comes_after_it(lines: Lines) -> None:
    """Switched off at any point of a pulse or its pause, right after a change as well, and on again."""
    dice = random.Random(3)
    with closing(open_pins("required")) as pins:
        enable = pins.power(ENABLE, "enable", 1 / PERIOD_S)
        for _ in range(150):
            enable.set(dice.choice([0.01, 0.3, 0.9, 0.99, 1.0]))
            time.sleep(dice.uniform(0, 2 * PERIOD_S))
            if dice.random() < 0.5:
                enable.set(dice.choice([0.2, 0.7, 1.0]))
                time.sleep(dice.choice([0, 0.001]))
            enable.set(0)
            assert not is_ever(lines, 1, 2.5 * PERIOD_S)
        enable.set(1.0)
        wait_until(lambda: not is_ever(lines, 0, 0.1), "high for good")
        enable.set(0)
        assert lines.are_low_for(0.3)


def test_the_direction_never_changes_while_enabled_with_pulses(lines: Lines, make_turret, standstills) -> None:
    turret = make_turret(pan={"soft_start_s": 0.3, "slowest_percent": 30, "net_run_limit_s": 0})

    def driven(velocity: float) -> tuple[int, ...]:
        turret.drive(velocity, None, "ann")
        return lines.levels(LEFT, RIGHT)

    dice = random.Random(5)
    with lines.directions() as seen:
        for _ in range(60):
            velocity = dice.choice([-1, 1]) * dice.uniform(0.3, 1)
            levels = standstills.seen_without(partial(driven, velocity), limit_s=0.4)
            assert levels == ((0, 1) if velocity > 0 else (1, 0))
            time.sleep(dice.uniform(0, 0.08))
        wait_until(lambda: not turret.state.pan.moving, "the drive is not renewed")
    assert seen == {(0, 1), (1, 0)}
    assert lines.are_low_for(0.3)


def test_a_motor_that_stops_leaves_the_pulses_of_a_servo_alone(lines: Lines) -> None:
    widths_s: list[float] = []
    with closing(open_pins("required")) as pins, Metronome() as metronome:
        enable, tilt = pins.power(ENABLE, "enable", 1 / PERIOD_S), pins.pulses(TILT, "tilt")
        tilt.set_pulse_us(2000)
        for _ in range(11):
            enable.set(0.4)
            lines.await_level(ENABLE, 1)
            widths_s.append(lines.width_s(TILT, partial(enable.set, 0), metronome))
        tilt.set_pulse_us(None)
        assert lines.are_low_for(0.2)
    assert sorted(widths_s)[5] < 0.01, widths_s


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_all_low_after_the_end_in_a_soft_start_and_after_a_restart(number: int, lines: Lines, make_turret) -> None:
    sections = {"pan": {"speed_percent": 70, "soft_start_s": 2, "net_run_limit_s": 0}}
    with driving(sections, 'turret.drive(1, None, "ann")') as program:
        stop_when(program, lambda: lines.level(ENABLE) == 1, "it is in the middle of a pulse")
        end(program, number)
        assert lines.are_low_for(0.3)
    make_turret()
    assert lines.are_low_for(0.3)
