"""The media library: every photo, video and timelapse, as rows that always have their file.

On add the file comes first and the row last, on remove the row goes first and the file last. What a
power cut leaves in between is put right by `store/repair.py`: a file without row gets one, a file whose
row went (table `removal`) goes too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from errors import BadField, NameTaken, NoSuchItem, NotPlayable, NotReady, StoreUnavailable
from store.claims import Claim, Claims
from store.database import Database
from store.folder import MediaFolder
from store.media import Facts, Found, Kind, Media, media_of, text_of
from store.names import candidates, is_plain_name, safe_stem, stem_of
from store.rows import FREE, MediaRows, mark

FILM_SUFFIX = ".mp4"
SUFFIXES = {
    ".jpg": Kind.PHOTO, ".jpeg": Kind.PHOTO, ".png": Kind.PHOTO,
    ".mp4": Kind.VIDEO, ".mkv": Kind.VIDEO, ".webm": Kind.VIDEO, ".mov": Kind.VIDEO, ".avi": Kind.VIDEO,
}  # fmt: skip
Inspect = Callable[[Path, Kind], Facts]

log = logging.getLogger(__name__)


class MediaLibrary(MediaRows):
    """Rows in `database`, files in `folder`. Any thread may call any method.

    A name whose file may be there already and whose row is not yet is in `_claims`.
    `_removing` is held while files are removed: a second one with an older list might remove a new file of that name.

    :param inspect: reads a file's facts; raises NotPlayable when it is not what its kind says.
    :param on_change: called after every change, by the thread that made it; must not block.
    """

    def __init__(
        self,
        database: Database,
        folder: MediaFolder,
        inspect: Inspect,
        on_change: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(database)
        self.folder = folder
        self.on_change = on_change
        self._inspect = inspect
        self._now = now
        self._removing = threading.Lock()
        self._claims = Claims()

    def add_photo(
        self,
        jpeg: bytes,
        facts: Facts,
        wish: str | None = None,
        date: datetime | None = None,
        account_id: int | None = None,
        kind: Kind = Kind.PHOTO,
        parent_id: int | None = None,
        expires_at: datetime | None = None,
    ) -> Media:
        """Keep a picture whose `facts` are known from decoding it.

        :param wish: what it shall be called, without extension; None names it by its date.
        :param date: when it was shot; None is now.
        :param expires_at: when it goes, whatever [retention] says.
        :raises StoreUnavailable: when it cannot be written; nothing half-made stays behind.
        """
        date = date or self._now()
        temporary = self.folder.write_temporary(jpeg, ".jpg")
        try:
            stem = stem_of(wish, date)
            return self._place(temporary, kind, stem, ".jpg", facts, date, account_id, parent_id, expires_at)
        finally:
            temporary.unlink(missing_ok=True)

    def add_film(
        self, path: Path, kind: Kind, wish: str | None, date: datetime, account_id: int | None = None
    ) -> Media:
        """Take over a finished film that lies on the media disk.

        :raises NotPlayable: when it is none; it stays where it is.
        """
        facts = self._inspect(path, kind)
        return self._place(path, kind, stem_of(wish, date), path.suffix, facts, date, account_id, None)

    def add_clip(
        self, folder: str, wish: str | None, date: datetime, size_bytes: int, facts: Facts, dropped: int = 0,
        account_id: int | None = None, kind: Kind = Kind.VIDEO, expires_at: datetime | None = None,
    ) -> Media:  # fmt: skip
        """A row for segments in `partial/<folder>` that are to become a film; not ready until `finish`."""
        with self._adding() as claim:
            name = self._free_name(kind, candidates(stem_of(wish, date), FILM_SUFFIX), claim)
            row = (name, kind, text_of(date), size_bytes, facts, dropped, account_id, None, False, folder, expires_at)
            return self._added(self._insert(*row))

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
        facts = self._inspect(loose, found)
        date = datetime.fromtimestamp(loose.stat().st_mtime, UTC)
        return self._place(loose, found, stem_of(loose.stem, date), loose.suffix, facts, date, None, None)

    def finish(self, media_id: int, film: Path, facts: Facts) -> Media:
        """The segments of an item have become `film`, a file on the media disk: it takes their place.

        :raises NoSuchItem: when the item was removed meanwhile; then the film is where it was.
        """
        media = self.get(media_id)
        with self._adding(besides=media.filename) as claim:
            stem = Path(media.filename).stem
            size_bytes = film.stat().st_size
            name = self.folder.place(film, media.kind, candidates(stem, film.suffix), claim.is_taken)
            return self.found_finished(media, name, size_bytes, facts)

    def found_finished(self, media: Media, filename: str, size_bytes: int, facts: Facts) -> Media:
        """The film of an item lies in its folder under this name; its segments are not needed any more."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE media SET ready = 1, folder = NULL, fault = NULL, filename = ?, size_bytes = ?, width_px = ?,"
                " height_px = ?, duration_s = ?, frames = ? WHERE id = ?",
                (filename, size_bytes, facts.width_px, facts.height_px, facts.duration_s, facts.frames, media.id),
            )
            mark(connection, [f"partial/{media.folder}"] if media.folder else [])
        self.remove_marked()
        return self._added(media.id)

    def fail(self, media_id: int, why: str) -> None:
        """The segments of an item could not become a film; they are kept."""
        self._change(media_id, "fault", why)

    def retry(self, media_id: int) -> Media:
        """Forget why an item did not become a film, so that it is tried again."""
        return self._change(media_id, "fault", None)

    def path_of(self, media: Media) -> Path:
        """The file of an item.

        :raises NotReady: while it has none.
        """
        if not media.ready:
            raise NotReady(f"{media.filename} is not a film yet: {media.fault or 'it is still being made'}")
        path = self.folder.path_of(media.kind, media.filename)
        if not path.is_file():
            raise NotReady(
                f"the file of {media.filename} is gone; Check and repair on the database page puts that right"
            )
        return path

    def keep_thumb(self, media_id: int, jpeg: bytes) -> Path:
        """Keep the small picture of an item."""
        temporary, path = self.folder.write_temporary(jpeg, ".jpg"), self.folder.thumb_of(media_id)
        with self.folder.faults("cannot be written"):
            temporary.replace(path)
        return path

    def rename(self, media_id: int, wish: str) -> Media:
        """Call an item something else; its extension stays, and a name in use gets a number.

        :raises BadField: when nothing of the wish can be a file name.
        :raises NoSuchItem: when there is no such item.
        """
        media, stem = self.get(media_id), safe_stem(wish)
        old = Path(media.filename)
        stem = safe_stem(stem.removesuffix(old.suffix)) or stem
        if not stem:
            raise BadField("name", f"name {wish[:40]!r} has nothing in it that can be a file name")
        if stem == old.stem:
            return media
        names = candidates(stem, old.suffix)
        with self._adding() as claim:
            if media.ready:
                self.path_of(media)
                new = self.folder.copy_to_new_name(media.kind, media.filename, names, claim.is_taken)
            else:
                new = self._free_name(media.kind, names, claim)
            with self._database.transaction() as connection:
                connection.execute("UPDATE media SET filename = ? WHERE id = ?", (new, media_id))
                mark(connection, [f"{media.kind.folder}/{media.filename}"] if media.ready else [])
        self.remove_marked()
        return self._added(media_id)

    def redate(self, media_id: int, date: datetime) -> Media:
        """Say when an item was shot."""
        return self._change(media_id, "date", text_of(date))

    def protect(self, media_ids: Sequence[int], is_protected: bool = True) -> int:
        """Keep items from being removed to make room, or no longer; answers how many there are."""
        changed = 0
        for some, places in self.bulk(media_ids):
            with self._database.transaction() as connection:
                statement = f"UPDATE media SET protected = ? WHERE id IN {places}"
                changed += connection.execute(statement, (is_protected, *some)).rowcount
        self.on_change()
        return changed

    def remove(self, media_ids: Sequence[int], is_to_make_room: bool = False) -> int:
        """Remove items for good, rows first, then files; numbers that are not there are fine. Answers how many went.

        :param is_to_make_room: spare what is protected or on its way to become a film by now.
        """
        removed = 0
        for some, places in self.bulk(media_ids):
            where = f"id IN {places} AND {FREE}" if is_to_make_room else f"id IN {places}"
            with self._database.transaction() as connection:
                rows = connection.execute(f"SELECT * FROM media WHERE {where}", some).fetchall()
                mark(connection, [path for row in rows for path in _paths_of(media_of(row))])
                connection.execute(f"DELETE FROM media WHERE {where}", some)
            removed += len(rows)
            self.remove_marked()
        if removed:
            self.on_change()
        return removed

    def forget(self, media_ids: Sequence[int]) -> None:
        """Remove only the rows of items, whose files are gone."""
        for some, places in self.bulk(media_ids):
            with self._database.transaction() as connection:
                connection.execute(f"DELETE FROM media WHERE id IN {places}", some)
                mark(connection, [f"thumbs/{media_id}.jpg" for media_id in some])
        self.remove_marked()
        self.on_change()

    def remove_marked(self) -> int:
        """Remove the files that nothing refers to any more; answers how many entries there were."""
        with self._removing:
            paths = [row["path"] for row in self._database.read("SELECT path FROM removal")]
            gone = [(path,) for path in paths if self._is_removed(path)]
            with self._database.transaction() as connection:
                connection.executemany("DELETE FROM removal WHERE path = ?", gone)
        return len(paths)

    def is_being_added(self, filename: str) -> bool:
        """True while a file of that name has a right to have no row."""
        return filename in self._claims

    def _is_removed(self, path: str) -> bool:
        try:
            self.folder.remove(path)
        except StoreUnavailable as error:
            log.warning("%s; it is tried again at the next start", error)
            return False
        return True

    def _place(
        self, source: Path, kind: Kind, stem: str, suffix: str, facts: Facts, date: datetime,
        account_id: int | None, parent_id: int | None, expires_at: datetime | None = None,
    ) -> Media:  # fmt: skip
        size_bytes = source.stat().st_size
        with self._adding() as claim:
            name = self.folder.place(source, kind, candidates(stem, suffix), claim.is_taken)
            try:
                owner = (account_id, parent_id)
                values = (name, kind, text_of(date), size_bytes, facts, 0, *owner, True, None, expires_at)
                return self._added(self._insert(*values))
            except BaseException:
                self.folder.path_of(kind, name).replace(source)
                raise

    def _added(self, media_id: int) -> Media:
        media = self.get(media_id)
        self.on_change()
        return media

    def _change(self, media_id: int, column: str, value: str | None) -> Media:
        with self._database.transaction() as connection:
            connection.execute(f"UPDATE media SET {column} = ? WHERE id = ?", (value, media_id))
        return self._added(media_id)

    @contextmanager
    def _adding(self, besides: str | None = None) -> Iterator[Claim]:
        """A claim on names that no row bears.

        :param besides: a name whose row is the one that is being changed.
        """
        with self._claims.adding(lambda name: name != besides and self.by_name(name) is not None) as claim:
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


def _paths_of(media: Media) -> list[str]:
    """Everything of an item in the media folder, from its root."""
    film_or_segments = f"{media.kind.folder}/{media.filename}" if media.ready else f"partial/{media.folder}"
    return [film_or_segments, f"thumbs/{media.id}.jpg"]
