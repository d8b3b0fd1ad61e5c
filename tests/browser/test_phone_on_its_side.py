"""A phone on its side, and full screen: STOP, the state and the cross lie on the picture and clear of each other."""

from __future__ import annotations

import itertools
import re

import pytest
from live_page import LivePage, wait_for
from playwright.sync_api import Locator, expect
from stand import Finger
from test_page_sizes import expect_fits
from turret_by_hand import PAN_SERVO

SIDES = {"viewport": {"width": 844, "height": 390}, "has_touch": True, "is_mobile": True}


def arm(live: LivePage) -> None:
    live.expect_live()  # the first picture gives the page its shape, and would move the button away under the pointer
    live.part("arm").evaluate("arm => arm.scrollIntoView({ block: 'center' })")
    live.part("arm").hover()
    live.page.mouse.down()
    expect(live.part("safety")).to_have_text(re.compile(r"^ARMED \d+ s$"))
    live.page.mouse.up()


def box_of(locator: Locator) -> tuple[float, float, float, float]:
    box = locator.bounding_box()
    assert box is not None, locator
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def middle_of(locator: Locator) -> tuple[float, float]:
    left, top, right, bottom = box_of(locator)
    return (left + right) / 2, (top + bottom) / 2


def is_apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize("kind", ["Hold", "Touch pad"])
def test_all_that_drives_is_on_the_first_screen_and_apart(stand, open_page, kind):
    live = open_page(stand, "gina", **SIDES)
    live.expect_live()
    live.page.get_by_role("button", name=kind, exact=True).click()
    arm(live)
    live.page.evaluate("scrollTo(0, 0)")
    boxes = {
        "STOP": box_of(live.page.locator(".dock button")),
        "ARMED": box_of(live.part("safety")),
        "cross": box_of(live.part("jog")),
        "tools": box_of(live.part("tools")),
        "Photo": box_of(live.part("photo")),
        "Record": box_of(live.part("record")),
        "tags": box_of(live.page.locator(".tags")),
    }
    for name, (left, top, right, bottom) in boxes.items():
        assert left >= 0 and top >= 0 and right <= 844 and bottom <= 390, name
    assert [pair for pair in itertools.combinations(boxes, 2) if not is_apart(*map(boxes.get, pair))] == []
    expect_fits(live.page)


def test_armed_is_seen_while_the_trigger_is(stand, open_page):
    live = open_page(stand, "gina", **SIDES)
    arm(live)
    armed, fire = box_of(live.part("safety")), box_of(live.part("fire"))
    for _, top, _, bottom in (armed, fire):
        assert top >= 0 and bottom <= 390
    assert is_apart(armed, fire)
    for panel in ("aim", "trigger", "light"):
        assert box_of(live.part(panel))[0] >= max(armed[2], box_of(live.page.locator(".dock button"))[2])


def test_a_photo_is_one_tap_on_the_first_screen(stand, open_page):
    live = open_page(stand, **SIDES)
    live.expect_live()
    live.page.touchscreen.tap(*middle_of(live.part("photo")))
    expect(live.part("shots").locator("img")).to_have_count(1)


@pytest.mark.parametrize("name", ["info", "quality"])
def test_what_is_opened_over_the_picture_is_clear_of_what_closes_it_and_of_the_thumbs(stand, open_page, name):
    live = open_page(stand, **SIDES)
    live.expect_live()
    button = live.part(f"{name}-button")
    button.tap()
    opened = live.part({"info": "info", "quality": "qualities"}[name])
    expect(opened).to_be_visible()
    box = box_of(opened)
    assert box[0] >= 0 and box[1] >= 0 and box[2] <= 844 and box[3] <= 390
    for other in (live.part("jog"), live.page.locator(".dock button"), live.part("photo"), live.part("tools")):
        assert is_apart(box, box_of(other)), other
    button.tap()
    expect(opened).to_be_hidden()


def test_the_cross_on_the_picture_drives(stand, open_page):
    live = open_page(stand, **SIDES)
    live.expect_live()
    left = live.page.get_by_role("button", name="Pan left")
    expect(left).to_be_enabled()
    finger = Finger(live)
    x, y, *_ = box_of(left)
    finger.down(x + 20, y + 20)
    wait_for(lambda: stand.pulse_us(PAN_SERVO) or 1500, lambda width: width < 1400)
    finger.up()
    stand.expect_rest(PAN_SERVO)


def test_full_screen_shows_armed_stop_and_messages(stand, open_page):
    live = open_page(stand, "gina")
    live.expect_live()
    arm(live)
    live.page.keyboard.press("f")
    expect(live.part("stage")).to_have_class(re.compile("is-full"))
    expect(live.part("safety-mark")).to_be_visible()
    expect(live.part("safety-mark")).to_have_text(re.compile(r"^ARMED \d+ s$"))
    stop = live.page.locator(".stop-on-picture")
    assert is_apart(box_of(stop), box_of(live.part("safety-mark")))
    stop.click()
    expect(live.part("safety-mark")).to_have_text("SAFE")
    expect(live.part("message")).to_have_text("Stopped.")
    assert live.part("message").evaluate("message => document.fullscreenElement.contains(message)")
