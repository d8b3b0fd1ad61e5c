"""Presets: positions with a name, perhaps a key 1..9, and a small picture of that moment."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from errors import BadField, NoSuchItem, TooManyItems
from store.database import Database
from store.faults import unique

PRESETS_MAX = 100
UNDOS_MAX = 20
SLOTS = range(1, 10)
NAME_CHARACTERS_MAX = 64
ID_MAX = 2**63 - 1  # SQLite's; larger ones cannot even be asked for

COLUMNS = "id, name, slot, pan_deg, tilt_deg, CASE WHEN thumbnail IS NOT NULL THEN created_at END AS pictured_at"
ADD = "INSERT INTO preset (name, slot, pan_deg, tilt_deg, thumbnail, created_at) VALUES (?, ?, ?, ?, ?, ?)"
CHANGE = """UPDATE preset SET name = coalesce(?1, name), slot = CASE WHEN ?2 THEN ?3 ELSE slot END,
    pan_deg = CASE WHEN ?4 THEN ?5 ELSE pan_deg END, tilt_deg = CASE WHEN ?4 THEN ?6 ELSE tilt_deg END,
    thumbnail = CASE WHEN ?4 THEN ?7 ELSE thumbnail END, created_at = CASE WHEN ?4 THEN ?8 ELSE created_at END
    WHERE id = ?9"""
PUT_BACK = """INSERT INTO preset (id, name, slot, pan_deg, tilt_deg, thumbnail, created_at)
    VALUES (:id, :name, :slot, :pan_deg, :tilt_deg, :thumbnail, :created_at)"""
IN_ORDER = "ORDER BY slot IS NULL, slot, name COLLATE NOCASE"


@dataclass(frozen=True)
class Preset:
    """One position to come back to.

    :ivar slot: the key 1..9 that goes there; None for none.
    :ivar pan_deg: None where the axis had no position; so `tilt_deg`.
    :ivar pictured_at: when the thumbnail was taken, ISO 8601 UTC; None while there is none.
    """

    id: int
    name: str
    slot: int | None
    pan_deg: float | None
    tilt_deg: float | None
    pictured_at: str | None


@dataclass(frozen=True)
class Position:
    """Where the turret stood, degrees, and the JPEG of what it saw."""

    pan_deg: float | None
    tilt_deg: float | None
    thumbnail: bytes | None


@dataclass(frozen=True)
class PresetChange:
    """What to change of a preset.

    :ivar name: None leaves it.
    :ivar slot: the new key, or None for none; 0 leaves it.
    :ivar position: None leaves it.
    """

    name: str | None = None
    slot: int | None = 0
    position: Position | None = None


class PresetTable:
    """The preset table. Any thread may call any method; each is one transaction, done whole or not at all.

    What the presets changed last were before is kept until the program ends, for `undo`; `_before` is only touched
    within a transaction.

    :ivar revision: another number after every change.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.revision = 1
        self._revisions = itertools.count(2)
        self._database = database
        self._now = now
        self._before: dict[int, sqlite3.Row | None] = {}

    def all(self) -> list[Preset]:
        """Those with a key by that key, then the others by name."""
        return [_preset(row) for row in self._database.read(f"SELECT {COLUMNS} FROM preset {IN_ORDER}")]

    def get(self, preset_id: int) -> Preset:
        """:raises NoSuchItem: when there is none of that number."""
        return _preset(self._row(COLUMNS, preset_id))

    def thumbnail(self, preset_id: int) -> bytes:
        """The JPEG.

        :raises NoSuchItem: when there is no such preset, or it has none.
        """
        jpeg = self._row("thumbnail", preset_id)["thumbnail"]
        if jpeg is None:
            raise NoSuchItem(f"preset {preset_id} has no picture")
        return bytes(jpeg)

    def add(self, name: str | None, slot: int | None, position: Position) -> Preset:
        """Keep a position; a key in use moves to it. Without a name it becomes "Preset N".

        :raises BadField: when name or slot break their rule.
        :raises NameTaken: when the name is in use, whatever its case.
        :raises TooManyItems: when there are PRESETS_MAX already.
        """
        wanted = None if name is None else _checked_name(name)
        _check_slot(slot)
        unique_name = unique("preset.name", f"there is a preset named {wanted} already")
        with unique_name, self._database.transaction() as connection:
            names = {row["name"].lower() for row in connection.execute("SELECT name FROM preset")}
            if len(names) >= PRESETS_MAX:
                raise TooManyItems(f"there are {PRESETS_MAX} presets, which is the most; remove one first")
            wanted = wanted or next(f"Preset {n}" for n in itertools.count(1) if f"preset {n}" not in names)
            _free_slot(connection, slot)
            preset_id = connection.execute(
                ADD,
                (wanted, slot, position.pan_deg, position.tilt_deg, position.thumbnail, self._moment()),
            ).lastrowid
            self._keep_before(int(preset_id or 0), None)
        self.revision = next(self._revisions)
        return self.get(int(preset_id or 0))

    def change(self, preset_id: int, change: PresetChange) -> Preset:
        """Change what is named; a key in use moves here.

        :raises NoSuchItem, BadField, NameTaken: as above; then nothing is changed.
        """
        name = None if change.name is None else _checked_name(change.name)
        _check_slot(change.slot or None)
        self.get(preset_id)
        there = change.position or Position(None, None, None)
        values = (name, change.slot != 0, change.slot, change.position is not None)
        position = (there.pan_deg, there.tilt_deg, there.thumbnail, self._moment())
        unique_name = unique("preset.name", f"there is a preset named {name} already")
        with unique_name, self._database.transaction() as connection:
            before = _whole_row(connection, preset_id)
            if before is None:
                raise _no_such(preset_id)
            _free_slot(connection, change.slot)
            connection.execute(CHANGE, (*values, *position, preset_id))
            self._keep_before(preset_id, before)
        self.revision = next(self._revisions)
        return self.get(preset_id)

    def remove(self, preset_id: int) -> None:
        """:raises NoSuchItem: when there is none of that number."""
        self.get(preset_id)
        with self._database.transaction() as connection:
            self._keep_before(preset_id, _whole_row(connection, preset_id))
            connection.execute("DELETE FROM preset WHERE id = ?", (preset_id,))
        self.revision = next(self._revisions)

    def undo(self, preset_id: int) -> None:
        """Make a preset what it was before its last change: gone, where it was, or there again with its picture.

        :raises NoSuchItem: when nothing is known of it, as after a restart; a change can be undone once.
        :raises NameTaken: when its name was given to another one meanwhile.
        """
        unique_name = unique("preset.name", "there is another preset of that name by now")
        with unique_name, self._database.transaction() as connection:
            if preset_id not in self._before:
                raise NoSuchItem(f"nothing is known of preset {preset_id} that could be undone")
            connection.execute("DELETE FROM preset WHERE id = ?", (preset_id,))
            before = self._before[preset_id]
            if before is not None:
                _free_slot(connection, before["slot"])
                connection.execute(PUT_BACK, dict(before))
            del self._before[preset_id]
        self.revision = next(self._revisions)

    def _keep_before(self, preset_id: int, row: sqlite3.Row | None) -> None:
        """For `undo`; the oldest of UNDOS_MAX is forgotten."""
        self._before.pop(preset_id, None)
        self._before[preset_id] = row
        while len(self._before) > UNDOS_MAX:
            del self._before[next(iter(self._before))]

    def _moment(self) -> str:
        return self._now().isoformat(timespec="milliseconds")

    def _row(self, columns: str, preset_id: int) -> sqlite3.Row:
        is_possible = 0 < preset_id <= ID_MAX
        rows = self._database.read(f"SELECT {columns} FROM preset WHERE id = ?", preset_id) if is_possible else []
        if not rows:
            raise _no_such(preset_id)
        return rows[0]


def _whole_row(connection: sqlite3.Connection, preset_id: int) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute("SELECT * FROM preset WHERE id = ?", (preset_id,)).fetchone()
    return row


def _no_such(preset_id: int) -> NoSuchItem:
    return NoSuchItem(f"there is no preset {preset_id}" if preset_id <= ID_MAX else "there is no such preset")


def _free_slot(connection: sqlite3.Connection, slot: int | None) -> None:
    connection.execute("UPDATE preset SET slot = NULL WHERE slot = ?", (slot,))


def _checked_name(name: str) -> str:
    """The name without spaces at its ends.

    :raises BadField: when nothing is left, or what is cannot be shown.
    """
    name = name.strip()
    if not name or not name.isprintable() or len(name) > NAME_CHARACTERS_MAX:
        raise BadField("name", f"name {name[:80]!r}: needs 1..{NAME_CHARACTERS_MAX} printable characters")
    return name


def _check_slot(slot: int | None) -> None:
    if slot is not None and slot not in SLOTS:
        raise BadField("slot", f"slot {slot} is outside {SLOTS[0]}..{SLOTS[-1]}")


def _preset(row: sqlite3.Row) -> Preset:
    return Preset(row["id"], row["name"], row["slot"], row["pan_deg"], row["tilt_deg"], row["pictured_at"])
