"""A motor that turns the turret: how long it may still run, where straight ahead is, and what the turret warns of."""

from __future__ import annotations

import re
from contextlib import closing

from live_page import LivePage, wait_for
from playwright.sync_api import expect
from turret import Turret
from turret_by_hand import ENABLE, LEFT, RIGHT

from rig import NET_RUN_SETTING, SCHEMA
from store.database import Database


def expect_run_left(live: LivePage, left_s: float, right_s: float) -> None:
    """What the page says of left and right."""
    words = re.compile(rf"^pan: {left_s:.1f} s left, {right_s:.1f} s right to run")
    expect(live.part("pan-read")).to_have_text(words)


def kept_run(turret: Turret) -> str | None:
    """What is on the disk of how far the motor ran."""
    with closing(Database(turret.folder / "media.db", SCHEMA.read_text(encoding="utf-8"))) as database:
        database.open()
        return database.setting(NET_RUN_SETTING)


def test_the_page_counts_how_long_the_motor_may_run_and_straight_ahead_counts_anew(make_stand, open_page):
    stand = make_stand(pan={"net_run_limit_s": 1.5})
    live = open_page(stand)
    expect_run_left(live, 1.5, 1.5)
    live.page.keyboard.down("ArrowRight")
    wait_for(lambda: stand.scope.levels(LEFT, RIGHT, ENABLE), lambda levels: levels == (0, 1, 1))
    expect(live.part("pan-read")).to_have_text("pan: 3.0 s left, 0.0 s right to run, at its limit")
    assert stand.scope.levels(LEFT, RIGHT, ENABLE) == (0, 0, 0)
    live.page.keyboard.up("ArrowRight")
    live.part("more-button").click()
    live.page.get_by_role("button", name="It points straight ahead now").click()
    expect(live.part("message")).to_have_text("This is straight ahead now.")
    expect_run_left(live, 1.5, 1.5)
    live.page.keyboard.down("ArrowRight")
    wait_for(lambda: stand.scope.levels(LEFT, RIGHT, ENABLE), lambda levels: levels == (0, 1, 1))
    live.page.keyboard.up("ArrowRight")
    wait_for(lambda: stand.scope.levels(LEFT, RIGHT, ENABLE), lambda levels: levels == (0, 0, 0))


def test_without_a_bound_there_is_nothing_to_count(make_stand, open_page):
    live = open_page(make_stand(pan={"net_run_limit_s": 0}))
    expect(live.part("pan-read")).to_have_text("pan: no sensor")
    live.part("more-button").click()
    expect(live.page.get_by_role("button", name="Edit presets")).to_be_visible()
    expect(live.page.get_by_role("button", name="It points straight ahead now")).to_be_hidden()


def test_a_warning_of_the_turret_stands_in_the_panel_until_it_is_settled(make_turret, open_live, complaints):
    complaints.expect("ERR_")
    turret = make_turret(TURRET_TURRET_HARDWARE="simulated")
    live = open_live(turret)
    expect(live.page.get_by_role("button", name="Pan right")).to_be_enabled()
    expect(live.part("aim-warnings")).to_be_hidden()
    live.page.keyboard.down("ArrowRight")
    wait_for(lambda: kept_run(turret), bool)
    turret.kill()
    live.page.close()
    turret.start()
    live = open_live(turret)
    warning = live.part("aim-warnings")
    expect(warning).to_contain_text("nobody knows how far its cable is wound")
    more, ahead = re.findall(r"“(.+?)”", warning.inner_text())[::-1]  # it names what cures it
    live.page.get_by_role("button", name=more, exact=True).click()
    live.page.get_by_role("button", name=ahead, exact=True).click()
    expect(live.part("aim-warnings")).to_be_hidden()
