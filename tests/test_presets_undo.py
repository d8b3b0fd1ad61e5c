"""Undoing the last change of a preset, over HTTP."""

from __future__ import annotations

import pytest
from fakes import ScriptedCamera
from test_presets import people_of

from errors import NoCamera


@pytest.fixture
def operator(make_rig, camera: ScriptedCamera):
    """Somebody at a fast turret with two servos and no camera."""
    camera.open_fault = NoCamera("nobody plugged one in")
    quick = {"speed_deg_s": 1000, "acceleration_deg_s2": 10000}
    rig = make_rig(camera, pan={"kind": "servo", **quick}, tilt={"invert": False, **quick})
    return people_of(rig)["operator"]


def undo(person, preset: dict):
    return person.ask(f"/presets/{preset['id']}/undo")


def test_a_preset_kept_by_mistake_is_gone_again(operator) -> None:
    kept = operator.ask("/presets", slot=4).json
    revision = operator.get().json["presets"]
    assert undo(operator, kept).json["items"] == operator.items() == []
    assert operator.get().json["presets"] != revision, "pages fetch the list again"


@pytest.mark.parametrize("change", [{"here": True}, {"name": "gate"}, {"slot": None}])
def test_a_changed_preset_is_what_it_was(operator, change: dict) -> None:
    kept = operator.ask("/presets", name="door", slot=4).json
    operator.stand_at(10, 170)
    assert operator.ask(f"/presets/{kept['id']}", "PATCH", **change).json != kept
    assert undo(operator, kept).json["items"] == [kept]


def test_a_removed_preset_is_there_again_with_its_picture_and_takes_its_key_back(make_rig, camera) -> None:
    camera.show(128)
    operator = people_of(make_rig(camera))["operator"]
    kept = operator.ask("/presets", name="door", slot=4).json
    picture = operator.get(f"/presets/{kept['id']}/thumb").data
    operator.ask(f"/presets/{kept['id']}", "DELETE")
    operator.ask("/presets", name="other", slot=4)
    undo(operator, kept)
    assert [(preset["name"], preset["slot"]) for preset in operator.items()] == [("door", 4), ("other", None)]
    assert operator.get(f"/presets/{kept['id']}/thumb").data == picture


def test_what_cannot_be_undone_says_why_and_changes_nothing(operator) -> None:
    kept = operator.ask("/presets", name="door").json
    operator.ask(f"/presets/{kept['id']}", "DELETE")
    operator.ask("/presets", name="Door")
    assert undo(operator, kept).status_code == 409
    assert [preset["name"] for preset in operator.items()] == ["Door"]
    assert operator.ask("/presets/99/undo").status_code == 404
    first = operator.ask("/presets", name="first").json
    for _ in range(20):
        operator.ask(f"/presets/{operator.ask('/presets').json['id']}", "DELETE")
    assert undo(operator, first).status_code == 404, "only the last ones are known"


def test_a_change_is_undone_once(operator) -> None:
    kept = operator.ask("/presets", name="door").json
    operator.ask(f"/presets/{kept['id']}", "PATCH", name="gate")
    assert undo(operator, kept).status_code == 200
    assert undo(operator, kept).status_code == 404
