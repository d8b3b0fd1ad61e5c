"""What SQLite's errors mean, in our errors and in words that say what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import NameTaken, StoreUnavailable

BUSY_TIMEOUT_S = 5.0
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def unique(column: str, taken: str) -> Iterator[None]:
    """Turn what a constraint refuses in this block into our errors.

    :param column: what must not be there twice: `table.column`.
    :param taken: what is said then.
    :raises NameTaken: when it is there already.
    :raises StoreUnavailable: when it was another constraint; names it.
    """
    try:
        yield
    except sqlite3.IntegrityError as error:
        is_unique = error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE
        if is_unique and column in str(error).removeprefix("UNIQUE constraint failed: ").split(", "):
            raise NameTaken(taken) from None
        raise StoreUnavailable(f"the database refused a row: {error}") from error


def code_of(error: Exception) -> int | None:
    """SQLite's primary result code (sqlite.org/rescode.html)."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def cause_of(error: Exception, path: Path) -> str:
    """What went wrong in words that say what to do."""
    if code_of(error) in LOCKED:
        return f"{error}; another program has been writing to it for {BUSY_TIMEOUT_S:g} s, try again when it is done"
    if code_of(error) in DAMAGED:
        return f"{error}; stop the program and run `database_manager.py check`, which keeps it aside and rebuilds it"
    try:
        space = os.statvfs(path.parent)
    except OSError:
        return str(error)
    if space.f_bavail * space.f_frsize < 1024 * 1024:
        return f"{error}; the disk of {path.parent} is full, free some space"
    return str(error)
