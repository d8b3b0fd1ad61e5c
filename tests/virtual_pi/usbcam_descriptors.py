"""What the software webcam tells about itself: USB descriptors.

Sources: USB 2.0 chapter 9 and USB Video Class 1.1, 3.7 to 3.9.
"""

from __future__ import annotations

import struct

from tests.virtual_pi.usbcam_controls import PROCESSING, TERMINAL, bitmap

SIZES = [(640, 480), (320, 240), (1280, 720)]
INTERVALS = [333333, 666666, 1000000]  # 30, 15 and 10 pictures a second, in 100 ns
MJPG, YUYV = 1, 2  # format indexes
GUID_YUY2 = b"YUY2\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"


def string_descriptor(text: str) -> bytes:
    raw = text.encode("utf-16-le")
    return bytes([len(raw) + 2, 3]) + raw


def device_descriptor() -> bytes:
    return struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0xEF, 2, 1, 64, 0x1D6B, 0x0102, 0x0100, 1, 2, 3, 1)


def frame_descriptor(subtype: int, index: int, width: int, height: int) -> bytes:
    """A frame descriptor; uncompressed sizes offer only the rates a USB 2 bus could carry."""
    size = width * height * 2
    rates = [interval for interval in INTERVALS if subtype == 7 or size * 10e6 / interval < 30e6]
    body = struct.pack("<BBHHIIIIB", index, 0, width, height, size * 8, size * 240, size, rates[0], len(rates))
    body += b"".join(struct.pack("<I", rate) for rate in rates)
    return bytes([len(body) + 3, 0x24, subtype]) + body


def config_descriptor() -> bytes:
    """One configuration: a video control interface and a bulk video streaming interface."""
    camera = struct.pack("<BBBBHBBHHHB", 18, 0x24, 2, 1, 0x0201, 0, 0, 0, 0, 0, 3)
    camera += bitmap(TERMINAL, 3)
    unit = struct.pack("<BBBBBHB", 11, 0x24, 5, 2, 1, 0, 2) + bitmap(PROCESSING, 2) + b"\0"
    output = struct.pack("<BBBBHBBB", 9, 0x24, 3, 3, 0x0101, 0, 2, 0)
    units = camera + unit + output
    header = struct.pack("<BBBHHIBB", 13, 0x24, 1, 0x0100, 13 + len(units), 48000000, 1, 1)
    color = b"\x06\x24\x0d\x01\x01\x04"
    formats = struct.pack("<BBBBBBBBBBB", 11, 0x24, 6, MJPG, len(SIZES), 1, 1, 0, 0, 0, 0)
    formats += b"".join(frame_descriptor(7, i + 1, *size) for i, size in enumerate(SIZES)) + color
    formats += struct.pack("<BBBBB", 27, 0x24, 4, YUYV, len(SIZES)) + GUID_YUY2 + bytes([16, 1, 0, 0, 0, 0])
    formats += b"".join(frame_descriptor(5, i + 1, *size) for i, size in enumerate(SIZES)) + color
    stream = struct.pack("<BBBBHBBBBBBBBB", 15, 0x24, 1, 2, 15 + len(formats), 0x81, 0, 3, 0, 0, 0, 1, 0, 0) + formats
    parts = bytes([8, 0x0B, 0, 2, 0x0E, 3, 0, 2])
    parts += bytes([9, 4, 0, 0, 0, 0x0E, 1, 0, 2]) + header + units
    parts += bytes([9, 4, 1, 0, 1, 0x0E, 2, 0, 0]) + stream + struct.pack("<BBBBHB", 7, 5, 0x81, 2, 512, 0)
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(parts), 2, 1, 0, 0x80, 250) + parts
