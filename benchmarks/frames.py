"""The frames every measurement plays: drawn here, kept under build/bench/frames/WxH.

What a USB camera sends: baseline JPEG, 4:2:0, the standard Huffman tables. The scene (fine texture
that drifts and zooms, moving discs, a counter, sensor noise) is the same at every start; the quality
is chosen so that a 1280x720 frame has about 98 kB, as the frames of an ordinary webcam do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

Image = NDArray[np.uint8]

FRAMES = 300
RATE_HZ = 30
QUALITY = 79
NOISE_LEVELS = 5.0
TEXTURE_PX = 2048
SMALLEST_OCTAVE_PX = 8
DONE = "complete"


def parse_size(text: str) -> tuple[int, int]:
    """`1280x720` -> (1280, 720).

    :raises ValueError: when the text is no size, or not an even one between 64x64 and 4096x2160.
    """
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ValueError(f"size {text!r} is not WIDTHxHEIGHT, as in 1280x720")
    size = int(width), int(height)
    if not (64 <= size[0] <= 4096 and 64 <= size[1] <= 2160) or size[0] % 2 or size[1] % 2:
        raise ValueError(f"size {text} is not even or outside 64x64..4096x2160")
    return size


def frames_folder(root: Path, size: tuple[int, int], count: int = FRAMES) -> Path:
    """The folder with `count` frames of `size`, made first if need be. Takes half a minute for 1920x1080."""
    folder = root / f"{size[0]}x{size[1]}"
    mark = folder.parent / f".{folder.name}.{DONE}"
    if mark.exists() and len(list(folder.glob("*.jpg"))) == count:
        return folder
    print(f"drawing {count} frames of {folder.name} ...", file=sys.stderr, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    for number, jpeg in enumerate(draw_frames(size, count)):
        (folder / f"{number:05d}.jpg").write_bytes(jpeg)
    mark.touch()
    return folder


def draw_frames(size: tuple[int, int], count: int) -> Iterator[bytes]:
    """Yield `count` JPEGs of the moving scene."""
    random = np.random.default_rng(20)
    texture = _texture(random)
    noise = [_noise(random, size) for _ in range(4)]
    for number in range(count):
        scene = _scene(texture, size, number)
        yield encode(cv2.add(scene, noise[number % len(noise)], dtype=cv2.CV_8U))


def encode(image: Image) -> bytes:
    """A BGR picture as baseline JPEG, 4:2:0, standard Huffman tables (ITU-T T.81, annex K.3)."""
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image), quality=QUALITY, colorspace="BGR", colorsubsampling="420", fastdct=True
    )
    return data


def _texture(random: np.random.Generator) -> Image:
    """Octaves of smooth noise, coarse to fine: BGR, (TEXTURE_PX, TEXTURE_PX, 3), uint8."""
    total = np.zeros((TEXTURE_PX, TEXTURE_PX, 3), np.float32)
    cells, strength = 4, 1.0
    while TEXTURE_PX // cells >= SMALLEST_OCTAVE_PX:
        coarse = random.random((cells, cells, 3), np.float32) - 0.5
        total += strength * cv2.resize(coarse, (TEXTURE_PX, TEXTURE_PX), interpolation=cv2.INTER_CUBIC)
        cells, strength = cells * 2, strength * 0.62
    low, high = total.min(), total.max()
    return ((total - low) * (255 / (high - low))).astype(np.uint8)


def _noise(random: np.random.Generator, size: tuple[int, int]) -> NDArray[np.int16]:
    width, height = size
    return np.rint(random.normal(0, NOISE_LEVELS, (height, width, 3))).astype(np.int16)


def _scene(texture: Image, size: tuple[int, int], number: int) -> Image:
    width, height = size
    angle_deg = 0.3 * number
    zoom = (1.3 + 0.8 * np.sin(number / 40)) * 1280 / width
    turn = cv2.getRotationMatrix2D((TEXTURE_PX / 2, TEXTURE_PX / 2), angle_deg, 1 / zoom)
    turn[:, 2] += (width / 2 - TEXTURE_PX / 2, height / 2 - TEXTURE_PX / 2)
    image = cv2.warpAffine(texture, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    for disc in range(5):
        _draw_disc(image, number, disc)
    cv2.putText(image, f"{number:05d}", (16, height - 24), cv2.FONT_HERSHEY_SIMPLEX, height / 240, (255, 255, 255), 3)
    return image


def _draw_disc(image: Image, number: int, disc: int) -> None:
    height, width = image.shape[:2]
    phase = number / RATE_HZ * (0.5 + 0.2 * disc) + disc
    centre = (int(width * (0.5 + 0.45 * np.sin(phase))), int(height * (0.5 + 0.4 * np.cos(1.3 * phase))))
    color = ((disc * 67) % 256, (disc * 131 + 80) % 256, (disc * 29 + 150) % 256)
    cv2.circle(image, centre, height // (8 + disc), color, -1, cv2.LINE_AA)
