"""The whole program with the Pi camera, as a person at the browser meets it."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

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


def get(url: str) -> bytes:
    token = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"})
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
