"""Clips on disk: true times, one file after the other, readable wherever they end."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import pytest
from clips import big_jpeg, needs_root, shade_of, shades_of, small_disk
from fakes import jpeg_of

from camera.playback import pictures_of, scan
from camera.writer import ClipWriter, Segment

UNEVEN_S = [0.0, 0.033, 0.1, 0.101, 0.9, 3.25, 3.35, 9.0]


def written(folder: Path, times: list[float], segment_s: float = 600) -> ClipWriter:
    """A closed clip: pictures of the shades 10, 20, 30 and so on, at these times."""
    writer = ClipWriter(folder, segment_s)
    for number, time_s in enumerate(times):
        writer.write(jpeg_of(10 + 10 * number), time_s, 64, 48)
    writer.close()
    return writer


def paths_of(writer: ClipWriter) -> list[Path]:
    return [segment.path for segment in writer.segments]


def test_pictures_keep_their_uneven_times_and_their_bytes(tmp_path: Path) -> None:
    writer = written(tmp_path, UNEVEN_S)
    assert list(pictures_of(paths_of(writer))) == [
        (pytest.approx(time_s), jpeg_of(10 + 10 * number)) for number, time_s in enumerate(UNEVEN_S)
    ]
    assert writer.segments == (Segment(tmp_path / "seg-0001.mkv", 8, 0.0, 9.0, 64, 48),)


def test_any_program_can_decode_it_at_its_true_speed(tmp_path: Path) -> None:
    with av.open(str(paths_of(written(tmp_path, UNEVEN_S))[0])) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("mjpeg", 64, 48)
        assert [round(frame.time, 3) for frame in container.decode(stream)] == UNEVEN_S
        assert container.duration == pytest.approx(9.0e6, abs=0.1e6)


def test_thousand_pictures_a_second_stay_in_order(tmp_path: Path) -> None:
    times = [number / 1500 for number in range(20)]
    found = [time_s for time_s, _ in pictures_of(paths_of(written(tmp_path, times)))]
    assert len(found) == 20
    assert all(later > earlier for earlier, later in itertools.pairwise(found))


def test_time_that_goes_back_does_not_stop_it(tmp_path: Path) -> None:
    assert [time_s for time_s, _ in shades_of(paths_of(written(tmp_path, [0.0, 1.0, 0.4, 1.5])))] == [
        0.0, 1.0, 1.001, 1.5,
    ]  # fmt: skip


def test_segment_is_full_after_its_time_and_time_runs_on(tmp_path: Path) -> None:
    writer = written(tmp_path, [0.0, 0.5, 1.0, 1.5, 2.0], segment_s=1.0)
    assert [(path.name, segment.frames, segment.start_s, segment.end_s)
            for path, segment in zip(paths_of(writer), writer.segments, strict=True)] == [
        ("seg-0001.mkv", 2, 0.0, 0.5), ("seg-0002.mkv", 2, 1.0, 1.5), ("seg-0003.mkv", 1, 2.0, 2.0),
    ]  # fmt: skip
    assert shades_of(paths_of(writer)) == [(0.0, 10), (0.5, 20), (1.0, 30), (1.5, 40), (2.0, 50)]
    assert [scan(path) for path in paths_of(writer)] == list(writer.segments)


def test_new_size_begins_a_new_segment(tmp_path: Path) -> None:
    writer = ClipWriter(tmp_path, 600)
    writer.write(jpeg_of(10), 0.0, 64, 48)
    writer.write(jpeg_of(20, 96, 64), 0.1, 96, 64)
    writer.write(jpeg_of(30, 96, 64), 0.2, 96, 64)
    writer.close()
    assert [(segment.width_px, segment.height_px, segment.frames) for segment in writer.segments] == [
        (64, 48, 1), (96, 64, 2),
    ]  # fmt: skip


def test_segment_that_is_named_is_a_file(tmp_path: Path) -> None:
    """Another thread, which puts it on the disk, may ask at any moment: also before the first picture is in it."""

    class Watched(ClipWriter):
        def _mux(self, jpeg: bytes, time_s: float) -> None:
            named.append(self.segment.path)
            assert self.segment.path.stat().st_size > 0
            super()._mux(jpeg, time_s)

    named: list[Path] = []
    writer = Watched(tmp_path, 1.0)
    for time_s in (0.0, 0.5, 1.0):
        writer.write(jpeg_of(10), time_s, 64, 48)
    writer.close()
    assert [path.name for path in named] == ["seg-0001.mkv", "seg-0001.mkv", "seg-0002.mkv"]


def test_held_picture_is_seen_but_does_not_count(tmp_path: Path) -> None:
    writer = ClipWriter(tmp_path, 600)
    writer.write(jpeg_of(70), 0.0, 64, 48)
    writer.hold(4.0)
    assert writer.frames == 1
    writer.close()
    assert shades_of(paths_of(writer)) == [(0.0, 70), (4.0, 70)]
    assert scan(tmp_path / "seg-0001.mkv") == writer.segments[0] == Segment(tmp_path / "seg-0001.mkv", 1, 0, 4, 64, 48)


def test_file_is_readable_wherever_it_is_cut_off(tmp_path: Path) -> None:
    path = paths_of(written(tmp_path, [number / 10 for number in range(20)]))[0]
    whole, cut = path.read_bytes(), tmp_path / "cut.mkv"
    ends = [whole.index(jpeg_of(10 + 10 * number)) + len(jpeg_of(10 + 10 * number)) for number in range(20)]
    for length in range(0, len(whole), 97):
        cut.write_bytes(whole[:length])
        readable = [shade for _, shade in shades_of([cut])]
        assert readable == [10 + 10 * number for number in range(len(readable))]
        assert len(readable) == sum(end <= length for end in ends)


def test_block_of_zeros_as_a_lost_power_leaves_it_costs_only_what_lay_there(tmp_path: Path) -> None:
    path = paths_of(written(tmp_path, [number / 10 for number in range(20)]))[0]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    found = [shade for _, shade in shades_of([path])]
    assert found == [10 + 10 * number for number in range(len(found))]
    assert len(found) >= 8


@pytest.mark.parametrize("jpeg", [jpeg_of(10), big_jpeg()], ids=["small pictures", "big pictures"])
def test_what_was_written_is_in_the_file_at_once(tmp_path: Path, jpeg: bytes) -> None:
    """All but the pictures of the last 0.2 s, and the one the muxer keeps back."""
    writer = ClipWriter(tmp_path, 600)
    for number in range(30):
        writer.write(jpeg, number / 10, 64, 48)
        assert len(list(pictures_of([tmp_path / "seg-0001.mkv"]))) >= number - 2
    writer.hold(3.5)
    assert len(list(pictures_of([tmp_path / "seg-0001.mkv"]))) == 30
    writer.close()


def test_pictures_begin_with_the_one_that_is_seen_at_that_time(tmp_path: Path) -> None:
    paths = paths_of(written(tmp_path, [number / 2 for number in range(20)], segment_s=3.0))
    assert len(paths) == 4
    for from_s, first in ((0.5, 0.5), (2.9, 2.5), (3.0, 3.0), (4.7, 4.5), (9.5, 9.5), (99.0, 9.5)):
        found = shades_of(paths, from_s)
        assert found == [(time_s / 2, 10 + 10 * time_s) for time_s in range(round(first * 2), 20)]


def test_broken_picture_is_left_out_when_read_back(tmp_path: Path) -> None:
    writer = ClipWriter(tmp_path, 600)
    for number, jpeg in enumerate((jpeg_of(10), jpeg_of(20)[:-40], b"", b"no picture", jpeg_of(50))):
        writer.write(jpeg, number / 10, 64, 48)
    writer.close()
    assert [shade_of(jpeg) for _, jpeg in pictures_of(paths_of(writer))] == [10, 50]


@needs_root
def test_full_disk_costs_only_what_did_not_fit(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as folder:
        writer, count = ClipWriter(folder, 600), 0
        with pytest.raises(OSError, match="No space left"):
            for count in range(100):
                writer.write(big_jpeg(count), count / 10, 320, 240)
        with pytest.raises(OSError, match="No space left"):
            writer.close()
        writer.close()
        found = [jpeg for _, jpeg in pictures_of([folder / "seg-0001.mkv"])]
        assert found == [big_jpeg(number) for number in range(len(found))]
        assert count - 2 <= len(found) <= count
        assert len(found) * len(big_jpeg()) > 1.8e6


def test_folder_that_is_gone_is_an_error_of_the_disk(tmp_path: Path) -> None:
    writer = ClipWriter(tmp_path / "gone", 600)
    with pytest.raises(OSError, match="No such file"):
        writer.write(jpeg_of(10), 0.0, 64, 48)
    writer.close()
    assert writer.segments == ()
