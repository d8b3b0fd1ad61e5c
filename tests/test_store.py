"""The database file and the accounts in it."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from fakes import DEADLINE_S

from errors import BadField, NameTaken, StoreUnavailable
from rig import SCHEMA
from store.accounts import Account, Accounts, Role
from store.database import SCHEMA_VERSION, Database

TEXT = SCHEMA.read_text(encoding="utf-8")
PASSWORD = "correct horse"
# What the program's first version made.
VERSION_1 = """
CREATE TABLE account (
    id            INTEGER PRIMARY KEY,
    username      TEXT NOT NULL UNIQUE COLLATE NOCASE,
    email         TEXT UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'gunner', 'admin')),
    created_at    TEXT NOT NULL
);
CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO setting VALUES ('light', 'ffcc00');
PRAGMA user_version = 1;
"""


@pytest.fixture
def database(tmp_path: Path):
    found = Database(tmp_path / "deep" / "media.db", TEXT)
    found.open()
    yield found
    found.close()


def test_file_is_made_with_its_folder_and_for_us_alone(database: Database) -> None:
    assert stat.S_IMODE(database.path.stat().st_mode) == 0o600
    assert database.read("PRAGMA user_version")[0][0] == SCHEMA_VERSION
    with database.transaction() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        assert [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked] == ["wal", 2, 1]


def test_what_was_kept_is_there_after_a_restart(database: Database) -> None:
    database.keep_setting("color", "ffcc00")
    database.keep_setting("color", "00ff00")
    database.close()
    again = Database(database.path, TEXT)
    again.open()
    assert (again.setting("color"), again.setting("none")) == ("00ff00", None)
    again.close()
    again.close()


def test_transaction_that_fails_changes_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.transaction() as connection:
        connection.execute("INSERT INTO setting VALUES ('a', 'b')")
        raise RuntimeError
    assert database.setting("a") is None


def test_nobody_who_reads_waits_for_what_is_being_written(database: Database) -> None:
    """A commit waits for the card; every request looks up an account, also somebody's STOP."""
    database.keep_setting("a", "before")
    with ThreadPoolExecutor() as pool:
        with database.transaction() as connection:
            connection.execute("UPDATE setting SET value = 'after'")
            assert pool.submit(database.setting, "a").result(timeout=DEADLINE_S) == "before", "while it is written"
        assert pool.submit(database.setting, "a").result(timeout=DEADLINE_S) == "after"


def test_what_reads_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        database.read("DELETE FROM setting RETURNING key")


def test_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreUnavailable, match="version 99, made by a newer Bagel Turret"):
        Database(database.path, TEXT).open()
    assert database.path.exists()


def test_file_that_is_no_database_is_kept_aside_and_said_so(tmp_path: Path, caplog) -> None:
    path = tmp_path / "media.db"
    path.write_bytes(b"not a database" * 1000)
    database = Database(path, TEXT)
    database.open()
    (aside,) = tmp_path.glob("media.db.damaged-*")
    assert aside.read_bytes() == b"not a database" * 1000
    assert database.rescued is not None
    assert aside.name in database.rescued
    assert database.rescued in caplog.text
    assert database.setting("x") is None, "the new one is in use"
    database.close()


def test_what_a_damaged_database_still_holds_is_carried_over(tmp_path: Path) -> None:
    """People keep their accounts when one page of the file is broken."""
    path = tmp_path / "media.db"
    database = Database(path, TEXT)
    database.open()
    Accounts(database).add("Ann", PASSWORD, Role.ADMIN)
    with database.transaction() as connection:
        rows = [(f"{number}.jpg", "photo", "2026-01-01T00:00:00.000Z", 1, 1, 1) for number in range(5000)]
        connection.executemany(
            "INSERT INTO media (filename, kind, date, size_bytes, width_px, height_px) VALUES (?, ?, ?, ?, ?, ?)", rows
        )
    database.close()
    content = bytearray(path.read_bytes())
    content[-40 * 4096 : -20 * 4096] = b"\xff" * (20 * 4096)
    path.write_bytes(content)
    again = Database(path, TEXT)
    again.open()
    assert again.rescued is not None
    assert Accounts(again).verified("Ann", PASSWORD) is not None
    assert again.read("PRAGMA quick_check(1)")[0][0] == "ok"
    again.close()


def test_database_of_version_1_is_brought_up_and_is_like_a_new_one(tmp_path: Path) -> None:
    def shape(path: Path) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(path)) as connection:
            return sorted(map(tuple, connection.execute("SELECT type, name, sql FROM sqlite_master")))

    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(VERSION_1)
    for path in (old, new):
        database = Database(path, TEXT)
        database.open()
        assert database.read("PRAGMA user_version")[0][0] == SCHEMA_VERSION
        if path is old:
            assert database.setting("light") == "ffcc00"
        database.close()
    assert shape(old) == shape(new)


def test_database_of_version_2_is_brought_up_and_keeps_its_items(tmp_path: Path) -> None:
    """Version 2 had no `expires_at`; its items follow [retention] alone."""
    path = tmp_path / "media.db"
    lines = [line for line in TEXT.splitlines() if "media_that_expire" not in line and "expires_at TEXT" not in line]
    parent = "    parent_id  INTEGER REFERENCES media (id) ON DELETE SET NULL"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("\n".join(lines).replace(f"{parent},", parent))
        connection.execute(
            "INSERT INTO media (filename, kind, date, size_bytes, width_px, height_px)"
            " VALUES ('cat.jpg', 'photo', '2026-01-01T00:00:00.000Z', 1, 1, 1)"
        )
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
    database = Database(path, TEXT)
    database.open()
    (row,) = database.read("SELECT * FROM media")
    assert (row["filename"], row["expires_at"]) == ("cat.jpg", None)
    assert database.read("PRAGMA user_version")[0][0] == SCHEMA_VERSION
    database.close()
    new = Database(tmp_path / "new.db", TEXT)
    new.open()
    columns = [tuple(row) for row in new.read("SELECT name, type, \"notnull\" FROM pragma_table_info('media')")]
    new.close()
    database.open()
    assert columns == [
        tuple(row) for row in database.read("SELECT name, type, \"notnull\" FROM pragma_table_info('media')")
    ]
    database.close()


@pytest.mark.parametrize("column", ["parent_id", "account_id"])
def test_row_that_goes_does_not_look_at_all_others(database: Database, column: str) -> None:
    """Removing 100 of 20,000 items took 10 s: SQLite read the whole table for each, to find rows that point to it."""
    (plan,) = database.read(f"EXPLAIN QUERY PLAN SELECT id FROM media WHERE {column} = 1")
    assert "USING" in plan["detail"]
    assert "SCAN" not in plan["detail"]


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match=r"file/media\.db cannot be used"):
        Database(tmp_path / "file" / "media.db", TEXT).open()


def test_closed_database_says_so(database: Database) -> None:
    database.close()
    with pytest.raises(StoreUnavailable, match="is closed"):
        database.setting("x")


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


def test_password_opens_only_its_account(accounts: Accounts) -> None:
    made = accounts.add("Ann", PASSWORD, Role.VIEWER)
    assert accounts.verified("Ann", PASSWORD) == made == accounts.by_id(made.id)
    assert accounts.verified("ann", PASSWORD) == made, "names do not depend on their case"
    assert accounts.verified("Ann", PASSWORD + " ") is None
    assert accounts.verified("Bob", PASSWORD) is None
    assert accounts.by_id(99) is None


def test_password_is_kept_as_a_salted_hash(accounts: Accounts, database: Database) -> None:
    accounts.add("a", PASSWORD, Role.ADMIN)
    accounts.add("b", PASSWORD, Role.ADMIN)
    hashes = [row["password_hash"] for row in database.read("SELECT password_hash FROM account")]
    assert PASSWORD not in "".join(hashes)
    assert hashes[0] != hashes[1]


def test_right_password_is_remembered_for_minutes_and_not_longer(database: Database, monkeypatch) -> None:
    now, checks = [0.0], []
    import store.accounts as module

    real = module.check_password_hash
    monkeypatch.setattr(module, "check_password_hash", lambda *a: checks.append(a) or real(*a))
    accounts = Accounts(database, clock=lambda: now[0])
    accounts.add("a", PASSWORD, Role.VIEWER)
    for moment, slow_checks in ((0.0, 1), (299.0, 1), (301.0, 2)):
        now[0] = moment
        assert isinstance(accounts.verified("a", PASSWORD), Account)
        assert len(checks) == slow_checks


def test_remembered_password_does_not_outlive_a_change(accounts: Accounts, database: Database) -> None:
    accounts.add("a", PASSWORD, Role.VIEWER)
    assert accounts.verified("a", PASSWORD)
    with database.transaction() as connection:
        connection.execute("DELETE FROM account")
    assert accounts.verified("a", PASSWORD) is None


def test_names_are_unique_whatever_their_case(accounts: Accounts) -> None:
    accounts.add("Ann", PASSWORD, Role.VIEWER)
    with pytest.raises(NameTaken, match="named ANN already"):
        accounts.add("ANN", PASSWORD, Role.VIEWER)


@pytest.mark.parametrize("name", ["", " a", "a ", "a:b", "a\nb", "a\0b", "x" * 65])
def test_names_that_cannot_be_used_are_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(BadField, match="username"):
        accounts.add(name, PASSWORD, Role.VIEWER)


def test_short_password_is_refused(accounts: Accounts) -> None:
    with pytest.raises(BadField, match="at least 8 characters"):
        accounts.add("a", "1234567", Role.VIEWER)


def test_role_outside_the_ladder_is_refused_by_the_table(database: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as connection:
        connection.execute("INSERT INTO account VALUES (1, 'a', NULL, 'h', 'king', 'now')")
