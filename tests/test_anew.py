"""A new list of media: everything that is not the list stays, and the list is kept as a copy."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clips import small_disk
from library_by_hand import FACTS, files_in, inspect, jpeg_of, opened_library

from errors import StoreUnavailable
from store.accounts import Accounts, Role
from store.anew import new_database
from store.library import MediaLibrary
from store.repair import Repair

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_rows_go_and_files_accounts_and_settings_stay(library: MediaLibrary, root: Path) -> None:
    for number in range(3):
        made = library.add_photo(jpeg_of(), FACTS, f"cat{number}", NOON)
        library.keep_thumb(made.id, jpeg_of())
    Accounts(library.database).add("Ann", "correct horse", Role.ADMIN)
    library.database.keep_setting("light", "ffcc00")
    done = new_database(library.database, library)
    assert done.forgotten == 3
    assert library.page().items == ()
    assert files_in(root) == {"photos/cat0.jpg", "photos/cat1.jpg", "photos/cat2.jpg"}, "small pictures are made again"
    assert Accounts(library.database).verified("Ann", "correct horse") is not None
    assert library.database.setting("light") == "ffcc00"


def test_copy_is_whole_sound_and_as_private_as_the_original(library: MediaLibrary) -> None:
    library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    library.protect([1])
    copies = [new_database(library.database, library).copy for _ in range(2)]
    assert len(set(copies)) == 2, "a second one in the same second does not replace the first"
    with closing(sqlite3.connect(copies[0])) as old:
        assert old.execute("SELECT filename, protected FROM media").fetchall() == [("cat.jpg", 1)]
        assert old.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    assert stat.S_IMODE(copies[0].stat().st_mode) == 0o600


def test_check_makes_rows_again_and_numbers_never_come_back(library: MediaLibrary) -> None:
    old = library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    new_database(library.database, library)
    assert Repair(library, inspect).run().added == ("cat.jpg",)
    found = library.by_name("cat.jpg")
    assert found.id > old.id, "a page that is still open must not show another item under this number"


def test_disk_too_full_for_the_copy_forgets_nothing(tmp_path: Path) -> None:
    if os.geteuid() and not os.environ.get("CI"):
        pytest.skip("only root can mount a small disk")
    with small_disk(tmp_path / "disk", "2m") as disk, opened_library(disk / "media") as library:
        library.add_photo(jpeg_of(), FACTS, "cat", NOON)
        (disk / "ballast").write_bytes(bytes(os.statvfs(disk).f_bavail * 4096 - 8192))
        with pytest.raises(StoreUnavailable, match="full"):
            new_database(library.database, library)
        assert [media.filename for media in library.page().items] == ["cat.jpg"]
        assert not list((disk / "media").glob("*.before-*"))
