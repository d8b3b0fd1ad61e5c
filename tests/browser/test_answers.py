"""Every press is answered on the page at once; arming lasts as long as somebody may be looking."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from gate import Gate
from live_page import LivePage, wait_for
from playwright.sync_api import Route, expect
from stand import Stand

ANSWER_WITHIN_MS = 100
DONE_MS, UNDO_MS = 2500, 10000  # how long the page shows what was done, and offers to undo it
COMMANDS = re.compile("/api/turret/")
SLOW_MS = 800


def slow_down(live: LivePage) -> None:
    """Answers come late, as over a bad link."""
    session = live.page.context.new_cdp_session(live.page)
    session.send("Network.enable")
    link = {"offline": False, "latency": SLOW_MS, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", link)


def holding_commands(live: LivePage, method: str = "POST") -> Gate:
    """What the page tells the turret does not get there, and its clock stands."""
    live.hold_clock()
    return Gate(live.page, COMMANDS, method)


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
    live = open_page(stand, clocked=True)
    expect(find(live)).to_be_enabled()
    gate = holding_commands(live)
    find(live).click()
    live.page.clock.run_for(ANSWER_WITHIN_MS)
    assert live.part("message").text_content() == busy
    gate.wait()
    gate.open()
    expect(live.part("message")).to_have_text(done)


def test_a_refusal_takes_the_place_of_the_busy_word(stand, open_page, complaints):
    complaints.expect("409")
    live = open_page(stand, clocked=True)
    refusal = {"error": {"code": "Busy", "message": "gina holds the controls for another 9 s", "field": None}}
    live.hold_clock()
    asked: list[Route] = []
    live.page.route(re.compile("/home$"), lambda route: asked.append(route))  # noqa: PLW0108 - it marks the function
    live.part("home").click()
    live.page.clock.run_for(ANSWER_WITHIN_MS)
    expect(live.part("message")).to_have_text("Going home.")
    asked[0].fulfill(status=409, json=refusal)
    expect(live.part("message")).to_have_text("Gina holds the controls for another 9 s.")


def test_an_answer_that_breaks_off_is_told_in_our_words(stand, open_page):
    live = open_page(stand)
    broken = {"content_type": "application/json", "body": '{"pan": {"kind"'}
    live.page.route(re.compile("/home$"), lambda route: route.fulfill(**broken))
    live.part("home").click()
    expect(live.part("message")).to_have_text("The turret does not answer.")


def test_messages_go_away_and_undo_stays_while_it_has_the_focus(stand, open_page):
    live = open_page(stand, clocked=True)
    live.hold_clock()
    live.part("home").click()
    expect(live.part("message")).to_have_text("Going home.")
    live.page.clock.run_for(DONE_MS)
    expect(live.part("toast")).to_be_hidden()
    live.part("preset-new").click()
    live.expect_pictures("presets", 1)
    live.page.get_by_role("button", name="Undo").focus()
    live.page.clock.run_for(UNDO_MS + 500)
    expect(live.part("toast")).to_be_visible()
    live.page.keyboard.press("Enter")
    expect(live.part("message")).to_have_text("Undone.")


@pytest.fixture
def brief(make_stand) -> Stand:
    """Controls that lapse soon, and arming that outlasts them."""
    return make_stand(turret={"lease_s": 2.0, "arm_timeout_s": 7.0})


def last_armed(stand: Stand) -> dict[str, Any]:
    """The state while it was armed for the last time, as soon as it is not any more; nobody armed it anew meanwhile."""
    states = [stand.ask("")]
    wait_for(lambda: states.append(stand.ask("")) or states[-1]["trigger"]["armed"], lambda is_armed: not is_armed)
    left_s = [state["trigger"]["armed_for_s"] for state in states]
    assert left_s == sorted(left_s, reverse=True)
    return states[-2]


def arm(live: LivePage) -> None:
    expect(live.part("arm")).to_be_enabled()
    live.part("arm").hover()
    live.page.mouse.down()
    expect(live.part("safety")).to_have_text(re.compile(r"^ARMED \d+ s$"))
    live.page.mouse.up()


def test_arming_lasts_its_own_time_and_not_only_the_lease(brief, open_page):
    live = open_page(brief, "gina", clocked=True)
    arm(live)
    last = last_armed(brief)
    assert last["trigger"]["armed_for_s"] <= 1.5, "its own time was over"
    assert brief.ask("")["lease"]["holder"] == "gina", "and the lease was not"
    expect(live.part("safety")).to_have_text("SAFE")
    live.hold_clock()
    asked: list[str] = []
    live.page.on("request", lambda request: request.url.endswith("/lease") and asked.append(request.url))
    live.page.clock.run_for(10_000)
    assert live.part("safety").text_content() == "SAFE"
    assert asked == [], "a safe page renews nothing"


def test_a_hidden_page_and_another_page_of_the_same_person_renew_nothing(brief, open_page):
    live, other = open_page(brief, "gina"), open_page(brief, "gina")
    arm(live)
    asked: list[str] = []
    other.page.on("request", lambda request: request.url.endswith("/lease") and asked.append(request.url))
    live.page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    hidden, last = brief.ask(""), last_armed(brief)
    lapses_at_s = hidden["trigger"]["armed_for_s"] - hidden["lease"]["seconds_left"]
    assert last["trigger"]["armed_for_s"] >= lapses_at_s - 0.5 >= 2, "the lease ended it, not its own time"
    assert brief.ask("")["lease"]["holder"] is None
    expect(other.part("safety")).to_have_text("SAFE")
    assert asked == []
