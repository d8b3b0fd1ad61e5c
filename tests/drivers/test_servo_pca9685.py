"""Servos at a PCA9685 on an I2C bus of the kernel (i2c-stub): its registers, read back over that bus."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

import settings as settings_file
from errors import NoDevice
from hardware.pins import open_pins
from hardware.turret import Turret
from tests.drivers.servo_devices import ADDRESS, QUICK, TICK_US, Stub, arrive, without_rights


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
            pan_us, tilt_us = arrive(turret, pan_deg, tilt_deg, stub.pulse_us)
            assert pan_us == pytest.approx(500 + pan_deg / 180 * 2000, abs=TICK_US / 2)
            assert tilt_us == pytest.approx(500 + tilt_deg / 180 * 2000, abs=TICK_US / 2)
        assert [stub.pulse_us(channel) for channel in range(2, 16)] == [None] * 14
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
