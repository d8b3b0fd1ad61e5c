"""Pure functions on pictures."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import jpeg_of

from camera import image
from camera.backend import is_whole_jpeg


@pytest.mark.parametrize(
    ("box", "expected"),
    [((640, 360), (640, 360)), ((800, 600), (800, 450)), ((100, 1000), (100, 56)), ((4000, 4000), (1280, 720))],
)
def test_scaled_keeps_the_shape_and_never_enlarges(box: tuple[int, int], expected: tuple[int, int]) -> None:
    jpeg = jpeg_of(90, 1280, 720)
    smaller = image.scaled(jpeg, *box, 80)
    assert image.size_of(smaller) == expected
    assert abs(image.decode(smaller).mean() - 90) < 2


def test_placeholder_has_the_size_and_some_text_in_it() -> None:
    jpeg = image.placeholder(640, 360, "No live picture", ["the camera was unplugged", "since 12:00:00"])
    pixels = image.decode(jpeg)
    assert pixels.shape == (360, 640, 3)
    assert (pixels > 200).all(axis=2).sum() > 200


@pytest.mark.parametrize("text", ["", "x" * 500, "Schräge Büchse 日本", "a\0b"])
def test_placeholder_takes_any_text_at_any_size(text: str) -> None:
    for size in ((64, 64), (1920, 1080)):
        assert image.size_of(image.placeholder(*size, text, [text, text])) == size


def test_encode_and_decode_are_inverse_up_to_jpeg() -> None:
    pixels = np.full((48, 64, 3), (200, 100, 50), np.uint8)
    assert np.abs(image.decode(image.encode(pixels, 95)).astype(int) - pixels).max() <= 3


def test_whole_jpeg_is_known_from_torn_ones() -> None:
    whole = jpeg_of(50)
    assert is_whole_jpeg(whole)
    assert is_whole_jpeg(whole + bytes(100))
    assert not is_whole_jpeg(whole[: len(whole) // 2])
    assert not is_whole_jpeg(whole[2:])
    assert not is_whole_jpeg(b"")
