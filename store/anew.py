"""A new, empty list of media, without throwing the old one away."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from errors import StoreUnavailable
from store.database import PRIVATE_FILE, Database
from store.folder import sync_folder
from store.library import MediaLibrary


@dataclass(frozen=True)
class Anew:
    """What a new list costs.

    :ivar copy: the whole database as it was, beside the new one.
    :ivar forgotten: how many rows are gone; their files are where they were.
    """

    copy: Path
    forgotten: int


def new_database(database: Database, library: MediaLibrary) -> Anew:
    """Forget every item, keep every file, and keep a copy of the database first.

    Accounts, settings and presets stay. Lost are dates given by hand, protection, and who made what; the next check and
    repair, at the latest at the next start, makes rows for the files again.

    :raises StoreUnavailable: when the copy cannot be made or the database cannot be written; then nothing is forgotten.
    """
    library.folder.check()
    copy = _kept_copy(database)
    with database.transaction() as connection:
        # Small pictures go by the number of their item, and numbers never come back.
        connection.execute("INSERT OR IGNORE INTO removal (path) SELECT 'thumbs/' || id || '.jpg' FROM media")
        forgotten = connection.execute("DELETE FROM media").rowcount
    library.remove_marked()
    library.on_change()
    return Anew(copy, forgotten)


def _kept_copy(database: Database) -> Path:
    """A copy that holds as much as the original, and is as private."""
    path = _free_name(database.path)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
        try:
            _take_owner(path, database.path)
            with database.transaction() as connection:
                connection.execute("VACUUM INTO ?", (str(path),))
            _force_to_disk(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreUnavailable(f"the database cannot be copied to {path}: {error.strerror}") from error
    return path


def _free_name(path: Path) -> Path:
    stem = f"{path.name}.before-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    found, number = path.with_name(stem), 2
    while found.exists():
        found, number = path.with_name(f"{stem}-{number}"), number + 1
    return found


def _take_owner(path: Path, of: Path) -> None:
    """What root makes for the program's user must be his."""
    if os.geteuid() == 0:
        owner = of.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _force_to_disk(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
    sync_folder(path.parent)
