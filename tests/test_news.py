"""The state of the turret reaches every page, whatever happens to the library."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from fakes import wait_until, watching
from library_by_hand import FACTS, jpeg_of
from test_live import Listener

from app import Site
from errors import StoreUnavailable
from web import live
from web.events import EventFeed


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


@pytest.mark.parametrize("is_handed_over", [True, False])
def test_what_changes_while_a_page_gets_its_first_state_is_told_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, is_handed_over: bool
) -> None:
    """An event between the look at the state and the place among the listeners was told nobody: the page was behind
    until something else changed."""
    events, status_json = site.context.broadcaster, live.status_json
    site.context.feed.stop()  # nothing else is told

    def change_after(user: object) -> str:
        first = status_json(user)
        events.show_event("state", '{"changed": "meanwhile"}')
        return first

    monkeypatch.setattr(live, "status_json", change_after)
    if not is_handed_over:
        monkeypatch.setattr(live, "hand_over", lambda *_: None)
    with watching(site.port, "/api/events") as viewer:
        listener = Listener(viewer)
        assert "turret" in listener.state()
        assert listener.state() == {"changed": "meanwhile"}


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
