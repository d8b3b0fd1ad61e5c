"""Who holds the controls: one at a time, for as long as the commands keep coming."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from errors import Busy

ERRAND = ":errand"  # holds them for what the turret does by itself; no account's name has a colon


@dataclass(frozen=True)
class LeaseState:
    """Who holds the controls and for how much longer; `holder` is None and `seconds_left` 0 while no person does."""

    holder: str | None
    seconds_left: float


class Lease:
    """The control lease. `_lock` guards `_holder` and `_until`.

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

    @property
    def state(self) -> LeaseState:
        """Who holds the controls now."""
        with self._lock:
            left_s = self._until - self._clock()
            if self._holder in (None, ERRAND) or left_s <= 0:
                return LeaseState(None, 0.0)
            return LeaseState(self._holder, left_s)

    def take(self, holder: str) -> None:
        """Take free controls, or renew one's own.

        :raises Busy: while somebody else holds them; names who and for how long.
        """
        with self._lock:
            left_s = self._until - self._clock()
            if self._holder not in (None, holder, ERRAND) and left_s > 0:
                raise Busy(f"{self._holder} holds the controls for another {left_s:.0f} s", left_s)
            # A lapsed lease ends what was begun under it, even if its holder is the one who comes back.
            is_loss = self._holder is not None and (left_s <= 0 or self._holder != holder)
            self._give(holder)
        if is_loss:
            self._on_loss()

    def take_over(self, holder: str) -> None:
        """Take the controls, whoever holds them."""
        with self._lock:
            is_loss = self._holder not in (None, holder)
            self._give(holder)
        if is_loss:
            self._on_loss()

    def release(self, holder: str) -> None:
        """Give one's own controls back; nothing when they are somebody else's."""
        with self._lock:
            is_loss = self._holder == holder
            if is_loss:
                self._holder = None
        if is_loss:
            self._on_loss()

    def is_held_by(self, holder: str) -> bool:
        """True while this is the holder."""
        with self._lock:
            return self._holder == holder and self._clock() < self._until

    def tick(self, now: float) -> float | None:
        """End a lease whose time is over; answers when the present one ends."""
        with self._lock:
            if self._holder is None:
                return None
            if now < self._until:
                return self._until
            self._holder = None
        self._on_loss()
        return None

    def make_safe(self) -> None:
        """Nothing here moves."""

    def _give(self, holder: str) -> None:
        self._holder, self._until = holder, self._clock() + self._lease_s
