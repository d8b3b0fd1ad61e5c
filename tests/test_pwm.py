"""Servo pulses by the kernel's PWM, on a folder that behaves like /sys/class/pwm."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import pytest
from fake_pwm import FAN_OF_PI_5, PI_3, PI_4, PI_5, FakePwm
from fakes import wait_until
from turret_by_hand import Bench

from errors import NoDevice
from hardware import pwm
from hardware.machine import Machine
from hardware.pins import Pins, simulated_pins

NOBODY = 65534
PAN = {"kind": "servo", "driver": "hardware"}
TILT = {"driver": "hardware", "servo_pin": 13, "invert": False}
LEFTOVER = {"period": "20000000", "duty_cycle": "1500000", "enable": "1"}


@pytest.fixture
def root() -> Iterator[Path]:
    """What is `/` to the program, for any user."""
    folder = Path(tempfile.mkdtemp(prefix="turret-root-"))
    folder.chmod(0o755)
    yield folder
    rmtree(folder)


@pytest.fixture
def make_pwm(root: Path) -> Iterator[Callable[..., FakePwm]]:
    chips: list[FakePwm] = []

    def make(*arguments: object, **options: object) -> FakePwm:
        chips.append(FakePwm(root, *arguments, **options))
        return chips[-1]

    yield make
    for chip in chips:
        chip.close()


@contextmanager
def without_rights() -> Iterator[None]:
    """Without the rights of root, if we have them."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def real_pins(root: Path) -> Pins:
    """Pins that count as real, on a machine whose files are in `root`."""
    pins = simulated_pins("")
    pins.simulated_because, pins.machine = None, Machine(root)
    return pins


def bench_on(root: Path, **sections: dict[str, object]) -> Bench:
    return Bench(pins=real_pins(root), **{"pan": PAN, "tilt": TILT, **sections})


def reason_of_pan(root: Path, **pan: object) -> str | None:
    bench = bench_on(root, pan={**PAN, **pan}, tilt={"kind": "none"})
    reason = bench.turret.state.pan.reason
    bench.turret.close()
    return reason


@pytest.mark.parametrize(
    ("device", "pan_pin", "tilt_pin", "channels"),
    [(PI_4, 12, 13, (0, 1)), (PI_3, 18, 19, (0, 1)), (PI_5, 12, 13, (0, 1)), (PI_5, 18, 19, (2, 3))],
)
def test_each_pin_is_its_channel_on_each_board(
    root: Path, make_pwm, device: str, pan_pin: int, tilt_pin: int, channels: tuple[int, int]
) -> None:
    make_pwm(FAN_OF_PI_5, 0)
    chip = make_pwm(device, 2)
    bench = bench_on(root, pan={**PAN, "servo_pin": pan_pin}, tilt={**TILT, "servo_pin": tilt_pin})
    assert [chip.pulse_us(channel) for channel in channels] == [None, None]
    bench.turret.aim(180, 45, "ann")
    bench.advance(1.5)
    assert [chip.pulse_us(channel) for channel in channels] == [2500, 1000]
    bench.turret.close()


def test_a_pulse_is_exact_and_goes_off_after_settling(root: Path, make_pwm) -> None:
    chip = make_pwm()
    bench = bench_on(root)
    bench.turret.turn(1, 0, "ann")
    bench.advance(0.5)
    assert chip.pulse_us(0) == pytest.approx(1500 + 2000 / 180, abs=0.001)
    assert bench.turret.state.pan.driver == "hardware"
    bench.advance(1.5)
    assert chip.pulse_us(0) is None


def test_make_safe_cuts_the_pulses(root: Path, make_pwm) -> None:
    chip = make_pwm()
    bench = bench_on(root, pan={**PAN, "hold": True})
    bench.turret.drive(1, 1, "ann")
    bench.advance(0.1)
    assert None not in (chip.pulse_us(0), chip.pulse_us(1))
    bench.turret.make_safe()
    assert (chip.pulse_us(0), chip.pulse_us(1)) == (None, None)
    bench.turret.close()


def test_a_channel_is_switched_off_before_it_is_given_back(root: Path, make_pwm) -> None:
    chip = make_pwm()
    bench = bench_on(root)
    bench.turret.aim(120, None, "ann")
    bench.turret.close()
    wait_until(lambda: chip.exported() == set(), "both channels are given back")
    assert [(state["duty_cycle"], state["enable"]) for state in chip.given_back] == [("0", "0")] * 2
    bench.turret.close()


@pytest.mark.parametrize("polarity", ["normal", "inversed"])
def test_pulses_a_killed_program_left_are_off_at_once(root: Path, make_pwm, polarity: str) -> None:
    chip = make_pwm()
    chip.export(0, **{**LEFTOVER, "polarity": polarity})
    bench = bench_on(root)
    assert chip.state(0) == {"period": "20000000", "duty_cycle": "0", "enable": "0", "polarity": "normal"}
    bench.turret.aim(90, None, "ann")
    assert chip.pulse_us(0) == 1500
    bench.turret.close()


@pytest.mark.parametrize(
    ("pans_pin", "tilts_pin", "line"),
    [
        (12, 13, "dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4"),
        (19, 18, "dtoverlay=pwm-2chan,pin=18,func=2,pin2=19,func2=2"),
        (18, None, "dtoverlay=pwm,pin=18,func=2"),
    ],
)
def test_without_the_overlay_the_line_is_said(root: Path, pans_pin: int, tilts_pin: int | None, line: str) -> None:
    tilt = {"kind": "none"} if tilts_pin is None else {**TILT, "servo_pin": tilts_pin}
    state = bench_on(root, pan={**PAN, "servo_pin": pans_pin}, tilt=tilt).turret.state
    what = f"[pan] servo_pin {pans_pin}: the kernel shows no PWM for it"
    assert state.pan.reason == f"{what}: put {line} into /boot/firmware/config.txt and restart the Pi"


def test_the_fans_pwm_is_not_taken_for_the_pins(root: Path, make_pwm) -> None:
    chip = make_pwm(FAN_OF_PI_5)
    assert "the kernel shows no PWM" in str(reason_of_pan(root))
    assert chip.exported() == set()


@pytest.mark.parametrize("folder", ["soc/gpio@7e200000", "axi/pcie@1000120000/rp1/gpio@d0000"])
def test_an_overlay_for_other_pins_is_noticed(root: Path, make_pwm, folder: str) -> None:
    chip = make_pwm()
    note = root / "proc/device-tree" / folder / "pwm_pins/brcm,pins"
    note.parent.mkdir(parents=True)
    note.write_bytes(b"\0\0\0\x12\0\0\0\x13")
    assert reason_of_pan(root) == (
        "[pan] servo_pin 12: the boot file gives the PWM to BCM 18 and 19: put dtoverlay=pwm,pin=12,func=4 into "
        "/boot/firmware/config.txt and restart the Pi instead"
    )
    assert chip.exported() == set()
    assert reason_of_pan(root, servo_pin=18) is None


def test_without_permission_the_group_is_said(root: Path, make_pwm) -> None:
    chip = make_pwm()
    (chip.chip / "export").chmod(0)
    with without_rights():
        reason = reason_of_pan(root)
    assert reason is not None
    assert reason.startswith("[pan] servo_pin 12: no permission for ")
    assert reason.endswith("/pwmchip0: sudo usermod -aG gpio $USER, then log in again")


def test_a_channel_that_udev_does_not_give_us_is_no_permission(root: Path, make_pwm, monkeypatch) -> None:
    monkeypatch.setattr(pwm, "READY_TIMEOUT_S", 0.05)
    chip = make_pwm(mode=0o444)
    chip.export(0)
    with without_rights():
        assert "no permission for " in str(reason_of_pan(root))


def test_a_channel_becomes_ours_a_moment_after_it_was_made(root: Path, make_pwm) -> None:
    """udev changes the group a moment after the kernel made the files."""
    chip = make_pwm(mode=0o444)
    chip.export(0)
    with subprocess.Popen(["sh", "-c", 'sleep 0.1; chmod 666 "$0"/*', str(chip.chip / "pwm0")]), without_rights():
        bench = bench_on(root, tilt={"kind": "none"})
        assert bench.turret.state.pan.kind == "servo"
    bench.turret.close()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EROFS, "/pwmchip0 is read-only here: the service's file must name it in ReadWritePaths"),
        (errno.EBUSY, "something else has that channel of "),
        (errno.EIO, " fails: Input/output error"),
    ],
)
def test_other_refusals_of_the_kernel_are_said(root: Path, make_pwm, monkeypatch, number: int, words: str) -> None:
    make_pwm()

    def refuse(path: Path, text: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_text", refuse)
    reason = reason_of_pan(root)
    monkeypatch.undo()
    assert words in str(reason)


def test_a_channel_that_goes_away_in_a_move_is_an_error_and_the_rest_goes_on(root: Path, make_pwm) -> None:
    chip = make_pwm()
    bench = bench_on(root, tilt={"invert": False})
    bench.turret.aim(120, 120, "ann")
    rmtree(chip.chip / "pwm0")
    with pytest.raises(NoDevice, match=r"^\[pan\] servo_pin 12: .* fails: No such file"):
        bench.turret.aim(90, None, "ann")
    bench.turret.aim(None, 100, "ann")
    assert bench.turret.state.tilt.moving
    bench.turret.close()
