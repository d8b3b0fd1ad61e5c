"""How the camera is set, over HTTP: checked, set live, told, remembered by camera, and healed where it fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from itertools import islice

import pytest
from fakes import Part, Viewer, basic, wait_until, watching
from tunable_camera import CONTROLS, MODES, TunableCamera, shade_of

from app import Site
from camera import image
from camera.backend import Control
from camera.layers import Layers
from rig import Rig
from store.accounts import Role

LOGIN = {"Authorization": basic()}
NAME = "tunable camera"


@pytest.fixture
def camera() -> TunableCamera:
    return TunableCamera()


class Api:
    """/api/camera as an admin calls it."""

    def __init__(self, client) -> None:
        self._client = client

    def get(self) -> dict:
        return self._client.get("/api/camera", headers=LOGIN).json

    def patch(self, status: int = 200, **values: object) -> dict:
        return self._checked(self._client.patch("/api/camera", json=values, headers=LOGIN), status)

    def post(self, what: str, status: int = 200, **values: object) -> dict:
        return self._checked(self._client.post(f"/api/camera/{what}", json=values, headers=LOGIN), status)

    def _checked(self, response, status: int) -> dict:
        assert response.status_code == status, response.json
        return response.json if status == 200 else response.json["error"]


@pytest.fixture
def api(client) -> Api:
    return Api(client)


def test_every_control_is_a_field_and_described(api: Api) -> None:
    found = api.get()
    assert (found["brightness"], found["focus_auto"], found["focus_absolute"]) == (128, True, 0.5)
    controls = {control["name"]: control for control in found["controls"]}
    assert list(controls) == [control.name for control in CONTROLS]
    assert controls["brightness"] == {
        "name": "brightness", "label": "Brightness", "kind": "integer", "value": 128, "default": 128, "minimum": 0,
        "maximum": 255, "step": 1, "unit": "", "options": [], "reason": None,
        "blocked_by": None,
    }  # fmt: skip
    assert controls["power_line_frequency"]["options"] == [
        {"value": 0, "name": "Disabled"}, {"value": 1, "name": "50 Hz"},
    ]  # fmt: skip
    assert [controls["firmware"][field] for field in ("reason", "blocked_by")] == ["the camera only shows it", None]
    assert [controls["focus_absolute"][field] for field in ("reason", "blocked_by")] == [
        "focus_auto is on",
        "focus_auto",
    ]
    assert (found["name"], found["size"], found["rate"], found["pixel_format"]) == (NAME, "320x240", 30, "MJPG")
    assert found["modes"][0] == {"pixel_format": "MJPG", "size": "640x480", "rates": [30, 15]}


def test_a_sleeping_camera_is_described_as_it_was(api: Api, rig: Rig) -> None:
    before = api.get()["controls"]
    wait_until(lambda: rig.capture.state.state == "idle", "the camera asleep")
    assert api.get()["controls"] == before
    assert rig.capture.state.state == "idle"


def part_from(viewer: Viewer, number: int) -> Part:
    """The picture of this number; a later one when a busy machine left it out."""
    part = viewer.live_part()
    while part.number < number:
        part = viewer.live_part()
    return part


def test_a_change_shows_in_the_picture_within_three_frames_and_the_stream_goes_on(
    site: Site, camera: TunableCamera
) -> None:
    with watching(site.port) as viewer:
        assert abs(shade_of(viewer.live_part().body) - 128) < 3
        assert site.app.test_client().patch("/api/camera", json={"brightness": 200}, headers=LOGIN).status_code == 200
        last = site.context.rig.hub.published
        assert shade_of(part_from(viewer, last + 3).body) > 190
    assert len(camera.opened) == 1


def test_who_changed_what_is_told_to_every_page(site: Site) -> None:
    with closing(Viewer(site.port, "/api/events").read_head()) as listener:
        site.app.test_client().patch("/api/camera", json={"contrast": 60}, headers=LOGIN)
        line = b""
        while b'"changed":["contrast"]' not in line:
            line = listener.file.readline()
        assert b'"changed_by":"admin"' in line
        revision = int(line.partition(b'"revision":')[2].partition(b",")[0])
    found = site.app.test_client().get("/api/camera", headers=LOGIN).json
    assert (found["revision"], found["changed_by"], found["changed"]) == (revision, "admin", ["contrast"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"brightness": 256}, "brightness 256 is outside 0..255"),
        ({"brightness": -1}, "brightness -1 is outside 0..255"),
        ({"brightness": 12.5}, "brightness 12.5 is no whole number"),
        ({"brightness": True}, "brightness True is no number in 0..255"),
        ({"brightness": "bright"}, "brightness 'bright' is no number in 0..255"),
        ({"brightness": None}, "brightness None is no number in 0..255"),
        ({"brightness": float("nan")}, "brightness nan is no number in 0..255"),
        ({"led": 1}, "led 1 is neither true nor false"),
        ({"power_line_frequency": 7}, "power_line_frequency 7 is not one of 0 (Disabled), 1 (50 Hz)"),
        ({"power_line_frequency": True}, "power_line_frequency True is not one of 0 (Disabled), 1 (50 Hz)"),
        ({"size": "99x99"}, "size '99x99' is not one of 640x480, 320x240"),
        ({"size": 640}, "size 640 is not one of 640x480, 320x240"),
        ({"rate": 25}, "rate 25 is not one of 60, 30, 15"),
        ({"rate": 61}, "rate 61 is outside 15..60"),
        ({"pixel_format": "H264"}, "pixel_format 'H264' is not one of MJPG, YUYV"),
        ({"pixel_format": "YUYV", "size": "640x480"}, "size '640x480' is not one of 320x240"),
    ],
)
def test_nonsense_is_refused_with_its_rule(values: dict, message: str, api: Api, camera: TunableCamera) -> None:
    error = api.patch(400, **values)
    assert (error["code"], error["message"], error["field"]) == ("BadField", message, next(reversed(values)))
    assert [control.value for control in camera.controls] == [control.value for control in CONTROLS]


def test_nothing_is_changed_when_one_of_several_is_wrong(api: Api, camera: TunableCamera) -> None:
    api.patch(400, brightness=10, contrast=900)
    assert camera.value("brightness") == 128


def test_nothing_at_all_is_an_error(api: Api) -> None:
    assert api.patch(400)["message"] == "nothing is named that could be changed"


def test_what_people_look_for_and_the_camera_has_not_is_named_with_the_reason(api: Api, camera: TunableCamera) -> None:
    found = {missing["name"]: missing for missing in api.get()["missing"]}
    assert found["sharpness"] == {
        "name": "sharpness", "label": "Sharpness", "reason": "camera tunable camera has no control sharpness",
    }  # fmt: skip
    assert not {"brightness", "focus_auto", "focus_absolute", "size"} & set(found)
    for name, missing in found.items():
        assert api.patch(501, **{name: 1})["message"] == missing["reason"]


def test_a_camera_that_lists_no_sizes_says_so_beforehand(api: Api, camera: TunableCamera) -> None:
    camera.listed = ()
    (size,) = [missing for missing in api.get()["missing"] if missing["name"] == "size"]
    assert size["reason"] == "camera tunable camera lists no modes, so size cannot be changed"
    assert api.patch(501, size="640x480")["message"] == size["reason"]


def test_of_a_camera_that_is_away_everything_is_missing_for_that_reason(api: Api, camera: TunableCamera) -> None:
    camera.is_plugged_in = False
    found = api.get()
    assert {missing["reason"] for missing in found["missing"]} == {"no USB bandwidth left for camera tunable camera"}
    assert {"brightness", "focus_absolute", "size"} <= {missing["name"] for missing in found["missing"]}


def test_a_control_the_camera_has_not_is_501_and_names_both(api: Api) -> None:
    error = api.patch(501, sharpness=3)
    assert error["message"] == "camera tunable camera has no control sharpness"


@pytest.mark.parametrize(
    ("name", "reason"), [("firmware", "the camera only shows it"), ("focus_absolute", "focus_auto is on")]
)
def test_a_control_that_cannot_be_set_now_says_why(name: str, reason: str, api: Api) -> None:
    error = api.patch(409, **{name: 1})
    assert error["message"] == f"camera tunable camera does not take {name} now: {reason}"


def test_a_switch_and_what_it_puts_to_sleep_can_be_set_together(api: Api) -> None:
    found = api.patch(focus_absolute=0.25, focus_auto=False)
    assert (found["focus_auto"], round(found["focus_absolute"], 2)) == (False, 0.25)


def test_who_switches_an_automatic_is_told_what_wakes_and_what_sleeps(api: Api) -> None:
    def reason() -> str | None:
        return next(control["reason"] for control in api.get()["controls"] if control["name"] == "focus_absolute")

    answer = api.patch(focus_auto=False)
    assert {control["name"]: control["reason"] for control in answer["controls"]}["focus_absolute"] is None
    assert reason() is None
    api.patch(focus_auto=True)
    assert reason() == "focus_auto is on"


def test_what_a_camera_changes_by_itself_is_shown_as_it_is_now(
    api: Api, camera: TunableCamera, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camera.offer.KEPT_S", 0)
    with rig.hub.watch():
        before = api.get()
        camera.drift("focus_absolute", 0.75)
        found = api.get()
    assert (before["focus_absolute"], found["focus_absolute"], found["focus_auto"]) == (0.5, 0.75, True)
    assert found["revision"] == before["revision"], "it is no change that anybody made"


def test_one_reading_of_the_controls_serves_all_who_ask_and_a_change_is_seen_at_once(
    api: Api, camera: TunableCamera, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page asks every 2 s per viewer, and each reading is some forty requests to a webcam."""
    monkeypatch.setattr("camera.offer.KEPT_S", 3600)
    with rig.hub.watch():
        wait_until(lambda: camera.controls, "the open camera")
        found = api.get()
        camera.reads = 0
        assert [api.get() for _ in range(5)] == [found] * 5
        assert camera.reads == 0, "the camera is not asked again"
        assert api.patch(brightness=77)["brightness"] == 77
        assert api.get()["brightness"] == 77
        assert api.post("reset", names=["brightness"])["brightness"] == 128
        api.post("autofocus", on=False)
        assert api.post("focus", value=0.0)["focus_absolute"] == 0
        camera.refuses.add("contrast")
        api.patch(409, brightness=99, contrast=60)
        assert api.get()["brightness"] == 99, "what was set before the refusal"


def test_who_hears_the_news_of_a_change_gets_the_change(api: Api, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before a change and is still kept must not answer the pages that ask because of it."""
    monkeypatch.setattr("camera.offer.KEPT_S", 3600)
    heard: list[tuple[int, float | None]] = []

    def ask() -> None:
        tuned = rig.tuning.describe()
        heard.append((tuned.news.revision, next(c.value for c in tuned.controls if c.name == "brightness")))

    before = api.get()["revision"]
    rig.tuning.board.on_change = ask
    api.patch(brightness=77)
    assert heard[-1] == (before + 1, 77)


def test_a_control_the_driver_refuses_is_not_remembered(api: Api, camera: TunableCamera, rig: Rig) -> None:
    camera.refuses.add("contrast")
    error = api.patch(409, brightness=10, contrast=60)
    assert error["message"] == "camera tunable camera refuses contrast 60: Broken pipe"
    assert '"brightness": 10' in rig.database.setting(f"camera:{NAME}")
    assert "contrast" not in rig.database.setting(f"camera:{NAME}")


def test_a_camera_that_is_not_there_is_503(api: Api, camera: TunableCamera) -> None:
    camera.is_plugged_in = False
    assert api.patch(503, brightness=10)["message"] == "no USB bandwidth left for camera tunable camera"
    assert api.get()["controls"] == []


def test_a_camera_that_came_back_unwatched_is_not_taken_for_missing(api: Api, camera: TunableCamera, rig: Rig) -> None:
    """What failed stays failed until somebody watches again; a change must not go by that."""
    camera.is_plugged_in = False
    api.patch(503, brightness=10)
    wait_until(lambda: not rig.hub.is_watched, "nobody watching")
    assert rig.capture.state.state == "failed"
    camera.is_plugged_in = True
    assert api.patch(brightness=10)["brightness"] == 10


def test_a_change_during_a_long_pause_tries_the_camera_at_once(
    api: Api, camera: TunableCamera, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camera.capture.FIRST_PAUSE_S", 3600)
    rig.capture._pause_s = 3600
    camera.is_plugged_in = False
    with rig.hub.watch():
        wait_until(lambda: rig.capture.state.state == "failed", "a failed camera")
        camera.is_plugged_in = True
        assert api.patch(brightness=10)["state"] == "live"


def test_a_menu_is_set_by_number_and_by_name(api: Api) -> None:
    assert api.patch(power_line_frequency=0)["power_line_frequency"] == 0
    assert api.patch(power_line_frequency="50 hz")["power_line_frequency"] == 1


def test_what_was_set_comes_back_after_a_restart(api: Api, rig: Rig, make_rig: Callable[..., Rig]) -> None:
    api.patch(brightness=200, focus_auto=False, focus_absolute=0.8, pan_reset=True)
    rig.close()
    camera = TunableCamera()
    again = make_rig(camera)
    with again.hub.subscribe(backlog=3) as subscription:
        third = next(islice((frame for frame in subscription if frame is not None and frame.is_live), 2, None))
    assert abs(shade_of(third.jpeg) - 200) < 3, "within three frames it is as it was set"
    assert (camera.value("focus_auto"), camera.value("focus_absolute")) == (0, 0.7996)
    assert camera.value("contrast") == 50


def test_another_camera_keeps_its_own_settings(api: Api, camera: TunableCamera, rig: Rig) -> None:
    api.patch(brightness=200)
    before = api.get()["revision"]
    wait_until(lambda: rig.capture.state.state == "idle", "the camera asleep")
    gain = Control("gain", "integer", 0, 10, 1, 1, 1)
    camera.become("other camera", (replace_value(CONTROLS[0], 128), gain))
    with rig.hub.watch():
        wait_until(lambda: rig.capture.state.info.name == "other camera" and camera.controls, "the other camera")
        wait_until(lambda: api.get()["revision"] > before, "the news of it")
        found = api.get()
        assert (found["name"], found["brightness"], found["gain"]) == ("other camera", 128, 1)
        assert api.patch(501, contrast=3)["message"] == "camera other camera has no control contrast"
        api.patch(gain=4)
    wait_until(lambda: rig.capture.state.state == "idle", "the camera asleep")
    camera.become(NAME, CONTROLS)
    with rig.hub.watch():
        wait_until(lambda: camera.value("brightness") == 200, "the first camera's own brightness")


def replace_value(control: Control, value: float) -> Control:
    return Control(control.name, control.kind, control.minimum, control.maximum, control.step, control.default, value)


def test_what_a_camera_no_longer_takes_is_said_once_and_skipped(
    api: Api, camera: TunableCamera, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    api.patch(brightness=200, contrast=60, led=True)
    camera.refuses.add("contrast")
    for _ in range(2):
        wait_until(lambda: rig.capture.state.state == "idle", "the camera asleep")
        camera.become(NAME, tuple(replace_value(control, 0) for control in CONTROLS if control.name != "led"))
        with rig.hub.watch():
            wait_until(lambda: camera.value("brightness") == 200 and rig.capture.state.state == "live", "restored")
    assert caplog.text.count("no longer takes contrast = 60: camera tunable camera refuses contrast 60") == 1
    assert caplog.text.count("no longer takes led = 1: camera tunable camera has no control led") == 1


def test_reset_goes_back_to_the_defaults_and_forgets(api: Api, camera: TunableCamera, rig: Rig) -> None:
    api.patch(brightness=200, contrast=60, focus_auto=False, focus_absolute=0.1, led=True)
    found = api.post("reset", names=["contrast"])
    assert (found["brightness"], found["contrast"], found["changed"]) == (200, 50, ["contrast"])
    found = api.post("reset")
    assert [found[name] for name in ("brightness", "focus_auto", "led")] == [128, True, False]
    assert found["focus_absolute"] == pytest.approx(0.5, abs=0.001)
    assert rig.database.setting(f"camera:{NAME}") == '{"controls": {}, "mode": null}'
    assert api.post("reset", 501, names=["sharpness"])["message"] == "camera tunable camera has no control sharpness"


def test_focus_by_hand_ends_automatic_focus(api: Api) -> None:
    found = api.post("focus", value=0.3)
    assert (found["focus_auto"], round(found["focus_absolute"], 2)) == (False, 0.3)
    assert round(api.post("focus", steps=2)["focus_absolute"], 2) == 0.4
    assert round(api.post("focus", steps=-100)["focus_absolute"], 2) == 0.0
    assert api.post("focus", 400, value=1.5)["message"] == "value 1.5 is outside 0..1"
    assert api.post("focus", 400)["message"] == "focus takes either value, 0..1, or steps"
    assert api.post("focus", 400, value=0.5, steps=1)["field"] == "value"
    assert api.post("reset", names=["focus_absolute"])["focus_absolute"] == pytest.approx(0.5, abs=0.001)
    assert api.post("autofocus", on=True)["focus_auto"] is True
    assert api.post("autofocus", 400, on=3)["field"] == "on"


def test_a_camera_without_focus_says_so(api: Api, camera: TunableCamera) -> None:
    camera.become(NAME, CONTROLS[:1])
    assert api.post("focus", 501, value=0.5)["message"] == "camera tunable camera has no control focus_absolute"
    assert api.post("autofocus", 501, on=True)["message"] == "camera tunable camera has no control focus_auto"


def test_another_size_restarts_the_camera_and_the_same_viewer_goes_on(
    site: Site, camera: TunableCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camera.capture.PLACEHOLDER_PERIOD_S", 60)  # a busy machine is not quick
    client = site.app.test_client()
    with watching(site.port) as viewer:
        first = viewer.live_part()
        answer = client.patch("/api/camera", json={"size": "640x480"}, headers=LOGIN)
        assert (answer.status_code, answer.json["size"], answer.json["changed"]) == (200, "640x480", ["size"])
        parts = [viewer.part() for _ in range(60)]
        while image.size_of(parts[-1].body) == (320, 240):  # a busy machine is long in sending what came before
            parts.append(viewer.part())
        assert image.size_of(first.body) == (320, 240)
        assert image.size_of(parts[-1].body) == (640, 480)
        assert not any(part.is_placeholder for part in parts), "no flash of a placeholder for a quick restart"
        numbers = [part.number for part in parts]
        assert numbers == sorted(set(numbers))
    assert [opening[:2] for opening in camera.opened] == [(320, 240), (640, 480)]


def test_the_rate_and_the_format_are_chosen_and_remembered(
    api: Api, camera: TunableCamera, rig: Rig, make_rig: Callable[..., Rig]
) -> None:
    api.patch(rate=60)
    assert camera.opened[-1] == (320, 240, 60, "MJPG")
    api.patch(pixel_format="YUYV")
    assert camera.opened[-1] == (320, 240, 30, "YUYV")
    api.patch(size="640x480")
    assert camera.opened[-1] == (640, 480, 30, "MJPG"), "the format goes with the size where it must"
    rig.close()
    again = TunableCamera()
    with make_rig(again).hub.watch():
        wait_until(lambda: again.opened, "an opening")
    assert again.opened == [(640, 480, 30, "MJPG")]


def test_reset_of_the_size_is_that_of_the_settings(api: Api, camera: TunableCamera) -> None:
    api.patch(size="640x480", brightness=10)
    found = api.post("reset", names=["size"])
    assert (found["size"], found["brightness"]) == ("320x240", 10)


@pytest.mark.parametrize(
    ("how", "fault"),
    [("cannot", "no USB bandwidth left for camera tunable camera"), ("lies", "it gave 160x120")],
)
def test_a_size_that_fails_gives_the_old_one_back_with_a_message(
    how: str, fault: str, site: Site, camera: TunableCamera
) -> None:
    getattr(camera, how).add("640x480")
    client, message = (
        site.app.test_client(),
        (f"camera tunable camera cannot do 640x480 MJPG: {fault}; it is back at 320x240"),
    )
    with watching(site.port) as viewer:
        viewer.live_part()
        answer = client.patch("/api/camera", json={"size": "640x480"}, headers=LOGIN)
        assert (answer.status_code, answer.json["error"]["message"]) == (409, message)
        last = site.context.rig.hub.published
        assert image.size_of(part_from(viewer, last + 1).body) == (320, 240)
    found = client.get("/api/camera", headers=LOGIN).json
    assert (found["size"], found["message"]) == ("320x240", message)
    assert client.patch("/api/camera", json={"brightness": 1}, headers=LOGIN).json["message"] is None
    assert '"mode": null' in site.context.rig.database.setting(f"camera:{NAME}")


def test_a_remembered_size_that_no_longer_works_does_not_keep_the_camera_dark(
    api: Api, rig: Rig, make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.patch(size="640x480")
    rig.close()
    camera = TunableCamera()
    camera.cannot.add("640x480")
    monkeypatch.setattr("camera.capture.FIRST_PAUSE_S", 0.05)
    again = make_rig(camera)
    with again.hub.watch():
        wait_until(lambda: again.capture.state.state == "live", "a picture")
    assert "gave no picture at 640x480 MJPG; it is asked for 320x240 again" in again.tuning.board.news.message


def test_a_camera_that_lists_no_modes_is_501(api: Api, camera: TunableCamera) -> None:
    camera.listed = ()
    error = api.patch(501, size="640x480")
    assert error["message"] == "camera tunable camera lists no modes, so size cannot be changed"


def test_a_change_during_another_is_told_to_wait(api: Api, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camera.tuning.TURN_TIMEOUT_S", 0.01)
    with rig.tuning._turn:
        error = api.patch(409, brightness=1)
    assert error["message"] == "the camera is still at an earlier change; try again"


def test_what_makes_no_sense_in_the_database_is_forgotten(
    rig: Rig, camera: TunableCamera, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    rig.database.keep_setting(f"camera:{NAME}", '{"controls": {"brightness": "x"}, "mode": ["MJPG", -5, 0, 1]}')
    assert api.get()["brightness"] == 128
    assert "what was kept makes no sense and is forgotten" in caplog.text


def test_a_viewer_may_look_and_not_change(client, rig: Rig) -> None:
    rig.accounts.add("anna", "sesame-bagel-2", Role.VIEWER)
    anna = {"Authorization": basic("anna", "sesame-bagel-2")}
    assert client.get("/api/camera", headers=anna).status_code == 200
    for method, path in (("patch", ""), ("post", "/focus"), ("post", "/autofocus"), ("post", "/reset")):
        assert getattr(client, method)(f"/api/camera{path}", json={"on": True}, headers=anna).status_code == 403


def test_modes_are_those_the_camera_lists(api: Api) -> None:
    assert [mode["size"] for mode in api.get()["modes"]] == [f"{mode.width_px}x{mode.height_px}" for mode in MODES]


def test_filters_are_fields_too_and_change_the_stream_live(site: Site, camera: TunableCamera) -> None:
    client = site.app.test_client()
    with watching(site.port) as viewer:
        untouched = viewer.live_part()
        found = client.patch("/api/camera", json={"grayscale": True, "half_resolution": True}, headers=LOGIN).json
        assert (found["grayscale"], found["half_resolution"], found["rotation"], found["size"]) == (
            True, True, 0, "320x240",
        )  # fmt: skip
        part = part_from(viewer, site.context.rig.hub.published + 3)
        assert image.size_of(part.body) == (160, 120)
        status = client.get("/api/status", headers=LOGIN).json["camera"]
        assert (status["width_px"], status["height_px"], status["changed"]) == (
            160, 120, ["grayscale", "half_resolution"],
        )  # fmt: skip
        client.patch("/api/camera", json={"grayscale": False, "half_resolution": False}, headers=LOGIN)
        while image.size_of(part.body) == (160, 120):
            part = viewer.live_part()
        assert part.body == untouched.body
    assert len(camera.opened) == 1


def test_filters_need_no_camera_and_come_back_after_a_restart(
    api: Api, camera: TunableCamera, rig: Rig, make_rig: Callable[..., Rig]
) -> None:
    camera.is_plugged_in = False
    api.patch(rotation=90, zoom=2, zoom_x=0.3, label="Küche")
    assert rig.database.setting("filters") == '{"rotation": 90, "zoom": 2.0, "zoom_x": 0.3, "label": "K\\u00fcche"}'
    rig.close()
    again = make_rig(TunableCamera())
    assert (again.tuning.describe().filters.rotation, again.tuning.describe().filters.label) == (90, "Küche")
    with again.hub.subscribe() as frames:
        frame = next(frame for frame in frames if frame is not None and frame.is_live)
    assert (frame.width_px, frame.height_px) == image.size_of(frame.jpeg) == (240, 320)


def test_the_settings_say_how_filters_begin_and_where_reset_goes(make_rig: Callable[..., Rig]) -> None:
    wanted = {"flip_horizontal": True, "rotation": 180, "label": "Garden"}
    rig = make_rig(TunableCamera(), camera=wanted)
    rig.tuning.change({"rotation": 90, "edges": True}, "anna")
    rig.tuning.reset(["rotation", "edges"], "anna")
    found = rig.tuning.describe().filters
    assert (found.flip_horizontal, found.rotation, found.label, found.edges) == (True, 180, "Garden", False)
    rig.tuning.change({"flip_horizontal": False, "brightness": 3}, "anna")
    rig.tuning.reset(None, "anna")
    assert rig.tuning.describe().filters.flip_horizontal
    assert rig.database.setting("filters") == "{}"


@pytest.mark.parametrize(
    ("zoom", "message"),
    [
        (0, "zoom 0 is outside 1..4"),
        (float("nan"), "zoom nan is no number in 1..4"),
        (float("inf"), "zoom inf is no number in 1..4"),
        ("2", "zoom '2' is no number in 1..4"),
    ],
)
def test_a_zoom_that_makes_no_sense_changes_nothing_at_all_and_the_stream_goes_on(
    zoom: object, message: str, site: Site, camera: TunableCamera
) -> None:
    client = site.app.test_client()
    with watching(site.port) as viewer:
        before = viewer.live_part()
        answer = client.patch("/api/camera", json={"brightness": 7, "zoom": zoom}, headers=LOGIN)
        assert (answer.status_code, answer.json["error"]["message"]) == (400, message)
        assert answer.json["error"]["field"] == "zoom"
        assert part_from(viewer, site.context.rig.hub.published + 1).body == before.body
    assert camera.value("brightness") == 128


def test_a_filter_that_fails_is_told_and_the_stream_goes_on(
    site: Site, camera: TunableCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(layers: Layers) -> None:
        raise RuntimeError("out of glue")

    monkeypatch.setattr(Layers, "draw_edges", fail)
    client = site.app.test_client()
    with watching(site.port) as viewer:
        before = viewer.live_part()
        client.patch("/api/camera", json={"edges": True}, headers=LOGIN)
        wait_until(
            lambda: client.get("/api/camera", headers=LOGIN).json["message"] == "edges was switched off: out of glue",
            "the message",
        )
        assert client.get("/api/camera", headers=LOGIN).json["edges"] is False
        assert part_from(viewer, site.context.rig.hub.published + 3).body == before.body


def test_a_filter_that_fails_while_the_change_is_still_being_kept_is_told(
    site: Site, camera: TunableCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card takes seconds to keep a change; the first picture has failed by then, and who did it is told last."""

    def fail(layers: Layers) -> None:
        raise RuntimeError("out of glue")

    def keep_slowly(key: str, text: str) -> None:
        wait_until(lambda: tuning.board.news.message is not None, "the complaint")

    tuning, client = site.context.rig.tuning, site.app.test_client()
    monkeypatch.setattr(Layers, "draw_edges", fail)
    monkeypatch.setattr(tuning, "_keep", keep_slowly)
    with watching(site.port) as viewer:
        viewer.live_part()
        found = client.patch("/api/camera", json={"edges": True}, headers=LOGIN).json
    assert (found["edges"], found["changed"], found["message"]) == (
        False, ["edges"], "edges was switched off: out of glue",
    )  # fmt: skip
    assert client.patch("/api/camera", json={"zoom": 2}, headers=LOGIN).json["message"] is None


def test_a_reset_that_fails_for_the_camera_says_so_although_filters_went_back(api: Api, camera: TunableCamera) -> None:
    api.patch(size="640x480", label="Garden")
    camera.cannot.add("320x240")
    message = api.post("reset", 409, names=["label", "size"])["message"]
    assert "no USB bandwidth left" in message
    found = api.get()
    assert (found["label"], found["size"], found["message"]) == ("", "640x480", message)


def test_what_is_set_together_is_told_together(site: Site) -> None:
    site.context.rig.tuning.change({"contrast": 60, "grayscale": True, "size": "640x480"}, "anna")
    news = site.context.rig.tuning.board.news
    assert (news.changed_by, sorted(news.changed)) == ("anna", ["contrast", "grayscale", "size"])


def test_what_goes_wrong_by_a_change_is_told_with_it(site: Site) -> None:
    """A filter may fail in the capture thread before the change is told, which once wiped the message out."""
    board = site.context.rig.tuning.board
    with board.as_one("anna"):
        board.say("anna", ["edges"])
        board.complain("edges was switched off: out of glue")
    assert (board.news.changed, board.news.message) == (("edges",), "edges was switched off: out of glue")
    site.context.rig.tuning.change({"contrast": 60}, "anna")
    assert board.news.message is None


def test_what_went_wrong_by_itself_is_nobody_s_doing(site: Site) -> None:
    site.context.rig.tuning.change({"contrast": 60}, "anna")
    site.context.rig.tuning.board.complain("edges are switched off")
    news = site.context.rig.tuning.board.news
    assert (news.changed_by, news.changed, news.message) == (None, (), "edges are switched off")
