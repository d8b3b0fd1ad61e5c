"""Presets over HTTP, down to the pulses on the pins."""

from __future__ import annotations

import threading

import pytest
from fakes import PASSWORD, ScriptedCamera, jpeg_of, wait_until
from people import Person as Anybody
from turret_by_hand import PAN_SERVO, TILT, Scope

from app import create_app
from camera import image
from errors import BadField, NameTaken, NoCamera
from store.accounts import Role

SERVOS = {"pan": {"kind": "servo"}, "tilt": {"invert": False}}


class Person(Anybody):
    """Who keeps presets and goes to them."""

    def items(self) -> list[dict]:
        answer = self.get("/presets").json
        assert answer["next"] is None
        return answer["items"]

    def stand_at(self, pan_deg: float, tilt_deg: float) -> None:
        """Go there and wait until the turret stands."""
        assert self.ask("/aim", pan_deg=pan_deg, tilt_deg=tilt_deg).status_code == 200
        self.wait_for(pan_deg, tilt_deg)

    def wait_for(self, pan_deg: float, tilt_deg: float) -> None:
        def stands() -> bool:
            state = self.get().json
            return (state["pan"]["position_deg"], state["tilt"]["position_deg"]) == (pan_deg, tilt_deg)

        wait_until(stands, f"the turret stands at {pan_deg}, {tilt_deg}")


def no_camera() -> ScriptedCamera:
    camera = ScriptedCamera()
    camera.open_fault = NoCamera("nobody plugged one in")
    return camera


def people_of(rig) -> dict[str, Person]:
    app = create_app(rig)
    for name, role in (("viewer", Role.VIEWER), ("operator", Role.OPERATOR), ("other", Role.OPERATOR)):
        rig.accounts.add(name, PASSWORD, role)
    return {name: Person(app, name) for name in ("viewer", "operator", "other", "admin")}


@pytest.fixture
def servos(make_rig, camera: ScriptedCamera):
    """A fast turret with two servos and, until a test shows something, no camera."""
    camera.open_fault = NoCamera("nobody plugged one in")
    quick = {"speed_deg_s": 1000, "acceleration_deg_s2": 10000}
    return make_rig(camera, pan={"kind": "servo", **quick}, tilt={"invert": False, **quick})


@pytest.fixture
def people(servos):
    return people_of(servos)


def test_a_preset_brings_the_turret_back(servos, people) -> None:
    operator = people["operator"]
    operator.stand_at(30, 120)
    kept = operator.ask("/presets", name="door")
    assert kept.status_code == 201
    assert {key: kept.json[key] for key in ("name", "slot", "pan_deg", "tilt_deg")} == {
        "name": "door", "slot": None, "pan_deg": 30, "tilt_deg": 120,
    }  # fmt: skip
    operator.stand_at(90, 90)
    assert operator.ask(f"/presets/{kept.json['id']}/aim").json["lease"]["mine"]
    operator.wait_for(30, 120)
    scope = Scope(servos.turret._pins)
    assert scope.pulse_us(PAN_SERVO) == pytest.approx(500 + 30 / 180 * 2000, abs=1)
    assert scope.pulse_us(TILT) == pytest.approx(500 + 120 / 180 * 2000, abs=1)


def test_every_preset_has_its_own_number_name_and_key_and_keys_come_first(people) -> None:
    operator = people["operator"]
    made = [operator.ask("/presets", **wish).json for wish in ({}, {"slot": 2}, {"name": "Cat"}, {"slot": 1})]
    assert [preset["name"] for preset in made] == ["Preset 1", "Preset 2", "Cat", "Preset 3"]
    assert [(preset["name"], preset["slot"]) for preset in operator.items()] == [
        ("Preset 3", 1), ("Preset 2", 2), ("Cat", None), ("Preset 1", None),
    ]  # fmt: skip
    assert operator.ask(f"/presets/{made[1]['id']}", "DELETE").json["items"] == operator.items()
    assert operator.ask("/presets").json["name"] == "Preset 2", "a free number is used again"


def test_a_key_in_use_moves_to_the_new_preset_and_the_old_one_stays(people) -> None:
    operator = people["operator"]
    old = operator.ask("/presets", name="old", slot=3).json
    operator.ask("/presets", name="new", slot=3)
    assert [(preset["name"], preset["slot"]) for preset in operator.items()] == [("new", 3), ("old", None)]
    operator.ask(f"/presets/{old['id']}", "PATCH", slot=3)
    assert [(preset["name"], preset["slot"]) for preset in operator.items()] == [("old", 3), ("new", None)]
    assert operator.ask(f"/presets/{old['id']}", "PATCH", slot=None).json["slot"] is None


def test_here_takes_the_present_position_and_the_rest_stays(people) -> None:
    operator = people["operator"]
    kept = operator.ask("/presets", name="door", slot=1).json
    operator.stand_at(10, 170)
    changed = operator.ask(f"/presets/{kept['id']}", "PATCH", here=True).json
    assert (changed["name"], changed["slot"], changed["pan_deg"], changed["tilt_deg"]) == ("door", 1, 10, 170)
    renamed = operator.ask(f"/presets/{kept['id']}", "PATCH", name="  gate ").json
    assert (renamed["name"], renamed["slot"], renamed["pan_deg"]) == ("gate", 1, 10)


@pytest.mark.parametrize(
    ("wish", "status", "field"),
    [
        ({"name": ""}, 400, "name"),
        ({"name": "a\nb"}, 400, "name"),
        ({"name": "\ud800"}, 400, "name"),
        ({"name": "x" * 65}, 400, "name"),
        ({"name": 7}, 400, "name"),
        ({"slot": 0}, 400, "slot"),
        ({"slot": 10}, 400, "slot"),
        ({"slot": True}, 400, "slot"),
        ({"slot": 1.5}, 400, "slot"),
        ({"color": "red"}, 400, "color"),
        ({"name": "DOOR"}, 409, None),
    ],
)
def test_nonsense_is_named_and_keeps_nothing(people, wish: dict, status: int, field: str | None) -> None:
    operator = people["operator"]
    door = operator.ask("/presets", name="door", slot=5).json
    other = operator.ask("/presets", name="other", slot=6).json
    before, revision = operator.items(), operator.get().json["presets"]
    for answer in (operator.ask("/presets", **wish), operator.ask(f"/presets/{other['id']}", "PATCH", **wish)):
        assert answer.status_code == status
        assert answer.json["error"]["field"] == field
    assert operator.ask(f"/presets/{door['id']}", "PATCH", name=None).status_code == 400
    assert (operator.items(), operator.get().json["presets"]) == (before, revision)


def test_unknown_numbers_are_404(people) -> None:
    operator = people["operator"]
    for number in ("0", "7", str(2**63), str(10**30)):
        answers = [
            operator.ask(f"/presets/{number}", "PATCH", slot=1),
            operator.ask(f"/presets/{number}", "PATCH", here=True),
            operator.ask(f"/presets/{number}", "DELETE"),
            operator.ask(f"/presets/{number}/aim"),
            operator.get(f"/presets/{number}/thumb"),
        ]
        assert [answer.status_code for answer in answers] == [404] * 5


def test_a_change_of_what_is_not_there_takes_no_key_away(people) -> None:
    operator = people["operator"]
    operator.ask("/presets", slot=1)
    operator.ask("/presets/99", "PATCH", slot=1)
    assert operator.items()[0]["slot"] == 1


def test_there_are_a_hundred_at_most(servos, people) -> None:
    for _ in range(100):
        servos.presets.table.add(None, None, servos.presets._here())
    refused = people["operator"].ask("/presets", slot=4)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "TooManyItems")
    assert len(people["operator"].items()) == 100


def test_two_at_once_get_two_names(servos) -> None:
    made, gate = [], threading.Barrier(4)

    def keep() -> None:
        gate.wait()
        made.extend(servos.presets.add(None, 1) for _ in range(5))

    threads = [threading.Thread(target=keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {preset.name for preset in made} == {f"Preset {number}" for number in range(1, 21)}
    assert [preset.slot for preset in servos.presets.table.all()].count(1) == 1


def test_who_may_what(people) -> None:
    kept = people["operator"].ask("/presets").json["id"]
    viewer = people["viewer"]
    answers = [
        viewer.ask("/presets"),
        viewer.ask(f"/presets/{kept}", "PATCH", slot=1),
        viewer.ask(f"/presets/{kept}", "DELETE"),
        viewer.ask(f"/presets/{kept}/aim"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert len(viewer.items()) == 1
    people["operator"].ask("/step", tilt=1)
    assert people["other"].ask(f"/presets/{kept}/aim").status_code == 409, "the operator holds the controls"


def test_the_picture_of_that_moment(servos, people, camera: ScriptedCamera) -> None:
    """Nobody watches: the camera is woken for it. Later pictures do not change it, `here` does."""
    camera.open_fault = None
    camera.show_bytes(jpeg_of(200, 640, 480))
    kept = people["operator"].ask("/presets").json
    shown = people["viewer"].get(kept["thumb_url"].removeprefix("/api/turret"))
    assert shown.mimetype == "image/jpeg"
    assert image.size_of(shown.data) == (320, 240)
    assert int(image.decode(shown.data).mean()) == pytest.approx(200, abs=2)
    tag = shown.headers["ETag"]
    assert people["viewer"].get(f"/presets/{kept['id']}/thumb", **{"If-None-Match": tag}).status_code == 304
    wait_until(lambda: servos.hub.latest is None, "the camera sleeps again")
    camera.show_bytes(jpeg_of(50, 640, 480))
    changed = people["operator"].ask(f"/presets/{kept['id']}", "PATCH", here=True).json
    assert changed["thumb_url"] != kept["thumb_url"]
    again = people["viewer"].get(f"/presets/{kept['id']}/thumb", **{"If-None-Match": tag})
    assert int(image.decode(again.data).mean()) == pytest.approx(50, abs=2)


def test_without_a_picture_the_position_is_kept_all_the_same(people) -> None:
    kept = people["operator"].ask("/presets")
    assert (kept.status_code, kept.json["thumb_url"]) == (201, None)
    assert people["viewer"].get(f"/presets/{kept.json['id']}/thumb").status_code == 404


def test_a_picture_that_cannot_be_read_is_none(people, camera: ScriptedCamera) -> None:
    camera.open_fault = None
    camera.show_bytes(b"\xff\xd8 no picture \xff\xd9")
    kept = people["operator"].ask("/presets")
    assert (kept.status_code, kept.json["thumb_url"]) == (201, None)


def test_presets_are_there_after_a_restart(make_rig) -> None:
    first = make_rig(no_camera(), **SERVOS)
    first.presets.add("door", 4)
    first.close()
    (kept,) = make_rig(no_camera(), **SERVOS).presets.table.all()
    assert (kept.name, kept.slot, kept.pan_deg, kept.tilt_deg) == ("door", 4, 90, 90)


def test_a_motor_has_no_position_and_the_servo_still_has(make_rig) -> None:
    operator = people_of(make_rig(no_camera()))["operator"]
    kept = operator.ask("/presets").json
    assert (kept["pan_deg"], kept["tilt_deg"]) == (None, 90)
    assert operator.ask(f"/presets/{kept['id']}/aim").status_code == 200


def test_without_any_position_there_is_nothing_to_keep_or_to_go_to(make_rig) -> None:
    with_servo = make_rig(no_camera())
    kept = with_servo.presets.add(None, None)
    with_servo.close()
    operator = people_of(make_rig(no_camera(), tilt={"kind": "none"}))["operator"]
    answers = [
        operator.ask("/presets"),
        operator.ask(f"/presets/{kept.id}", "PATCH", here=True),
        operator.ask(f"/presets/{kept.id}/aim"),
    ]
    assert [answer.status_code for answer in answers] == [501] * 3
    assert [preset["name"] for preset in operator.items()] == ["Preset 1"]


def test_a_preset_beyond_the_limits_of_today_is_approached(make_rig) -> None:
    wide = make_rig(no_camera())
    wide.turret.aim(None, 170, "ann")
    wait_until(lambda: not wide.turret.state.tilt.moving, "it stands")
    kept = wide.presets.add(None, None)
    wide.close()
    narrow = make_rig(no_camera(), tilt={"highest_deg": 100})
    assert narrow.presets.aim(kept, "ann").tilt.target_deg == 100


def test_a_database_that_cannot_be_written_says_so_and_nothing_is_half_done(servos, people) -> None:
    operator = people["operator"]
    kept = operator.ask("/presets", name="door", slot=1).json
    before, revision = operator.items(), operator.get().json["presets"]
    servos.database._connection.execute("PRAGMA query_only = ON")
    answers = [
        operator.ask("/presets", slot=1),
        operator.ask(f"/presets/{kept['id']}", "PATCH", slot=2),
        operator.ask(f"/presets/{kept['id']}", "DELETE"),
    ]
    assert [(answer.status_code, answer.json["error"]["code"]) for answer in answers] == [(503, "StoreUnavailable")] * 3
    assert (operator.items(), operator.get().json["presets"]) == (before, revision)
    assert operator.ask(f"/presets/{kept['id']}/aim").status_code == 200, "going there needs no writing"


def test_a_key_is_not_lost_when_the_new_preset_cannot_be_kept(servos) -> None:
    servos.presets.add("door", 1)
    for attempt in (lambda: servos.presets.add("DOOR", 1), lambda: servos.presets.add("", 1)):
        with pytest.raises((NameTaken, BadField)):
            attempt()
    assert [(preset.name, preset.slot) for preset in servos.presets.table.all()] == [("door", 1)]


def test_pages_learn_of_every_change(servos, people) -> None:
    operator = people["operator"]
    seen = [operator.get().json["presets"]]
    kept = operator.ask("/presets").json["id"]
    seen.append(operator.get().json["presets"])
    operator.ask(f"/presets/{kept}", "PATCH", slot=1)
    seen.append(operator.get().json["presets"])
    operator.ask(f"/presets/{kept}", "DELETE")
    seen.append(operator.get().json["presets"])
    assert len(set(seen)) == 4
