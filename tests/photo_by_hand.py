"""A photo whose pixels are known, and what copies of it look like."""

from __future__ import annotations

import io
import struct

import numpy as np
import simplejpeg
from PIL import Image

from camera import image
from camera.image import Pixels

WIDTH_PX, HEIGHT_PX = 320, 240
# Blue, green, red of the ground, as under a light bulb, and of a box in the middle that has sharp edges.
GROUND_BGR, BOX_BGR = (60, 120, 180), (120, 190, 250)
BOX = (slice(80, 160), slice(120, 200))
SMALL = b"\xff\xd8the small picture in it\xff\xd9"


def reddish(width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX, quality: int = 95) -> bytes:
    """A JPEG with a color cast: a light box on darker ground."""
    pixels = np.empty((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    pixels[:], pixels[BOX] = GROUND_BGR, BOX_BGR
    factor = width_px // WIDTH_PX, height_px // HEIGHT_PX
    return image.encode(np.repeat(np.repeat(pixels, factor[1], 0), factor[0], 1), quality)


def means(jpeg: bytes) -> list[float]:
    """The means of blue, green and red."""
    return [float(mean) for mean in image.decode(jpeg).reshape(-1, 3).mean(0)]


def luma(jpeg: bytes) -> Pixels:
    """Brightness alone."""
    found: Pixels = simplejpeg.decode_jpeg(jpeg, "GRAY")[:, :, 0]
    return found


def is_gray(jpeg: bytes) -> bool:
    """It has no chroma at all."""
    return bool(simplejpeg.decode_jpeg_header(jpeg)[2] == "Gray")


def has_edges_of_the_box(jpeg: bytes) -> bool:
    """White lines along the box, black everywhere else."""
    pixels = luma(jpeg)
    near, far = np.zeros_like(pixels, bool), np.ones_like(pixels, bool)
    (top, bottom), (left, right) = ((part.start, part.stop) for part in BOX)
    near[top - 2 : bottom + 2, left - 2 : right + 2] = True
    near[top + 2 : bottom - 2, left + 2 : right - 2] = False
    far[top - 12 : bottom + 12, left - 12 : right + 12] = False
    far[top + 12 : bottom - 12, left + 12 : right - 12] = True
    rows = pixels[top + 10 : bottom - 10, left - 2 : left + 2].max(1)
    return bool((rows > 200).all() and pixels[far].max() < 30 and pixels[near].mean() > 50)


def exif_of(jpeg: bytes) -> dict[int, object]:
    """The tags of the first directory and of Exif's own, as Pillow reads them."""
    found = Image.open(io.BytesIO(jpeg)).getexif()
    return {**found, **found.get_ifd(0x8769)}


def from_another_camera(jpeg: bytes) -> bytes:
    """The JPEG with Exif in the other byte order: maker, "turn me", and a small picture of its own."""
    tags = struct.pack(">HHHI4s", 2, 0x010F, 2, 4, b"Eos\0") + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    small = struct.pack(">HHHII", 2, 0x0201, 4, 1, 68) + struct.pack(">HHII", 0x0202, 4, 1, len(SMALL))
    tiff = b"MM\0*" + struct.pack(">I", 8) + tags + struct.pack(">I", 38) + small + struct.pack(">I", 0)
    block = b"Exif\0\0" + tiff + SMALL
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


def small_picture_in(jpeg: bytes) -> bytes | None:
    """What a reader of Exif of that byte order finds by the second directory."""
    tiff = jpeg[jpeg.index(b"Exif\0\0") + 6 :]
    (first_at,) = struct.unpack_from(">I", tiff, 4)
    (count,) = struct.unpack_from(">H", tiff, first_at)
    (second_at,) = struct.unpack_from(">I", tiff, first_at + 2 + 12 * count)
    if not second_at:
        return None
    (start,), (length,) = (struct.unpack_from(">I", tiff, second_at + 2 + 12 * entry + 8) for entry in range(2))
    return tiff[start : start + length]
