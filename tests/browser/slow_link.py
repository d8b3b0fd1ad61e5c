"""A link between browser and program that carries as many bytes as the test says, and sees what is asked for."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from turret import Turret

CHUNK_BYTES = 2048
BUFFER_BYTES = 16384  # small, so that the program feels what does not get through
TARGET = re.compile(rb"^(?:GET|POST|PATCH|PUT|DELETE) (\S+) HTTP/1\.1\r$", re.MULTILINE)


class SlowLink:
    """A port of its own that leads to a turret; all its connections share what it carries.

    :ivar url: for `LivePage`, in place of the turret's own.
    :ivar bytes_per_s: towards the browser; None for no bound. May be changed at any time.
    :ivar targets: what was asked for, oldest first, e.g. "/video_feed?fps=10".
    """

    def __init__(self, turret: Turret) -> None:
        self.bytes_per_s: float | None = None
        self.targets: list[str] = []
        self._port = turret.port
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._stopping = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._begin(self._accept)

    def videos(self) -> list[str]:
        """What the live picture was asked for with, one after the other: queries, and "snapshots"."""
        found = [_form_of(target) for target in list(self.targets)]
        named = [form for form in found if form is not None]
        return [form for number, form in enumerate(named) if number == 0 or form != named[number - 1]]

    def close(self) -> None:
        """End all connections; works twice."""
        self._stopping.set()
        for sock in (self._listener, *self._sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket()
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            self._sockets += [near, far]
            try:
                far.connect(("127.0.0.1", self._port))
            except OSError:  # the program is away: so is the link
                near.close()
                continue
            self._begin(lambda near=near, far=far: self._carry(near, far, self._look))
            self._begin(lambda near=near, far=far: self._carry(far, near, self._hold_back))

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _carry(self, source: socket.socket, sink: socket.socket, each: Callable[[bytes], None]) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                each(data)
                sink.sendall(data)
        for sock in (source, sink):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _look(self, data: bytes) -> None:
        self.targets += [target.decode() for target in TARGET.findall(data)]

    def _hold_back(self, data: bytes) -> None:
        if self.bytes_per_s is None:
            return
        with self._lock:
            self._free_at = max(time.monotonic(), self._free_at) + len(data) / self.bytes_per_s
            wait_s = self._free_at - time.monotonic()
        self._stopping.wait(max(0.0, wait_s))


def _form_of(target: str) -> str | None:
    path, _, query = target.partition("?")
    if path == "/video_feed":
        return query
    return "snapshots" if re.fullmatch(r"/live\d+x\d+\.jpeg", path) else None
