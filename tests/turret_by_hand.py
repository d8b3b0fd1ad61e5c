"""A turret on simulated pins whose time a test moves by hand, and a scope on its pins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import settings as settings_file
from hardware.net_run import RunMemory
from hardware.pins import FRAME_US, Pins, simulated_pins
from hardware.turret import Turret

LEFT, RIGHT, ENABLE, TILT, TRIGGER, PAN_SERVO = 23, 24, 25, 17, 27, 12
BEAT_S = 0.01


class HandClock:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        """Somebody waits."""
        self.now += seconds


class Scope:
    """What a meter shows on the pins that are claimed now; it stays on them after the turret is closed."""

    def __init__(self, pins: Pins) -> None:
        self._pins = {pin._number: pin for pin in pins._factory.pins.values()}

    def level(self, number: int) -> int:
        """1 while the pin is high."""
        return int(self._pins[number].state)

    def levels(self, *numbers: int) -> tuple[int, ...]:
        """The same of several pins."""
        return tuple(self.level(number) for number in numbers)

    def share(self, number: int) -> float:
        """For what share of the time the pin is high."""
        return float(self._pins[number].state)

    def pulse_us(self, number: int) -> float | None:
        """Width of the pulses; None while there are none."""
        pin = self._pins[number]
        return pin.state * FRAME_US if pin.frequency == 50 else None

    def last_pulse_us(self, number: int) -> float | None:
        """Width of the newest pulse, although there may be none any more; None before the first."""
        widths = [state * FRAME_US for _, state in self._pins[number].states if state]
        return widths[-1] if widths else None

    def is_all_low(self) -> bool:
        """True when no pin is high and none pulses; what a motor's pulses have at rest is no width."""
        assert self._pins
        return all(not pin.state and (not pin.frequency or number == ENABLE) for number, pin in self._pins.items())

    def high_s(self, number: int) -> float:
        """How long a pin that is low now was high, by the pin's own time stamps."""
        return sum(gap_s for gap_s, state in self._pins[number].states if not state)

    def history(self, *numbers: int) -> list[tuple[int, int]]:
        """All changes of some pins, as (pin, level) in the order they happened."""
        return [(number, int(state)) for _, number, state in self.edges(*numbers)]

    def edges(self, *numbers: int) -> list[tuple[float, int, float]]:
        """The same with times: (monotonic seconds, pin, level or share of the time it is high)."""
        changes = []
        for number in numbers:
            pin = self._pins[number]
            at = pin._last_change
            for gap_s, state in reversed(pin.states):
                changes.append((at, number, float(state)))
                at -= gap_s
        return sorted(changes)


class Gate:
    """Makes one pin's writes hang while it is shut."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, driver: object, method: str) -> None:
        self._is_open = threading.Event()
        self._is_open.set()
        self.is_hanging = threading.Event()
        write = getattr(driver, method)

        def gated(value) -> None:
            if not self._is_open.is_set() and value:
                self.is_hanging.set()
                self._is_open.wait(30)
            write(value)

        monkeypatch.setattr(driver, method, gated)

    def shut(self) -> None:
        self._is_open.clear()

    def open(self) -> None:
        self._is_open.set()


class Bench:
    """An open turret, its clock and its scope. Settings as `pan={"kind": "servo"}`.

    :param load_run, keep_run: what its memory of the net run loads and keeps.
    """

    def __init__(
        self,
        pins: Pins | None = None,
        has_threads: bool = False,
        load_run: Callable[[], str | None] = lambda: None,
        keep_run: Callable[[str], None] = lambda text: None,
        **sections: dict[str, object],
    ) -> None:
        self.clock = HandClock()
        self.pins = pins or simulated_pins("a test")
        self.news = 0
        self.settings = settings_file.load(Path("none.txt"), {}, sections)
        clock = {} if has_threads else {"clock": self.clock}
        memory = RunMemory(load_run, keep_run, **clock)
        options = {"pins": self.pins, "has_threads": has_threads, "run_memory": memory, **clock}
        self.turret = Turret(self.settings, self._count, **options)
        self.turret.open()
        self.scope = Scope(self.pins)

    def _count(self) -> None:
        self.news += 1

    def advance(self, seconds: float) -> None:
        """Move the clock, with a beat of the dead-man every 10 ms."""
        for _ in range(round(seconds / BEAT_S)):
            self.clock.now += BEAT_S
            self.turret.dead_man.beat()

    def drive_for(self, seconds: float, pan: float | None, tilt: float | None, holder: str = "ann") -> None:
        """Drive as a page does: ten commands a second."""
        for _ in range(round(seconds * 10)):
            self.turret.drive(pan, tilt, holder)
            self.advance(0.1)
