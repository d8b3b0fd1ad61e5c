"""The turret on GPIO lines of the kernel (gpio-sim): levels and pulse widths read back from the kernel.

The clock of an emulated machine is coarse: widths come out up to 0.25 ms short.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

import settings as settings_file
from errors import NoDevice, NotWatched
from hardware.pins import open_pins
from hardware.turret import Turret
from tests.drivers.gpio_lines import ENABLE, LEFT, PROJECT, RIGHT, TILT, TRIGGER, Lines, driving
from tests.drivers.servo_devices import end, stop_when
from tests.drivers.standstills import Standstills, StoodStill
from tests.fakes import wait_until
from tests.metronome import Metronome

DRIVE_TIMEOUT_S = 0.4
OPENING = """
from errors import NoDevice
from hardware.pins import open_pins
pins = open_pins("auto")
print(pins.simulated_because is not None, pins.simulated_because)
try:
    open_pins("required")
except NoDevice as error:
    print(error)
"""
HOLDING = f"""
import lgpio, time
handle = lgpio.gpiochip_open(0)
lgpio.gpio_claim_output(handle, {LEFT})
print("has", flush=True)
time.sleep(60)
"""


def test_the_pins_are_real_and_low_at_the_start(lines: Lines, make_turret) -> None:
    assert not make_turret().state.simulated
    assert lines.are_low_for(0.2)


def test_pulse_widths_follow_degrees(lines: Lines, make_turret, told_percent: list[float]) -> None:
    """The kernel's lines, measured as well as an emulated clock can, and the exact width lgpio is told.

    gpiozero's own pins, which know only whole percent of duty, would tell it 1.4 ms for 82 and for 98 degrees.
    """
    turret = make_turret(tilt={"hold": True, "invert": False})
    for position_deg in (0, 82, 98, 180):
        expected_ms, seen_ms = 0.5 + position_deg / 90, []
        # A busy machine loses edges now and then, or stalls the dead-man, which switches everything off as it should:
        # so there are some tries.
        while not seen_ms or not -0.25 < seen_ms[-1] - expected_ms < 0.1:
            assert len(seen_ms) < 10, f"{position_deg} deg: {seen_ms} instead of {expected_ms:.2f} ms"
            with suppress(NotWatched):
                turret.aim(None, position_deg, "ann")
            wait_until(lambda: not turret.state.tilt.moving, "the tilt has arrived")
            seen_ms.append(lines.pulse_ms(TILT))
        assert 20 * [percent for percent in told_percent if percent][-1] / 100 == pytest.approx(expected_ms)
    turret.stop()
    turret.make_safe()
    assert lines.are_low_for(0.2)


def test_a_servo_that_goes_to_rest_leaves_the_other_one_alone(lines: Lines) -> None:
    """lgpio loses a round of its pulses when it forgets a pin: the other servo's pulse would be 20 ms longer."""
    with closing(open_pins("required")) as pins, Metronome() as metronome:
        pan, tilt = pins.pulses(LEFT, "pan"), pins.pulses(TILT, "tilt")
        tilt.set_pulse_us(2000)
        widths_s: list[float] = []
        for _ in range(11):
            pan.set_pulse_us(1000)
            lines.await_level(LEFT, 1)
            widths_s.append(lines.width_s(TILT, partial(pan.set_pulse_us, None), metronome))
            assert not lines.level(LEFT)
        tilt.set_pulse_us(None)
        assert lines.are_low_for(0.2)
    assert sorted(widths_s)[5] < 0.01, widths_s


def test_a_servo_that_goes_to_rest_gets_its_last_pulse_whole(lines: Lines) -> None:
    """A pulse that is cut short is a command to go elsewhere, and a digital servo goes there and stays.

    The pulse is far longer than any servo's, so that a machine that is late cannot be taken for one that cuts.
    """
    most_s = []
    with closing(open_pins("required")) as pins:
        tilt = pins.pulses(TILT, "tilt")
        for _ in range(9):
            tilt.set_pulse_us(15_000)
            low_at = lines.last_low_at(TILT)
            tilt.set_pulse_us(None)
            most_s.append(lines.await_level(TILT, 0) - low_at)
            assert lines.are_low_for(0.05)
    assert sorted(most_s)[4] > 0.0145, most_s


def test_motor_levels_and_the_direction_never_changes_while_enabled(
    lines: Lines, make_turret, standstills: Standstills
) -> None:
    turret = make_turret()

    def driven(velocity: int) -> tuple[int, ...]:
        turret.drive(velocity, None, "ann")
        return lines.levels(LEFT, RIGHT, ENABLE)

    with lines.directions() as seen:
        for velocity in (1, -1, 1, -1, -1, 1):
            levels = standstills.seen_without(partial(driven, velocity), limit_s=DRIVE_TIMEOUT_S)
            assert levels == ((0, 1, 1) if velocity > 0 else (1, 0, 1))
            time.sleep(0.1)
        wait_until(lambda: lines.levels(LEFT, RIGHT, ENABLE) == (0, 0, 0), "the drive is not renewed")
    assert seen == {(0, 1), (1, 0)}


def test_a_shot_ends_by_itself(lines: Lines, make_turret, standstills: Standstills) -> None:
    turret = make_turret(trigger={"pulse_ms": 1000})

    def shot() -> tuple[int, float, bool]:
        turret.arm("ann")
        began = time.monotonic()
        turret.fire("ann")
        level, looked_at = lines.level(TRIGGER), time.monotonic()
        wait_until(lambda: lines.level(TRIGGER) == 0, "the pulse ends")
        if looked_at - began > 1:
            raise StoodStill
        return level, time.monotonic() - looked_at, turret.state.trigger.armed

    with Metronome() as metronome:
        level, took_s, is_armed = standstills.seen_without(shot)
        assert took_s - metronome.late_s < 2.0
    assert level == 1
    assert is_armed


def test_an_active_low_trigger_is_high_at_rest(lines: Lines, make_turret, standstills: Standstills) -> None:
    turret = make_turret(trigger={"active_high": False, "pulse_ms": 1000})
    assert lines.level(TRIGGER) == 1

    def fired() -> int:
        turret.arm("ann")
        turret.fire("ann")
        return lines.level(TRIGGER)

    assert standstills.seen_without(fired, limit_s=1.0) == 0
    turret.stop()
    assert lines.level(TRIGGER) == 1


def test_a_line_another_program_has_is_said(make_turret) -> None:
    environ = {**os.environ, "LG_WD": "/tmp"}
    with subprocess.Popen([sys.executable, "-c", HOLDING], env=environ, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "has\n"
            with pytest.raises(NoDevice, match=r"\[pan\] left_pin 23: GPIO busy"):
                make_turret()
            turret = Turret(settings_file.load(Path("none.txt"), {}, {}))
            with closing(turret):
                turret.open()
                assert (turret.state.pan.reason, turret.state.tilt.kind) == ("[pan] left_pin 23: GPIO busy", "servo")
        finally:
            other.kill()
    assert make_turret().state.pan.kind == "motor"


def test_no_permission_on_the_device_is_said_and_the_pins_are_simulated() -> None:
    """As somebody who is not in the group `gpio`: root without the right to pass over permissions."""
    device = Path("/dev/gpiochip" + os.environ["VPI_GPIO_CHIP"])
    mode = device.stat().st_mode
    weak = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", sys.executable, "-c"]
    device.chmod(0)
    try:
        done = subprocess.run(
            [*weak, OPENING], env={**os.environ, "PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, timeout=50
        )
    finally:
        device.chmod(mode)
    simulated, required = done.stdout.splitlines()
    assert simulated == "True no pins here: can not open gpiochip"
    assert required == "[turret] hardware = required, but no pins here: can not open gpiochip"


@pytest.mark.parametrize("jump_s", [-30 * 86400, 30 * 86400])
def test_the_wall_clock_may_jump_in_the_middle_of_everything(
    jump_s: float, lines: Lines, make_turret, standstills: Standstills
) -> None:
    """A Pi has no battery for its clock: the time comes over the network, some while after the start."""
    turret = make_turret(tilt={"settle_s": 0}, trigger={"pulse_ms": 1000})

    def driven_over_a_jump() -> tuple[tuple[int, ...], float, float, float]:
        turret.arm("ann")
        began = time.monotonic()
        turret.drive(1, 1, "ann")
        turret.fire("ann")
        moving_at = time.monotonic()
        time.clock_settime(time.CLOCK_REALTIME, time.time() + jump_s)
        try:
            levels, looked_at = lines.levels(ENABLE, TRIGGER), time.monotonic()
            high_at, low_at = lines.off_between()
            if looked_at - began > DRIVE_TIMEOUT_S:
                raise StoodStill
            return levels, low_at - began, high_at - moving_at, turret.state.lease.seconds_left
        finally:
            time.clock_settime(time.CLOCK_REALTIME, time.time() - jump_s)

    levels, off_by_s, ran_s, lease_s = standstills.seen_without(driven_over_a_jump)
    assert levels == (1, 1)
    assert off_by_s > DRIVE_TIMEOUT_S
    assert ran_s < 2
    assert lease_s > 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_all_low_after_the_end_and_after_a_restart(number: int, lines: Lines, make_turret) -> None:
    commands = 'turret.arm("ann"); turret.drive(1, 1, "ann"); turret.fire("ann")'
    with driving({"trigger": {"pulse_ms": 1000, "cooldown_s": 0}}, commands) as program:
        stop_when(program, lambda: lines.levels(ENABLE, TRIGGER) == (1, 1), "it drives and fires")
        end(program, number)
        assert lines.are_low_for(0.3)
    make_turret()
    assert lines.are_low_for(0.3)
