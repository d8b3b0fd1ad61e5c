"""What every moving part has in common, and the part that is not there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from errors import NotWatched, TurretError

SEIZE_S = 0.05


@dataclass(frozen=True)
class AxisState:
    """What pan or tilt is doing.

    :ivar position_deg: where it is; None where nothing measures it.
    :ivar target_deg: where it is going; None while it stands or has no position.
    :ivar at_limit: it is, or is going, where it can go no further.
    :ivar reason: why there is no such axis; None when there is.
    :ivar driver: what makes a servo's pulses.
    :ivar net_run_s: how much longer a motor ran to the right than to the left, seconds; the worst it may be.
    :ivar net_run_limit_s: how far that may go each way; None for no bound, and for what is no motor.
    :ivar warning: what people should know about it, as a sentence.
    """

    kind: Literal["motor", "servo", "none"]
    moving: bool
    position_deg: float | None
    limits_deg: tuple[float, float] | None
    at_limit: bool
    target_deg: float | None = None
    reason: str | None = None
    driver: Literal["software", "hardware", "pca9685"] | None = None
    net_run_s: float | None = None
    net_run_limit_s: float | None = None
    warning: str | None = None

    def nearest(self, position_deg: float | None) -> float | None:
        """That position, or the limit nearest to it; None for none, and where nothing measures a position."""
        if position_deg is None or self.position_deg is None or self.limits_deg is None:
            return None
        lowest_deg, highest_deg = self.limits_deg
        return max(lowest_deg, min(highest_deg, position_deg))


class Axis(Protocol):
    """Pan or tilt. No method blocks for the length of a move; any thread may call any of them.

    Commands answer what was really done. All raise NoDevice when the hardware refuses.
    """

    @property
    def state(self) -> AxisState:
        """What the axis is doing."""

    def check(self) -> None:
        """Raise NotSupported or NoDevice when there is no such axis."""

    def drive(self, velocity: float) -> AxisState:
        """Move at this share of the top speed, -1..1, until the drive time-out; 0 stops."""

    def step(self, clicks: float) -> AxisState:
        """Move by so many clicks; negative is left or down."""

    def turn(self, delta_deg: float) -> AxisState:
        """Move by so many degrees, as far as the limits allow."""

    def aim(self, position_deg: float) -> AxisState:
        """Move to this position, as near as the limits allow."""

    def home(self) -> AxisState:
        """Move to the start position; nothing where there is none."""

    def centre(self) -> AxisState:
        """Take the present place for the middle, from which a motor's net run counts.

        :raises NotSupported: for what is no motor.
        """

    def stop(self) -> None:
        """Stand still."""

    def make_safe(self) -> None:
        """Switch everything off at once, even while another thread hangs in this axis."""

    def tick(self, now: float) -> float | None:
        """Do what is due; answers when to be called again, None for not before the next command."""

    def take_lapse(self) -> bool:
        """True once after a drive ended because nobody renewed it."""

    def close(self) -> None:
        """Make safe for good; works twice."""


class Part:
    """Base of what holds pins. `_lock` guards all fields of a part; it is held for pin writes, which take microseconds,
    or milliseconds where a pulse is waited for.

    `_cut` is replaced whenever somebody switches off. Whoever switches on compares it before and after, because
    switching off does not wait for ever for the lock.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._cut = object()
        self._is_closed = False

    def check(self) -> None:
        """The part is there."""

    def _check_open(self) -> None:
        if self._is_closed:
            raise NotWatched(f"{self.name} is closed")

    @contextmanager
    def _seized(self) -> Iterator[bool]:
        """The lock (True), or after SEIZE_S seconds the right to go on without it: making safe must not wait."""
        is_ours = self._lock.acquire(timeout=SEIZE_S)
        try:
            yield is_ours
        finally:
            if is_ours:
                self._lock.release()


class MissingAxis:
    """An axis that is not there and says why; stopping it is fine, moving it is an error."""

    def __init__(self, error: TurretError) -> None:
        self._error = error
        self._state = AxisState("none", False, None, None, False, reason=str(error))

    @property
    def state(self) -> AxisState:
        """Always the same: nothing, and why."""
        return self._state

    def check(self) -> None:
        """:raises NotSupported, NoDevice: always."""
        raise type(self._error)(str(self._error))

    def drive(self, velocity: float) -> AxisState:
        """Zero is done, anything else is not possible."""
        return self._refuse() if velocity else self._state

    def step(self, clicks: float) -> AxisState:
        """Zero is done, anything else is not possible."""
        return self._refuse() if clicks else self._state

    def turn(self, delta_deg: float) -> AxisState:
        """Zero is done, anything else is not possible."""
        return self._refuse() if delta_deg else self._state

    def aim(self, position_deg: float) -> AxisState:
        """Not possible."""
        return self._refuse()

    def home(self) -> AxisState:
        """Nothing to do."""
        return self._state

    def centre(self) -> AxisState:
        """Not possible."""
        return self._refuse()

    def stop(self) -> None:
        """Nothing to do."""

    def make_safe(self) -> None:
        """Nothing to do."""

    def tick(self, now: float) -> float | None:
        """Nothing to do."""
        return None

    def take_lapse(self) -> bool:
        """Nothing was driven."""
        return False

    def close(self) -> None:
        """Nothing to do."""

    def _refuse(self) -> AxisState:
        self.check()
        return self._state
