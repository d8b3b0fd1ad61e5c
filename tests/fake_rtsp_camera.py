"""A small RTSP camera (RFC 2326, H.264 by RFC 6184 over interleaved TCP) that plays encoded pictures.

Only what a client needs that asks for TCP: OPTIONS, DESCRIBE, SETUP, PLAY and TEARDOWN.
"""

from __future__ import annotations

import base64
import socket
import struct
import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

import av
import numpy as np
from fake_camera_server import FakeCameraServer

RTP_CLOCK_HZ = 90000
PAYLOAD_BYTES = 1200
WIDTH_PX, HEIGHT_PX, RATE_HZ, GROUP = 320, 240, 25, 10


def make_pictures(count: int = 50, pixel_format: str = "yuv420p") -> list[bytes]:
    """H.264 access units of gray pictures that grow lighter: picture n has the value 16 + 4 * (n % 50)."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH_PX, HEIGHT_PX, pixel_format
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, RATE_HZ), Fraction(RATE_HZ), GROUP
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "repeat-headers=1:scenecut=0"}
    units = []
    for number in range(count):
        pixels = np.full((HEIGHT_PX, WIDTH_PX, 3), shade_of(number), np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=pixel_format)
        frame.pts = number
        units += [bytes(packet) for packet in encoder.encode(frame)]
    return units + [bytes(packet) for packet in encoder.encode()]


def shade_of(number: int) -> int:
    """The gray value of a picture, 0..255, in full range."""
    return 16 + 4 * (number % 50)


def nal_units(unit: bytes) -> list[bytes]:
    """The parts of an access unit in Annex B format."""
    parts = unit.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [part for part in parts if part]


class FakeRtspCamera(FakeCameraServer):
    """Listens on a port of its own; a context manager.

    :param password: "name:password" that clients must send by Basic, None for anybody.
    :param is_mute: take connections but never answer.
    :param stop_after: send that many pictures and then nothing more.
    """

    def __init__(self, password: str | None = None, is_mute: bool = False, stop_after: int | None = None) -> None:
        self.password = password
        self.is_mute = is_mute
        self.stop_after = stop_after
        self.units = make_pictures()
        self.hangs_up = threading.Event()
        super().__init__()

    def url(self, user: str = "") -> str:
        return f"rtsp://{user}127.0.0.1:{self.port}/live"

    def serve(self, requests: Any, connection: socket.socket) -> None:
        if self.is_mute:
            self.closing.wait()
            return
        try:
            while (request := read_request(requests)) is not None:
                verb, fields = request
                connection.sendall(self.answer(verb, fields))
                if verb == "PLAY":
                    self.play(connection)
                    return
        except OSError:
            return  # the client left

    def answer(self, verb: str, fields: dict[str, str]) -> bytes:
        wanted = None if self.password is None else "Basic " + base64.b64encode(self.password.encode()).decode()
        lines = [f"CSeq: {fields['cseq']}"]
        body, status = "", "200 OK"
        if wanted is not None and verb != "OPTIONS" and fields.get("authorization") != wanted:
            status = "401 Unauthorized"
            lines.append('WWW-Authenticate: Basic realm="camera"')
        elif verb == "OPTIONS":
            lines.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif fields["path"] != "/live" and verb == "DESCRIBE":
            status = "404 Not Found"
        elif verb == "DESCRIBE":
            body = self.description()
            lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        elif verb == "SETUP":
            lines += [f"Transport: {fields['transport']}", "Session: 1"]
        elif verb == "PLAY":
            lines += ["Session: 1", "Range: npt=0.000-"]
        return "\r\n".join([f"RTSP/1.0 {status}", *lines, "", body]).encode()

    def description(self) -> str:
        sps, pps = nal_units(self.units[0])[:2]
        sets = ",".join(base64.b64encode(part).decode() for part in (sps, pps))
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\na=control:track0\r\n"
        )

    def play(self, connection: socket.socket) -> None:
        """Send the pictures at their rate, over and over, until told otherwise."""
        sequence, number = 0, 0
        while not self.closing.wait(1 / RATE_HZ) and not self.hangs_up.is_set():
            if self.stop_after is not None and number >= self.stop_after:
                continue
            for payload, is_last in packets_of(self.units[number % len(self.units)]):
                stamp = number * RTP_CLOCK_HZ // RATE_HZ
                head = struct.pack(">BBHII", 0x80, 96 | (0x80 if is_last else 0), sequence & 0xFFFF, stamp, 1)
                connection.sendall(b"$\0" + struct.pack(">H", len(head) + len(payload)) + head + payload)
                sequence += 1
            number += 1


def read_request(requests: Any) -> tuple[str, dict[str, str]] | None:
    """(verb, fields with names in lower case, and the "path"); None when the client left."""
    first = requests.readline()
    if not first:
        return None
    fields = {"path": urlsplit(first.split()[1].decode()).path}
    while line := requests.readline().strip():
        name, _, value = line.decode().partition(":")
        fields[name.lower()] = value.strip()
    return first.split()[0].decode(), fields


def packets_of(unit: bytes) -> Iterator[tuple[bytes, bool]]:
    """(RTP payload, whether it ends the picture): whole NAL units, or FU-A fragments of large ones."""
    parts = nal_units(unit)
    for index, part in enumerate(parts):
        is_last_part = index == len(parts) - 1
        if len(part) <= PAYLOAD_BYTES:
            yield part, is_last_part
            continue
        indicator, kind, body = part[0] & 0xE0 | 28, part[0] & 0x1F, part[1:]
        for at in range(0, len(body), PAYLOAD_BYTES):
            is_end = at + PAYLOAD_BYTES >= len(body)
            head = kind | (0x80 if at == 0 else 0) | (0x40 if is_end else 0)
            yield bytes([indicator, head]) + body[at : at + PAYLOAD_BYTES], is_last_part and is_end
