"""People: their names, password hashes and roles.

Password hashes are slow by design (about 0.5 s on a Pi), so a password that was right is remembered
for some minutes as a keyed digest, and a request with HTTP Basic costs a dictionary look-up.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property
from typing import Literal

from werkzeug.security import check_password_hash, generate_password_hash

from errors import BadField, LastAdmin, NoSuchItem
from store.database import Database
from store.faults import unique

HASH_METHOD = "scrypt:32768:8:1"  # 32 MB and 0.1 s here, 0.5 s on a Pi; OWASP asks for no less
REMEMBERED_S = 300.0
REMEMBERED_MAX = 256
PASSWORD_CHARACTERS_MIN = 8
USERNAME_CHARACTERS_MAX = 64
# In the statement that changes, so that of two programs that remove two admins only one does.
NOT_THE_LAST_ADMIN = "(role <> 'admin' OR (SELECT count(*) FROM account WHERE role = 'admin') > 1)"


RoleWord = Literal["viewer", "operator", "gunner", "admin"]


class Role(IntEnum):
    """What an account may do; each includes those below."""

    VIEWER = 1
    OPERATOR = 2
    GUNNER = 3
    ADMIN = 4

    @property
    def word(self) -> RoleWord:
        """What the role is called in the database, on the wire and on a terminal."""
        return WORD_OF[self]

    @classmethod
    def of(cls, word: str) -> Role:
        """The role that is called so.

        :raises KeyError: for any other word.
        """
        return cls[word.upper()]


WORD_OF: dict[Role, RoleWord] = {
    Role.VIEWER: "viewer", Role.OPERATOR: "operator", Role.GUNNER: "gunner", Role.ADMIN: "admin",
}  # fmt: skip


@dataclass(frozen=True)
class Account:
    """Somebody. `password_mark` changes with the password and says nothing about it; `created_at` is UTC, ISO 8601."""

    id: int
    username: str
    role: Role
    password_mark: str
    created_at: str


class Accounts:
    """The account table. `_lock` guards `_remembered`."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(32)
        self._remembered: dict[bytes, tuple[float, int, str]] = {}

    def count(self) -> int:
        """How many accounts there are."""
        return int(self._database.read("SELECT count(*) AS n FROM account")[0]["n"])

    def add(self, username: str, password: str, role: Role) -> Account:
        """Make an account.

        :raises BadField: when name or password break their rules.
        :raises NameTaken: when the name is in use, whatever its case.
        """
        check_username(username)
        check_password_rule(password)
        password_hash, now = generate_password_hash(password, HASH_METHOD), datetime.now(UTC).isoformat()
        values = (username, password_hash, role.word, now)
        unique_name = unique("account.username", f"there is an account named {username} already")
        with unique_name, self._database.transaction() as connection:
            row_id = connection.execute(
                "INSERT INTO account (username, password_hash, role, created_at) VALUES (?, ?, ?, ?)", values
            ).lastrowid
        return Account(int(row_id or 0), username, role, _mark(password_hash), now)

    def everybody(self) -> list[Account]:
        """All accounts, by name."""
        return [_account(row) for row in self._database.read("SELECT * FROM account ORDER BY username")]

    def by_name(self, username: str) -> Account | None:
        """The account of that name, whatever its case; None when there is none."""
        rows = self._database.read("SELECT * FROM account WHERE username = ?", username)
        return _account(rows[0]) if rows else None

    def set_password(self, username: str, password: str) -> Account:
        """Another password for somebody, whose sessions end.

        :raises BadField: when it breaks the rule.
        :raises NoSuchItem: when there is nobody of that name.
        """
        check_password_rule(password)
        password_hash = generate_password_hash(password, HASH_METHOD)
        with self._database.transaction() as connection:
            connection.execute("UPDATE account SET password_hash = ? WHERE username = ?", (password_hash, username))
        return self._existing(username)

    def set_role(self, username: str, role: Role) -> Account:
        """Let somebody do more or less; it counts from their next request on.

        :raises NoSuchItem: when there is nobody of that name.
        :raises LastAdmin: when it is the last one who may do everything.
        """
        wanted = role.word
        with self._database.transaction() as connection:
            statement = f"UPDATE account SET role = ?1 WHERE username = ?2 AND (?1 = 'admin' OR {NOT_THE_LAST_ADMIN})"
            is_done = connection.execute(statement, (wanted, username)).rowcount > 0
        account = self._existing(username)
        if not is_done:
            raise LastAdmin(f"{account.username} is the last admin; make somebody else admin first")
        return account

    def remove(self, username: str) -> Account:
        """Let somebody in no more; answers who it was. Their sessions end, what they made stays.

        :raises NoSuchItem: when there is nobody of that name.
        :raises LastAdmin: when it is the last one who may do everything.
        """
        account = self._existing(username)
        with self._database.transaction() as connection:
            statement = f"DELETE FROM account WHERE username = ? AND {NOT_THE_LAST_ADMIN}"
            is_done = connection.execute(statement, (username,)).rowcount > 0
        if not is_done:
            account = self._existing(username)  # or somebody else has removed it meanwhile
            raise LastAdmin(f"{account.username} is the last admin; make somebody else admin first")
        return account

    def _existing(self, username: str) -> Account:
        account = self.by_name(username)
        if account is None:
            raise NoSuchItem(f"there is no account named {username!r}")
        return account

    def by_id(self, account_id: int) -> Account | None:
        """The account, or None when it is gone."""
        rows = self._database.read("SELECT * FROM account WHERE id = ?", account_id)
        return _account(rows[0]) if rows else None

    def verified(self, username: str, password: str) -> Account | None:
        """The account if the password is right, else None.

        An unknown name takes as long as a wrong password, so that names cannot be guessed by the clock.
        """
        # Not hmac.digest: it gives the GIL away for a microsecond's work, then queues for it beside many viewers.
        both = f"{username}\0{password}".encode("utf-8", "replace")
        digest = hashlib.blake2b(both, key=self._key, digest_size=32).digest()
        rows = self._database.read("SELECT * FROM account WHERE username = ?", username)
        account = _account(rows[0]) if rows else None
        if account is not None and self._is_remembered(digest, account):
            return account
        is_right = check_password_hash(rows[0]["password_hash"] if rows else self._nobody_hash, password)
        if account is None or not is_right:
            return None
        self._remember(digest, account)
        return account

    @cached_property
    def _nobody_hash(self) -> str:
        """The hash that unknown names are checked against; made late, for it is as slow as the others."""
        return generate_password_hash(secrets.token_hex(), HASH_METHOD)

    def _is_remembered(self, digest: bytes, account: Account) -> bool:
        with self._lock:
            until, account_id, mark = self._remembered.get(digest, (0.0, 0, ""))
        return self._clock() < until and (account_id, mark) == (account.id, account.password_mark)

    def _remember(self, digest: bytes, account: Account) -> None:
        with self._lock:
            while len(self._remembered) >= REMEMBERED_MAX:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[digest] = (self._clock() + REMEMBERED_S, account.id, account.password_mark)


def check_password_rule(password: str) -> None:
    """:raises BadField: when the password is too short."""
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise BadField("password", f"a password needs at least {PASSWORD_CHARACTERS_MIN} characters")


def check_username(username: str) -> None:
    """:raises BadField: when the name cannot be used with HTTP Basic or on a page."""
    is_printable = username.isprintable() and username.strip() == username
    if not username or not is_printable or ":" in username or len(username) > USERNAME_CHARACTERS_MAX:
        raise BadField(
            "username",
            f"username {username[:80]!r}: needs 1..{USERNAME_CHARACTERS_MAX} printable characters without ':' "
            "and without spaces at its ends",
        )


def _account(row: sqlite3.Row) -> Account:
    role = Role.of(row["role"])
    return Account(row["id"], row["username"], role, _mark(row["password_hash"]), row["created_at"])


def _mark(password_hash: str) -> str:
    return hashlib.sha256(password_hash.encode()).hexdigest()[:16]
