"""The media library: every photo, video and timelapse, as rows that always have their file.

On add the file comes first and the row last, on remove the row goes first and the file last. What a
power cut leaves in between is put right by `store/repair.py`: a file without row gets one, a file whose
row went (table `removal`) goes too.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from errors import BadField, NotReady, StoreUnavailable
from store.database import Database
from store.folder import MediaFolder
from store.found import FoundFiles, Inspect
from store.media import Facts, Kind, Media, NewRow, media_of, text_of
from store.names import candidates, safe_stem, stem_of
from store.rows import FREE, mark

FILM_SUFFIX = ".mp4"

log = logging.getLogger(__name__)


class MediaLibrary(FoundFiles):
    """Rows in `database`, files in `folder`. Any thread may call any method.

    `_removing` is held while files are removed: a second one with an older list might remove a new file of that name.

    :param inspect: and `on_change`: see FoundFiles.
    """

    def __init__(
        self,
        database: Database,
        folder: MediaFolder,
        inspect: Inspect,
        on_change: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(database, folder, inspect, on_change)
        self._now = now
        self._removing = threading.Lock()

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
        new = NewRow(
            f"{stem_of(wish, date)}.jpg", kind, date, len(jpeg), facts,
            account_id=account_id, parent_id=parent_id, expires_at=expires_at,
        )  # fmt: skip
        temporary = self.folder.write_temporary(jpeg, ".jpg")
        try:
            return self._place(temporary, new)
        finally:
            temporary.unlink(missing_ok=True)

    def add_clip(
        self, folder: str, wish: str | None, date: datetime, size_bytes: int, facts: Facts, dropped: int = 0,
        account_id: int | None = None, kind: Kind = Kind.VIDEO, expires_at: datetime | None = None,
    ) -> Media:  # fmt: skip
        """A row for segments in `partial/<folder>` that are to become a film; not ready until `finish`."""
        with self._adding(kind) as claim:
            name = self._free_name(kind, candidates(stem_of(wish, date), FILM_SUFFIX), claim)
            new = NewRow(
                name, kind, date, size_bytes, facts, dropped,
                account_id=account_id, folder=folder, expires_at=expires_at,
            )  # fmt: skip
            return self._added(self._insert(new))

    def finish(self, media_id: int, film: Path, facts: Facts) -> Media:
        """The segments of an item have become `film`, a file on the media disk: it takes their place.

        :raises NoSuchItem: when the item was removed meanwhile; then the film is where it was, or gone too.
        """
        media = self.get(media_id)
        with self._adding(media.kind, besides=media.filename) as claim:
            stem = Path(media.filename).stem
            size_bytes = film.stat().st_size
            name = self.folder.place(film, media.kind, candidates(stem, film.suffix), claim.is_taken)
            return self.found_finished(media, name, size_bytes, facts)

    def found_finished(self, media: Media, filename: str, size_bytes: int, facts: Facts) -> Media:
        """The film of an item lies in its folder under this name; its segments are not needed any more.

        :param media: as it was when the film got its name. If it was renamed since, so is the film; if it was removed,
            the film goes as well, else check and repair would bring back what somebody removed.
        :raises NoSuchItem: when it was removed, or the list begun anew.
        """
        segments = f"partial/{media.folder}"
        with self._database.transaction() as connection:
            now = connection.execute("SELECT filename FROM media WHERE id = ?", (media.id,)).fetchone()
            connection.execute(
                "UPDATE media SET ready = 1, folder = NULL, fault = NULL, filename = ?, size_bytes = ?, width_px = ?,"
                " height_px = ?, duration_s = ?, frames = ? WHERE id = ?",
                (filename, size_bytes, facts.width_px, facts.height_px, facts.duration_s, facts.frames, media.id),
            )
            if now is None and self._is_going(connection, segments):
                mark(connection, [f"{media.kind.folder}/{filename}"])
            mark(connection, [segments] if media.folder else [])
        self.remove_marked()
        if now and now["filename"] != media.filename:
            return self.rename(media.id, Path(now["filename"]).stem)
        return self._added(media.id)

    def _is_going(self, connection: sqlite3.Connection, path: str) -> bool:
        """True when a file or folder is to be removed, or was."""
        is_marked = connection.execute("SELECT 1 FROM removal WHERE path = ?", (path,)).fetchone() is not None
        return is_marked or not (self.folder.root / path).exists()

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
        is_done = False
        while not is_done:
            media, stem = self.get(media_id), safe_stem(wish)
            old = Path(media.filename)
            stem = safe_stem(stem.removesuffix(old.suffix)) or stem
            if not stem:
                raise BadField("name", f"name {wish[:40]!r} has nothing in it that can be a file name")
            if stem == old.stem:
                return media
            is_done = self._renamed(media, stem)
        return self._added(media_id)

    def _renamed(self, media: Media, stem: str) -> bool:
        """False, and nothing is changed, when the item is no longer as it was: it became a film, say."""
        names = candidates(stem, Path(media.filename).suffix)
        with self._adding(media.kind) as claim:
            if media.ready:
                self.path_of(media)
                new = self.folder.copy_to_new_name(media.kind, media.filename, names, claim.is_taken)
            else:
                new = self._free_name(media.kind, names, claim)
            with self._database.transaction() as connection:
                is_done = connection.execute(
                    "UPDATE media SET filename = ? WHERE id = ? AND filename = ? AND ready = ?",
                    (new, media.id, media.filename, media.ready),
                ).rowcount
                mark(connection, [f"{media.kind.folder}/{media.filename if is_done else new}"] if media.ready else [])
        self.remove_marked()
        return bool(is_done)

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

    def remove(
        self, media_ids: Sequence[int], is_to_make_room: bool = False, are_protected_spared: bool = False
    ) -> int:
        """Remove items for good, rows first, then files; numbers that are not there are fine. Answers how many went.

        :param is_to_make_room: spare what is protected or on its way to become a film by now.
        :param are_protected_spared: spare what is protected by now.
        """
        removed, spared = 0, FREE if is_to_make_room else "protected = 0" if are_protected_spared else "TRUE"
        for some, places in self.bulk(media_ids):
            where = f"id IN {places} AND {spared}"
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
            paths = [row["path"] for row in self._database.browse("SELECT path FROM removal")]
            gone = [(path,) for path in paths if self._is_removed(path)]
            with self._database.transaction() as connection:
                connection.executemany("DELETE FROM removal WHERE path = ?", gone)
        return len(paths)

    def _is_removed(self, path: str) -> bool:
        try:
            self.folder.remove(path)
        except StoreUnavailable as error:
            log.warning("%s; it is tried again at the next start", error)
            return False
        return True

    def _change(self, media_id: int, column: str, value: str | None) -> Media:
        with self._database.transaction() as connection:
            connection.execute(f"UPDATE media SET {column} = ? WHERE id = ?", (value, media_id))
        return self._added(media_id)


def _paths_of(media: Media) -> list[str]:
    """Everything of an item in the media folder, from its root."""
    film_or_segments = f"{media.kind.folder}/{media.filename}" if media.ready else f"partial/{media.folder}"
    return [film_or_segments, f"thumbs/{media.id}.jpg"]
