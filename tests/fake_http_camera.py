"""An HTTP camera whose every byte a test decides."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import BinaryIO

from fake_camera_server import FakeCameraServer

Answer = Callable[[str, dict[str, str]], Iterable[bytes]]


class FakeHttpCamera(FakeCameraServer):
    """Listens on a port of its own; a context manager.

    :param answer: called with the path and the fields (names in lower case) of each request; what it yields
        is sent as it comes, then the connection is closed. It may wait on `closing`.
    :ivar requests: the paths asked for so far.
    """

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer
        self.requests: list[str] = []
        super().__init__()

    def url(self, path: str = "/video", user: str = "") -> str:
        return f"http://{user}127.0.0.1:{self.port}{path}"

    def serve(self, request: BinaryIO, connection: socket.socket) -> None:
        path = request.readline().split()[1].decode()
        fields = {}
        while line := request.readline().strip():
            name, _, value = line.decode().partition(":")
            fields[name.lower()] = value.strip()
        self.requests.append(path)
        assert self.answer is not None
        try:
            for piece in self.answer(path, fields):
                connection.sendall(piece)
        except OSError:
            return  # the client left

    def endless(self, pieces: Iterable[bytes], is_repeating: bool = False) -> Iterable[bytes]:
        """The pieces in turn, 20 ms apart; then silence, or the last one again and again, until we close."""
        piece = b""
        for piece in pieces:
            yield piece
            if self.closing.wait(0.02):
                return
        while not self.closing.wait(0.02 if is_repeating else None):
            yield piece


def head(content_type: str, status: str = "200 OK", *more: str) -> bytes:
    return "\r\n".join([f"HTTP/1.0 {status}", f"Content-Type: {content_type}", *more, "", ""]).encode()


def part(jpeg: bytes, boundary: str = "frame", length: int | None = -1) -> bytes:
    """One part as most cameras send it; `length` None leaves Content-Length out, -1 is the true one."""
    lines = [f"--{boundary}", "Content-Type: image/jpeg"]
    if length is not None:
        lines.append(f"Content-Length: {len(jpeg) if length < 0 else length}")
    return "\r\n".join([*lines, "", ""]).encode() + jpeg + b"\r\n"
