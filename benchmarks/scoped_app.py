#!/usr/bin/env python3
"""Our program with a scope on its simulated pins: when it ends, FILE holds every change of one of them.

    scoped_app.py FILE PIN [arguments of app.py]

FILE is JSON: [[CLOCK_MONOTONIC in seconds, level], ...], by the pin's own time stamps.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import app
from hardware import pins


def main(arguments: list[str]) -> int:
    """Run the program; returns its exit status."""
    target, number, *rest = arguments
    changes: list[tuple[float, float]] = []
    _put_scope_on(int(number), changes)
    status = app.main(rest)
    Path(target).write_text(json.dumps(changes), encoding="utf-8")
    return status


def _put_scope_on(number: int, changes: list[tuple[float, float]]) -> None:
    class ScopedPin(pins.SimulatedPin):
        """Keeps what a pin forgets after STATES_KEPT changes."""

        def _change_state(self, value: float) -> bool:
            is_change: bool = super()._change_state(value)
            if is_change and self._number == number:
                changes.append((self._last_change, self._state))
            return is_change

    # time.monotonic, which gpiozero stamps with, is CLOCK_MONOTONIC: the same for all processes of a machine.
    assert time.get_clock_info("monotonic").implementation == "clock_gettime(CLOCK_MONOTONIC)"
    pins.SimulatedPin = ScopedPin  # type: ignore[misc]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
