"""The kernel's side of the turret's GPIO lines (gpio-sim): what a meter would show on them."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.metronome import Metronome

PROJECT = Path(__file__).resolve().parents[2]
# A program that commands again and again, since a busy emulator may trip the dead-man, which switches everything off.
DRIVING = """
import json, signal, sys, time
from contextlib import suppress
from pathlib import Path
import settings
from errors import HardwareError
from hardware.turret import Turret
turret = Turret(settings.load(Path("none.txt"), {}, json.loads(sys.argv[1])))
turret.open()
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(True))
print("moving", flush=True)
while not told:
    with suppress(HardwareError):
        exec(sys.argv[2])
    time.sleep(0.1)
turret.close()
"""
LEFT, RIGHT, ENABLE, TILT, TRIGGER = 23, 24, 25, 17, 27
ALL = (LEFT, RIGHT, ENABLE, TILT, TRIGGER)


class Lines:
    """The kernel's side of the lines."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def level(self, number: int) -> int:
        return int((self._folder / f"sim_gpio{number}/value").read_text())

    def levels(self, *numbers: int) -> tuple[int, ...]:
        return tuple(self.level(number) for number in numbers)

    def are_low_for(self, seconds: float) -> bool:
        """True when no line was seen high for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if any(self.levels(*ALL)):
                return False
        return True

    def await_level(self, number: int, level: int, deadline_s: float = 5.0) -> float:
        """When the line was first seen at that level (monotonic time); looks without a pause."""
        began = time.monotonic()
        while self.level(number) != level:
            assert time.monotonic() - began < deadline_s, f"pin {number} not {level} within {deadline_s:g} s"
        return time.monotonic()

    def last_low_at(self, number: int, deadline_s: float = 5.0) -> float:
        """When it was last looked at and low, before it became high (monotonic time), which it is now."""
        low_at = looks_at = began = self.await_level(number, 0, deadline_s)
        while not self.level(number):
            low_at, looks_at = looks_at, time.monotonic()
            assert low_at - began < deadline_s, f"pin {number} not high within {deadline_s:g} s"
        return low_at

    def width_s(self, number: int, act: Callable[[], None], metronome: Metronome) -> float:
        """How long a pulse is, while `act` is done in it, but for what the machine is late meanwhile."""
        self.await_level(number, 0)
        rose_at, late_s = self.await_level(number, 1), metronome.late_s
        act()
        return self.await_level(number, 0) - rose_at - (metronome.late_s - late_s)

    @contextmanager
    def directions(self) -> Iterator[set[tuple[int, ...]]]:
        """The levels of LEFT and RIGHT that a thread sees while ENABLE is high, as long as the block runs."""
        seen: set[tuple[int, ...]] = set()
        is_over = threading.Event()

        def watch() -> None:
            while not is_over.is_set():
                before = self.levels(LEFT, RIGHT)
                if self.level(ENABLE) and self.levels(LEFT, RIGHT) == before:
                    seen.add(before)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield seen
        finally:
            is_over.set()
            watcher.join()

    def off_between(self, quiet_s: float = 0.5, deadline_s: float = 5.0) -> tuple[float, float]:
        """When a line was last seen high, and when first none (monotonic times), once none has been for `quiet_s`.

        That all are low in one moment says little: a servo's pin is low most of the time between its pulses. Who looks
        may be kept from it: all are low since some time between the two.
        """
        high_at = began = time.monotonic()
        low_at = math.inf
        while (now := time.monotonic()) - high_at < quiet_s or low_at == math.inf:
            assert now - began < deadline_s, f"not low within {deadline_s:g} s: {self.levels(*ALL)}"
            if any(self.levels(*ALL)):
                high_at, low_at = time.monotonic(), math.inf
            else:
                low_at = min(low_at, time.monotonic())
        return high_at, low_at

    def pulse_ms(self, number: int, seconds: float = 1.5) -> float:
        """The middle width of the pulses seen within so many seconds; 0.0 when there were none."""
        path = os.open(self._folder / f"sim_gpio{number}/value", os.O_RDONLY)
        widths_ms, was_high, rose_at = [], True, None
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            is_high = os.pread(path, 1, 0) == b"1"
            if is_high and not was_high:
                rose_at = now
            elif was_high and not is_high and rose_at is not None:
                widths_ms.append(1000 * (now - rose_at))
            was_high = is_high
        os.close(path)
        return sorted(widths_ms)[len(widths_ms) // 2] if widths_ms else 0.0


@contextmanager
def driving(sections: Mapping[str, object], commands: str) -> Iterator[subprocess.Popen[str]]:
    """A program of its own that gives its `turret` these commands until SIGTERM; killed at the end of the block."""
    environ = {**os.environ, "PYTHONPATH": str(PROJECT)}
    every = {"turret": {"hardware": "required", "drive_timeout_ms": 2000}, **sections}
    command = [sys.executable, "-c", DRIVING, json.dumps(every), commands]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "moving\n"
            yield program
        finally:
            program.kill()
