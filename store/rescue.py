"""What is done about a damaged database file: keep it aside, carry over what can still be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

# In this order, because media rows name their accounts.
TABLES = ("account", "setting", "media", "preset", "removal")


def set_aside(path: Path) -> Path:
    """Give a database file, and what SQLite keeps beside it, another name; answers the new one."""
    stem = f"{path.name}.damaged-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    aside = path.with_name(stem)
    number = 2
    while aside.exists():
        aside, number = path.with_name(f"{stem}-{number}"), number + 1
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    return aside


def carry_over(damaged: Path, connection: sqlite3.Connection) -> str:
    """Copy every row that can be read into the new database; answers how many of what, in words."""
    # Opened immutable, because a write-ahead log beside a damaged file is damaged too more often than not.
    with closing(sqlite3.connect(f"{damaged.as_uri()}?mode=ro&immutable=1", uri=True)) as old:
        counts = {table: _carry_table(table, old, connection) for table in TABLES}
    with connection:
        connection.execute("UPDATE media SET account_id = NULL WHERE account_id NOT IN (SELECT id FROM account)")
        connection.execute("UPDATE media SET parent_id = NULL WHERE parent_id NOT IN (SELECT id FROM media)")
    connection.execute("PRAGMA foreign_keys = ON")
    found = [f"{count} of table {table}" for table, count in counts.items() if count]
    return ", ".join(found) if found else "nothing, all is made anew from the files"


def _carry_table(table: str, old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    """Rows up to the first that cannot be read; a row the new table refuses is left out."""
    new.execute("PRAGMA foreign_keys = OFF")
    count = 0
    with suppress(sqlite3.DatabaseError), new:
        cursor = old.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        sql = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        for row in _readable(cursor):
            with suppress(sqlite3.IntegrityError, sqlite3.OperationalError):
                count += new.execute(sql, row).rowcount
    return count


def _readable(cursor: sqlite3.Cursor) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    with suppress(sqlite3.DatabaseError):
        for row in cursor:
            rows.append(row)
    return rows
