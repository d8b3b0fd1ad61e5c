"""The ancestors' scripts and pages around the picture go on working."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import simplejpeg
from fakes import basic, watching
from tunable_camera import CONTROLS, MODES, TunableCamera

from app import Site
from camera import image
from camera.backend import CameraMode, Control
from rig import Rig
from store.accounts import Role

LOGIN = {"Authorization": basic()}
EXPOSURE = (
    Control("exposure_auto", "boolean", None, None, None, 1, 1),
    Control("exposure_absolute", "integer", 100, 50000, 100, 15000, 15000),
    Control("saturation", "integer", 0, 100, 1, 60, 60),
)


@pytest.fixture
def camera() -> TunableCamera:
    made = TunableCamera(controls=(*CONTROLS, *EXPOSURE))
    made.listed = (*MODES, CameraMode("MJPG", 1280, 720, (30.0,)))
    return made


@pytest.fixture
def get(client) -> Callable[[str], tuple[int, str]]:
    def ask(path: str) -> tuple[int, str]:
        response = client.get(path, headers=LOGIN)
        return response.status_code, response.text

    return ask


@pytest.fixture
def post(client) -> Callable[..., tuple[int, object]]:
    def ask(path: str, **values: object) -> tuple[int, object]:
        response = client.post(path, json=values, headers=LOGIN)
        return response.status_code, response.json if response.is_json else response.text

    return ask


@pytest.mark.parametrize(
    ("path", "field"), [("/grayscale", "grayscale"), ("/resolution", "half_resolution"), ("/autofocus", "focus_auto")]
)
def test_false_switches_on_and_true_switches_off(path: str, field: str, get: Callable, client) -> None:
    def is_on() -> bool:
        return client.get("/api/camera", headers=LOGIN).json[field]

    for status, expected in (("true", False), ("false", True), ("True", False), ("FALSE", True)):
        assert get(f"{path}?status={status}") == (200, "200")
        assert is_on() is expected
    for nonsense in ("", "?status=", "?status=1"):
        assert get(path + nonsense)[0] == 400


def test_gray_and_half_are_seen(site: Site, camera: TunableCamera) -> None:
    client = site.app.test_client()
    for path in ("/grayscale", "/resolution"):
        client.get(f"{path}?status=false", headers=LOGIN)
    with watching(site.port, "/generate_camera") as viewer:
        assert viewer.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        jpeg = viewer.live_part().body
    assert image.size_of(jpeg) == (160, 120)
    assert simplejpeg.decode_jpeg_header(jpeg)[2] == "Gray"


def test_focus_steps_by_the_sign_and_is_set_within_its_range(get: Callable, camera: TunableCamera) -> None:
    assert get("/set_focus?value=0.5") == (200, "200")
    assert camera.value("focus_auto") == 0
    assert get("/step_focus?direction=17") == (200, "200")
    assert camera.value("focus_absolute") == pytest.approx(0.55, abs=0.001)
    assert get("/step_focus?direction=-0.1") == (200, "200")
    assert camera.value("focus_absolute") == pytest.approx(0.5, abs=0.001)
    for value, expected in ((7, 1), (-7, 0)):
        assert get(f"/set_focus?value={value}") == (200, "200")
        assert camera.value("focus_absolute") == expected
    for path in ("/set_focus", "/set_focus?value=near", "/set_focus?value=nan", "/step_focus?direction="):
        assert get(path)[0] == 400


def test_a_step_of_nothing_leaves_the_automatic_on(get: Callable, camera: TunableCamera) -> None:
    assert get("/step_focus?direction=0") == (200, "200")
    assert camera.value("focus_auto") == 1


@pytest.mark.parametrize("path", ["/autofocus?status=false", "/step_focus?direction=1", "/set_focus?value=1",
                                  "/step_focus?direction=0"])  # fmt: skip
def test_without_focus_it_is_403_and_names_camera_and_control(path: str, get: Callable, camera: TunableCamera) -> None:
    camera.become("plain camera", CONTROLS[:1])
    status, text = get(path)
    assert status == 403
    assert text.startswith("camera plain camera has no control focus_")


def test_settings_are_offsets_from_their_defaults(post: Callable, get: Callable, client) -> None:
    usual = client.get("/default_values", headers=LOGIN).json
    assert usual == {"exposure": 15000, "saturation": 60, "height": 240, "width": 320, "zoom": 1}
    now = {**usual}
    for name, offset, value in (
        ("saturation", 15, 75), ("saturation", "-20", 40), ("saturation", 1000, 100), ("zoom", 0.5, 1.5),
        ("zoom", -3, 1), ("zoom", "9", 4), ("exposure", 10, 16000), ("exposure", -1000, 100), ("exposure", 0, 15000),
        ("saturation", 0, 60),
    ):  # fmt: skip
        now[name] = value
        assert post("/camera_settings", **{name: offset}) == (200, now)


def test_exposure_by_hand_ends_the_automatic_and_an_offset_of_nothing_brings_it_back(
    post: Callable, camera: TunableCamera
) -> None:
    post("/camera_settings", exposure=10)
    assert camera.value("exposure_auto") == 0
    post("/camera_settings", exposure=0)
    assert camera.value("exposure_auto") == 1


def test_width_and_height_take_the_nearest_size_the_camera_has(post: Callable, camera: TunableCamera) -> None:
    assert post("/camera_settings", width=250)[1]["width"] == 640
    assert post("/camera_settings", height=500)[1]["height"] == 720
    assert post("/camera_settings", height=10) == (
        200, {"exposure": 15000, "saturation": 60, "height": 240, "width": 320, "zoom": 1},
    )  # fmt: skip
    assert [opening[:2] for opening in camera.opened] == [(320, 240), (640, 480), (1280, 720), (320, 240)]


def test_what_the_camera_has_not_is_403(post: Callable, camera: TunableCamera) -> None:
    camera.become("plain camera", CONTROLS[:1])
    camera.listed = ()
    assert post("/camera_settings", saturation=1) == (403, "camera plain camera has no control saturation\n")
    assert post("/camera_settings", exposure=1)[0] == 403
    assert post("/camera_settings", width=1) == (403, "camera plain camera lists no sizes\n")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "none of exposure, saturation, height, width, zoom is named"),
        ({"contrast": 3}, "none of exposure, saturation, height, width, zoom is named"),
        ({"zoom": "big"}, "zoom 'big' is no number"),
        ({"zoom": float("nan")}, "zoom nan is no number"),
        ({"saturation": True}, "saturation True is no number"),
        ({"saturation": None}, "saturation None is no number"),
    ],
)
def test_nonsense_is_refused(values: dict, message: str, post: Callable) -> None:
    assert post("/camera_settings", **values) == (400, f"{message}\n")


def test_a_drag_moves_the_zoomed_part_and_ends_at_the_edge(post: Callable, client) -> None:
    assert post("/camera_settings", zoom=1)[1]["zoom"] == 2
    assert post("/coords", dx=0, dy=0) == (200, {"dx": 80, "dy": 60})
    assert post("/coords", dx=16, dy=-12) == (200, {"dx": 96, "dy": 48})
    assert post("/coords", dx=-9999, dy=9999) == (200, {"dx": 0, "dy": 120})
    found = client.get("/api/camera", headers=LOGIN).json
    assert (found["zoom_x"], found["zoom_y"]) == (0.25, 0.75)
    assert post("/coords", dx="x")[0] == 400
    assert post("/coords", dx=float("nan"))[0] == 400


def test_a_viewer_may_watch_and_change_nothing(client, rig: Rig) -> None:
    rig.accounts.add("anna", "sesame-bagel-2", Role.VIEWER)
    anna = {"Authorization": basic("anna", "sesame-bagel-2")}
    assert client.get("/default_values", headers=anna).status_code == 200
    assert client.head("/generate_camera", headers=anna).status_code == 200
    for path in ("/grayscale?status=true", "/resolution?status=true", "/autofocus?status=true",
                 "/step_focus?direction=1", "/set_focus?value=1"):  # fmt: skip
        assert client.get(path, headers=anna).status_code == 403
    for path in ("/camera_settings", "/coords"):
        assert client.post(path, json={"zoom": 1}, headers=anna).status_code == 403


@pytest.mark.parametrize("path", ["/grayscale?status=false", "/set_focus?value=1", "/resolution?status=false"])
def test_another_sites_page_changes_nothing(path: str, client) -> None:
    response = client.get(path, headers={**LOGIN, "Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403
    assert client.get("/api/camera", headers=LOGIN).json["grayscale"] is False
