"""What a machine that stands still does to a turret, kept apart from what the turret does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import pytest

from errors import Busy, NotWatched
from hardware.deadman import DeadMan
from tests.fakes import wait_until

Seen = TypeVar("Seen")


class StoodStill(Exception):
    """Too much time went by between two things that a test does one after the other."""


class Standstills:
    """Counts how often a watch-dog switched everything off, as it should, because the machine stood still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._count = 0
        switch_off = DeadMan._end_stall

        def counted(dead_man: DeadMan, late_s: float, overslept_s: float) -> None:
            self._count += 1
            switch_off(dead_man, late_s, overslept_s)

        monkeypatch.setattr(DeadMan, "_end_stall", counted)

    def seen_without(self, act: Callable[[], Seen], limit_s: float = math.inf) -> Seen:
        """What `act` answers when the machine does not stand still in it.

        What a standstill cut off, refused (also by the cooldown of the shot before) or let come later than `limit_s`
        is commanded again, as a person would.
        """
        seen: list[Seen] = []

        def attempt() -> bool:
            before, began = self._count, time.monotonic()
            with suppress(NotWatched, Busy, StoodStill):
                answer = act()
                if self._count == before and time.monotonic() - began < limit_s:
                    seen.append(answer)
            return bool(seen)

        wait_until(attempt, "a moment in which the machine does not stand still")
        return seen[0]
