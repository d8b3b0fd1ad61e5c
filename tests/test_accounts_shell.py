"""`database_manager.py accounts`: who may log in, from the shell, beside the running program or without it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO, TextIOWrapper
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import pytest
from fakes import PASSWORD, basic, wait_until, watching
from library_by_hand import opened_library

from app import Site
from store.accounts import Accounts, Role

ROOT = Path(__file__).resolve().parent.parent
NEW = "staple battery"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A media folder with the accounts of Ann, admin, and Bob, operator."""
    root = tmp_path / "media"
    with opened_library(root) as library:
        accounts = Accounts(library.database)
        accounts.add("Ann", PASSWORD, Role.ADMIN)
        accounts.add("bob", PASSWORD, Role.OPERATOR)
    return root


def shell(root: Path, *options: str, typed: str | bytes = "") -> tuple[int, str, str]:
    """(status, standard output, standard error) of a call in a process of its own, `typed` on its standard input."""
    line = [sys.executable, ROOT / "database_manager.py", "--media", root, "accounts", *options]
    given = typed.encode() if isinstance(typed, str) else typed
    done = subprocess.run(line, input=given, capture_output=True, timeout=50, cwd="/")
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def people(root: Path) -> dict[str, str]:
    with opened_library(root) as library:
        return {account.username: account.role.name.lower() for account in Accounts(library.database).everybody()}


def can_log_in(root: Path, name: str, password: str) -> bool:
    with opened_library(root) as library:
        return Accounts(library.database).verified(name, password) is not None


def test_list_names_everybody_with_their_role(run) -> None:
    status, out, err = run("accounts")
    assert (status, err) == (0, "")
    assert [line.split()[:3] for line in out.splitlines()] == [["Ann", "admin", "since"], ["bob", "operator", "since"]]
    assert run("accounts", "list")[1] == out


@pytest.mark.parametrize("options", [("--json", "accounts"), ("accounts", "--json"), ("accounts", "list", "--json")])
def test_list_as_json_has_every_fact_but_nothing_of_the_password(run, options) -> None:
    items = json.loads(run(*options)[1])["items"]
    assert [(item["id"], item["username"], item["role"]) for item in items] == [
        (1, "Ann", "admin"),
        (2, "bob", "operator"),
    ]
    assert all(item.keys() == {"id", "username", "role", "created_at"} for item in items)


def test_somebody_new_may_log_in_with_the_password_on_standard_input(root: Path) -> None:
    status, out, err = shell(root, "add", "Cleo", "--role", "gunner", typed=f"{NEW}\n")
    assert (status, out, err) == (0, "added: Cleo, gunner\n", "")
    assert people(root) == {"Ann": "admin", "bob": "operator", "Cleo": "gunner"}
    assert can_log_in(root, "Cleo", NEW)
    assert shell(root, "add", "Dan", typed=f"{NEW}\r\n")[1] == "added: Dan, viewer\n", "least without a word"
    assert can_log_in(root, "Dan", NEW), "as a line of Windows ends"


@pytest.mark.parametrize(
    ("options", "typed", "status", "message"),
    [
        (("add", "ANN"), NEW, 1, "there is an account named ANN already"),
        (("add", "a:b"), NEW, 2, "printable characters without ':'"),
        (("add", "Cleo"), "short", 2, "at least 8 characters"),
        (("add", "Cleo"), "", 2, "at least 8 characters"),
        (("add", "Cleo"), b"\xff\xfe secret", 2, "not UTF-8"),
        (("add", "Cleo", "--role", "king"), NEW, 2, "invalid choice"),
        (("password", "nobody"), NEW, 1, "there is no account named 'nobody'"),
        (("password", "bob"), "short", 2, "at least 8 characters"),
        (("password", "bob", NEW), "", 2, "unrecognized arguments"),
        (("role", "nobody", "viewer"), "", 1, "there is no account named 'nobody'"),
        (("role", "ann", "gunner"), "", 1, "Ann is the last admin; make somebody else admin first"),
        (("remove", "nobody"), "", 1, "there is no account named 'nobody'"),
        (("remove", "ann"), "", 1, "Ann is the last admin; make somebody else admin first"),
        (("throw",), "", 2, "invalid choice"),
    ],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(
    run, root: Path, monkeypatch, capsys, options, typed, status, message
) -> None:
    given = typed.encode() if isinstance(typed, str) else typed
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(given)))
    try:
        found, out, err = run("accounts", *options)
    except SystemExit as ended:
        found, (out, err) = ended.code, capsys.readouterr()
    assert (found, out) == (status, "")
    assert message in err
    assert "Traceback" not in err
    assert people(root) == {"Ann": "admin", "bob": "operator"}
    assert can_log_in(root, "bob", PASSWORD)


def test_a_second_admin_may_take_the_place_of_the_first(run, root: Path) -> None:
    assert run("accounts", "role", "BOB", "admin")[:2] == (0, "bob is admin now\n")
    assert run("accounts", "remove", "ann")[:2] == (0, "removed: Ann\n")
    assert people(root) == {"bob": "admin"}
    assert json.loads(run("accounts", "--json", "role", "bob", "admin")[1])["role"] == "admin", "admin stays admin"


def test_the_first_account_must_be_an_admins(root: Path) -> None:
    """Else the start would make none, and nobody could do everything."""
    with opened_library(root) as library, library.database.transaction() as connection:
        connection.execute("DELETE FROM account")
    assert shell(root)[1] == "there is no account; the next start of the program makes one\n"
    status, _, err = shell(root, "add", "Cleo", typed=NEW)
    assert (status, people(root)) == (2, {})
    assert "--role admin" in err
    assert shell(root, "add", "Cleo", "--role", "admin", typed=NEW)[0] == 0
    assert people(root) == {"Cleo": "admin"}


def test_no_database_is_made_by_accident(tmp_path: Path) -> None:
    status, _, err = shell(tmp_path / "nowhere", "add", "Cleo", typed=NEW)
    assert status == 2
    assert "there is no database" in err
    assert not (tmp_path / "nowhere").exists()


class Terminal:
    """A person at a terminal who calls the shell's command; whatever is typed blind must not be seen."""

    def __init__(self, root: Path, *options: str) -> None:
        self._own, theirs = pty.openpty()
        # Tests that a shell runs in the background ignore Ctrl-C, and so would whatever they start.
        session = ["env", "--default-signal=INT,QUIT", "setsid", "--ctty", "--wait"]
        line = [*session, sys.executable, ROOT / "database_manager.py", "--media", root, "accounts"]
        self.process = subprocess.Popen([*line, *options], stdin=theirs, stdout=theirs, stderr=theirs, cwd="/")
        os.close(theirs)
        self.seen = ""

    def answer(self, question: str, text: str) -> None:
        """Type when it waits for it: Python forgets a Ctrl-C that comes in the moment before it begins to read."""
        while question not in self.seen:
            self.seen += os.read(self._own, 1000).decode()
        wait_until(self._sleeps, "it waits for what is typed")
        os.write(self._own, text.encode())
        self.seen = self.seen.replace(question, "(asked)", 1)

    def end(self) -> tuple[int, str]:
        """(status, everything that was to be seen)."""
        while True:
            try:
                more = os.read(self._own, 1000)
            except OSError:  # EIO: the last one closed it (pty(7))
                break
            if not more:
                break
            self.seen += more.decode()
        return self.process.wait(20), self.seen

    def _sleeps(self) -> bool:
        """True when it waits for something in the kernel (proc(5), the state in /proc/PID/stat)."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].startswith("S")

    def close(self) -> None:
        os.close(self._own)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def terminal(root: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def make(*options: str) -> Terminal:
        opened.append(Terminal(root, *options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(root: Path, terminal) -> None:
    at = terminal("password", "bob")
    at.answer("Password for bob: ", f"{NEW}\n")
    at.answer("The same again: ", f"{NEW}\n")
    status, seen = at.end()
    assert status == 0
    assert "bob has a new password" in seen
    assert NEW not in seen
    assert (can_log_in(root, "bob", NEW), can_log_in(root, "bob", PASSWORD)) == (True, False)


@pytest.mark.parametrize(
    ("second", "status", "message"),
    [("stable battery\n", 2, "not the same"), ("\x04", 2, "no password was typed"), ("\x03", 1, "stopped")],
    ids=["another", "end of file", "Ctrl-C"],
)
def test_a_slip_of_the_finger_changes_nothing(root: Path, terminal, second: str, status: int, message: str) -> None:
    at = terminal("password", "bob")
    at.answer("Password for bob: ", f"{NEW}\n")
    at.answer("The same again: ", second)
    found, seen = at.end()
    assert (found, "Traceback" in seen) == (status, False)
    assert message in seen
    assert can_log_in(root, "bob", PASSWORD)


class Browser:
    """Somebody who logged in by the form of a running program."""

    def __init__(self, site: Site, name: str, password: str) -> None:
        self._url = f"http://127.0.0.1:{site.port}"
        self._opener = build_opener(HTTPCookieProcessor())
        form = f"username={name}&password={password}".replace(" ", "+").encode()
        self._opener.open(f"{self._url}/login", form, timeout=10).close()

    def status(self) -> int:
        return _status(lambda: self._opener.open(f"{self._url}/api/turret", timeout=10))


def _status(ask: Callable[[], object]) -> int:
    try:
        with closing(ask()) as answer:
            return answer.status
    except HTTPError as error:
        with error:
            return error.code


def test_beside_the_running_program_changes_count_at_once(site: Site) -> None:
    root = site.rig.folder.root
    site.rig.accounts.add("bob", PASSWORD, Role.OPERATOR)

    def by_basic(path: str, password: str, body: bytes | None = None) -> int:
        header = {"Authorization": basic("bob", password), "Content-Type": "application/json"}
        return _status(lambda: urlopen(Request(f"http://127.0.0.1:{site.port}{path}", body, header), timeout=10))

    browser = Browser(site, "bob", PASSWORD)
    assert (browser.status(), by_basic("/api/turret", PASSWORD)) == (200, 200)
    assert shell(root, "password", "bob", typed=NEW)[0] == 0
    assert (browser.status(), by_basic("/api/turret", PASSWORD)) == (401, 401), "sessions of the old password ended"
    again = Browser(site, "bob", NEW)
    assert (again.status(), by_basic("/api/turret/drive", NEW, b'{"pan": 0}')) == (200, 200)
    assert shell(root, "role", "bob", "viewer")[0] == 0
    assert (again.status(), by_basic("/api/turret/drive", NEW, b'{"pan": 0}')) == (200, 403)
    assert shell(root, "remove", "bob")[0] == 0
    assert (again.status(), by_basic("/api/turret", NEW)) == (401, 401)


@pytest.mark.parametrize("change", [("remove", "bob"), ("password", "bob")])
def test_whoever_is_out_sees_nothing_any_more_and_disarms(site: Site, monkeypatch, change) -> None:
    """A stream is one long answer: who was removed went on watching until they closed the page."""
    monkeypatch.setattr("web.context.SEE_EVERY_S", 0.05)
    site.context.start_seeing()
    site.rig.accounts.add("bob", PASSWORD, Role.GUNNER)
    bob = basic("bob")
    with (
        watching(site.port, authorization=bob) as picture,
        watching(site.port, "/api/events", authorization=bob) as news,
        watching(site.port) as other,
    ):
        site.rig.turret.arm("bob")
        assert shell(site.rig.folder.root, *change, typed=NEW)[0] == 0
        assert picture.is_closed_by_server()
        assert news.is_closed_by_server()
        wait_until(lambda: not site.rig.turret.state.trigger.armed, "disarmed with his last stream")
        other.part()
    wait_until(lambda: len(site.context.broadcaster.roster) == 0, "nobody is left")
