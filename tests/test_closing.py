"""The end of the program: a thread that is stuck keeps nothing else open."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from fakes import ScriptedCamera, Viewer, wait_until, watching

from app import Site
from camera import renditions


class Jam:
    """Holds up every call of what it takes the place of, until `end`."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.is_over = threading.Event()

    def before(self, call: Callable[..., object]) -> Callable[..., object]:
        def held_up(*arguments: object, **options: object) -> object:
            self.reached.set()
            assert self.is_over.wait(30)
            return call(*arguments, **options)

        return held_up

    def wait_reached(self) -> None:
        assert self.reached.wait(10), "a thread is stuck"

    def end(self) -> None:
        self.is_over.set()


@pytest.fixture
def jam() -> Iterator[Jam]:
    jam = Jam()
    yield jam
    jam.end()


def is_served(site: Site) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", site.port)) == 0


def test_copies_that_are_stuck_keep_neither_streams_nor_server_open(
    site: Site, camera: ScriptedCamera, jam: Jam, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    """Their thread goes on later, and wakes a sender whose descriptor may be somebody's file by then."""
    copies = site.context.broadcaster.door.copies
    monkeypatch.setattr(renditions, "decoded", jam.before(renditions.decoded))
    with watching(site.port) as full, watching(site.port, "/video_feed?scale=1/2") as small:
        camera.show()
        full.live_part()
        jam.wait_reached()
        site.close()
        assert "thread renditions did not stop within 2 s" in caplog.text
        assert (full.is_closed_by_server(), small.is_closed_by_server()) == (True, True)
    assert not is_served(site)
    jam.end()
    wait_until(lambda: not copies._renditions.is_running, "it has ended")
    assert copies.made == 1
    assert "a fault of ours" not in caplog.text


def test_news_that_are_stuck_keep_neither_streams_nor_server_open(
    site: Site, jam: Jam, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    with watching(site.port) as viewer, watching(site.port, "/api/events") as listener:
        monkeypatch.setattr(site.rig.library, "totals", jam.before(site.rig.library.totals))
        site.context.library_changed()
        jam.wait_reached()
        site.close()
        assert "thread events did not stop within 2 s" in caplog.text
        assert (viewer.is_closed_by_server(), listener.is_closed_by_server()) == (True, True)
    assert not is_served(site)
    jam.end()
    wait_until(lambda: not site.context.feed.is_running, "it has ended")
    assert "cannot be told" not in caplog.text


def test_a_sender_that_is_stuck_does_not_keep_the_server_open_and_ends_its_streams_when_it_goes_on(
    site: Site, jam: Jam, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    broadcaster = site.context.broadcaster
    monkeypatch.setattr(broadcaster, "_tick", jam.before(broadcaster._tick))
    viewer = Viewer(site.port).read_head()
    jam.wait_reached()
    site.close()
    assert "thread broadcaster did not stop within 2 s" in caplog.text
    assert not is_served(site)
    jam.end()
    assert viewer.is_closed_by_server()
    viewer.close()
