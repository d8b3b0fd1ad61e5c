"""A recording becomes a film: it plays before it is one and when it is one, and the strip tells how far it is."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from live_page import LivePage, wait_for
from playwright.sync_api import expect
from stand import Stand

from camera.film_process import FilmProcess
from store.media import Media

SIZE_PX = (320, 240)


@pytest.fixture
def may_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Films are made, and tell how far they are, but none is done before the test says so."""
    may_end = threading.Event()

    class HeldFilm(FilmProcess):
        last: dict[str, Any] | None = None

        def answer(self, timeout_s: float) -> dict[str, Any] | None:
            self.last = self.last or super().answer(timeout_s)
            if self.last is None or ("facts" in self.last and not may_end.wait(timeout_s)):
                return None
            found, self.last = self.last, None
            return found

    monkeypatch.setattr("camera.converter.FilmProcess", HeldFilm)
    yield may_end
    may_end.set()


@pytest.fixture
def live(may_end: threading.Event, make_stand: Callable[..., Stand], open_page: Callable[..., LivePage]) -> LivePage:
    live = open_page(make_stand())
    live.expect_live()
    return live


def newest(live: LivePage) -> Media:
    """The item that was shot last."""
    found: Media = live.turret.site.rig.library.page().items[0]
    return found


def test_a_recording_is_made_and_played_with_three_clicks(live, may_end):
    """It plays before it is a film; when it is one, the same dialog plays that, with its length and seeking."""
    live.part("record").click()
    expect(live.part("record-word")).to_have_text(re.compile(r"^Stop 0:(0[2-9]|[1-5]\d)$"))
    live.part("record").click()
    live.page.locator("a.shot[data-making]").click()
    preview = live.page.locator(".player-screen > img.is-preview")
    wait_for(lambda: preview.evaluate("image => image.naturalWidth"), lambda width_px: width_px == SIZE_PX[0])
    expect(live.part("item-making")).to_be_visible()
    may_end.set()
    film = live.page.locator(".player-screen > video")
    expect(film).to_be_visible()
    recorded_s = newest(live).duration_s
    assert recorded_s >= 2
    wait_for(
        lambda: film.evaluate("film => film.duration"), lambda length_s: length_s == pytest.approx(recorded_s, abs=0.2)
    )
    film.evaluate("film => { film.pause(); film.currentTime = 1; }")
    wait_for(lambda: film.evaluate("film => !film.seeking && film.currentTime"), lambda time_s: time_s == 1)
    assert film.evaluate("film => [film.videoWidth, film.videoHeight]") == [*SIZE_PX]
    expect(live.part("item-making")).to_be_hidden()
    live.page.keyboard.press("Escape")
    expect(live.page.locator("a.shot b")).to_have_text(re.compile(r"^0:\d\d$"))


def test_how_far_a_film_is_made_is_told(live, may_end):
    recorder = live.turret.site.rig.recorder
    live.part("record").click()
    wait_for(lambda: recorder.state.frames, lambda frames: frames > 5)
    expect(live.part("record-word")).to_have_text(re.compile("^Stop"))
    live.part("record").click()
    badge = live.page.locator("a.shot b")
    expect(badge).to_have_text(re.compile(r"^converting \d+ %$"))
    may_end.set()
    expect(badge).to_have_text(re.compile(r"^0:\d\d$"))
    expect(badge).to_have_text(f"0:{int(newest(live).duration_s + 0.5):02}")
