"""JPEGs out of a multipart/x-mixed-replace stream (RFC 2046, 5.1), as cameras and phones really send it.

Pure: bytes go in, whole JPEGs come out. A part is taken by its Content-Length; without one, or once a
length proved wrong, by the structure of the JPEG itself (ITU-T T.81, Annex B), so that no picture has to
wait for the boundary of the next.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

from camera.backend import is_whole_jpeg

LIMIT_BYTES = 16 * 2**20
HEAD_LIMIT_BYTES = 8192
LINE_LIMIT_BYTES = 512
SOI, EOI, TEM = 0xD8, 0xD9, 0x01
# A marker that is not part of the picture's data: no stuffed zero, no restart, no fill byte (T.81, B.1.1.2).
MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)


class Part(NamedTuple):
    """A whole JPEG and when its first bytes arrived (the `now_s` of that `feed`)."""

    jpeg: bytes
    arrived_s: float


class Scan(NamedTuple):
    """How far `scan_jpeg` came: the end of the JPEG, or where to go on once there is more."""

    is_end: bool
    at: int


def scan_jpeg(data: bytes | bytearray, at: int) -> Scan:
    """Walk a JPEG's markers from `at` (just behind SOI, or where the last scan stopped) to its EOI.

    :raises ValueError: at a second SOI outside any segment: the picture was cut off. A thumbnail's SOI and
        EOI lie inside an APP segment, which is jumped over.
    """
    while match := MARKER.search(data, at):
        marker = match.group(1)[0]
        if marker == EOI:
            return Scan(True, match.end())
        if marker == SOI:
            raise ValueError(match.start())
        at = match.end()
        if marker != TEM:
            if len(data) < at + 2:
                return Scan(False, match.start())
            at += int.from_bytes(data[at : at + 2], "big")
    return Scan(False, max(at, len(data) - 1))


class State(Enum):
    """What the parser waits for."""

    BOUNDARY = auto()
    HEAD = auto()
    BODY = auto()
    JPEG = auto()


class MultipartParser:
    """Takes a stream apart. Used by one thread.

    :param boundary: as the Content-Type names it, with or without the leading dashes some cameras put
        there; None takes the first line that starts with two dashes.
    :ivar torn: parts that were no whole JPEG and were left out.
    :ivar has_ended: the closing boundary came; nothing more will.
    """

    def __init__(self, boundary: str | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        self.torn = 0
        self.has_ended = False
        self._boundary = None if boundary is None else boundary.strip().lstrip("-").encode("latin-1", "replace")
        self._limit_bytes = limit_bytes
        self._data = bytearray()
        self._state = State.BOUNDARY
        self._length = 0
        self._scanned = 0
        self._arrived_s = 0.0
        self._believes_lengths = True

    def feed(self, chunk: bytes, now_s: float) -> list[Part]:
        """The JPEGs that are whole with this chunk, oldest first.

        :raises ValueError: when a part or its head is larger than allowed.
        """
        self._data += chunk
        parts: list[Part] = []
        steps = {State.BOUNDARY: self._boundary_line, State.HEAD: self._head}
        while not self.has_ended:
            step = steps.get(self._state)
            has_moved = step(now_s) if step else self._body(parts)
            if not has_moved:
                break
        if len(self._data) > self._limit_bytes:
            raise ValueError(f"a picture of more than {self._limit_bytes} bytes")
        return parts

    def _boundary_line(self, now_s: float) -> bool:
        """Drop lines up to and with a boundary."""
        line = self._line()
        if line is None:
            return False
        self._arrived_s = now_s
        if not self._boundary:
            self._boundary = line.lstrip(b"-") if line.startswith(b"--") else None
        if not self._boundary:
            return True
        # A body whose length was wrong may leave bytes in front of the boundary.
        if line.endswith(b"-" + self._boundary) or line == self._boundary:
            self._state = State.HEAD
        elif line.endswith(b"-" + self._boundary + b"--"):
            self.has_ended = True
        return True

    def _line(self) -> bytes | None:
        """The next line without its end; None while it is not whole."""
        end = self._data.find(b"\n")
        if end < 0:
            del self._data[:-LINE_LIMIT_BYTES]
            return None
        line = bytes(self._data[max(0, end - LINE_LIMIT_BYTES) : end]).rstrip(b"\r \t")
        del self._data[: end + 1]
        return line

    def _head(self, now_s: float) -> bool:
        """Read the part's head up to its empty line and choose how to read its body."""
        match = re.search(rb"(?:\A|\n)\r?\n", self._data)
        if match is None or match.start() > HEAD_LIMIT_BYTES:
            if len(self._data) > HEAD_LIMIT_BYTES:
                raise ValueError(f"a head of more than {HEAD_LIMIT_BYTES} bytes")
            return False
        fields = _fields(bytes(self._data[: match.end()]))
        del self._data[: match.end()]
        length = fields.get(b"content-length", b"")
        kind = fields.get(b"content-type", b"image/jpeg")
        self._scanned = 0
        self._length = int(length) if length.isdigit() and len(length) < 16 else 0
        if self._length > self._limit_bytes:
            raise ValueError(f"a picture of {self._length} bytes, more than {self._limit_bytes}")
        if self._length and self._believes_lengths:
            self._state = State.BODY
        else:
            self._state = State.JPEG if b"image/" in kind or b"octet-stream" in kind else State.BOUNDARY
        return True

    def _body(self, parts: list[Part]) -> bool:
        jpeg = self._by_length() if self._state is State.BODY else self._by_structure()
        if jpeg:
            parts.append(Part(jpeg, self._arrived_s))
        return jpeg is not None

    def _by_length(self) -> bytes | None:
        """The body of the announced length, empty when it is no whole JPEG; None while it is not there."""
        if len(self._data) < self._length:
            return None
        body = bytes(self._data[: self._length])
        del self._data[: self._length]
        self._state = State.BOUNDARY
        # Some servers count the line end behind the picture as part of it.
        jpeg = body if body.endswith(b"\xff\xd9") else body.rstrip(b"\r\n")
        if is_whole_jpeg(jpeg):
            return jpeg
        if jpeg.startswith(b"\xff\xd8"):
            self._believes_lengths = False
        self.torn += 1
        return b""

    def _by_structure(self) -> bytes | None:
        """The JPEG that starts here, empty when it is none; None while it is not whole."""
        data = self._data
        if not self._scanned:
            if len(data) < 2:
                return None
            if not data.startswith(b"\xff\xd8"):
                self.torn += 1
                self._state = State.BOUNDARY
                return b""
            self._scanned = 2
        try:
            is_end, self._scanned = scan_jpeg(data, self._scanned)
        except ValueError as cut_off:
            # The next picture starts inside this one: its head is behind us.
            del data[: cut_off.args[0]]
            self._scanned = 0
            self.torn += 1
            return b""
        if not is_end:
            return None
        self._state = State.BOUNDARY
        # Cut off inside a segment, the scan jumped over the boundary into the next picture.
        boundary = re.search(rb"\n-+" + re.escape(self._boundary or b"") + rb"\r?\n", data[: self._scanned])
        if boundary is not None:
            del data[: boundary.start() + 1]
            self.torn += 1
            return b""
        jpeg = bytes(data[: self._scanned])
        del data[: self._scanned]
        return jpeg


def _fields(head: bytes) -> dict[bytes, bytes]:
    """Names in lower case and values of a head's lines."""
    pairs = (line.partition(b":") for line in head.splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}
