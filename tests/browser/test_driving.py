"""Driving with keys, mouse, finger and gamepad: what the pulses on the pins do."""

from __future__ import annotations

import re
import time

import pytest
from gate import Gate
from live_page import LivePage, wait_for
from playwright.sync_api import expect
from stand import SERVO, Finger, Stand, middle_of, settled_box
from turret_by_hand import ENABLE, LEFT, PAN_SERVO, RIGHT, TILT

from hardware.pins import FRAME_US

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
MIDDLE_US = 1500


def choose_pad(live: LivePage) -> tuple[float, float]:
    """Show the touch pad; its middle."""
    live.expect_live()
    live.page.get_by_role("button", name="Touch pad").click()
    expect(live.part("pad")).to_have_attribute("aria-disabled", "false")
    return middle_of(live, "pad")


def rate_us_s(stand: Stand, pin: int, over_s: float = 0.5) -> float:
    """How fast the pulses on a pin change their width from now on, by the pin's own time stamps."""
    from_s = time.monotonic()
    first, *_, last = wait_for(
        lambda: [edge for edge in stand.scope.edges(pin) if edge[0] >= from_s],
        lambda edges: len(edges) > 2 and edges[-1][0] - edges[0][0] >= over_s,
    )
    return (last[2] - first[2]) * FRAME_US / (last[0] - first[0])


@pytest.mark.parametrize(
    ("key", "pin", "sign"),
    [("ArrowRight", PAN_SERVO, 1), ("a", PAN_SERVO, -1), ("ArrowUp", TILT, 1), ("s", TILT, -1)],
)
def test_pulses_follow_a_held_key_and_end_after_it(stand, open_page, key, pin, sign):
    live = open_page(stand)
    assert stand.pulse_us(pin) is None
    live.page.keyboard.down(key)
    expect(live.page.locator(".is-driven")).to_have_count(1)
    wait_for(lambda: stand.pulse_us(pin) or MIDDLE_US, lambda width: sign * (width - MIDDLE_US) > 100)
    live.page.keyboard.up(key)
    expect(live.page.locator(".is-driven")).to_have_count(0)
    stand.expect_stop(PAN_SERVO, TILT)
    position_deg = stand.ask("")["pan" if pin == PAN_SERVO else "tilt"]["position_deg"]
    assert stand.scope.last_pulse_us(pin) == pytest.approx(500 + position_deg / 180 * 2000, abs=2)


def test_two_keys_at_once_move_both_axes(stand, open_page):
    live = open_page(stand)
    live.page.keyboard.down("ArrowRight")
    live.page.keyboard.down("w")
    for pin in (PAN_SERVO, TILT):
        wait_for(lambda pin=pin: stand.pulse_us(pin) or MIDDLE_US, lambda width: width - MIDDLE_US > 80)
    live.page.keyboard.up("ArrowRight")
    live.page.keyboard.up("w")
    stand.expect_stop(PAN_SERVO, TILT)


def test_a_held_key_drives_the_motor_pins(make_stand, open_page):
    stand = make_stand()
    live = open_page(stand)
    for key, levels in (("d", (0, 1, 1)), ("a", (1, 0, 1))):
        live.page.keyboard.down(key)
        wait_for(lambda: stand.scope.levels(LEFT, RIGHT, ENABLE), lambda found, wanted=levels: found == wanted)
        live.page.keyboard.up(key)
        wait_for(lambda: stand.scope.levels(LEFT, RIGHT, ENABLE), lambda found: found == (0, 0, 0), 1.0)


def test_a_finger_on_an_arrow_drives(stand, open_page):
    live = open_page(stand, **PHONE)
    live.expect_live()
    left = live.page.get_by_role("button", name="Pan left")
    expect(left).to_be_enabled()
    box = settled_box(left)
    finger = Finger(live)
    finger.down(box["x"] + 20, box["y"] + 20)
    wait_for(lambda: stand.pulse_us(PAN_SERVO) or MIDDLE_US, lambda width: width < MIDDLE_US - 100)
    assert settled_box(left) == box, "nothing moves under the thumb"
    finger.up()
    stand.expect_stop(PAN_SERVO)


def test_the_pad_follows_the_finger_the_farther_the_faster_and_its_end_stops(stand, open_page):
    live = open_page(stand, **PHONE)
    x, y = choose_pad(live)
    finger = Finger(live)
    finger.down(x, y)
    finger.move(x + 24, y)
    wait_for(lambda: stand.pulse_us(PAN_SERVO) or MIDDLE_US, lambda width: width > MIDDLE_US + 5)
    slow_us_s = rate_us_s(stand, PAN_SERVO)
    finger.move(x + 64, y)
    full_us_s = SERVO["speed_deg_s"] / 180 * 2000
    wait_for(lambda: rate_us_s(stand, PAN_SERVO, 0.1), lambda rate: rate > 0.6 * full_us_s)  # the wish is there
    fast_us_s = rate_us_s(stand, PAN_SERVO)
    finger.move(x, y - 64)
    wait_for(lambda: stand.pulse_us(TILT) or MIDDLE_US, lambda width: width > MIDDLE_US + 50)
    finger.up()
    stand.expect_stop(PAN_SERVO, TILT)
    assert fast_us_s == pytest.approx(full_us_s, rel=0.25)
    assert slow_us_s == pytest.approx(0.3 * full_us_s, rel=0.35)  # 24 of 64 px, less the dead zone


def test_a_finger_that_rests_on_the_pad_moves_nothing(stand, open_page):
    live = open_page(stand, **PHONE)
    x, y = choose_pad(live)
    finger = Finger(live)
    finger.down(x, y)
    finger.move(x + 5, y - 5)
    expect(live.part("lease-who")).to_have_text("you drive 0:15")  # it was asked for speed 0
    live.page.wait_for_timeout(400)
    assert stand.pulse_us(PAN_SERVO) is None and stand.pulse_us(TILT) is None
    finger.up()


@pytest.mark.parametrize("how", ["cancel", "blur", "hidden", "stop key", "refusal"])
def test_the_pad_stops_when_anything_comes_between_and_wants_a_new_touch(stand, open_page, complaints, how):
    complaints.expect("409")
    live = open_page(stand, **PHONE)
    x, y = choose_pad(live)
    finger = Finger(live)
    finger.down(x, y)
    finger.move(x + 40, y)
    wait_for(lambda: stand.pulse_us(PAN_SERVO) or MIDDLE_US, lambda width: width > MIDDLE_US + 50)
    if how == "cancel":
        finger.cancel()
    elif how == "blur":
        live.page.evaluate("dispatchEvent(new Event('blur'))")
    elif how == "hidden":
        live.page.evaluate(
            """() => {
                Object.defineProperty(document, "hidden", { value: true, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
    elif how == "stop key":
        live.page.keyboard.press("Escape")
    else:
        stand.ask("/lease", {"take_over": True})
    stand.expect_stop(PAN_SERVO)
    if how in ("blur", "stop key"):
        finger.move(x + 60, y)
        live.page.wait_for_timeout(300)
        assert stand.pulse_us(PAN_SERVO) is None


def test_the_pad_can_be_dragged_with_the_mouse_beyond_its_edge(stand, open_page):
    live = open_page(stand)
    x, y = choose_pad(live)
    live.page.mouse.move(x, y)
    live.page.mouse.down()
    live.page.mouse.move(x - 400, y, steps=4)
    wait_for(lambda: stand.pulse_us(PAN_SERVO) or MIDDLE_US, lambda width: width < MIDDLE_US - 100)
    live.page.mouse.up()
    stand.expect_stop(PAN_SERVO)


def test_dragging_on_the_pad_asks_at_most_twenty_times_a_second(stand, open_page):
    live = open_page(stand)
    x, y = choose_pad(live)
    asked: list[str] = []
    live.page.on("request", lambda request: request.url.endswith("/drive") and asked.append(request.url))
    live.page.mouse.move(x, y)
    live.page.mouse.down()
    from_s = time.monotonic()
    for step in range(60):
        live.page.mouse.move(x + step, y)
        live.page.wait_for_timeout(16)
    gone_s = time.monotonic() - from_s
    live.page.mouse.up()
    assert 5 <= len(asked) <= 21 * gone_s + 3


@pytest.mark.parametrize("key", ["Escape", "Space"])
def test_what_was_under_way_when_stop_was_pressed_is_stopped_too(make_stand, open_page, key):
    stand = make_stand(pan={**SERVO, "speed_deg_s": 15}, tilt=SERVO)  # half of the way takes it 0.8 s
    stand.stand_at(66, 100)
    live = open_page(stand)
    expect(live.part("home")).to_be_enabled()
    gate = Gate(live.page, re.compile("/home$"))
    live.part("home").click()
    gate.wait()
    live.page.keyboard.press(key)
    expect(live.part("message")).to_have_text("Stopped.")
    with live.page.expect_response(re.compile("/stop$")):
        gate.open()
    stand.expect_stop(PAN_SERVO, TILT)
    position_deg = stand.ask("")["pan"]["position_deg"]
    assert 66 <= position_deg < 78, "home is at 90"


# Resolves when the page has looked at the gamepad as it is now.
LOOKED = """() => new Promise((resolve) => {
    const from = globalThis.looks;
    const timer = setInterval(() => {
        if (globalThis.looks < from + 2) return;
        clearInterval(timer);
        resolve();
    }, 5);
})"""


class Gamepad:
    """A gamepad as the browser shows it to pages; who moves something on it waits until the page has seen that."""

    def __init__(self, live: LivePage) -> None:
        self._page = live.page
        self._page.evaluate(
            """() => {
                const buttons = Array.from({ length: 17 }, () => ({ pressed: false }));
                globalThis.pad = { connected: true, axes: [0, 0, 0, 0], buttons };
                globalThis.looks = 0;
                navigator.getGamepads = () => {
                    globalThis.looks += 1;
                    return [globalThis.pad];
                };
                dispatchEvent(new Event("gamepadconnected"));
            }"""
        )
        expect(live.part("message")).to_have_text("Gamepad: the left stick aims, button B is STOP.")

    def stick(self, x: float, y: float) -> None:
        self._page.evaluate("([x, y]) => Object.assign(globalThis.pad.axes, [x, y])", [x, y])
        self._page.evaluate(LOOKED)

    def button(self, number: int, is_pressed: bool) -> None:
        self._page.evaluate("([n, is]) => (globalThis.pad.buttons[n].pressed = is)", [number, is_pressed])
        self._page.evaluate(LOOKED)


def test_pulses_follow_the_stick_and_its_deflection(stand, open_page):
    live = open_page(stand)
    pad = Gamepad(live)
    pad.stick(0.575, 0)  # half of the way behind the dead zone
    wait_for(lambda: stand.pulse_us(PAN_SERVO) or MIDDLE_US, lambda width: width > MIDDLE_US + 5)
    half_us_s = rate_us_s(stand, PAN_SERVO)
    pad.stick(0, -1)
    wait_for(lambda: stand.pulse_us(TILT) or MIDDLE_US, lambda width: width > MIDDLE_US + 20)
    full_us_s = rate_us_s(stand, TILT)
    pad.stick(0, 0)
    stand.expect_stop(PAN_SERVO, TILT)
    assert half_us_s / full_us_s == pytest.approx(0.5, rel=0.25)


def test_the_cross_of_the_gamepad_drives_too(stand, open_page):
    pad = Gamepad(open_page(stand))
    pad.button(14, True)
    wait_for(lambda: stand.pulse_us(PAN_SERVO) or MIDDLE_US, lambda width: width < MIDDLE_US - 50)
    pad.button(14, False)
    stand.expect_stop(PAN_SERVO)


@pytest.mark.parametrize("how", ["button B", "Esc"])
def test_after_a_stop_the_stick_must_come_back_to_its_rest(stand, open_page, how):
    live = open_page(stand)
    pad = Gamepad(live)
    pad.stick(1, 0)
    wait_for(lambda: stand.pulse_us(PAN_SERVO) or MIDDLE_US, lambda width: width > MIDDLE_US + 30)
    if how == "Esc":
        live.page.keyboard.press("Escape")
    else:
        pad.button(1, True)
        pad.button(1, False)
    stand.expect_stop(PAN_SERVO)
    live.page.wait_for_timeout(300)
    assert stand.pulse_us(PAN_SERVO) is None
    pad.stick(0, 0)
    pad.stick(1, 0)
    stand.pulsing_us(PAN_SERVO)
    pad.stick(0, 0)
    stand.expect_stop(PAN_SERVO)
