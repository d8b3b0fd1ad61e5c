"""Aiming by click: the arithmetic, and what it does to the pins."""

from __future__ import annotations

import logging
import math

import pytest
from fakes import PASSWORD, ScriptedCamera, wait_until
from people import Person
from turret_by_hand import PAN_SERVO, TILT, Scope

from app import create_app
from errors import BadField, NoCamera, NotCalibrated, NotSupported
from hardware.axis import AxisState
from hardware.calibration import Aiming, Point, calibration_of
from store.accounts import Role

QUICK = {"speed_deg_s": 1000, "acceleration_deg_s2": 10000}
# A landmark at the middle while the turret stands at 90, 90; 60 and 40 degrees across the picture.
MOVING = [Point(0.5, 0.5, 90, 90), Point(0.25, 0.75, 105, 100)]
FIXED = [Point(0.25, 0.75, 60, 70), Point(0.75, 0.25, 120, 110)]


def at(position_deg: float | None, lowest_deg: float = 0, highest_deg: float = 180) -> AxisState:
    """An axis that stands there; None for a motor."""
    if position_deg is None:
        return AxisState("motor", False, None, None, False)
    return AxisState("servo", False, position_deg, (lowest_deg, highest_deg), False)


def test_a_camera_that_rides_along_counts_from_where_it_stands() -> None:
    calibration = calibration_of("moving", MOVING)
    assert calibration.target(0.5, 0.5, at(40), at(50)) == (40, 50)
    assert calibration.target(1, 0.5, at(40), at(50)) == (70, 50), "right of the middle is further right"
    assert calibration.target(0.5, 0, at(40), at(50)) == (40, 70), "above the middle is further up"
    assert calibration.target(0, 1, at(40), at(50)) == (10, 30)


def test_the_landmark_that_was_clicked_comes_to_the_middle() -> None:
    first, second = MOVING
    calibration = calibration_of("moving", MOVING)
    for point in (first, second):
        target = calibration.target(point.x, point.y, at(point.pan_deg), at(point.tilt_deg))
        assert target == pytest.approx((90, 90))


def test_a_camera_that_stands_still_maps_places_to_positions() -> None:
    calibration = calibration_of("fixed", FIXED)
    for point in FIXED:
        assert calibration.target(point.x, point.y, at(3), at(5)) == pytest.approx((point.pan_deg, point.tilt_deg))
    assert calibration.target(0.5, 0.5, at(3), at(5)) == pytest.approx((90, 90))
    assert calibration.target(0, 0, at(3), at(5)) == pytest.approx((30, 130))


def test_a_mirrored_camera_calibrates_as_well() -> None:
    calibration = calibration_of("moving", [Point(0.5, 0.5, 90, 90), Point(0.75, 0.25, 105, 100)])
    assert calibration.target(1, 0, at(90), at(90)) == (60, 70)


def test_targets_stay_within_the_limits() -> None:
    calibration = calibration_of("moving", MOVING)
    assert calibration.target(1, 0, at(170), at(90, 60, 100)) == (180, 100)


def test_what_the_text_says_of_the_error_of_a_lens() -> None:
    """60 degrees of view: 1.1 degrees short when calibrated at the edges, 3.1 too far when near the middle."""

    def seen_at(angle_deg: float) -> float:
        return 0.5 + math.tan(math.radians(angle_deg)) / (2 * math.tan(math.radians(30)))

    def errors_of(calibrated_deg: float) -> list[float]:
        points = [Point(seen_at(-a), 0.5, 90 + a, None) for a in (calibrated_deg, -calibrated_deg)]
        calibration = calibration_of("moving", points)
        angles = [angle / 10 for angle in range(301)]
        return [calibration.target(seen_at(a), 0.5, at(90), at(None))[0] - 90 - a for a in angles]

    at_edges, near_middle = errors_of(30), errors_of(2)
    assert (max(at_edges), min(at_edges)) == pytest.approx((0, -1.117), abs=0.01)
    assert (near_middle[-1], near_middle[0]) == pytest.approx((3.07, 0), abs=0.02)


@pytest.mark.parametrize(
    ("camera", "points", "message"),
    [
        ("moving", MOVING[:1], "1 points: a calibration takes 2"),
        ("moving", [*MOVING, *MOVING], "4 points"),
        ("sideways", MOVING, "camera 'sideways' is neither moving nor fixed"),
        ("moving", [MOVING[0], Point(0.54, 0.75, 105, 100)], r"0\.04 of the picture's width \(x\) apart, and 0\.05 is"),
        ("fixed", [FIXED[0], Point(0.75, 0.75, 120, 110)], "0 of the picture's height .y. apart.*up or down"),
        ("moving", [MOVING[0], Point(0.25, 0.75, 90.5, 100)], r"0\.5 deg of pan apart, and 1 is the.* sideways"),
        ("moving", [MOVING[0], Point(0.55, 0.75, 110, 100)], "pan would be 400 deg across the picture"),
        ("moving", [MOVING[0], Point(math.nan, 0.75, 105, 100)], "x of point 2 nan is outside 0..1"),
        ("moving", [MOVING[0], Point(0.25, math.inf, 105, 100)], "y of point 2 inf is outside 0..1"),
        ("moving", [MOVING[0], Point(-0.1, 0.75, 105, 100)], r"x of point 2 -0\.1 is outside 0..1"),
        ("moving", [MOVING[0], Point(0.25, 0.75, math.nan, 100)], "nan deg of pan apart"),
        ("moving", [Point(0, 0, None, None), Point(1, 1, None, None)], "neither pan_deg nor tilt_deg"),
    ],
)
def test_points_that_make_no_sense_are_named_with_the_rule(camera: str, points: list[Point], message: str) -> None:
    with pytest.raises(BadField, match=message):
        calibration_of(camera, points)


def test_exactly_the_least_distance_is_enough() -> None:
    assert calibration_of("moving", [Point(0.5, 0.5, 90, None), Point(0.55, 0.5, 91, None)]).pan is not None


def kept_in(shelf: list[str | None]) -> Aiming:
    return Aiming(lambda: shelf[-1], shelf.append)


def test_an_axis_without_a_position_is_left_out() -> None:
    """A motor pans: whatever its points say, only tilt is calibrated, and x may be the same twice."""
    aiming = kept_in([None])
    aiming.calibrate("moving", [Point(0.5, 0.5, 12, 90), Point(0.5, 0.75, 12, 100)], at(None), at(90))
    assert aiming.target(0.9, 1, at(None), at(90)) == (None, 70)


def test_calibrating_needs_a_position_for_every_axis_that_has_one() -> None:
    aiming = kept_in([None])
    with pytest.raises(BadField, match="pan_deg is missing, and pan has a position"):
        aiming.calibrate("moving", [Point(0.5, 0.5, None, 90), Point(0.25, 0.75, None, 100)], at(90), at(90))
    with pytest.raises(BadField, match=r"tilt_deg 181 is outside 0\.\.180 deg"):
        aiming.calibrate("moving", [Point(0.5, 0.5, 90, 181), Point(0.25, 0.75, 100, 90)], at(90), at(90))
    with pytest.raises(NotSupported, match="neither pan nor tilt has a position"):
        aiming.calibrate("moving", MOVING, at(None), at(None))
    assert aiming.calibration is None


def test_a_position_that_was_rounded_over_the_limit_is_taken() -> None:
    aiming = kept_in([None])
    aiming.calibrate("moving", [Point(0.5, 0.5, 90, 45.6), Point(0.25, 0.75, 105, 35)], at(90), at(40, 0, 45.55))
    assert aiming.calibration is not None


def test_not_calibrated_is_said_and_so_is_a_calibration_of_parts_that_are_gone() -> None:
    aiming = kept_in([None])
    with pytest.raises(NotCalibrated, match="calibrate it with two clicks"):
        aiming.target(0.5, 0.5, at(90), at(90))
    aiming.calibrate("moving", MOVING, at(90), at(90))
    with pytest.raises(NotSupported, match="calibrate again"):
        aiming.target(0.5, 0.5, at(None), at(None))
    aiming.forget()
    with pytest.raises(NotCalibrated):
        aiming.target(0.5, 0.5, at(90), at(90))


def test_what_is_kept_is_taken_up_again_and_nonsense_is_left_aside(caplog: pytest.LogCaptureFixture) -> None:
    shelf: list[str | None] = [None]
    made = kept_in(shelf).calibrate("fixed", FIXED, at(90), at(90))
    again = kept_in(shelf)
    again.open()
    assert again.calibration == made
    for text in ("", "{}", "[1]", '{"camera": "moving", "points": [[1, 2]]}', '{"camera": 7, "points": 3}', "null"):
        broken = kept_in([text])
        with caplog.at_level(logging.WARNING):
            broken.open()
        assert broken.calibration is None
        assert "left aside" in caplog.text
        caplog.clear()


def test_a_calibration_that_cannot_be_kept_is_not_in_force() -> None:
    def refuse(text: str | None) -> None:
        raise OSError("read only")

    aiming = Aiming(lambda: None, refuse)
    with pytest.raises(OSError, match="read only"):
        aiming.calibrate("moving", MOVING, at(90), at(90))
    assert aiming.calibration is None


WISH = {
    "camera": "moving",
    "points": [
        {"x": 0.5, "y": 0.5, "pan_deg": 90, "tilt_deg": 90},
        {"x": 0.25, "y": 0.75, "pan_deg": 105, "tilt_deg": 100},
    ],
}


@pytest.fixture
def make_people(make_rig):
    def make(**sections: dict) -> tuple:
        camera = ScriptedCamera()
        camera.open_fault = NoCamera("nobody plugged one in")
        rig = make_rig(camera, **sections)
        if rig.accounts.count() == 1:
            for role in (Role.VIEWER, Role.OPERATOR):
                rig.accounts.add(role.name.lower(), PASSWORD, role)
        app = create_app(rig)
        return rig, Person(app, "viewer"), Person(app, "operator")

    return make


SERVOS = {"pan": {"kind": "servo", **QUICK}, "tilt": {"invert": False, **QUICK}}


def test_a_click_turns_the_pins_to_what_was_clicked(make_people) -> None:
    rig, viewer, operator = make_people(**SERVOS)
    refused = operator.ask("/aim", x=0.5, y=0.5)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "NotCalibrated")
    assert viewer.state()["calibrated"] is False
    made = operator.ask("/calibration", "PUT", **WISH).json
    assert made == {"calibrated": True, **WISH, "pan_across_deg": 60, "tilt_across_deg": -40}
    assert viewer.state()["calibrated"] is True
    assert viewer.get("/calibration").json == made
    answer = operator.ask("/aim", x=0.75, y=0.25).json
    assert (answer["pan"]["target_deg"], answer["tilt"]["target_deg"]) == (105, 100)
    wait_until(lambda: not viewer.state()["pan"]["moving"] and not viewer.state()["tilt"]["moving"], "it stands")
    scope = Scope(rig.turret._pins)
    assert scope.pulse_us(PAN_SERVO) == pytest.approx(500 + 105 / 180 * 2000, abs=1)
    assert scope.pulse_us(TILT) == pytest.approx(500 + 100 / 180 * 2000, abs=1)


def test_a_click_beyond_the_limits_goes_as_far_as_they_allow_and_says_so(make_people) -> None:
    _, _, operator = make_people(pan={"kind": "servo", "highest_deg": 100}, tilt=SERVOS["tilt"])
    wish = {**WISH, "points": [WISH["points"][0], {**WISH["points"][1], "pan_deg": 75, "x": 0.75}]}
    assert operator.ask("/calibration", "PUT", **wish).status_code == 200
    answer = operator.ask("/aim", x=1, y=0.5).json
    assert (answer["pan"]["target_deg"], answer["pan"]["at_limit"]) == (100, True)


def test_a_motor_build_calibrates_tilt_alone(make_people) -> None:
    _, _, operator = make_people(tilt=SERVOS["tilt"])
    points = [{"x": 0.5, "y": 0.5, "tilt_deg": 90}, {"x": 0.5, "y": 0.75, "tilt_deg": 100}]
    assert operator.ask("/calibration", "PUT", camera="moving", points=points).json["pan_across_deg"] is None
    answer = operator.ask("/aim", x=0.1, y=0).json
    assert (answer["pan"]["moving"], answer["tilt"]["target_deg"]) == (False, 110)


@pytest.mark.parametrize(
    "wish",
    [
        {"x": 0.5},
        {"y": 0.5},
        {"x": 0.5, "y": 0.5, "pan_deg": 90},
        {"x": 0.5, "tilt_deg": 90},
        {"x": 1.01, "y": 0.5},
        {"x": 0.5, "y": -0.01},
        {"x": float("nan"), "y": 0.5},
        {"x": 0.5, "y": float("inf")},
        {"x": "0.5", "y": 0.5},
        {"x": True, "y": 0.5},
    ],
)
def test_nonsense_places_are_400_and_move_nothing(make_people, wish: dict) -> None:
    rig, _, operator = make_people(**SERVOS)
    operator.ask("/calibration", "PUT", **WISH)
    answer = operator.ask("/aim", **wish)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "BadField")
    assert Scope(rig.turret._pins).is_all_low()
    assert operator.state()["lease"]["holder"] is None


@pytest.mark.parametrize(
    "wish",
    [
        {"camera": "moving"},
        {"camera": "moving", "points": []},
        {"camera": "moving", "points": [{"x": 0.5, "y": 0.5, "pan_deg": 90, "tilt_deg": 90}] * 2},
        {"camera": "turning", "points": WISH["points"]},
        {**WISH, "more": 1},
        {"camera": "moving", "points": [WISH["points"][0], {**WISH["points"][1], "x": float("nan")}]},
        {"camera": "moving", "points": [WISH["points"][0], {**WISH["points"][1], "pan_deg": "105"}]},
    ],
)
def test_a_calibration_that_breaks_a_rule_leaves_the_old_one(make_people, wish: dict) -> None:
    _, viewer, operator = make_people(**SERVOS)
    before = operator.ask("/calibration", "PUT", **WISH).json
    answer = operator.ask("/calibration", "PUT", **wish)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "BadField")
    assert viewer.get("/calibration").json == before


def test_calibration_lasts_over_a_restart_until_it_is_forgotten(make_people) -> None:
    first, _, operator = make_people(**SERVOS)
    made = operator.ask("/calibration", "PUT", **WISH).json
    first.close()
    second, viewer, operator = make_people(**SERVOS)
    assert viewer.get("/calibration").json == made
    assert viewer.ask("/calibration", "DELETE").status_code == 403
    assert operator.ask("/calibration", "DELETE").json["calibrated"] is False
    second.close()
    assert make_people(**SERVOS)[1].get("/calibration").json["calibrated"] is False


def test_a_database_that_cannot_be_written_changes_no_calibration(make_people) -> None:
    rig, viewer, operator = make_people(**SERVOS)
    rig.database._connection.execute("PRAGMA query_only = ON")
    assert operator.ask("/calibration", "PUT", **WISH).status_code == 503
    assert viewer.state()["calibrated"] is False
    assert operator.ask("/calibration", "DELETE").status_code == 503


def test_without_positions_there_is_nothing_to_calibrate(make_people) -> None:
    _, viewer, operator = make_people(tilt={"kind": "none"})
    assert operator.ask("/calibration", "PUT", **WISH).status_code == 501
    assert viewer.ask("/calibration", "PUT", **WISH).status_code == 403
