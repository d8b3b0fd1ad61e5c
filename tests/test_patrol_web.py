"""Patrol over HTTP with its real thread, and what the rig does when the picture is lost."""

from __future__ import annotations

import json

import pytest
from fakes import PASSWORD, ScriptedCamera, wait_until, watching
from metronome import within
from people import Person
from turret_by_hand import ENABLE, PAN_SERVO, TRIGGER, Scope

from app import create_app
from errors import CameraLost, NoCamera
from store.accounts import Role
from store.presets import Position

QUICK = {"speed_deg_s": 1000, "acceleration_deg_s2": 10000}
SERVOS = {"pan": {"kind": "servo", **QUICK}, "tilt": {"invert": False, **QUICK}}


@pytest.fixture
def watch(make_rig, camera: ScriptedCamera):
    """A fast turret with two presets."""
    camera.open_fault = NoCamera("nobody plugged one in")
    rig = make_rig(camera, **SERVOS, turret={"patrol_resume_s": 1, "lease_s": 2})
    for pan_deg in (30, 150):
        rig.presets.table.add(None, None, Position(pan_deg, 90, None))
    return rig


@pytest.fixture
def people(watch) -> dict[str, Person]:
    app = create_app(watch)
    for name, role in (("viewer", Role.VIEWER), ("operator", Role.OPERATOR), ("other", Role.OPERATOR)):
        watch.accounts.add(name, PASSWORD, role)
    return {name: Person(app, name) for name in ("viewer", "operator", "other")}


def wait_for_pan(person: Person, pan_deg: float) -> None:
    wait_until(lambda: person.state()["pan"]["position_deg"] == pan_deg, f"the turret stands at {pan_deg} degrees")


def aim_until_there(person: Person, pan_deg: float) -> None:
    """What a machine that stood still cut off is commanded again."""

    def is_there() -> bool:
        answer = person.ask("/aim", pan_deg=pan_deg)
        return answer.status_code == 200 and answer.json["pan"]["position_deg"] == pan_deg

    wait_until(is_there, f"the turret stands at {pan_deg} degrees")


def test_a_patrol_drives_the_pins_from_preset_to_preset(watch, people) -> None:
    begun = people["operator"].ask("/patrol", dwell_s=1)
    assert begun.status_code == 200
    assert begun.json["patrol"]["preset_name"] == "Preset 1"
    scope = Scope(watch.turret._pins)
    wait_for_pan(people["viewer"], 30)
    assert scope.pulse_us(PAN_SERVO) == pytest.approx(500 + 30 / 180 * 2000, abs=1)
    wait_for_pan(people["viewer"], 150)
    assert scope.pulse_us(PAN_SERVO) == pytest.approx(500 + 150 / 180 * 2000, abs=1)
    state = people["viewer"].state()
    assert (state["lease"]["holder"], state["home_in_s"]) == (None, None)
    assert {"running", "paused", "preset_id", "preset_name", "seconds_left", "resumes_in_s"} == set(state["patrol"])


def test_a_person_takes_over_and_the_patrol_comes_back(people) -> None:
    people["operator"].ask("/patrol", dwell_s=3600)
    wait_for_pan(people["viewer"], 30)
    taken = people["other"].ask("/aim", pan_deg=60).json
    assert (taken["lease"]["mine"], taken["patrol"]["running"], taken["patrol"]["paused"]) == (True, True, True)
    assert 1 < taken["patrol"]["resumes_in_s"] <= 2
    aim_until_there(people["other"], 60)
    wait_for_pan(people["viewer"], 30)
    assert people["viewer"].state()["patrol"]["paused"] is False


def test_the_ancestors_command_takes_over_as_well(people) -> None:
    people["operator"].ask("/patrol", dwell_s=3600)
    wait_for_pan(people["viewer"], 30)
    other = people["other"]
    assert other.client.get("/command?action=2", headers=other.headers).json == {"result": 2}
    wait_for_pan(people["viewer"], 45)
    assert people["viewer"].state()["patrol"]["paused"] is True


@pytest.mark.parametrize(("path", "method"), [("/patrol", "DELETE"), ("/stop", "POST")])
def test_anybody_may_end_it(people, path: str, method: str) -> None:
    people["operator"].ask("/patrol", dwell_s=1)
    answer = people["viewer"].ask(path, method)
    assert (answer.status_code, answer.json["patrol"], answer.json["pan"]["moving"]) == (200, None, False)
    assert people["viewer"].ask("/patrol", "DELETE").status_code == 200, "twice does no harm"
    assert people["viewer"].ask("/patrol").status_code == 403


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"preset_ids": []}, "preset_ids"),
        ({"preset_ids": [99]}, "preset_ids"),
        ({"preset_ids": "all"}, "preset_ids"),
        ({"preset_ids": [1.5]}, "preset_ids"),
        ({"preset_ids": [1] * 101}, "preset_ids"),
        ({"dwell_s": 0.5}, "dwell_s"),
        ({"dwell_s": 3601}, "dwell_s"),
        ({"dwell_s": float("nan")}, "dwell_s"),
        ({"dwell_s": "10"}, "dwell_s"),
        ({"speed": 1}, "speed"),
    ],
)
def test_nonsense_begins_nothing(people, wish: dict, field: str) -> None:
    answer = people["operator"].ask("/patrol", **wish)
    assert answer.status_code == 400
    assert answer.json["error"]["field"].split(".")[0] == field
    assert people["viewer"].state()["patrol"] is None


def test_a_patrol_does_not_begin_against_whoever_drives(people) -> None:
    people["other"].ask("/aim", pan_deg=60)
    answer = people["operator"].ask("/patrol")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "Busy")
    assert "other holds the controls" in answer.json["error"]["message"]


def test_without_any_position_it_is_501(make_rig, camera: ScriptedCamera) -> None:
    rig = make_rig(camera, tilt={"kind": "none"})
    rig.presets.table.add(None, None, Position(1, 1, None))
    assert Person(create_app(rig), "admin").ask("/patrol").status_code == 501


def test_a_restart_ends_it_and_keeps_the_presets(watch, people, make_rig) -> None:
    people["operator"].ask("/patrol", dwell_s=1)
    wait_for_pan(people["viewer"], 30)
    scope = Scope(watch.turret._pins)
    watch.close()
    assert scope.is_all_low()
    again = make_rig(ScriptedCamera(), **SERVOS)
    assert again.patrol.state is None
    assert len(again.presets.table.all()) == 2


def test_a_rig_that_closes_in_the_middle_leaves_no_thread_and_no_pulse(watch, people) -> None:
    people["operator"].ask("/patrol", dwell_s=1)
    scope = Scope(watch.turret._pins)
    watch.close()
    assert scope.is_all_low()
    assert not watch.patrol.is_running
    watch.close()


def test_pages_hear_of_a_patrol_at_once(make_site, camera: ScriptedCamera) -> None:
    site = make_site(camera, **SERVOS)
    site.rig.presets.table.add(None, None, Position(30, 90, None))
    with watching(site.port, "/api/events") as listener:
        site.rig.patrol.begin(None, 3600, "admin")
        while True:
            line = listener.file.readline()
            assert line
            patrol = json.loads(line[6:])["turret"]["patrol"] if line.startswith(b"data: ") else None
            if patrol is not None and patrol["seconds_left"] is not None:
                assert (patrol["preset_name"], patrol["paused"]) == ("Preset 1", False)
                return


def test_going_home_by_itself_with_the_real_thread(make_rig, camera: ScriptedCamera) -> None:
    rig = make_rig(camera, **SERVOS, turret={"home_after_idle_s": 0.2, "lease_s": 2})
    person = Person(create_app(rig), "admin")
    home_in_s = person.ask("/aim", pan_deg=60).json["home_in_s"]
    assert 1 < home_in_s <= 2, "as long as the controls are held"
    aim_until_there(person, 60)
    person.ask("/lease", "DELETE")
    wait_for_pan(person, 90)
    assert person.state()["home_in_s"] is None


def test_a_lost_picture_stops_and_disarms_if_so_configured(make_rig, camera: ScriptedCamera) -> None:
    rig = make_rig(camera, turret={"stop_on_camera_loss": True}, trigger={"pulse_ms": 1000})
    camera.show()
    with rig.hub.watch():
        wait_until(lambda: rig.capture.state.state == "live", "the picture is live")
        rig.turret.arm("ann")
        rig.turret.fire("ann")
        rig.turret.step(9, 0, "ann")
        scope = Scope(rig.turret._pins)
        assert scope.levels(ENABLE, TRIGGER) == (1, 1)
        camera.fail(CameraLost("pulled out"))
        with within(1):
            wait_until(lambda: scope.levels(ENABLE, TRIGGER) == (0, 0), "everything is off")
        assert rig.turret.state.trigger.armed is False


@pytest.mark.parametrize("wanted", [True, False])
def test_a_camera_that_was_never_live_or_may_be_lost_stops_nothing(make_rig, wanted: bool) -> None:
    camera = ScriptedCamera()
    if wanted:
        camera.open_fault = NoCamera("nobody plugged one in")
    rig = make_rig(camera, turret={"stop_on_camera_loss": wanted})
    rig.turret.arm("ann")
    with rig.hub.watch():
        if not wanted:
            camera.show()
            wait_until(lambda: rig.capture.state.state == "live", "the picture is live")
            camera.fail(CameraLost("pulled out"))
        wait_until(lambda: rig.capture.state.state == "failed", "the camera fails")
    assert rig.turret.state.trigger.armed


def test_a_camera_that_goes_to_sleep_stops_nothing(make_rig, camera: ScriptedCamera) -> None:
    rig = make_rig(camera, turret={"stop_on_camera_loss": True})
    camera.show()
    with rig.hub.watch():
        wait_until(lambda: rig.capture.state.state == "live", "the picture is live")
    rig.turret.arm("ann")
    wait_until(lambda: rig.capture.state.state == "idle", "it sleeps")
    camera.open_fault = NoCamera("gone meanwhile")
    with rig.hub.watch():
        wait_until(lambda: rig.capture.state.state == "failed", "it fails when it wakes")
    assert rig.turret.state.trigger.armed
