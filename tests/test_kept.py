"""A text kept over restarts, also with a database that cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import StoreUnavailable
from rig import SCHEMA
from store.database import Database
from store.kept import Kept


def _opened(path: Path) -> Database:
    database = Database(path, SCHEMA.read_text(encoding="utf-8"))
    database.open()
    return database


def test_the_text_kept_last_is_there_after_a_restart_until_it_is_forgotten(tmp_path: Path) -> None:
    for text in ("first", "second", None):
        database = _opened(tmp_path / "media.db")
        Kept(database, "light").keep(text)
        database.close()
        again = _opened(tmp_path / "media.db")
        assert (Kept(again, "light").load(), Kept(again, "other").load()) == (text, None)
        again.close()


def test_only_who_wants_to_know_is_told_that_nothing_can_be_kept(tmp_path: Path) -> None:
    database = _opened(tmp_path / "media.db")
    Kept(database, "light").keep("ffcc00")
    database.close()
    (tmp_path / "media.db-wal").mkdir()  # as on a full disk: the log cannot be made
    database = _opened(tmp_path / "media.db")
    assert database.is_read_only
    for text in ("00ff00", None):
        Kept(database, "light", is_quiet=True).keep(text)
        with pytest.raises(StoreUnavailable):
            Kept(database, "light").keep(text)
    assert Kept(database, "light", is_quiet=True).load() == "ffcc00"
    database.close()
