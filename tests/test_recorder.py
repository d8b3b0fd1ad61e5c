"""Recording: what is in the clip, when it ends, and what is left when something goes wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clips import HandCamera, big_jpeg, shades_of, small_disk
from fakes import ScriptedCamera, jpeg_of, wait_until

from camera import backlog as backlog_module
from camera.backlog import Backlog
from camera.capture import Capture
from camera.clip import Clip, read_notes
from camera.hub import FrameHub
from camera.playback import pictures_of
from camera.recorder import Recorder, RecordingState
from camera.salvage import salvage
from errors import AlreadyRecording, CameraLost, NoCamera, NoSpace, NotRecording, StoreUnavailable
from rig import Rig
from settings import CameraSettings, RecordingSettings

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
NOON = datetime(2026, 5, 21, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camera.recording.TICK_S", 0.01)
    monkeypatch.setattr("camera.disk_keeper.PERIOD_S", 0.02)


class Bench:
    """A recorder of a camera by hand, and all that it told."""

    def __init__(self, partial_dir: Path, **settings: float) -> None:
        self.camera = HandCamera()
        self.partial_dir = partial_dir
        self.states: list[RecordingState] = []
        self.clips: list[Clip] = []
        self.room_fault: Exception | None = None
        self.recorder = Recorder(
            self.camera.hub, RecordingSettings(**settings), partial_dir, self._has_room, self.states.append,
            self.clips.append, self.camera.clock, lambda: NOON + timedelta(seconds=self.camera.now - 1000),
        )  # fmt: skip
        self.recorder.open()

    def _has_room(self) -> None:
        if self.room_fault is not None:
            raise self.room_fault

    def record(self, shade: int = 128, after_s: float = 0.0, width_px: int = 64, height_px: int = 48) -> None:
        """Show a picture and wait until it is written; the clock of a test may leap more than a backlog holds."""
        count = self.recorder.state.frames
        self.camera.show(shade, after_s, width_px, height_px)
        self.wait_for_frames(count + 1)

    def wait_for_frames(self, count: int) -> None:
        wait_until(lambda: self.recorder.state.frames == count, f"{count} frames are written")

    def wait_for_end(self) -> RecordingState:
        wait_until(lambda: not self.recorder.state.is_recording and not self.states[-1].is_recording, "the end")
        return self.recorder.state


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def make(folder: Path = tmp_path / "partial", **settings: float) -> Bench:
        benches.append(Bench(folder, **settings))
        return benches[-1]

    yield make
    for bench in benches:
        bench.recorder.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


def test_clip_holds_what_the_camera_gave_from_start_to_stop(bench: Bench) -> None:
    bench.recorder.start("The cat", account_id=7)
    for shade in (40, 50, 60, 70):
        bench.camera.show(shade, after_s=0.5)
    clip = bench.recorder.stop()
    bench.camera.show(99, after_s=0.5)
    assert shades_of(clip.segments) == [(0.0, 40), (0.5, 50), (1.0, 60), (1.5, 70)]
    assert clip == Clip(
        clip.folder, "The cat", (clip.folder / "seg-0001.mkv",), NOON + timedelta(seconds=0.5), 2.0, 4, 0,
        (clip.folder / "seg-0001.mkv").stat().st_size, 64, 48, 7, None,
    )  # fmt: skip
    assert clip.folder.parent == bench.partial_dir
    assert bench.clips == [clip]


def test_state_tells_how_far_it_is(bench: Bench) -> None:
    assert bench.recorder.state == RecordingState(False)
    started = bench.recorder.start("cat", 3)
    assert (started.is_recording, started.name, started.account_id, started.frames) == (True, "cat", 3, 0)
    sizes = [len(bench.camera.show(shade, after_s=0.25).jpeg) for shade in (10, 20)]
    bench.wait_for_frames(2)
    bench.camera.now += 1
    state = bench.recorder.state
    assert (state.duration_s, state.size_bytes, state.dropped, state.reason) == (1.25, sum(sizes), 0, None)
    assert state.started_at == NOON + timedelta(seconds=0.25)
    bench.recorder.stop()
    assert bench.recorder.state == RecordingState(False)
    assert [told.is_recording for told in bench.states] == [True, True, False]


def test_first_picture_is_the_newest_one_of_the_running_stream(bench: Bench) -> None:
    bench.camera.show(33)
    bench.camera.now += 0.2
    bench.recorder.start()
    bench.camera.show(44, after_s=0.3)
    clip = bench.recorder.stop()
    assert shades_of(clip.segments) == [(0.0, 33), (0.5, 44)]
    assert clip.started_at == NOON


def test_old_picture_of_a_sleeping_camera_is_not_the_first(bench: Bench) -> None:
    bench.camera.show(33)
    bench.camera.now += 5
    bench.recorder.start()
    bench.camera.show(44, after_s=0.3)
    assert shades_of(bench.recorder.stop().segments) == [(0.0, 44)]


def test_newest_picture_of_a_slow_camera_is_fresh_for_two_intervals(bench: Bench) -> None:
    for _ in range(3):
        bench.camera.show(33, after_s=1.0)
    bench.camera.now += 1.5
    bench.recorder.start()
    assert shades_of(bench.recorder.stop().segments)[0] == (0.0, 33)


def test_camera_is_awake_while_recording_without_viewers(bench: Bench) -> None:
    assert not bench.camera.hub.is_watched
    bench.recorder.start()
    assert bench.camera.hub.is_watched
    bench.camera.show()
    bench.recorder.stop()
    assert not bench.camera.hub.is_watched


def test_placeholders_are_never_recorded_and_a_pause_is_time(bench: Bench) -> None:
    bench.recorder.start()
    bench.record(40)
    bench.record(50, after_s=0.1)
    for _ in range(4):
        bench.camera.show_placeholder(after_s=1.0)
    bench.camera.show(60, after_s=1.0)
    clip = bench.recorder.stop()
    seen = shades_of(clip.segments)
    assert {shade for _, shade in seen} == {40, 50, 60}
    assert [time_s for time_s, shade in seen if shade == 60] == [5.1]
    assert (clip.frames, clip.dropped) == (3, 0)


def test_last_picture_is_held_during_a_pause_and_until_the_end(bench: Bench) -> None:
    bench.recorder.start()
    bench.camera.show(40)
    bench.wait_for_frames(1)
    bench.camera.now += 0.8
    wait_until(lambda: len(list(pictures_of(bench.recorder.state.folder.glob("seg-*")))) == 1, "the muxer lets it go")
    bench.camera.now += 60
    clip = bench.recorder.stop()
    seen = shades_of(clip.segments)
    assert {shade for _, shade in seen} == {40}
    assert (seen[0][0], seen[1][0]) == (0.0, 0.5)
    assert clip.duration_s == pytest.approx(60.8, abs=0.01)
    assert clip.frames == 1


def test_camera_that_is_lost_and_comes_back_goes_on_in_the_same_clip(tmp_path: Path) -> None:
    """With the real capture thread: what it publishes meanwhile are placeholders."""
    camera, hub = ScriptedCamera(), FrameHub()
    capture = Capture(camera, hub, CameraSettings(camera="synthetic", idle_timeout_s=0.1))
    recorder = Recorder(hub, RecordingSettings(), tmp_path)
    capture.start()
    try:
        recorder.start()
        camera.show(50)
        wait_until(lambda: recorder.state.frames == 1, "a picture")
        camera.fail(CameraLost("unplugged"))
        wait_until(lambda: capture.state.state == "failed", "the loss")
        wait_until(lambda: camera.opened == 2, "the camera is opened again")
        camera.show(90)
        wait_until(lambda: recorder.state.frames == 2, "a picture after the pause")
        clip = recorder.stop()
    finally:
        capture.stop(5)
    seen = shades_of(clip.segments)
    assert (seen[0], seen[-1][1]) == ((0.0, 50), 90)
    assert {shade for _, shade in seen} == {50, 90}
    assert next(time_s for time_s, shade in seen if shade == 90) > 0.45  # the first pause of capture is 0.5 s
    assert not hub.is_watched


def test_second_recording_is_refused_and_the_first_goes_on(bench: Bench) -> None:
    bench.recorder.start("first")
    with pytest.raises(AlreadyRecording):
        bench.recorder.start("second")
    bench.camera.show()
    assert bench.recorder.stop().name == "first"
    bench.recorder.start("third")
    bench.camera.show(after_s=0.1)
    assert bench.recorder.stop().name == "third"


def test_stop_without_a_recording_says_so(bench: Bench) -> None:
    with pytest.raises(NotRecording):
        bench.recorder.stop()
    bench.recorder.start()
    bench.camera.show()
    bench.recorder.stop()
    with pytest.raises(NotRecording):
        bench.recorder.stop()


def test_recording_without_a_picture_leaves_nothing(bench: Bench) -> None:
    bench.recorder.start()
    bench.camera.show_placeholder()
    with pytest.raises(NoCamera, match="gave no picture"):
        bench.recorder.stop()
    assert list(bench.partial_dir.iterdir()) == []
    assert bench.clips == []
    assert not bench.recorder.state.is_recording


def test_recordings_of_the_same_second_have_folders_of_their_own(bench: Bench) -> None:
    folders = set()
    for _ in range(3):
        bench.recorder.start()
        bench.camera.show()
        folders.add(bench.recorder.stop().folder)
    assert len(folders) == 3


def test_no_room_refuses_before_anything_is_written(bench: Bench) -> None:
    bench.room_fault = NoSpace("0.4 GB are free, 1 GB must stay free")
    with pytest.raises(NoSpace, match=r"0\.4 GB"):
        bench.recorder.start()
    assert not bench.partial_dir.exists()
    assert not bench.camera.hub.is_watched
    bench.room_fault = None
    bench.recorder.start()


def test_room_that_runs_out_ends_the_recording_and_keeps_the_clip(bench: Bench) -> None:
    bench.recorder.start("cat")
    bench.camera.show(40)
    bench.wait_for_frames(1)
    bench.room_fault = NoSpace("0.9 GB are free, 1 GB must stay free")
    state = bench.wait_for_end()
    assert state == RecordingState(False, reason="0.9 GB are free, 1 GB must stay free")
    assert [clip.end_reason for clip in bench.clips] == [state.reason]
    assert shades_of(bench.clips[0].segments) == [(0.0, 40)]
    assert not bench.camera.hub.is_watched
    with pytest.raises(NotRecording):
        bench.recorder.stop()


def test_longest_time_ends_it_to_the_picture(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(max_minutes=0.1)
    bench.recorder.start()
    for _ in range(48):
        bench.record(after_s=0.125)
    for _ in range(9):
        bench.camera.show(after_s=0.125)
    state = bench.wait_for_end()
    assert state.reason == "it reached 0.1 minutes, the longest time a recording may have"
    assert bench.clips[0].frames == 49
    assert bench.clips[0].duration_s == pytest.approx(6.125, abs=0.01)


def test_longest_time_ends_it_without_a_camera_too(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(max_minutes=0.1)
    bench.recorder.start()
    bench.camera.now += 6.5
    bench.wait_for_end()
    assert bench.clips == []


def test_segments_by_time_make_one_clip(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(segment_minutes=0.1)
    bench.recorder.start()
    for number in range(20):
        bench.record(10 * number, after_s=0.5)
        bench.camera.now += 0.5
    clip = bench.recorder.stop()
    assert [path.name for path in clip.segments] == [f"seg-000{number}.mkv" for number in (1, 2, 3, 4)]
    assert shades_of(clip.segments) == [(float(number), 10 * number) for number in range(20)]
    assert (clip.frames, clip.duration_s) == (20, 19.5)


def test_new_size_in_the_middle_is_one_clip(bench: Bench) -> None:
    bench.recorder.start()
    bench.camera.show(40)
    bench.camera.show(50, after_s=0.5, width_px=96, height_px=64)
    clip = bench.recorder.stop()
    assert (len(clip.segments), clip.frames, clip.width_px, clip.height_px) == (2, 2, 64, 48)
    assert shades_of(clip.segments) == [(0.0, 40), (0.5, 50)]


def test_broken_picture_does_not_hurt_the_others(bench: Bench) -> None:
    bench.recorder.start()
    bench.camera.show(40)
    bench.camera.show_bytes(jpeg_of(50)[:100], after_s=0.1)
    bench.camera.show(60, after_s=0.1)
    assert shades_of(bench.recorder.stop().segments) == [(0.0, 40), (0.2, 60)]


def test_pre_roll_shows_what_was_before_the_press(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(pre_roll_s=2)
    assert bench.camera.hub.is_watched
    for number in range(10):
        bench.camera.show(10 * number, after_s=0.5)
    bench.recorder.start()
    bench.camera.show(200, after_s=0.5)
    clip = bench.recorder.stop()
    assert shades_of(clip.segments) == [(0.0, 50), (0.5, 60), (1.0, 70), (1.5, 80), (2.0, 90), (2.5, 200)]
    assert clip.started_at == NOON + timedelta(seconds=3)
    assert bench.camera.hub.is_watched
    bench.camera.show(210, after_s=0.5)
    bench.recorder.start()
    assert [shade for _, shade in shades_of(bench.recorder.stop().segments)] == [210]


def test_pre_roll_that_is_set_is_kept_by_the_whole_program(make_rig: Callable[..., Rig]) -> None:
    camera, now = ScriptedCamera(), time.monotonic()
    rig = make_rig(camera, recording={"pre_roll_s": 20})
    for number in range(5):
        camera.show(40 * number, now - 15 + 3 * number)
    wait_until(lambda: rig.hub.latest is not None and rig.hub.latest.captured_at == now - 3, "all five are there")
    rig.recorder.start()
    assert [shade for _, shade in shades_of(rig.recorder.stop().segments)][:5] == [0, 40, 80, 120, 160]


def test_pre_roll_is_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "RING_BYTES", 5 * len(big_jpeg()))
    camera = HandCamera()
    ring = Backlog(camera.hub, pre_roll_s=30)
    ring.open()
    for _ in range(20):
        camera.show_bytes(big_jpeg(), after_s=0.1)
    ring.begin(camera.now)
    assert [frame.number for frame in ring.take()] == [16, 17, 18, 19, 20]
    assert ring.dropped == 0


def test_backlog_drops_the_oldest_when_nobody_takes_in_time_and_counts(bench: Bench) -> None:
    backlog = Backlog(bench.camera.hub)
    backlog.begin(bench.camera.now)
    for _ in range(80):
        bench.camera.show(after_s=0.125)
    assert [frame.number for frame in backlog.take()] == list(range(40, 81))  # the last 5 s
    assert backlog.dropped == 39
    backlog.end()
    bench.camera.show()
    assert backlog.take() == []


def test_slow_disk_drops_pictures_and_the_clip_says_how_many(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camera.recording.TICK_S", 3600)
    bench.recorder.start()
    for number in range(80):
        bench.camera.show(number, after_s=0.125)
    clip = bench.recorder.stop()
    assert (clip.frames, clip.dropped) == (41, 39)
    assert shades_of(clip.segments)[0][1] == pytest.approx(39, abs=1)
    assert read_notes(clip.folder).dropped == 39


def test_close_ends_a_recording_as_a_clip(bench: Bench) -> None:
    bench.recorder.start("cat")
    bench.camera.show(40)
    bench.recorder.close()
    bench.recorder.close()
    assert [(clip.name, clip.end_reason) for clip in bench.clips] == [("cat", "the program was stopped")]
    assert shades_of(bench.clips[0].segments) == [(0.0, 40)]
    assert not bench.camera.hub.is_watched


def test_folder_that_cannot_be_made_is_said_and_the_camera_may_sleep(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    camera = HandCamera()
    recorder = Recorder(camera.hub, RecordingSettings(), tmp_path / "file" / "partial")
    with pytest.raises(StoreUnavailable, match="cannot record to"):
        recorder.start()
    assert not camera.hub.is_watched
    assert not recorder.state.is_recording


def test_listener_that_fails_does_not_lose_the_clip(bench: Bench) -> None:
    def refuse(clip: Clip) -> None:
        raise StoreUnavailable("the database is locked")

    bench.recorder.on_clip = refuse
    bench.recorder.start("cat")
    bench.camera.show(40)
    clip = bench.recorder.stop()
    assert not bench.states[-1].is_recording
    assert salvage(bench.partial_dir) == [clip]


@needs_root
def test_full_disk_ends_the_recording_and_loses_nothing_before(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "3m") as folder:
        bench = make_bench(folder / "partial")
        bench.recorder.start()
        for number in range(20):
            bench.camera.show_bytes(big_jpeg(number), after_s=0.1)
        bench.wait_for_frames(20)
        for number in range(20, 60):
            bench.camera.show_bytes(big_jpeg(number), after_s=0.05)
        assert bench.wait_for_end().reason == "the disk is full"
        clip = bench.clips[0]
        found = [jpeg for _, jpeg in pictures_of(clip.segments)]
        assert found == [big_jpeg(number) for number in range(clip.frames)]
        assert len(found) * len(big_jpeg()) > 2.5e6
        assert clip.end_reason == "the disk is full"


@needs_root
def test_disk_that_is_full_already_refuses_to_begin(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as folder:
        with pytest.raises(OSError, match="No space"):
            (folder / "fill").write_bytes(bytes(2 << 20))
        camera = HandCamera()
        with pytest.raises(NoSpace, match="the disk is full"):
            Recorder(camera.hub, RecordingSettings(), folder / "partial").start()
        assert not camera.hub.is_watched
