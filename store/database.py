"""The SQLite file: opening, upgrading, and connections that threads take turns on: one writes, the others read.

Every request looks up an account. Beside a commit that waits for its card, so would everybody's STOP if it had to wait
for the same connection; with a write-ahead log (sqlite.org/wal.html) readers do not wait for a writer. Nor does it wait
for somebody's search through the whole library: lists are read on connections of their own.

A card that is full must not end the live picture: a database that exists but cannot be written is
opened for reading only (`is_read_only`). A damaged one is kept aside, and what can be read of it is
carried over into a new one (`rescued` says so).
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from errors import StoreUnavailable
from store.faults import BUSY_TIMEOUT_S, DAMAGED, LOCKED, cause_of, code_of
from store.readers import Readers
from store.rescue import carry_over, set_aside

SCHEMA_VERSION = 4
# Version -> what the schema alone cannot do to a file of that version; done before it.
STEPS = {2: "ALTER TABLE media ADD COLUMN expires_at TEXT;"}
PRIVATE_FILE = 0o600
# Reading past a lock or a damage would show what is not so.
NOT_FOR_READING = (*DAMAGED, *LOCKED)
# So many lists are read at a time; a second one need not wait for somebody's search through 100,000 names.
BROWSERS = 2

log = logging.getLogger(__name__)


class Database:
    """One database file. `_lock` guards `_connection` and is held for one short transaction. A SELECT sees what was
    committed before it: on `_reader` what every request needs, on `_browsers` what may take long.

    :param path: the file; it and its folder are made when missing.
    :param schema: SQL that brings an empty file, and one of any earlier version, to SCHEMA_VERSION. It only adds;
        what an earlier version needs besides stands in STEPS.
    :ivar rescued: what was done about a damaged file; None when it was sound.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self.is_read_only = False
        self.rescued: str | None = None
        self._schema = schema
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._reader = Readers(1)
        self._browsers = Readers(BROWSERS)

    def open(self, is_to_rescue: bool = True) -> None:
        """Open, create or upgrade the file.

        :param is_to_rescue: begin a new file when this one is damaged; never while another process uses it.
        :raises StoreUnavailable: names the file and what is wrong; nothing half-made stays behind.
        """
        was_there = self.path.exists()
        try:
            try:
                self._connection = self._opened_for_writing()
            except sqlite3.DatabaseError as error:
                if not (is_to_rescue and code_of(error) in DAMAGED):
                    raise
                self._connection = self._made_anew(error)
            self._open_readers(f"{self.path.as_uri()}?mode=ro")
        except (sqlite3.Error, OSError) as error:
            if was_there and code_of(error) not in NOT_FOR_READING and self._open_for_reading(error):
                return
            if not was_there:
                self._remove_half_made()
            raise StoreUnavailable(f"the database {self.path} cannot be used: {cause_of(error, self.path)}") from error

    def close(self) -> None:
        """Close the file; works twice."""
        self._browsers.close()
        self._reader.close()
        with self._lock:
            writer, self._connection = self._connection, None
        if writer is not None:
            writer.close()  # last, and so it tidies up the log

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection, inside a transaction that is kept only if the block ends well.

        :raises StoreUnavailable: when SQLite fails; constraint violations pass as sqlite3.IntegrityError.
        """
        with self._lock:
            connection = self._checked(self._connection)
            try:
                with connection:
                    yield connection
            except sqlite3.IntegrityError:
                raise
            except sqlite3.Error as error:
                raise self._failure(error) from error

    def read(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of one SELECT that is quick however much is kept; never waits for a transaction, nor for `browse`.

        :raises StoreUnavailable: when SQLite fails.
        """
        return self._select(self._reader, sql, values)

    def browse(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """As `read`, for what may take long and may wait for others of its kind."""
        return self._select(self._browsers, sql, values)

    def _select(self, readers: Readers, sql: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
        with readers.one() as found:
            connection = self._checked(found)
            try:
                return connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise self._failure(error) from error

    def _open_readers(self, uri: str) -> None:
        self._reader.open(lambda: self._connected(uri))
        self._browsers.open(lambda: self._connected(uri))

    def _checked(self, connection: sqlite3.Connection | None) -> sqlite3.Connection:
        if connection is None:
            raise StoreUnavailable(f"the database {self.path} is closed")
        return connection

    def _failure(self, error: sqlite3.Error) -> StoreUnavailable:
        return StoreUnavailable(f"the database {self.path} failed: {cause_of(error, self.path)}")

    def setting(self, key: str) -> str | None:
        """What was kept under `key`, or None."""
        rows = self.read("SELECT value FROM setting WHERE key = ?", key)
        return rows[0]["value"] if rows else None

    def keep_setting(self, key: str, value: str) -> None:
        """Keep `value` under `key`, over a restart."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def forget_setting(self, key: str) -> None:
        """Keep nothing under `key` any more."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM setting WHERE key = ?", (key,))

    def _opened_for_writing(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE))
        connection = self._connected(self.path.as_uri())
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            _check_sound(connection)
            self._upgrade(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _made_anew(self, fault: sqlite3.Error) -> sqlite3.Connection:
        """A new file with what can be read of the damaged one, which is kept aside."""
        aside = set_aside(self.path)
        connection = self._opened_for_writing()
        carried = carry_over(aside, connection)
        self.rescued = f"the database was damaged ({fault}); it is kept as {aside.name}, carried over: {carried}"
        log.error("%s", self.rescued)
        return connection

    def _upgrade(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise StoreUnavailable(
                f"the database {self.path} is of version {version}, made by a newer Bagel Turret; "
                f"this one knows versions up to {SCHEMA_VERSION}"
            )
        if version < SCHEMA_VERSION:
            step = STEPS.get(version, "")
            connection.executescript(
                f"BEGIN;\n{step}\n{self._schema}\nPRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;"
            )

    def _open_for_reading(self, fault: Exception) -> bool:
        """Open the existing file without touching the disk; False when there is nothing usable in it."""
        uri = f"{self.path.as_uri()}?mode=ro&immutable=1"
        try:
            connection = self._connected(uri)
            connection.execute("SELECT count(*) FROM account").fetchone()
            self._open_readers(uri)
        except sqlite3.Error:
            return False
        self._connection, self.is_read_only = connection, True
        log.error("the database %s is open for reading only: %s", self.path, cause_of(fault, self.path))
        return True

    def _connected(self, uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        return connection

    def _remove_half_made(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):  # on a path that could not be made there is nothing to remove
                Path(f"{self.path}{suffix}").unlink()


def _check_sound(connection: sqlite3.Connection) -> None:
    """:raises sqlite3.DatabaseError: when a page of the file does not make sense."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        error = sqlite3.DatabaseError(str(found).splitlines()[-1])
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
