"""Servo pulses by a PCA9685, on a fake of its registers."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from fake_pca9685 import AUTO_INCREMENT, MODE1, FakePca9685
from turret_by_hand import Bench

from errors import NoDevice
from hardware import machine
from hardware.machine import Machine
from hardware.pins import simulated_pins

PAN = {"kind": "servo", "driver": "pca9685"}
TILT = {"driver": "pca9685", "invert": False}
TICK_US = 122 / 25  # prescale 121 at 25 MHz: the data sheet's 7.3.5


def bench_with(board: FakePca9685, **sections: dict[str, object]) -> Bench:
    """A turret whose two servos hang on that board, with pins that count as real."""
    pins = simulated_pins("")
    pins.simulated_because, pins.machine = None, Machine(Path("/nowhere"), board.open_bus)
    return Bench(pins=pins, **{"pan": PAN, "tilt": TILT, **sections})


def test_nothing_pulses_before_the_first_command() -> None:
    board = FakePca9685()
    bench = bench_with(board)
    bench.advance(1)
    assert [board.pulse_us(channel) for channel in range(16)] == [None] * 16
    assert board.registers[0xFE] == 121
    assert (bench.turret.state.pan.kind, bench.turret.state.pan.driver) == ("servo", "pca9685")


@pytest.mark.parametrize("position_deg", [0, 1, 45, 90, 179.3, 180])
def test_degrees_become_pulses_rounded_to_a_tick(position_deg: float) -> None:
    board = FakePca9685()
    bench = bench_with(board, pan={**PAN, "hold": True})
    bench.turret.aim(position_deg, None, "ann")
    bench.advance(2)
    assert board.pulse_us(0) == pytest.approx(500 + position_deg / 180 * 2000, abs=TICK_US / 2)
    assert board.pulse_us(1) is None


def test_pulses_go_off_after_settling_and_both_axes_are_apart() -> None:
    board = FakePca9685()
    bench = bench_with(board, tilt={**TILT, "hold": True})
    bench.turret.aim(100, 80, "ann")
    bench.advance(3)
    assert board.pulse_us(0) is None
    assert board.pulse_us(1) == pytest.approx(500 + 80 / 180 * 2000, abs=TICK_US / 2)


def test_make_safe_and_close_switch_our_channels_off_and_no_others(caplog: pytest.LogCaptureFixture) -> None:
    board = FakePca9685()
    board.run(7, 300)
    bench = bench_with(board, pan={**PAN, "hold": True})
    bench.turret.drive(1, 1, "ann")
    bench.advance(0.1)
    others = board.pulse_us(7)
    assert None not in (board.pulse_us(0), board.pulse_us(1), others)
    bench.turret.make_safe()
    assert (board.pulse_us(0), board.pulse_us(1), board.pulse_us(7)) == (None, None, others)
    bench.turret.drive(1, 1, "ann")
    bench.turret.close()
    assert (board.pulse_us(0), board.pulse_us(1), board.pulse_us(7)) == (None, None, others)
    assert not board.is_open
    bench.turret.close()
    assert caplog.text == ""  # whoever closes second still has the bus


def test_pulses_a_killed_program_left_are_off_with_the_first_message() -> None:
    board = FakePca9685()
    board.run(0, 307)
    bench_with(board, tilt={"kind": "none"})
    register, data = board.messages[0]
    assert (register, data) == (0x06 + 3, b"\x10")
    assert board.pulse_us(0) is None


def test_a_board_that_runs_at_our_rate_is_not_put_to_sleep() -> None:
    board = FakePca9685()
    board.run(7, 300)
    bench_with(board)
    assert MODE1 not in [register for register, _ in board.messages]


def test_a_board_at_another_rate_is_changed_and_its_other_channels_go_on(caplog: pytest.LogCaptureFixture) -> None:
    board = FakePca9685()
    board.run(7, 300, pre_scale=5)
    bench_with(board)
    assert board.pulse_us(7) == pytest.approx(300 * TICK_US)
    assert "PCA9685 at 0x40 on bus 1: its frame rate was another; now it is 50 Hz on all channels" in caplog.text


def test_two_servos_on_one_board_share_its_bus() -> None:
    board = FakePca9685()
    bench_with(board)
    assert board.opened == [1]


def test_bus_and_address_are_those_of_the_settings() -> None:
    board = FakePca9685(address=0x41)
    own = {"address": "0x41", "bus": 3}
    bench = bench_with(board, pan={**PAN, **own, "channel": 15}, tilt={**TILT, **own, "channel": 14})
    bench.turret.aim(90, 90, "ann")
    assert board.opened == [3]
    assert board.pulse_us(15) == board.pulse_us(14) == pytest.approx(1500, abs=TICK_US / 2)


def test_a_board_that_lost_its_power_works_again_with_the_next_move() -> None:
    board = FakePca9685()
    bench = bench_with(board)
    bench.turret.aim(100, None, "ann")
    bench.advance(3)
    board.power_on()
    bench.turret.aim(90, None, "ann")
    bench.advance(0.5)
    assert board.pulse_us(0) == pytest.approx(1500, abs=TICK_US / 2)


def test_a_disturbed_message_is_sent_again() -> None:
    board = FakePca9685()
    bench = bench_with(board)
    board.lost_messages = 2
    bench.turret.aim(90, None, "ann")
    assert board.pulse_us(0) == pytest.approx(1500, abs=TICK_US / 2)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EREMOTEIO, "no answer; look at its power, its address jumpers, and the wires SDA and SCL"),
        (errno.ETIMEDOUT, "no answer; "),
        (errno.EBUSY, "a driver of the kernel has it; take its dtoverlay line out of /boot/firmware/config.txt"),
        (errno.EINVAL, "the bus fails: "),
    ],
)
def test_a_board_that_does_not_answer_is_two_axes_that_say_so(number: int, words: str) -> None:
    board = FakePca9685()
    board.fault = number
    bench = bench_with(board)
    state = bench.turret.state
    assert str(state.pan.reason).startswith(f"[pan] channel 0: PCA9685 at 0x40 on bus 1: {words}")
    assert str(state.tilt.reason).startswith(f"[tilt] channel 1: PCA9685 at 0x40 on bus 1: {words}")
    assert not board.is_open
    with pytest.raises(NoDevice, match="PCA9685 at 0x40"):
        bench.turret.aim(90, None, "ann")


def test_a_board_that_goes_away_in_a_move_is_said_and_switched_off_when_it_is_back() -> None:
    board = FakePca9685()
    bench = bench_with(board)
    bench.turret.aim(120, None, "ann")
    board.fault = errno.EREMOTEIO
    with pytest.raises(NoDevice, match=r"^\[pan\] channel 0: PCA9685 at 0x40 on bus 1: no answer"):
        bench.turret.aim(100, None, "ann")
    board.fault = None
    assert not bench.turret.state.pan.moving
    bench.turret.close()
    assert board.pulse_us(0) is None


def test_something_else_at_that_address_is_noticed() -> None:
    class Sensor(FakePca9685):
        def write_byte_data(self, address: int, register: int, value: int) -> None:
            """Swallows everything."""

    bench = bench_with(Sensor())
    assert "what answers there is no PCA9685" in str(bench.turret.state.pan.reason)


def test_a_channel_is_written_in_one_message() -> None:
    """Else the servo would get a pulse of half old and half new numbers for one frame."""
    board = FakePca9685()
    bench = bench_with(board)
    assert board.registers[MODE1] & AUTO_INCREMENT
    board.messages.clear()
    bench.turret.aim(180, None, "ann")
    bench.advance(0.5)
    assert {(register, len(data)) for register, data in board.messages} == {(0x06, 4)}


@pytest.mark.parametrize(
    ("error", "number", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "x"), 1, r"there is no /dev/i2c-1: put dtparam=i2c_arm=on into /boot/firm"),
        (FileNotFoundError(errno.ENOENT, "x"), 4, r"there is no /dev/i2c-4: put the overlay of bus 4 into /boot/firm"),
        (PermissionError(errno.EACCES, "x"), 1, r"no permission for /dev/i2c-1: sudo usermod -aG i2c \$USER"),
        (OSError(errno.EIO, "Input/output error"), 1, r"/dev/i2c-1 cannot be opened: Input/output error"),
    ],
)
def test_a_bus_that_cannot_be_opened_says_what_to_do(error: OSError, number: int, words: str, monkeypatch) -> None:
    def refuse(bus: object, place: int) -> None:
        raise error

    monkeypatch.setattr("smbus2.SMBus.__init__", refuse)
    with pytest.raises(NoDevice, match=words):
        machine.open_bus(number)


def test_a_machine_without_that_bus_says_so() -> None:
    """The real library on this machine, which hopefully has no bus 97."""
    with pytest.raises(NoDevice, match="there is no /dev/i2c-97"):
        machine.open_bus(97)


def test_with_required_hardware_a_missing_board_stops_the_start() -> None:
    board = FakePca9685()
    board.fault = errno.EREMOTEIO
    with pytest.raises(NoDevice, match=r"^\[pan\] channel 0: PCA9685 at 0x40 on bus 1: no answer"):
        bench_with(board, turret={"hardware": "required"})
