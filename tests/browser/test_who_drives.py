"""The controls between two people: seeing who drives, asking, giving, keeping, taking."""

from __future__ import annotations

import re

import pytest
from gate import Gate
from live_page import LivePage, wait_for
from playwright.sync_api import Locator, expect
from stand import SERVO, Stand
from turret_by_hand import PAN_SERVO, TILT

# Every text that an element shows from now on.
NOTE_TEXTS = """element => {
  window.texts = [];
  const seen = {childList: true, characterData: true, subtree: true};
  new MutationObserver(() => texts.push(element.textContent)).observe(element, seen);
}"""


# Slow enough not to come to the end of its travel in a test.
SLOW = {**SERVO, "speed_deg_s": 6}
# What is left of a minute.
LEFT = r"(0:5\d|1:00)"


@pytest.fixture
def stand(make_stand) -> Stand:
    """Two servos, and controls that nobody loses because the machine is busy."""
    return make_stand(pan=SLOW, tilt=SLOW, turret={"lease_s": 60})


def button(live: LivePage, name: str) -> Locator:
    return live.page.get_by_role("button", name=name, exact=True)


@pytest.fixture
def both(stand, open_page) -> tuple[LivePage, LivePage]:
    """Otto drives, and Gina sees it."""
    otto, gina = open_page(stand), open_page(stand, "gina")
    button(otto, "Take the controls").click()
    expect(otto.part("message")).to_have_text("You have the controls.")
    expect(gina.part("driver")).to_have_text(re.compile(rf"^otto drives {LEFT}$"))
    return otto, gina


def holder(stand: Stand) -> str | None:
    found: str | None = stand.ask("")["lease"]["holder"]
    return found


def test_the_holder_gives_the_controls_to_whoever_asks(stand, both):
    otto, gina = both
    button(gina, "Ask for the controls").click()
    expect(gina.part("message")).to_have_text("Asked. otto sees it.")
    expect(otto.part("asked-who")).to_have_text("gina asks for the controls")
    button(otto, "Give").click()
    expect(gina.part("message")).to_have_text("You have the controls now.")
    expect(otto.part("asked")).to_be_hidden()
    expect(otto.part("driver")).to_have_text(re.compile(rf"^gina drives {LEFT}$"))
    assert holder(stand) == "gina"
    gina.page.keyboard.down("ArrowUp")
    wait_for(lambda: stand.pulse_us(TILT) or 1500, lambda width: width > 1550)
    gina.page.keyboard.up("ArrowUp")


def test_an_answer_that_grew_old_on_its_way_does_not_undo_newer_news(stand, open_page):
    otto = open_page(stand)
    answers = Gate(otto.page, re.compile("/lease$"), "POST", after=True)
    button(otto, "Take the controls").click()
    answers.wait()
    expect(otto.part("driver")).to_have_text(re.compile(r"^you drive"))
    stand.ask("/lease", {"take_over": True}, "admin")
    expect(otto.part("driver")).to_have_text(re.compile(r"^admin drives"))
    otto.part("driver").evaluate(NOTE_TEXTS)
    answers.open()
    expect(otto.part("message")).to_have_text("You have the controls.")
    texts = otto.page.evaluate("texts")
    assert [text for text in texts if "you" in text] == []


def test_the_holder_keeps_the_controls_and_drives_on(stand, both):
    otto, gina = both
    button(gina, "Ask for the controls").click()
    otto.page.keyboard.down("ArrowRight")
    expect(otto.part("asked")).to_be_visible()
    button(otto, "Keep").click()
    expect(otto.part("asked")).to_be_hidden()
    expect(gina.part("message")).to_have_text("Otto keeps the controls.")
    there_us = stand.pulsing_us(PAN_SERVO)
    wait_for(lambda: stand.pulsing_us(PAN_SERVO), lambda width: width > there_us + 1)
    assert there_us > 1500
    otto.page.keyboard.up("ArrowRight")
    assert holder(stand) == "otto"
    expect(button(gina, "Ask for the controls")).to_be_enabled()


def test_a_question_can_be_taken_back(stand, both):
    otto, gina = both
    button(gina, "Ask for the controls").click()
    expect(otto.part("asked")).to_be_visible()
    button(gina, "Ask no more").click()
    expect(gina.part("message")).to_have_text("Asked no more.")
    expect(otto.part("asked")).to_be_hidden()
    assert holder(stand) == "otto"


def test_a_reload_forgets_neither_the_question_nor_who_drives(both):
    otto, gina = both
    button(gina, "Ask for the controls").click()
    expect(otto.part("asked")).to_be_visible()
    for live in both:
        live.page.reload()
    expect(otto.part("asked-who")).to_have_text("gina asks for the controls")
    expect(button(gina, "Ask no more")).to_be_visible()
    button(otto, "Give").click()
    expect(gina.part("driver")).to_have_text(re.compile("^you drive"))


def test_who_asks_gets_the_controls_when_the_holder_only_lets_them_lapse(make_stand, open_page):
    stand = make_stand(pan=SLOW, tilt=SLOW, turret={"lease_s": 2.0})
    otto, gina = open_page(stand), open_page(stand, "gina")
    otto.page.keyboard.down("ArrowUp")  # whoever drives keeps them
    button(gina, "Ask for the controls").click()
    expect(otto.part("asked")).to_be_visible()
    otto.page.keyboard.up("ArrowUp")
    expect(gina.part("message")).to_have_text("You have the controls now.")
    assert holder(stand) == "gina"


def test_only_an_admin_may_take_what_somebody_holds_and_the_motion_ends(stand, both, open_page, complaints):
    complaints.expect("409")  # the held key asks once more
    otto, gina = both
    admin = open_page(stand, "admin")
    expect(button(gina, "Take the controls")).to_be_hidden()
    expect(button(admin, "Ask for the controls")).to_be_enabled()
    otto.page.keyboard.down("ArrowRight")
    wait_for(lambda: stand.pulse_us(PAN_SERVO) or 1500, lambda width: width > 1520)
    button(admin, "Take the controls").click()
    expect(admin.part("driver")).to_have_text(re.compile("^you drive"))
    stand.expect_rest(PAN_SERVO)
    expect(otto.part("aim-why")).to_have_text("admin drives.")


def test_a_viewer_sees_it_all_and_may_neither_ask_nor_take(both, stand, open_page):
    vera = open_page(stand, "vera")
    expect(vera.part("driver")).to_have_text(re.compile("^otto drives"))
    expect(button(vera, "Ask for the controls")).to_be_disabled()
    expect(vera.part("aim-why")).to_have_text("Your role is viewer; this needs operator.")
    button(both[0], "Give back").click()
    expect(vera.part("lease-who")).to_have_text("nobody drives")
    expect(button(vera, "Take the controls")).to_be_disabled()
