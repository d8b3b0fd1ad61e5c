"""What is done to a camera's buffers before they are published."""

from __future__ import annotations

import mmap

import cv2
import numpy as np
import pytest
from fakes import jpeg_of

from camera import image
from camera.pixels import encode_raw, encoder, has_huffman_tables, standard_huffman_tables, trimmed, with_huffman_tables

WIDTH, HEIGHT = 64, 48
# Patches that 4:2:0 cannot smear: each is a multiple of a JPEG block of 16 pixels wide.
PATCHES = [(190, 190, 190), (0, 190, 190), (190, 0, 190), (20, 30, 200)]


def patches() -> image.Pixels:
    """Four upright bars of `PATCHES`, BGR."""
    return np.repeat(np.array(PATCHES, np.uint8)[None, :, :], WIDTH // 4, axis=1).repeat(HEIGHT, axis=0)


def video_levels() -> tuple[image.Pixels, image.Pixels, image.Pixels]:
    """The patches' Y, U and V in BT.601 video levels (ITU-R BT.601-7, 2.5.3), from the formula."""
    blue, green, red = (patches()[..., channel].astype(float) / 255 for channel in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = (16 + 219 * luma, 128 + 224 * (blue - luma) / 1.772, 128 + 224 * (red - luma) / 1.402)
    return tuple(np.round(plane).astype(np.uint8) for plane in planes)


def raw_rows(pixel_format: str) -> image.Pixels:
    """The patches as a camera of that format lays them out, (rows, bytes)."""
    y, u, v = video_levels()
    if pixel_format in ("YUYV", "UYVY"):
        chroma = np.where(np.arange(WIDTH) % 2 == 0, u, v)
        pair = (y, chroma) if pixel_format == "YUYV" else (chroma, y)
        return np.stack(pair, axis=-1).reshape(HEIGHT, -1)
    if pixel_format == "NV12":
        return np.concatenate([y, np.stack((u[::2, ::2], v[::2, ::2]), axis=-1).reshape(HEIGHT // 2, WIDTH)])
    if pixel_format == "GREY":
        return cv2.cvtColor(patches(), cv2.COLOR_BGR2GRAY)
    return (patches() if pixel_format == "BGR3" else patches()[..., ::-1]).reshape(HEIGHT, -1)


def centres(pixels: image.Pixels) -> image.Pixels:
    """The color in the middle of each patch."""
    return pixels[HEIGHT // 2, 8::16].astype(int)


@pytest.mark.parametrize("pixel_format", ["YUYV", "UYVY", "NV12", "BGR3", "RGB3"])
@pytest.mark.parametrize("padding", [0, 32])
def test_raw_pictures_keep_their_colors(pixel_format: str, padding: int) -> None:
    rows = np.pad(raw_rows(pixel_format), ((0, 0), (0, padding)))
    pixels = image.decode(encode_raw(rows, pixel_format, WIDTH, 95))
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(centres(pixels) - PATCHES).max() <= 6


def test_gray_pictures_stay_gray() -> None:
    jpeg = encode_raw(raw_rows("GREY"), "GREY", WIDTH, 95)
    assert np.abs(centres(image.decode(jpeg))[:, 0] - raw_rows("GREY")[0, 8::16].astype(int)).max() <= 3
    assert len(jpeg) < len(encode_raw(raw_rows("BGR3"), "BGR3", WIDTH, 95))


@pytest.mark.parametrize("pixel_format", ["YUYV", "NV12"])
def test_a_short_buffer_gives_no_picture(pixel_format: str) -> None:
    raw = raw_rows(pixel_format).tobytes()
    encode = encoder(pixel_format, WIDTH, HEIGHT, 0, 80)
    assert encode is not None
    with mmap.mmap(-1, len(raw)) as buffer:
        buffer[:] = raw
        assert image.size_of(encode(buffer, len(raw))) == (WIDTH, HEIGHT)
        assert encode(buffer, len(raw) - 1) == b""


def test_quality_is_heeded() -> None:
    sizes = [len(encode_raw(raw_rows("YUYV"), "YUYV", WIDTH, quality)) for quality in (20, 95)]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("pixel_format", ["MJPG", "JPEG"])
def test_a_cameras_own_jpeg_is_not_encoded(pixel_format: str) -> None:
    assert encoder(pixel_format, WIDTH, HEIGHT, 0, 80) is None


def test_padding_is_cut_off_and_torn_pictures_are_empty() -> None:
    jpeg = jpeg_of(100)
    assert trimmed(jpeg + bytes(512)) == jpeg
    assert trimmed(jpeg[:-20]) == trimmed(jpeg[2:]) == trimmed(jpeg + b"\xff") == trimmed(b"") == b""


def test_a_jpeg_without_huffman_tables_decodes_alike_once_they_are_in() -> None:
    jpeg = image.encode(patches(), 90)
    bare = jpeg[: jpeg.index(b"\xff\xc4")] + jpeg[jpeg.index(b"\xff\xda") :]
    assert (has_huffman_tables(jpeg), has_huffman_tables(bare)) == (True, False)
    assert with_huffman_tables(bare) == jpeg
    assert standard_huffman_tables().startswith(b"\xff\xc4")


def test_rubbish_between_the_markers_is_left_alone() -> None:
    assert with_huffman_tables(b"\xff\xd8rubbish\xff\xd9") == b"\xff\xd8rubbish\xff\xd9"
    assert not has_huffman_tables(b"\xff\xd8\xff\xc4")
