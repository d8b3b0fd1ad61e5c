"""What the turret does by itself: patrol, going home. It gives way to every person at once, and nobody sees it.

An errand holds the lease like a person does, under a name that no account can have. Whoever commands takes the
lease from it, and what it moved stands still.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hardware.lease import ERRAND, Lease

WAIT_S = 0.05


@dataclass(frozen=True, eq=False)
class Moment:
    """One event and when it was; equal to itself alone."""

    at: float


class Errands:
    """The order between people and errands. Any thread may call any method.

    `_turn` is held for the length of an errand's command and while a person's is let in. So an errand that lost the
    lease in the middle has undone its own before the person's command begins, not after.

    :ivar last_command: the last time a person commanded or took the controls; replaced each time.
    :ivar last_stop: the last STOP, likewise.
    """

    def __init__(self, lease: Lease, clock: Callable[[], float] = time.monotonic) -> None:
        self.last_command = self.last_stop = Moment(clock())
        self._lease = lease
        self._clock = clock
        self._turn = threading.Lock()

    @contextmanager
    def command(self) -> Iterator[str]:
        """Around everything an errand tells the turret; yields the holder's name for it."""
        with self._turn:
            yield ERRAND

    @contextmanager
    def letting_in(self, holder: str) -> Iterator[None]:
        """Around the look at the lease that every command begins with; for a person, errands end here."""
        if holder == ERRAND:
            yield
            return
        is_ours = self._turn.acquire(timeout=WAIT_S)  # an errand that hangs in its driver keeps nobody out
        try:
            self._lease.release(ERRAND)
            yield
            self.note_command()
        finally:
            if is_ours:
                self._turn.release()

    def note_command(self) -> None:
        """A person commands, or takes the controls."""
        self.last_command = Moment(self._clock())

    def note_stop(self) -> None:
        """Somebody presses STOP."""
        self.last_stop = Moment(self._clock())

    def renew(self) -> bool:
        """Go on holding the lease; False when a person has taken it, or it has lapsed."""
        with self._turn:
            is_held = self._lease.is_held_by(ERRAND)
            if is_held:
                self._lease.take(ERRAND)
            return is_held

    def finish(self) -> None:
        """Give the lease back; what the errand still moves stands still. Nothing when a person holds it."""
        with self._turn:
            self._lease.release(ERRAND)
