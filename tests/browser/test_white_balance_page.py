"""White balance by hand on the Picture panel in Chromium, with the controls of a Pi camera."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from inside import Inside
from live_page import LivePage, wait_for
from playwright.sync_api import Locator, expect
from tunable_camera import TunableCamera

from app import Site
from camera.backend import Control

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
CONTROLS = (
    Control("white_balance_auto", "boolean", None, None, None, 1, 1, label="AwbEnable"),
    Control("red_balance", "number", 0.1, 32, 0.05, 1.7, 1.85, "\u00d7", label="Red balance"),
    Control("blue_balance", "number", 0.1, 32, 0.05, None, 1.45, "\u00d7", label="Blue balance"),
)


@pytest.fixture
def turret(make_site: Callable[..., Site]) -> Inside:
    return Inside(make_site(TunableCamera(controls=CONTROLS)))


def row(live: LivePage, name: str) -> Locator:
    return live.page.locator(f'[data-control="{name}"]')


def open_panel(live: LivePage) -> LivePage:
    expect(live.part("health-word")).to_have_text("Live")
    live.part("camera-open").click()
    expect(row(live, "red_balance")).to_be_visible()
    return live


def test_red_and_blue_are_grey_until_the_automatic_is_off_and_can_be_reset(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    for name in ("red_balance", "blue_balance"):
        expect(row(live, name).get_by_role("slider")).to_be_disabled()
        expect(row(live, name).locator(".row-why")).to_have_text("AwbEnable is on.")
        expect(row(live, name).locator(".reach")).to_have_text("0.1\u00d7 to 32\u00d7")
    expect(row(live, "red_balance").locator(".figure")).to_have_text("1.85\u00d7")
    row(live, "white_balance_auto").get_by_role("button").click()
    slider = row(live, "red_balance").get_by_role("slider")
    expect(slider).to_be_enabled()
    slider.focus()
    slider.press("ArrowRight")
    expect(row(live, "red_balance").locator(".figure")).to_have_text("1.9\u00d7")
    wait_for(lambda: turret.ask("/api/camera")["red_balance"], lambda found: found == 1.9)
    row(live, "red_balance").get_by_role("button", name="Reset Red balance").click()
    expect(row(live, "red_balance").locator(".figure")).to_have_text("1.7\u00d7")


def test_plus_and_minus_on_a_phone_go_by_a_tenth_of_a_gain(turret, open_live) -> None:
    """A twentieth of 0.1..32 would be 1.6, which takes all color from any picture."""
    live = open_panel(open_live(turret, **PHONE))
    row(live, "white_balance_auto").get_by_role("button").click()
    row(live, "red_balance").get_by_role("button", name="More Red balance").click()
    expect(row(live, "red_balance").locator(".figure")).to_have_text("2.05\u00d7")
    row(live, "red_balance").get_by_role("button", name="Less Red balance").click()
    expect(row(live, "red_balance").locator(".figure")).to_have_text("1.85\u00d7")
