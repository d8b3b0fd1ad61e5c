"""From a V4L2 buffer to a JPEG that everybody can show: checked, completed or encoded, never decoded.

`taker` gives the function for a pixel format; it is called in the capture loop once per frame.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import simplejpeg

from camera import image
from camera.backend import EOI, SOI

Taker = Callable[[mmap.mmap, int], bytes | None]

DHT = b"\xff\xc4"
SOS = b"\xff\xda"
HEAD_BYTES = 1024
ROW_BYTES_PER_PIXEL = {"YUYV": 2, "UYVY": 2, "NV12": 1, "BGR3": 3, "RGB3": 3, "GREY": 1}


def taker(pixel_format: str, width_px: int, height_px: int, stride_bytes: int, quality: int) -> Taker:
    """A function from (buffer, bytes used) to a whole JPEG, or None when the buffer holds no whole picture.

    :param stride_bytes: from one row to the next; 0 where the driver leaves it open, then rows touch.
    """
    if pixel_format in ("MJPG", "JPEG"):
        return take_jpeg
    stride = max(stride_bytes, width_px * ROW_BYTES_PER_PIXEL[pixel_format])
    return RawTaker(pixel_format, width_px, height_px, stride, quality)


@dataclass(frozen=True)
class RawTaker:
    """Encodes straight from the driver's memory; None when the buffer is shorter than a picture."""

    pixel_format: str
    width_px: int
    height_px: int
    stride_bytes: int
    quality: int

    def __call__(self, buffer: mmap.mmap, used: int) -> bytes | None:
        rows = self.height_px * 3 // 2 if self.pixel_format == "NV12" else self.height_px
        if used < rows * self.stride_bytes:
            return None
        pixels = np.frombuffer(buffer, np.uint8, rows * self.stride_bytes)
        return encode_raw(pixels.reshape(rows, self.stride_bytes), self.pixel_format, self.width_px, self.quality)


def take_jpeg(buffer: mmap.mmap, used: int) -> bytes | None:
    """The camera's own JPEG, copied once out of the driver's memory; None when it is torn.

    Zero bytes behind the end are cut off (cameras fill up a USB payload with them). The Huffman tables that
    many webcams leave out are put in: browsers forgive that, other programs do not.
    """
    jpeg = buffer[:used]
    if not jpeg.endswith(EOI):
        jpeg = jpeg.rstrip(b"\0")
        if not jpeg.endswith(EOI):
            return None
    if not jpeg.startswith(SOI):
        return None
    return jpeg if jpeg.find(DHT, 0, HEAD_BYTES) >= 0 else with_huffman_tables(jpeg)


def with_huffman_tables(jpeg: bytes) -> bytes:
    """The JPEG with the standard tables (ITU-T T.81, K.3) in front of its scan, unless it has tables."""
    scan_at = -1
    for marker, start, _ in segments(jpeg):
        if marker == DHT:
            return jpeg
        if marker == SOS:
            scan_at = start
    return jpeg if scan_at < 0 else b"".join((jpeg[:scan_at], standard_huffman_tables(), jpeg[scan_at:]))


@cache
def standard_huffman_tables() -> bytes:
    """The DHT segments of T.81, K.3: those libjpeg writes unless it is told to optimize."""
    jpeg = simplejpeg.encode_jpeg(np.zeros((16, 16, 3), np.uint8), colorsubsampling="420")
    return b"".join(jpeg[start:end] for marker, start, end in segments(jpeg) if marker == DHT)


def segments(jpeg: bytes) -> list[tuple[bytes, int, int]]:
    """(marker, start, end) of each segment from behind SOI up to and including the first SOS (T.81, B.1.1.4)."""
    found = []
    start = 2
    while start + 4 <= len(jpeg) and jpeg[start] == 0xFF:
        end = start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")
        found.append((jpeg[start : start + 2], start, end))
        if found[-1][0] == SOS:
            break
        start = end
    return found


def encode_raw(rows: image.Pixels, pixel_format: str, width_px: int, quality: int) -> bytes:
    """JPEG of raw rows, (rows, stride bytes), uint8; YUV in BT.601 with video levels, as webcams send.

    By way of BGR: splitting YUYV into planes and stretching its levels costs the same as cv2's conversion
    plus the encoder's own (2.4 ms of CPU at 1280x720), and keeps every format on one path.
    """
    if pixel_format == "NV12":
        return image.encode(np.asarray(cv2.cvtColor(rows[:, :width_px], cv2.COLOR_YUV2BGR_NV12), np.uint8), quality)
    per_pixel = ROW_BYTES_PER_PIXEL[pixel_format]
    packed = rows[:, : width_px * per_pixel].reshape(len(rows), width_px, per_pixel)
    if pixel_format == "GREY":
        jpeg: bytes = simplejpeg.encode_jpeg(
            np.ascontiguousarray(packed), quality=quality, colorspace="GRAY", colorsubsampling="Gray", fastdct=True
        )
        return jpeg
    conversion = {"YUYV": cv2.COLOR_YUV2BGR_YUYV, "UYVY": cv2.COLOR_YUV2BGR_UYVY, "RGB3": cv2.COLOR_RGB2BGR}
    pixels = packed if pixel_format == "BGR3" else cv2.cvtColor(packed, conversion[pixel_format])
    return image.encode(np.asarray(pixels, np.uint8), quality)
