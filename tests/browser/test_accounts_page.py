"""The accounts page: letting somebody in, changing and removing them, and one's own password."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fakes import PASSWORD
from gate import Gate
from live_page import LivePage, wait_for
from playwright.sync_api import Locator, expect
from stand import Stand
from test_page_sizes import SIZES, expect_fits

OTHER = "another password"


@pytest.fixture
def open_accounts(new_context: Callable[..., Any]) -> Callable[..., LivePage]:
    def open_accounts(stand: Stand, username: str = "admin", **options: Any) -> LivePage:
        live = LivePage(new_context(**options).new_page(), stand)
        live.log_in(username=username, to="/accounts")
        return live

    return open_accounts


def person(live: LivePage, name: str) -> Locator:
    return live.page.locator(f'[data-name="{name}"]')


def role_of(stand: Stand, name: str) -> str | None:
    account = stand.accounts.by_name(name)
    return account and account.role.name.lower()


@pytest.mark.parametrize(("username", "name"), [("admin", "Accounts"), ("vera", "Password")])
def test_the_menu_leads_here(stand, open_page, username, name):
    live = open_page(stand, username)
    live.part("menu").locator("summary").click()
    live.part("menu").get_by_role("link", name=name).click()
    expect(live.page.get_by_role("heading", name="My password")).to_be_visible()


def test_before_its_script_has_come_nothing_is_lost_and_no_password_gets_into_an_address(stand, open_accounts):
    live = open_accounts(stand)
    script = Gate(live.page, re.compile("/page-accounts.js$"))
    live.page.goto(live.page.url, wait_until="commit")
    script.wait()
    live.page.get_by_label("Name", exact=True).fill("Ana")
    live.page.get_by_label("Password", exact=True).fill(OTHER)
    live.page.get_by_label("Password", exact=True).press("Enter")
    live.page.get_by_label("Role of vera").focus()
    live.page.keyboard.press("ArrowDown")
    assert live.page.get_by_label("Role of vera").input_value() == "viewer", "nor can a choice be made that counts not"
    script.open()
    expect(live.page.locator("[data-part=people-sheet]:not([inert])")).to_be_visible()
    assert live.page.url == f"{stand.url}/accounts"
    live.page.get_by_label("Password", exact=True).press("Enter")
    expect(live.part("message")).to_have_text("Ana may log in now.")


def test_somebody_is_let_in_changed_and_removed_by_the_keyboard(stand, open_accounts, new_context):
    live = open_accounts(stand)
    live.page.get_by_label("Name", exact=True).fill("Ana")
    live.page.get_by_label("Password", exact=True).fill(OTHER)
    live.page.get_by_label("Role", exact=True).select_option("gunner")
    live.page.get_by_label("Password", exact=True).press("Enter")
    expect(live.part("message")).to_have_text("Ana may log in now.")
    expect(person(live, "Ana").get_by_role("combobox")).to_have_value("gunner")
    expect(live.page.get_by_label("Name", exact=True)).to_have_value("")
    visitor = LivePage(new_context().new_page(), stand)
    visitor.log_in(OTHER, username="Ana")
    visitor.expect_live()
    person(live, "Ana").get_by_role("combobox").select_option("viewer")
    expect(live.part("message")).to_have_text("Ana is viewer now.")
    expect(person(live, "Ana").get_by_role("combobox")).to_be_focused()
    assert role_of(stand, "Ana") == "viewer"
    live.page.get_by_role("button", name="Remove Ana").click()
    live.page.get_by_role("button", name="Cancel").click()
    assert role_of(stand, "Ana") == "viewer"
    live.page.get_by_role("button", name="Remove Ana").press("Enter")
    live.part("confirm-yes").click()
    expect(live.part("message")).to_have_text("Ana is removed.")
    expect(person(live, "Ana")).to_have_count(0)
    assert role_of(stand, "Ana") is None


def test_a_fault_is_told_and_what_was_typed_stays(stand, open_accounts, complaints):
    complaints.expect("409")
    live = open_accounts(stand)
    live.page.get_by_label("Name", exact=True).fill("otto")
    live.page.get_by_label("Password", exact=True).fill(OTHER)
    live.page.get_by_role("button", name="Add", exact=True).click()
    expect(live.part("message")).to_have_text("There is an account named otto already.")
    expect(live.page.get_by_label("Name", exact=True)).to_have_value("otto")
    person(live, "admin").get_by_role("combobox").select_option("viewer")
    expect(live.part("message")).to_have_text("Admin is the last admin; make somebody else admin first.")
    expect(person(live, "admin").get_by_role("combobox")).to_have_value("admin")


def test_a_new_password_for_somebody_who_forgot_theirs(stand, open_accounts, new_context):
    live = open_accounts(stand)
    person(live, "vera").get_by_text("New password…").click()
    field = live.page.get_by_label("New password of vera")
    field.fill("short")
    field.press("Enter")
    assert field.evaluate("field => field.validity.tooShort")
    field.fill(OTHER)
    field.press("Enter")
    expect(live.part("message")).to_have_text("Vera has a new password, and has to log in with it.")
    visitor = LivePage(new_context().new_page(), stand)
    visitor.log_in(OTHER, username="vera")
    visitor.expect_live()


def test_ones_own_password(stand, open_accounts, complaints):
    complaints.expect("400")
    live = open_accounts(stand, "vera")
    expect(live.page.get_by_role("heading", name="Who may log in")).to_have_count(0)
    now, new = live.page.get_by_label("Password now"), live.page.get_by_label("New password", exact=True)
    for current, words in (
        ("guessed it", "The password that you have now is another one; nothing was changed."),
        (PASSWORD, "Your password is changed."),
    ):
        now.fill(current)
        new.fill(OTHER)
        new.press("Enter")
        expect(live.part("message")).to_have_text(words)
    wait_for(lambda: stand.accounts.verified("vera", OTHER), lambda account: account is not None)
    live.go("/")
    live.expect_live()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_accounts_page_fits(stand, open_accounts, size):
    width, height = size
    live = open_accounts(stand, viewport={"width": width, "height": height}, has_touch=width < 1000)
    expect_fits(live.page)
    person(live, "vera").get_by_text("New password…").click()
    expect_fits(live.page)


QUICK = """async () => {
  const part = (selector) => document.querySelector(selector);
  part('[data-name="vera"] [data-part=remove]').click();
  part('.confirm [value="no"]').click();
  part('[data-name="otto"] [data-part=remove]').click();
  await new Promise((resolve) => setTimeout(resolve)); // the first question's close event comes
  part("[data-part=confirm-yes]").click();
}"""


def test_a_question_right_after_another_gets_its_own_answer(stand, open_accounts):
    live = open_accounts(stand)
    live.page.evaluate(QUICK)
    expect(live.part("message")).to_have_text("Otto is removed.")
    assert role_of(stand, "vera") == "viewer"
