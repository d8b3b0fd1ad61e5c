"""Every press is answered on the page at once; arming lasts as long as somebody may be looking."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from live_page import LivePage, wait_for
from playwright.sync_api import expect
from stand import Stand

ANSWER_WITHIN_MS = 100
SLOW_MS = 800
# Milliseconds from the click on the element to the next text in the message.
MEASURE = """async (element) => {
  const message = document.querySelector('[data-part="message"]');
  const changes = { childList: true, subtree: true, characterData: true };
  const changed = new Promise((resolve) => new MutationObserver(resolve).observe(message, changes));
  const from = performance.now();
  element.click();
  await changed;
  return [performance.now() - from, message.textContent];
}"""


def slow_down(live: LivePage) -> None:
    """Answers come late, as over a bad link."""
    session = live.page.context.new_cdp_session(live.page)
    session.send("Network.enable")
    link = {"offline": False, "latency": SLOW_MS, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", link)


@pytest.mark.parametrize(
    ("find", "busy", "done"),
    [
        (lambda live: live.part("home"), "Going home.", "Going home."),
        (lambda live: live.part("stop").locator("button"), "Stopping.", "Stopped."),
        (lambda live: live.part("preset-new"), "Keeping this position.", "Preset 2 is now here."),
        (lambda live: live.part("presets").get_by_role("button"), "Going to Door.", "Going to Door."),
        (lambda live: live.part("lease-take"), "Taking the controls.", "You have the controls."),
    ],
    ids=["home", "stop", "keep", "preset", "take"],
)
def test_a_press_is_answered_within_100_ms_whatever_the_network_does(
    stand: Stand, open_page, find: Callable, busy: str, done: str
):
    stand.ask("/presets", {"name": "Door", "slot": 1})
    live = open_page(stand)
    expect(find(live)).to_be_enabled()
    slow_down(live)
    took_ms, text = find(live).evaluate(MEASURE)
    assert text == busy
    assert took_ms <= ANSWER_WITHIN_MS
    expect(live.part("message")).to_have_text(done)


def test_a_refusal_takes_the_place_of_the_busy_word(stand, open_page, complaints):
    complaints.expect("409")
    live = open_page(stand)
    refusal = {"error": {"code": "Busy", "message": "gina holds the controls for another 9 s", "field": None}}
    live.page.route(re.compile("/home$"), lambda route: route.fulfill(status=409, json=refusal))
    slow_down(live)
    live.part("home").click()
    expect(live.part("message")).to_have_text("Gina holds the controls for another 9 s.")


def test_messages_go_away_and_undo_stays_while_it_has_the_focus(stand, open_page):
    live = open_page(stand)
    live.part("home").click()
    expect(live.part("toast")).to_be_visible()
    expect(live.part("toast")).to_be_hidden()
    live.part("preset-new").click()
    live.page.get_by_role("button", name="Undo").focus()
    live.page.wait_for_timeout(10500)
    live.page.keyboard.press("Enter")
    expect(live.part("message")).to_have_text("Undone.")


@pytest.fixture
def brief(make_stand) -> Stand:
    """Controls that lapse soon, and arming that outlasts them."""
    return make_stand(turret={"lease_s": 2.0, "arm_timeout_s": 7.0})


def armed(stand: Stand) -> bool:
    return bool(stand.ask("")["trigger"]["armed"])


def arm(live: LivePage) -> None:
    expect(live.part("arm")).to_be_enabled()
    live.part("arm").hover()
    live.page.mouse.down()
    expect(live.part("safety")).to_have_text(re.compile(r"^ARMED \d+ s$"))
    live.page.mouse.up()


def test_arming_lasts_its_own_time_and_not_only_the_lease(brief, open_page):
    live = open_page(brief, "gina")
    arm(live)
    from_s = time.monotonic()
    wait_for(lambda: armed(brief), lambda is_armed: not is_armed)
    assert 5.5 <= time.monotonic() - from_s <= 8
    expect(live.part("safety")).to_have_text("SAFE")
    asked: list[str] = []
    live.page.on("request", lambda request: request.url.endswith("/lease") and asked.append(request.url))
    live.page.wait_for_timeout(1500)
    assert asked == [], "a safe page renews nothing"


def test_a_hidden_page_and_another_page_of_the_same_person_renew_nothing(brief, open_page):
    live, other = open_page(brief, "gina"), open_page(brief, "gina")
    arm(live)
    asked: list[str] = []
    other.page.on("request", lambda request: request.url.endswith("/lease") and asked.append(request.url))
    live.page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    from_s = time.monotonic()
    wait_for(lambda: armed(brief), lambda is_armed: not is_armed)
    assert time.monotonic() - from_s <= 3.5
    assert asked == []
