"""A camera whose every move a test decides, and a viewer that reads our stream byte by byte."""

from __future__ import annotations

import base64
import queue
import random
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np

from camera import image
from camera.backend import Backend, CameraInfo, Picture

PASSWORD = "sesame-bagel"
DEADLINE_S = 20.0  # never what is asserted; a busy machine takes ten seconds to start two programs


def jpeg_of(shade: int = 128, width_px: int = 64, height_px: int = 48) -> bytes:
    """A small JPEG of one gray shade."""
    return image.encode(np.full((height_px, width_px, 3), shade, np.uint8), 80)


class ScriptedCamera(Backend):
    """Delivers what the test puts in: `show` a picture, `fail` with an error, or nothing (frozen).

    Counts how often it was opened and closed, as a device would see it.
    """

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0
        self._script: queue.Queue[Picture | Exception | None] = queue.Queue()
        self.open_fault: Exception | None = None

    @property
    def info(self) -> CameraInfo:
        return CameraInfo("scripted camera", "synthetic", "the test says so", "MJPG", 64, 48, 30.0)

    def show(self, shade: int = 128, captured_at: float | None = None) -> bytes:
        """Deliver one picture; returns its JPEG."""
        jpeg = jpeg_of(shade)
        self._script.put(Picture(jpeg, time.monotonic() if captured_at is None else captured_at, 64, 48))
        return jpeg

    def show_bytes(self, jpeg: bytes) -> None:
        """Deliver these bytes as a picture."""
        self._script.put(Picture(jpeg, time.monotonic(), 64, 48))

    def fail(self, error: Exception) -> None:
        """Raise `error` in the middle of the stream."""
        self._script.put(error)

    def end(self) -> None:
        """End the stream normally."""
        self._script.put(None)

    def frames(self) -> Iterator[Picture | None]:
        if self.open_fault is not None:
            raise self.open_fault
        self.opened += 1
        try:
            while True:
                try:
                    item = self._script.get(timeout=0.02)
                except queue.Empty:
                    yield None
                    continue
                if item is None:
                    return
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.closed += 1


def wait_until(condition, what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for a condition that another thread or process brings about."""
    until = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < until, f"not within {deadline_s:g} s: {what}"
        time.sleep(0.005)


@contextmanager
def killed_in_the_end(process: subprocess.Popen) -> Iterator[subprocess.Popen]:
    """A process that does not outlive the block: what fails in it is said at once, and not after the process's end."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def basic(username: str = "admin", password: str = PASSWORD) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


class Part:
    """One part of a multipart stream as it arrived."""

    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self.headers = headers
        self.body = body

    @property
    def number(self) -> int:
        return int(self.headers["x-frame-number"])

    @property
    def is_placeholder(self) -> bool:
        return self.headers.get("x-placeholder") == "1"


class Viewer:
    """An HTTP client on a raw socket, for streams and for misbehaviour."""

    def __init__(
        self,
        port: int,
        path: str = "/video_feed",
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        authorization: str | None = None,
        tls: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(DEADLINE_S)
        sock.connect(("127.0.0.1", port))
        self.sock = tls.wrap_socket(sock, server_hostname="localhost") if tls else sock
        lines = {"Host": f"127.0.0.1:{port}", "Authorization": authorization or basic(), **(headers or {})}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
        self.sock.sendall(head.encode() + b"\r\n")
        self.file = self.sock.makefile("rb")
        self.status = 0
        self.headers: dict[str, str] = {}

    def read_head(self) -> Viewer:
        """Read status line and headers of the answer."""
        self.status = int(self.file.readline().split()[1])
        self.headers = self._read_headers()
        return self

    def _read_headers(self) -> dict[str, str]:
        found = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            found[name.lower()] = value.strip()
        return found

    def part(self) -> Part:
        """The next part with a Content-Length."""
        line = self.file.readline()
        while line == b"\r\n":
            line = self.file.readline()
        assert line == b"--frame\r\n", line
        headers = self._read_headers()
        return Part(headers, self.file.read(int(headers["content-length"])))

    def live_part(self) -> Part:
        """The next part that is no placeholder."""
        part = self.part()
        while part.is_placeholder:
            part = self.part()
        return part

    def is_closed_by_server(self) -> bool:
        """True when the server ends the connection before the deadline; reads and forgets what comes."""
        try:
            while self.file.read(65536):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self.file.close()
        self.sock.close()


@contextmanager
def watching(port: int, path: str = "/video_feed", **options) -> Iterator[Viewer]:
    """A viewer whose answer has begun."""
    with closing(Viewer(port, path, **options)) as viewer:
        yield viewer.read_head()


def free_port() -> int:
    """A TCP port that nobody listens on right now.

    None of those that the kernel gives to whoever asks for any (ip_local_port_range): until ours is listened on, some
    connection could have it. Nor 10080, which browsers refuse (Fetch standard, "bad port").
    """
    first, last = (int(word) for word in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    while True:
        port = random.SystemRandom().choice([*range(10_081, first), *range(last + 1, 65_536)])
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
