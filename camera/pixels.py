"""From a V4L2 buffer to a JPEG that everybody can show: checked, completed or encoded, never decoded.

Called from the capture loop: what a good camera needs not at all, what a bad one needs once per frame.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import simplejpeg

from camera import image
from camera.backend import EOI, SOI

DHT = b"\xff\xc4"
SOS = b"\xff\xda"
ROW_BYTES_PER_PIXEL = {"YUYV": 2, "UYVY": 2, "NV12": 1, "BGR3": 3, "RGB3": 3, "GREY": 1}


def encoder(pixel_format: str, width_px: int, height_px: int, stride_bytes: int, quality: int) -> RawEncoder | None:
    """What makes JPEGs of a camera's buffers; None for a camera that sends JPEG.

    :param stride_bytes: from one row to the next; 0 where the driver leaves it open, then rows touch.
    """
    if pixel_format in ("MJPG", "JPEG"):
        return None
    stride = max(stride_bytes, width_px * ROW_BYTES_PER_PIXEL[pixel_format])
    return RawEncoder(pixel_format, width_px, height_px, stride, quality)


@dataclass(frozen=True)
class RawEncoder:
    """Encodes straight from the driver's memory; empty when the buffer is shorter than a picture."""

    pixel_format: str
    width_px: int
    height_px: int
    stride_bytes: int
    quality: int

    def __call__(self, buffer: mmap.mmap, used: int) -> bytes:
        rows = self.height_px * 3 // 2 if self.pixel_format == "NV12" else self.height_px
        if used < rows * self.stride_bytes:
            return b""
        pixels = np.frombuffer(buffer, np.uint8, rows * self.stride_bytes)
        return encode_raw(pixels.reshape(rows, self.stride_bytes), self.pixel_format, self.width_px, self.quality)


def trimmed(jpeg: bytes) -> bytes:
    """The JPEG without the zero bytes that cameras fill up a USB payload with; empty when it is torn.

    A JPEG is whole when it starts with SOI and ends with EOI (ITU-T T.81, B.1.1.3).
    """
    bare = jpeg.rstrip(b"\0")
    return bare if bare.startswith(SOI) and bare.endswith(EOI) else b""


def has_huffman_tables(jpeg: bytes) -> bool:
    """False for the JPEGs of webcams that leave the standard tables out, as AVI's MJPG allows."""
    return any(marker == DHT for marker, _, _ in segments(jpeg))


def with_huffman_tables(jpeg: bytes) -> bytes:
    """The JPEG with the standard tables (T.81, K.3) in front of its scan: browsers forgive their absence,
    other programs do not. For a JPEG that has none.
    """
    scan_at = next((start for marker, start, _ in segments(jpeg) if marker == SOS), None)
    return jpeg if scan_at is None else b"".join((jpeg[:scan_at], standard_huffman_tables(), jpeg[scan_at:]))


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
