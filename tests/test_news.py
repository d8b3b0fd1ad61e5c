"""The state of the turret reaches every page, whatever happens to the library."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from fakes import basic, wait_until, watching
from library_by_hand import FACTS, jpeg_of
from test_live import Listener

from app import Site
from errors import StoreUnavailable
from web.admin import status_json
from web.context import Context
from web.events import EventFeed
from web.guard import User


class Failing:
    """Reading lists fails so many times, then works again."""

    def __init__(self, browse: Callable[..., object], times: float) -> None:
        self._browse = browse
        self.times = times
        self.failed = threading.Event()

    def __call__(self, *arguments: object) -> object:
        if self.times <= 0:
            return self._browse(*arguments)
        self.times -= 1
        self.failed.set()
        raise StoreUnavailable("the database is gone")


@pytest.mark.parametrize("times", [1, float("inf")])
def test_pages_hear_of_a_move_while_the_library_cannot_be_read(
    times: float, site: Site, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    """The thread that tells everybody ended with the first error: armed, lease and lights stood still for ever."""
    rig = site.rig
    rig.library.add_photo(jpeg_of(), FACTS, "cat")
    with watching(site.port, "/api/events") as viewer:
        listener = Listener(viewer)
        assert listener.state()["media"]["totals"]["photo"]["count"] == 1
        browse = Failing(rig.database.browse, times)
        monkeypatch.setattr(rig.database, "browse", browse)
        site.context.library_changed()
        assert browse.failed.wait(10)
        rig.turret.step(0, 1, "admin")
        moved = listener.state_with(lambda state: state["turret"]["lease"]["holder"] == "admin")
        assert moved["media"]["totals"]["photo"]["count"] == 1, "what was there last"
        rig.turret.arm("admin")
        listener.state_with(lambda state: state["turret"]["trigger"]["armed"])
        assert caplog.text.count("the database is gone") == 1
        browse.times = 0
        rig.library.add_photo(jpeg_of(), FACTS, "dog")
        listener.state_with(lambda state: state["media"]["totals"]["photo"]["count"] == 2)


def test_a_state_that_cannot_be_told_is_told_as_soon_as_it_can(caplog) -> None:
    answers = iter([ZeroDivisionError("x"), ZeroDivisionError("x"), "{}"])
    shown: list[tuple[str, str]] = []

    def describe() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    feed = EventFeed(describe, lambda name, data: shown.append((name, data)))
    feed.start()
    feed.changed()
    wait_until(lambda: shown == [("state", "{}")], "it is told")
    feed.stop()
    assert caplog.text.count("ZeroDivisionError: x") == 1


@pytest.fixture
def news_meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Context], None]:
    """Something changes right after a listener's first state was looked at, and nothing else is told."""

    def news_meanwhile(here: Context) -> None:
        def overtaken(user: User | None) -> str:
            told = status_json(user)
            here.broadcaster.show_event("state", '{"news": true}')
            return told

        here.feed.stop()  # what a camera does at its start would be newer news
        monkeypatch.setattr("web.live.status_json", overtaken)

    return news_meanwhile


def test_what_changes_while_a_page_opens_is_told(site: Site, news_meanwhile) -> None:
    """It was counted as seen, and the page showed what had been before until something else changed."""
    news_meanwhile(site.context)
    with watching(site.port, "/api/events") as viewer:
        listener = Listener(viewer)
        assert "news" not in listener.state()
        listener.state_with(lambda state: "news" in state)


def test_the_same_under_a_server_that_gives_no_connection_away(client, news_meanwhile) -> None:
    news_meanwhile(client.application.extensions["turret"])
    answer = client.get("/api/events", headers={"Authorization": basic()}, buffered=False)
    told = iter(answer.response)
    assert b"news" not in next(told)
    assert b"news" in next(told)
    answer.close()
