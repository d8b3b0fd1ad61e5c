"""The bytes a viewer gets: multipart parts and server-sent events, each made once and shared by all.

A channel is a stream of things of which only the newest matters. Its newest part is made when the
first viewer needs it and then sent to every viewer of that channel.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal

from camera.hub import Frame, FrameHub
from camera.renditions import Rendition

BOUNDARY = b"frame"
MIMETYPE = "multipart/x-mixed-replace; boundary=frame"
# Chromium paints a part when it sees the head of the next one. Viewers that are <img> elements are
# therefore sent that head in advance; it cannot know the next length, so it carries none.
NEXT_HEAD = b"\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n"
FIRST_HEAD = NEXT_HEAD[2:]

HEAD_WITH_LENGTH = (
    b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\nX-Timestamp: %.6f\r\nX-Frame-Number: %d\r\n"
)

STOP_CHECK_S = 1.0
CLOCK_TRIES, CLOCKS_APART_S = 5, 2e-4

Style = Literal["length", "advance"]
Pieces = tuple[bytes, bytes, bytes]


class Part:
    """Immutable bytes to send, with their address for C calls; optionally a copy in a memory file.

    The memory file is written once and never again: sockets keep references to its pages
    (sendfile), so changing it would change bytes in flight. It is closed with the last reference.
    """

    __slots__ = ("address", "blob", "memory_file", "size_bytes")

    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.size_bytes = len(blob)
        self.address: int = ctypes.cast(ctypes.c_char_p(blob), ctypes.c_void_p).value or 0
        self.memory_file = -1

    def put_into_memory_file(self) -> None:
        """Make `memory_file` a descriptor that sendfile can read; does nothing the second time."""
        if self.memory_file < 0:
            descriptor = os.memfd_create("frame", os.MFD_CLOEXEC)
            try:
                os.write(descriptor, self.blob)
            except OSError:
                os.close(descriptor)
                raise
            self.memory_file = descriptor

    def __del__(self) -> None:
        if self.memory_file >= 0:
            os.close(self.memory_file)


def unix_time_of(monotonic_s: float) -> float:
    """The Unix time of a moment on the monotonic clock, by today's relation of the two clocks.

    A thread that has to wait between reading the one and the other would be wrong by that, so it reads them again.
    """
    for _ in range(CLOCK_TRIES):
        before_s, unix_s = time.monotonic(), time.time()
        if time.monotonic() - before_s < CLOCKS_APART_S:
            break
    return unix_s - before_s + monotonic_s


def headers_of(frame: Frame) -> dict[str, str]:
    """What we say about a frame in HTTP: X-Timestamp (Unix seconds), X-Frame-Number, X-Placeholder."""
    headers = {"X-Timestamp": f"{unix_time_of(frame.captured_at):.6f}", "X-Frame-Number": str(frame.number)}
    return headers if frame.is_live else {**headers, "X-Placeholder": "1"}


def pieces_with_length(frame: Frame) -> Pieces:
    """A whole part, head first, for programs and our own player."""
    head = HEAD_WITH_LENGTH % (len(frame.jpeg), unix_time_of(frame.captured_at), frame.number)
    return head + (b"\r\n" if frame.is_live else b"X-Placeholder: 1\r\n\r\n"), frame.jpeg, b"\r\n"


def pieces_before_next_head(frame: Frame) -> Pieces:
    """A picture and the head of the part that will follow, for <img> viewers."""
    return b"", frame.jpeg, NEXT_HEAD


def part_of(frame: Frame, style: Style) -> bytes:
    """The pieces of a frame's part, joined."""
    return b"".join(PIECES_OF[style](frame))


PIECES_OF: dict[Style, Callable[[Frame], Pieces]] = {
    "length": pieces_with_length,
    "advance": pieces_before_next_head,
}


def first_bytes(style: Style) -> bytes:
    """What goes out before the first part of a stream."""
    return FIRST_HEAD if style == "advance" else b""


class Pace:
    """How often somebody gets a picture. Whoever sends calls `step`; any thread may ask `is_due`.

    :ivar period_s: least time between two pictures, seconds; 0 for all of them.
    """

    __slots__ = ("_due_at", "period_s")

    def __init__(self, period_s: float = 0.0) -> None:
        self.period_s = period_s
        self._due_at = 0.0

    def is_due(self, captured_at: float) -> bool:
        """Whether a picture of that moment is to be sent.

        Without a limit every one is, also one that was captured before a placeholder was drawn.
        """
        return not self.period_s or captured_at >= self._due_at

    def step(self, captured_at: float) -> None:
        """One was sent. Keeps the average rate although pictures come on the camera's beat; after a pause it starts
        afresh."""
        is_on_beat = captured_at - self._due_at < self.period_s
        self._due_at = (self._due_at if is_on_beat else captured_at) + self.period_s


def stream(hub: FrameHub, style: Style, pace: Pace, stopping: threading.Event) -> Iterator[bytes]:
    """The same stream for servers that cannot hand a connection over: one thread per viewer."""
    yield first_bytes(style)
    with hub.subscribe() as frames:
        for frame in frames:
            if stopping.is_set():
                return
            if frame is not None and pace.is_due(frame.captured_at):
                pace.step(frame.captured_at)
                yield part_of(frame, style)


def stream_rendition(
    rendition: Rendition, style: Style, pace: Pace, stopping: threading.Event, seen: int = 0
) -> Iterator[bytes]:
    """As `stream`, of a smaller copy, from the one after number `seen` on."""
    yield first_bytes(style)
    while not stopping.is_set():
        frame = rendition.newer_than(seen, STOP_CHECK_S)
        if frame is None:
            continue
        seen = frame.number
        if pace.is_due(frame.captured_at):
            pace.step(frame.captured_at)
            yield part_of(frame, style)


def event_block(name: str, data: str) -> bytes:
    """One event as it goes over the wire (HTML standard, 9.2 Server-sent events)."""
    return f"event: {name}\ndata: {data}\n\n".encode()


class FrameChannel:
    """The newest frame in one style: the hub's own, or a smaller copy. `frame` is set by one thread only.

    :ivar is_own: False for a copy.
    """

    def __init__(self, style: Style, is_own: bool = True) -> None:
        self.style: Style = style
        self.is_own = is_own
        self.pieces_of = PIECES_OF[style]
        self.frame: Frame | None = None
        self._made: tuple[int, Part] = (0, Part(b""))

    @property
    def number(self) -> int:
        """Number of the newest item; 0 while there is none."""
        frame = self.frame
        return 0 if frame is None else frame.number

    def newest(self) -> tuple[int, float, Part]:
        """(number, captured_at, part) of the newest item; call only when `number` is not 0."""
        frame = self.frame
        assert frame is not None
        made = self._made
        if made[0] != frame.number:
            made = self._made = (frame.number, Part(b"".join(self.pieces_of(frame))))
        return frame.number, frame.captured_at, made[1]


class EventChannel:
    """The newest server-sent event; a viewer that was busy gets the newest, not the missed ones."""

    def __init__(self) -> None:
        self.number = 0
        self._part = Part(b"")

    def show(self, event: bytes) -> None:
        """Make `event` (a whole text/event-stream block) the newest one."""
        self._part = Part(event)
        self.number += 1

    def newest(self) -> tuple[int, float, Part]:
        """(number, 0.0, part) of the newest item."""
        return self.number, 0.0, self._part


Channel = FrameChannel | EventChannel
