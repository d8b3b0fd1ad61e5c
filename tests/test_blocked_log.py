"""Nobody reads what the program says on standard error: a terminal that stands, a pipe whose reader hangs.

Such a write waits for ever, and whoever else writes to the log waits for the writer. That must be neither the
dead-man nor anybody's STOP.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from fakes import DEADLINE_S, PASSWORD, basic, free_port
from metronome import Metronome, within
from turret_by_hand import ENABLE, LEFT, RIGHT, TILT, TRIGGER
from vanishing import driving

PROGRAM = Path(__file__).with_name("program_with_scope.py")
OUTPUTS = (LEFT, RIGHT, ENABLE, TILT, TRIGGER)
SETTINGS = {
    "TURRET_ADMIN_PASSWORD": PASSWORD, "TURRET_TURRET_HARDWARE": "simulated", "TURRET_LIGHT_KIND": "simulated",
    "TURRET_PAN_NET_RUN_LIMIT_S": "0", "TURRET_TILT_SETTLE_S": "0", "TURRET_TILT_SPEED_DEG_S": "10",
}  # fmt: skip


def fill(pipe: int) -> None:
    """Write until it takes no more."""
    os.set_blocking(pipe, False)
    with suppress(BlockingIOError):
        while True:
            os.write(pipe, b"." * 4096)
    os.set_blocking(pipe, True)


class Program:
    """The whole program with its standard error in a pipe that is full."""

    def __init__(self, media: Path) -> None:
        self.port = free_port()
        self.errors, theirs = os.pipe()  # full, and read by nobody
        os.set_blocking(theirs, False)
        fill(theirs)
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--media", str(media), "--camera", "synthetic"]
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs,
            text=True, env={**os.environ, **SETTINGS},
        )  # fmt: skip
        os.close(theirs)
        while "is ready" not in self.process.stdout.readline():
            assert self.process.poll() is None

    def ask(self, line: str) -> object:
        """What the program answers to a line."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def edges(self) -> list[tuple[float, int, float]]:
        """All changes of its pins."""
        return [tuple(edge) for edge in self.ask("edges")]

    def levels(self) -> dict[int, float]:
        """How its pins are now."""
        return {number: level for _, number, level in self.edges()}

    def wait_until_off(self) -> None:
        """Wait until every output is off."""
        until = time.monotonic() + DEADLINE_S
        while any(self.levels()[number] for number in OUTPUTS):
            assert time.monotonic() < until, f"these are still on: {self.levels()}"
            time.sleep(0.02)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    found = Program(tmp_path)
    yield found
    if found.process.poll() is None:
        found.process.kill()
    found.process.communicate()
    os.close(found.errors)


def test_a_drive_ends_in_time_although_nobody_reads_the_log(program: Program) -> None:
    with Metronome() as metronome, driving("127.0.0.1", program.port) as client:
        client.wait_for("fired")
        program.ask("log 5000")
        client.kill()
        program.wait_until_off()
        edges = [edge for edge in program.edges() if edge[1] in OUTPUTS]
    assert {number for _, number, level in edges if level} == {RIGHT, ENABLE, TILT, TRIGGER}
    assert max(at for at, _, _ in edges) - client.last_drive()[1] <= 0.45 + 2 * metronome.worst_s


def test_the_watch_dog_acts_although_nobody_reads_what_it_says_and_the_dead_man_goes_on(program: Program) -> None:
    """Once it said first what it would do, and the dead-man said that it was back: neither came to do anything more."""
    with Metronome() as metronome, driving("127.0.0.1", program.port) as client:
        client.wait_for("fired")
        stalled_at = time.monotonic()
        program.ask("stall 2")
        program.wait_until_off()
        off_at = max(at for at, number, _ in program.edges() if number == ENABLE)
    assert off_at - stalled_at <= 0.2 + 0.1 + 2 * metronome.worst_s
    drive_again(program)
    program.wait_until_off()


def test_it_ends_when_told_although_nobody_reads(program: Program) -> None:
    program.ask("log 5000")
    program.process.send_signal(signal.SIGTERM)
    with within(5):
        assert program.process.wait(DEADLINE_S) == 0


def drive_again(program: Program) -> None:
    """Drive as soon as the turret takes commands again."""
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10)
    headers = {"Authorization": basic(), "Content-Type": "application/json"}
    until = time.monotonic() + DEADLINE_S
    with closing(client):
        while True:
            client.request("POST", "/api/turret/drive", '{"pan": 1}', headers)
            answer = client.getresponse()
            answer.read()
            if answer.status == 200:
                return
            assert (answer.status, time.monotonic() < until) == (503, True)
