"""Whether a file is a film."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import big_jpeg, write_clip

from camera.converter import convert
from camera.probe import probe
from errors import NotPlayable
from settings import RecordingSettings

SOFTWARE = RecordingSettings(encoder="software", preset="ultrafast")


@pytest.fixture
def good_film(tmp_path: Path) -> Path:
    path = tmp_path / "good.mp4"
    convert(write_clip(tmp_path / "good clip", [(n / 10, big_jpeg(n)) for n in range(40)]), path, SOFTWARE)
    return path


def test_probe_refuses_what_is_no_film(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"hello", os.urandom(4000), b"\0" * 9000)):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(content)
        with pytest.raises(NotPlayable, match=path.name):
            probe(path)
    with pytest.raises(NotPlayable, match=r"gone\.mp4"):
        probe(tmp_path / "gone.mp4")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_probe_refuses_a_film_that_is_cut_off(good_film: Path, share: float) -> None:
    good_film.write_bytes(good_film.read_bytes()[: round(share * good_film.stat().st_size)])
    with pytest.raises(NotPlayable):
        probe(good_film)


def test_probe_reads_films_of_others(tmp_path: Path) -> None:
    """A Motion JPEG AVI as other programs write it."""
    path = tmp_path / "other.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 48))
    for shade in range(20):
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    facts = probe(path)
    assert (facts.duration_s, facts.frames, facts.width_px, facts.height_px, facts.codec) == (1.0, 20, 64, 48, "mjpeg")
