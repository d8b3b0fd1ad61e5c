"""Recording: what is refused, and what is left when something goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from clips import HandCamera, big_jpeg, needs_root, shades_of, small_disk
from fakes import DEADLINE_S, jpeg_of, wait_until
from recorder_by_hand import Bench

from camera.backlog import Backlog
from camera.clip import Clip, read_notes
from camera.playback import pictures_of
from camera.recorder import Recorder, RecordingState
from camera.recording import Recording
from camera.salvage import salvage
from errors import AlreadyRecording, NoCamera, NoSpace, NotRecording, StoreUnavailable
from settings import RecordingSettings

pytestmark = pytest.mark.usefixtures("quick_ticks")


@pytest.fixture
def bench(make_recorder_bench: Callable[..., Bench]) -> Bench:
    return make_recorder_bench()


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


def test_stop_before_the_start_is_through_finds_none_and_the_recording_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stopped was told "the camera gave no picture", and the recording ended as soon as it began."""
    start, refused = Recording.start, []

    def late(recording: Recording) -> None:
        with pytest.raises(NotRecording) as refusal:
            bench.recorder.stop()
        refused.append(refusal.value)
        start(recording)

    monkeypatch.setattr(Recording, "start", late)
    bench.recorder.start("cat")
    bench.record()
    assert refused
    assert bench.recorder.stop().frames == 1


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


def test_broken_picture_does_not_hurt_the_others(bench: Bench) -> None:
    bench.recorder.start()
    bench.camera.show(40)
    bench.camera.show_bytes(jpeg_of(50)[:100], after_s=0.1)
    bench.camera.show(60, after_s=0.1)
    assert shades_of(bench.recorder.stop().segments) == [(0.0, 40), (0.2, 60)]


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


def test_disk_that_is_stuck_in_a_sync_does_not_hold_up_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    is_stuck, may_go_on = threading.Event(), threading.Event()

    def stick(path: Path) -> None:
        is_stuck.set()
        may_go_on.wait(30)

    monkeypatch.setattr("camera.disk_keeper.sync", stick)
    monkeypatch.setattr("camera.recording.KEEPER_PATIENCE_S", 0.1)
    bench.recorder.start()
    assert is_stuck.wait(10)
    bench.camera.show(40)
    clip = bench.recorder.stop()
    may_go_on.set()
    assert shades_of(clip.segments) == [(0.0, 40)]


def test_disk_that_comes_back_after_the_end_does_not_bring_back_older_notes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They said that it was still being recorded; a film that was made meanwhile waited for its end for ever."""
    is_stuck, may_go_on = threading.Event(), threading.Event()

    def stick(path: Path) -> None:
        if path.suffix == ".mkv":
            is_stuck.set()
            may_go_on.wait(30)

    monkeypatch.setattr("camera.disk_keeper.sync", stick)
    monkeypatch.setattr("camera.recording.KEEPER_PATIENCE_S", 0.1)
    bench.recorder.start()
    bench.record()
    bench.record(after_s=0.1)
    assert is_stuck.wait(10)
    notes_at_first = read_notes(bench.recorder.state.folder)
    clip = bench.recorder.stop()
    may_go_on.set()
    keeper = bench.recorder._recording._keeper
    wait_until(lambda: not keeper.is_running, "the end of the disk's thread")
    assert notes_at_first is not None
    assert not notes_at_first.is_over
    notes = read_notes(clip.folder)
    assert notes is not None
    assert notes.is_over


@pytest.mark.parametrize("name", ["recording", "recording's disk"])
def test_system_that_gives_no_thread_blocks_no_later_recording(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with suppress(RuntimeError):
            bench.recorder.start("in vain")
        wait_until(lambda: not bench.recorder.state.is_recording, "its end")
    assert not bench.camera.hub.is_watched
    bench.recorder.start("cat")
    bench.record()
    assert bench.recorder.stop().name == "cat"


@needs_root
def test_full_disk_ends_the_recording_and_loses_nothing_before(
    make_recorder_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "3m") as folder:
        bench = make_recorder_bench(folder / "partial")
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


# The end of the program while a recording is about to begin


class LateStart:
    """A recording that is being started by a thread of its own, and is held at some point until `release`."""

    def __init__(self, bench: Bench) -> None:
        self.outcome: Exception | RecordingState | None = None
        self._bench = bench
        self._is_there, self._may_go_on = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._start, daemon=True)

    def begin(self) -> None:
        self._thread.start()
        assert self._is_there.wait(DEADLINE_S)

    def hold(self, *_: object) -> None:
        self._is_there.set()
        assert self._may_go_on.wait(DEADLINE_S)

    def release(self) -> None:
        self._may_go_on.set()

    def wait(self) -> None:
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()

    def _start(self) -> None:
        try:
            self.outcome = self._bench.recorder.start()
        except StoreUnavailable as error:
            self.outcome = error


@pytest.fixture(params=["while room is made", "while its folder is made"])
def late_start(request: pytest.FixtureRequest, make_recorder_bench: Callable[..., Bench], monkeypatch) -> LateStart:
    bench = make_recorder_bench(pre_roll_s=1.0)
    late = LateStart(bench)
    if request.param == "while room is made":
        monkeypatch.setattr(bench, "room_gate", late.hold)
    else:
        monkeypatch.setattr("camera.recorder.write_notes", late.hold)
    late.begin()
    return late


def expect_at_rest(late: LateStart) -> None:
    """No recording, no folder, no thread, and a camera that may sleep."""
    bench = late._bench
    assert not bench.recorder.state.is_recording
    assert list(bench.partial_dir.glob("*")) == []
    assert [thread.name for thread in threading.enumerate() if thread.name in ("recording", "recording's disk")] == []
    assert not bench.camera.hub.is_watched


def test_close_waits_for_a_start_that_is_under_way_and_nothing_goes_on(late_start: LateStart) -> None:
    closing = threading.Thread(target=late_start._bench.recorder.close, daemon=True)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive(), "what is closed next is still in use"
    late_start.release()
    closing.join(DEADLINE_S)
    late_start.wait()
    expect_at_rest(late_start)


def test_close_does_not_wait_for_ever_for_a_start_that_hangs_and_nothing_begins_later(
    late_start: LateStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camera.recorder.START_TIMEOUT_S", 0.05)
    late_start._bench.recorder.close()
    late_start.release()
    late_start.wait()
    expect_at_rest(late_start)


def test_nothing_is_recorded_after_the_end(bench: Bench) -> None:
    bench.recorder.close()
    with pytest.raises(StoreUnavailable, match="being stopped"):
        bench.recorder.start()
    assert list(bench.partial_dir.glob("*")) == []
