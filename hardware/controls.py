"""The controls: who may command, and that nobody's STOP is overtaken.

People take, ask for and give back the controls here. Every command is admitted before it reaches the
pins and confirmed afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from errors import Busy
from hardware.errand import Errands
from hardware.lease import Lease


@dataclass(frozen=True)
class _Stop:
    """Whom somebody else stopped, and until when that counts."""

    holder: str
    by: str
    until: float


class Controls:
    """The controls of one turret. Any thread may call any method; `_stop` and `_mark` are replaced, never changed.

    :param pause_s: how long a holder whom somebody else stopped has to let go.
    :param on_change: called after people took, asked for, kept or gave back the controls; admitted commands do not.
    """

    def __init__(
        self,
        lease: Lease,
        errands: Errands,
        pause_s: float,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lease = lease
        self._errands = errands
        self._pause_s = pause_s
        self._on_change = on_change
        self._clock = clock
        self._stop: _Stop | None = None
        self._mark = object()

    def take(self, holder: str) -> None:
        """Take free controls, or renew one's own.

        :raises Busy: while somebody else holds them.
        """
        self._lease.take(holder)
        self._errands.note_command()
        self._on_change()

    def take_over(self, holder: str) -> None:
        """Take the controls from whoever holds them; what was moving stops."""
        self._lease.take_over(holder)
        self._errands.note_command()
        self._on_change()

    def ask(self, asker: str) -> None:
        """Ask whoever holds the controls for them; free ones are taken.

        :raises Busy: while somebody else asks.
        """
        self._lease.ask(asker)
        self._on_change()

    def keep(self, holder: str) -> None:
        """Renew one's own controls and answer no to whoever asks for them.

        :raises Busy: while somebody else holds them.
        """
        self._lease.keep(holder)
        self._on_change()

    def release(self, holder: str) -> None:
        """Give one's own controls back, to whoever asks for them; what was moving stops.

        Who only asked for them, asks no more.
        """
        self._lease.release(holder)
        self._on_change()

    def is_held_by(self, holder: str) -> bool:
        """True while this is the holder."""
        return self._lease.is_held_by(holder)

    def admit(self, holder: str) -> object:
        """Take or renew the controls for a command; answers what `confirm` wants to see again.

        :raises Busy: while somebody else holds them, or after somebody else stopped this holder, who has to let go
            first.
        """
        self._refuse_the_stopped(holder)
        with self._errands.letting_in(holder):
            self._lease.take(holder)
            mark = self._mark
        self._refuse_the_stopped(holder)  # a STOP before the mark is seen here, one after it by `confirm`
        return mark

    def confirm(self, holder: str, mark: object) -> bool:
        """False when somebody stopped, or took the controls, since `admit`."""
        return self._mark is mark and self._lease.is_held_by(holder)

    def note_halt(self) -> None:
        """Everything is being switched off: commands under way are not confirmed."""
        self._mark = object()

    def note_stop(self, by: str | None) -> None:
        """Somebody stops; when that is not the holder, the holder's commands are refused until they pause.

        So neither a held arrow nor somebody who keeps clicking wins against STOP.
        """
        holder = self._lease.state.holder
        if holder is not None and holder != by:
            self._stop = _Stop(holder, by or "somebody else", self._clock() + self._pause_s)

    def _refuse_the_stopped(self, holder: str) -> None:
        stop, now = self._stop, self._clock()
        if stop is None or stop.holder != holder:
            return
        if now >= stop.until:
            self._stop = None
            return
        self._stop = _Stop(holder, stop.by, now + self._pause_s)
        raise Busy(f"{stop.by} stopped the turret; let go first, for {self._pause_s:g} s", self._pause_s)
