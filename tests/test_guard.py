"""Who may do what."""

from __future__ import annotations

import base64
import re

import pytest
from fakes import PASSWORD, basic
from werkzeug.security import generate_password_hash

from app import create_app
from store.accounts import Role
from web.guard import NEEDS, changes_by_get, needs, public, requirement_of
from web.login import safe_target

LOGIN = {"Authorization": basic()}
PAGE = {"Accept": "text/html"}
OPEN_ROUTES = {"/healthz", "/login", "/favicon.ico"}


def test_every_route_says_what_it_needs(client) -> None:
    for rule in client.application.url_map.iter_rules():
        view = client.application.view_functions[rule.endpoint]
        assert hasattr(view, NEEDS), f"{rule.rule} does not say who may use it"
        is_open = rule.rule in OPEN_ROUTES or rule.endpoint == "static"
        assert (requirement_of(view) is None) == is_open, rule.rule


def test_every_route_but_the_open_ones_refuses_strangers(client) -> None:
    for rule in client.application.url_map.iter_rules():
        if rule.rule in OPEN_ROUTES or rule.endpoint == "static":
            continue
        path = re.sub(r"<int:\w+>", "64", rule.rule)
        for method in rule.methods - {"OPTIONS"}:
            assert client.open(path, method=method).status_code == 401, f"{method} {path}"


def test_route_that_does_not_say_is_refused_even_to_admin(client) -> None:
    client.application.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert client.get("/forgotten", headers=LOGIN).status_code == 403


def test_open_routes_say_nothing_secret(client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert set(answer.json) == {"status", "now"}


@pytest.mark.parametrize(
    "authorization",
    [
        basic(password="wrong"),
        basic(username="nobody"),
        basic(username="", password=""),
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Bearer abc",
        "Digest username=admin",
    ],
)
def test_wrong_credentials_are_refused_and_look_alike(client, authorization: str) -> None:
    answer = client.get("/api/status", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert answer.json["error"]["message"] in ("name or password is wrong", "log in first")


def test_unknown_name_and_wrong_password_give_the_same_answer(client) -> None:
    answers = [
        client.get("/api/status", headers={"Authorization": basic(*pair)}) for pair in (("admin", "x"), ("y", "x"))
    ]
    assert answers[0].data == answers[1].data


def test_a_browser_is_sent_to_the_login_page_and_back(client) -> None:
    answer = client.get("/watch?x=1", headers=PAGE)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=/watch?x%3D1"
    form = client.get(answer.headers["Location"], headers=PAGE)
    assert b'value="/watch?x=1"' in form.data
    entered = client.post("/login", data={"username": "admin", "password": PASSWORD, "next": "/watch?x=1"})
    assert (entered.status_code, entered.headers["Location"]) == (302, "/watch?x=1")
    assert client.get("/watch").status_code == 200


def test_scripts_of_a_page_get_no_password_dialog(client) -> None:
    answer = client.get("/api/status", headers={"Sec-Fetch-Mode": "cors"})
    assert answer.status_code == 401
    assert "WWW-Authenticate" not in answer.headers


def test_wrong_login_shows_the_form_again_with_the_name_kept(client) -> None:
    answer = client.post("/login", data={"username": "admin", "password": "wrong"})
    assert answer.status_code == 401
    assert b"name or password is wrong" in answer.data.lower()
    assert b'value="admin"' in answer.data
    assert client.get("/api/status").status_code == 401


def test_session_cookie_is_closed_to_scripts_and_other_sites(client) -> None:
    cookie = client.post("/login", data={"username": "admin", "password": PASSWORD}).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_logout_ends_the_session(client) -> None:
    client.post("/login", data={"username": "admin", "password": PASSWORD})
    assert client.post("/logout").status_code == 302
    assert client.get("/api/status").status_code == 401


def test_session_survives_a_restart(make_rig, rig) -> None:
    first = create_app(rig).test_client()
    first.post("/login", data={"username": "admin", "password": PASSWORD})
    cookie = first.get_cookie("turret_session").value
    rig.close()
    second = create_app(make_rig()).test_client()
    second.set_cookie("turret_session", cookie)
    assert second.get("/api/status").status_code == 200


def test_changed_password_ends_sessions_and_remembered_logins(client, rig) -> None:
    client.post("/login", data={"username": "admin", "password": PASSWORD})
    assert client.get("/api/status", headers=LOGIN).status_code == 200
    with rig.database.transaction() as connection:
        connection.execute(
            "UPDATE account SET password_hash = ?", (generate_password_hash("another", "pbkdf2:sha256:1"),)
        )
    assert client.get("/api/status").status_code == 401
    assert client.get("/api/status", headers=LOGIN).status_code == 401


@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({}, True),
    ],
)
def test_changes_come_from_our_own_pages_or_from_programs(client, headers: dict[str, str], is_let_in: bool) -> None:
    @needs(Role.VIEWER)
    def change() -> str:
        return "changed"

    @changes_by_get
    @needs(Role.VIEWER)
    def ancestor() -> str:
        return "changed"

    app = client.application
    app.add_url_rule("/api/change", "change", change, methods=["GET", "POST"])
    app.add_url_rule("/api/ancestor", "ancestor", ancestor)
    expected = 200 if is_let_in else 403
    assert client.post("/api/change", headers={**LOGIN, **headers}).status_code == expected
    assert client.get("/api/ancestor", headers={**LOGIN, **headers}).status_code == expected
    assert client.get("/api/change", headers={**LOGIN, **headers}).status_code == 200


def test_a_look_at_the_head_changes_nothing(client) -> None:
    done: list[str] = []

    @changes_by_get
    @needs(Role.VIEWER)
    def ancestor() -> str:
        done.append("changed")
        return "changed"

    client.application.add_url_rule("/api/ancestor", "ancestor", ancestor)
    assert client.head("/api/ancestor", headers=LOGIN).status_code == 405
    assert client.head("/api/ancestor").status_code == 401
    assert done == []


def test_roles_are_a_ladder(client, rig) -> None:
    for role in Role:
        rig.accounts.add(f"a-{role.name}", PASSWORD, role)

        @needs(role)
        def view() -> str:
            return "in"

        client.application.add_url_rule(f"/for/{role.name}", f"for_{role.name}", view)
    for has in Role:
        who = {"Authorization": basic(f"a-{has.name}")}
        for wanted in Role:
            expected = 200 if has >= wanted else 403
            assert client.get(f"/for/{wanted.name}", headers=who).status_code == expected, f"{has} {wanted}"


def test_public_is_for_everybody(client) -> None:
    @public
    def view() -> str:
        return "open"

    client.application.add_url_rule("/open", "open", view)
    assert client.get("/open").data == b"open"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "http://evil.example/", "/\\evil.example", "evil", "", None, "/\n/x", "javascript:alert(1)"],
)
def test_login_never_leads_to_another_site(client, target: str | None) -> None:
    with client.application.test_request_context():
        assert safe_target(target) == "/"


def test_failed_login_is_logged_on_one_line_with_the_address(client, caplog) -> None:
    client.post("/login", data={"username": "ad\nmin", "password": "x"}, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    lines = [record.getMessage() for record in caplog.records if "failed login" in record.getMessage()]
    assert lines == [r"failed login for 'ad\nmin' from 203.0.113.9"]
