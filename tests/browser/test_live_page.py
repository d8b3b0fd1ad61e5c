"""The live page while all is well: the picture moves, the figures are true, tools and keys work."""

from __future__ import annotations

import re
import time

from live_page import LivePage, install_clock, wait_for
from playwright.sync_api import expect

AGE_LIMIT_MS = 250  # loopback on a busy machine of two cores; 5 to 20 when it is idle

COUNT_CHANGES = """(element) => {
  globalThis.changes = 0;
  new MutationObserver(() => (changes += 1)).observe(element, { childList: true, characterData: true, subtree: true });
}"""


def test_picture_moves_and_its_number_advances(open_live):
    live = open_live()
    live.expect_live()
    first = live.marks()
    later = live.wait_for_newer(first)
    assert later.unix_ms > first.unix_ms


def test_picture_is_the_camera_s_present(open_live):
    live = open_live()
    live.expect_live()
    wait_for(live.marks_age_ms, lambda age_ms: age_ms < 1000)


def test_strip_shows_the_true_rate_and_age(make_inside, open_live):
    live = open_live(make_inside(camera={"rate": 12}))
    live.expect_live()
    wait_for(lambda: live.rate_hz, lambda rate_hz: 10 <= rate_hz <= 14)
    wait_for(lambda: live.age_ms, lambda age_ms: 0 < age_ms < AGE_LIMIT_MS)


def test_tag_names_the_camera_and_the_time_of_the_picture(open_live):
    live = open_live(timezone_id="UTC")
    live.expect_live()
    expect(live.part("name")).to_have_text("test picture")
    shown = live.part("clock").inner_text()
    assert shown in {time.strftime("%H:%M:%S", time.gmtime(time.time() - ago_s)) for ago_s in range(-1, 4)}


def test_strip_says_in_words_that_this_is_a_test_picture(open_live):
    live = open_live()
    expect(live.part("test")).to_have_text(re.compile("Test"))


def test_two_pages_agree_on_who_watches(open_live):
    first, second = open_live(), open_live()
    for live in (first, second):
        expect(live.part("viewers")).to_have_text("2 watching")
    second.page.close()
    expect(first.part("viewers")).to_have_text("1 watching")


def test_information_box_opens_by_button_and_key(open_live):
    live = open_live()
    live.expect_live()
    button = live.page.get_by_role("button", name="Information on the picture")
    button.click()
    expect(live.part("info")).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(live.part("info-size")).to_have_text("1280 \u00d7 720")
    expect(live.part("info-rate")).to_have_text(re.compile(r"^\d+(\.\d)? of \d+(\.\d)? /s$"))
    expect(live.part("info-age")).to_have_text(re.compile(r"^\d+ ms$"))
    expect(live.part("info-connection")).to_have_text(re.compile(r"^video, [\d.]+ [kM]B/s$"))
    live.page.keyboard.press("i")
    expect(live.part("info")).to_be_hidden()


def test_full_screen_by_key_shows_the_state_on_the_picture(open_live):
    live = open_live()
    live.expect_live()
    live.page.keyboard.press("f")
    expect(live.part("mark")).to_be_visible()
    expect(live.part("mark-word")).to_have_text("Live")
    assert live.page.evaluate("document.fullscreenElement.dataset.part") == "stage"
    live.page.get_by_role("button", name="Full screen").click()
    expect(live.part("mark")).to_be_hidden()
    assert live.page.evaluate("document.fullscreenElement") is None


def test_without_the_full_screen_call_the_picture_covers_the_page(open_live, new_context, turret):
    context = new_context()
    context.add_init_script("delete Element.prototype.requestFullscreen")
    live = LivePage(context.new_page(), turret)
    live.log_in()
    live.expect_live()
    live.page.keyboard.press("f")
    box = live.part("stage").bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1280, 800)


def test_help_lists_the_keys_and_closes_with_escape(open_live):
    live = open_live()
    live.expect_live()
    live.page.keyboard.press("?")
    expect(live.page.get_by_role("dialog", name="Keys")).to_be_visible()
    live.page.keyboard.press("Escape")
    expect(live.page.get_by_role("dialog", name="Keys")).to_be_hidden()
    live.page.locator(".menu summary").click()
    live.page.get_by_role("button", name="Keys").click()
    expect(live.page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_picture_in_picture_opens_and_closes(open_live):
    live = open_live()
    live.expect_live()
    button = live.page.get_by_role("button", name="Picture in picture")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert live.page.evaluate("document.pictureInPictureElement.tagName") == "VIDEO"
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_menu_closes_with_escape_and_by_a_click_outside(open_live):
    live = open_live()
    summary = live.page.locator(".menu summary")
    log_out = live.page.get_by_role("button", name="Log out")
    summary.click()
    expect(log_out).to_be_visible()
    live.page.keyboard.press("Escape")
    expect(log_out).to_be_hidden()
    summary.click()
    live.part("canvas").click()
    expect(log_out).to_be_hidden()


def test_screen_reader_hears_changes_but_no_running_figures(new_context, turret):
    live = LivePage(new_context().new_page(), turret)
    install_clock(live.page)
    live.log_in()
    live.expect_live()
    spoken = live.page.get_by_role("status")
    expect(spoken).to_have_text("Live.")
    spoken.evaluate(COUNT_CHANGES)
    figures = live.texts_of("health-figures", "info-button")
    live.hold_clock()
    for _ in range(4):  # half a second each, with a picture in between
        live.wait_for_newer(live.marks())
        live.page.clock.run_for(500)
    assert len(figures()) > 0
    assert live.page.evaluate("changes") == 0
