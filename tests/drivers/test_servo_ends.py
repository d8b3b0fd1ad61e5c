"""What a program leaves behind that moved a servo by the PWM and one by a PCA9685, however it ended."""

from __future__ import annotations

import json
import signal
from contextlib import closing
from pathlib import Path

import settings as settings_file
from hardware.machine import Machine
from hardware.pins import open_pins
from hardware.turret import Turret
from tests.drivers.servo_devices import QUICK, Chip, Stub, end, moving, stop_when


def sections(stub: Stub) -> dict[str, dict[str, object]]:
    own = {"hold": True, **QUICK}
    return {
        "pan": {"kind": "servo", "driver": "hardware", "servo_pin": 12, **own},
        "tilt": {"driver": "pca9685", "bus": stub.number, **own},
        "trigger": {"kind": "none"},
        "turret": {"hardware": "required"},
    }


def test_sigterm_switches_both_off_and_gives_the_channel_back(chip: Chip, stub: Stub, pi_root: Path) -> None:
    with moving(pi_root, json.dumps(sections(stub))) as program:
        stop_when(program, lambda: None not in (chip.pulse_us(0), stub.pulse_us(1)), "pulses for both")
        end(program, signal.SIGTERM)
    assert program.returncode == 0
    assert chip.told(0)[:2] == ("(null)", "disabled")
    assert stub.pulse_us(1) is None


def test_after_sigkill_both_hold_and_the_next_start_switches_them_off(chip: Chip, stub: Stub, pi_root: Path) -> None:
    with moving(pi_root, json.dumps(sections(stub))) as program:
        stop_when(program, lambda: None not in (chip.pulse_us(0), stub.pulse_us(1)), "pulses for both")
        end(program, signal.SIGKILL)
        assert None not in (chip.pulse_us(0), stub.pulse_us(1))
    pins = open_pins("required")
    pins.machine = Machine(pi_root)
    with closing(Turret(settings_file.load(Path("none.txt"), {}, sections(stub)), pins=pins)) as turret:
        turret.open()
        assert (chip.pulse_us(0), stub.pulse_us(1)) == (None, None)
