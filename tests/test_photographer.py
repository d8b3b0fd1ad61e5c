"""Photos show the present: the newest frame of an awake camera, a settled one of a camera that slept."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext

import pytest
from fakes import jpeg_of
from library_by_hand import opened_library

from camera.backend import Picture
from camera.hub import FrameHub
from errors import CameraLost, NoSpace
from jobs.photographer import Photographer
from settings import PhotoSettings

TORN = jpeg_of(9)[:400] + b"\xff\xd9"


@pytest.fixture
def library(tmp_path):
    with opened_library(tmp_path / "media") as found:
        yield found


def photographer_of(
    hub: FrameHub, library=None, reason: str | None = None, clock=time.monotonic, **settings: object
) -> Photographer:
    return Photographer(
        hub, library, PhotoSettings(**settings), lambda: "Cam", lambda: reason, nullcontext, clock=clock
    )


def now() -> float:
    """A clock that stands: what was published just now stays fresh, however busy the machine is."""
    return 1000.0


@contextmanager
def running_camera(hub: FrameHub, jpeg_of_number=jpeg_of, is_live: bool = True):
    """A camera that wakes when watched and then delivers picture 1, 2, ... as fast as it can be."""
    is_over = threading.Event()

    def run() -> None:
        number = 0
        while not is_over.wait(0.002):
            if hub.is_watched:
                number += 1
                jpeg = jpeg_of_number(min(number, 255))
                hub.publish(Picture(jpeg, time.monotonic(), 64, 48), is_live)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(5)


def test_awake_camera_gives_its_newest_picture_at_once() -> None:
    hub = FrameHub()
    for shade in (10, 20):
        hub.publish(Picture(jpeg_of(shade), now(), 64, 48))
    assert photographer_of(hub, clock=now, skip_frames=100).picture(0.0).jpeg == jpeg_of(20)


def test_old_picture_is_never_taken_for_the_present() -> None:
    """A camera that froze a minute ago still has a newest picture."""
    hub = FrameHub()
    hub.publish(Picture(jpeg_of(10), time.monotonic() - 60, 64, 48))
    with pytest.raises(CameraLost, match="gave none in time"):
        photographer_of(hub).picture(0.05)
    with running_camera(hub):
        assert time.monotonic() - photographer_of(hub).picture(5).captured_at < 5


def test_camera_that_slept_gets_time_to_settle() -> None:
    """The first pictures of a cold sensor are dark or torn; the pet cam skipped 13."""
    hub = FrameHub()
    with running_camera(hub):
        asked_at = time.monotonic()
        frame = photographer_of(hub, skip_frames=13, delay_s=0.1).picture(10)
    assert frame.number > 13
    assert frame.captured_at >= asked_at + 0.1


def test_camera_that_falls_asleep_at_that_moment_gets_time_to_settle_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was seen awake, slept before it was watched, and its first dark picture was the photo."""
    hub = FrameHub()
    hub.publish(Picture(jpeg_of(10), time.monotonic(), 64, 48))
    real = hub.subscribe

    def subscribe():
        assert hub.unless_watched(hub.clear)
        return real()

    monkeypatch.setattr(hub, "subscribe", subscribe)
    with running_camera(hub):
        assert photographer_of(hub, skip_frames=13, delay_s=0).picture(10).number > 13


def test_camera_that_wakes_at_once_gets_time_to_settle_too() -> None:
    hub = FrameHub(on_watched=lambda: hub.publish(Picture(jpeg_of(1), time.monotonic(), 64, 48)))
    with running_camera(hub):
        assert photographer_of(hub, skip_frames=13, delay_s=0).picture(10).number > 13


def test_placeholder_is_no_photo() -> None:
    hub = FrameHub()
    with running_camera(hub, is_live=False), pytest.raises(CameraLost, match="no picture to take: unplugged"):
        photographer_of(hub, reason="unplugged").picture(5)


def test_broken_picture_is_passed_over() -> None:
    hub = FrameHub()
    hub.publish(Picture(TORN, time.monotonic(), 64, 48))
    with running_camera(hub):
        assert photographer_of(hub).picture(5).jpeg != TORN


def test_camera_that_sends_only_rubbish_says_so() -> None:
    hub = FrameHub()
    with (
        running_camera(hub, lambda number: b"\xff\xd8rubbish\xff\xd9"),
        pytest.raises(CameraLost, match="broken pictures"),
    ):
        photographer_of(hub, skip_frames=0, delay_s=0).picture(5)


def test_photo_of_an_awake_camera_leaves_no_watcher_behind(library) -> None:
    hub = FrameHub()
    hub.publish(Picture(jpeg_of(10), now(), 64, 48))
    media = photographer_of(hub, library, clock=now).take("cat")
    assert not hub.is_watched
    assert library.folder.thumb_of(media.id).is_file()
    assert jpeg_of(10)[2:] in library.path_of(media).read_bytes(), "the camera's own picture, not coded again"


def test_without_room_there_is_no_half_photo(library) -> None:
    hub = FrameHub()
    hub.publish(Picture(jpeg_of(10), now(), 64, 48))
    photographer = photographer_of(hub, library, clock=now)

    def full(size_bytes: int) -> None:
        raise NoSpace("the disk is full")

    photographer.ensure_room = full
    with pytest.raises(NoSpace):
        photographer.take("cat")
    assert library.page().items == ()


def test_two_photos_at_once_are_two(library) -> None:
    hub = FrameHub()
    hub.publish(Picture(jpeg_of(10), now(), 64, 48))
    photographer = photographer_of(hub, library, clock=now)
    threads = [threading.Thread(target=photographer.take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(library.page().items) == 2
