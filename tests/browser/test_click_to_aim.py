"""Clicks on the picture: setting them up in two steps, and what they do to the pulses."""

from __future__ import annotations

import re

import pytest
from gate import Gate
from live_page import LivePage, wait_for
from playwright.sync_api import expect
from stand import SERVO, Stand, settled_box
from test_page_sizes import expect_fits
from turret_by_hand import PAN_SERVO, TILT

ACROSS_DEG = (60.0, 40.0)  # what a calibration below says the picture is wide and high


@pytest.fixture
def stand(make_stand) -> Stand:
    """Two servos that are quick enough not to be waited for; who has the controls keeps them."""
    quick = {**SERVO, "speed_deg_s": 200}
    return make_stand(pan=quick, tilt=quick, turret={"lease_s": 300.0})


def calibrate(stand: Stand) -> None:
    """A camera on the turret: a thing went a third of the picture to the left and a quarter down."""
    points = [
        {"x": 0.5, "y": 0.5, "pan_deg": 90.0, "tilt_deg": 90.0},
        {"x": 0.5 - 1 / 3, "y": 0.75, "pan_deg": 110.0, "tilt_deg": 100.0},
    ]
    stand.ask("/calibration", {"camera": "moving", "points": points}, method="PUT")


# In one and the same moment, as the page may still move.
BOXES = (
    """(selectors) => selectors.map((selector) => document.querySelector(selector).getBoundingClientRect().toJSON())"""
)


def boxes_of(live: LivePage, *selectors: str) -> list[dict[str, float]]:
    """Where things are, in the window's pixels."""
    boxes: list[dict[str, float]] = live.page.evaluate(BOXES, [*selectors])
    return boxes


def on_picture(live: LivePage, x: float, y: float) -> dict[str, float]:
    """These shares of the picture, from the corner of its player."""
    live.expect_live()
    frame, box = boxes_of(live, "[data-part=player]", "[data-part=canvas]")
    return {"x": box["x"] - frame["x"] + x * box["width"], "y": box["y"] - frame["y"] + y * box["height"]}


def click_picture(live: LivePage, x: float, y: float) -> None:
    """Click at these shares of the picture, wherever it stands by then."""
    live.part("player").click(position=on_picture(live, x, y))


def open_dialogue(live: LivePage) -> None:
    live.part("more-button").click()
    live.page.get_by_role("button", name="Set up click to aim").click()
    expect(live.page.get_by_text("Click to aim: step 1 of 2")).to_be_visible()


@pytest.mark.parametrize("size", [(1280, 800), (1440, 900), (820, 1180), (390, 844)])
def test_the_whole_picture_and_the_whole_card_are_seen_together(stand, open_page, size):
    live = open_page(stand, viewport={"width": size[0], "height": size[1]})
    live.expect_live()
    open_dialogue(live)
    picture, card = boxes_of(live, "[data-part=player]", ".calibrate")
    assert picture["y"] >= 0
    assert picture["y"] + picture["height"] <= card["y"]
    stop_px = 76 if size[0] <= 900 else 0  # STOP's dock
    assert card["y"] + card["height"] <= size[1] - stop_px
    expect_fits(live.page)
    click_picture(live, 0.5, 0.4)
    expect(live.page.get_by_text("Click to aim: step 2 of 2")).to_be_visible()
    (cross,) = boxes_of(live, "[data-part=jog]")
    assert cross["y"] + cross["height"] <= size[1] - stop_px, "and the arrows, while they are wanted"


def test_a_click_aims_there_with_a_ring_and_only_the_pulses_tell_the_rest(stand, open_page):
    calibrate(stand)
    live = open_page(stand, clocked=True)
    expect(live.part("player")).to_have_attribute("data-aims", "true")
    assert live.part("canvas").evaluate("canvas => getComputedStyle(canvas).cursor") == "crosshair"
    live.expect_live()
    live.hold_clock()  # the ring goes by itself
    click_picture(live, 0.75, 0.25)
    ring = live.page.locator(".ring")
    expect(ring).to_be_attached()
    place, box = boxes_of(live, ".ring", "[data-part=canvas]")
    assert place["x"] == pytest.approx(box["x"] + 0.75 * box["width"], abs=1.5)
    assert place["y"] == pytest.approx(box["y"] + 0.25 * box["height"], abs=1.5)
    live.page.clock.resume()
    pan_deg, tilt_deg = 90 + 0.25 * ACROSS_DEG[0], 90 + 0.25 * ACROSS_DEG[1]
    stand.wait_for_stand(pan_deg, tilt_deg, within_deg=0.3)
    assert stand.scope.last_pulse_us(PAN_SERVO) == pytest.approx(500 + pan_deg / 180 * 2000, abs=4)
    assert stand.scope.last_pulse_us(TILT) == pytest.approx(500 + tilt_deg / 180 * 2000, abs=4)
    expect(ring).to_have_count(0)


def test_a_tap_on_a_phone_aims_too(stand, open_page):
    calibrate(stand)
    live = open_page(stand, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    expect(live.part("player")).to_have_attribute("data-aims", "true")
    live.part("player").tap(position=on_picture(live, 0.25, 0.5))
    stand.wait_for_stand(75, 90, within_deg=0.4)


def test_a_drag_a_tool_and_an_uncalibrated_picture_aim_nowhere(stand, open_page):
    live = open_page(stand)
    click_picture(live, 0.8, 0.5)
    calibrate(stand)
    expect(live.part("player")).to_have_attribute("data-aims", "true")
    box = settled_box(live.part("canvas"))
    live.page.mouse.move(box["x"] + 100, box["y"] + 100)
    live.page.mouse.down()
    live.page.mouse.move(box["x"] + 160, box["y"] + 130, steps=3)
    live.page.mouse.up()
    live.page.get_by_role("button", name="Information on the picture").click()
    expect(live.part("info")).to_be_visible()
    assert stand.scope.last_pulse_us(PAN_SERVO) is None
    expect(live.page.locator(".ring")).to_have_count(0)


def test_who_may_not_drive_is_told_why(stand, open_page):
    calibrate(stand)
    stand.ask("/lease", {}, "gina")
    live = open_page(stand)
    expect(live.part("driver")).to_contain_text("gina drives")
    expect(live.part("player")).to_have_attribute("data-aims", "false")
    click_picture(live, 0.8, 0.5)
    expect(live.part("message")).to_have_text("Gina drives.")
    assert stand.scope.last_pulse_us(PAN_SERVO) is None


def test_setting_up_with_a_camera_on_the_turret(stand, open_page, complaints):
    complaints.expect("400")  # a second click that is too near is refused by the server, and the first one stays
    live, other = open_page(stand), open_page(stand, "gina")
    open_dialogue(live)
    click_picture(live, 0.5, 0.5)
    expect(live.page.get_by_text("Click to aim: step 2 of 2")).to_be_visible()
    click_picture(live, 0.2, 0.8)
    expect(live.part("message")).to_have_text(
        "The two points are 0 deg of pan apart, and 1 is the least: turn farther sideways between them."
    )
    expect(live.page.get_by_text("Click to aim: step 2 of 2")).to_be_visible()
    stand.stand_at(108, 102)
    expect(live.part("pan-read")).to_contain_text("pan 108.0°")
    click_picture(live, 0.49, 0.8)
    expect(live.part("message")).to_have_text(
        re.compile(
            r"^The two points are 0\.0\d+ of the picture's width \(x\) apart, and 0\.05 is the least: .*sideways"
        )
    )
    expect(live.page.get_by_text("Click to aim: step 2 of 2")).to_be_visible()
    click_picture(live, 0.2, 0.8)
    expect(live.part("message")).to_have_text("Now a click on the picture aims there.")
    expect(live.page.get_by_text("Click to aim: step")).to_have_count(0)
    kept = stand.ask("/calibration")
    assert kept["camera"] == "moving"
    assert kept["pan_across_deg"] == pytest.approx(60, abs=0.5)
    assert kept["tilt_across_deg"] == pytest.approx(-40, abs=0.5)
    expect(other.part("player")).to_have_attribute("data-aims", "true")
    click_picture(other, 0.6, 0.5)
    stand.wait_for_stand(114, 102, within_deg=0.4)


def test_setting_up_with_a_camera_that_stands_still(stand, open_page):
    live = open_page(stand)
    open_dialogue(live)
    live.page.get_by_role("button", name="Camera stands still").click()
    stand.stand_at(60, 80)
    expect(live.part("pan-read")).to_contain_text("pan 60.0°")
    click_picture(live, 0.2, 0.7)
    expect(live.page.get_by_text("Click to aim: step 2 of 2")).to_be_visible()
    stand.stand_at(120, 120)
    expect(live.part("pan-read")).to_contain_text("pan 120.0°")
    click_picture(live, 0.8, 0.3)
    expect(live.part("player")).to_have_attribute("data-aims", "true")
    click_picture(live, 0.5, 0.5)
    stand.wait_for_stand(90, 100, within_deg=0.4)


def test_setting_up_by_keys_alone_moves_the_cross_and_not_the_turret(stand, open_page):
    live = open_page(stand)
    live.expect_live()
    open_dialogue(live)
    picker = live.page.get_by_role("application")
    picker.focus()
    for _ in range(6):
        live.page.keyboard.press("Shift+ArrowLeft")
    live.page.keyboard.press("ArrowUp")
    live.page.keyboard.press("Enter")
    expect(live.page.get_by_text("Click to aim: step 2 of 2")).to_be_visible()
    assert stand.scope.last_pulse_us(PAN_SERVO) is None
    live.page.evaluate("document.activeElement.blur()")
    live.page.keyboard.down("ArrowRight")
    live.page.keyboard.down("ArrowUp")
    wait_for(lambda: [stand.ask("")[axis]["position_deg"] for axis in ("pan", "tilt")], lambda at: min(at) > 100)
    live.page.keyboard.up("ArrowRight")
    live.page.keyboard.up("ArrowUp")
    stand.expect_rest(PAN_SERVO, TILT)
    stand.stand_at(110, 105, username="otto")  # they went as far as the page was slow
    expect(live.part("pan-read")).to_contain_text("pan 110.0°")
    picker.focus()
    for key in ("Shift+ArrowRight", "Shift+ArrowDown"):
        for _ in range(4):
            live.page.keyboard.press(key)
    live.page.keyboard.press("Enter")
    expect(live.part("message")).to_have_text("Now a click on the picture aims there.")
    first, second = stand.ask("/calibration")["points"]
    assert (first["x"], first["y"]) == (pytest.approx(0.2), pytest.approx(0.49))
    assert (second["x"], second["y"]) == (pytest.approx(0.4), pytest.approx(0.69))


def test_one_click_is_one_place_and_none_after_cancel(stand, open_page):
    live = open_page(stand)
    live.expect_live()
    open_dialogue(live)
    looks = Gate(live.page, re.compile("/api/turret$"), "GET")
    kept = Gate(live.page, re.compile("/calibration$"), "PUT")
    for _ in range(3):
        click_picture(live, 0.5, 0.5)
    looks.wait()
    looks.let_one()
    expect(live.page.get_by_text("Click to aim: step 2 of 2")).to_be_visible()
    assert looks.asked == 1
    click_picture(live, 0.2, 0.2)
    looks.wait(2)
    live.page.get_by_role("button", name="Cancel").click()
    with live.page.expect_response(re.compile("/api/turret$")):
        looks.open()
    expect(live.page.locator(".picker")).to_have_count(0)
    assert kept.asked == 0


def test_cancel_start_again_and_stop_by_key_while_setting_up(stand, open_page):
    live = open_page(stand)
    open_dialogue(live)
    click_picture(live, 0.5, 0.5)
    live.page.keyboard.press("Escape")
    expect(live.part("message")).to_have_text("Stopped.")
    live.page.get_by_role("button", name="Start again").click()
    expect(live.page.get_by_text("Click to aim: step 1 of 2")).to_be_visible()
    live.page.get_by_role("button", name="Cancel").click()
    expect(live.page.locator(".picker")).to_have_count(0)
    expect(live.page.get_by_role("button", name="Set up click to aim")).to_be_focused()
    assert not stand.ask("")["calibrated"]


def test_forgetting_can_be_undone(stand, open_page):
    calibrate(stand)
    live = open_page(stand)
    live.part("more-button").click()
    live.page.get_by_role("button", name="Forget click to aim").click()
    expect(live.part("player")).to_have_attribute("data-aims", "false")
    before = stand.ask("")["calibrated"]
    live.page.get_by_role("button", name="Undo").click()
    expect(live.part("player")).to_have_attribute("data-aims", "true")
    assert (before, stand.ask("")["calibrated"]) == (False, True)


def test_one_servo_is_calibrated_by_itself_and_a_motor_says_why_not(make_stand, open_page):
    live = open_page(make_stand(tilt={**SERVO, "speed_deg_s": 200}))
    open_dialogue(live)
    click_picture(live, 0.5, 0.4)
    expect(live.page.get_by_text("turn the turret up or down, so far")).to_be_visible()
    live.page.get_by_role("button", name="15°").click()
    live.page.get_by_role("button", name="Tilt up").click()
    expect(live.part("tilt-read")).to_contain_text("tilt 105.0°")
    click_picture(live, 0.5, 0.8)
    expect(live.part("message")).to_have_text("Now a click on the picture aims there.")


def test_a_motor_alone_cannot_aim_by_click_and_says_why(make_stand, open_page):
    live = open_page(make_stand(tilt={"kind": "none"}))
    live.part("more-button").click()
    expect(live.page.get_by_role("button", name="Set up click to aim")).to_be_disabled()
    expect(live.part("more")).to_contain_text("Click to aim needs a servo, too.")
