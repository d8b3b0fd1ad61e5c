"""The capture thread: sleeps unwatched, heals what fails, and shows viewers why there is no picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from fakes import ScriptedCamera, wait_until

from camera import image
from camera.capture import Capture
from camera.filter_settings import FilterSettings
from camera.hub import Frame, FrameHub, Watch
from errors import CameraLost, NoCamera
from settings import CameraSettings

# However long a busy machine lets a test wait between two pictures, the camera is not taken for frozen.
SETTINGS = CameraSettings(width=320, height=240, idle_timeout_s=0.1, stall_timeout_s=60)


class Bench:
    """A capture over a scripted camera, and all frames it published."""

    def __init__(self, camera: ScriptedCamera, settings: CameraSettings = SETTINGS) -> None:
        self.camera = camera
        self.hub = FrameHub()
        self.frames: list[Frame] = []
        self.states: list[tuple[str, str | None]] = []
        self.hub.add_sink(self.frames.append)
        self.capture = Capture(
            camera, self.hub, settings, on_state=lambda state: self.states.append((state.state, state.reason))
        )

    def live(self) -> list[bytes]:
        return [frame.jpeg for frame in self.frames if frame.is_live]

    def placeholders(self) -> int:
        return sum(not frame.is_live for frame in self.frames)


@pytest.fixture
def make_bench(camera: ScriptedCamera) -> Iterator[Callable[..., Bench]]:
    with ExitStack() as stack:

        def make(settings: CameraSettings = SETTINGS) -> Bench:
            bench = Bench(camera, settings)
            stack.callback(bench.capture.stop)
            bench.capture.start()
            return bench

        yield make


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


def test_unwatched_camera_is_never_opened(bench: Bench) -> None:
    bench.capture.stop()
    assert bench.camera.opened == 0
    assert bench.capture.state.state == "idle"


def test_pictures_pass_untouched_while_watched(bench: Bench) -> None:
    with bench.hub.watch():
        shown = [bench.camera.show(shade) for shade in (10, 20, 30)]
        wait_until(lambda: len(bench.live()) == 3, "three live frames")
    assert bench.live() == shown


def test_whoever_has_a_live_frame_is_told_that_the_camera_is_live(bench: Bench) -> None:
    """Once, the first frame came a moment before the state."""
    states = []
    bench.hub.add_sink(lambda frame: states.append((frame.is_live, bench.capture.state.state)))
    with bench.hub.watch():
        bench.camera.show()
        wait_until(bench.live, "a live frame")
    assert (True, "live") in states
    assert (True, "starting") not in states


def test_camera_is_closed_after_the_idle_timeout_and_the_old_picture_forgotten(bench: Bench) -> None:
    with bench.hub.watch():
        bench.camera.show()
        wait_until(bench.live, "a live frame")
    wait_until(lambda: bench.camera.closed == 1, "the camera is closed")
    wait_until(lambda: bench.capture.state.state == "idle", "idle")
    assert bench.hub.latest is None


def test_camera_stays_open_when_a_viewer_returns_before_the_timeout(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(SETTINGS.model_copy(update={"idle_timeout_s": 3600}))
    for _ in range(3):
        with bench.hub.watch():
            count = len(bench.live())
            bench.camera.show()
            wait_until(lambda count=count: len(bench.live()) > count, "a live frame")
    assert (bench.camera.opened, bench.camera.closed) == (1, 0)


class LastMomentHub(FrameHub):
    """Somebody comes to watch right after capture saw that nobody does, once `expected` is set."""

    def __init__(self) -> None:
        self.expected: Watch | None = None
        super().__init__(clock=lambda: 0.0)

    @property
    def unwatched_since(self) -> float | None:
        found, expected = self._since, self.expected
        if found is not None and expected is not None:
            self.expected = None
            expected.open()
        return found

    @unwatched_since.setter
    def unwatched_since(self, since: float | None) -> None:
        self._since = since


def test_camera_stays_open_for_who_comes_at_the_last_moment(camera: ScriptedCamera) -> None:
    """Once he took it for live, and it was closed under his hands."""
    hub, frames = LastMomentHub(), []
    capture = Capture(camera, hub, SETTINGS)
    hub.add_sink(frames.append)
    with ExitStack() as stack:
        stack.callback(capture.stop)
        capture.start()
        with hub.watch():
            camera.show(1)
            wait_until(lambda: any(frame.is_live for frame in frames), "a live frame")
            hub.expected = comer = hub.watch()
        wait_until(lambda: hub.expected is None, "capture looks who watches")
        assert comer._is_open
        camera.show(2)
        wait_until(lambda: sum(frame.is_live for frame in frames) == 2, "another one")
        assert (capture.state.state, camera.opened, camera.closed) == ("live", 1, 0)


def test_first_thing_a_viewer_sees_says_that_the_camera_starts(bench: Bench) -> None:
    with bench.hub.watch():
        wait_until(lambda: bench.frames, "a placeholder")
        assert not bench.frames[0].is_live
        assert image.size_of(bench.frames[0].jpeg) == (320, 240)


def test_lost_camera_is_shown_with_its_reason_and_opened_again(bench: Bench) -> None:
    with bench.hub.watch():
        bench.camera.show()
        wait_until(bench.live, "a live frame")
        bench.camera.fail(CameraLost("scripted camera was unplugged"))
        wait_until(lambda: ("failed", "scripted camera was unplugged") in bench.states, "failed")
        wait_until(lambda: not bench.frames[-1].is_live, "a placeholder")
        bench.camera.show(77)
        wait_until(lambda: len(bench.live()) == 2, "live again")
    assert [state for state, _ in bench.states][:4] == ["starting", "live", "failed", "live"]
    assert bench.camera.closed >= 1


def test_frozen_camera_is_taken_for_lost_and_opened_again(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(SETTINGS.model_copy(update={"stall_timeout_s": 0.5}))
    with bench.hub.watch():
        bench.camera.show()
        wait_until(bench.live, "a live frame")
        wait_until(lambda: bench.capture.state.state == "failed", "the freeze is noticed")
        assert bench.capture.state.reason == "no picture from scripted camera for 0.5 s"
        wait_until(lambda: bench.camera.opened == 2, "opened again")
        bench.camera.show()
        wait_until(lambda: bench.capture.state.state == "live", "live again")


def test_absent_camera_heals_when_it_appears(bench: Bench) -> None:
    bench.camera.open_fault = NoCamera("no camera at /dev/video0")
    with bench.hub.watch():
        wait_until(lambda: bench.capture.state.reason == "no camera at /dev/video0", "the reason")
        bench.camera.open_fault = None
        bench.camera.show()
        wait_until(bench.live, "a live frame")


def test_placeholder_comes_again_while_the_camera_is_away(bench: Bench) -> None:
    bench.camera.open_fault = NoCamera("gone")
    with bench.hub.watch():
        wait_until(lambda: bench.placeholders() >= 3, "placeholders")
    numbers = [frame.number for frame in bench.frames]
    assert numbers == list(range(1, len(numbers) + 1))


def test_placeholder_comes_every_second_while_a_camera_that_was_opened_again_stays_silent(
    camera: ScriptedCamera,
) -> None:
    """Once, viewers saw nothing new for the six seconds that a camera has to start."""
    now = [0.0]
    hub = FrameHub(clock=lambda: now[0])
    capture = Capture(camera, hub, SETTINGS, clock=lambda: now[0])
    times = []
    hub.add_sink(lambda frame: times.append(frame.captured_at))

    def frames():
        for _ in range(24):
            now[0] += 0.25
            yield None

    camera.frames = frames
    hub.watch().open()
    with pytest.raises(CameraLost):
        capture._run_camera()
    assert times == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_bug_in_a_driver_is_a_fault_like_any_other(bench: Bench) -> None:
    with bench.hub.watch():
        bench.camera.fail(ZeroDivisionError("division by zero"))
        wait_until(lambda: bench.capture.state.state == "failed", "failed")
        assert "division by zero" in bench.capture.state.reason
        bench.camera.show()
        wait_until(bench.live, "live again")


def test_pauses_between_attempts_grow_and_end_at_ten_seconds(camera: ScriptedCamera) -> None:
    """The clock is the test's: each wait moves it on, so no time passes."""
    now, attempts = [0.0], []
    hub = FrameHub(clock=lambda: now[0])
    capture = Capture(camera, hub, SETTINGS, clock=lambda: now[0])
    camera.open_fault = NoCamera("gone")

    class Attention:
        def wait(self, timeout: float | None = None) -> None:
            now[0] += timeout or 0.0

        def clear(self) -> None: ...

        def set(self) -> None: ...

    capture._attention = Attention()
    hub.watch().open()
    real_frames = camera.frames

    def frames():
        attempts.append(now[0])
        if len(attempts) == 8:
            capture.stopping.set()
        return real_frames()

    camera.frames = frames
    capture.run()
    pauses = [round(b - a, 3) for a, b in itertools.pairwise(attempts)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_stop_ends_a_watched_capture_at_once(bench: Bench) -> None:
    with bench.hub.watch():
        bench.camera.show()
        wait_until(bench.live, "a live frame")
        bench.capture.stop(timeout_s=5)
    assert not bench.capture.is_running
    assert bench.camera.closed == 1


def test_with_no_filter_on_the_cameras_own_bytes_object_reaches_everybody(bench: Bench) -> None:
    """Nothing is decoded, nothing encoded, nothing copied: it is the same object."""
    mine = bytes(bytearray(b"\xff\xd8 not even a picture \xff\xd9"))
    with bench.hub.watch():
        bench.camera.show_bytes(mine)
        wait_until(bench.live, "a live frame")
    assert bench.live()[0] is mine


def test_a_picture_that_no_filter_can_read_is_left_out_and_the_camera_not_taken_for_frozen(bench: Bench) -> None:
    bench.capture.filters.set(FilterSettings(flip_horizontal=True))
    with bench.hub.watch():
        for _ in range(3):
            bench.camera.show_bytes(b"\xff\xd8 torn \xff\xd9")
        bench.camera.show(200)
        wait_until(bench.live, "a live frame")
    assert len(bench.live()) == 1
    assert bench.camera.opened == 1
