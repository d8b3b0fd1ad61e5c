"""Clients that vanish, and a cable that can be pulled."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import basic

CLIENT = Path(__file__).with_name("driving_client.py")
DEADLINE_S = 20.0


class DrivingClient:
    """driving_client.py in a process of its own, in a network namespace if one is named."""

    def __init__(self, host: str, port: int, namespace: str | None = None, rests: bool = False) -> None:
        within = ["ip", "netns", "exec", namespace] if namespace else []
        self.process = subprocess.Popen(
            [*within, sys.executable, CLIENT, host, str(port), basic()],
            stdout=subprocess.PIPE, text=True, env={**os.environ, **({"REST": "1"} if rests else {})},
        )  # fmt: skip
        self._said: list[tuple[str, float]] = []

    def wait_for(self, what: str) -> None:
        """Read until it did that."""
        until = time.monotonic() + DEADLINE_S
        while not self._said or self._said[-1][0] != what:
            assert self._read() and time.monotonic() < until, f"the client never {what}: {self._said}"

    def kill(self) -> None:
        """End it without a chance to say goodbye; works twice."""
        self.process.send_signal(signal.SIGKILL)
        while self._read():
            pass
        self.process.wait(DEADLINE_S)

    def times(self, what: str) -> list[float]:
        """When it did that; complete once it was killed."""
        return [at for done, at in self._said if done == what]

    def last_drive(self, until: float = float("inf")) -> tuple[float, float]:
        """When the last command that was answered was sent, and the last one at all that was sent `until` then."""
        sent, answered_at = self.times("sent"), self.times("answered")[-1]
        return max(at for at in sent if at <= answered_at), max(at for at in sent if at <= until)

    def _read(self) -> bool:
        line = self.process.stdout.readline()
        if line.endswith("\n"):
            what, at = line.split()
            self._said.append((what, float(at)))
        return bool(line)


@contextlib.contextmanager
def driving(*args, **options) -> Iterator[DrivingClient]:
    """A client that is killed at the end, whatever happened."""
    client = DrivingClient(*args, **options)
    try:
        yield client
    finally:
        client.kill()
        client.process.stdout.close()


class Link:
    """A cable between us and a network namespace called `name`: our end has the address `host`."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.host = f"10.213.{number}.1"
        self._peer = f"10.213.{number}.2"
        self._here, self._there = f"tur{number}a", f"tur{number}b"

    def open(self) -> None:
        """Make namespace and cable.

        :raises CalledProcessError: when we may not.
        """
        self._ip("netns", "add", self.name)
        self._ip("link", "add", self._here, "type", "veth", "peer", "name", self._there, "netns", self.name)
        self._ip("address", "add", f"{self.host}/30", "dev", self._here)
        self._ip("link", "set", self._here, "up")
        self._ip("-netns", self.name, "address", "add", f"{self._peer}/30", "dev", self._there)
        self._ip("-netns", self.name, "link", "set", self._there, "up")

    def cut(self) -> float:
        """Pull the cable; the time right after."""
        self._ip("link", "set", self._here, "down")
        return time.monotonic()

    def close(self) -> None:
        """Take all of it away again; works after a failed `open`."""
        for command in (("link", "delete", self._here), ("netns", "delete", self.name)):
            subprocess.run(["ip", *command], capture_output=True, timeout=DEADLINE_S)

    def _ip(self, *command: str) -> None:
        subprocess.run(["ip", *command], check=True, capture_output=True, text=True, timeout=DEADLINE_S)


@contextlib.contextmanager
def linked() -> Iterator[Link]:
    """A cable that can be pulled. Skips where there cannot be one; with CI set, tests/run takes no skipped test."""
    if os.geteuid() != 0:
        pytest.skip("a network namespace needs root")
    if shutil.which("ip") is None:
        pytest.skip("a network namespace needs ip: apt install iproute2")
    link = Link(f"turret-{os.getpid()}", os.getpid() % 250)
    try:
        try:
            link.open()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespace here: {error.stderr.strip()}")
        yield link
    finally:
        link.close()
