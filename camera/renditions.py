"""Smaller and coarser copies of the live picture for thin links, each made once per frame, however many want it,
and only of frames that one of them is to get.

A thread of its own makes them, so nobody who watches the picture itself waits; one that is slow leaves frames
out. Nothing is made while nobody asks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from camera.hub import Frame, FrameHub
from camera.layers import decoded
from camera.room import Room
from camera.turbo import open_turbo
from threads import StoppableThread

RENDITIONS_MAX = 4
IsDue = Callable[[float], bool]
PAUSE_AFTER_FAULT_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Form:
    """What a copy is like: 1/`divisor` (1 or 2) as wide and high, JPEG quality 1..100."""

    divisor: int
    quality: int

    def __str__(self) -> str:
        return f"scale={'1' if self.divisor == 1 else f'1/{self.divisor}'}; quality={self.quality}"


class Rendition:
    """The newest copy of one form. `_ready` guards `frame`.

    :ivar frame: it has the number and time of the frame it was made from; None before the first.
    :ivar users: whether a frame of that moment is wanted, by each who wants some; replaced by `Renditions`, under its
        lock.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.frame: Frame | None = None
        self.users: tuple[IsDue, ...] = ()
        self._ready = threading.Condition()

    def show(self, frame: Frame) -> None:
        """Make `frame` the newest."""
        with self._ready:
            self.frame = frame
            self._ready.notify_all()

    def lacks(self, frame: Frame) -> bool:
        """Whether one of its users is to get a copy of this frame, and there is none yet."""
        if self.frame is not None and self.frame.number >= frame.number:
            return False
        return any(is_due(frame.captured_at) for is_due in self.users)

    def is_of(self, newest: Frame | None) -> bool:
        """Whether its copy is one of the newest frame: those who look seldom leave older ones here."""
        return self.frame is not None and newest is not None and self.frame.number >= newest.number

    def newer_than(self, number: int, timeout_s: float) -> Frame | None:
        """The newest copy if it is not the one of that number; None when none came in time. Any thread."""
        with self._ready:
            self._ready.wait_for(lambda: self.frame is not None and self.frame.number != number, timeout_s)
            return None if self.frame is None or self.frame.number == number else self.frame

    def at_least(self, number: int, timeout_s: float) -> Frame | None:
        """A copy of the frame of that number or of a newer one, or None when none came in time. Any thread."""
        with self._ready:
            self._ready.wait_for(lambda: self.frame is not None and self.frame.number >= number, timeout_s)
            return None if self.frame is None or self.frame.number < number else self.frame


class Renditions(StoppableThread):
    """All forms that somebody wants, at most RENDITIONS_MAX. `_lock` guards `_wanted`, `_newest` and who uses them.

    :ivar made: how many copies were made so far.
    :ivar on_made: called with each new copy's rendition, in this thread.
    """

    def __init__(self, hub: FrameHub) -> None:
        super().__init__("renditions")
        self.made = 0
        self.on_made: Callable[[Rendition], None] = lambda rendition: None
        self._hub = hub
        self._turbo = open_turbo()
        self._room = Room()
        self._lock = threading.Lock()
        self._wanted: tuple[Rendition, ...] = ()
        self._newest: Frame | None = None
        self._attention = threading.Event()
        self._start_once = threading.Lock()

    def join(self, form: Form, is_due: IsDue) -> Rendition:
        """The rendition of this form, or of the one most like it when all are taken. To be left again.

        :param is_due: whether a frame captured at that time is to become a copy; also `leave` wants it.
        :raises RuntimeError: when the system gives no thread; nothing was joined then.
        """
        with self._lock:
            rendition = self._found(form)
            rendition.users = (*rendition.users, is_due)
        try:
            self._begin()
        except BaseException:
            self.leave(rendition, is_due)
            raise
        with self._lock:
            if self._newest is None:
                self._newest = self._hub.latest
        self.wake()
        return rendition

    def leave(self, rendition: Rendition, is_due: IsDue) -> None:
        """One who joined wants it no more."""
        with self._lock:
            at = rendition.users.index(is_due)
            rendition.users = rendition.users[:at] + rendition.users[at + 1 :]
            self._wanted = tuple(found for found in self._wanted if found.users)

    def _found(self, form: Form) -> Rendition:
        same = next((found for found in self._wanted if found.form == form), None)
        if same is not None:
            return same
        if len(self._wanted) < RENDITIONS_MAX:
            self._wanted = (*self._wanted, Rendition(form))
            return self._wanted[-1]
        return min(self._wanted, key=lambda found: _distance(found.form, form))

    def _begin(self) -> None:
        """Start the thread if it is not there yet; where the system refuses one, the next who joins tries again."""
        if not self._start_once.acquire(blocking=False):
            return
        try:
            self.start()
        except BaseException:
            self._start_once.release()
            raise
        self._hub.add_sink(self._on_frame)

    def _on_frame(self, frame: Frame) -> None:
        """The hub's sink; in the capture thread."""
        if self._wanted:
            with self._lock:
                self._newest = frame
            self._attention.set()

    def wake(self) -> None:
        self._attention.set()

    def run(self) -> None:
        while not self.stopping.is_set():
            self._attention.wait()
            self._attention.clear()
            with self._lock:
                frame, self._newest = self._newest, None
            if frame is None or self.stopping.is_set():
                continue
            try:
                self._make_all(frame, self._wanted)
            except ValueError as error:
                log.debug("frame %s cannot be read, so it has no smaller copies: %s", frame.number, error)
            except Exception:
                log.exception("frame %s has no smaller copies: a fault of ours", frame.number)
                self.stopping.wait(PAUSE_AFTER_FAULT_S)

    def _make_all(self, frame: Frame, wanted: tuple[Rendition, ...]) -> None:
        """Decode once for each size, encode once for each form."""
        for divisor in sorted({rendition.form.divisor for rendition in wanted}):
            self._room.clear()
            layers = None
            for rendition in wanted:
                if rendition.form.divisor != divisor or not rendition.lacks(frame):
                    continue
                if layers is None:
                    layers = decoded(frame.jpeg, self._room, self._turbo, gray=False, pixels=False, half=divisor == 2)
                jpeg, (width_px, height_px) = layers.encoded(rendition.form.quality), layers.size
                rendition.show(frame._replace(jpeg=jpeg, width_px=width_px, height_px=height_px))
                self.made += 1
                self.on_made(rendition)


def _distance(one: Form, other: Form) -> tuple[int, int]:
    return abs(one.divisor - other.divisor), abs(one.quality - other.quality)
