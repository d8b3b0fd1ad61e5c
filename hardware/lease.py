"""Who holds the controls: one at a time, for as long as the commands keep coming.

Whoever wants them while they are held may ask. The holder sees who asks, and gives them up or keeps
them; who asks gets them as soon as the holder gives them back or lets them lapse.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from errors import Busy

ASK_S = 30.0
ERRAND = ":errand"  # holds them for what the turret does by itself; no account's name has a colon


@dataclass(frozen=True)
class LeaseState:
    """Who holds the controls and for how much longer; `holder` is None and `seconds_left` 0 while no person does.

    :ivar asked_by: who asks the holder for them; None while nobody does.
    """

    holder: str | None
    seconds_left: float
    asked_by: str | None = None


class Lease:
    """The control lease. `_lock` guards `_holder`, `_until`, `_asker` and `_asked_until`.

    :param on_loss: called, outside the lock, when a holder lost the lease: it lapsed, was taken over or given back.
    """

    def __init__(
        self,
        lease_s: float,
        on_loss: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lease_s = lease_s
        self._on_loss = on_loss
        self._clock = clock
        self._lock = threading.Lock()
        self._holder: str | None = None
        self._until = 0.0
        self._asker: str | None = None
        self._asked_until = 0.0

    @property
    def state(self) -> LeaseState:
        """Who holds the controls now."""
        with self._lock:
            now = self._clock()
            if self._holder in (None, ERRAND) or now >= self._until:
                return LeaseState(None, 0.0)
            asker = self._asker if now < self._asked_until else None
            return LeaseState(self._holder, self._until - now, asker)

    def take(self, holder: str) -> None:
        """Take free controls, or renew one's own.

        :raises Busy: while somebody else holds them; names who and for how long.
        """
        with self._changing() as now:
            if self._holder not in (None, holder, ERRAND):
                left_s = self._until - now
                raise Busy(f"{self._holder} holds the controls for another {left_s:.0f} s", left_s)
            self._give(holder, now)

    def take_over(self, holder: str) -> None:
        """Take the controls, whoever holds them."""
        with self._changing() as now:
            self._give(holder, now)

    def ask(self, asker: str) -> None:
        """Ask the holder for the controls, for ASK_S seconds; who holds them already, or finds them free, takes them.

        :raises Busy: while somebody else asks; names who and for how long.
        """
        with self._changing() as now:
            if self._holder in (None, asker, ERRAND):
                self._give(asker, now)
                return
            if self._asker not in (None, asker):
                left_s = self._asked_until - now
                raise Busy(f"{self._asker} has asked for the controls already, {left_s:.0f} s are left", left_s)
            self._asker, self._asked_until = asker, now + ASK_S

    def keep(self, holder: str) -> None:
        """Renew one's own controls and answer no to whoever asks for them.

        :raises Busy: while somebody else holds them.
        """
        self.take(holder)
        with self._changing():
            if self._holder == holder:
                self._asker = None

    def release(self, holder: str) -> None:
        """Give one's own controls back, to whoever asks for them; who only asked, asks no more. Else nothing."""
        with self._changing() as now:
            if self._asker == holder:
                self._asker = None
            if self._holder == holder:
                self._pass_on(now)

    def is_held_by(self, holder: str) -> bool:
        """True while this is the holder."""
        with self._lock:
            return self._holder == holder and self._clock() < self._until

    def tick(self, now: float) -> float | None:
        """End what is over; answers when the next of lease and question ends."""
        with self._changing(now):
            if self._holder is None:
                return None
            return self._until if self._asker is None else min(self._until, self._asked_until)

    def make_safe(self) -> None:
        """Nothing here moves."""

    @contextmanager
    def _changing(self, now: float | None = None) -> Iterator[float]:
        """The lock, once what is over by `now` was ended; a loss is told when the lock is free again.

        A lapsed lease ends what was begun under it, even if its holder is the one who comes back.
        """
        is_loss = False
        try:
            with self._lock:
                now = self._clock() if now is None else now
                is_loss = self._end_what_is_over(now)
                before = self._holder
                yield now
                is_loss = is_loss or (before is not None and self._holder != before)
        finally:
            if is_loss:
                self._on_loss()

    def _end_what_is_over(self, now: float) -> bool:
        """True when a holder's time was over."""
        if now >= self._asked_until:
            self._asker = None
        if self._holder is None or now < self._until:
            return False
        self._pass_on(now)
        return True

    def _pass_on(self, now: float) -> None:
        if self._asker is None:
            self._holder = None
        else:
            self._give(self._asker, now)

    def _give(self, holder: str, now: float) -> None:
        self._holder, self._until = holder, now + self._lease_s
        if self._asker == holder:
            self._asker = None
