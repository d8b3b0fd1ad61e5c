"""The live page when something is wrong: it says so in words, never freezes, and heals by itself."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from live_page import LivePage, install_clock, wait_for
from playwright.sync_api import expect

GONE = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
HIDE = """(isHidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
  const state = isHidden ? "hidden" : "visible";
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
SILENT_MS = 2500  # longer than a picture counts as new
COUNTDOWN_MS = 11_000  # longer than any wait for the next try


@pytest.fixture
def open_clocked(new_context) -> Callable[..., LivePage]:
    """The live page of a program, whose clock the test can move; it is not waited for a picture."""

    def open_clocked(at) -> LivePage:
        live = LivePage(new_context().new_page(), at)
        install_clock(live.page)
        live.log_in()
        return live

    return open_clocked


def test_killed_server_is_told_and_a_restart_heals_without_reload(make_turret, open_clocked, complaints):
    complaints.expect(*GONE)
    turret = make_turret()
    live = open_clocked(turret)
    live.expect_live()
    live.page.evaluate("window.isSamePage = true")
    turret.kill()
    expect(live.part("veil")).to_be_visible()
    live.page.clock.run_for(SILENT_MS)
    expect(live.part("health-word")).to_have_text(re.compile(r"^No picture for \d+\ss$"))
    expect(live.part("veil-title")).to_have_text(re.compile(r"^No picture for \d+\ss$"))
    expect(live.part("veil-text")).to_have_text(
        re.compile(r"^The server does not answer\. (Next try in \d+\ss|Trying again)\.$")
    )
    expect(live.part("viewers")).to_be_hidden()
    expect(live.page).to_have_title("No picture · Live · Bagel Turret")
    turret.start()
    live.page.clock.run_for(COUNTDOWN_MS)
    live.expect_live()
    expect(live.part("veil")).to_be_hidden()
    expect(live.part("viewers")).to_have_text("1 watching")
    assert live.page.evaluate("window.isSamePage")


def test_try_now_does_not_wait_for_the_countdown(make_turret, open_clocked, complaints):
    """The page's time stands still meanwhile, so no countdown ever ends."""
    complaints.expect(*GONE)
    turret = make_turret()
    live = open_clocked(turret)
    live.expect_live()
    turret.kill()
    expect(live.part("veil-text")).to_contain_text(re.compile(r"Next try in \d+\ss"))
    live.hold_clock()
    expect(live.part("veil-text")).to_contain_text("Next try in")
    turret.start()
    expect(live.part("veil-text")).to_contain_text("Next try in")
    live.page.get_by_role("button", name="Try now").click()
    expect(live.part("veil")).to_be_hidden()  # by a picture of the server, which may say that its camera starts
    live.page.clock.resume()
    live.expect_live()


def test_frozen_server_is_noticed_although_the_connection_stays_open(make_turret, open_clocked):
    turret = make_turret()
    live = open_clocked(turret)
    live.expect_live()
    turret.freeze()
    live.page.clock.run_for(SILENT_MS)
    expect(live.part("veil-title")).to_have_text(re.compile(r"^No picture for \d+\ss$"))
    turret.thaw()
    live.expect_live()
    expect(live.part("veil")).to_be_hidden()


def test_hidden_page_lets_go_of_the_stream_and_resumes_at_once(make_inside, open_live):
    turret = make_inside()
    live = open_live(turret)
    live.expect_live()
    assert turret.status()["viewers"]["watching"] == 1
    live.page.evaluate(HIDE, True)
    wait_for(turret.status, lambda status: status["viewers"]["watching"] == 0)
    wait_for(turret.status, lambda status: status["camera"]["state"] == "idle")
    last = live.marks()
    live.page.evaluate(HIDE, False)
    live.expect_live()
    live.wait_for_newer(last._replace(number=-1))
    assert turret.status()["viewers"]["watching"] == 1


def test_back_button_brings_a_live_picture(open_live, complaints):
    live = open_live()
    live.expect_live()
    live.go("/watch")
    expect(live.part("mark-word")).to_have_text("Live")
    live.page.go_back(wait_until="domcontentloaded")
    live.expect_live()
    live.wait_for_newer(live.marks())
    wait_for(live.turret.status, lambda status: status["viewers"]["watching"] == 1)


def test_full_house_shows_the_server_s_sentence_and_gets_in_when_a_place_is_free(
    make_inside, open_live, open_clocked, complaints
):
    complaints.expect("503 (SERVICE UNAVAILABLE)")
    turret = make_inside(server={"max_viewers": 1})
    first = open_live(turret)
    first.expect_live()
    second = open_clocked(turret)
    expect(second.part("veil-title")).to_have_text("No free place")
    expect(second.part("veil-text")).to_have_text(re.compile(r"^All 1 places are taken.*Next try in \d+\ss\.$"))
    expect(second.part("health-word")).to_have_text("Full")
    first.page.close()
    wait_for(turret.status, lambda status: status["viewers"]["watching"] == 0)
    second.page.clock.run_for(COUNTDOWN_MS)
    second.expect_live()


def test_expired_session_leads_to_the_login_page_and_back(make_inside, open_live, complaints):
    complaints.expect("401 (UNAUTHORIZED)", *GONE)
    turret = make_inside()
    live = open_live(turret)
    live.expect_live()
    live.page.context.clear_cookies()
    live.page.evaluate(HIDE, True)
    live.page.evaluate(HIDE, False)
    expect(live.page).to_have_url(f"{turret.url}/login?next=%2F")


def test_failed_camera_says_why_in_words(make_inside, open_live):
    turret = make_inside(camera={"camera": "network", "url": "http://127.0.0.1:9/video"})
    live = open_live(turret)
    expect(live.part("health-word")).to_have_text("No picture")
    expect(live.part("camera")).to_have_text(re.compile(r"^Camera: .*127\.0\.0\.1:9.*\.$"))
    expect(live.part("health")).to_have_attribute("data-tone", "bad")
    expect(live.part("test")).to_be_hidden()
    expect(live.part("veil")).to_be_hidden()  # the server's own picture says it, too


@pytest.mark.parametrize("missing", ["createImageBitmap", "ReadableStream"])
def test_browser_without_what_the_player_needs_gets_a_plain_image(new_context, turret, missing):
    context = new_context()
    context.add_init_script(f"delete window.{missing}")
    live = LivePage(context.new_page(), turret)
    live.log_in()
    expect(live.part("health-word")).to_have_text("Live")
    image = live.page.get_by_role("img", name="Live picture of test picture")
    assert image.evaluate("image => image.tagName") == "IMG"
    wait_for(lambda: image.evaluate("image => image.naturalWidth"), lambda width_px: width_px == 1280)
