"""Servos at a PCA9685 on an I2C bus of the kernel (i2c-stub): its registers, read back over that bus."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from smbus2 import SMBus

import settings as settings_file
from errors import NoDevice
from hardware.pins import open_pins
from hardware.turret import Turret
from tests.drivers.servo_programs import QUICK, arrive, end, moving, without_rights

ADDRESS = 0x40
MODE1, PRE_SCALE, LED0 = 0x00, 0xFE, 0x06
AWAKE_WITH_AUTO_INCREMENT = 0x21
TICK_US = 122 / 25


class Stub:
    """The registers of the chip, by a handle of our own."""

    def __init__(self) -> None:
        names = Path("/sys/bus/i2c/devices").glob("i2c-*/name")
        adapter = next(name.parent for name in names if "stub" in name.read_text())
        self.folder = adapter
        self.number = int(adapter.name.removeprefix("i2c-"))
        self._bus = SMBus(self.number)

    def power_on(self) -> None:
        """The values the data sheet gives after power came."""
        self.write(MODE1, 0x11)
        self.write(PRE_SCALE, 0x1E)
        for channel in range(16):
            for register, value in enumerate((0, 0, 0, 0x10)):
                self.write(LED0 + 4 * channel + register, value)

    def read(self, register: int) -> int:
        return self._bus.read_byte_data(ADDRESS, register)

    def write(self, register: int, value: int) -> None:
        self._bus.write_byte_data(ADDRESS, register, value)

    def pulse_us(self, channel: int) -> float | None:
        """None while the channel is off."""
        on_low, on_high, off_low, off_high = (self.read(LED0 + 4 * channel + register) for register in range(4))
        if off_high & 0x10:
            return None
        assert (self.read(MODE1), self.read(PRE_SCALE), on_low, on_high) == (AWAKE_WITH_AUTO_INCREMENT, 121, 0, 0)
        return (off_high << 8 | off_low) * TICK_US

    def close(self) -> None:
        self._bus.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    subprocess.run(["/sbin/modprobe", "i2c-stub", f"chip_addr={ADDRESS:#x}"], check=True)
    with closing(Stub()) as chip:
        chip.power_on()
        yield chip


def sections(stub: Stub, **pan: object) -> dict[str, dict[str, object]]:
    own = {"driver": "pca9685", "bus": stub.number, "hold": True, "invert": False, **QUICK}
    required = {"hardware": "required"}
    return {"pan": {"kind": "servo", **own, **pan}, "tilt": own, "trigger": {"kind": "none"}, "turret": required}


def turret_of(wanted: dict[str, dict[str, object]]) -> Turret:
    return Turret(settings_file.load(Path("none.txt"), {}, wanted))


def test_pulse_widths_follow_degrees_and_end_with_the_turret(stub: Stub) -> None:
    turret = turret_of(sections(stub))
    with closing(turret):
        turret.open()
        assert not turret.state.simulated
        assert [stub.pulse_us(channel) for channel in range(16)] == [None] * 16
        for pan_deg, tilt_deg in ((0, 180), (82, 98), (180, 0)):
            arrive(turret, pan_deg, tilt_deg, stub.pulse_us)
            assert stub.pulse_us(0) == pytest.approx(500 + pan_deg / 180 * 2000, abs=TICK_US / 2)
            assert stub.pulse_us(1) == pytest.approx(500 + tilt_deg / 180 * 2000, abs=TICK_US / 2)
        assert [stub.pulse_us(channel) for channel in range(2, 16)] == [None] * 14
    assert (stub.pulse_us(0), stub.pulse_us(1)) == (None, None)


def test_sigterm_switches_both_channels_off(stub: Stub) -> None:
    with moving(Path("/"), json.dumps(sections(stub))) as program:
        assert None not in (stub.pulse_us(0), stub.pulse_us(1))
        end(program, signal.SIGTERM)
    assert program.returncode == 0
    assert (stub.pulse_us(0), stub.pulse_us(1)) == (None, None)


def test_after_sigkill_the_pulses_stand_still_and_the_next_start_switches_them_off(stub: Stub) -> None:
    with moving(Path("/"), json.dumps(sections(stub))) as program:
        end(program, signal.SIGKILL)
        left = (stub.pulse_us(0), stub.pulse_us(1))
        assert None not in left
    with closing(turret_of(sections(stub))) as turret:
        turret.open()
        assert (stub.pulse_us(0), stub.pulse_us(1)) == (None, None)


def test_an_address_where_nobody_answers_is_said(stub: Stub) -> None:
    with pytest.raises(NoDevice, match=rf"^\[pan\] channel 0: PCA9685 at 0x41 on bus {stub.number}: no answer"):
        turret_of(sections(stub, address="0x41")).open()


def test_a_chip_that_a_driver_of_the_kernel_has_is_said(stub: Stub) -> None:
    (stub.folder / "new_device").write_text(f"dummy {ADDRESS:#x}")
    try:
        with pytest.raises(NoDevice, match="a driver of the kernel has it"):
            turret_of(sections(stub)).open()
    finally:
        (stub.folder / "delete_device").write_text(f"{ADDRESS:#x}")


def test_a_bus_that_is_not_there_or_not_ours_is_said(stub: Stub) -> None:
    with pytest.raises(NoDevice, match=r"^\[pan\] channel 0: there is no /dev/i2c-99: put "):
        turret_of(sections(stub, bus=99)).open()
    Path(f"/dev/i2c-{stub.number}").chmod(0o600)
    turret = Turret(settings_file.load(Path("none.txt"), {}, {**sections(stub), "turret": {"hardware": "auto"}}))
    with closing(turret):
        turret._pins = open_pins("required")
        with without_rights():
            turret.open()
        assert f"no permission for /dev/i2c-{stub.number}: sudo usermod -aG i2c" in str(turret.state.pan.reason)
