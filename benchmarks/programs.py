"""Compiles the lab's C programs into build/bench/bin, when their sources are newer."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "lab"
BUILD = SOURCES.parent.parent / "build" / "bench"
FLAGS = ("-O2", "-Wall", "-Wextra")
PROGRAMS: dict[str, tuple[str, ...]] = {
    "viewers": ("viewers.c", "tally.c", "stream.c", "process.c"),
    "requests": ("requests.c",),
    "bare_loop": ("bare_loop.c",),
    "fake_camera.so": (
        "fake_camera.c",
        "fake_camera_calls.c",
        "fake_camera_controls.c",
        "fake_camera_device.c",
        "fake_camera_ioctl.c",
        "fake_camera_pictures.c",
        "-shared",
        "-fPIC",
        "-ldl",
        "-lpthread",
    ),
}


class CannotBuild(Exception):
    """There is no C compiler, or it refused; the message says what to do."""


def build(name: str, folder: Path = BUILD / "bin") -> Path:
    """The path of one compiled program of `PROGRAMS`.

    :raises CannotBuild: without a compiler, or when it fails.
    """
    target = folder / name
    newest = max(source.stat().st_mtime for source in SOURCES.glob("*.[ch]"))
    if target.exists() and target.stat().st_mtime >= newest:
        return target
    parts = PROGRAMS[name]
    sources = [str(SOURCES / part) for part in parts if part.endswith(".c")]
    options = [part for part in parts if not part.endswith(".c")]
    folder.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(f".{os.getpid()}")
    _run([_compiler(), *FLAGS, "-o", str(fresh), *sources, *options])
    fresh.replace(target)
    return target


def _compiler() -> str:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotBuild("the benchmark needs a C compiler: sudo apt install gcc libc6-dev")
    return compiler


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CannotBuild(f"{command[0]} cannot be run ({error}): sudo apt install gcc libc6-dev") from None
    if done.returncode:
        raise CannotBuild(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
