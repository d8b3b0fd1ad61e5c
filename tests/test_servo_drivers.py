"""Which driver makes the pulses of which servo: settings that clash, and drivers that are simulated."""

from __future__ import annotations

from pathlib import Path

import pytest
from turret_by_hand import PAN_SERVO, Bench

import settings as settings_file
from errors import ConfigError

HARDWARE = {"kind": "servo", "driver": "hardware"}
BOARD = {"kind": "servo", "driver": "pca9685"}
PIXELS = {"kind": "neopixel", "method": "pwm", "pin": 18}


def load(**sections: dict[str, object]) -> settings_file.Settings:
    return settings_file.load(Path("none.txt"), {}, sections)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"pan": {**HARDWARE, "servo_pin": 17}},
            r"\[pan\]: driver = hardware needs servo_pin 12, 13, 18 or 19, not 17",
        ),
        ({"tilt": HARDWARE}, r"\[tilt\]: driver = hardware needs servo_pin 12, 13, 18 or 19"),
        (
            {"pan": HARDWARE, "tilt": {**HARDWARE, "servo_pin": 18}},
            r"\[pan\] servo_pin 12 and \[tilt\] servo_pin 18 are one channel .* take one of 12 and 18, and one of 13",
        ),
        ({"pan": {**HARDWARE, "servo_pin": 13}, "tilt": {**HARDWARE, "servo_pin": 19}}, "are one channel"),
        ({"pan": HARDWARE, "tilt": {**HARDWARE, "servo_pin": 12}}, r"are both pin 12"),
        ({"pan": HARDWARE, "light": PIXELS}, r"\[light\] method = pwm and \[pan\] driver = hardware both need .*PWM"),
        ({"tilt": {**HARDWARE, "servo_pin": 13}, "light": PIXELS}, r"\[tilt\] driver = hardware both need .* PWM"),
        ({"pan": {**HARDWARE, "servo_pin": 13}, "trigger": {"pin": 13}}, r"are both pin 13"),
        ({"pan": BOARD, "tilt": {**BOARD, "channel": 0}}, r"\[pan\] channel and \[tilt\] channel are both 0 of one"),
        ({"pan": BOARD, "tilt": {"servo_pin": 2}}, r"\[tilt\] servo_pin is pin 2, which \[pan\] bus = 1 \(SDA\) needs"),
        ({"tilt": BOARD, "trigger": {"pin": 3}}, r"\[trigger\] pin is pin 3, which \[tilt\] bus = 1 \(SCL\) needs"),
        ({"pan": {**BOARD, "address": "0x70"}}, "0x70 is the one every PCA9685 answers at"),
        ({"pan": {**BOARD, "address": "0x3f"}}, r"\[pan\] address = 0x3f: input should be greater than or equal to 64"),
        ({"pan": {**BOARD, "address": "forty"}}, r"\[pan\] address = forty: input should be a valid integer"),
        ({"pan": {**BOARD, "channel": 16}}, r"\[pan\] channel = 16: "),
        ({"pan": {**BOARD, "driver": "magic"}}, r"\[pan\] driver = magic: input should be 'software', 'hardware' or"),
    ],
)
def test_clashes_are_named(sections: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(**sections)


@pytest.mark.parametrize(
    "sections",
    [
        {"pan": HARDWARE, "tilt": {**HARDWARE, "servo_pin": 13}},
        {"pan": {**HARDWARE, "servo_pin": 18}, "tilt": {**HARDWARE, "servo_pin": 19}},
        {"pan": HARDWARE, "light": {"kind": "neopixel", "method": "spi"}},
        {"pan": BOARD, "tilt": BOARD},
        {"pan": BOARD, "tilt": {**BOARD, "address": "0x41", "channel": 0}},
        {"pan": {**BOARD, "servo_pin": 23}},  # a servo on a board has no pin that could be taken
        {"pan": BOARD, "light": PIXELS},
        {"pan": {"kind": "motor", "driver": "hardware"}, "light": PIXELS},
        {"pan": {**BOARD, "bus": 3}, "tilt": {"servo_pin": 2}},
    ],
)
def test_what_goes_together_is_accepted(sections: dict) -> None:
    load(**sections)


@pytest.mark.parametrize(("text", "number"), [("0x41", 65), ("65", 65), (65, 65)])
def test_an_address_may_be_hexadecimal(text: object, number: int) -> None:
    assert load(pan={"address": text}).pan.address == number


def test_with_simulated_pins_the_hardware_pwm_is_a_simulated_pin() -> None:
    bench = Bench(pan=HARDWARE)
    bench.turret.aim(90, None, "ann")
    assert bench.scope.pulse_us(PAN_SERVO) == pytest.approx(1500)
    assert bench.turret.state.pan.driver == "hardware"


def test_with_simulated_pins_a_board_is_simulated_too() -> None:
    bench = Bench(pan=BOARD, tilt={**BOARD, "invert": False})
    bus = bench.pins.machine.open_bus(1)
    assert (bus.pulse_us(0x40, 0), bus.pulse_us(0x40, 1)) == (None, None)
    bench.turret.aim(180, 45, "ann")
    bench.advance(1.5)
    assert bus.pulse_us(0x40, 0) == pytest.approx(2500, abs=2.5)
    assert bus.pulse_us(0x40, 1) == pytest.approx(1000, abs=2.5)
    bench.advance(2)
    assert (bus.pulse_us(0x40, 0), bus.pulse_us(0x40, 1)) == (None, None)
    assert (bench.turret.state.pan.driver, bench.turret.state.tilt.driver) == ("pca9685", "pca9685")


def test_only_servos_have_a_driver() -> None:
    bench = Bench()
    assert (bench.turret.state.pan.driver, bench.turret.state.tilt.driver) == (None, "software")
