"""Network cameras that must be decoded (RTSP, H.264) and video files."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from fake_rtsp_camera import HEIGHT_PX, RATE_HZ, WIDTH_PX, FakeRtspCamera, shade_of
from fakes import jpeg_of, wait_until
from metronome import within
from network_by_hand import pictures_of

from camera import image, network_reader, network_video
from camera.network import NetworkBackend
from camera.network_reader import Reader, Shot
from camera.network_video import Delay, VideoSource, encode_frame
from errors import CameraLost, NoCamera
from settings import CameraSettings

SECRET = "s3cret"


@pytest.fixture(autouse=True)
def no_reader_is_left() -> Iterator[None]:
    yield
    wait_until(lambda: all(t.name != "network camera" for t in threading.enumerate()), "every reader ended")


def backend_for(url: str) -> NetworkBackend:
    return NetworkBackend(CameraSettings(camera="network", url=url))


class Waiting(threading.Event):
    """Waits by moving a clock, `now_s`."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0

    def wait(self, timeout: float | None = None) -> bool:
        self.now_s += timeout or 0.0
        return self.is_set()


class Keeper(Reader):
    """A reader that keeps every picture, as a consumer would that is never late, and stops after `count`."""

    def __init__(self, source: VideoSource, count: int, stopping: threading.Event) -> None:
        super().__init__("test", source)
        self.shots: list[Shot] = []
        self._count = count
        self.stopping = stopping

    def put(self, shot: Shot) -> None:
        self.shots.append(shot)
        if len(self.shots) == self._count:
            self.stopping.set()


def shots_of(url: str, count: int) -> tuple[list[Shot], VideoSource]:
    """The next pictures of a video, none left out, and the source they came from; at once, by a clock of their own."""
    waiting = Waiting()
    source = VideoSource(url, "test", 80, lambda: waiting.now_s)
    keeper = Keeper(source, count, waiting)
    source.read(keeper)
    return keeper.shots, source


def shade_in(jpeg: bytes) -> float:
    return float(image.decode(jpeg).mean())


def write_video(path: Path, codec: str, shades: list[int], pixel_format: str = "yuv420p", rate_hz: int = 50) -> str:
    """A video of gray pictures; returns its url."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate_hz)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        for number, shade in enumerate(shades):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade, np.uint8), "rgb24")
            frame = frame.reformat(format=pixel_format)
            frame.pts, frame.time_base = number, Fraction(1, rate_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.as_uri()


def test_an_rtsp_camera_is_decoded_in_full_range() -> None:
    with FakeRtspCamera() as camera:
        shades = [shade_in(shot.encode()) for shot in shots_of(camera.url(), 10)[0]]
        backend = backend_for(camera.url())
        pictures = pictures_of(backend, 1)
    steps = {round((later - earlier) / 4) for earlier, later in pairwise(shades)}
    assert steps <= {1, -49}, "every picture in order, in the shades that were filmed"
    assert min(abs(shade_in(pictures[0].jpeg) - shade_of(number)) for number in range(50)) < 2
    info = backend.info
    assert (info.pixel_format, info.width_px, info.height_px, info.rate_hz) == ("H264", WIDTH_PX, HEIGHT_PX, RATE_HZ)
    assert info.name == f"rtsp://127.0.0.1:{camera.port}/live"


def test_a_slow_viewer_of_rtsp_sees_what_is_new() -> None:
    with FakeRtspCamera() as camera, closing(backend_for(camera.url()).frames()) as frames:
        pictures = (picture for picture in frames if picture is not None)
        first = last = next(pictures)
        for _ in range(4):
            threading.Event().wait(0.3)  # the viewer is busy for seven pictures
            last = next(pictures)
        assert last.captured_at - first.captured_at > 0.6, "with pictures that had waited it would be 0.16 s"


def test_the_rtsp_password_is_used_and_a_wrong_one_is_not_shown() -> None:
    with FakeRtspCamera(password=f"me:{SECRET}%w") as camera:
        assert len(pictures_of(backend_for(camera.url(f"me:{SECRET}%25w@")), 2)) == 2
        with pytest.raises(NoCamera, match="refuses the user name or the password") as caught:
            pictures_of(backend_for(camera.url(f"me:{SECRET}@")), 1)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_mute_rtsp_camera_is_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_video, "OPEN_TIMEOUT_S", 1.5)
    with FakeRtspCamera(is_mute=True) as camera:
        frames = backend_for(camera.url()).frames()
        with within(1.5):
            assert next(frames) is None
            frames.close()
        wait_until(lambda: all(t.name != "network camera" for t in threading.enumerate()), "it ended by its time-out")


def test_a_mute_rtsp_camera_is_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_reader, "OPEN_TIMEOUT_S", 0.3)
    monkeypatch.setattr(network_video, "OPEN_TIMEOUT_S", 0.6)
    with FakeRtspCamera(is_mute=True) as camera, pytest.raises(NoCamera, match=r"did not answer within 0\.3 s"):
        pictures_of(backend_for(camera.url()), 1)


def test_a_silent_rtsp_stream_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_video, "READ_TIMEOUT_S", 0.5)
    with FakeRtspCamera(stop_after=20) as camera, pytest.raises(CameraLost, match="gave no answer"):
        pictures_of(backend_for(camera.url()), 1000)


def test_an_rtsp_camera_that_hangs_up_is_lost_and_can_be_opened_again() -> None:
    with FakeRtspCamera() as camera:
        backend = backend_for(camera.url())
        with closing(backend.frames()) as frames, pytest.raises(CameraLost, match="ended its pictures"):
            for picture in frames:
                if picture is not None:
                    camera.hangs_up.set()
        camera.hangs_up.clear()
        assert len(pictures_of(backend, 2)) == 2


def test_an_address_the_camera_does_not_know_is_no_camera() -> None:
    with FakeRtspCamera() as camera, pytest.raises(NoCamera, match="has no picture at this address"):
        pictures_of(backend_for(camera.url() + "2"), 1)


def test_nobody_listens_is_no_camera() -> None:
    with FakeRtspCamera() as camera:
        url = camera.url()
    with pytest.raises(NoCamera, match="cannot be read: Connection refused"):
        pictures_of(backend_for(url), 1)


@pytest.mark.parametrize(
    ("codec", "suffix", "pixel_format"),
    [
        ("libx264", "mp4", "yuv420p"),
        ("libx264", "mkv", "yuv444p"),
        ("libx264", "mp4", "yuv420p10le"),
        ("mjpeg", "mkv", "yuvj420p"),
        ("mjpeg", "avi", "yuvj422p"),
    ],
)
def test_a_video_file_plays_at_its_rate_and_again(tmp_path: Path, codec: str, suffix: str, pixel_format: str) -> None:
    shades = list(range(20, 220, 20))
    url = write_video(tmp_path / f"clip.{suffix}", codec, shades, pixel_format)
    shots, source = shots_of(url, 25)
    seen = [round(shade_in(shot.encode()) / 20) * 20 for shot in shots]
    assert seen == [*shades, *shades, *shades[:5]]
    assert shots[24].captured_at - shots[0].captured_at == pytest.approx(24 / 50, abs=0.001)
    assert source.rate_hz == 50


def test_a_video_file_is_a_camera(tmp_path: Path) -> None:
    backend = backend_for(write_video(tmp_path / "my clip.mp4", "libx264", [20, 120, 220]))
    shades = {round(shade_in(picture.jpeg), -1) for picture in pictures_of(backend, 20)}
    assert shades <= {20, 120, 220}
    assert len(shades) > 1
    assert backend.info.name == f"video {tmp_path}/my clip.mp4"


def test_mjpeg_in_a_file_is_not_encoded_again(tmp_path: Path) -> None:
    jpegs = [jpeg_of(shade) for shade in (20, 120, 220)]
    path = tmp_path / "clip.mjpeg"
    path.write_bytes(b"".join(jpegs))
    shots, source = shots_of(path.as_uri(), 5)
    assert [shot.encode() for shot in shots] == [*jpegs, *jpegs[:2]]
    assert source.pixel_format == "MJPG"


def test_a_file_that_is_no_video_or_not_there_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("dear diary" * 100)
    with pytest.raises(NoCamera, match=r"notes\.mp4 sends nothing we can read as video"):
        pictures_of(backend_for((tmp_path / "notes.mp4").as_uri()), 1)
    with pytest.raises(NoCamera, match=r"gone\.mp4 cannot be read: No such file or directory"):
        pictures_of(backend_for((tmp_path / "gone.mp4").as_uri()), 1)
    with pytest.raises(NoCamera, match="three slashes"):
        pictures_of(backend_for("file://clip.mp4"), 1)


def test_a_file_with_sound_alone_is_no_camera(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.wav"), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000)
        frame: Any = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(NoCamera, match="no picture"):
        pictures_of(backend_for((tmp_path / "song.wav").as_uri()), 1)


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (2, 2), (1920, 1080)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "yuv422p", "gray", "rgb24"])
def test_every_size_and_pixel_format_can_be_encoded(size: tuple[int, int], pixel_format: str) -> None:
    width_px, height_px = size
    pixels = np.full((height_px, width_px, 3), (200, 60, 60) if pixel_format != "gray" else (90, 90, 90), np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=pixel_format)
    decoded = image.decode(encode_frame(frame, 90))
    assert decoded.shape == pixels.shape
    assert np.abs(decoded[..., ::-1].mean((0, 1)) - pixels.mean((0, 1))).max() < 8


def delays(arrivals: list[tuple[float, float, bool]]) -> list[bool]:
    delay = Delay()
    return [delay.should_skip(stream_s, now_s, is_key) for stream_s, now_s, is_key in arrivals]


def test_a_prompt_stream_is_never_skipped() -> None:
    assert not any(delays([(n / 25, 100 + n / 25 + (n % 3) * 0.05, n % 10 == 0) for n in range(500)]))


def test_a_stream_that_falls_behind_is_cut_to_a_key_frame_in_time() -> None:
    late = [(n / 25, 100 + n / 25 * 2, n % 10 == 0) for n in range(40)]  # we take twice the time it plays
    caught_up = [(1.6 + n / 25, 103.3, n % 10 == 0) for n in range(45)]  # the backlog arrives at once
    skips = delays(late + caught_up)
    assert not any(skips[:13])
    assert all(skips[14:40])
    assert not skips[-1]
    first_decoded = 40 + skips[40:].index(False)
    assert caught_up[first_decoded - 40][2], "decoding goes on with a key frame"


def test_a_camera_with_a_slow_clock_is_not_late() -> None:
    assert not any(delays([(n / 25, n / 25 * 1.0005, n % 10 == 0) for n in range(100_000)]))


def test_a_camera_that_sets_its_clock_is_shown_again_soon() -> None:
    before = [(1000 + n / 25, n / 25, n % 10 == 0) for n in range(25)]
    after = [(n / 25, 1 + n / 25, n % 10 == 0) for n in range(200)]
    skips = delays(before + after)
    assert skips[25]
    assert not any(skips[-50:])
