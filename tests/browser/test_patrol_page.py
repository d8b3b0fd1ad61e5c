"""Patrol and going home by itself, as the page shows and starts them."""

from __future__ import annotations

import re

import pytest
from live_page import LivePage, wait_for
from playwright.sync_api import expect
from stand import QUICK, Stand
from turret_by_hand import PAN_SERVO


@pytest.fixture
def stand(make_stand) -> Stand:
    """Two quick servos and two presets, Door at 40 and Desk at 130 degrees of pan."""
    stand = make_stand(pan=QUICK, tilt=QUICK, turret={"patrol_resume_s": 2.0, "lease_s": 2.0})
    for name, pan_deg in (("Door", 40), ("Desk", 130)):
        stand.stand_at(pan_deg, 90)
        stand.ask("/presets", {"name": name})
    return stand


def start(live: LivePage) -> None:
    """Two seconds at each, by the page."""
    live.part("more-button").click()
    live.page.get_by_label("Time at each preset").select_option("2")
    live.page.get_by_role("button", name="Start patrol").click()
    expect(live.part("patrol-chip")).to_have_text(re.compile("^patrol "))


def test_a_patrol_visits_the_presets_and_every_page_shows_where_it_is(stand, open_page):
    live, viewer = open_page(stand), open_page(stand, "vera")
    start(live)
    expect(live.page.get_by_role("button", name="Start patrol")).to_be_disabled()
    for name, pan_deg in (("Desk", 130), ("Door", 40)):
        for page in (live, viewer):
            expect(page.part("patrol-chip")).to_have_text(re.compile(rf"^patrol at {name} [12] s$"))
        pulse_us = 500 + pan_deg / 180 * 2000
        wait_for(lambda: stand.scope.last_pulse_us(PAN_SERVO), lambda width, wanted=pulse_us: abs(width - wanted) < 3)
    viewer.part("patrol-stop").click()
    expect(viewer.part("message")).to_have_text("The patrol has stopped.")
    expect(live.part("patrol")).to_be_hidden()
    assert stand.ask("")["patrol"] is None


def test_a_hand_pauses_it_and_stop_ends_it(stand, open_page):
    live = open_page(stand)
    start(live)
    live.page.keyboard.down("ArrowUp")
    expect(live.part("patrol-text")).to_have_text(re.compile(r"^patrol waits \d s$"))
    live.page.keyboard.up("ArrowUp")
    expect(live.part("patrol-text")).to_have_text(re.compile("^patrol (at|to) "))
    live.page.keyboard.press("Escape")
    expect(live.part("patrol")).to_be_hidden()
    assert stand.ask("")["patrol"] is None


def test_the_time_at_each_is_remembered(stand, open_page):
    live = open_page(stand)
    start(live)
    live.page.reload()
    live.part("more-button").click()
    expect(live.page.get_by_label("Time at each preset")).to_have_value("2")


def test_with_one_preset_it_is_greyed_and_says_why(stand, open_page):
    stand.ask(f"/presets/{stand.ask('/presets')['items'][0]['id']}", method="DELETE")
    live = open_page(stand)
    live.part("more-button").click()
    expect(live.page.get_by_role("button", name="Start patrol")).to_be_disabled()
    expect(live.part("more")).to_contain_text("A patrol needs two presets.")


def test_going_home_by_itself_is_counted_down(make_stand, open_page):
    stand = make_stand(pan=QUICK, tilt=QUICK, turret={"home_after_idle_s": 2.0})
    live = open_page(stand)
    said = live.texts_of("home-in", "home")
    stand.stand_at(40, 90)
    stand.wait_for_stand(90, 90)
    expect(live.part("home-in")).to_have_text("")
    assert [words for words in said() if re.match(r"goes home in [12] s\|", words)]
