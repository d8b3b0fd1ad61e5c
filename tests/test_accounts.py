"""Accounts over HTTP: who may change whom, what breaks a rule, and whose sessions end."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from fakes import PASSWORD, ScriptedCamera, basic, watching

from app import Site
from store.accounts import Role

OTHER = "another password"
STREAMS = ("/video_feed", "/video_feed?fps=5", "/api/events")


@pytest.fixture
def people(rig, client):
    """The answers of the API to somebody, by HTTP Basic; otto is an operator."""
    rig.accounts.add("otto", PASSWORD, Role.OPERATOR)

    def ask(method: str, path: str, body: object = None, username: str = "admin", password: str = PASSWORD) -> Any:
        return client.open(path, method=method, json=body, headers={"Authorization": basic(username, password)})

    return ask


def id_of(people, username: str) -> int:
    items = people("GET", "/api/accounts").json["items"]
    return next(item["id"] for item in items if item["username"] == username)


def test_everybody_is_listed_and_no_hash_leaves(people):
    answer = people("GET", "/api/accounts")
    assert [(item["username"], item["role"]) for item in answer.json["items"]] == [
        ("admin", "admin"),
        ("otto", "operator"),
    ]
    assert "scrypt" not in answer.text


def test_somebody_new_may_do_what_the_role_says(people):
    answer = people("POST", "/api/accounts", {"username": "vera", "password": OTHER})
    assert (answer.status_code, answer.json["role"]) == (201, "viewer")
    assert people("GET", "/api/status", username="vera", password=OTHER).status_code == 200
    assert people("POST", "/api/photos", {}, "vera", OTHER).status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"username": "otto", "password": OTHER}, 409, None),
        ({"username": "OTTO", "password": OTHER}, 409, None),
        ({"username": "a:b", "password": OTHER}, 400, "username"),
        ({"username": "", "password": OTHER}, 400, "username"),
        ({"username": "vera", "password": "short"}, 400, "password"),
        ({"username": "vera", "password": 12345678}, 400, "password"),
        ({"username": "vera", "password": OTHER, "role": "king"}, 400, "role"),
        ({"username": "vera"}, 400, "password"),
        ({"username": "vera", "password": OTHER, "admin": True}, 400, "admin"),
    ],
)
def test_what_breaks_a_rule_is_named_and_nothing_changes(people, body, status, field):
    answer = people("POST", "/api/accounts", body)
    assert answer.status_code == status
    assert field is None or answer.json["error"]["field"] == field
    assert [item["username"] for item in people("GET", "/api/accounts").json["items"]] == ["admin", "otto"]


def test_only_admins_see_and_change_people(people):
    number = id_of(people, "otto")
    for method, path, body in (
        ("GET", "/api/accounts", None),
        ("POST", "/api/accounts", {"username": "vera", "password": OTHER}),
        ("PATCH", f"/api/accounts/{number}", {"role": "admin"}),
        ("DELETE", f"/api/accounts/{number}", None),
    ):
        assert people(method, path, body, username="otto").status_code == 403


def test_a_change_that_breaks_a_rule_is_done_in_no_part(people):
    wish = {"role": "admin", "password": "short"}
    assert people("PATCH", f"/api/accounts/{id_of(people, 'otto')}", wish).status_code == 400
    assert [item["role"] for item in people("GET", "/api/accounts").json["items"]] == ["admin", "operator"]


def test_a_role_counts_from_the_next_request_on(people):
    assert people("PATCH", f"/api/accounts/{id_of(people, 'otto')}", {"role": "viewer"}).json["role"] == "viewer"
    assert people("POST", "/api/photos", {}, "otto").status_code == 403


def test_the_last_admin_stays(people):
    number = id_of(people, "admin")
    assert people("PATCH", f"/api/accounts/{number}", {"role": "viewer"}).status_code == 409
    assert people("DELETE", f"/api/accounts/{number}").status_code == 409
    people("PATCH", f"/api/accounts/{id_of(people, 'otto')}", {"role": "admin"})
    assert people("DELETE", f"/api/accounts/{number}").json["username"] == "admin"
    assert people("GET", "/api/status").status_code == 401


def test_who_is_not_there_and_a_change_of_nothing_are_told(people):
    assert people("DELETE", "/api/accounts/99").status_code == 404
    assert people("PATCH", "/api/accounts/99", {"role": "viewer"}).status_code == 404
    assert people("PATCH", f"/api/accounts/{id_of(people, 'otto')}", {}).status_code == 400


def test_a_password_by_an_admin_ends_the_sessions_of_that_person(rig, client, people):
    client.post("/login", data={"username": "otto", "password": PASSWORD})
    assert client.get("/api/status").status_code == 200
    people("PATCH", f"/api/accounts/{id_of(people, 'otto')}", {"password": OTHER})
    assert client.get("/api/status").status_code == 401
    assert people("GET", "/api/status", username="otto").status_code == 401
    assert people("GET", "/api/status", username="otto", password=OTHER).status_code == 200


def test_ones_own_password_needs_the_present_one_and_keeps_this_session(rig, client, people):
    elsewhere = client.application.test_client()
    for browser in (client, elsewhere):
        browser.post("/login", data={"username": "otto", "password": PASSWORD})
    refused = client.post("/api/password", json={"current": "guessed it", "password": OTHER})
    assert (refused.status_code, refused.json["error"]["field"]) == (400, "current")
    assert client.post("/api/password", json={"current": PASSWORD, "password": OTHER}).status_code == 200
    assert client.get("/api/status").status_code == 200
    assert elsewhere.get("/api/status").status_code == 401


def test_the_page_shows_people_to_admins_alone(people):
    assert "otto" in people("GET", "/accounts").text
    seen = people("GET", "/accounts", username="otto").text
    assert "My password" in seen
    assert "Who may log in" not in seen


@pytest.fixture
def busy_site(make_site, camera: ScriptedCamera) -> Site:
    """A running program with otto, an operator, and vera, a viewer."""
    site = make_site(camera)
    for username, role in (("otto", Role.OPERATOR), ("vera", Role.VIEWER)):
        site.rig.accounts.add(username, PASSWORD, role)
    return site


def tell(site: Site, method: str, path: str, body: object = None) -> int:
    with closing(HTTPConnection("127.0.0.1", site.port, timeout=10)) as connection:
        headers = {"Authorization": basic(), "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body), headers)
        return connection.getresponse().status


@pytest.mark.parametrize("path", STREAMS)
def test_what_somebody_watches_ends_with_their_account_and_nobody_elses(busy_site, camera, path):
    otto, vera = (busy_site.rig.accounts.by_name(username) for username in ("otto", "vera"))
    with (
        watching(busy_site.port, path, authorization=basic("otto")) as removed,
        watching(busy_site.port, path, authorization=basic("vera")) as changed,
        watching(busy_site.port) as other,
    ):
        assert tell(busy_site, "DELETE", f"/api/accounts/{otto.id}") == 200
        assert removed.is_closed_by_server()
        assert tell(busy_site, "PATCH", f"/api/accounts/{vera.id}", {"password": OTHER}) == 200
        assert changed.is_closed_by_server()
        jpeg = camera.show(77)
        while other.live_part().body != jpeg:
            pass
