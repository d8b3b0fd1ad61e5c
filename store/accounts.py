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

from werkzeug.security import check_password_hash, generate_password_hash

from errors import BadField
from store.database import Database
from store.faults import unique

HASH_METHOD = "scrypt:32768:8:1"  # 32 MB and 0.1 s here, 0.5 s on a Pi; OWASP asks for no less
REMEMBERED_S = 300.0
REMEMBERED_MAX = 256
PASSWORD_CHARACTERS_MIN = 8
USERNAME_CHARACTERS_MAX = 64


class Role(IntEnum):
    """What an account may do; each includes those below."""

    VIEWER = 1
    OPERATOR = 2
    GUNNER = 3
    ADMIN = 4


@dataclass(frozen=True)
class Account:
    """One person. `password_mark` changes with the password and says nothing about it."""

    id: int
    username: str
    role: Role
    password_mark: str


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
        _check_username(username)
        check_password_rule(password)
        password_hash = generate_password_hash(password, HASH_METHOD)
        values = (username, password_hash, role.name.lower(), datetime.now(UTC).isoformat())
        unique_name = unique("account.username", f"there is an account named {username} already")
        with unique_name, self._database.transaction() as connection:
            row_id = connection.execute(
                "INSERT INTO account (username, password_hash, role, created_at) VALUES (?, ?, ?, ?)", values
            ).lastrowid
        return Account(int(row_id or 0), username, role, _mark(password_hash))

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


def _check_username(username: str) -> None:
    """:raises BadField: when the name cannot be used with HTTP Basic or on a page."""
    is_printable = username.isprintable() and username.strip() == username
    if not username or not is_printable or ":" in username or len(username) > USERNAME_CHARACTERS_MAX:
        raise BadField(
            "username",
            f"username {username[:80]!r}: needs 1..{USERNAME_CHARACTERS_MAX} printable characters without ':' "
            "and without spaces at its ends",
        )


def _account(row: sqlite3.Row) -> Account:
    return Account(row["id"], row["username"], Role[row["role"].upper()], _mark(row["password_hash"]))


def _mark(password_hash: str) -> str:
    return hashlib.sha256(password_hash.encode()).hexdigest()[:16]
