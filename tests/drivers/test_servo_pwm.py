"""Servos by a PWM chip of the kernel: what it was told, read in debugfs.

The machine's chip belongs to another board (pwm.asl of tests/virtual_pi); links give it the name of a Pi's.
"""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

import settings as settings_file
from errors import NoDevice
from hardware import pwm
from hardware.machine import Machine
from hardware.pins import open_pins
from hardware.turret import Turret
from tests.drivers.servo_devices import QUICK, Chip, arrive, without_rights

OWN = {"driver": "hardware", "hold": True, "invert": False, **QUICK}
SECTIONS: dict[str, dict[str, object]] = {
    "pan": {"kind": "servo", "servo_pin": 12, **OWN},
    "tilt": {"servo_pin": 13, **OWN},
    "trigger": {"kind": "none"},
    "turret": {"hardware": "required"},
}


def turret_on(pi_root: Path, **turret: object) -> Turret:
    pins = open_pins("required")
    pins.machine = Machine(pi_root)
    wanted = {**SECTIONS, "turret": {**SECTIONS["turret"], **turret}}
    return Turret(settings_file.load(Path("none.txt"), {}, wanted), pins=pins)


def test_pulse_widths_follow_degrees_and_the_channels_are_given_back(chip: Chip, pi_root: Path) -> None:
    turret = turret_on(pi_root)
    with closing(turret):
        turret.open()
        assert [chip.told(channel)[:2] for channel in (0, 1)] == [("sysfs", "disabled")] * 2
        for pan_deg, tilt_deg in ((0, 180), (82, 98), (180, 0)):
            pan_us, tilt_us = arrive(turret, pan_deg, tilt_deg, chip.pulse_us)
            assert pan_us == pytest.approx(500 + pan_deg / 180 * 2000, abs=0.001)
            assert tilt_us == pytest.approx(500 + tilt_deg / 180 * 2000, abs=0.001)
        turret.make_safe()
        assert (chip.pulse_us(0), chip.pulse_us(1)) == (None, None)
        assert chip.told(0)[1] == "enabled", "a disabled output need not be low"
    assert [chip.told(channel)[:2] for channel in (0, 1)] == [("(null)", "disabled")] * 2


def test_without_permission_the_group_is_said(chip: Chip, pi_root: Path) -> None:
    with closing(turret_on(pi_root, hardware="auto")) as turret, without_rights():
        turret.open()
        assert re.search(
            r"^\[pan\] servo_pin 12: no permission for .*: sudo usermod -aG gpio", str(turret.state.pan.reason)
        )


def test_a_channel_that_stays_roots_is_said(chip: Chip, pi_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwm, "READY_TIMEOUT_S", 0.1)
    (chip.folder / "export").write_text("0")
    with closing(turret_on(pi_root, hardware="auto")) as turret, without_rights():
        turret.open()
        assert "no permission for " in str(turret.state.pan.reason)


def test_a_chip_of_another_board_is_not_taken(chip: Chip) -> None:
    with pytest.raises(
        NoDevice, match=r"the kernel shows no PWM for it: put dtoverlay=pwm-2chan,pin=12,func=4,pin2=13"
    ):
        turret_on(Path("/")).open()
    assert list(chip.folder.glob("pwm*")) == []
