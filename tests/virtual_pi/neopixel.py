#!/usr/bin/env python3
"""The real rpi_ws281x with a strip that is not there, and what that strip would show.

    neopixel.py run LOG -- COMMAND     COMMAND's strip must be on SPI: BCM 10
    neopixel.py show LOG [PIXELS]      each message sent, as red-green-blue triples

Needs cc; the package rpi_ws281x has no wheels, so pip compiles it (Python.h; once, 6 s). Both are kept in
VPI_HOME (default /tmp/vpi). No root.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "requirements-neopixel.txt"
ONE, ZERO = "110", "100"  # three bits on the wire for one of data

Pixel = tuple[int, int, int]


def home() -> Path:
    """The folder that keeps what was built, one for each Python."""
    return Path(os.environ.get("VPI_HOME", "/tmp/vpi")) / f"neopixel-{sys.implementation.cache_tag}"


def build() -> None:
    """Build what is missing.

    :raises subprocess.CalledProcessError: when cc or pip fails; its `stderr` says why.
    :raises FileNotFoundError: when there is no cc.
    """
    folder, source = home(), HERE / "neopixel_spi.c"
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "neopixel_spi.so"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        fresh = folder / f"neopixel_spi.{os.getpid()}"
        _run(["cc", "-shared", "-fPIC", "-O2", "-o", str(fresh), str(source), "-ldl"])
        fresh.rename(library)
    if not (folder / "lib").exists():
        fresh = folder / f"lib.{os.getpid()}"
        pip = [sys.executable, "-I", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
        _run([*pip, "--target", str(fresh), "-r", str(PACKAGE)])
        fresh.rename(folder / "lib")


def with_package() -> dict[str, str]:
    """Environment variables with which Python finds rpi_ws281x."""
    return {"PYTHONPATH": str(home() / "lib")}


def with_strip(log: Path) -> dict[str, str]:
    """The same on a machine that looks like a Pi 4 with a strip on SPI; what it gets is written to `log`."""
    return {**with_package(), "LD_PRELOAD": str(home() / "neopixel_spi.so"), "NEOPIXEL_LOG": str(log)}


def decode(data: bytes) -> bytes:
    """The bytes of one SPI message to the bytes that a WS2812 chain reads."""
    bits = "".join(f"{byte:08b}" for byte in data)
    out = bytearray()
    for start in range(0, len(bits) - 23, 24):
        triples = [bits[start + i : start + i + 3] for i in range(0, 24, 3)]
        if any(triple not in {ONE, ZERO} for triple in triples):
            break  # the pause after the last pixel
        out.append(int("".join("1" if triple == ONE else "0" for triple in triples), 2))
    return bytes(out)


def messages(log: Path, pixels: int | None = None) -> list[list[Pixel]]:
    """Each message as the red, green and blue of its pixels; the strip takes green first."""
    raw = log.read_bytes() if log.exists() else b""
    found, start = [], 0
    while start + 4 <= len(raw):
        (size,) = struct.unpack_from("<I", raw, start)
        sent = decode(raw[start + 4 : start + 4 + size])
        found.append([(sent[i + 1], sent[i], sent[i + 2]) for i in range(0, len(sent) - 2, 3)][:pixels])
        start += 4 + size
    return found


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def main() -> None:
    """The command line; see the top."""
    if sys.argv[1:2] == ["run"] and len(sys.argv) > 4:
        build()
        os.execvpe(sys.argv[4], sys.argv[4:], {**os.environ, **with_strip(Path(sys.argv[2]).absolute())})
    if sys.argv[1:2] != ["show"]:
        sys.exit(__doc__)
    for message in messages(Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None):
        print(" ".join(f"{red:02x}{green:02x}{blue:02x}" for red, green, blue in message))


if __name__ == "__main__":
    main()
