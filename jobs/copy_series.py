"""Copies as Realtime Image Streaming made them: of all photos while a process is switched on, gone when it is off.

They are called `<photo>_<label>.jpg`. What is on is forgotten with the program, as it was there.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from camera.photo_copy import CopyFilter
from errors import AlreadyRunning, NoSpace, NoSuchItem, NotCopied, NotPlayable, NotReady
from jobs.photo_copies import PhotoCopies
from store.library import MediaLibrary
from store.media import Filter, Kind, Media

LABELS = {"WB": CopyFilter.WHITE_BALANCE, "CTG": CopyFilter.GRAY, "CE": CopyFilter.EDGES}
# A request that takes longer is given up by browsers and proxies; whoever wants more asks again.
WITHIN_S = 20.0
PAGE = 500
# A copy is seldom larger than twice its photo.
GROWTH = 2
NAME = re.compile(rf".*_({'|'.join(LABELS)})(-\d+)?")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """What came of copying all photos.

    :ivar failed: how many photos there can be no copy of.
    :ivar is_done: False when the time was over before.
    """

    made: int = 0
    failed: int = 0
    is_done: bool = True


class CopySeries:
    """One process at a time. Any thread; `current` is the label of what is on, and is replaced, never changed.

    `_copying` is held while all photos are looked at, `_switching` while something is switched on or off; `_ended` has
    the labels that were switched off since they were last on.

    :param has_room: is there room for so many bytes without removing anything?
    """

    def __init__(
        self,
        library: MediaLibrary,
        copies: PhotoCopies,
        has_room: Callable[[int], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.current: str | None = None
        self._library = library
        self._copies = copies
        self._has_room = has_room
        self._clock = clock
        self._copying = threading.Lock()
        self._switching = threading.Lock()
        self._ended: frozenset[str] = frozenset()

    def begin(self, label: str, account_id: int | None = None) -> Round:
        """From now on, `follow` copies; and so is, now, every photo that has no such copy yet, newest first.

        Takes WITHIN_S at most; the rest comes with the next call.

        :param label: one of LABELS.
        :raises AlreadyRunning: while another call copies.
        :raises NoSpace: when something would have to go for the next copy; those that were made stay.
        """
        if not self._copying.acquire(blocking=False):
            raise AlreadyRunning("photos are being copied already; ask again when that is done")
        try:
            with self._switching:
                self.current, self._ended = label, self._ended - {label}
            return self._copy_all(label, account_id)
        finally:
            self._copying.release()

    def end(self, label: str) -> int:
        """No more copies, and those of this label go, but for what is protected, renamed, or all that is left of a
        photo. Answers how many went; one that is being made goes as soon as it is there.
        """
        with self._switching:
            self.current, self._ended = None if self.current == label else self.current, self._ended | {label}
        found = [copy.id for copy in self._library.copies() if label_of(copy) == label]
        return self._library.remove(found, is_to_make_room=True)  # spares what is protected by then

    def follow(self, photo: Media, account_id: int | None = None) -> Media | None:
        """The copy of a photo that was just taken; None while nothing is on, or when it was switched off meanwhile.

        :raises TurretError: as `PhotoCopies.make`.
        """
        label = self.current
        return None if label is None else self._copy(photo, label, account_id)

    def _copy_all(self, label: str, account_id: int | None) -> Round:
        until, made, failed = self._clock() + WITHIN_S, 0, 0
        for photo in self._without_copy(label):
            if self._clock() >= until or self.current != label:
                return Round(made, failed, is_done=False)
            if not self._has_room(GROWTH * photo.size_bytes):
                raise NoSpace(f"something would have to be removed for more copies; {made} were made")
            try:
                made += self._copy(photo, label, account_id) is not None
            except (NotCopied, NotPlayable, NotReady, NoSuchItem) as error:
                log.warning("there is no copy: %s", error)
                failed += 1
        return Round(made, failed)

    def _copy(self, photo: Media, label: str, account_id: int | None) -> Media | None:
        """None when its label was switched off meanwhile: `end` cannot see a copy that has no row yet."""
        copy = self._copies.make(photo.id, [LABELS[label]], account_id, f"_{label}")
        is_late = label in self._ended
        return None if is_late and self._library.remove([copy.id], is_to_make_room=True) else copy

    def _without_copy(self, label: str) -> Iterator[Media]:
        """Photos that are no copies, without those that have one of this label."""
        done = {copy.parent_id for copy in self._library.copies() if label_of(copy) == label}
        cursor: str | None = ""
        while cursor is not None:
            page = self._library.page(Filter(kind=Kind.PHOTO), cursor or None, PAGE)
            cursor = page.next
            for media in page.items:
                if media.parent_id is None and media.id not in done and label_of(media) is None:
                    yield media


def label_of(media: Media) -> str | None:
    """The label in the name of an item that was made here, or None."""
    found = NAME.fullmatch(Path(media.filename).stem)
    return found and found[1]
