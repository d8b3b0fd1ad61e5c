"""Logging in and out, as a person does it."""

from __future__ import annotations

import re

from fakes import PASSWORD
from live_page import LivePage
from playwright.sync_api import expect


def test_wrong_password_says_what_to_do_and_the_right_one_lets_in(new_context, turret, complaints):
    complaints.expect("401 (UNAUTHORIZED)")
    live = LivePage(new_context().new_page(), turret)
    live.log_in_by_form("not-the-password")
    expect(live.page.get_by_role("alert")).to_have_text(
        "Name or password is wrong. Check both and try again; capitals count."
    )
    password = live.page.get_by_label("Password", exact=True)
    expect(password).to_be_focused()
    password.fill(PASSWORD)
    password.press("Enter")
    expect(live.page).to_have_url(turret.url + "/")
    live.expect_live()


def test_log_in_returns_to_the_page_that_was_asked_for(new_context, turret):
    live = LivePage(new_context().new_page(), turret)
    live.go("/watch")
    expect(live.page).to_have_url(re.compile(r"/login\?next="))
    expect(live.page.get_by_label("Name")).to_be_focused()
    live.page.get_by_label("Name").fill("admin")
    live.page.get_by_label("Password", exact=True).fill(PASSWORD)
    live.page.get_by_role("button", name="Log in").click()
    expect(live.page).to_have_url(turret.url + "/watch")


def test_password_managers_find_both_fields(new_context, turret):
    live = LivePage(new_context().new_page(), turret)
    live.go("/login")
    expect(live.page.get_by_label("Name")).to_have_attribute("autocomplete", "username")
    expect(live.page.get_by_label("Password", exact=True)).to_have_attribute("autocomplete", "current-password")


def test_password_can_be_shown_and_is_hidden_again_on_submit(new_context, turret, complaints):
    complaints.expect("401 (UNAUTHORIZED)")
    live = LivePage(new_context().new_page(), turret)
    live.go("/login")
    password = live.page.get_by_label("Password", exact=True)
    live.page.get_by_role("button", name="Show").click()
    expect(password).to_have_attribute("type", "text")
    live.page.get_by_role("button", name="Hide").click()
    expect(password).to_have_attribute("type", "password")


def test_log_out_ends_the_session(open_live, turret):
    live = open_live()
    live.expect_live()
    live.page.locator(".menu summary").click()
    live.page.get_by_role("button", name="Log out").click()
    expect(live.page).to_have_url(turret.url + "/login")
    live.go("/")
    expect(live.page).to_have_url(re.compile(r"/login"))


def test_log_in_and_out_without_scripts(new_context, turret):
    live = LivePage(new_context(java_script_enabled=False).new_page(), turret)
    live.log_in_by_form()
    expect(live.page).to_have_url(turret.url + "/")
    live.page.locator(".menu summary").click()
    expect(live.page.get_by_role("button", name="Keys")).to_be_hidden()
    live.page.get_by_role("button", name="Log out").click()
    expect(live.page).to_have_url(turret.url + "/login")


def test_missing_page_explains_itself_and_leads_back(open_live, complaints):
    complaints.expect("404 (NOT FOUND)")
    live = open_live()
    live.expect_live()
    live.go("/no-such-page")
    expect(live.page.get_by_role("heading", name="Nothing here")).to_be_visible()
    live.page.get_by_role("link", name="To the live picture").click()
    live.expect_live()
