"""The camera that plays a folder of JPEG files."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from pathlib import Path

import pytest
from fakes import jpeg_of

from camera import files
from camera.backend import Picture
from camera.files import FilesBackend
from errors import CameraLost, NoCamera
from settings import CameraSettings

SHADES = (20, 90, 160, 230)


class Clock:
    """A clock that moves when somebody pauses, and by `work_s` at each look."""

    def __init__(self, work_s: float = 0.0) -> None:
        self.now_s = 100.0
        self.work_s = work_s

    def __call__(self) -> float:
        self.now_s += self.work_s
        return self.now_s

    def pause(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, shade in enumerate(SHADES):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg_of(shade))
    return tmp_path


def settings_for(folder: Path, rate: float = 1000) -> CameraSettings:
    return CameraSettings(camera="files", path=folder, rate=rate)


def backend_of(folder: Path, rate: float = 1000, clock: Clock | None = None) -> FilesBackend:
    clock = clock or Clock()
    return FilesBackend(settings_for(folder, rate), clock=clock, pause=clock.pause)


def pictures_of(backend: FilesBackend, count: int) -> list[Picture]:
    found: list[Picture] = []
    with closing(backend.frames()) as frames:
        for picture in frames:
            if picture is not None:
                found.append(picture)
            if len(found) == count:
                break
    return found


def test_files_play_in_the_order_of_their_names_again_and_again(folder: Path) -> None:
    (folder / "11.JPEG").write_bytes(jpeg_of(50, 32, 24))
    (folder / "notes.txt").write_text("no picture")
    (folder / "folder.jpg").mkdir()
    backend = backend_of(folder)
    order = [jpeg_of(20), jpeg_of(90), jpeg_of(50, 32, 24), jpeg_of(160), jpeg_of(230)]
    pictures = pictures_of(backend, 12)
    assert [picture.jpeg for picture in pictures] == [*order, *order, *order[:2]]
    assert [picture[2:] for picture in pictures[1:4]] == [(64, 48), (32, 24), (64, 48)]
    assert (backend.info.width_px, backend.info.height_px, backend.info.rate_hz) == (64, 48, 1000)


def test_pictures_keep_their_beat_without_drift(folder: Path) -> None:
    pictures = pictures_of(backend_of(folder, rate=50, clock=Clock(work_s=0.0003)), 501)
    assert pictures[500].captured_at - pictures[0].captured_at == pytest.approx(10.0, abs=0.002)


def test_beats_that_were_missed_are_left_out_not_caught_up(folder: Path) -> None:
    clock = Clock()
    times = []
    with closing(backend_of(folder, rate=10, clock=clock).frames()) as frames:
        for picture in frames:
            if picture is None:
                continue
            times.append(round(picture.captured_at - 100, 6))
            if len(times) == 3:
                clock.pause(0.35)  # whoever takes the pictures is busy for three beats
            if len(times) == 6:
                break
    assert times == [0.0, 0.1, 0.2, 0.6, 0.7, 0.8]


def test_a_slow_rate_gives_heartbeats_in_between(folder: Path) -> None:
    with closing(backend_of(folder, rate=0.5).frames()) as frames:
        kinds = [next(frames) is not None for _ in range(6)]
    assert kinds == [True, False, False, False, True, False]


def test_a_file_is_read_once_while_all_fit_into_memory(folder: Path) -> None:
    frames = backend_of(folder).frames()
    first = [next(frames) for _ in SHADES]
    for path in folder.iterdir():
        path.unlink()
    assert [next(frames).jpeg for _ in SHADES] == [picture.jpeg for picture in first]
    frames.close()


def test_files_too_large_for_memory_are_read_each_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "KEPT_SIZE_BYTES", 1000)
    with closing(backend_of(folder).frames()) as frames:
        for _ in SHADES:
            next(frames)
        (folder / "0.jpg").write_bytes(jpeg_of(111))
        assert next(frames).jpeg == jpeg_of(111)
        for path in folder.iterdir():
            path.unlink()
        with pytest.raises(CameraLost, match=r"its \.jpg files are gone"):
            next(frames)


@pytest.mark.parametrize("broken", [b"", b"GIF89a", jpeg_of(1)[:-50], b"\xff\xd8 nonsense \xff\xd9"])
def test_a_broken_file_is_left_out_and_named_once(
    folder: Path, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "1.jpg").write_bytes(broken)
    with caplog.at_level(logging.WARNING):
        pictures = pictures_of(backend_of(folder), 9)
    assert [picture.jpeg for picture in pictures] == [jpeg_of(shade) for shade in (20, 160, 230)] * 3
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [f"{folder}/1.jpg is left out"]


def test_a_folder_without_a_picture_is_no_camera(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(NoCamera, match=rf"folder {empty} has no \.jpg files"):
        pictures_of(backend_of(empty), 1)
    (empty / "a.jpg").write_bytes(b"no")
    with pytest.raises(NoCamera, match=rf"folder {empty}: none of its 1 \.jpg files is a whole JPEG"):
        pictures_of(backend_of(empty), 1)
    with pytest.raises(NoCamera, match=r"nowhere cannot be read: No such file or directory"):
        pictures_of(backend_of(tmp_path / "nowhere"), 1)


def test_a_thousand_pictures_a_second_cost_little(folder: Path) -> None:
    backend = FilesBackend(settings_for(folder, rate=1000))
    pictures_of(backend, 10)
    cpu_s, started = time.thread_time(), time.monotonic()
    pictures = pictures_of(backend, 300)
    assert (time.thread_time() - cpu_s) / 300 < 0.0005, "CPU seconds per picture"
    assert time.monotonic() - started >= 0.299
    assert pictures[299].captured_at <= time.monotonic()
