"""The dead-man: the one thread that moves servos along and ends whatever nobody renewed.

A second thread, the watch-dog, only looks whether the first still beats. When it does not, the
watch-dog switches everything off itself and commands are refused until the dead-man beats again.
Both sleep while nothing is due.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from errors import NotWatched
from threads import StoppableThread

TICK_S = 0.01
STALL_S = 0.2
RETRY_S = 0.5

log = logging.getLogger(__name__)


class Ward(Protocol):
    """Something the dead-man looks after."""

    def tick(self, now: float) -> float | None:
        """Do what is due; answers when to be called again, None for not before the next `wake`."""

    def make_safe(self) -> None:
        """Switch off at once; must not wait for a lock for ever."""


class DeadMan:
    """Ticks its wards. `beat` is the work, `start` gives it its two threads.

    `_lock` guards `_due_at`, the time by which the next beat must have begun (None while nothing is due), and
    `_wakes`, which tells a beat that a command came while it was under way. `_look_at` is when the watch-dog means to
    look again, for its words alone.

    :param on_beat: called after every beat of all wards, in the dead-man's thread.
    """

    def __init__(
        self,
        wards: Sequence[Ward],
        on_beat: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wards = tuple(wards)
        self._on_beat = on_beat
        self._clock = clock
        self._lock = threading.Lock()
        self._due_at: float | None = None
        self._wakes = 0
        self._is_stalled = False
        self._look_at = math.inf
        self._is_open = True
        self._threads: tuple[_Loop, ...] = ()

    def start(self) -> None:
        """Start dead-man and watch-dog."""
        self._threads = (_Loop("dead-man", self.beat), _Loop("watch-dog", self.look))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads; everything is switched off, before and after.

        :raises ThreadStuck: when one of them hangs.
        """
        self._is_open = False
        self.make_safe()
        try:
            for thread in reversed(self._threads):
                thread.stop()
        finally:
            self.make_safe()

    def check(self) -> None:
        """:raises NotWatched: while nothing may be started, because nobody would end it."""
        if not self._is_open or not all(thread.is_running for thread in self._threads):
            raise NotWatched("the turret is closed")
        if self._is_stalled:
            raise NotWatched("the dead-man stands still, so nothing may move")

    def wake(self) -> None:
        """Beat soon: a command has just started something. Any thread."""
        now = self._clock()
        with self._lock:
            self._wakes += 1
            # An older time stays: else commands that keep coming would hide a dead-man that hangs.
            self._due_at = now if self._due_at is None else min(self._due_at, now)
            self._look_at = min(self._look_at, now)
        for thread in self._threads:
            thread.attention.set()

    def beat(self) -> float | None:
        """Look after all wards once; answers after how many seconds again, None for not before `wake`."""
        now, wakes = self._clock(), self._wakes
        try:
            dues = [due for ward in self.wards if (due := ward.tick(now)) is not None]
            self._on_beat()
        except Exception:
            self.make_safe()
            log.exception("the dead-man failed; everything is switched off")
            dues = [now + RETRY_S]
        ended_at, due_at = self._clock(), min(dues, default=None)
        with self._lock:
            self._due_at = due_at if self._wakes == wakes else ended_at
        if self._is_stalled:
            self._is_stalled = False
            log.warning("the dead-man beats again")
        return None if due_at is None else max(TICK_S, due_at - ended_at)

    def look(self) -> float | None:
        """Switch everything off if the dead-man is late; answers after how many seconds to look again."""
        now, due_at = self._clock(), self._due_at
        overslept_s = now - min(now, self._look_at)
        pause_s = None if due_at is None else due_at + STALL_S - now
        if pause_s is not None and pause_s <= 0:
            self._end_stall(STALL_S - pause_s, overslept_s)
            pause_s = STALL_S
        self._look_at = math.inf if pause_s is None else now + pause_s
        return pause_s

    def _end_stall(self, late_s: float, overslept_s: float) -> None:
        """Switch everything off because the dead-man is late.

        :param overslept_s: how much later than it meant to the watch-dog looked.
        """
        was_stalled, self._is_stalled = self._is_stalled, True
        self.make_safe()
        if was_stalled:
            return
        # Both late: no lock that hangs, but a machine that was overloaded or asleep, or a call that stops all Python.
        whose = "the whole program stood" if overslept_s > late_s / 2 else "the dead-man stands"
        log.error("%s still for %.2f s; everything is switched off", whose, late_s)

    def make_safe(self) -> None:
        """Switch every ward off; a fault of one does not stop the others."""
        for ward in self.wards:
            try:
                ward.make_safe()
            except Exception:
                log.exception("switching off %s", getattr(ward, "name", type(ward).__name__))


class _Loop(StoppableThread):
    """Calls `work` again and again, after as many seconds as it answers or when `attention` is set."""

    def __init__(self, name: str, work: Callable[[], float | None]) -> None:
        super().__init__(name)
        self.attention = threading.Event()
        self._work = work

    def run(self) -> None:
        while True:
            self.attention.clear()
            if self.stopping.is_set():
                return
            self.attention.wait(self._work())

    def wake(self) -> None:
        self.attention.set()
