"""One viewer: its socket, and how far it got with what it is being sent.

Everything here runs under the broadcaster's lock, and nothing blocks: a send takes what the socket
has room for (15 to 25 us) and says how that went.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import logging
import socket
import ssl
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from camera.hub import Frame, Watch
from web.parts import Channel, FrameChannel, Pace, Part, Pieces

# After a viewer had to wait, its next frames start only when nothing unsent lies in its socket: so
# what it sees is never older than one frame's travel.
CAREFUL_FRAMES = 30
TLS_CHUNK_BYTES = 65536
GARBAGE_BYTES_MAX = 65536
NOTSENT_LOWAT_BYTES = 131072
TCP_NOTSENT_LOWAT = 25  # linux/tcp.h; not in every Python's socket module
SIOCOUTQNSD = 0x894B  # linux/sockios.h: bytes not yet sent
FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL

Call = Callable[..., int]

log = logging.getLogger(__name__)


class Sent(Enum):
    """How sending went: all is out, the socket is full for now, or the viewer is gone."""

    ALL = 1
    SOME = 2
    GONE = 3


class Libc(NamedTuple):
    """libc's send and sendfile, called without letting go of the GIL.

    A non-blocking send takes some 20 us; giving the GIL away for it means queueing for it again, up
    to the switch interval, once per viewer (measured: 14 instead of 30 frames/s beside a busy thread).
    """

    send: Call
    sendfile: Call


def open_libc() -> Libc:
    """The two calls, typed."""
    libc = ctypes.PyDLL(None, use_errno=True)
    send, sendfile = libc.send, libc.sendfile64
    send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    sendfile.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)
    send.restype = sendfile.restype = ctypes.c_ssize_t
    return Libc(send, sendfile)


class Viewer:
    """A connected socket that gets a channel's newest parts.

    :ivar part: what is being sent, None when idle; `offset` bytes of it are out.
    :ivar seen: number of the newest item that was sent or passed over.
    :ivar careful: how many more parts to start only when nothing unsent is left.
    :ivar progress_at: when the socket last took something, or a part was begun.
    :ivar watch: keeps the camera awake; None for listeners to events.
    :ivar session: of whoever is there; see `web.guard.account_of`.
    :param on_close: called once the socket is closed; works twice.
    """

    __slots__ = (
        "careful", "channel", "descriptor", "garbage_bytes", "is_tls", "offset", "on_close",
        "pace", "part", "pieces_of", "progress_at", "seen", "session", "sock", "watch",
    )  # fmt: skip

    def __init__(
        self,
        sock: socket.socket,
        channel: Channel,
        pace: Pace,
        watch: Watch | None,
        seen: int,
        on_close: Callable[[], None],
        session: str,
    ) -> None:
        self.sock = sock
        self.session = session
        self.on_close = on_close
        self.descriptor = sock.fileno()
        self.is_tls = isinstance(sock, ssl.SSLSocket)
        self.channel = channel
        self.pieces_of = channel.pieces_of if isinstance(channel, FrameChannel) else _no_pieces
        self.pace = pace
        self.watch = watch
        self.part: Part | None = None
        self.offset = 0
        self.seen = seen
        self.careful = 0
        self.progress_at = 0.0
        self.garbage_bytes = 0

    def prepare(self, timeout_s: float) -> None:
        """Set the socket's options. No SO_SNDBUF: it would switch the kernel's own tuning off.

        :raises OSError: when the peer has left already.
        """
        self.sock.setblocking(False)
        if self.sock.family in (socket.AF_INET, socket.AF_INET6):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_BYTES)
            # The kernel's own limit, for peers that vanished while all was sent; ours, which counts, comes first.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(2 * timeout_s * 1000))

    def begin(self, part: Part, offset: int, now: float) -> None:
        """Take `part` as the next thing to send; `offset` bytes of it are out already."""
        self.part, self.offset, self.progress_at = part, offset, now

    def push(self, libc: Libc, now: float) -> Sent:
        """Send on what was begun, as far as the socket takes it."""
        part = self.part
        assert part is not None
        while self.offset < part.size_bytes:
            sent = self._send_tls(part) if self.is_tls else self._send(part, libc)
            if sent < 0:
                return Sent.GONE
            if sent == 0:
                self.careful = CAREFUL_FRAMES
                return Sent.SOME
            self.offset += sent
            self.progress_at = now
        self.part = None
        return Sent.ALL

    def push_pieces(self, frame: Frame) -> tuple[int, int]:
        """(bytes sent, or -1 when the viewer is gone; bytes of the part) of a frame sent from where it lies.

        Not joining head, picture and tail first spares a copy of the picture, a tenth of all work
        with one viewer.
        """
        head, jpeg, tail = self.pieces_of(frame)
        size_bytes = len(head) + len(jpeg) + len(tail)
        try:
            return self.sock.sendmsg((head, jpeg, tail), (), FLAGS), size_bytes
        except BlockingIOError:
            return 0, size_bytes
        except OSError:
            return -1, size_bytes

    @property
    def gets_own_frames(self) -> bool:
        """True for a watcher of the picture itself, not of a smaller copy."""
        return isinstance(self.channel, FrameChannel) and self.channel.is_own

    @property
    def is_waiting(self) -> bool:
        """True while something is meant for this viewer that its socket does not take."""
        return self.part is not None or (self.careful > 0 and self.seen != self.channel.number)

    def unsent_bytes(self) -> int:
        """Bytes in the socket that were not sent even once."""
        try:
            return int.from_bytes(fcntl.ioctl(self.descriptor, SIOCOUTQNSD, bytes(4)), "little")
        except OSError:
            return 0

    def swallow(self) -> bool:
        """Read and forget what the viewer sends; False when it left or will not stop sending."""
        try:
            while self.garbage_bytes < GARBAGE_BYTES_MAX:
                data = self.sock.recv(4096)
                if not data:
                    return False
                self.garbage_bytes += len(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close the socket, say so, and let the camera sleep."""
        try:
            self.sock.close()
        except OSError as error:
            log.debug("closing a viewer: %s", error)
        self.on_close()
        if self.watch is not None:
            self.watch.close()

    def _send(self, part: Part, libc: Libc) -> int:
        """Bytes the socket took, 0 when it is full, -1 when the viewer is gone."""
        left = part.size_bytes - self.offset
        if part.memory_file >= 0:
            offset = ctypes.byref(ctypes.c_int64(self.offset))
            sent = libc.sendfile(self.descriptor, part.memory_file, offset, left)
        else:
            sent = libc.send(self.descriptor, part.address + self.offset, left, FLAGS)
        if sent > 0:
            return sent
        return 0 if sent < 0 and ctypes.get_errno() in (errno.EAGAIN, errno.EINTR) else -1

    def _send_tls(self, part: Part) -> int:
        """As `_send`. After a full socket the same bytes must be offered again (SSL_write(3))."""
        try:
            return self.sock.send(memoryview(part.blob)[self.offset : self.offset + TLS_CHUNK_BYTES])
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        except OSError:
            return -1


def _no_pieces(frame: Frame) -> Pieces:
    """A listener to events gets nothing of a frame."""
    return b"", b"", b""
