"""The door that tells how fast the cameras of this machine are."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import ScriptedCamera, jpeg_of
from turret_by_hand import HandClock

import benchcamera
from camera.synthetic import SyntheticBackend
from camera.v4l2 import CameraNode
from errors import CameraError, CameraLost

DOOR = Path(benchcamera.__file__).resolve()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A camera of two pictures, 64x48."""
    for shade in (40, 200):
        (tmp_path / f"{shade}.jpg").write_bytes(jpeg_of(shade))
    return tmp_path


def rows_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict]]:
    """The exit status and the rows of one run with --json."""
    status = benchcamera.main([*arguments, "--json", "--seconds", "0.5"])
    return status, json.loads(capsys.readouterr().out)["rows"]


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test picture and measurement go by a clock that only moves when the camera waits."""
    clock = HandClock()
    monkeypatch.setattr(benchcamera, "time", SimpleNamespace(monotonic=clock, process_time=time.process_time))
    monkeypatch.setattr(
        benchcamera, "open_backend", lambda settings: SyntheticBackend(settings, clock=clock, pause=clock.pause)
    )


@pytest.mark.usefixtures("still_clock")
def test_test_picture_is_measured_at_each_size(capsys: pytest.CaptureFixture[str]) -> None:
    status, rows = rows_of(capsys, "--camera", "synthetic", "--sizes", "320x240,128x96", "--rate", "20")
    assert status == 0
    assert [row["asked"] for row in rows] == ["320x240", "128x96"]
    for row in rows:
        figures = row["figures"]
        assert row["asked"] == f"{figures['width_px']}x{figures['height_px']}"
        assert figures["frames_per_s"] == pytest.approx(20)
        assert figures["ms_per_frame"] == pytest.approx(1000 / figures["frames_per_s"], rel=0.01)
        assert 0 < figures["cpu_ms_per_frame"] < figures["ms_per_frame"]


def test_size_that_a_camera_has_not_shows_what_it_gave(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, (row,) = rows_of(capsys, "--camera", "files", "--path", str(folder), "--sizes", "640x480", "--rate", "40")
    assert (status, row["asked"]) == (0, "640x480")
    assert (row["figures"]["width_px"], row["figures"]["height_px"]) == (64, 48)
    sizes = sorted(path.stat().st_size for path in folder.iterdir())
    assert sizes[0] <= row["figures"]["bytes_per_frame"] <= sizes[1]


def test_camera_that_fails_is_a_row_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    status, (row,) = rows_of(capsys, "--camera", "usb", "--device", "/dev/video-none", "--sizes", "640x480")
    assert status == 1
    assert row["figures"] is None
    assert "/dev/video-none" in row["error"]


def test_one_camera_that_works_is_enough(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    gone = CameraNode(Path("/dev/video-gone"), "video-gone", "Gone camera")
    monkeypatch.setattr(benchcamera, "find_usb_cameras", lambda: [gone])
    monkeypatch.setattr(benchcamera, "find_pi_cameras", lambda: ([], "this is no Pi"))
    assert benchcamera.main(["--sizes", "128x96", "--seconds", "0.2"]) == 0
    said = capsys.readouterr()
    assert "no Pi camera: this is no Pi" in said.err
    assert "test picture 128x96" in " ".join(said.out.split())
    assert "FAILED: " in said.out
    assert "video-gone" in said.out.splitlines()[-1]


def test_progress_goes_to_standard_error_and_works_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, str(DOOR), "--camera", "synthetic", "--sizes", "128x96", "--seconds", "0.2", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=40)
    assert (done.returncode, json.loads(done.stdout)["rows"][0]["error"]) == (0, None)
    assert done.stderr.startswith("synthetic 128x96 ...\n")
    assert done.stderr.endswith(" frames/s\n")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("640", "size '640' is not WIDTHxHEIGHT, as in 1280x720"),
        ("640x", "size '640x' is not WIDTHxHEIGHT"),
        ("640x480,wide", "size 'wide' is not WIDTHxHEIGHT"),
        ("-640x480", "size '-640x480' is not WIDTHxHEIGHT"),
        ("32x32", "size 32x32 is outside 64x64..8192x8192"),
        ("9000x64", "size 9000x64 is outside"),
    ],
)
def test_size_that_is_none_is_refused(text: str, complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint in refusal_of(capsys, f"--sizes={text}")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--camera", "network"], "--camera network and --url need each other"),
        (["--path", "here"], "--camera files and --path need each other"),
        (["--device", "/dev/video0"], "--device needs --camera pi or --camera usb"),
        (["--seconds", "soon"], "soon is not a number from 0.1 to 3600"),
        (["--rate", "0"], "0 is not a number from 0.1 to 1000"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaint in refusal_of(capsys, *arguments)


def refusal_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        benchcamera.main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_camera_that_never_gives_a_picture_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchcamera, "FIRST_PICTURE_TIMEOUT_S", 0.1)
    camera = ScriptedCamera()
    with pytest.raises(CameraError, match=r"no picture within 0\.1 s"):
        benchcamera.measure(camera, 0.1)
    assert camera.closed == 1


def test_camera_that_freezes_after_one_picture_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchcamera, "SILENCE_TIMEOUT_S", 0.1)
    camera = ScriptedCamera()
    camera.show()
    with pytest.raises(CameraError, match="one picture, and no other"):
        benchcamera.measure(camera, 0.1)
    assert camera.closed == 1


def test_camera_that_goes_away_is_let_go() -> None:
    camera = ScriptedCamera()
    camera.show()
    camera.fail(CameraLost("it was unplugged"))
    with pytest.raises(CameraLost, match="it was unplugged"):
        benchcamera.measure(camera, 60)
    assert camera.closed == 1
