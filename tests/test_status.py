"""What the machine says of itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from fakes import ScriptedCamera, basic, wait_until, watching

from app import Site
from camera.choice import AutoBackend
from errors import NoCamera
from settings import CameraSettings, ServerSettings
from web.addresses import addresses

LOGIN = {"Authorization": basic()}


def test_status_names_camera_viewers_user_and_addresses(client) -> None:
    status = client.get("/api/status", headers=LOGIN).json
    assert status["user"] == {"username": "admin", "role": "admin"}
    assert status["viewers"] == {"watching": 0, "max": 256}
    assert status["camera"]["name"] == "scripted camera"
    assert status["camera"]["why"] == "the test says so"
    assert status["camera"]["state"] == "idle"
    assert abs(status["now"] - time.time()) < 5
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", *status["addresses"])


def test_status_says_why_there_is_no_picture_and_since_when(site: Site, camera: ScriptedCamera) -> None:
    camera.open_fault = NoCamera("no camera at /dev/video9")
    with watching(site.port):
        wait_until(lambda: site.rig.capture.state.state == "failed", "failed")
        client = site.app.test_client()
        found = client.get("/api/status", headers=LOGIN).json["camera"]
    assert found["reason"] == "no camera at /dev/video9"
    assert found["since"].endswith("+00:00")


def test_health_says_the_time_and_needs_no_camera(client, camera: ScriptedCamera) -> None:
    camera.open_fault = NoCamera("none")
    answer = client.get("/healthz").json
    assert answer["status"] == "ok"
    assert abs(answer["now"] - time.time()) < 5


def test_metrics_count_what_was_sent(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as viewer:
        jpeg = camera.show()
        viewer.live_part()
        totals = site.context.broadcaster.totals
        wait_until(lambda: totals.bytes_sent > len(jpeg), "counted: the viewer may have it a moment earlier")
        wait_until(lambda: site.rig.capture.state.state == "live", "live: said a moment after the picture went out")
        text = site.app.test_client().get("/metrics", headers=LOGIN).text
    found = dict(re.findall(r"^(turret_\w+) (\S+)$", text, re.MULTILINE))
    assert float(found["turret_viewers"]) == 1
    assert float(found["turret_viewers_served_total"]) == 1
    assert float(found["turret_frames_sent_total"]) >= 1
    assert float(found["turret_bytes_sent_total"]) > len(jpeg)
    assert float(found["turret_camera_live"]) == 1


class DamagingCamera(ScriptedCamera):
    """Three of its pictures came damaged."""

    broken = 3


@pytest.mark.parametrize("is_automatic", [False, True])
def test_pictures_that_came_damaged_are_counted(make_site: Callable[..., Site], is_automatic: bool) -> None:
    camera = DamagingCamera()
    chosen = AutoBackend(CameraSettings(), lambda: ("usb", "found"), lambda *_: camera) if is_automatic else camera
    site = make_site(chosen)
    client = site.app.test_client()
    with watching(site.port) as viewer:
        camera.show()
        viewer.live_part()
        assert client.get("/api/status", headers=LOGIN).json["camera"]["broken"] == 3
        assert "\nturret_frames_broken_total 3.0\n" in client.get("/metrics", headers=LOGIN).text


def test_openapi_describes_the_api_and_needs_a_login(client) -> None:
    assert client.get("/openapi.json").status_code == 401
    assert "/api/status" in client.get("/openapi.json", headers=LOGIN).json["paths"]


def test_addresses_are_such_that_one_can_open_them() -> None:
    assert addresses(ServerSettings(host="127.0.0.1", port=80)) == ["http://127.0.0.1/"]
    assert addresses(ServerSettings(host="::1", port=5001)) == ["http://[::1]:5001/"]
    secure = ServerSettings(host="pi", port=443, tls=True, tls_certificate="a", tls_key="b")
    assert addresses(secure) == ["https://pi/"]
    assert addresses(ServerSettings())[-1] == "http://localhost:5000/"
