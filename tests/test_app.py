"""The program as a process: options, first start, signals, and starts that must fail with one clear line."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fakes import PASSWORD, Viewer, basic, free_port, watching
from metronome import within

ROOT = Path(__file__).resolve().parent.parent
START_DEADLINE_S = 40.0


def environment(**extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TURRET_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


class Program:
    """app.py in a process of its own, with a test picture, on the loopback."""

    def __init__(self, media: Path, *options: str, port: int | None = None, **extra: str) -> None:
        self.port = port or free_port()
        self.media = media
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "app.py", "--host", "127.0.0.1", "--port", str(self.port), "--media", media,
             "--camera", "synthetic", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/", env=environment(**extra),
        )  # fmt: skip
        self.said: list[str] = []

    def wait_ready(self) -> Program:
        """Read what it prints until it says that it is ready."""
        until = time.monotonic() + START_DEADLINE_S
        while not any("is ready" in line for line in self.said):
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            assert time.monotonic() < until
            self.said.append(line.rstrip())
        return self

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """(exit status, rest of standard output, standard error) after a signal."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@contextmanager
def running(media: Path, *options: str, **extra: str) -> Iterator[Program]:
    program = Program(media, *options, **extra)
    try:
        yield program.wait_ready()
    finally:
        if program.process.poll() is None:
            program.process.kill()
        program.process.communicate()


def failing(*options: str, **extra: str) -> str:
    """The one line on standard error of a start that fails with status 2."""
    done = subprocess.run(
        [sys.executable, ROOT / "app.py", *options], capture_output=True, text=True, cwd="/", env=environment(**extra),
        timeout=START_DEADLINE_S,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if not re.match(r"\d{4}-\d\d-\d\d ", line)]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_first_start_prints_a_password_that_works_and_the_second_does_not(tmp_path: Path) -> None:
    with running(tmp_path) as program:
        status, out, _ = program.end()
        text = "\n".join(program.said) + out
        assert status == 0
        assert f"Open http://127.0.0.1:{program.port}/" in text
        password = re.search(r"log in as admin with password (\S+)", text)[1]
    with running(tmp_path) as program:
        with watching(program.port, "/api/status", authorization=basic(password=password)) as viewer:
            assert viewer.status == 200
        _, out, err = program.end()
        assert "password" not in "\n".join(program.said) + out + err


def test_first_password_can_be_given(tmp_path: Path) -> None:
    with running(tmp_path, TURRET_ADMIN_PASSWORD=PASSWORD) as program:
        with watching(program.port, "/api/status") as viewer:
            assert viewer.status == 200
        assert PASSWORD not in "".join(program.end()[1:])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_within_two_seconds_although_people_watch(tmp_path: Path, number: int) -> None:
    with running(tmp_path, TURRET_ADMIN_PASSWORD=PASSWORD) as program, watching(program.port) as viewer:
        viewer.live_part()
        with closing(Viewer(program.port, "/api/events").read_head()), within(2):
            status, _, err = program.end(number)
        assert status == 0
        assert "Traceback" not in err
        assert viewer.is_closed_by_server()


def test_second_start_on_the_same_port_says_so_and_disturbs_nothing(tmp_path: Path) -> None:
    with running(tmp_path, TURRET_ADMIN_PASSWORD=PASSWORD) as program, watching(program.port) as viewer:
        line = failing(
            "--host", "127.0.0.1", "--port", str(program.port), "--media", str(tmp_path), "--camera", "synthetic"
        )
        assert line.startswith(f"app.py: port {program.port} is in use by another program")
        assert viewer.live_part().number


def test_address_of_another_machine_is_named() -> None:
    assert "[server] host = 198.51.100.7: cannot listen there" in failing(
        "--host", "198.51.100.7", "--media", "/tmp/turret-test-host", "--camera", "synthetic"
    )
    shutil.rmtree("/tmp/turret-test-host")


@pytest.mark.parametrize(
    ("options", "extra", "message"),
    [
        (["--port", "70000"], {}, "[server] port = 70000"),
        (["--port", "many"], {}, "[server] port = many"),
        (["--camera", "webcam"], {}, "[camera] camera = webcam"),
        (["--config", "/nowhere/config.txt"], {}, "/nowhere/config.txt: there is no such file"),
        (["--check-config"], {"TURRET_CAMERA_RATE": "-5"}, "[camera] rate = -5"),
        (["--check-config"], {"TURRET_CAMERA_COLOR": "1"}, "TURRET_CAMERA_COLOR"),
    ],
)
def test_bad_settings_stop_the_start(options: list[str], extra: dict[str, str], message: str) -> None:
    assert message in failing(*options, **extra)


def test_short_first_password_stops_the_start_and_leaves_no_account(tmp_path: Path) -> None:
    line = failing("--media", str(tmp_path), "--camera", "synthetic", TURRET_ADMIN_PASSWORD="short")
    assert "TURRET_ADMIN_PASSWORD: a password needs at least 8 characters" in line
    with running(tmp_path) as program:
        out = program.end()[1]
        assert "log in as admin" in "\n".join(program.said) + out


def test_check_config_only_checks(tmp_path: Path) -> None:
    path = tmp_path / "config.txt"
    path.write_text("[server]\nport = 5005\n")
    done = subprocess.run(
        [sys.executable, ROOT / "app.py", "--config", path, "--check-config"],
        capture_output=True, text=True, env=environment(), timeout=START_DEADLINE_S,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"{path}: all settings are good\n")
    assert list(tmp_path.iterdir()) == [path]


def test_tls_files_that_are_no_certificate_are_named(tmp_path: Path) -> None:
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).write_text("nothing")
    line = failing(
        "--media", str(tmp_path / "media"), "--camera", "synthetic", TURRET_SERVER_TLS="on",
        TURRET_SERVER_TLS_CERTIFICATE=str(tmp_path / "c.pem"), TURRET_SERVER_TLS_KEY=str(tmp_path / "k.pem"),
    )  # fmt: skip
    assert "c.pem" in line
    assert "cannot be used" in line


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    where = tmp_path / "disk"
    where.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", where], capture_output=True)
    if done.returncode:
        pytest.skip(f"cannot mount a small disk here: {done.stderr.decode().strip()}")
    yield where
    subprocess.run(["umount", "-l", where], check=True)


def fill(disk: Path) -> None:
    with (disk / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))


def test_full_disk_at_the_first_start_is_named_and_nothing_half_made_stays(small_disk: Path) -> None:
    fill(small_disk)
    line = failing("--media", str(small_disk / "media"), "--camera", "synthetic")
    assert "media.db cannot be used" in line
    assert "is full, free some space" in line
    assert not list(small_disk.rglob("media.db*"))


def test_full_disk_at_a_later_start_does_not_end_the_live_picture(small_disk: Path) -> None:
    with running(small_disk, TURRET_ADMIN_PASSWORD=PASSWORD) as program:
        program.end()
    fill(small_disk)
    with running(small_disk) as program, watching(program.port) as viewer:
        assert viewer.live_part().number
        viewer.close()
        _, _, err = program.end()
        assert "open for reading only" in err
