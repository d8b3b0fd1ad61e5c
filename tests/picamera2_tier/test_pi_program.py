"""The whole program with the Pi camera, as a person at the browser meets it."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from camera import image
from tests.fakes import free_port
from tests.picamera2_tier.conftest import DEADLINE_S

PROJECT = Path(__file__).resolve().parents[2]
PASSWORD = "sesame-bagel"


@pytest.fixture(params=["auto", "pi"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a running program whose camera is chosen by hand or by itself."""
    port = free_port()
    command = [
        sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port),
        "--media", str(tmp_path), "--camera", request.param,
    ]  # fmt: skip
    environment = {**os.environ, "TURRET_ADMIN_PASSWORD": PASSWORD, "TURRET_CAMERA_DEVICE": "imx708"}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, text=True, stdout=subprocess.PIPE) as program:
        try:
            assert program.stdout is not None
            assert any("is ready" in line for line in program.stdout)
            yield f"http://127.0.0.1:{port}"
            program.send_signal(signal.SIGTERM)
            assert program.wait(DEADLINE_S) == 0
        finally:
            program.kill()


def get(url: str, change: object = None) -> bytes:
    """The answer to a question, or to a PATCH with this in JSON."""
    token = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"})
    if change is not None:
        request.data, request.method = json.dumps(change).encode(), "PATCH"
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
        return bytes(response.read())


def test_the_page_shows_the_pi_camera(site: str) -> None:
    until = time.monotonic() + DEADLINE_S
    while (status := json.loads(get(f"{site}/api/status")))["camera"]["state"] != "live":
        get(f"{site}/live.jpeg")
        assert time.monotonic() < until, status
    assert status["camera"]["name"] == "Pi camera imx708"
    pixels = image.decode(get(f"{site}/live.jpeg"))
    assert pixels.shape == (720, 1280, 3)
    assert pixels.std() > 20, "color bars, not an empty picture"
    while (found := json.loads(get(f"{site}/api/camera"))).get("exposure_absolute") is None:
        assert time.monotonic() < until, "it reads what the camera decides with the next picture, and had none in time"
    assert 10000 <= found["exposure_absolute"] < 15000, "what the camera decides by itself now"
    reasons = {control["name"]: control["reason"] for control in found["controls"]}
    assert (reasons["exposure_absolute"], reasons["zoom_absolute"]) == ("exposure_auto is on", None)


def test_white_balance_is_set_by_hand_over_http(site: str) -> None:
    found = json.loads(get(f"{site}/api/camera"))
    blocked = {control["name"]: control["blocked_by"] for control in found["controls"]}
    assert blocked["red_balance"] == blocked["blue_balance"] == "white_balance_auto"
    assert 1.8 < found["red_balance"] < 1.9, "as the camera decides it"
    changed = json.loads(get(f"{site}/api/camera", {"white_balance_auto": False, "red_balance": 0.9}))
    assert (changed["red_balance"], changed["changed"]) == (0.9, ["white_balance_auto", "red_balance"])
    assert 1.4 < changed["blue_balance"] < 1.5
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{site}/api/camera", {"blue_balance": 33})
    with refused.value as answer:
        assert answer.code == 400
        assert json.loads(answer.read())["error"]["message"] == "blue_balance 33 is outside 0.1..32"
    until = time.monotonic() + DEADLINE_S
    while np.percentile(image.decode(get(f"{site}/live.jpeg"))[..., 2], 95) > 150:
        assert time.monotonic() < until, "less red in the picture"
