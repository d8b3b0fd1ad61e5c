"""A media library for tests: real files, a real database, pictures that cost nothing."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import simplejpeg
from fakes import jpeg_of

from errors import NotPlayable
from rig import SCHEMA
from store.database import Database
from store.folder import MediaFolder
from store.library import MediaLibrary
from store.media import Facts, Kind, Media

__all__ = ["FACTS", "FILM", "FILM_FACTS", "add_film", "files_in", "inspect", "jpeg_of", "opened_library"]

FACTS = Facts(64, 48)
FILM = b"a film of 2 s"
FILM_FACTS = Facts(64, 48, 2.0, 60)


def inspect(path: Path, kind: Kind) -> Facts:
    """As the real one, but a film is what FILM says."""
    content = path.read_bytes()
    if kind is Kind.PHOTO:
        try:
            height_px, width_px, *_ = simplejpeg.decode_jpeg(content).shape
        except ValueError as error:
            raise NotPlayable(f"{path.name} is not a picture: {error}") from None
        return Facts(width_px, height_px)
    if content != FILM:
        raise NotPlayable(f"{path.name} is not a film")
    return FILM_FACTS


@contextmanager
def opened_library(root: Path, **options):
    """A library over the folder `root`, which is made."""
    root.mkdir(parents=True, exist_ok=True)
    folder = MediaFolder(root, root / "no-fstab")
    folder.open()
    with closing(Database(root / "media.db", SCHEMA.read_text(encoding="utf-8"))) as database:
        database.open()
        library = MediaLibrary(database, folder, inspect, **options)
        library.database = database
        yield library


def add_film(library: MediaLibrary, film: Path, kind: Kind, name: str, date: datetime) -> Media:
    """An item of a finished film that lies on the media disk."""
    target = film.rename(library.folder.path_of(kind, f"{name}{film.suffix}"))
    os.utime(target, (date.timestamp(), date.timestamp()))
    return library.add_found(kind, target.name)


def files_in(root: Path) -> set[str]:
    """Every file below `root` but the database, from the root."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and "media.db" not in path.name}
