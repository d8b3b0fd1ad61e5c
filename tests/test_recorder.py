"""Recording: what is in the clip, and when it begins and ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from clips import HandCamera, big_jpeg, shades_of
from fakes import ScriptedCamera, wait_until
from recorder_by_hand import NOON, Bench

from camera import backlog as backlog_module
from camera.backlog import Backlog
from camera.capture import Capture
from camera.clip import Clip
from camera.hub import FrameHub
from camera.playback import pictures_of
from camera.recorder import Recorder, RecordingState
from errors import CameraLost
from rig import Rig
from settings import CameraSettings, RecordingSettings

pytestmark = pytest.mark.usefixtures("quick_ticks")


@pytest.fixture
def bench(make_recorder_bench: Callable[..., Bench]) -> Bench:
    return make_recorder_bench()


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


def test_longest_time_ends_it_to_the_picture(make_recorder_bench: Callable[..., Bench]) -> None:
    bench = make_recorder_bench(max_minutes=0.1)
    bench.recorder.start()
    for _ in range(48):
        bench.record(after_s=0.125)
    for _ in range(9):
        bench.camera.show(after_s=0.125)
    state = bench.wait_for_end()
    assert state.reason == "it reached 0.1 minutes, the longest time a recording may have"
    assert bench.clips[0].frames == 49
    assert bench.clips[0].duration_s == pytest.approx(6.125, abs=0.01)


def test_longest_time_ends_it_without_a_camera_too(make_recorder_bench: Callable[..., Bench]) -> None:
    bench = make_recorder_bench(max_minutes=0.1)
    bench.recorder.start()
    bench.camera.now += 6.5
    bench.wait_for_end()
    assert bench.clips == []


def test_segments_by_time_make_one_clip(make_recorder_bench: Callable[..., Bench]) -> None:
    bench = make_recorder_bench(segment_minutes=0.1)
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


def test_pre_roll_shows_what_was_before_the_press(make_recorder_bench: Callable[..., Bench]) -> None:
    bench = make_recorder_bench(pre_roll_s=2)
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
