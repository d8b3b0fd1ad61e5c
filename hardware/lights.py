"""The light as the rest of the program sees it: told at once, shown by a thread of its own.

Whoever calls `set` gets the new state back at once. The thread shows the newest one, never faster than
the strip takes it; what was overtaken is never shown. A device that fails is opened again with growing
pauses. The light starts dark, and is dark again after `close`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from errors import LightLost, NotSupported, TurretError
from hardware.light_state import LightState, changed, packed, unpacked
from hardware.strip import Strip
from hardware.waiting import readable
from threads import StoppableThread

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
KEEP_AFTER_S = 1.0  # a slider that is being dragged writes to the card once
CLOSE_TIMEOUT_S = 4.0
DARK = LightState(False, 0, "000000")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LightStatus:
    """The light's state and how its device does.

    :ivar kind: neopixel, serial, simulated or none.
    :ivar is_supported: False: `set` raises NotSupported, and `reason` says why.
    :ivar reason: why nothing shines although it was asked to, None while all is well.
    :ivar at_s: when it was looked at, seconds of the clock; of two the later one counts.
    """

    state: LightState
    kind: str
    is_simulated: bool
    is_supported: bool
    reason: str | None
    at_s: float = field(default=0.0, compare=False)


class Lights(StoppableThread):
    """One light. `set`, `status`, `state` and `read_line` are for any thread; the strip belongs to ours.

    `_lock` guards `state`, `_changed_at` and the pipe that wakes our thread; `_reason` and `_refusal`
    are written by our thread alone.

    :param load: what `keep` kept last, or None; called once, by `start`.
    :param keep: keeps a text over restarts; called in our thread, a second after the last change.
    :param on_change: called after every change of `status`, in the thread that changed it; must not block.
    """

    def __init__(
        self,
        strip: Strip,
        load: Callable[[], str | None] = lambda: None,
        keep: Callable[[str], None] = lambda text: None,
        on_change: Callable[[LightStatus], None] = lambda status: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("lights")
        self.on_change = on_change
        self.state = LightState()
        self._strip = strip
        self._load = load
        self._keep = keep
        self._clock = clock
        self._lock = threading.Lock()
        self._refusal = strip.refusal
        self._reason: str | None = None
        self._is_open = False
        self._shown: LightState | None = None
        self._next_at = clock()
        self._pause_s = FIRST_PAUSE_S
        self._kept = packed(self.state)
        self._changed_at = clock()
        self._bell = self._rope = -1

    @property
    def status(self) -> LightStatus:
        """State and device as they are now."""
        at_s, strip = self._clock(), self._strip
        return LightStatus(
            self.state, strip.kind, strip.is_simulated, self._refusal is None, self._refusal or self._reason, at_s
        )

    def set(self, on: bool | None = None, brightness: int | None = None, color: str | None = None) -> LightState:
        """Change what is not None; returns the new state at once, it is shown a moment later.

        While the device is away the newest state waits for it (`status.reason` says so).

        :raises BadField: when a value breaks its rule; nothing is changed.
        :raises NotSupported: when there is no light, or none that works here.
        """
        with self._lock:
            if self._refusal is not None:
                raise NotSupported(self._refusal)
            before, state = self.state, changed(self.state, on, brightness, color)
            self.state = state
            self._changed_at = self._clock()
        if state != before:
            self.on_change(self.status)
            self.wake()
        return state

    def read_line(self) -> str:
        """The oldest unread line of text from a serial controller, "" if there is none.

        :raises NotSupported: when the light is no serial controller.
        """
        return self._strip.read_line()

    def start(self) -> None:
        """Remember brightness and color, and begin to light."""
        self.state = unpacked(self._load())
        self._kept = packed(self.state)
        self._bell, self._rope = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        super().start()

    def close(self) -> None:
        """Switch off, keep what is to be kept, end; works twice and before `start`.

        :raises ThreadStuck: when the device held our thread for longer than it may.
        """
        self.stop(CLOSE_TIMEOUT_S)
        self._close_pipe()

    def wake(self) -> None:
        """Look again whether there is something to show; any thread."""
        with self._lock:
            if self._rope >= 0:
                _ring(self._rope)

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                wait_s = self.step()
                if self._wait(wait_s):
                    self._receive()
        finally:
            self._strip.close()
            self._keep_state()

    def step(self) -> float | None:
        """Do what is due now; returns the seconds until the next thing is due, None if nothing is."""
        now = self._clock()
        if self._refusal is None and now >= self._next_at and self._shown != _visible(self.state):
            self._update()
        return self._keep_when_settled(self._seconds_to_next())

    def _seconds_to_next(self) -> float | None:
        if self._refusal is not None or self._shown == _visible(self.state):
            return None
        return max(0.0, self._next_at - self._clock())

    def _update(self) -> None:
        """Show the newest state, on a device that is opened first if need be."""
        try:
            if not self._is_open:
                self._strip.open(self.stopping.is_set)
                self._is_open = True
            state = _visible(self.state)
            self._strip.show(state.rgb, state.brightness)
        except NotSupported as error:
            self._refuse(str(error))
        except LightLost as error:
            self._lose(str(error))
        except Exception as error:
            log.exception("light %s: a fault in its driver", self._strip.kind)
            self._lose(f"a fault in the light's driver: {error}")
        else:
            self._shown, self._pause_s = state, FIRST_PAUSE_S
            self._next_at = self._clock() + self._strip.interval_s
            self._enter(None)

    def _refuse(self, reason: str) -> None:
        """This light never works here: no more attempts."""
        self._let_go()
        log.error("light: %s", reason)
        with self._lock:
            self._refusal, self.state = reason, changed(self.state, on=False)
        self.on_change(self.status)

    def _lose(self, reason: str) -> None:
        """Try again after a pause that grows each time."""
        self._let_go()
        if self.stopping.is_set():
            return
        self._next_at = self._clock() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._enter(reason)

    def _let_go(self) -> None:
        self._is_open, self._shown = False, None
        self._strip.close()

    def _enter(self, reason: str | None) -> None:
        """Take over a new reason, None for "all is well", and tell."""
        if reason == self._reason:
            return
        self._reason = reason
        if reason is None:
            log.info("light: %s works again", self._strip.kind)
        else:
            log.warning("light: %s", reason)
        self.on_change(self.status)

    def _keep_when_settled(self, wait_s: float | None) -> float | None:
        """Keep a changed state a moment after its last change; returns the shorter of both waits."""
        if packed(self.state) == self._kept:
            return wait_s
        left_s = self._changed_at + KEEP_AFTER_S - self._clock()
        if left_s > 0:
            return left_s if wait_s is None else min(wait_s, left_s)
        self._keep_state()
        return wait_s

    def _keep_state(self) -> None:
        """Keep brightness and color; one that cannot be kept is given up, not tried for ever."""
        text = packed(self.state)
        if text == self._kept:
            return
        self._kept = text
        try:
            self._keep(text)
        except TurretError as error:
            log.warning("light: brightness and color will be forgotten: %s", error)

    def _wait(self, timeout_s: float | None) -> bool:
        """Wait until something may be due; True when the device says something."""
        device = self._strip.fileno() if self._is_open else None
        ready = readable([self._bell] if device is None else [self._bell, device], timeout_s)
        if self._bell in ready:
            os.read(self._bell, 4096)
        return device in ready

    def _receive(self) -> None:
        try:
            self._strip.receive()
        except LightLost as error:
            self._lose(str(error))

    def _close_pipe(self) -> None:
        with self._lock:
            for fd in {self._bell, self._rope} - {-1}:
                os.close(fd)
            self._bell = self._rope = -1


def _visible(state: LightState) -> LightState:
    """What is to be seen: a light that is off shows the same whatever its color."""
    return state if state.is_on else DARK


def _ring(rope: int) -> None:
    """Make the waiting thread wake up; a full pipe rings already."""
    try:
        os.write(rope, b".")
    except BlockingIOError:
        return
