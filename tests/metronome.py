"""How late this machine is by itself: what it is later than that, is our fault."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

BEAT_S = 0.005
STANDSTILL_S = 0.1


class Metronome:
    """Sleeps 5 ms again and again; `worst_s` is how late it woke at most, `late_s` how late in all.

    Both count a beat that is overdue right now: after a standstill of the whole machine any thread may be the first.
    """

    def __init__(self) -> None:
        self._woken = (0.0, 0.0, time.monotonic() + BEAT_S)  # worst, all together, when the next beat is due
        self._standstills: list[tuple[float, float]] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    @property
    def worst_s(self) -> float:
        """The worst beat, seconds."""
        worst_s, _, due_at = self._woken
        return max(worst_s, time.monotonic() - due_at)

    @property
    def late_s(self) -> float:
        """All that was overslept, seconds."""
        _, late_s, due_at = self._woken
        return late_s + max(0.0, time.monotonic() - due_at)

    @property
    def standstills(self) -> list[tuple[float, float]]:
        """From when to when no beat came for `STANDSTILL_S` or more, seconds of the monotonic clock."""
        return [*self._standstills, *self._standstill_until(time.monotonic())]

    def stood_still(self, from_s: float, to_s: float) -> bool:
        """True when there was such a standstill at any moment between the two."""
        return any(began_s < to_s and from_s < ended_s for began_s, ended_s in self.standstills)

    def _standstill_until(self, now_s: float) -> list[tuple[float, float]]:
        due_at = self._woken[2]
        return [(due_at - BEAT_S, now_s)] if now_s - due_at >= STANDSTILL_S else []

    def _beat(self) -> None:
        while not self._is_over.wait(max(0.0, self._woken[2] - time.monotonic())):
            self._standstills += self._standstill_until(time.monotonic())
            self._woken = (self.worst_s, self.late_s, time.monotonic() + BEAT_S)

    def __enter__(self) -> Metronome:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        found = (self.worst_s, self.late_s, float("inf"))
        self._standstills = self.standstills
        self._is_over.set()
        self._thread.join(5)
        self._woken = found


@contextlib.contextmanager
def within(limit_s: float) -> Iterator[None]:
    """The block takes no longer than that, but for what the machine was late meanwhile."""
    with Metronome() as metronome:
        began_at = time.monotonic()
        yield
        took_s = time.monotonic() - began_at
        late_s = metronome.late_s
    assert took_s - late_s < limit_s, f"{took_s:.3f} s, of which {late_s:.3f} s are the machine's"
