"""Check and repair: rows and files agree again after power cuts, hands in the folder, lost disks.

Nothing that could be somebody's picture is thrown away: a file without a row gets a row, one that
cannot be played is moved to `set-aside/`. A row whose file is gone is removed. Runs beside everything
else, at every start and when asked.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from errors import NameTaken, NoSuchItem, NotPlayable, StoreUnavailable
from store.found import SUFFIXES, Inspect
from store.library import MediaLibrary
from store.media import Found, Kind, Media

# A film and the segments it was made of differ by less than this.
SAME_LENGTH_S = 1.0
# A file that changed less than this ago may still be being copied into the folder.
SETTLED_S = 5.0
TEMPORARY_S = 3600.0
# So many changes go to the disk together: a hundred times as fast as one by one, and a crash costs only the looking.
TOGETHER = 100
KINDS_OF_FINDINGS = ("added", "expiring", "lost", "aside", "finished", "left")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What was found and put right, as file names.

    :ivar added: files that had no row.
    :ivar expiring: those of them that go by themselves again, on the day they say.
    :ivar lost: rows whose file was gone.
    :ivar aside: files that cannot be played, moved to `set-aside/`.
    :ivar finished: films whose row did not know of them yet.
    :ivar left: files that are still being written, or that could not be dealt with.
    """

    checked: int = 0
    added: tuple[str, ...] = ()
    expiring: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """True when rows and files agreed already."""
        return not (self.added or self.lost or self.aside or self.finished or self.left)


class Repair:
    """One run over the library.

    :param on_progress: called with how many of how many files and rows have been looked at.
    :param is_shared: another process adds files too, so that one of the last seconds may be about to get its row.
    :param is_stopped: ends the run early when it answers True; what is done by then is whole.
    """

    def __init__(
        self,
        library: MediaLibrary,
        inspect: Inspect,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        is_stopped: Callable[[], bool] = threading.Event().is_set,
        wall_clock: Callable[[], float] = time.time,
        is_shared: bool = False,
    ) -> None:
        self._library = library
        self._inspect = inspect
        self._on_progress = on_progress
        self._is_stopped = is_stopped
        self._wall_clock = wall_clock
        self._is_shared = is_shared
        self._found: dict[str, list[str]] = {name: [] for name in KINDS_OF_FINDINGS}
        self._gone: list[Media] = []
        self._new: list[Found] = []
        self._done = self._total = 0

    def run(self) -> Report:
        """Check everything.

        :raises StoreUnavailable: when the media folder is not there; then nothing is touched.
        """
        library = self._library
        library.folder.check()
        library.remove_marked()
        library.folder.remove_old_temporaries(self._wall_clock() - TEMPORARY_S)
        # Files first: one that is added after this look has its row before the rows are looked at.
        files = {kind: dict(library.folder.facts_of(kind)) for kind in Kind}
        self._total = sum(len(found) for found in files.values())
        known: set[str] = set()
        for media in library.in_order_of_number():
            if self._is_stopped():
                return self._report()
            known.add(media.filename)
            self._check_row(media, media.filename in files[media.kind])
        self._forget_gone()
        for kind, found in files.items():
            for name, stat in found.items():
                if self._is_stopped():
                    return self._report()
                if name not in known:
                    self._check_file(kind, name, stat.st_size, stat.st_mtime)
                self._step()
        return self._report()

    def _check_row(self, media: Media, has_file: bool) -> None:
        if media.ready and not has_file and self._is_really_gone(media):
            self._gone.append(media)
            if len(self._gone) >= TOGETHER:
                self._forget_gone()
        if not media.ready and has_file:
            self._check_finished(media)

    def _is_really_gone(self, media: Media) -> bool:
        """Look again: it may have been added since the folder was read, or the whole disk may be gone."""
        self._library.folder.check()
        return not self._library.folder.path_of(media.kind, media.filename).exists()

    def _check_finished(self, media: Media) -> None:
        """A film that was moved to its place just before a power cut is taken; anything else is somebody's file."""
        path = self._library.folder.path_of(media.kind, media.filename)
        try:
            facts, size_bytes = self._inspect(path, media.kind), path.stat().st_size
        except (NotPlayable, OSError):
            return
        if abs((facts.duration_s or 0) - (media.duration_s or 0)) <= SAME_LENGTH_S:
            self._library.found_finished(media, media.filename, size_bytes, facts)
            self._found["finished"].append(media.filename)

    def _check_file(self, kind: Kind, name: str, size_bytes: int, changed_at: float) -> None:
        library, path = self._library, self._library.folder.path_of(kind, name)
        if library.is_being_added(name) or library.by_name(name) is not None:
            return
        is_fresh = self._wall_clock() - changed_at < SETTLED_S
        if is_fresh and self._is_shared:
            self._found["left"].append(name)
            return
        try:
            if kind not in (SUFFIXES.get(path.suffix.lower()), Kind.TIMELAPSE):
                raise NotPlayable(f"{name} is not a file for the folder {kind.folder}")
            self._new.append(self._with_expiry(library.look_at(kind, name)))
            if len(self._new) >= TOGETHER:
                self._add_new()
        except NotPlayable as error:
            if is_fresh:
                self._found["left"].append(name)
            else:
                self._put_away(path, size_bytes, error)
        except (NameTaken, NoSuchItem, StoreUnavailable, OSError) as error:
            self._leave(path, error)

    def _with_expiry(self, found: Found) -> Found:
        """A still that says until when it was to be kept goes then, as it would have done.

        One whose day has passed would have gone unless somebody protected it: it stays, for it may have been.
        """
        expires_at = found.facts.expires_at
        if found.kind is not Kind.TIMELAPSE or expires_at is None or expires_at.timestamp() <= self._wall_clock():
            return found
        return replace(found, expires_at=expires_at)

    def _forget_gone(self) -> None:
        """The rows of files that are gone; together, because each change of the database waits for the disk."""
        now = {media.id: media.filename for media in self._library.items([media.id for media in self._gone])}
        gone = [media for media in self._gone if now.get(media.id) == media.filename]  # the others were renamed
        self._gone = []
        if gone:
            names = [media.filename for media in gone]
            log.warning("the files of %d items are gone, so are their rows: %s ... %s", len(gone), names[0], names[-1])
            self._library.forget([media.id for media in gone])
            self._found["lost"] += names

    def _add_new(self) -> None:
        """Rows for the files that are new."""
        new, self._new = self._new, []
        if new:
            try:
                added = self._library.add_many_found(new)
                self._found["added"] += added
                going = {one.filename for one in new if one.expires_at is not None}
                self._found["expiring"] += [name for name in added if name in going]
            except StoreUnavailable as error:
                log.warning("%d files cannot be added: %s", len(new), error)
                self._found["left"] += [one.filename for one in new]

    def _put_away(self, path: Path, size_bytes: int, why: NotPlayable) -> None:
        """What cannot be played is kept aside; an empty file is a name that was claimed for one that never came."""
        try:
            if not size_bytes:
                path.unlink(missing_ok=True)
                return
            target = self._library.folder.set_aside(path)
        except (StoreUnavailable, OSError) as error:
            self._leave(path, error)
            return
        log.warning("%s; it is kept as %s", why, target)
        self._found["aside"].append(path.name)

    def _leave(self, path: Path, error: Exception) -> None:
        """A file that cannot be dealt with; one that was removed meanwhile is no finding."""
        if path.exists():
            log.warning("%s: %s", path.name, error)
            self._found["left"].append(path.name)

    def _step(self) -> None:
        self._done += 1
        if self._done % 100 == 0 or self._done == self._total:
            self._on_progress(self._done, self._total)

    def _report(self) -> Report:
        self._forget_gone()
        self._add_new()
        return Report(self._done, **{name: tuple(found) for name, found in self._found.items()})
