"""The real program in a process of its own, to be killed and started again by tests."""

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
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fakes import PASSWORD, free_port

from rig import FIRST_ADMIN, SCHEMA
from store.accounts import Accounts, Role
from store.database import Database

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 20.0
# What a password costs in earnest, 0.1 s and 32 MB at each login, is no matter of these tests.
QUICK_HASH = patch("store.accounts.HASH_METHOD", "pbkdf2:sha256:1")


class Turret:
    """app.py with the test picture on a port of the loopback; the port stays the same over restarts.

    :param settings: TURRET_* variables, e.g. TURRET_SERVER_MAX_VIEWERS.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it serves; the first time with an admin whose password is quick to check."""
        self._let_admin_in()
        command = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--media", str(self.folder)]
        camera = {"TURRET_CAMERA_CAMERA": "synthetic", "TURRET_LOG_LEVEL": "warning"}
        environment = {**os.environ, "TURRET_ADMIN_PASSWORD": PASSWORD, **camera, **self._settings}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._serves():
            assert self._process.poll() is None, f"app.py ended with status {self._process.returncode}"
            assert time.monotonic() < deadline, f"app.py does not serve after {START_TIMEOUT_S:g} s"
            time.sleep(0.05)

    def stop(self) -> None:
        """End it as SIGTERM does; works twice."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it without a chance to say goodbye."""
        self._end(kill=True)

    def freeze(self) -> None:
        """Stop it in the middle of whatever it does; connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def status(self) -> dict[str, Any]:
        """What /api/status says now."""
        return self.ask("/api/status")

    def ask(self, path: str, body: object = None, username: str = "admin", method: str | None = None) -> dict[str, Any]:
        """What the API answers to another client; with a `body` it is a POST."""
        return asked(self.url + path, body, username, method)

    def add_account(self, username: str, role: Role) -> None:
        """One more person, with the same password."""
        with self._accounts() as accounts, QUICK_HASH:
            accounts.add(username, PASSWORD, role)

    def _let_admin_in(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._accounts() as accounts:
            is_new = accounts.count() == 0
        if is_new:
            self.add_account(FIRST_ADMIN, Role.ADMIN)

    @contextmanager
    def _accounts(self) -> Iterator[Accounts]:
        with closing(Database(self.folder / "media.db", SCHEMA.read_text(encoding="utf-8"))) as database:
            database.open()
            yield Accounts(database)

    def _serves(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _end(self, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.kill() if kill else process.terminate()
        process.wait(STOP_TIMEOUT_S)


def asked(url: str, body: object = None, username: str = "admin", method: str | None = None) -> dict[str, Any]:
    """What an address answers to a client that is no browser; with a `body` it is a POST."""
    token = base64.b64encode(f"{username}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
