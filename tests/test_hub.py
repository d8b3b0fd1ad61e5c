"""The hub: newest wins, nobody slows the publisher, and capture learns who watches."""

from __future__ import annotations

import threading

from fakes import jpeg_of

from camera.backend import Picture
from camera.hub import Frame, FrameHub

PICTURE = Picture(jpeg_of(10), 1.0, 64, 48)


def test_numbers_rise_by_one_and_latest_is_the_newest() -> None:
    hub = FrameHub()
    frames = [hub.publish(PICTURE) for _ in range(3)]
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert hub.latest == Frame(3, 1.0, PICTURE.jpeg, 64, 48, True)


def test_numbers_do_not_start_again_after_clear() -> None:
    hub = FrameHub()
    hub.publish(PICTURE)
    hub.clear()
    assert hub.latest is None
    assert hub.publish(PICTURE).number == 2


def test_subscriber_gets_the_newest_frame_at_once() -> None:
    hub = FrameHub()
    hub.publish(PICTURE)
    with hub.subscribe() as frames:
        assert frames.next(5).number == 1


def test_full_queue_drops_the_oldest_and_counts_it() -> None:
    hub = FrameHub()
    with hub.subscribe(backlog=2) as frames:
        for _ in range(5):
            hub.publish(PICTURE)
        assert [frames.next(5).number, frames.next(5).number] == [4, 5]
        assert frames.dropped == 3
    assert hub.dropped == 3


def test_waiting_consumer_gets_none_every_heartbeat() -> None:
    hub = FrameHub(heartbeat_s=0.01)
    with hub.subscribe() as frames:
        assert next(iter(frames)) is None


def test_closing_a_subscription_ends_a_waiting_consumer() -> None:
    hub = FrameHub(heartbeat_s=60)
    subscription = hub.subscribe()
    subscription.__enter__()
    ended = threading.Event()
    consumer = threading.Thread(target=lambda: (list(subscription), ended.set()))
    consumer.start()
    subscription.close()
    assert ended.wait(10)
    consumer.join()


def test_hub_knows_since_when_nobody_watches_and_tells_when_somebody_comes() -> None:
    now, calls = [100.0], []
    hub = FrameHub(clock=lambda: now[0], on_watched=lambda: calls.append(hub.is_watched))
    assert hub.unwatched_since == 100.0
    with hub.watch(), hub.watch():
        assert hub.unwatched_since is None
        now[0] = 107.0
    assert hub.unwatched_since == 107.0
    assert calls == [True]


def test_a_watch_counts_once_however_often_it_is_opened_and_closed() -> None:
    hub = FrameHub()
    watch = hub.watch()
    watch.open()
    watch.open()
    watch.close()
    watch.close()
    assert not hub.is_watched
    other = hub.watch()
    other.open()
    assert hub.is_watched


def test_sinks_see_every_frame_until_they_are_removed() -> None:
    hub, seen = FrameHub(), []
    hub.add_sink(seen.append)
    frame = hub.publish(PICTURE)
    hub.remove_sink(seen.append)
    hub.publish(PICTURE)
    assert seen == [frame]


def test_rate_is_that_of_live_frames_lately() -> None:
    now = [0.0]
    hub = FrameHub(clock=lambda: now[0])
    for step in range(31):
        now[0] = step / 30
        hub.publish(PICTURE._replace(captured_at=now[0]))
        hub.publish(PICTURE._replace(captured_at=now[0]), is_live=False)
    assert abs(hub.rate_hz - 30.0) < 0.01
    now[0] += 3
    assert hub.rate_hz == 0.0
