"""What network cameras of every kind share: the thread that blocks for them, and names without secrets."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from threading import Event
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from camera.slot import NewestSlot
from errors import CameraError, CameraLost, NoCamera, ThreadStuck
from threads import StoppableThread

# The longest wait for a connection, and for the next bytes once connected.
OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 5.0
LEAVE_TIMEOUT_S = 0.5

log = logging.getLogger(__name__)


class Shot(NamedTuple):
    """One picture as it was read: when, and how to get its JPEG (encoding only what is used)."""

    captured_at: float
    encode: Callable[[], bytes]


class Source(Protocol):
    """Reads one kind of address.

    :ivar pixel_format: what the camera delivers, once opened.
    :ivar rate_hz: its rate if known, once opened.
    """

    pixel_format: str
    rate_hz: float | None

    def read(self, reader: Reader) -> None:
        """Connect, set `reader.opened`, put shots until `reader.stopping`. Blocks; called in the reader's thread.

        :raises NoCamera: before `opened`.
        :raises CameraLost: after it.
        """


class Reader(StoppableThread):
    """Reads one source for one consumer, who takes from `slot` and calls `check` when nothing came."""

    def __init__(self, name: str, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("network camera")
        self.slot: NewestSlot[Shot] = NewestSlot()
        self.opened = Event()
        self._name = name
        self._source = source
        self._clock = clock
        self._fault: CameraError | None = None
        self._deadline = clock() + OPEN_TIMEOUT_S

    def put(self, shot: Shot) -> None:
        """The newest picture; for the source."""
        self.slot.put(shot)

    def run(self) -> None:
        try:
            self._source.read(self)
            self._fault = CameraLost(f"{self._name} ended its pictures")
        except CameraError as error:
            self._fault = error
        finally:
            self.slot.wake()

    def check(self) -> None:
        """:raises CameraError: when the source failed, ended or took too long to open."""
        if self._fault is not None:
            raise self._fault
        if self.failure is not None:
            raise CameraLost(f"{self._name}: a fault in our reader: {type(self.failure).__name__}")
        if not self.opened.is_set() and self._clock() > self._deadline:
            raise NoCamera(f"{self._name} did not answer within {OPEN_TIMEOUT_S:g} s")

    def leave(self) -> None:
        """Tell the thread to end; one that hangs in a connection is left to its time-out."""
        try:
            self.stop(LEAVE_TIMEOUT_S)
        except ThreadStuck:
            log.debug("%s: still waiting for its answer; it will end by its time-out", self._name)


def public_name(url: str) -> str:
    """The address for people and logs: without user, password and query, which often carries a password.

    Some cameras want their password in the path (rtsp://host/user=me_password=secret.sdp): such a path is
    left out too.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "network camera with an unreadable url"
    if parts.scheme == "file":
        return f"video {unquote(parts.path)}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    path = "/..." if re.search("[=@]", parts.path) else parts.path
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}"
