"""Two servos that move: in a program of their own until it is ended, or here until they have arrived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hardware.turret import Turret
from tests.fakes import wait_until

PROJECT = Path(__file__).resolve().parents[2]
NOBODY = 65534
QUICK = {"speed_deg_s": 1000, "acceleration_deg_s2": 10000}
MOVING = """
import json, signal, sys, time
from pathlib import Path
import settings
from hardware.machine import Machine
from hardware.pins import open_pins
from hardware.turret import Turret
pins = open_pins("required")
pins.machine = Machine(Path(sys.argv[1]))
turret = Turret(settings.load(Path("none.txt"), {}, json.loads(sys.argv[2])), pins=pins)
turret.open()
def end(*_):
    turret.close()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
turret.aim(120, 60, "ann")
print("moving", flush=True)
time.sleep(60)
"""


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


def end(program: subprocess.Popen[str], number: signal.Signals) -> None:
    """End it by a signal and wait for that."""
    program.send_signal(number)
    program.wait(20)


def arrive(turret: Turret, pan_deg: float, tilt_deg: float, pulse_us: Callable[[int], float | None]) -> None:
    """Aim, and wait until both stand there with pulses on.

    A busy emulator may stop the dead-man for so long that everything is switched off, as it should; then once more.
    """
    for _ in range(10):
        turret.aim(pan_deg, tilt_deg, "ann")
        wait_until(lambda: not (turret.state.pan.moving or turret.state.tilt.moving), "both have arrived", 20)
        there = (turret.state.pan.position_deg, turret.state.tilt.position_deg) == (pan_deg, tilt_deg)
        if there and None not in (pulse_us(0), pulse_us(1)):
            return
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
