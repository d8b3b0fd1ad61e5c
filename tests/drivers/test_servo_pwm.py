"""Servos by a PWM chip of the kernel: what it was told, read in debugfs.

The machine's chip belongs to another board (pwm.asl of tests/virtual_pi); links give it the name of a Pi's.
"""

from __future__ import annotations

import json
import re
import signal
from contextlib import closing
from pathlib import Path

import pytest

import settings as settings_file
from errors import NoDevice
from hardware import pwm
from hardware.machine import Machine
from hardware.pins import open_pins
from hardware.turret import Turret
from tests.drivers.servo_programs import QUICK, arrive, end, moving, without_rights

FRAME_NS = 20_000_000
OWN = {"driver": "hardware", "hold": True, "invert": False, **QUICK}
SECTIONS: dict[str, dict[str, object]] = {
    "pan": {"kind": "servo", "servo_pin": 12, **OWN},
    "tilt": {"servo_pin": 13, **OWN},
    "trigger": {"kind": "none"},
    "turret": {"hardware": "required"},
}


class Chip:
    """The kernel's side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def told(self, channel: int) -> tuple[str, str, int, int]:
        """Who has the channel, enabled or disabled, pulse and frame in nanoseconds."""
        text = Path("/sys/kernel/debug/pwm").read_text()
        found = re.search(
            rf"pwm-{channel}\s+\((\S+)\s*\):.*?requested configuration:\s+(\w+), (\d+)/(\d+) ns", text, re.S
        )
        assert found is not None, text
        return found[1], found[2], int(found[3]), int(found[4])

    def pulse_us(self, channel: int) -> float | None:
        """The pulses at the pin; None while there are none."""
        _, state, pulse_ns, frame_ns = self.told(channel)
        if state == "disabled" or not pulse_ns:
            return None
        assert frame_ns == FRAME_NS
        return pulse_ns / 1000

    def unexport(self) -> None:
        for channel in self.folder.glob("pwm*"):
            (self.folder / "unexport").write_text(channel.name.removeprefix("pwm"))


@pytest.fixture
def chip():
    found = Chip(next(Path("/sys/class/pwm").glob("pwmchip*")).resolve())
    yield found
    found.unexport()


@pytest.fixture
def root(chip: Chip, tmp_path: Path) -> Path:
    """A `/` in which that chip is a Pi 4's."""
    for folder in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
        folder.chmod(0o755)
    link = tmp_path / "sys/class/pwm/pwmchip0"
    link.mkdir(parents=True)
    (link / "device").symlink_to("../../../../fe20c000.pwm")
    for name in ("export", "unexport", "pwm0", "pwm1"):
        (link / name).symlink_to(chip.folder / name)
    return tmp_path


def turret_on(root: Path, **turret: object) -> Turret:
    pins = open_pins("required")
    pins.machine = Machine(root)
    wanted = {**SECTIONS, "turret": {**SECTIONS["turret"], **turret}}
    return Turret(settings_file.load(Path("none.txt"), {}, wanted), pins=pins)


def test_pulse_widths_follow_degrees_and_the_channels_are_given_back(chip: Chip, root: Path) -> None:
    turret = turret_on(root)
    with closing(turret):
        turret.open()
        assert [chip.told(channel)[:2] for channel in (0, 1)] == [("sysfs", "disabled")] * 2
        for pan_deg, tilt_deg in ((0, 180), (82, 98), (180, 0)):
            arrive(turret, pan_deg, tilt_deg, chip.pulse_us)
            assert chip.pulse_us(0) == pytest.approx(500 + pan_deg / 180 * 2000, abs=0.001)
            assert chip.pulse_us(1) == pytest.approx(500 + tilt_deg / 180 * 2000, abs=0.001)
        turret.make_safe()
        assert (chip.pulse_us(0), chip.pulse_us(1)) == (None, None)
        assert chip.told(0)[1] == "enabled", "a disabled output need not be low"
    assert [chip.told(channel)[:2] for channel in (0, 1)] == [("(null)", "disabled")] * 2


def test_sigterm_switches_both_channels_off_and_gives_them_back(chip: Chip, root: Path) -> None:
    with moving(root, json.dumps(SECTIONS)) as program:
        assert None not in (chip.pulse_us(0), chip.pulse_us(1))
        end(program, signal.SIGTERM)
    assert program.returncode == 0
    assert [chip.told(channel)[:2] for channel in (0, 1)] == [("(null)", "disabled")] * 2


def test_after_sigkill_the_pulses_go_on_and_the_next_start_switches_them_off(chip: Chip, root: Path) -> None:
    with moving(root, json.dumps(SECTIONS)) as program:
        end(program, signal.SIGKILL)
        assert None not in (chip.pulse_us(0), chip.pulse_us(1))
    with closing(turret_on(root)) as turret:
        turret.open()
        assert (chip.pulse_us(0), chip.pulse_us(1)) == (None, None)
        turret.aim(90, None, "ann")
        assert chip.pulse_us(0) == pytest.approx(1500)


def test_without_permission_the_group_is_said(chip: Chip, root: Path) -> None:
    with closing(turret_on(root, hardware="auto")) as turret, without_rights():
        turret.open()
        assert re.search(
            r"^\[pan\] servo_pin 12: no permission for .*: sudo usermod -aG gpio", str(turret.state.pan.reason)
        )


def test_a_channel_that_stays_roots_is_said(chip: Chip, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwm, "READY_TIMEOUT_S", 0.1)
    (chip.folder / "export").write_text("0")
    with closing(turret_on(root, hardware="auto")) as turret, without_rights():
        turret.open()
        assert "no permission for " in str(turret.state.pan.reason)


def test_a_chip_of_another_board_is_not_taken(chip: Chip) -> None:
    with pytest.raises(
        NoDevice, match=r"the kernel shows no PWM for it: put dtoverlay=pwm-2chan,pin=12,func=4,pin2=13"
    ):
        turret_on(Path("/")).open()
    assert list(chip.folder.glob("pwm*")) == []
