"""Filters and sizes changed in the middle of a recording: every picture of the clip can be read, and its film plays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import simplejpeg
from fakes import wait_until
from tunable_camera import TunableCamera

from camera import image
from camera.capture import Capture
from camera.clip import Clip
from camera.converter import convert
from camera.hub import FrameHub
from camera.playback import pictures_of
from camera.recorder import Recorder
from camera.tuning import Tuning
from settings import CameraSettings, RecordingSettings

SOFTWARE = RecordingSettings(encoder="software", preset="ultrafast")


class Bench:
    """A camera, what may be changed about it, and a recorder."""

    def __init__(self, folder: Path) -> None:
        self.hub = FrameHub()
        self.camera = TunableCamera()
        self.capture = Capture(self.camera, self.hub, CameraSettings(width=320, height=240))
        self.tuning = Tuning(self.camera, self.capture, self.hub)
        self.recorder = Recorder(self.hub, RecordingSettings(), folder, clock=self._camera_time)

    def _camera_time(self) -> float:
        """The time of the newest picture: a busy machine makes no pause, which the recorder would fill."""
        latest = self.hub.latest
        return time.monotonic() if latest is None else latest.captured_at

    def record_some(self) -> None:
        """Until some more pictures are in the clip."""
        count = self.recorder.state.frames
        wait_until(lambda: self.recorder.state.frames >= count + 5, "more pictures")

    def change(self, **values: object) -> None:
        self.tuning.change(values, "anna")
        self.record_some()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "partial")
    made.capture.start()
    made.recorder.open()
    yield made
    made.recorder.close()
    made.capture.stop(5.0)


def sizes_of(clip: Clip) -> list[tuple[int, int]]:
    """The size of each segment, all of whose pictures have it."""
    sizes = []
    for segment in clip.segments:
        found = {image.size_of(jpeg) for _, jpeg in pictures_of([segment])}
        assert len(found) == 1, f"{segment.name} has pictures of sizes {found}"
        sizes.append(found.pop())
    return sizes


def assert_plays(clip: Clip, film: Path) -> None:
    facts = convert(clip.segments, film, SOFTWARE)
    assert facts is not None
    assert (facts.codec, facts.pixel_format, facts.broken) == ("h264", "yuv420p", 0)
    assert facts.duration_s == pytest.approx(clip.duration_s, abs=0.6)


def test_colors_come_and_go_within_one_segment(bench: Bench, tmp_path: Path) -> None:
    bench.recorder.start()
    bench.record_some()
    bench.change(grayscale=True)
    bench.change(grayscale=False, timestamp=True)
    bench.change(timestamp=False, edges=True)
    bench.change(edges=False, white_balance_correction=True)
    clip = bench.recorder.stop()
    assert sizes_of(clip) == [(320, 240)]
    kinds = {simplejpeg.decode_jpeg_header(jpeg)[2] for _, jpeg in pictures_of(clip.segments)}
    assert kinds == {"YCbCr", "Gray"}
    assert sum(1 for _ in pictures_of(clip.segments)) == clip.frames
    assert_plays(clip, tmp_path / "film.mp4")


def test_another_size_ends_a_segment_and_begins_the_next(bench: Bench, tmp_path: Path) -> None:
    bench.recorder.start()
    bench.record_some()
    bench.change(half_resolution=True)
    bench.change(rotation=90)
    bench.change(half_resolution=False, rotation=0)
    bench.change(size="640x480")
    clip = bench.recorder.stop()
    sizes = sizes_of(clip)
    assert sizes == [(320, 240), (160, 120), (120, 160), (320, 240), (640, 480)]
    assert sum(1 for _ in pictures_of(clip.segments)) == clip.frames
    assert_plays(clip, tmp_path / "film.mp4")


def test_a_size_that_is_odd_plays_too(bench: Bench, tmp_path: Path) -> None:
    bench.camera.lies.add("320x240")
    bench.camera.lie = (161, 121)
    bench.tuning.change({"half_resolution": True, "rotation": 90, "zoom": 3}, "anna")
    bench.recorder.start()
    bench.record_some()
    clip = bench.recorder.stop()
    assert sizes_of(clip) == [(61, 81)]
    assert_plays(clip, tmp_path / "film.mp4")
