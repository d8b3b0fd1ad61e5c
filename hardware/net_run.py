"""How far a motor without a position has wound up its cable, and how that is kept over a restart.

Nothing measures it: it is the time it ran to the right less the time it ran to the left. A program that
is killed in the middle of a run does not know how long that run lasted, so what is known is a range.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from errors import TurretError
from threads import StoppableThread

KEEP_AFTER_S = 1.0  # a motor that is clicked along writes to the card once
LONGEST_S = 3600.0  # the highest [pan] net_run_limit_s
NEAR_S = 1e-6

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NetRun:
    """Seconds to the right of the middle, left negative: somewhere in this range, which is a point as a rule."""

    low_s: float = 0.0
    high_s: float = 0.0

    @property
    def worst_s(self) -> float:
        """The end of the range that is further from the middle."""
        return self.high_s if self.high_s >= -self.low_s else self.low_s

    @property
    def is_sure(self) -> bool:
        """False after a run of unknown length."""
        return self.high_s - self.low_s <= NEAR_S

    def moved(self, run_s: float) -> NetRun:
        """After a run of so long."""
        return NetRun(self.low_s + run_s, self.high_s + run_s)

    def interrupted(self, direction: int, limit_s: float) -> NetRun:
        """After a run of unknown length to that side, +1 or -1, which the limit ended at the latest."""
        if direction > 0:
            return NetRun(self.low_s, max(self.high_s, limit_s))
        return NetRun(min(self.low_s, -limit_s), self.high_s)

    def left_s(self, direction: int, limit_s: float) -> float:
        """How long it may run to that side at most."""
        return limit_s - (self.high_s if direction > 0 else -self.low_s)

    def covers(self, other: NetRun) -> bool:
        """True when `other` is a part of this range."""
        return self.low_s <= other.low_s and other.high_s <= self.high_s


UNKNOWN = NetRun(-LONGEST_S, LONGEST_S)


def packed(run: NetRun) -> str:
    """What is kept over a restart."""
    return json.dumps({"low_s": round(run.low_s, 3), "high_s": round(run.high_s, 3)})


def unpacked(text: str | None) -> NetRun:
    """What `packed` kept; the middle when there is nothing, UNKNOWN when it makes no sense."""
    if text is None:
        return NetRun()
    try:
        kept = json.loads(text)
        run = NetRun(float(kept["low_s"]), float(kept["high_s"]))
    except (ValueError, TypeError, KeyError) as error:
        log.warning("pan: how far its cable is wound was kept in a way that makes no sense: %s", error)
        return UNKNOWN
    return run if -LONGEST_S <= run.low_s <= run.high_s <= LONGEST_S else UNKNOWN


class RunMemory(StoppableThread):
    """Keeps the net run, in a thread of its own: a card may take its time, a motor must not wait for it.

    A range that became wider is kept at once, one that became narrower when nothing changed for KEEP_AFTER_S. So what
    is kept is never narrower than the truth for longer than it takes to write. `note` is for any thread; `_noted` is
    replaced, never changed.

    :param load: what `keep` kept last, or None.
    :param keep: keeps a text over restarts.
    """

    def __init__(
        self,
        load: Callable[[], str | None] = lambda: None,
        keep: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("net-run")
        self._load = load
        self._keep = keep
        self._clock = clock
        self._bell = threading.Event()
        self._kept = NetRun()
        self._noted: tuple[NetRun, float] = (NetRun(), 0.0)

    def load(self) -> NetRun:
        """What was kept when the program ended last."""
        self._kept = unpacked(self._load())
        self._noted = (self._kept, self._clock())
        return self._kept

    def note(self, run: NetRun) -> None:
        """This is the net run now; returns at once."""
        self._noted = (run, self._clock())
        self._bell.set()

    def close(self) -> None:
        """Keep what was noted last, and end; works twice and before `start`.

        :raises ThreadStuck: when the card does not answer.
        """
        self.stop()
        if not self.is_running:
            self._write(self._noted[0])

    def wake(self) -> None:
        self._bell.set()

    def run(self) -> None:
        while True:
            self._bell.clear()
            if self.stopping.is_set():
                return
            self._bell.wait(self.step())

    def step(self) -> float | None:
        """Keep what is due; answers the seconds until something may be due, None for not before the next `note`."""
        run, at = self._noted
        if run == self._kept:
            return None
        left_s = at + KEEP_AFTER_S - self._clock()
        if self._kept.covers(run) and left_s > 0:
            return left_s
        self._write(run)
        return None

    def _write(self, run: NetRun) -> None:
        """One that cannot be kept is given up, not tried for ever."""
        if run == self._kept:
            return
        self._kept = run
        try:
            self._keep(packed(run))
        except TurretError as error:
            log.warning("pan: how far its cable is wound will be forgotten: %s", error)
