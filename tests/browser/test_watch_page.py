"""The view-only page, inside and outside of frames, and both pages without scripts."""

from __future__ import annotations

import functools
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from live_page import LivePage, marks_on_screen, wait_for
from playwright.sync_api import expect


def open_watch(live: LivePage) -> LivePage:
    live.expect_live()
    live.go("/watch")
    expect(live.part("mark-word")).to_have_text("Live")
    return live


def test_watch_shows_the_picture_and_a_small_mark_alone(open_live):
    live = open_watch(open_live())
    expect(live.part("mark")).to_be_visible()
    for name in ("menu", "strip", "tools", "info"):
        expect(live.part(name)).to_have_count(0)
    assert live.page.get_by_role("link").count() == 0


def test_watch_fills_its_window_and_moves(open_live):
    live = open_watch(open_live(viewport={"width": 640, "height": 360}))
    box = live.part("player").bounding_box()
    assert (box["width"], box["height"]) == pytest.approx((640, 360), abs=1)
    first = marks_on_screen(live.part("player"))
    wait_for(lambda: marks_on_screen(live.part("player")), lambda marks: marks.number > first.number)


@pytest.fixture
def other_site(turret) -> Iterator[str]:
    """A page of another site that embeds ours."""

    class Embedding(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            frames = "".join(f'<iframe name="{path}" src="{turret.url}/{path}"></iframe>' for path in ("watch", ""))
            self.wfile.write(f"<!doctype html><title>other</title>{frames}".encode())

        log_message = functools.partialmethod(lambda *ignored: None)

    with ThreadingHTTPServer(("127.0.0.1", 0), Embedding) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_watch_may_be_embedded_by_other_sites_and_the_live_page_not(open_live, other_site, complaints):
    complaints.expect("frame-ancestors", "favicon.ico")
    live = open_live()
    live.expect_live()
    live.page.goto(other_site, wait_until="domcontentloaded")
    expect(live.page.frame_locator("iframe >> nth=0").locator("[data-part=mark-word]")).to_have_text("Live")
    expect(live.page.frame_locator("iframe >> nth=1").locator("[data-part=player]")).to_have_count(0)


def test_watch_that_lost_its_session_offers_to_log_in(open_live, complaints):
    complaints.expect("status of 401")
    live = open_live()
    live.expect_live()
    live.page.route(re.compile("/video_feed"), lambda route: route.fulfill(status=401, body="log in first"))
    live.go("/watch")
    expect(live.part("veil-title")).to_have_text("You are logged out")
    with live.page.context.expect_page() as opened:
        live.page.get_by_role("button", name="Log in").click()
    expect(opened.value).to_have_url(re.compile(r"/$|/login"))


@pytest.mark.parametrize("path", ["/", "/watch"])
def test_without_scripts_a_plain_image_loads_and_moves(new_context, turret, path):
    live = LivePage(new_context(java_script_enabled=False).new_page(), turret)
    live.log_in()
    live.go(path)
    image = live.page.get_by_role("img", name="Live picture of test picture")
    expect(image).to_be_visible()
    first = wait_for(lambda: marks_on_screen(image), lambda marks: marks.unix_ms > 1_600_000_000_000)
    wait_for(lambda: marks_on_screen(image), lambda marks: marks.number > first.number)
    expect(live.page.get_by_role("button", name="Full screen")).to_be_hidden()


def test_plain_image_is_painted_when_it_comes_and_not_with_the_next_one(new_context, make_turret):
    """Chromium paints a part when it sees the next part's head; at 2 pictures a second that is 500 ms late."""
    live = LivePage(new_context(java_script_enabled=False).new_page(), make_turret(TURRET_CAMERA_RATE="2"))
    live.log_in()
    image = live.page.get_by_role("img", name="Live picture of test picture")

    def age_ms() -> float:
        asked_ms = time.time() * 1000
        return asked_ms - marks_on_screen(image).unix_ms

    wait_for(age_ms, lambda found_ms: 0 < found_ms < 350)


def test_without_scripts_the_page_says_so_and_shows_what_the_server_knows(new_context, turret):
    live = LivePage(new_context(java_script_enabled=False).new_page(), turret)
    live.log_in()
    expect(live.page.locator(".strip noscript .chip")).to_be_visible()
    expect(live.part("viewers")).to_have_text(re.compile(r"^\d+ watching$"))
    expect(live.part("health")).to_be_hidden()
