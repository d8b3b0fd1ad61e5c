"""One thread that sends each frame once to every viewer's socket.

A viewer's connection arrives from the web server by `Place.take`; from then on the socket belongs
to the broadcaster. All viewers of a channel get the same immutable bytes. Nobody waits for anybody:
sends never block, a viewer that is still busy with an old frame finishes it and then jumps to the
newest, one that takes no byte for `viewer_timeout_s` is dropped.

While there are few plain viewers, the capture thread itself sends to them (`on_frame`): that spares
a thread switch per frame, the largest cost with one viewer. With many, it only wakes our thread.

`_lock` guards `_viewers`, `_reserved` and everything inside the viewers. It is held over sends,
which is safe because they never block (15 to 25 us each); sockets are closed after it was let go.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import logging
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from camera.hub import Frame, FrameHub, Watch
from errors import TooManyViewers
from threads import StoppableThread
from web.parts import Channel, EventChannel, FrameChannel, Part, Pieces, Style, event_block, next_due

# Up to here the capture thread sends by itself; above, its own work would be held up.
DIRECT_VIEWERS_MAX = 4
# From here on frames also go into memory files: page references instead of copies (measured 15 to 21
# against 19 to 29 CPU-us per delivered 98 kB frame at 256 viewers).
SENDFILE_VIEWERS_MIN = 32
# After a viewer had to wait, its next frames start only when nothing unsent lies in its socket: so
# what it sees is never older than one frame's travel.
CAREFUL_FRAMES = 30
GATE_PERIOD_S = 0.02
TICK_S = 1.0
EVENT_HEARTBEAT_S = 15.0
YIELD_EVERY_S = 0.002
TLS_CHUNK_BYTES = 65536
GARBAGE_BYTES_MAX = 65536
NOTSENT_LOWAT_BYTES = 131072
TCP_NOTSENT_LOWAT = 25  # linux/tcp.h; not in every Python's socket module
SIOCOUTQNSD = 0x894B  # linux/sockios.h: bytes not yet sent
FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
COMMENT = Part(b": still here\n\n")

log = logging.getLogger(__name__)


@dataclass
class Totals:
    """Counters since the start, for /metrics."""

    frames_sent: int = 0
    bytes_sent: int = 0
    viewers: int = 0
    refused: int = 0
    stalled: int = 0


def no_pieces(frame: Frame) -> Pieces:
    """A listener to events gets nothing of a frame."""
    return b"", b"", b""


class Viewer:
    """One socket and how far it got. Guarded by the broadcaster's lock."""

    __slots__ = (
        "careful", "channel", "descriptor", "due_at", "garbage_bytes", "is_tls", "offset",
        "part", "period_s", "pieces_of", "progress_at", "seen", "sock", "watch",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, channel: Channel, period_s: float, watch: Watch | None, seen: int) -> None:
        self.sock = sock
        self.descriptor = sock.fileno()
        self.is_tls = isinstance(sock, ssl.SSLSocket)
        self.channel = channel
        self.pieces_of = channel.pieces_of if isinstance(channel, FrameChannel) else no_pieces
        self.period_s = period_s
        self.watch = watch
        self.part: Part | None = None
        self.offset = 0
        self.seen = seen
        self.due_at = 0.0
        self.careful = 0
        self.progress_at = 0.0
        self.garbage_bytes = 0


class Place:
    """A viewer's place, reserved before its connection is handed over; `give_back` works twice."""

    def __init__(
        self, broadcaster: Broadcaster, channel: Channel, period_s: float, watch: Watch | None, seen: int = 0
    ) -> None:
        self._broadcaster = broadcaster
        self._channel = channel
        self._period_s = period_s
        self._watch = watch
        self._seen = seen
        self._is_open = True

    def take(self, sock: socket.socket) -> None:
        """Hand a connected socket over, HTTP head already written; it is ours from here on."""
        self._is_open = False
        self._broadcaster.add(Viewer(sock, self._channel, self._period_s, self._watch, self._seen))

    def give_back(self) -> None:
        """The viewer did not come, or was served in another way and has left."""
        if self._is_open:
            self._is_open = False
            self._broadcaster.release(self._watch)


class Broadcaster(StoppableThread):
    """All viewers of the live picture and of the events.

    :param viewer_timeout_s: a viewer that takes no byte for so long is dropped.
    :param on_count: called after the number of watching viewers changed, from any thread.
    """

    def __init__(
        self,
        hub: FrameHub,
        max_viewers: int,
        viewer_timeout_s: float,
        on_count: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("broadcaster")
        self.max_viewers = max_viewers
        self.totals = Totals()
        self.events = EventChannel()
        self.on_count = on_count
        self._hub = hub
        self._timeout_s = viewer_timeout_s
        self._clock = clock
        self._with_length, self._before_next_head = FrameChannel("length"), FrameChannel("advance")
        self._lock = threading.Lock()
        self._viewers: dict[int, Viewer] = {}
        self._reserved = {True: 0, False: 0}  # by "watches the picture"
        self._gone: list[Viewer] = []
        self._watchers = 0
        self._direct: tuple[Viewer, ...] = ()
        self._event_viewers = 0
        self._has_gated = False
        self._epoll = select.epoll()
        self._wake_descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake_descriptor, select.EPOLLIN)
        self._send, self._sendfile = _libc_calls()
        self._ticked_at = self._beat_at = clock()
        hub.add_sink(self.on_frame)

    # -- coming and going ------------------------------------------------------------------------

    @property
    def watching(self) -> int:
        """Viewers of the live picture, those on their way in included."""
        return self._watchers + self._reserved[True]

    def reserve(self, style: Style, period_s: float = 0.0) -> Place:
        """A place for one more viewer of the picture; the camera wakes up for it.

        :param period_s: least time between two frames, 0 for all.
        :raises TooManyViewers: when every place is taken.
        """
        self._count_in(is_watcher=True)
        watch = self._hub.watch()
        watch.open()
        self.on_count()
        channel = self._before_next_head if style == "advance" else self._with_length
        return Place(self, channel, period_s, watch)

    def reserve_events(self) -> Place:
        """A place for one more listener to the events that come from now on.

        :raises TooManyViewers: when every place is taken.
        """
        self._count_in(is_watcher=False)
        return Place(self, self.events, 0.0, None, seen=self.events.number)

    def _count_in(self, is_watcher: bool) -> None:
        with self._lock:
            taken = self.watching if is_watcher else self._event_viewers + self._reserved[False]
            if taken >= self.max_viewers:
                self.totals.refused += 1
                raise TooManyViewers(f"all {self.max_viewers} places are taken; try again in a moment")
            self._reserved[is_watcher] += 1

    def release(self, watch: Watch | None) -> None:
        """Give a reserved place back. Called by `Place` alone."""
        with self._lock:
            self._reserved[watch is not None] -= 1
        if watch is not None:
            watch.close()
            self.on_count()

    def add(self, viewer: Viewer) -> None:
        """Turn a reserved place into a viewer. Called by `Place` alone.

        Registering makes epoll report the socket as writable, and so our thread send the newest frame.
        """
        viewer.progress_at = self._clock()
        try:
            _prepare(viewer.sock, self._timeout_s)
            with self._lock:
                self._register(viewer)
        except (OSError, ValueError) as error:
            log.debug("a viewer left while it came in: %s", error)
            _close(viewer.sock)
            self.release(viewer.watch)

    def _register(self, viewer: Viewer) -> None:
        """Enter a viewer into epoll and the books, all or nothing."""
        if self.stopping.is_set():
            raise OSError(errno.ESHUTDOWN, "shutting down")
        self._epoll.register(viewer.descriptor, EVENTS)
        self._viewers[viewer.descriptor] = viewer
        self._reserved[viewer.watch is not None] -= 1
        self._count(viewer, +1)
        self.totals.viewers += 1

    def _count(self, viewer: Viewer, change: int) -> None:
        """Keep the books after a viewer came or left."""
        if viewer.watch is None:
            self._event_viewers += change
            return
        self._watchers += change
        watchers = () if self._watchers > DIRECT_VIEWERS_MAX else tuple(v for v in self._viewers.values() if v.watch)
        self._direct = () if any(v.is_tls for v in watchers) else watchers

    def _drop(self, viewer: Viewer) -> None:
        """Forget a viewer; `_bury` closes it once the lock is free."""
        if self._viewers.pop(viewer.descriptor, None) is not None:
            self._epoll.unregister(viewer.descriptor)
            self._count(viewer, -1)
            self._gone.append(viewer)

    def _bury(self) -> None:
        """Close the sockets of viewers that left. Called without the lock."""
        with self._lock:
            gone, self._gone = self._gone, []
        for viewer in gone:
            _close(viewer.sock)
            if viewer.watch is not None:
                viewer.watch.close()
        if any(viewer.watch is not None for viewer in gone):
            self.on_count()

    # -- sending ---------------------------------------------------------------------------------

    def on_frame(self, frame: Frame) -> None:
        """The hub's sink: show the frame, and send it at once when that is cheap. Capture thread."""
        self._with_length.frame = self._before_next_head.frame = frame
        direct = self._direct
        if direct and self._lock.acquire(blocking=False):
            try:
                for viewer in direct:
                    if viewer.part is None and not viewer.careful and not viewer.period_s:
                        self._send_directly(viewer, frame)
                    else:
                        self._advance(viewer)
            finally:
                self._lock.release()
            if self._gone:
                self._bury()
            if not self._has_gated:
                return
        if self._watchers:
            self.wake()

    def _send_directly(self, viewer: Viewer, frame: Frame) -> None:
        """Send a frame to an idle viewer from where it lies, without joining its part first.

        That spares a copy of the whole picture, a tenth of all work with one viewer.
        """
        if viewer.descriptor not in self._viewers:
            return
        head, jpeg, tail = viewer.pieces_of(frame)
        try:
            sent = viewer.sock.sendmsg((head, jpeg, tail), (), FLAGS)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(viewer)
            return
        viewer.seen = frame.number
        size_bytes = len(head) + len(jpeg) + len(tail)
        if sent == size_bytes:
            self.totals.frames_sent += 1
            self.totals.bytes_sent += size_bytes
            return
        viewer.part, viewer.offset = viewer.channel.newest()[2], sent
        viewer.progress_at = self._clock()
        self._push(viewer)

    def show_event(self, name: str, data: str) -> None:
        """Send one event to every listener; `data` is a line of JSON. Any thread."""
        self.events.show(event_block(name, data))
        if self._event_viewers:
            self.wake()

    def _advance(self, viewer: Viewer) -> None:
        """Send what this viewer can take now: the rest of its part, else the newest one."""
        channel = viewer.channel
        while viewer.part is not None or viewer.seen != channel.number:
            if viewer.part is None and not self._start(viewer, channel):
                return
            if not self._push(viewer):
                return

    def _start(self, viewer: Viewer, channel: Channel) -> bool:
        """Give the viewer the newest part; False when it must not have it yet."""
        if viewer.careful:
            if _unsent_bytes(viewer.descriptor):
                self._has_gated = True
                return False
            viewer.careful -= 1
            viewer.progress_at = self._clock()
        number, captured_at, part = channel.newest()
        if viewer.period_s:
            if captured_at < viewer.due_at:
                viewer.seen = number
                return False
            viewer.due_at = next_due(viewer.due_at, captured_at, viewer.period_s)
        viewer.seen, viewer.part, viewer.offset = number, part, 0
        viewer.progress_at = self._clock()
        return True

    def _push(self, viewer: Viewer) -> bool:
        """Send on; True when the part is out, False when the socket is full or the viewer is gone."""
        part = viewer.part
        assert part is not None
        while viewer.offset < part.size_bytes:
            sent = self._send_some(viewer, part)
            if sent <= 0:
                if sent == 0:
                    viewer.careful = CAREFUL_FRAMES
                else:
                    self._drop(viewer)
                return False
            viewer.offset += sent
        viewer.part = None
        self.totals.frames_sent += 1
        self.totals.bytes_sent += part.size_bytes
        return True

    def _send_some(self, viewer: Viewer, part: Part) -> int:
        """Bytes the socket took, 0 when it is full, -1 when the viewer is gone."""
        if viewer.is_tls:
            return _send_tls(viewer, part)
        left = part.size_bytes - viewer.offset
        if part.memory_file >= 0:
            sent = self._sendfile(
                viewer.descriptor, part.memory_file, ctypes.byref(ctypes.c_int64(viewer.offset)), left
            )
        else:
            sent = self._send(viewer.descriptor, part.address + viewer.offset, left, FLAGS)
        if sent > 0:
            viewer.progress_at = self._clock()
            return sent
        return 0 if sent < 0 and ctypes.get_errno() in (errno.EAGAIN, errno.EINTR) else -1

    # -- the thread ------------------------------------------------------------------------------

    def wake(self) -> None:
        os.eventfd_write(self._wake_descriptor, 1)

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                events = self._epoll.poll(self._patience_s())
                with self._lock:
                    is_woken = self._handle(events)
                    if is_woken or self._has_gated:
                        self._send_to_all()
                    self._tick()
                if self._gone:
                    self._bury()
        finally:
            self._close_all()

    def _patience_s(self) -> float | None:
        if self._has_gated:
            return GATE_PERIOD_S
        return TICK_S if self._viewers else None

    def _handle(self, events: list[tuple[int, int]]) -> bool:
        """Deal with what epoll saw; True when somebody called `wake`."""
        is_woken = False
        for descriptor, what in events:
            if descriptor == self._wake_descriptor:
                os.eventfd_read(descriptor)
                is_woken = True
                continue
            viewer = self._viewers.get(descriptor)
            if viewer is None:
                continue
            if what & GONE or (what & select.EPOLLIN and not _swallow(viewer)):
                self._drop(viewer)
            else:
                self._advance(viewer)
        return is_woken

    def _send_to_all(self) -> None:
        """One round over all viewers, letting other threads run every couple of milliseconds."""
        self._has_gated = False
        if self._watchers >= SENDFILE_VIEWERS_MIN:
            self._fill_memory_files()
        yield_at = self._clock() + YIELD_EVERY_S
        for viewer in list(self._viewers.values()):
            self._advance(viewer)
            if self._clock() > yield_at:
                time.sleep(0)
                yield_at = self._clock() + YIELD_EVERY_S

    def _fill_memory_files(self) -> None:
        styles = {id(viewer.channel) for viewer in self._viewers.values()}
        for channel in (self._with_length, self._before_next_head):
            if id(channel) in styles and channel.number:
                channel.newest()[2].put_into_memory_file()

    def _tick(self) -> None:
        """Once a second: drop the dead, and show listeners that we live."""
        now = self._clock()
        if now - self._ticked_at < TICK_S:
            return
        self._ticked_at = now
        is_beat = now - self._beat_at >= EVENT_HEARTBEAT_S
        if is_beat:
            self._beat_at = now
        for viewer in list(self._viewers.values()):
            is_waiting = viewer.part is not None or (viewer.careful and viewer.seen != viewer.channel.number)
            if is_waiting and now - viewer.progress_at > self._timeout_s:
                self.totals.stalled += 1
                self._drop(viewer)
            elif is_beat and viewer.watch is None and viewer.part is None:
                viewer.part, viewer.offset = COMMENT, 0
                self._push(viewer)

    def _close_all(self) -> None:
        with self._lock:
            for viewer in list(self._viewers.values()):
                self._drop(viewer)
        self._bury()

    def close(self) -> None:
        """Stop the thread and close every viewer's socket; works twice."""
        if self._epoll.closed:
            return
        self._hub.remove_sink(self.on_frame)
        self.stop()
        self._close_all()
        self._epoll.close()
        os.close(self._wake_descriptor)


Call = Callable[..., int]


def _libc_calls() -> tuple[Call, Call]:
    """libc's send and sendfile, called without letting go of the GIL.

    A non-blocking send takes some 20 us; giving the GIL away for it means queueing for it again, up
    to the switch interval, once per viewer (measured: 14 instead of 30 frames/s beside a busy thread).
    """
    libc = ctypes.PyDLL(None, use_errno=True)
    send, sendfile = libc.send, libc.sendfile64
    send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    sendfile.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)
    send.restype = sendfile.restype = ctypes.c_ssize_t
    return send, sendfile


def _send_tls(viewer: Viewer, part: Part) -> int:
    """As `_send_some`. After a full socket the same bytes must be offered again (SSL_write(3))."""
    try:
        return viewer.sock.send(memoryview(part.blob)[viewer.offset : viewer.offset + TLS_CHUNK_BYTES])
    except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
        return 0
    except OSError:
        return -1


def _prepare(sock: socket.socket, timeout_s: float) -> None:
    """Socket options of a viewer. No SO_SNDBUF: it would switch the kernel's own tuning off."""
    sock.setblocking(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_BYTES)
        # The kernel's own limit, for peers that vanished while all was sent; ours, which counts, comes first.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(2 * timeout_s * 1000))


def _unsent_bytes(descriptor: int) -> int:
    """Bytes in the socket that were not sent even once."""
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, SIOCOUTQNSD, bytes(4)), "little")
    except OSError:
        return 0


def _swallow(viewer: Viewer) -> bool:
    """Read and forget what a viewer sends; False when it left or will not stop sending."""
    try:
        while viewer.garbage_bytes < GARBAGE_BYTES_MAX:
            data = viewer.sock.recv(4096)
            if not data:
                return False
            viewer.garbage_bytes += len(data)
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return True
    except OSError:
        return False
    return False


def _close(sock: socket.socket) -> None:
    try:
        sock.close()
    except OSError as error:
        log.debug("closing a viewer: %s", error)
