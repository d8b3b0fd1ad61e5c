"""Starting and stopping what is measured: our program, the bare loop, other streamers.

Everything started here ends with `close`, and at the latest with this process (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = (str(ROOT / "app.py"),)
PASSWORD = "bench-password-of-one-run"
READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class CannotMeasure(Exception):
    """A server did not start or a tool failed; the message says which and why."""


@dataclass(frozen=True)
class Target:
    """Where a server is reached. `pid` 0 is a server whose CPU time is not ours to read."""

    name: str
    port: int
    path: str
    pid: int
    auth: str | None = None
    host: str = "127.0.0.1"


@dataclass
class Camera:
    """Where the servers' pictures come from.

    :ivar frames: the folder of the frames that are played.
    :ivar preload: the fake camera's library; None: our program plays `frames` itself.
    """

    frames: Path
    size: tuple[int, int]
    rate_hz: float
    preload: Path | None

    def environment(self) -> dict[str, str]:
        """What a program needs around it to see this camera as /dev/video0."""
        if self.preload is None:
            return {}
        return {
            "LD_PRELOAD": str(self.preload),
            "FAKEV4L2_FRAMES": str(self.frames.parent),
            "FAKEV4L2_FPS": f"{self.rate_hz:g}",
        }


@dataclass
class Process:
    """A server that runs; `close` works twice."""

    target: Target
    child: subprocess.Popen[bytes]
    log: IO[bytes] = field(repr=False)

    def close(self) -> None:
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.log.close()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def start_ours(
    camera: Camera,
    folder: Path,
    max_viewers: int,
    extra: Mapping[str, str] | None = None,
    program: Sequence[str] = PROGRAM,
) -> Process:
    """Our program, on an empty config.txt and a media folder below `folder` that later starts find again.

    :param program: the script and arguments that go before the program's own.
    """
    port = free_port()
    config = folder / "config.txt"
    config.touch()
    settings = {
        "TURRET_ADMIN_PASSWORD": PASSWORD,
        "TURRET_SERVER_HOST": "127.0.0.1",
        "TURRET_SERVER_MAX_VIEWERS": str(max_viewers),
        "TURRET_CAMERA_WIDTH": str(camera.size[0]),
        "TURRET_CAMERA_HEIGHT": str(camera.size[1]),
        "TURRET_CAMERA_RATE": f"{camera.rate_hz:g}",
        "TURRET_CAMERA_DEVICE": "/dev/video0",
        "TURRET_CAMERA_PATH": str(camera.frames),
        **(extra or {}),
    }
    kind = "usb" if camera.preload else "files"
    command = [sys.executable, *program, "--config", str(config), "--port", str(port)]
    command += ["--media", str(folder / "media"), "--camera", kind]
    target = Target("ours", port, "/video_feed", 0, f"admin:{PASSWORD}")
    return start(target, command, {**settings, **camera.environment()}, folder)


def start_bare_loop(program: Path, camera: Camera, folder: Path, way: str) -> Process:
    """The bare C loop; `way` is writev or sendfile."""
    port = free_port()
    command = [str(program), "-p", str(port), "-f", str(camera.frames), "-r", f"{camera.rate_hz:g}", "-m", way]
    return start(Target(f"loop-{way}", port, "/stream", 0), command, {}, folder)


def start_peer(name: str, path: str, command: str, camera: Camera, folder: Path) -> Process:
    """Another streamer on the same camera; `{port}`, `{width}`, `{height}` and `{rate}` are filled in."""
    port = free_port()
    width, height = camera.size
    words = [
        word.format(port=port, width=width, height=height, rate=f"{camera.rate_hz:g}") for word in shlex.split(command)
    ]
    return start(Target(name, port, path, 0), words, camera.environment(), folder)


def start(target: Target, command: list[str], environment: Mapping[str, str], folder: Path) -> Process:
    """Run a command and wait until its port answers.

    :raises CannotMeasure: with the end of what it said, when it does not.
    """
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(("TURRET_", "FAKEV4L2_", "LD_PRELOAD"))
    }
    log = (folder / f"{target.name}.log").open("ab+")
    try:
        child = subprocess.Popen(
            command,
            env={**clean, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_us(),  # noqa: PLW1509 - this process has one thread
        )
    except OSError as error:
        log.close()
        raise CannotMeasure(f"{target.name}: {error}") from None
    process = Process(Target(target.name, target.port, target.path, child.pid, target.auth), child, log)
    if not _answers(process):
        process.close()
        raise CannotMeasure(f"{target.name} did not start: {' '.join(command)}\n{said_by(process)}")
    return process


def said_by(process: Process) -> str:
    """The end of what a server wrote."""
    return Path(process.log.name).read_bytes()[-2000:].decode(errors="replace")


def require_frame(process: Process) -> Target:
    """The server's target, once it has given a live frame.

    :raises CannotMeasure: with the end of what it said, when it gives none.
    """
    try:
        wait_for_frame(process.target)
    except CannotMeasure as error:
        raise CannotMeasure(f"{error}\n{said_by(process)}") from None
    return process.target


def die_with_us() -> Callable[[], None]:
    """A function for a child between fork and exec: it is killed when we are gone."""
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _answers(process: Process) -> bool:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and process.child.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", process.target.port), 1):
            return True
        time.sleep(0.005)
    return False


def basic_header(target: Target) -> str:
    """The request's Authorization line, or nothing."""
    if target.auth is None:
        return ""
    return f"Authorization: Basic {base64.b64encode(target.auth.encode()).decode()}\r\n"


def wait_for_frame(target: Target, timeout_s: float = 10.0) -> None:
    """Ask for the stream and return when the first whole live frame is here; placeholders do not count.

    :raises CannotMeasure: when none comes in time.
    """
    request = f"GET {target.path} HTTP/1.1\r\nHost: {target.host}\r\n{basic_header(target)}\r\n"
    try:
        with socket.create_connection((target.host, target.port), timeout_s) as sock:
            sock.sendall(request.encode())
            _read_live_part(sock.makefile("rb"), time.monotonic() + timeout_s)
    except OSError as error:
        raise CannotMeasure(f"{target.name}: no first frame: {error}") from None


def _read_live_part(stream: IO[bytes], deadline: float) -> None:
    status = stream.readline()
    if b" 200" not in status:
        raise CannotMeasure(f"the stream was answered with {status.decode(errors='replace').strip()!r}")
    length, is_placeholder = 0, False
    while time.monotonic() < deadline:
        line = stream.readline()
        if not line:
            break
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "content-length":
            length = int(value)
        is_placeholder |= name.lower() == "x-placeholder"
        if line == b"\r\n" and length:
            stream.read(length)
            if not is_placeholder:
                return
            length, is_placeholder = 0, False
    raise CannotMeasure("the stream ended or gave no live frame")
