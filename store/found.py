"""How files come to be items: one that we made, or that somebody put into the media folder, gets a name and a row.

The file comes first and its row last. While a file has a right to have no row yet, its name is in the claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from errors import BadField, NameTaken, NoSuchItem, NotPlayable
from store.claims import Claim, Claims
from store.database import Database
from store.folder import MediaFolder
from store.media import Facts, Found, Kind, Media, NewRow
from store.names import candidates, is_plain_name, stem_of
from store.rows import MediaRows

SUFFIXES = {
    ".jpg": Kind.PHOTO, ".jpeg": Kind.PHOTO, ".png": Kind.PHOTO,
    ".mp4": Kind.VIDEO, ".mkv": Kind.VIDEO, ".webm": Kind.VIDEO, ".mov": Kind.VIDEO, ".avi": Kind.VIDEO,
}  # fmt: skip
Inspect = Callable[[Path, Kind], Facts]


class FoundFiles(MediaRows):
    """Files that get rows. Any thread may call any method.

    A name whose file may be there already and whose row is not yet is in `_claims`.

    :param inspect: reads a file's facts; raises NotPlayable when it is not what its kind says.
    :param on_change: called after every change, by the thread that made it; must not block.
    """

    def __init__(
        self, database: Database, folder: MediaFolder, inspect: Inspect, on_change: Callable[[], None]
    ) -> None:
        super().__init__(database)
        self.folder = folder
        self.on_change = on_change
        self._inspect = inspect
        self._claims = Claims()

    def add_found(self, kind: Kind, filename: str) -> Media:
        """A row for a file that somebody put into its folder; its date is that of the file.

        :raises NameTaken: when it has a row already.
        :raises NoSuchItem: when there is no such file.
        :raises NotPlayable: when it is not what its name and folder say.
        """
        found = self.look_at(kind, filename)
        if not self._insert_found([found]):
            raise NameTaken(f"{filename} is in the library already")
        media = self.by_name(filename)
        assert media is not None
        self.on_change()
        return media

    def add_many_found(self, found: Sequence[Found]) -> list[str]:
        """Rows for files that `look_at` has seen; answers the names of those that had none."""
        names = self._insert_found(found)
        self.on_change()
        return names

    def look_at(self, kind: Kind, filename: str) -> Found:
        """What a row for a file would say; raises as `add_found`."""
        path = self._found(kind, filename)
        if self.by_name(filename) is not None:
            raise NameTaken(f"{filename} is in the library already")
        if self.is_in_use(kind, filename):
            raise NameTaken(f"{filename} bears the name of an item that was removed and whose file is about to go")
        facts = self._inspect(path, kind)
        stat = path.stat()
        return Found(kind, filename, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC), facts)

    def adopt(self, filename: str) -> Media:
        """As `add_found`, wherever in the media folder the file lies; from its root it moves into the right folder.

        :raises NotPlayable: when its name says neither picture nor film.
        """
        if not is_plain_name(filename):
            raise BadField("filename", f"filename {filename[:60]!r} is not the plain name of a file")
        for kind in Kind:
            if self.folder.path_of(kind, filename).is_file():
                return self.add_found(kind, filename)
        loose = self.folder.root / filename
        found = SUFFIXES.get(loose.suffix.lower())
        if loose.is_symlink() or not loose.is_file():
            raise NoSuchItem(f"there is no file {filename} in {self.folder.root}")
        if found is None:
            raise NotPlayable(f"{filename} is neither a picture nor a film: {', '.join(SUFFIXES)}")
        facts, stat = self._inspect(loose, found), loose.stat()
        date = datetime.fromtimestamp(stat.st_mtime, UTC)
        name = stem_of(loose.stem, date) + loose.suffix
        return self._place(loose, NewRow(name, found, date, stat.st_size, facts))

    def is_being_added(self, filename: str) -> bool:
        """True while a file of that name has a right to have no row."""
        return filename in self._claims

    def _place(self, source: Path, new: NewRow) -> Media:
        """Move a file to where it belongs, under the name of its row or, if that is in use, one with a number."""
        wished = Path(new.filename)
        with self._adding(new.kind) as claim:
            names = candidates(wished.stem, wished.suffix)
            name = self.folder.place(source, new.kind, names, claim.is_taken)
            try:
                media_id = self._insert(replace(new, filename=name))
            except BaseException:
                self.folder.path_of(new.kind, name).replace(source)
                raise
        return self._added(media_id)

    def _added(self, media_id: int) -> Media:
        media = self.get(media_id)
        self.on_change()
        return media

    @contextmanager
    def _adding(self, kind: Kind, besides: str | None = None) -> Iterator[Claim]:
        """A claim on names that no row bears, and no file of this kind that is to be removed.

        :param besides: a name whose row is the one that is being changed.
        """
        with self._claims.adding(lambda name: self.is_in_use(kind, name, besides)) as claim:
            yield claim

    def _free_name(self, kind: Kind, names: Iterator[str], claim: Claim) -> str:
        """The first name that neither a row nor a file bears."""
        return next(name for name in names if not claim.is_taken(name) and not self.folder.path_of(kind, name).exists())

    def _found(self, kind: Kind, filename: str) -> Path:
        if not is_plain_name(filename):
            raise BadField("filename", f"filename {filename[:60]!r} is not the plain name of a file")
        path = self.folder.path_of(kind, filename)
        if path.is_symlink() or not path.is_file():
            raise NoSuchItem(f"there is no file {filename} in {path.parent}")
        return path
