"""Every press is answered on the page at once; arming lasts as long as somebody may be looking."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest
from gate import Gate
from live_page import LivePage, wait_for
from playwright.sync_api import expect
from stand import Stand

from hardware.news import TurretState

ANSWER_WITHIN_MS = 100
DONE_MS, UNDO_MS = 2500, 10000  # how long the page shows what was done, and offers to undo it
COMMANDS = re.compile("/api/turret/")


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
    gate = Gate(live.page, re.compile("/home$"))
    live.part("home").click()
    live.page.clock.run_for(ANSWER_WITHIN_MS)
    expect(live.part("message")).to_have_text("Going home.")
    gate.wait()
    gate.answer_one(status=409, json=refusal)
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


LEASE_S, ARMED_S = 2.5, 5.0  # controls that lapse soon, and arming that outlasts them


class States:
    """Every state of a turret that is news, as it is told to the pages."""

    def __init__(self, stand: Stand) -> None:
        self._turret = stand.site.rig.turret
        self._tell = self._turret.on_change
        self._found: list[TurretState] = []
        self._turret.on_change = self._note

    def armed_and_safe(self) -> tuple[TurretState, TurretState]:
        """The states in which it was found armed and safe again, once it is; nobody armed it a second time."""
        changes = wait_for(self._changes, lambda changes: len(changes) >= 2)
        assert [state.trigger.armed for state in changes] == [True, False]
        return changes[0], changes[1]

    def _note(self) -> None:
        self._found.append(self._turret.state)
        self._tell()

    def _changes(self) -> list[TurretState]:
        groups = itertools.groupby(self._found, lambda state: state.trigger.armed)
        firsts = [next(states) for _, states in groups]
        return firsts[1:] if firsts and not firsts[0].trigger.armed else firsts


def arm(live: LivePage) -> None:
    expect(live.part("arm")).to_be_enabled()
    live.part("arm").hover()
    live.page.mouse.down()
    expect(live.part("safety")).to_have_text(re.compile(r"^ARMED \d+ s$"))
    live.page.mouse.up()


def test_arming_lasts_its_own_time_and_not_only_the_lease(make_stand, open_page):
    stand = make_stand(turret={"lease_s": LEASE_S, "arm_timeout_s": ARMED_S})
    live, states = open_page(stand, "gina", clocked=True), States(stand)
    arm(live)
    armed, safe = states.armed_and_safe()
    over_at_s = armed.at_s + armed.trigger.armed_for_s
    assert safe.at_s >= over_at_s, "its own time was over"
    assert safe.lease.holder == "gina", "and the lease was not"
    expect(live.part("safety")).to_have_text("SAFE")
    live.hold_clock()
    asked: list[str] = []
    live.page.on("request", lambda request: request.url.endswith("/lease") and asked.append(request.url))
    live.page.clock.run_for(10_000)
    assert live.part("safety").text_content() == "SAFE"
    assert asked == [], "a safe page renews nothing"


def test_a_hidden_page_and_another_page_of_the_same_person_renew_nothing(make_stand, open_page):
    stand = make_stand(turret={"lease_s": LEASE_S, "arm_timeout_s": 600.0})
    live, other = open_page(stand, "gina"), open_page(stand, "gina")
    states = States(stand)
    arm(live)
    asked: list[str] = []
    other.page.on("request", lambda request: request.url.endswith("/lease") and asked.append(request.url))
    live.page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    _, safe = states.armed_and_safe()
    assert safe.lease.holder is None, "the lease ended it, not its own time"
    expect(other.part("safety")).to_have_text("SAFE")
    assert asked == []
