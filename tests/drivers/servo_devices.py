"""What servos hang on in the kernel (a PWM chip, an I2C chip), and servos that move."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smbus2 import SMBus

from errors import NotWatched
from hardware.turret import Turret
from tests.fakes import DEADLINE_S, wait_until

PROJECT = Path(__file__).resolve().parents[2]
NOBODY = 65534
ADDRESS = 0x40
MODE1, PRE_SCALE, LED0 = 0x00, 0xFE, 0x06
AWAKE_WITH_AUTO_INCREMENT = 0x21
TICK_US = 122 / 25
FRAME_NS = 20_000_000
QUICK = {"speed_deg_s": 1000, "acceleration_deg_s2": 10000}
MOVING = """
import json, signal, sys, time
from contextlib import suppress
from pathlib import Path
import settings
from errors import HardwareError
from hardware.machine import Machine
from hardware.pins import open_pins
from hardware.turret import Turret
pins = open_pins("required")
pins.machine = Machine(Path(sys.argv[1]))
turret = Turret(settings.load(Path("none.txt"), {}, json.loads(sys.argv[2])), pins=pins)
turret.open()
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(True))
print("moving", flush=True)
number = 0
while not told:  # aims again and again: a busy emulator may trip the dead-man, which switches both off
    number += 1
    with suppress(HardwareError):
        turret.aim(120 - number % 2, 60 + number % 2, "ann")
    time.sleep(0.1)
turret.close()
"""


class Stub:
    """A chip on an I2C bus of the kernel (i2c-stub): its registers, by a handle of our own."""

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


class Chip:
    """A PWM chip of the kernel: what it was told, as debugfs shows it."""

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


@contextmanager
def moving(root: Path, sections: str) -> Iterator[subprocess.Popen[str]]:
    """That program, its servos under way.

    :param root: what is `/` to its hardware.
    :param sections: its settings as JSON.
    """
    command = [sys.executable, "-c", MOVING, str(root), sections]
    environ = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "moving\n"
            yield program
        finally:
            program.kill()


def stop_when(program: subprocess.Popen[str], is_so: Callable[[], bool], what: str) -> None:
    """Stop a program (SIGSTOP) at a moment when something is so, which then stays so until it goes on or is killed.

    What was so when it was looked at need not be so any more when a signal arrives: a busy emulator may trip the
    program's dead-man in between.
    """

    def stopped() -> bool:
        if not is_so():
            return False
        program.send_signal(signal.SIGSTOP)
        found = os.waitid(os.P_PID, program.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert found is not None and found.si_code == os.CLD_STOPPED, "the program has ended"
        if is_so():
            return True
        program.send_signal(signal.SIGCONT)
        return False

    wait_until(stopped, what)


def end(program: subprocess.Popen[str], number: signal.Signals) -> None:
    """End it by a signal, be it stopped or not, and wait for that."""
    program.send_signal(number)
    program.send_signal(signal.SIGCONT)
    program.wait(20)


def arrive(
    turret: Turret, pan_deg: float, tilt_deg: float, pulse_us: Callable[[int], float | None]
) -> tuple[float, float]:
    """Aim, and wait until both stand there with pulses on; these, in microseconds.

    A busy emulator may stop the dead-man for so long that everything is switched off and refused for a moment, as it
    should; then once more.
    """
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        with suppress(NotWatched):
            turret.aim(pan_deg, tilt_deg, "ann")
        wait_until(lambda: not (turret.state.pan.moving or turret.state.tilt.moving), "both have arrived")
        there = (turret.state.pan.position_deg, turret.state.tilt.position_deg) == (pan_deg, tilt_deg)
        pan_us, tilt_us = pulse_us(0), pulse_us(1)
        if there and pan_us is not None and tilt_us is not None:
            return pan_us, tilt_us
    raise AssertionError("the machine is too busy for a move of half a second")


@contextmanager
def without_rights() -> Iterator[None]:
    """As a user who is in no group."""
    groups = os.getgroups()
    os.setgroups([])
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setgroups(groups)
