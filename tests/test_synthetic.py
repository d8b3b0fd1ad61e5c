"""The test picture: readable by eye and by program, at the set size and rate."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from turret_by_hand import HandClock

from camera import image
from camera.synthetic import Bagel, Marks, SyntheticBackend, read_marks
from errors import NotSupported
from settings import CameraSettings


def test_marks_survive_jpeg_and_scaling() -> None:
    backend = SyntheticBackend(CameraSettings(width=1280, height=720, rate=1000), now=lambda: 1_795_000_000.123)
    pictures = list(islice(backend.frames(), 3))
    for jpeg in (pictures[2].jpeg, image.scaled(pictures[2].jpeg, 640, 360, 80)):
        assert read_marks(image.decode(jpeg)) == Marks(2, 1_795_000_000_123)


@pytest.mark.parametrize("size", [(64, 64), (320, 240), (1920, 1080)])
def test_size_is_the_one_asked_for(size: tuple[int, int]) -> None:
    backend = SyntheticBackend(CameraSettings(width=size[0], height=size[1], rate=1000))
    picture = next(backend.frames())
    assert image.size_of(picture.jpeg) == size == (picture.width_px, picture.height_px)


def test_picture_moves() -> None:
    times = iter((1_795_000_000.0, 1_795_000_001.0))
    backend = SyntheticBackend(CameraSettings(width=320, height=240, rate=1000), now=lambda: next(times))
    first, second = (image.decode(picture.jpeg)[:200] for picture in islice(backend.frames(), 2))
    assert (abs(first.astype(int) - second) > 40).any()


def test_pictures_come_at_the_set_rate() -> None:
    clock = HandClock()
    backend = SyntheticBackend(CameraSettings(width=64, height=64, rate=200), clock=clock, pause=clock.pause)
    times = [picture.captured_at for picture in islice(backend.frames(), 41) if picture]
    assert times == pytest.approx([1000 + number / 200 for number in range(41)])


def test_slow_rate_gives_heartbeats_in_between() -> None:
    backend = SyntheticBackend(CameraSettings(width=64, height=64, rate=1))
    assert [picture is None for picture in islice(backend.frames(), 2)] == [False, True]


@pytest.mark.parametrize("place", [(-500, 0), (-80, 5), (0, 0), (639, 359), (700, 400), (320, 180)])
def test_bagel_is_cut_off_at_the_edges(place: tuple[int, int]) -> None:
    ground = np.full((360, 640, 3), 100, np.uint8)
    expected = ground.copy()
    Bagel(80).draw(ground, *place, turn_deg=35)
    image.draw_bagel(expected, place, 80, turn_deg=35)
    assert np.abs(ground.astype(int) - expected).mean() < 0.5


def test_brightness_and_contrast_move_the_picture_and_leave_the_marks() -> None:
    camera = SyntheticBackend(CameraSettings(width=320, height=240, rate=1000))
    pictures = camera.frames()

    def mean_and_spread() -> tuple[float, float]:
        pixels = image.decode(next(pictures).jpeg)
        assert read_marks(pixels).unix_ms > 0
        return float(pixels[:200].mean()), float(pixels[:200].std())

    plain = mean_and_spread()
    assert camera.set_control("brightness", 168) == 168
    assert mean_and_spread()[0] == pytest.approx(plain[0] + 40, abs=3)
    camera.set_control("brightness", 128)
    assert camera.set_control("contrast", 64) == 64
    assert mean_and_spread()[1] == pytest.approx(plain[1] / 2, rel=0.1)
    assert {control.name: control.value for control in camera.controls} == {"brightness": 128, "contrast": 64}
    with pytest.raises(NotSupported, match="test picture has no control focus_absolute"):
        camera.set_control("focus_absolute", 1)


def test_the_extremes_leave_the_marks_readable() -> None:
    camera = SyntheticBackend(CameraSettings(width=320, height=240, rate=1000))
    camera.set_control("brightness", 255)
    camera.set_control("contrast", 0)
    pictures = camera.frames()
    assert [read_marks(image.decode(next(pictures).jpeg)).number for _ in range(3)] == [0, 1, 2]
