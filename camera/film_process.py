"""The process that makes one film, as the program sees it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

from errors import NotConverted

PROJECT = Path(__file__).resolve().parent.parent
MOST_BYTES = 1 << 16
PRIORITY = "idle"

Job = dict[str, Any]


class EncoderLost(Exception):
    """The process died or hangs; another one, with another encoder, may do better."""


class FilmProcess:
    """Starts `film_child.py` with a job. It ends with us, whatever happens to us. Used by one thread.

    :raises NotConverted: when it cannot be started.
    """

    def __init__(self, job: Job) -> None:
        self._part = part_of(Path(job["target"]))
        self._said = b""
        number = _memory_file(json.dumps(job).encode())
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "camera.film_child", str(number), PRIORITY],
                cwd=PROJECT,
                stdin=subprocess.PIPE,  # never written to; its end tells the child that we are gone
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=(number,),
            )
        except OSError as error:
            raise NotConverted(f"the encoder's process cannot be started: {error}") from error
        finally:
            os.close(number)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._child.pid

    def answer(self, timeout_s: float) -> Job | None:
        """The next thing it says, or None if nothing within `timeout_s` seconds.

        :raises EncoderLost: when it ended by itself.
        """
        assert self._child.stdout is not None
        if b"\n" not in self._said and _is_readable(self._child.stdout.fileno(), timeout_s):
            data = self._child.stdout.read(MOST_BYTES)
            if not data:
                raise EncoderLost(f"the encoder's process ended by itself, status {self._child.wait()}")
            self._said += data
        if b"\n" not in self._said:
            return None
        line, _, self._said = self._said.partition(b"\n")
        found: Job = json.loads(line)
        return found

    def close(self) -> None:
        """End it, and remove what it left half-made; works twice."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe is not None
            pipe.close()
        self._part.unlink(missing_ok=True)


def part_of(target: Path) -> Path:
    """Where a film lies while it is being made."""
    return target.with_name(f"{target.name}.part")


def _memory_file(data: bytes) -> int:
    """The number of a file in memory that holds `data`: a job with a thousand stills is too long for a pipe."""
    number = os.memfd_create("film job")
    with os.fdopen(os.dup(number), "wb") as file:
        file.write(data)
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _is_readable(number: int, timeout_s: float) -> bool:
    """True when a file has data or an end; by poll, because select refuses numbers above 1023."""
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
