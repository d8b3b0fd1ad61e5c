"""The Aim, Trigger and Light panels, by hand, keys and from several pages, against the simulated turret."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from gate import Gate
from inside import Inside
from live_page import LivePage, install_clock, wait_for
from playwright.sync_api import Locator, expect
from test_page_sizes import SIZES, expect_fits

from store.accounts import Role

STOPPED_WITHIN_S = 1.0  # and so a servo goes no farther than it does in that time
SPEED_DEG_S = 30.0  # far from the limit within a second
WIDE = {"width": 640, "height": 360}  # as tall on the page as most cameras' pictures
PEOPLE = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "gina": Role.GUNNER}


@pytest.fixture
def make_panels(make_inside: Callable[..., Inside]) -> Callable[..., Inside]:
    """A program with simulated parts and one person of every role; `speed_deg_s` is that of the tilt."""

    def make_panels(speed_deg_s: float = SPEED_DEG_S) -> Inside:
        rig = make_inside(turret={"lease_s": 6.0}, tilt={"speed_deg_s": speed_deg_s}, camera=WIDE)
        for username, role in PEOPLE.items():
            rig.add_account(username, role)
        return rig

    return make_panels


@pytest.fixture
def rig(make_panels: Callable[..., Inside]) -> Inside:
    """It stands at 90 degrees, and nobody is at the controls."""
    return make_panels()


@pytest.fixture
def open_as(new_context: Callable[..., Any], rig: Inside) -> Callable[..., LivePage]:
    """The live page for one of PEOPLE or the admin."""

    def open_as(username: str = "admin", clocked: bool = False, **options: Any) -> LivePage:
        live = LivePage(new_context(**options).new_page(), rig)
        if clocked:
            install_clock(live.page)
        live.log_in(username=username)
        expect(live.part("safety")).to_be_visible()
        return live

    return open_as


def tilt(rig: Inside) -> dict[str, Any]:
    found: dict[str, Any] = rig.ask("/api/turret")["tilt"]
    return found


def pan(rig: Inside) -> dict[str, Any]:
    found: dict[str, Any] = rig.ask("/api/turret")["pan"]
    return found


def trigger(rig: Inside) -> dict[str, Any]:
    found: dict[str, Any] = rig.ask("/api/turret")["trigger"]
    return found


def holder(rig: Inside) -> str | None:
    found: str | None = rig.ask("/api/turret")["lease"]["holder"]
    return found


def arrow(live: LivePage, name: str) -> Locator:
    return live.page.get_by_role("button", name=name)


def press(live: LivePage, locator: Locator) -> None:
    """Mouse button down on it, and held."""
    expect(locator).to_be_enabled()
    locator.hover()
    live.page.mouse.down()


def expect_moves(rig: Inside, least_deg: float = 5) -> None:
    from_deg = tilt(rig)["position_deg"]
    wait_for(lambda: tilt(rig), lambda axis: axis["moving"] and abs(axis["position_deg"] - from_deg) >= least_deg)


def expect_stops(rig: Inside) -> None:
    """It stands before it has gone for STOPPED_WITHIN_S, far from its limit, and goes on standing."""
    from_deg = tilt(rig)["position_deg"]
    stood = wait_for(lambda: tilt(rig), lambda axis: not axis["moving"])
    assert abs(stood["position_deg"] - from_deg) <= SPEED_DEG_S * STOPPED_WITHIN_S
    assert not stood["at_limit"]
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        assert tilt(rig)["position_deg"] == stood["position_deg"]
        time.sleep(0.02)


def arm(live: LivePage) -> None:
    press(live, live.part("arm"))
    expect(live.part("safety")).to_have_text(re.compile(r"^ARMED \d+ s$"))
    live.page.mouse.up()


@pytest.mark.parametrize(("name", "sign"), [("Tilt up", 1), ("Tilt down", -1)])
def test_holding_an_arrow_moves_and_letting_go_stops(open_as, rig, name, sign):
    live = open_as()
    press(live, arrow(live, name))
    expect_moves(rig, least_deg=20)  # longer than one command lasts: it is renewed
    live.page.mouse.up()
    expect_stops(rig)
    assert (tilt(rig)["position_deg"] - 90) * sign > 0
    expect(live.part("tilt-read")).to_have_text(f"tilt {tilt(rig)['position_deg']:.1f}° of 0…180°")
    expect(live.part("pan-read")).to_contain_text("s right to run")


@pytest.mark.parametrize("key", ["ArrowUp", "w"])
def test_holding_a_key_moves_and_letting_go_stops(open_as, rig, key):
    live = open_as()
    expect(arrow(live, "Tilt up")).to_be_enabled()
    live.page.keyboard.down(key)
    expect_moves(rig, least_deg=20)
    live.page.keyboard.up(key)
    expect_stops(rig)
    assert tilt(rig)["position_deg"] > 90


def test_holding_left_runs_the_motor_and_letting_go_stops_it(open_as, rig):
    live = open_as()
    press(live, arrow(live, "Pan left"))
    wait_for(lambda: pan(rig)["moving"], bool)
    live.page.mouse.up()
    from_s = pan(rig)["net_run_s"]
    stood = wait_for(lambda: pan(rig), lambda axis: not axis["moving"])
    assert abs(stood["net_run_s"] - from_s) <= STOPPED_WITHIN_S


# In one and the same moment: what is armed counts down.
STOP_AND_CROSS = """() => ["[data-part=stop] button", ".jog"].map((selector) => {
    return document.querySelector(selector).getBoundingClientRect().toJSON();
})"""
# Counts the pauses between two wishes of a held arrow.
COUNT_PAUSES = """() => {
    const begin = globalThis.setTimeout;
    globalThis.pauses = 0;
    globalThis.setTimeout = (act, lengthMs, ...more) => {
        globalThis.pauses += lengthMs === 100;
        return begin(act, lengthMs, ...more);
    };
}"""


def test_one_request_at_a_time_and_ten_a_second(open_as, rig):
    live = open_as(clocked=True)
    expect(arrow(live, "Tilt up")).to_be_enabled()
    live.hold_clock()
    live.page.evaluate(COUNT_PAUSES)
    gate = Gate(live.page, re.compile("/drive$"))
    press(live, arrow(live, "Tilt up"))
    for count in range(1, 6):
        gate.wait(count)
        live.page.clock.run_for(1000)
        assert gate.asked == count, "none before the answer"
        gate.let_one()
        wait_for(lambda: live.page.evaluate("pauses"), lambda pauses, wanted=count: pauses == wanted)
        live.page.clock.run_for(99)
        assert gate.asked == count, "and none at once after it"
        live.page.clock.run_for(1)
    gate.wait(6)
    gate.open()
    live.page.mouse.up()
    expect_stops(rig)


@pytest.mark.parametrize("how", ["close", "blur", "leave"])
def test_losing_the_page_while_holding_stops(open_as, rig, how):
    live = open_as()
    press(live, arrow(live, "Tilt up"))
    expect_moves(rig)
    if how == "close":
        live.page.close()
    elif how == "blur":
        live.page.evaluate("dispatchEvent(new Event('blur'))")
    else:
        live.go("/watch")
    expect_stops(rig)


@pytest.mark.parametrize("key", ["Escape", "Space"])
def test_stop_by_key_stops_although_an_arrow_is_held(open_as, rig, key):
    live = open_as()
    press(live, arrow(live, "Tilt up"))
    expect_moves(rig)
    live.page.keyboard.press(key)
    expect_stops(rig)


def test_escape_closes_a_dialog_first_and_space_in_a_field_is_text(open_as, rig):
    live = open_as()
    arm(live)
    live.page.keyboard.press("?")
    expect(live.part("help")).to_be_visible()
    live.page.keyboard.press("Escape")
    expect(live.part("help")).to_be_hidden()
    assert trigger(rig)["armed"]
    live.page.keyboard.press("Escape")
    expect(live.part("safety")).to_have_text("SAFE")


def test_anybody_stops_whoever_drives(open_as, rig, complaints):
    complaints.expect("409")  # the held arrow asks once more and is refused
    driver, viewer = open_as("otto"), open_as("vera")
    press(driver, arrow(driver, "Tilt up"))
    expect_moves(rig)
    viewer.page.get_by_role("button", name="STOP").click()
    expect_stops(rig)


def test_step_chips_and_home(open_as, rig):
    live = open_as()
    for degrees, target_deg in ((5, 95), (15, 110), (1, 111)):
        live.page.get_by_role("button", name=f"{degrees}°", exact=True).click()
        arrow(live, "Tilt up").click()
        wait_for(lambda: tilt(rig)["position_deg"], lambda position, wanted=target_deg: position == wanted)
    live.page.reload()
    expect(live.page.get_by_role("button", name="1°", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(live.part("tilt-read")).to_contain_text("tilt 111.0°")
    live.page.get_by_role("button", name="Home").click()
    expect(live.part("tilt-read")).to_contain_text("tilt 90.0°")


def test_limit_is_marked(make_panels, open_live):
    rig = make_panels(speed_deg_s=400.0)
    live = open_live(rig)
    rig.ask("/api/turret/aim", {"tilt_deg": 180})
    expect(live.part("tilt-read")).to_have_text("tilt 180.0° of 0…180°, at its limit")


def test_limit_is_marked_once_it_is_reached(call):
    """The state says so already of an axis on its way there, and the page did: "tilt 95.0°, at its limit"."""
    axis = {"kind": "servo", "position_deg": 95, "limits_deg": [0, 180], "at_limit": True, "moving": True}
    assert call("aim", "axisText", "tilt", axis) == "tilt 95.0° of 0…180°"
    there = {**axis, "position_deg": 180, "moving": False}
    assert call("aim", "axisText", "tilt", there) == "tilt 180.0° of 0…180°, at its limit"


def test_stick_moves_with_its_deflection_and_rests_in_the_dead_zone(call):
    speeds = [call("pad", "shaped", stick, 0.15) for stick in (0.0, 0.14, -0.15, 0.575, -1.0, 1.2)]
    assert speeds == [0, 0, 0, 0.5, -1, 1]


def test_gamepad_stick_drives_and_its_return_stops(open_as, rig):
    live = open_as()
    live.page.evaluate(
        """() => {
            globalThis.pad = { connected: true, axes: [0, -1], buttons: [] };
            navigator.getGamepads = () => [globalThis.pad];
            dispatchEvent(new Event("gamepadconnected"));
        }"""
    )
    expect_moves(rig, least_deg=20)
    live.page.evaluate("globalThis.pad.axes = [0, 0.1]")
    expect_stops(rig)
    assert tilt(rig)["position_deg"] > 90


def test_arming_needs_the_whole_second(open_as, rig):
    live = open_as(clocked=True)
    expect(live.part("fire")).to_be_disabled()
    live.hold_clock()
    press(live, live.part("arm"))
    live.page.clock.run_for(990)
    live.page.mouse.up()
    expect(live.part("message")).to_have_text("Hold for one second to arm.")
    live.page.clock.run_for(1000)
    assert not trigger(rig)["armed"]
    press(live, live.part("arm"))
    live.page.clock.run_for(1000)
    expect(live.part("safety")).to_have_text(re.compile(r"^ARMED \d+ s$"))
    live.page.mouse.up()
    expect(live.part("trigger-why")).to_have_text(re.compile(r"^Armed for \d+ s\.$"))
    live.part("arm").click()
    expect(live.part("safety")).to_have_text("SAFE")
    assert not trigger(rig)["armed"]


def test_fire_pulses_once_and_cools_down(open_as, rig):
    live = open_as()
    arm(live)
    seen = live.texts_of("trigger-why", "fire")
    live.part("fire").click()
    expect(live.part("message")).to_have_text("Fired.")
    expect(live.part("fire")).to_be_enabled()
    assert re.search(r"Cooling, ready in \d s\.\|disabled", " ".join(seen()))
    assert not trigger(rig)["firing"]


def test_two_pages_agree_on_armed_and_on_who_drives(open_as, rig):
    gunner, other = open_as("gina"), open_as("otto")
    arm(gunner)
    expect(other.part("safety")).to_have_text(re.compile(r"^ARMED \d+ s$"))
    expect(gunner.part("driver")).to_have_text(re.compile(r"^you drive 0:0\d$"))
    expect(other.part("driver")).to_have_text(re.compile(r"^gina drives 0:0\d$"))
    expect(arrow(other, "Tilt up")).to_be_disabled()
    expect(other.part("aim-why")).to_have_text("gina drives.")
    gunner.page.get_by_role("button", name="Give back").click()
    for live in (gunner, other):
        expect(live.part("safety")).to_have_text("SAFE")
        expect(live.part("driver")).to_be_hidden()
    expect(arrow(other, "Tilt up")).to_be_enabled()


def test_admin_takes_over(open_as, rig):
    driver, admin = open_as("otto"), open_as()
    driver.page.get_by_role("button", name="Take the controls").click()
    expect(driver.part("driver")).to_have_text(re.compile("^you drive"))
    expect(admin.part("driver")).to_have_text(re.compile("^otto drives"))
    admin.page.get_by_role("button", name="Take the controls").click()
    expect(driver.part("driver")).to_have_text(re.compile("^admin drives"))
    assert holder(rig) == "admin"


def test_viewer_sees_greyed_controls_and_why(open_as):
    live = open_as("vera")
    greyed = ("home", "lease-take", "preset-new", "arm", "fire", "light-on", "brightness", "color")
    for locator in (*map(live.part, greyed), arrow(live, "Tilt up"), arrow(live, "15°")):
        expect(locator).to_be_disabled()
    expect(live.part("aim-why")).to_have_text("Your role is viewer; this needs operator.")
    expect(live.part("trigger-why")).to_have_text("Your role is viewer; this needs gunner.")
    expect(live.part("light-why")).to_have_text("Your role is viewer; this needs operator.")
    expect(live.page.get_by_role("button", name="STOP")).to_be_enabled()


def test_light_and_color_show_on_the_other_page(open_as, rig):
    first, second = open_as(), open_as("otto")
    first.part("light-on").click()
    first.page.get_by_role("button", name="Red").click()
    first.part("brightness").fill("200")
    expect(second.part("light-on")).to_have_text("On")
    expect(second.page.get_by_role("button", name="Red")).to_have_attribute("aria-pressed", "true")
    expect(second.part("color")).to_have_value("#ff3b30")
    expect(second.part("brightness-value")).to_have_text("200")
    first.part("light-on").click()
    expect(second.part("light-on")).to_have_text("Off")


def test_an_answer_that_grew_old_does_not_undo_what_somebody_set_meanwhile(open_as, rig):
    live = open_as()
    rig.ask("/api/light", {"on": False, "brightness": 40}, method="PATCH")
    expect(live.part("brightness-value")).to_have_text("40")
    gate = Gate(live.page, re.compile("/api/light$"), "PATCH", after=True)
    live.part("light-on").click()
    gate.wait()
    rig.ask("/api/light", {"on": False, "brightness": 77}, method="PATCH")
    expect(live.part("brightness-value")).to_have_text("77")
    expect(live.part("light-on")).to_have_text("On")  # what was asked for counts until its answer
    gate.open()
    expect(live.part("light-on")).to_have_text("Off")
    assert live.part("brightness-value").text_content() == "77"


def test_dragging_the_brightness_is_gathered_and_its_last_value_counts(open_as, rig):
    live = open_as(clocked=True)
    asked: list[str] = []
    live.page.on("request", lambda request: asked.append(request.url) if request.method == "PATCH" else None)
    live.hold_clock()
    for value in range(0, 101, 2):
        live.part("brightness").evaluate(
            "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", value
        )
        live.page.clock.run_for(10)
    live.page.clock.resume()
    wait_for(lambda: rig.ask("/api/light")["brightness"], lambda brightness: brightness == 100)
    expect(live.part("brightness-value")).to_have_text("100")
    assert 2 <= len(asked) <= 7, "one at once, and ten a second for half a second"


def test_missing_parts_are_greyed_with_their_reason(open_live, make_inside):
    live = open_live(make_inside(tilt={"kind": "none"}, trigger={"kind": "none"}, light={"kind": "none"}))
    expect(arrow(live, "Pan left")).to_be_enabled()
    expect(arrow(live, "Tilt up")).to_be_disabled()
    expect(live.part("tilt-read")).to_have_text(re.compile("^no tilt: .*tilt.*"))
    expect(live.part("safety")).to_be_hidden()
    for name in ("trigger-why", "light-why"):
        expect(live.part(name)).to_have_text(re.compile(r"\w+.*\.$"))
    expect(live.page.get_by_role("button", name="1 click")).to_be_visible()
    expect(live.page.get_by_role("button", name="5°", exact=True)).to_be_hidden()


def test_refused_drive_says_why_once(open_as, rig, complaints):
    complaints.expect("409")
    live = open_as("otto")
    press(live, arrow(live, "Tilt up"))
    expect_moves(rig)
    rig.ask("/api/turret/stop", {})
    expect(live.part("message")).to_have_text("Admin stopped the turret; let go first, for 0.4 s.")
    expect_stops(rig)


def test_stop_works_without_scripts(open_as, new_context, rig):
    live = LivePage(new_context(java_script_enabled=False).new_page(), rig)
    live.log_in()
    rig.ask("/api/turret/arm", {})
    assert trigger(rig)["armed"]
    with live.page.expect_response(re.compile("/stop$")):
        live.page.locator(".dock button").click()
    assert not trigger(rig)["armed"], "and not only when the controls lapse"
    expect(live.page.locator(".jog")).to_be_hidden()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_panels_fit_and_stop_and_cross_are_on_the_first_screen(open_as, size):
    width, height = size
    live = open_as(viewport={"width": width, "height": height}, has_touch=width < 1000)
    arm(live)
    expect_fits(live.page)
    live.page.evaluate("scrollTo(0, 0)")
    stop, cross = live.page.evaluate(STOP_AND_CROSS)
    assert stop["y"] + stop["height"] <= height
    is_overlaid = width <= 900  # STOP stays in its dock at the lower edge
    assert cross["y"] + cross["height"] <= (stop["y"] if is_overlaid else height)
