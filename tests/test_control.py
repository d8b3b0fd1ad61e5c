"""The turret and the light over HTTP, down to the pins."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import DEADLINE_S, PASSWORD, ScriptedCamera, basic, wait_until, watching
from metronome import within
from turret_by_hand import Scope

from app import Site, create_app
from store.accounts import Role

TILT, LEFT, RIGHT, ENABLE, TRIGGER = 17, 23, 24, 25, 27


class Person:
    """Somebody with an account, and a client that knows it."""

    def __init__(self, app, name: str) -> None:
        self._client = app.test_client()
        self._headers = {"Authorization": basic(name)}

    def ask(self, path: str, method: str = "POST", **wish: object):
        body = {"json": wish} if method in ("POST", "PATCH") else {"query_string": wish}
        return self._client.open(path, method=method, headers=self._headers, **body)

    def get(self, path: str, **query: object):
        return self.ask(path, "GET", **query)

    def state(self) -> dict:
        return self.get("/api/turret").json


@pytest.fixture
def people(rig):
    """One of each role, by the name of the role, and a second operator."""
    app = create_app(rig)
    for role in Role:
        rig.accounts.add(role.name.lower() if role is not Role.ADMIN else "chief", PASSWORD, role)
    rig.accounts.add("other", PASSWORD, Role.OPERATOR)
    yield {name: Person(app, name) for name in ("viewer", "operator", "gunner", "chief", "other")}
    app.extensions["turret"].close()


def level(rig, number: int) -> int:
    """1 while a simulated pin is high."""
    return Scope(rig.turret._pins).level(number)


def test_a_click_left_drives_the_motor_left_and_ends_by_itself(rig, people) -> None:
    answer = people["operator"].ask("/api/turret/step", pan=-1)
    assert answer.status_code == 200
    with within(2):
        wait_until(lambda: level(rig, ENABLE) == 0, "the motor is off after its 0.2 s")
    were_on = {number for number, is_on in Scope(rig.turret._pins).history(LEFT, RIGHT, ENABLE) if is_on}
    assert were_on == {LEFT, ENABLE}


def test_a_held_arrow_moves_the_servo_and_stops_when_it_is_not_renewed(rig, people) -> None:
    before = people["operator"].state()["tilt"]["position_deg"]
    assert people["operator"].ask("/api/turret/drive", tilt=1).json["tilt"]["moving"]
    wait_until(lambda: Scope(rig.turret._pins).pulse_us(TILT), "pulses on the pin")
    with within(3):
        wait_until(lambda: not people["viewer"].state()["tilt"]["moving"], "the dead-man stops it")
    assert people["viewer"].state()["tilt"]["position_deg"] != before


def test_anybody_may_stop_and_that_disarms(rig, people) -> None:
    people["gunner"].ask("/api/turret/arm")
    people["gunner"].ask("/api/turret/drive", pan=1)
    answer = people["viewer"].ask("/api/turret/stop")
    assert answer.status_code == 200
    assert not answer.json["pan"]["moving"]
    assert not answer.json["trigger"]["armed"]
    assert level(rig, ENABLE) == 0


def test_nobodys_stop_waits_for_a_card_that_takes_its_time(make_rig) -> None:
    """Every request looks up an account, and a commit that waited for the card kept all of them waiting."""
    rig = make_rig(ScriptedCamera(), turret={"drive_timeout_ms": 2000})
    app = create_app(rig)
    admin = Person(app, "admin")
    assert admin.ask("/api/turret/drive", pan=1).status_code == 200
    assert level(rig, ENABLE) == 1
    with ThreadPoolExecutor() as pool, rig.database.transaction() as connection:
        connection.execute("DELETE FROM setting")
        with within(1):
            answer = pool.submit(admin.ask, "/api/turret/stop").result(timeout=DEADLINE_S)
        assert (answer.status_code, level(rig, ENABLE)) == (200, 0)
    app.extensions["turret"].close()


def test_fire_needs_the_role_the_lease_and_an_armed_trigger(rig, people) -> None:
    assert people["operator"].ask("/api/turret/arm").status_code == 403
    assert people["gunner"].ask("/api/turret/fire").status_code == 409
    assert people["gunner"].ask("/api/turret/arm").json["trigger"]["armed"]
    assert people["chief"].ask("/api/turret/fire").status_code == 409, "the gunner holds the controls"
    assert people["gunner"].ask("/api/turret/fire").status_code == 200
    assert people["gunner"].ask("/api/turret/fire").status_code == 409, "still at the last shot"
    with within(2):
        wait_until(lambda: level(rig, TRIGGER) == 0, "the shot ends by itself")
    assert [is_on for _, is_on in Scope(rig.turret._pins).history(TRIGGER) if is_on] == [1]


def test_one_driver_at_a_time_and_admin_may_take_over(people) -> None:
    assert people["operator"].ask("/api/turret/step", tilt=1).json["lease"]["mine"]
    refused = people["other"].ask("/api/turret/drive", tilt=1)
    assert refused.status_code == 409
    assert "operator" in refused.json["error"]["message"]
    assert people["other"].ask("/api/turret/lease", take_over=True).status_code == 403
    taken = people["chief"].ask("/api/turret/lease", take_over=True).json
    assert (taken["lease"]["holder"], taken["lease"]["mine"]) == ("chief", True)
    assert people["operator"].ask("/api/turret/drive", tilt=1).status_code == 409
    assert people["chief"].ask("/api/turret/lease", "DELETE").json["lease"]["holder"] is None
    assert people["other"].ask("/api/turret/lease").json["lease"]["mine"]


def test_asking_for_the_controls_keeping_them_and_handing_them_over(people) -> None:
    assert people["operator"].ask("/api/turret/lease").json["lease"]["asked_by"] is None
    asked = people["other"].ask("/api/turret/lease", ask=True)
    assert (asked.status_code, asked.json["lease"]["mine"], asked.json["lease"]["asked_by"]) == (200, False, "other")
    assert people["viewer"].state()["lease"]["asked_by"] == "other"
    assert people["viewer"].ask("/api/turret/lease", ask=True).status_code == 403
    second = people["gunner"].ask("/api/turret/lease", ask=True)
    assert (second.status_code, second.json["error"]["code"]) == (409, "Busy")
    assert "other has asked" in second.json["error"]["message"]
    assert people["other"].ask("/api/turret/lease", keep=True).status_code == 409
    kept = people["operator"].ask("/api/turret/lease", keep=True).json["lease"]
    assert (kept["mine"], kept["asked_by"]) == (True, None)
    people["other"].ask("/api/turret/lease", ask=True)
    given = people["operator"].ask("/api/turret/lease", "DELETE").json["lease"]
    assert (given["holder"], given["asked_by"]) == ("other", None)
    both = people["other"].ask("/api/turret/lease", ask=True, keep=True)
    assert (both.status_code, both.json["error"]["field"]) == (400, "ask")


@pytest.mark.parametrize(
    ("path", "wish", "field"),
    [
        ("drive", {"pan": "fast"}, "pan"),
        ("drive", {"pan": 1.5}, "pan"),
        ("drive", {"tilt": float("nan")}, "tilt"),
        ("drive", {"tilt": float("inf")}, "tilt"),
        ("drive", {"pan": True}, "pan"),
        ("drive", {"spin": 1}, "spin"),
        ("aim", {"tilt_deg": 1000}, "tilt_deg"),
        ("aim", {"tilt_deg": [1]}, "tilt_deg"),
        ("step", {"tilt": 1e9}, "tilt"),
        ("lease", {"take_over": "yes"}, "take_over"),
    ],
)
def test_nonsense_is_named_and_moves_nothing(rig, people, path: str, wish: dict, field: str) -> None:
    answer = people["chief"].ask(f"/api/turret/{path}", **wish)
    assert answer.status_code == 400
    assert answer.json["error"]["field"] == field
    assert not people["viewer"].state()["pan"]["moving"]
    assert level(rig, ENABLE) == 0


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1]", b"7"])
def test_a_body_that_is_no_object_is_refused(rig, people, body: bytes) -> None:
    client, headers = people["chief"]._client, people["chief"]._headers
    answer = client.post("/api/turret/drive", data=body, headers=headers, content_type="application/json")
    assert answer.status_code == 400
    assert level(rig, ENABLE) == 0


def test_what_a_motor_cannot_do_is_501(people) -> None:
    answer = people["operator"].ask("/api/turret/aim", pan_deg=90)
    assert answer.status_code == 501
    assert "pan" in answer.json["error"]["message"]


def test_shape_of_the_state(people) -> None:
    state = people["viewer"].state()
    assert state["simulated"] is True
    assert state["pan"]["kind"] == "motor"
    assert state["pan"]["position_deg"] is None
    assert (state["tilt"]["position_deg"], state["tilt"]["limits_deg"]) == (90.0, [0.0, 180.0])
    assert state["trigger"] == {"armed": False, "armed_for_s": 0, "firing": False, "cooling_s": 0, "reason": None}
    assert state["lease"] == {"holder": None, "seconds_left": 0, "mine": False, "asked_by": None}


def test_light_answers_with_its_new_state_and_remembers_while_off(people) -> None:
    lit = people["operator"].ask("/api/light", "PATCH", on=True, brightness=10, color="ff8800").json
    assert (lit["on"], lit["brightness"], lit["color"]) == (True, 10, "FF8800")
    dark = people["operator"].ask("/api/light", "PATCH", on=False).json
    assert (dark["on"], dark["brightness"], dark["color"]) == (False, 10, "FF8800")
    assert people["viewer"].ask("/api/light", "PATCH", on=True).status_code == 403
    assert people["operator"].ask("/api/light", "PATCH", brightness=256).json["error"]["field"] == "brightness"


@pytest.mark.parametrize(("action", "said"), [("1", 1), ("4", 4), ("9", 9), ("0", None), ("", None), ("x", None)])
def test_ancestors_command(people, action: str, said: int | None) -> None:
    answer = people["operator"].get("/command", action=action)
    assert answer.json == {"result": said if said is not None else "no command supplied"}


def test_ancestors_command_moves_and_fires_by_our_rules(rig, people) -> None:
    people["operator"].get("/command", action=2)
    assert (level(rig, LEFT), level(rig, RIGHT), level(rig, ENABLE)) == (0, 1, 1)
    assert people["operator"].get("/command", action=3).status_code == 403
    assert people["viewer"].get("/command", action=1).status_code == 403
    assert level(rig, TRIGGER) == 0


def test_ancestors_light(people) -> None:
    operator = people["operator"]
    assert operator.get("/light", status="true").text == "200"
    assert operator.get("/set_brightness", value=7).text == "200"
    assert operator.get("/set_color", value="00ff00").text == "200"
    light = operator.get("/api/light").json
    assert (light["on"], light["brightness"], light["color"]) == (True, 7, "00FF00")
    for path, query in (
        ("/light", {"status": "up"}),
        ("/set_brightness", {"value": "-1"}),
        ("/set_color", {"value": "g"}),
    ):
        assert operator.get(path, **query).status_code == 400
    assert operator.get("/get_controller_data").status_code == 403


def test_ancestors_routes_without_a_light_are_403(make_rig, camera: ScriptedCamera) -> None:
    rig = make_rig(camera, light={"kind": "none"})
    admin = Person(create_app(rig), "admin")
    assert admin.get("/light", status="true").status_code == 403
    assert admin.ask("/api/light", "PATCH", on=True).status_code == 501


def test_changing_gets_come_from_our_own_pages(people) -> None:
    operator = people["operator"]
    headers = {**operator._headers, "Sec-Fetch-Site": "cross-site"}
    for path in ("/command?action=1", "/light?status=true", "/set_brightness?value=1", "/set_color?value=00ff00"):
        assert operator._client.get(path, headers=headers).status_code == 403, path


def test_closing_the_site_stops_what_moves_before_anything_else(site: Site, monkeypatch) -> None:
    scope = Scope(site.rig.turret._pins)
    levels = []
    monkeypatch.setattr(site.context, "close", lambda: levels.append((scope.level(ENABLE), scope.level(TRIGGER))))
    site.rig.turret.drive(1, None, "admin")
    site.rig.turret.arm("admin")
    site.rig.turret.fire("admin")
    assert (scope.level(ENABLE), scope.level(TRIGGER)) == (1, 1)
    site.close()
    monkeypatch.undo()
    assert levels == [(0, 0)]


def test_pages_hear_of_a_move_at_once(site: Site) -> None:
    with watching(site.port, "/api/events") as listener:
        site.rig.turret.step(0, 1, "admin")
        while True:
            line = listener.file.readline()
            assert line
            if line.startswith(b"data: ") and json.loads(line[6:])["turret"]["lease"]["holder"] == "admin":
                return


def test_the_trigger_is_disarmed_when_the_last_page_of_who_armed_it_is_gone(site: Site) -> None:
    turret = site.rig.turret
    with watching(site.port, "/api/events"):
        with watching(site.port, "/api/events"):
            wait_until(lambda: site.context.broadcaster.roster.listeners == 2, "both are there")
            turret.arm("admin")
        wait_until(lambda: site.context.broadcaster.roster.listeners == 1, "one page is closed")
        assert turret.state.trigger.armed
    with within(2):
        wait_until(lambda: not turret.state.trigger.armed, "disarmed with the last one")
    assert turret.state.lease.holder == "admin", "the lease ends by itself"


def test_a_page_of_somebody_else_may_close_without_disarming(site: Site) -> None:
    site.rig.accounts.add("bob", PASSWORD, Role.VIEWER)
    turret = site.rig.turret
    gone = threading.Event()
    site.context.broadcaster.door.presence.on_gone = lambda username: (turret.lose_link(username), gone.set())
    with watching(site.port, "/api/events", authorization=basic("bob")):
        turret.arm("admin")
    assert gone.wait(DEADLINE_S)
    assert turret.state.trigger.armed


def test_an_event_stream_that_never_began_or_ended_early_leaves_nobody_behind(site: Site) -> None:
    door, gone = site.context.broadcaster.door, []
    door.presence.on_gone = gone.append
    place = door.reserve_events("1.x", "ann")
    place.give_back()
    place.give_back()
    broken = door.reserve_events("2.x", "bob")
    ours, theirs = socket.socketpair()
    theirs.close()
    broken.take(ours)
    wait_until(lambda: gone == ["ann", "bob"], "both are forgotten")
    assert door.presence._streams == {}


def test_the_same_under_a_server_that_gives_no_connection_away(rig, client) -> None:
    answer = client.get("/api/events", headers={"Authorization": basic()}, buffered=False)
    stream = iter(answer.response)
    assert next(stream).startswith(b"event: state")
    rig.turret.arm("admin")
    answer.close()
    assert not rig.turret.state.trigger.armed
