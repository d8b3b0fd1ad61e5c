"""The media library as it goes over the wire."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from pydantic import BaseModel

from errors import StoreUnavailable
from jobs.removal_plan import floor_of
from rig import Rig
from store.media import Kind, Media

NEWEST = 6

log = logging.getLogger(__name__)


class MediaOut(BaseModel):
    """One photo, video or timelapse.

    `ready` is false while a recording is not a film yet: `progress` 0..1 tells how far, `preview_url` plays it
    meanwhile, `fault` says why it will not become one. `by` is who made it. A processed copy names the photo it
    was made of; both are null when that was removed.
    """

    id: int
    filename: str
    kind: str
    date: datetime
    size_bytes: int
    width_px: int
    height_px: int
    duration_s: float | None
    frames: int | None
    dropped: int
    protected: bool
    ready: bool
    fault: str | None
    progress: float | None
    parent_id: int | None
    parent_filename: str | None
    by: str | None
    url: str
    thumb_url: str
    preview_url: str | None


class TotalOut(BaseModel):
    """How many items of a kind, how large together."""

    count: int
    size_bytes: int


class UpcomingOut(BaseModel):
    """What is removed next, and why; `at` is null when it depends on what is kept until then."""

    id: int
    filename: str
    why: str
    at: datetime | None


class RemovalOut(BaseModel):
    """What was removed last by the rules: how many items, the first of them, and why."""

    at: datetime
    count: int
    filename: str
    why: str


class DiskOut(BaseModel):
    """The media disk: its size, what is free, and what is kept free; null where it cannot be seen.

    `problem` says why the rules of [retention] cannot be kept, `next` what goes next, `last` what went last.
    """

    total_bytes: int | None
    free_bytes: int | None
    floor_bytes: int | None
    problem: str | None
    next: UpcomingOut | None
    last: RemovalOut | None


class ConvertingOut(BaseModel):
    """A recording that is being made into a film."""

    id: int
    progress: float | None


class LibraryOut(BaseModel):
    """The library at a glance; `revision` changes whenever the library does and can be read."""

    revision: int
    totals: dict[str, TotalOut]
    disk: DiskOut
    converting: list[ConvertingOut]


class SummaryOut(LibraryOut):
    """The same with the newest items."""

    newest: list[MediaOut]


@dataclass(frozen=True)
class Glance:
    """What the rows of one revision said.

    :ivar waiting: what is to become a film, oldest first.
    """

    revision: int
    totals: dict[str, TotalOut]
    waiting: tuple[Media, ...]


NOTHING_SEEN = Glance(-1, {kind.value: TotalOut(count=0, size_bytes=0) for kind in Kind}, ())


class Shelf:
    """Turns rows into answers, and counts the library's changes.

    `_lock` guards `_revision`, `_is_blind` and the glance of one revision, which costs a look at every row.
    """

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._lock = threading.Lock()
        self._revision = 0
        self._glance = NOTHING_SEEN
        self._is_blind = False

    def changed(self) -> None:
        """The library changed."""
        with self._lock:
            self._revision += 1

    def items_out(self, items: tuple[Media, ...]) -> list[MediaOut]:
        """Items for the wire; needs a request, for their addresses."""
        names: dict[int, str | None] = {}
        for media in items:
            if media.account_id is not None and media.account_id not in names:
                account = self._rig.accounts.by_id(media.account_id)
                names[media.account_id] = None if account is None else account.username
        parents = self._names_of({media.parent_id for media in items if media.parent_id is not None})
        return [
            media_out(
                media, names.get(media.account_id or 0), parents.get(media.parent_id or 0), self.progress_of(media)
            )
            for media in items
        ]

    def _names_of(self, media_ids: Collection[int]) -> dict[int, str]:
        return {media.id: media.filename for media in self._rig.library.items(sorted(media_ids))}

    def item_out(self, media: Media) -> MediaOut:
        """One item for the wire."""
        return self.items_out((media,))[0]

    def progress_of(self, media: Media) -> float | None:
        """How far an item is on its way to a film, 0..1; None when nobody works at it."""
        state = self._rig.conversions.state
        is_at_it = state.folder is not None and state.folder.name == media.folder
        return round(state.progress, 2) if is_at_it else None

    def library_out(self) -> LibraryOut:
        """The library at a glance; cheap while nothing changes, callable outside of a request."""
        seen = self.glance()
        converting = [ConvertingOut(id=media.id, progress=self.progress_of(media)) for media in seen.waiting]
        return LibraryOut(revision=seen.revision, totals=seen.totals, disk=self._disk(), converting=converting)

    def glance(self) -> Glance:
        """What the rows say. They are read once per change, because news of the turret must not wait for searches.

        While they cannot be read it is what they said last; before the first time, that there are none.
        """
        with self._lock:
            revision, seen = self._revision, self._glance
        if seen.revision == revision:
            return seen
        try:
            seen = self._looked(revision)
        except StoreUnavailable as error:
            self._note_blindness(error)
            return seen
        with self._lock:
            self._glance, self._is_blind = seen, False
        return seen

    def _looked(self, revision: int) -> Glance:
        totals = self._rig.library.totals()
        totals_out = {kind.value: TotalOut(**vars(total)) for kind, total in totals.items()}
        return Glance(revision, totals_out, tuple(self._rig.library.waiting()))

    def _note_blindness(self, error: StoreUnavailable) -> None:
        with self._lock:
            was_blind, self._is_blind = self._is_blind, True
        if not was_blind:
            log.warning("pages show the library as it was, because it cannot be read: %s", error)

    def summary(self) -> SummaryOut:
        """The library at a glance with its newest items; needs a request."""
        newest = self.items_out(self._rig.library.page(limit=NEWEST).items)
        return SummaryOut(**dict(self.library_out()), newest=newest)

    def _disk(self) -> DiskOut:
        state, total_bytes, free_bytes, floor_bytes = self._rig.retention.state, None, None, None
        with suppress(StoreUnavailable):
            space = self._rig.folder.space()
            total_bytes, free_bytes = space.total_bytes, space.free_bytes
            floor_bytes = floor_of(self._rig.settings.retention, space.total_bytes)
        coming, last = state.next, state.last
        going = coming and UpcomingOut(**{**vars(coming.media), **vars(coming)})
        return DiskOut(
            total_bytes=total_bytes,
            free_bytes=free_bytes,
            floor_bytes=floor_bytes,
            problem=state.problem,
            next=going,
            last=last and RemovalOut(**vars(last)),
        )


def media_out(media: Media, by: str | None, parent: str | None, progress: float | None) -> MediaOut:
    """One item for the wire; `parent` is the file name of the photo it is a copy of."""
    facts = {name: getattr(media, name) for name in MediaOut.model_fields if hasattr(media, name)}
    return MediaOut(
        **{**facts, "kind": media.kind.value},
        by=by,
        parent_filename=parent,
        progress=progress,
        url=url_for("media.file", media_id=media.id, name=media.filename),
        thumb_url=url_for("media.thumb", media_id=media.id),
        preview_url=None if media.ready else url_for("recording.preview", media_id=media.id),
    )
