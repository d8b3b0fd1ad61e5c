"""Pure functions on JPEG bytes and pixels. Arrays are BGR, (height, width, 3), uint8."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from camera.backend import SOI, is_whole_jpeg
from errors import NotPlayable

Pixels = npt.NDArray[np.uint8]

THUMBNAIL_BYTES_MAX = 15_000
# Side and quality, the first that is small enough. Even noise passes at the last (320x320 of it: 52, 38, 20 and 3 kB).
THUMBNAIL_TRIES = ((320, 70), (320, 45), (320, 20), (160, 20))

GROUND_BGR = (26, 22, 20)
INK_BGR = (244, 239, 236)
SOFT_BGR = (189, 173, 163)
BAGEL_BGR = (76, 168, 233)


def encode(pixels: Pixels, quality: int) -> bytes:
    """Baseline 4:2:0 JPEG of `pixels`, quality 1..100."""
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=quality, colorspace="BGR", colorsubsampling="420", fastdct=True
    )
    return data


def decode(jpeg: bytes) -> Pixels:
    """The pixels of a JPEG.

    :raises ValueError: when the bytes are no JPEG.
    """
    pixels: Pixels = simplejpeg.decode_jpeg(jpeg, "BGR")
    return pixels


def size_of(jpeg: bytes) -> tuple[int, int]:
    """(width_px, height_px) from the JPEG's header, without decoding.

    :raises ValueError: when the bytes are no JPEG.
    """
    height_px, width_px, _, _ = simplejpeg.decode_jpeg_header(jpeg)
    return width_px, height_px


def whole_size(content: bytes, is_strict: bool = False) -> tuple[int, int]:
    """(width_px, height_px) of a picture file that really decodes: JPEG, or anything else OpenCV reads.

    :param is_strict: refuse a JPEG that the decoder can show but complains about.
    :raises NotPlayable: says what is wrong with it.
    """
    if content[:2] != SOI:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
        if pixels is None:
            raise NotPlayable("this is not a picture")
        return int(pixels.shape[1]), int(pixels.shape[0])
    if not is_whole_jpeg(content):
        raise NotPlayable("this JPEG is cut off")
    try:
        simplejpeg.decode_jpeg(content, "GRAY", fastdct=True, min_width=1, min_height=1, strict=is_strict)
        return size_of(content)
    except ValueError as error:
        raise NotPlayable(f"this JPEG cannot be decoded: {error}") from None


def fitted_size(width_px: int, height_px: int, box_width_px: int, box_height_px: int) -> tuple[int, int]:
    """The largest size of the same shape that fits into the box and does not enlarge; at least 1x1."""
    scale = min(1.0, box_width_px / width_px, box_height_px / height_px)
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def scaled(jpeg: bytes, box_width_px: int, box_height_px: int, quality: int) -> bytes:
    """The picture made to fit into a box, keeping its shape and never enlarged.

    The decoder scales by n/8 on the way (libjpeg's DCT scaling), which costs a third of a full decode;
    only the rest is resampled.
    """
    width_px, height_px = fitted_size(*size_of(jpeg), box_width_px, box_height_px)
    pixels = simplejpeg.decode_jpeg(jpeg, "BGR", fastdct=True, min_width=width_px, min_height=height_px)
    if pixels.shape[:2] != (height_px, width_px):
        pixels = cv2.resize(pixels, (width_px, height_px), interpolation=cv2.INTER_AREA)
    return encode(pixels, quality)


def thumbnail(jpeg: bytes) -> bytes:
    """The picture at most THUMBNAIL_PX wide and high and, whatever it shows, at most THUMBNAIL_BYTES_MAX large.

    :raises ValueError: when the bytes are no JPEG.
    """
    small = jpeg
    for side_px, quality in THUMBNAIL_TRIES:
        small = scaled(jpeg, side_px, side_px, quality)
        if len(small) <= THUMBNAIL_BYTES_MAX:
            break
    return small


def placeholder(width_px: int, height_px: int, title: str, lines: Sequence[str], quality: int = 80) -> bytes:
    """A JPEG that says in words why there is no picture; text that cannot be drawn becomes '?'."""
    pixels = np.empty((height_px, width_px, 3), np.uint8)
    pixels[:] = GROUND_BGR
    unit = min(width_px / 1280, height_px / 720)
    draw_bagel(pixels, (width_px // 2, round(height_px / 2 - 130 * unit)), round(64 * unit))
    top_px = height_px / 2 + 30 * unit
    _centred(pixels, title, top_px, 1.5 * unit, INK_BGR)
    for row, line in enumerate(_wrapped(lines, width_px, 0.8 * unit)):
        _centred(pixels, line, top_px + (56 + 40 * row) * unit, 0.8 * unit, SOFT_BGR)
    return encode(pixels, quality)


def draw_bagel(pixels: Pixels, centre: tuple[int, int], radius_px: int, turn_deg: float = 0.0) -> None:
    """Draw our bagel into `pixels`, turned by `turn_deg`; the part outside the picture is cut off."""
    thickness_px = max(2, round(radius_px * 0.62))
    ring_px = max(1, radius_px - thickness_px // 2)
    cv2.circle(pixels, centre, ring_px, (47, 125, 201), thickness_px, cv2.LINE_AA)
    cv2.circle(pixels, centre, ring_px, BAGEL_BGR, max(1, round(thickness_px * 0.62)), cv2.LINE_AA)
    for seed in range(9):
        angle = np.deg2rad(turn_deg + seed * 40)
        reach_px = ring_px + (seed % 3 - 1) * thickness_px * 0.2
        spot = (round(centre[0] + reach_px * np.cos(angle)), round(centre[1] + reach_px * np.sin(angle)))
        cv2.circle(pixels, spot, max(1, radius_px // 22), (214, 243, 255), -1, cv2.LINE_AA)


def _wrapped(lines: Sequence[str], width_px: int, scale: float) -> list[str]:
    """The lines broken at spaces so that each fits 90 % of the width."""
    fitted: list[str] = []
    for line in lines:
        row = ""
        for word in line.split():
            longer = f"{row} {word}".strip()
            if row and _text_width_px(longer, scale) > 0.9 * width_px:
                fitted.append(row)
                longer = word
            row = longer
        fitted.append(row)
    return fitted


def _text_width_px(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0])


def _centred(pixels: Pixels, text: str, y_px: float, scale: float, color: tuple[int, int, int]) -> None:
    plain = text.encode("ascii", "replace").decode()
    x_px = (pixels.shape[1] - _text_width_px(plain, scale)) // 2
    thickness_px = max(1, round(scale * 2))
    cv2.putText(
        pixels, plain, (max(4, x_px), round(y_px)), cv2.FONT_HERSHEY_SIMPLEX, scale, color, thickness_px, cv2.LINE_AA
    )
