"""Presets on the page: chips, keys, long presses, undo and the list to edit them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from gate import Gate
from live_page import LivePage, install_clock, wait_for
from playwright.sync_api import APIResponse, BrowserContext, Locator, Route, expect
from stand import QUICK, Finger, Stand
from test_page_sizes import SIZES, expect_fits
from turret_by_hand import PAN_SERVO, TILT

HELD_MS = 1000
FETCH_AGAIN_MS = 3500


@pytest.fixture
def new_context(new_context: Callable[..., BrowserContext]) -> Callable[..., BrowserContext]:
    """Visitors whose time the test can stop and move; else it goes on as everywhere."""

    def make(**options: Any) -> BrowserContext:
        context = new_context(**options)
        install_clock(context)
        return context

    return make


@pytest.fixture
def stand(make_stand) -> Stand:
    """Two servos that are quick enough not to be waited for."""
    return make_stand(pan=QUICK, tilt=QUICK)


def pulse_of(position_deg: float) -> float:
    return 500 + position_deg / 180 * 2000


def chip(live: LivePage, name: str) -> Locator:
    return live.part("presets").get_by_role("button", name=name)


def items(stand: Stand) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stand.ask("/presets")["items"]
    return found


def expect_picture(live: LivePage, name: str, stand: Stand) -> None:
    """The chip shows what the camera saw when its position was last kept."""
    kept = {f"{item['name']}, key {item['slot']}": item["thumb_url"] for item in items(stand)}
    picture = chip(live, name).locator("img")
    expect(picture).to_have_attribute("src", kept[name])
    wait_for(lambda: picture.evaluate("image => image.naturalWidth"), lambda width_px: width_px > 0)


def hold(live: LivePage) -> None:
    """What is pressed now stays so for a while."""
    live.page.clock.run_for(HELD_MS)


def hold_key(live: LivePage, key: str) -> None:
    live.page.keyboard.down(key)
    hold(live)
    live.page.keyboard.up(key)


def keep_two(stand: Stand) -> None:
    """Door on key 1 at 40, 120, Desk on key 2 at 130, 70; the turret is at Desk."""
    for slot, name, position in ((1, "Door", (40, 120)), (2, "Desk", (130, 70))):
        stand.stand_at(*position)
        stand.ask("/presets", {"name": name, "slot": slot})


def test_a_chip_brings_the_turret_there_and_is_marked(stand, open_page):
    keep_two(stand)
    live = open_page(stand)
    expect(chip(live, "Desk, key 2")).to_have_attribute("aria-current", "true")
    expect_picture(live, "Door, key 1", stand)
    chip(live, "Door, key 1").click()
    expect(live.part("message")).to_have_text("Going to Door.")
    stand.wait_for_stand(40, 120)
    assert stand.scope.last_pulse_us(PAN_SERVO) == pytest.approx(pulse_of(40), abs=2)
    assert stand.scope.last_pulse_us(TILT) == pytest.approx(pulse_of(120), abs=2)
    expect(chip(live, "Door, key 1")).to_have_attribute("aria-current", "true")
    expect(chip(live, "Desk, key 2")).to_have_attribute("aria-current", "false")


def test_a_key_goes_there_when_it_is_let_go(stand, open_page):
    keep_two(stand)
    live = open_page(stand)
    expect(chip(live, "Door, key 1")).to_be_visible()
    live.hold_clock()
    live.page.keyboard.down("1")
    expect(chip(live, "Door, key 1")).to_have_class(re.compile("is-held"))
    assert not stand.ask("")["pan"]["moving"]
    live.page.keyboard.up("1")
    stand.wait_for_stand(40, 120)


def test_a_held_key_keeps_the_position_there_and_undo_brings_the_old_one_back(stand, open_page):
    keep_two(stand)
    live = open_page(stand)
    before = items(stand)
    expect(chip(live, "Door, key 1")).to_be_enabled()
    hold_key(live, "1")
    expect(live.part("message")).to_have_text("Preset 1 is now here.")
    assert (items(stand)[0]["pan_deg"], items(stand)[0]["name"]) == (130, "Door")
    assert not stand.ask("")["pan"]["moving"], "and it went nowhere"
    live.page.get_by_role("button", name="Undo").click()
    expect(live.part("message")).to_have_text("Undone.")
    assert items(stand) == before
    expect(chip(live, "Door, key 1")).to_have_attribute("aria-current", "false")


def test_a_held_key_without_preset_makes_one_and_a_short_press_says_how(stand, open_page):
    live = open_page(stand)
    live.page.keyboard.press("7")
    expect(live.part("message")).to_have_text("No preset on key 7. Hold the key to keep this position there.")
    hold_key(live, "7")
    expect(live.part("message")).to_have_text("Preset 7 is now here.")
    expect(chip(live, "key 7")).to_have_attribute("aria-current", "true")
    live.expect_pictures("presets", 1)
    live.page.get_by_role("button", name="Undo").click()
    expect(chip(live, "key 7")).to_have_count(0)
    assert items(stand) == []


def test_plus_keeps_the_position_on_the_first_free_key(stand, open_page):
    keep_two(stand)
    stand.stand_at(90, 90)
    live = open_page(stand)
    live.part("preset-new").click()
    expect(chip(live, "key 3")).to_have_attribute("aria-current", "true")
    assert [(item["slot"], item["pan_deg"]) for item in items(stand)] == [(1, 40), (2, 130), (3, 90)]


def test_a_held_chip_keeps_the_position_there_also_under_a_finger(stand, open_page):
    keep_two(stand)
    live = open_page(stand, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    live.expect_live()  # the page has its shape
    door = chip(live, "Door, key 1")
    door.evaluate("chip => chip.scrollIntoView({ block: 'center' })")
    box = door.bounding_box()
    finger = Finger(live)
    finger.down(box["x"] + 20, box["y"] + 20)
    hold(live)
    finger.up()
    expect(live.part("message")).to_have_text("Preset 1 is now here.")
    assert items(stand)[0]["pan_deg"] == 130
    finger.down(box["x"] + 20, box["y"] + 20)
    finger.up()
    expect(live.part("message")).to_have_text("Going to Door.")


def test_the_end_of_a_long_press_goes_nowhere_although_the_answer_is_late(stand, open_page):
    keep_two(stand)
    live = open_page(stand)
    expect(chip(live, "Door, key 1")).to_be_enabled()
    gate = Gate(live.page, re.compile("/api/turret/presets/"), "PATCH")
    asked: list[str] = []
    live.page.on("request", lambda request: request.url.endswith("/aim") and asked.append(request.url))
    chip(live, "Door, key 1").hover()
    live.page.mouse.down()
    hold(live)
    gate.wait()
    live.page.mouse.up()
    expect(live.part("message")).to_have_text("Keeping this position.")
    gate.open()
    expect(live.part("message")).to_have_text("Preset 1 is now here.")
    assert asked == []


@pytest.mark.parametrize("how", ["Escape", "blur", "another key"])
def test_whatever_comes_between_ends_a_held_key_without_effect(stand, open_page, how):
    keep_two(stand)
    live = open_page(stand)
    expect(chip(live, "Door, key 1")).to_be_enabled()
    before = items(stand)
    asked: list[str] = []
    live.page.on("request", lambda request: "/presets/" in request.url and asked.append(request.url))
    live.hold_clock()
    live.page.keyboard.down("1")
    expect(chip(live, "Door, key 1")).to_have_class(re.compile("is-held"))
    if how == "blur":
        live.page.evaluate("dispatchEvent(new Event('blur'))")
    else:
        live.page.keyboard.press("Escape" if how == "Escape" else "x")
    hold(live)
    live.page.keyboard.up("1")
    hold(live)
    assert asked == []
    assert items(stand) == before
    assert not stand.ask("")["pan"]["moving"]


def test_digits_in_a_field_are_text(stand, open_page):
    keep_two(stand)
    live = open_page(stand)
    live.part("more-button").click()
    live.page.get_by_role("button", name="Edit presets").click()
    name = live.page.get_by_label("Name").first
    name.focus()
    asked: list[str] = []
    live.page.on("request", lambda request: "/presets/" in request.url and asked.append(request.url))
    hold_key(live, "1")
    expect(name).to_have_value("Door1")
    live.page.evaluate("fetch('/healthz').then((answer) => answer.text())")  # what was asked before is known here
    assert asked == []
    assert items(stand)[0]["pan_deg"] == 40
    expect(live.part("toast")).to_be_hidden()


def test_the_list_renames_numbers_keeps_and_deletes_and_deleting_can_be_undone(stand, open_page, complaints):
    complaints.expect("409")
    keep_two(stand)
    live, other = open_page(stand), open_page(stand, "gina")
    live.part("more-button").click()
    live.page.get_by_role("button", name="Edit presets").click()
    live.page.get_by_label("Name").first.fill("Gate")
    live.page.get_by_label("Name").first.press("Enter")
    expect(chip(other, "Gate, key 1")).to_be_visible()
    live.page.get_by_label("Key of Gate").select_option("9")
    expect(chip(other, "Gate, key 9")).to_be_visible()
    live.page.get_by_role("button", name="Keep here: Gate").click()
    wait_for(lambda: items(stand)[1], lambda item: (item["name"], item["pan_deg"]) == ("Gate", 130))
    live.page.get_by_label("Name").last.fill("Desk")
    live.page.get_by_label("Name").last.press("Enter")
    expect(live.part("message")).to_have_text("There is a preset named Desk already.")
    before = items(stand)
    for page in (live, other):
        expect_picture(page, "Gate, key 9", stand)
    live.page.get_by_role("button", name="Delete: Gate").click()
    expect(chip(other, "Gate, key 9")).to_have_count(0)
    expect(live.part("message")).to_have_text("Gate is deleted.")
    live.page.get_by_role("button", name="Undo").click()
    expect(chip(other, "Gate, key 9")).to_be_visible()
    assert items(stand) == before


def test_everything_can_be_reached_by_tab_and_enter_alone(stand, open_page):
    keep_two(stand)
    live = open_page(stand)
    expect(chip(live, "Door, key 1")).to_be_enabled()
    live.part("lease-take").focus()
    wanted = ["Door, key 1", "Desk, key 2", "+ Keep here", "More"]
    found = []
    for _ in wanted:
        live.page.keyboard.press("Tab")
        found.append(live.page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent"))
    assert found == wanted
    live.page.keyboard.press("Enter")
    expect(live.page.get_by_role("button", name="Start patrol")).to_be_enabled()
    live.page.keyboard.press("Tab")
    expect(live.page.get_by_role("button", name="Start patrol")).to_be_focused()
    chip(live, "Door, key 1").focus()
    live.page.keyboard.press("Enter")
    stand.wait_for_stand(40, 120)
    expect(chip(live, "Door, key 1")).to_be_focused()


def test_presets_are_greyed_with_the_reason_for_viewers_and_others(stand, open_page):
    keep_two(stand)
    viewer = open_page(stand, "vera")
    expect(chip(viewer, "Door, key 1")).to_be_disabled()
    expect(viewer.part("preset-new")).to_be_disabled()
    expect(viewer.part("aim-why")).to_have_text("Your role is viewer; this needs operator.")
    stand.ask("/lease", {}, "gina")
    other = open_page(stand)
    expect(chip(other, "Door, key 1")).to_be_disabled()
    expect(other.part("aim-why")).to_have_text("gina drives.")


def test_a_motor_has_no_presets_and_says_why(make_stand, open_page):
    motor = open_page(make_stand(tilt={"kind": "none"}))
    expect(motor.part("preset-new")).to_be_disabled()
    expect(motor.part("presets-why")).to_have_text("Presets need a servo: a motor does not know where it points.")


def test_two_pages_agree_on_presets(stand, open_page):
    live, other = open_page(stand), open_page(stand, "gina")
    hold_key(live, "3")
    for page in (live, other):
        page.expect_pictures("presets", 1)
    stand.ask(f"/presets/{items(stand)[0]['id']}", method="DELETE")
    for page in (live, other):
        expect(page.part("presets").get_by_role("button")).to_have_count(0)


def test_an_old_list_that_comes_late_changes_nothing(stand, open_page):
    live = open_page(stand)
    held: list[tuple[Route, APIResponse]] = []

    def hold_first(route: Route) -> None:
        route.continue_() if held else held.append((route, route.fetch()))

    live.page.route(re.compile("/api/turret/presets$"), hold_first)
    stand.ask("/presets", {"name": "Door"})
    wait_for(lambda: (live.page.evaluate("0"), len(held)), lambda found: found[1] == 1)
    stand.ask("/presets", {"name": "Desk"})
    expect(chip(live, "Desk")).to_be_visible()
    route, answer = held[0]
    assert [item["name"] for item in answer.json()["items"]] == ["Door"]
    with live.page.expect_event("requestfinished", lambda request: request.url.endswith("/presets")):
        route.fulfill(response=answer)
    live.page.clock.run_for(HELD_MS)
    expect(live.part("presets").get_by_role("button")).to_have_text(["Desk", "Door"])


def test_a_list_that_did_not_come_is_asked_for_again(stand, open_page, complaints):
    complaints.expect("ERR_FAILED")
    live = open_page(stand)
    live.hold_clock()
    live.page.route(re.compile("/api/turret/presets$"), lambda route: route.abort(), times=1)
    stand.ask("/presets", {"name": "Door"})
    expect(live.part("message")).to_have_text("The turret does not answer.")
    live.page.clock.run_for(FETCH_AGAIN_MS)
    expect(chip(live, "Door")).to_be_visible()


def test_a_press_outlives_a_change_of_the_list(stand, open_page):
    keep_two(stand)
    live = open_page(stand)
    live.expect_live()
    expect_picture(live, "Door, key 1", stand)
    live.hold_clock()
    chip(live, "Door, key 1").hover()
    live.page.mouse.down()
    stand.ask(f"/presets/{items(stand)[0]['id']}", {"name": "Gate"}, method="PATCH")
    stand.ask("/presets", {"name": "Gate house"})
    expect(chip(live, "Gate house")).to_be_visible()
    live.page.mouse.up()
    expect(live.part("message")).to_have_text("Going to Gate.")
    stand.wait_for_stand(40, 120)


def test_what_is_typed_outlives_a_change_of_the_list_and_counts(stand, open_page):
    keep_two(stand)
    live = open_page(stand)
    live.part("more-button").click()
    live.page.get_by_role("button", name="Edit presets").click()
    name = live.page.get_by_label("Name").last
    name.fill("Garden")
    stand.ask("/presets", {"name": "Gate"})
    stand.ask(f"/presets/{items(stand)[0]['id']}", {"slot": 9}, method="PATCH")
    expect(live.page.get_by_role("button", name="Keep here: ")).to_have_count(3)
    expect(chip(live, "Door, key 9")).to_be_visible()
    live.page.keyboard.press("Enter")
    expect(chip(live, "Garden, key 2")).to_be_visible()
    assert sorted(item["name"] for item in items(stand)) == ["Door", "Garden", "Gate"]


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_chips_and_all_that_more_shows_fit(stand, open_page, size):
    for slot in range(1, 10):
        stand.ask("/presets", {"slot": slot, "name": f"A bird box at the far end of the garden {slot}"})
    live = open_page(stand, viewport={"width": size[0], "height": size[1]}, has_touch=size[0] < 1000)
    expect(live.part("presets").get_by_role("button")).to_have_count(9)
    live.part("more-button").click()
    live.page.get_by_role("button", name="Edit presets").click()
    expect(live.page.get_by_label("Name")).to_have_count(9)
    expect_fits(live.page)
