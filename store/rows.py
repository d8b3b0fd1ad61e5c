"""Table media: one method per question. Nothing here touches a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

from errors import BadField, NoSuchItem
from store.database import Database
from store.faults import unique
from store.media import (
    Filter,
    Found,
    Kind,
    Media,
    NewRow,
    Order,
    Page,
    Total,
    cursor_of,
    media_of,
    place_of,
    text_of,
)

MOST_PER_PAGE = 500
# SQLite takes some thousand values in one statement (SQLITE_MAX_VARIABLE_NUMBER, sqlite.org/limits.html).
BULK = 500
# What may be removed to make room: what nobody protected and what is not on its way to become a film.
FREE = "protected = 0 AND (ready = 1 OR fault IS NOT NULL)"


class MediaRows:
    """The rows of the library. Any thread may call any method; all raise StoreUnavailable when SQLite fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, media_id: int) -> Media:
        """:raises NoSuchItem: when there is no item of that number."""
        rows = self._database.browse("SELECT * FROM media WHERE id = ?", media_id)
        if not rows:
            raise NoSuchItem(f"there is no item {media_id} in the library")
        return media_of(rows[0])

    def by_name(self, filename: str) -> Media | None:
        """The item of that file name."""
        rows = self._database.browse("SELECT * FROM media WHERE filename = ?", filename)
        return media_of(rows[0]) if rows else None

    def is_in_use(self, kind: Kind, filename: str, besides: str | None = None) -> bool:
        """True when a row other than that of `besides` bears the name, or a file of that name is still to be removed.

        Whoever removes it goes by a list that may be older than a new file of the same name.
        """
        sql = (
            "SELECT 1 FROM media WHERE filename = ?1 AND filename IS NOT ?2"
            " UNION ALL SELECT 1 FROM removal WHERE path = ?3 LIMIT 1"
        )
        return bool(self._database.browse(sql, filename, besides, f"{kind.folder}/{filename}"))

    def items(self, media_ids: Sequence[int]) -> list[Media]:
        """The items of these numbers, by rising number; numbers that are not there are left out."""
        found: list[Media] = []
        for some, places in self.bulk(media_ids):
            found += map(
                media_of, self._database.browse(f"SELECT * FROM media WHERE id IN {places} ORDER BY id", *some)
            )
        return found

    def page(self, wanted: Filter = Filter(), cursor: str | None = None, limit: int = 60) -> Page:
        """Up to `limit` items, newest first, that follow `cursor`.

        :raises BadField: for a limit outside 1..MOST_PER_PAGE or a cursor that is none.
        """
        if not 1 <= limit <= MOST_PER_PAGE:
            raise BadField("limit", f"limit {limit} is outside 1..{MOST_PER_PAGE}")
        terms, values = _terms(wanted)
        if cursor is not None:
            terms.append("(date, id) < (?, ?)")
            values.extend(place_of(cursor))
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        sql = f"SELECT * FROM media {where} ORDER BY date DESC, id DESC LIMIT ?"
        items = tuple(media_of(row) for row in self._database.browse(sql, *values, limit + 1))
        return Page(items[:limit], cursor_of(items[limit - 1]) if len(items) > limit else None)

    def table(self, order: Order, is_descending: bool, start: int, limit: int) -> list[Media]:
        """Up to `limit` of all items in this order, from number `start` (0, 1, ...) on."""
        way = "DESC" if is_descending else "ASC"
        sorting = f"ORDER BY {order.column} {way}, id {way}"
        # Numbers are sorted several times faster than whole rows: 0.1 instead of 0.4 s for 100,000.
        sql = f"SELECT * FROM media WHERE id IN (SELECT id FROM media {sorting} LIMIT ? OFFSET ?) {sorting}"
        return [media_of(row) for row in self._database.browse(sql, limit, start)]

    def newer(self, media: Media, wanted: Filter = Filter()) -> Media | None:
        """The item that comes right before this one among those that are wanted, newest first."""
        terms, values = _terms(wanted)
        where = " AND ".join([*terms, "(date, id) > (?, ?)"])
        sql = f"SELECT * FROM media WHERE {where} ORDER BY date, id LIMIT 1"
        rows = self._database.browse(sql, *values, text_of(media.date), media.id)
        return media_of(rows[0]) if rows else None

    def in_order_of_number(self) -> Iterator[Media]:
        """All items by rising number, however many, without holding them all."""
        last = 0
        while rows := self._database.browse("SELECT * FROM media WHERE id > ? ORDER BY id LIMIT ?", last, BULK):
            yield from map(media_of, rows)
            last = rows[-1]["id"]

    def totals(self) -> dict[Kind, Total]:
        """Number and size of all items of each kind."""
        return self._totals("")

    def waiting(self) -> list[Media]:
        """Items that are to become films, oldest first; without those that cannot."""
        # "+id": else SQLite reads the whole table in its own order, instead of the index that holds only these.
        rows = self._database.browse("SELECT * FROM media WHERE ready = 0 AND fault IS NULL ORDER BY +id")
        return [media_of(row) for row in rows]

    def oldest(self, kind: Kind | None, limit: int, before: datetime | None = None) -> list[Media]:
        """Up to `limit` items that may be removed to make room, oldest first."""
        terms, values = _terms(Filter(kind=kind, before=before))
        sql = f"SELECT * FROM media WHERE {' AND '.join([FREE, *terms])} ORDER BY date, id LIMIT ?"
        return [media_of(row) for row in self._database.browse(sql, *values, limit)]

    def from_ahead(self, kind: Kind, limit: int, now: datetime) -> list[Media]:
        """Up to `limit` items that may be removed and bear a date that is still to come, in the order they were added.

        There are such after a clock that was ahead has been set back.
        """
        sql = f"SELECT * FROM media WHERE {FREE} AND kind = ? AND date >= ? ORDER BY id LIMIT ?"
        return [media_of(row) for row in self._database.browse(sql, kind.value, text_of(now), limit)]

    def dates_after(self, media_id: int, now: datetime) -> list[tuple[int, datetime]]:
        """Number and date of everything that was added after an item and was shot before now, by rising number."""
        sql = "SELECT id, date FROM media WHERE id > ? AND date < ? ORDER BY id"
        rows = self._database.browse(sql, media_id, text_of(now))
        return [(row["id"], datetime.fromisoformat(row["date"])) for row in rows]

    def removable(self) -> dict[Kind, Total]:
        """Number and size of what may be removed to make room."""
        return self._totals(f"WHERE {FREE}")

    def expired(self, now: datetime, limit: int) -> list[Media]:
        """Up to `limit` items whose own date to go has come, and which may be removed."""
        sql = f"SELECT * FROM media WHERE expires_at <= ? AND {FREE} ORDER BY expires_at, id LIMIT ?"
        return [media_of(row) for row in self._database.browse(sql, text_of(now), limit)]

    def next_to_expire(self) -> Media | None:
        """The item with the nearest date to go of its own."""
        sql = f"SELECT * FROM media WHERE expires_at IS NOT NULL AND {FREE} ORDER BY expires_at, id LIMIT 1"
        rows = self._database.browse(sql)
        return media_of(rows[0]) if rows else None

    def copies(self) -> list[Media]:
        """Items that were made of another one that is still there, by rising number."""
        rows = self._database.browse("SELECT * FROM media WHERE parent_id IS NOT NULL ORDER BY +id")
        return [media_of(row) for row in rows]

    def number_of_originals(self) -> int:
        """How many items were not made of another one that is still there."""
        return int(self._database.browse("SELECT count(*) AS n FROM media WHERE parent_id IS NULL")[0]["n"])

    def known_folders(self) -> set[str]:
        """The folders in `partial/` that belong to items."""
        return {row["folder"] for row in self._database.browse("SELECT folder FROM media WHERE folder IS NOT NULL")}

    def bulk(self, media_ids: Sequence[int]) -> Iterator[tuple[list[int], str]]:
        """The numbers in parts that fit into one statement, each with its `(?, ?, ...)`."""
        for start in range(0, len(media_ids), BULK):
            some = list(media_ids[start : start + BULK])
            yield some, f"({', '.join('?' * len(some))})"

    def _totals(self, where: str) -> dict[Kind, Total]:
        sql = f"SELECT kind, count(*) AS n, sum(size_bytes) AS size FROM media {where} GROUP BY kind"
        found = {Kind(row["kind"]): Total(row["n"], row["size"]) for row in self._database.browse(sql)}
        return {kind: found.get(kind, Total(0, 0)) for kind in Kind}

    def _insert(self, new: NewRow) -> int:
        """Answers the number of the row; raises NameTaken when another one bears that name."""
        facts = new.facts
        values = (
            new.filename, new.kind.value, text_of(new.date), new.size_bytes, facts.width_px, facts.height_px,
            facts.duration_s, facts.frames, new.dropped, new.folder is None, new.folder,
            new.expires_at and text_of(new.expires_at), new.account_id, new.parent_id,
        )  # fmt: skip
        unique_name = unique("media.filename", f"{new.filename} is in the library already")
        with unique_name, self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO media (filename, kind, date, size_bytes, width_px, height_px, duration_s, frames,"
                " dropped, ready, folder, expires_at, account_id, parent_id)"
                f" VALUES ({', '.join('?' * (len(values) - 2))},"
                # Whoever made it, or what it came from, may be gone by now.
                " (SELECT id FROM account WHERE id = ?), (SELECT id FROM media WHERE id = ?))",
                values,
            )
        return int(cursor.lastrowid or 0)

    def _insert_found(self, found: Sequence[Found]) -> list[str]:
        """Rows for files that have none and are not to be removed, in one transaction; answers their names."""
        added = []
        with self._database.transaction() as connection:
            for one in found:
                facts, path = one.facts, f"{one.kind.folder}/{one.filename}"
                values = (one.filename, one.kind.value, text_of(one.date), one.size_bytes, facts.width_px,
                          facts.height_px, facts.duration_s, facts.frames,
                          one.expires_at and text_of(one.expires_at), path)  # fmt: skip
                cursor = connection.execute(
                    "INSERT OR IGNORE INTO media"
                    " (filename, kind, date, size_bytes, width_px, height_px, duration_s, frames, expires_at)"
                    " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM removal WHERE path = ?)",
                    values,
                )
                added += [one.filename] * cursor.rowcount
        return added


def mark(connection: sqlite3.Connection, paths: Sequence[str]) -> None:
    """Note files and folders, from the media folder's root, that are to be removed once this transaction is kept."""
    connection.executemany("INSERT OR IGNORE INTO removal (path) VALUES (?)", [(path,) for path in paths])


def _terms(wanted: Filter) -> tuple[list[str], list[object]]:
    """The conditions of a filter, and the values in them."""
    pairs: list[tuple[str, object]] = []
    if wanted.kind is not None:
        pairs.append(("kind = ?", wanted.kind.value))
    if wanted.since is not None:
        pairs.append(("date >= ?", text_of(wanted.since)))
    if wanted.before is not None:
        pairs.append(("date < ?", text_of(wanted.before)))
    if wanted.text:
        pairs.append(("instr(lower(filename), ?) > 0", wanted.text.lower()))
    return [term for term, _ in pairs], [value for _, value in pairs]
