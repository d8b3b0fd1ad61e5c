"""After a crash: everything up to the last second is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clips import HandCamera, number_of, shades_of
from fakes import jpeg_of

from camera.clip import NOTES, Clip, read_notes
from camera.playback import pictures_of
from camera.recorder import Recorder
from camera.salvage import CUT_OFF, salvage
from settings import RecordingSettings

TESTS = Path(__file__).resolve().parent
KILLS = 20
LOST_S = 1.0


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    """A recording of two segments: shades 10 to 50 at 0, 0.5, 1.0, 1.5 and 2.0 s."""
    camera = HandCamera()
    settings = RecordingSettings().model_copy(update={"segment_minutes": 1.2 / 60})
    recorder = Recorder(camera.hub, settings, tmp_path / "partial", clock=camera.clock)
    recorder.start("cat", 3)
    for shade in (10, 20, 30, 40, 50):
        camera.show(shade, after_s=0.5)
    return recorder.stop()


def as_if_cut_off(clip: Clip) -> None:
    """The folder as a crash in the second segment leaves it."""
    notes = (clip.folder / NOTES).read_text().replace('"is_over": true', '"is_over": false')
    before, after = notes.split('"segments": [')
    first = after[: after.index("}") + 1]
    (clip.folder / NOTES).write_text(f'{before}"segments": [{first}], {after[after.index("]") + 3 :]}')
    assert [segment.path.name for segment in read_notes(clip.folder).segments] == ["seg-0001.mkv"]


@pytest.mark.slow
def test_killed_recordings_are_there_up_to_the_last_second(tmp_path: Path) -> None:
    """20 times SIGKILL: every picture older than a second is there, decoded, at its time, and none is made up."""
    script = [sys.executable, str(TESTS / "killed_recordings.py"), str(tmp_path), str(KILLS)]
    path = os.pathsep.join((str(TESTS.parent), str(TESTS)))
    subprocess.run(script, check=True, timeout=50, env={**os.environ, "PYTHONPATH": path})
    for place in (tmp_path / str(number) for number in range(KILLS)):
        killed_at = float((place / "killed_at").read_text())
        lines = [line.split() for line in (place / "published").read_text().splitlines()]
        times = [float(captured_at) for _, captured_at in lines]
        clips = salvage(place / "partial")
        found = [(number_of(jpeg), time_s) for clip in clips for time_s, jpeg in pictures_of(clip.segments)]
        assert [number for number, _ in found] == list(range(len(found)))
        assert len(found) >= sum(time_s < killed_at - LOST_S for time_s in times)
        assert [time_s for _, time_s in found] == pytest.approx(
            [captured_at - times[0] for captured_at in times[: len(found)]], abs=0.0015
        )
        assert [(clip.name, clip.account_id, clip.end_reason, clip.frames) for clip in clips] == [
            ("killed", 5, CUT_OFF, len(found))
        ][: len(clips)]


def test_whole_clip_that_nobody_took_over_is_found_as_it_was(clip: Clip) -> None:
    assert salvage(clip.folder.parent) == [clip]


def test_folders_that_are_not_named_are_left_alone(clip: Clip) -> None:
    assert salvage(clip.folder.parent, names=["another"]) == []
    assert salvage(clip.folder.parent, names=[clip.folder.name]) == [clip]


def test_clip_that_was_cut_off_says_so_and_its_last_segment_is_read(clip: Clip) -> None:
    as_if_cut_off(clip)
    last = clip.segments[-1]
    last.write_bytes(last.read_bytes()[: last.read_bytes().index(jpeg_of(50)) + 20])
    found = salvage(clip.folder.parent)[0]
    assert shades_of(found.segments) == [(0.0, 10), (0.5, 20), (1.0, 30), (1.5, 40)]
    assert (found.end_reason, found.frames, found.duration_s) == (CUT_OFF, 4, 2.0)
    assert (found.name, found.account_id, found.started_at) == ("cat", 3, clip.started_at)


def test_segment_with_nothing_whole_in_it_is_left_out(clip: Clip) -> None:
    as_if_cut_off(clip)
    clip.segments[-1].write_bytes(b"")
    assert [path.name for path in salvage(clip.folder.parent)[0].segments] == ["seg-0001.mkv"]


def test_folder_without_a_picture_is_removed(clip: Clip) -> None:
    as_if_cut_off(clip)
    for path in clip.segments:
        path.unlink()
    assert salvage(clip.folder.parent) == []
    assert not clip.folder.exists()


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"name": "x"}', "\0" * 400])
def test_lost_notes_cost_the_name_but_no_picture(clip: Clip, text: str | None) -> None:
    (clip.folder / NOTES).unlink()
    if text is not None:
        (clip.folder / NOTES).write_text(text)
    found = salvage(clip.folder.parent)[0]
    assert shades_of(found.segments) == shades_of(clip.segments)
    assert (found.name, found.account_id, found.frames, found.end_reason) == ("", None, 5, CUT_OFF)
    written_at = datetime.fromtimestamp(clip.segments[-1].stat().st_mtime, UTC)
    assert found.started_at == written_at - timedelta(seconds=2)


def test_salvage_without_a_folder_finds_nothing(tmp_path: Path) -> None:
    assert salvage(tmp_path / "never made") == []


def test_files_beside_the_folders_do_not_disturb(clip: Clip) -> None:
    (clip.folder.parent / "readme.txt").write_text("hello")
    (clip.folder / "film.mp4").write_bytes(b"half a film")
    assert salvage(clip.folder.parent) == [clip]
    shutil.rmtree(clip.folder)
    assert salvage(clip.folder.parent) == []
