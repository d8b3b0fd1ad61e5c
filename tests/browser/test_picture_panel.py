"""The Picture panel in Chromium: what is set is seen in the picture, and everybody is told."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import pytest
from inside import Inside
from live_page import LivePage, install_clock, pixels_of, wait_for
from playwright.sync_api import APIResponse, Locator, Route, expect

from camera.image import Pixels
from store.accounts import Role

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# All that an element's text becomes.
WATCH_TEXT = """(element) => {
  const seen = [];
  const changes = { childList: true, characterData: true, subtree: true };
  new MutationObserver(() => seen.push(element.textContent)).observe(element, changes);
  return seen;
}"""
LOOK_MS = 3500  # the page looks at values of its own making every three seconds


@pytest.fixture
def turret(make_inside: Callable[..., Inside]) -> Inside:
    """A program of the test's own, because these tests change how its camera is set."""
    return make_inside(camera={"width": 640, "height": 360})


def open_panel(live: LivePage) -> LivePage:
    """Open the panel and wait until it is filled, and the picture is there, which gives the page its shape."""
    expect(live.part("health-word")).to_have_text("Live")
    live.part("camera-open").click()
    expect(row(live, "zoom")).to_be_visible()
    return live


def row(live: LivePage, name: str) -> Locator:
    return live.page.locator(f'[data-control="{name}"]')


def seen(live: LivePage) -> Pixels:
    """What is on the canvas."""
    data = live.part("canvas").evaluate("canvas => canvas.toDataURL('image/png')")
    return pixels_of(base64.b64decode(data.partition(",")[2]))


def chroma(live: LivePage) -> int:
    """The largest difference between the colors of one pixel."""
    pixels = seen(live).astype(np.int16)
    return int((pixels.max(axis=2) - pixels.min(axis=2)).max())


def mean(live: LivePage) -> float:
    return float(seen(live).mean())


def test_gray_takes_the_color_out_of_the_picture_and_gives_it_back(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    assert chroma(live) > 60
    button = row(live, "grayscale").get_by_role("button")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    wait_for(lambda: chroma(live), lambda found: found < 6)
    button.click()
    wait_for(lambda: chroma(live), lambda found: found > 60)


def test_brightness_moves_the_mean_and_reset_brings_it_back(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    before = mean(live)
    slider = row(live, "brightness").get_by_role("slider")
    slider.focus()
    slider.press("End")
    wait_for(lambda: mean(live), lambda found: found > before + 30)
    row(live, "brightness").get_by_role("button", name="Reset Brightness").click()
    wait_for(lambda: mean(live), lambda found: abs(found - before) < 8)


def test_size_goes_back_to_that_of_the_settings_and_dials_say_their_range(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    expect(row(live, "brightness").locator(".reach")).to_have_text("0 to 255")
    expect(row(live, "zoom").locator(".reach")).to_have_text("1\u00d7 to 4\u00d7")
    row(live, "size").get_by_role("combobox").select_option("800x600")
    wait_for(lambda: seen(live).shape[:2], lambda shape: shape == (600, 800))
    row(live, "size").get_by_role("button", name="Reset Size").click()
    wait_for(lambda: seen(live).shape[:2], lambda shape: shape == (360, 640))
    expect(row(live, "size").get_by_role("combobox")).to_have_value("640x360")


def test_reset_all_brings_everything_back(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    turret.ask("/api/camera", {"brightness": 200, "contrast": 60, "rotation": 90}, method="PATCH")
    expect(row(live, "contrast").locator(".figure")).to_have_text("60")
    live.part("camera-box").get_by_role("button", name="Reset all controls").click()
    expect(row(live, "brightness").locator(".figure")).to_have_text("128")
    expect(row(live, "contrast").locator(".figure")).to_have_text("128")
    found = turret.ask("/api/camera")
    assert [found[name] for name in ("brightness", "contrast", "rotation")] == [128, 128, 0]


def test_reset_says_where_things_are_now(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    turret.ask("/api/camera", {"brightness": 200, "size": "800x600"}, method="PATCH")
    row(live, "brightness").get_by_role("button", name="Reset Brightness").click()
    expect(live.part("message")).to_have_text("Brightness is as the camera comes.")
    row(live, "size").get_by_role("button", name="Reset Size").click()
    expect(live.part("message")).to_have_text("Size is as in config.txt.")
    live.part("camera-box").get_by_role("button", name="Reset all controls").click()
    expect(live.part("message")).to_have_text("Controls are as the camera comes, filters as in config.txt.")


def test_reset_that_is_refused_says_so_and_nothing_else(turret, open_live, complaints) -> None:
    complaints.expect("409")
    live = open_panel(open_live(turret))
    refusal = {"error": {"code": "busy", "message": "the camera is still at an earlier change"}}
    live.page.route("**/api/camera/reset", lambda route: route.fulfill(status=409, json=refusal))
    live.part("camera-box").get_by_role("button", name="Reset all controls").click()
    expect(live.part("message")).to_have_text("The camera is still at an earlier change.")


def test_what_the_camera_has_not_is_grey_with_the_reason(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    focus = live.page.locator('[data-missing="focus_absolute"]')
    expect(focus).to_be_visible()
    expect(focus).to_have_text("Focus")
    expect(focus).to_have_attribute("title", "Camera test picture has no control focus_absolute.")
    expect(live.part("camera-box").get_by_role("list")).to_have_accessible_description(
        "test picture has none of these."
    )
    expect(live.page.locator('[data-missing="brightness"]')).to_have_count(0)


def test_what_the_camera_sets_by_itself_is_read_now_and_then_while_the_panel_is_open(
    turret, open_live, new_context
) -> None:
    """The test picture sets nothing by itself, so the answers on the way to the page are given an exposure."""
    asked: list[str] = []

    def with_exposure(route: Route) -> None:
        response = route.fetch()
        found = response.json()
        asked.append(route.request.method)
        exposure = {
            **found["controls"][0], "name": "exposure_absolute", "label": "Exposure", "maximum": 50000, "unit": "us",
            "value": 1000 + len(asked), "reason": "it is asleep", "blocked_by": "brightness",
        }  # fmt: skip
        found["controls"].append(exposure)
        route.fulfill(response=response, json={**found, "exposure_absolute": exposure["value"]})

    context = new_context()
    install_clock(context)
    live = LivePage(context.new_page(), turret)
    live.log_in()
    live.page.route("**/api/camera", with_exposure)
    open_panel(live)
    expect(row(live, "exposure_absolute")).to_contain_text("Brightness is on.")
    figure = row(live, "exposure_absolute").locator(".figure")
    live.hold_clock()
    for _ in range(2):
        count = len(asked)
        live.page.clock.run_for(LOOK_MS)
        wait_for(
            lambda: (figure.inner_text(), len(asked)),
            lambda found, before=count: found[1] > before and found[0] == f"1.00{found[1]} ms",
        )
    live.part("camera-open").click()
    expect(live.part("camera-box")).to_be_hidden()
    count = len(asked)
    for _ in range(4):
        live.page.clock.run_for(LOOK_MS)
        live.page.evaluate("fetch('/healthz').then((answer) => answer.text())")  # what was asked before is known here
    assert len(asked) <= count + 1, "nobody looks any more"


def test_another_size_reaches_the_screen_without_a_reload(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    live.page.evaluate("() => { window.isTheSamePage = true; }")
    row(live, "size").get_by_role("combobox").select_option("800x600")
    wait_for(lambda: seen(live).shape[:2], lambda shape: shape == (600, 800))
    assert live.page.evaluate("() => window.isTheSamePage") is True


def test_dragging_the_zoomed_picture_moves_what_is_seen(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    turret.ask("/api/camera", {"zoom": 2}, method="PATCH")
    expect(row(live, "zoom").locator(".figure")).to_have_text("2\u00d7")
    live.part("canvas").scroll_into_view_if_needed()
    box = live.part("canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    live.page.mouse.move(x, y)
    live.page.mouse.down()
    live.page.mouse.move(x - box["width"] / 4, y, steps=5)
    live.page.mouse.up()
    wait_for(lambda: turret.ask("/api/camera")["zoom_x"], lambda found: abs(found - 0.625) < 0.02)
    assert turret.ask("/api/camera")["zoom_y"] == 0.5


def test_others_are_told_who_changed_what(turret, open_live) -> None:
    turret.add_account("Ann", Role.OPERATOR)
    live = open_panel(open_live(turret))
    turret.ask("/api/camera", {"contrast": 200}, username="Ann", method="PATCH")
    expect(live.part("message")).to_have_text("Ann changed Contrast.")
    expect(row(live, "contrast").locator(".figure")).to_have_text("200")
    turret.ask("/api/photos", {"full_resolution": True}, username="Ann")
    expect(live.part("message")).to_have_text("Ann takes a photo in full size: the live picture pauses for a moment.")


def test_what_others_change_while_ones_own_change_is_on_its_way_is_seen_too(turret, open_live, new_context) -> None:
    turret.add_account("Ann", Role.OPERATOR)
    ann = LivePage(new_context().new_page(), turret)
    ann.log_in(username="Ann")
    live = open_panel(open_live(turret))
    open_panel(ann)
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if route.request.method == "PATCH":
            held.append((route, route.fetch()))
        else:
            route.continue_()

    live.page.route("**/api/camera", hold)
    row(live, "brightness").get_by_role("slider").press("End")
    wait_for(lambda: (live.page.evaluate("0"), len(held)), lambda found: found[1] == 1)
    row(ann, "contrast").get_by_role("slider").press("End")
    expect(live.part("message")).to_have_text("Ann changed Contrast.")
    route, answer = held[0]
    route.fulfill(response=answer)
    for page in (live, ann):
        expect(row(page, "contrast").locator(".figure")).to_have_text("255")
        expect(row(page, "brightness").locator(".figure")).to_have_text("255")


def test_an_old_answer_that_comes_late_takes_nothing_back(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    held: list[tuple[Route, APIResponse]] = []

    def hold_first_look(route: Route) -> None:
        route.continue_() if held or route.request.method != "GET" else held.append((route, route.fetch()))

    live.page.route("**/api/camera", hold_first_look)
    turret.ask("/api/camera", {"contrast": 200}, method="PATCH")
    wait_for(lambda: (live.page.evaluate("0"), len(held))[1], lambda count: count == 1)
    with live.page.expect_response(lambda response: response.request.method == "PATCH"):
        row(live, "brightness").get_by_role("slider").press("End")
    figure = row(live, "brightness").locator(".figure")
    expect(figure).to_have_text("255")
    turret.ask("/api/recording", {})
    expect(live.part("rec")).to_be_visible()  # what is told last tells of the brightness, too
    seen = figure.evaluate_handle(WATCH_TEXT)
    route, answer = held[0]
    with live.page.expect_event("requestfinished", lambda request: request.url.endswith("/api/camera")):
        route.fulfill(response=answer)
    assert live.page.evaluate("seen => new Promise((resolve) => setTimeout(() => resolve(seen), 400))", seen) == []


def test_viewer_sees_everything_and_may_change_nothing(turret, new_context) -> None:
    turret.add_account("eve", Role.VIEWER)
    live = LivePage(new_context().new_page(), turret)
    live.log_in(username="eve")
    open_panel(live)
    expect(row(live, "grayscale").get_by_role("button")).to_be_disabled()
    expect(live.part("camera-box").get_by_role("status").first).to_have_text(
        "Your role is viewer; this needs operator."
    )


def test_name_is_burnt_into_the_picture(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    field = row(live, "label").get_by_role("textbox")
    field.fill("Front door")
    field.press("Enter")
    wait_for(lambda: turret.ask("/api/camera")["label"], lambda found: found == "Front door")


def test_phone_has_plus_and_minus_large_enough_and_nothing_to_scroll_sideways(turret, open_live) -> None:
    live = open_panel(open_live(turret, **PHONE))
    expect(row(live, "brightness").get_by_role("slider")).to_be_hidden()
    more = row(live, "brightness").get_by_role("button", name="More Brightness")
    more.click()
    wait_for(lambda: turret.ask("/api/camera")["brightness"], lambda found: found > 128)
    expect(row(live, "brightness").get_by_role("button", name="Reset Brightness")).to_be_visible()
    buttons = live.part("camera-box").locator("button:visible, select:visible, input:visible")
    boxes = buttons.evaluate_all(
        """parts => parts.map((part) => {
            const { width, height } = part.getBoundingClientRect();
            return [part.ariaLabel ?? part.textContent, width, height];
        })"""
    )
    assert len(boxes) >= 20
    assert [box for box in boxes if min(box[1:]) < 44] == []
    assert live.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_what_is_set_is_there_after_a_reload(turret, open_live) -> None:
    live = open_panel(open_live(turret))
    row(live, "rotation").get_by_role("combobox").select_option("90")
    wait_for(lambda: seen(live).shape[:2], lambda shape: shape == (640, 360))
    live.page.reload()
    open_panel(live)
    expect(row(live, "rotation").get_by_role("combobox")).to_have_value("90")
