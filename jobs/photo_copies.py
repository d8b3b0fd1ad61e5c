"""Processed copies of photos: new items that name the photo they were made of."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from camera.image import size_of, thumbnail
from camera.photo_copy import BYTES_PER_PIXEL, CopyFilter, effect_of, processed
from errors import AlreadyRunning, NoSuchItem, NotCopied, NotPlayable, StoreUnavailable
from jobs.memory import free_memory_bytes, give_memory_back
from store.found import SUFFIXES
from store.library import MediaLibrary
from store.media import Facts, Kind, Media
from store.names import LONGEST_STEM_BYTES

# One is made, the others wait; each holds a thread of the web server, of which there are few.
AT_ONCE_MAX = 3
MB = 10**6

log = logging.getLogger(__name__)


class PhotoCopies:
    """Makes one copy at a time, in the thread that asks. Any thread; the others wait.

    `_working` is held while a copy is made, so that there are never the pixels of two in memory; `_places` counts who
    is here.

    :param ensure_room: raises NoSpace when the disk is too full for so many bytes.
    :param played: told the number of a photo that is being read, so that it is not removed to make room for its copy.
    """

    def __init__(
        self,
        library: MediaLibrary,
        ensure_room: Callable[[int], None],
        played: Callable[[int], None],
        free_memory: Callable[[], int] = free_memory_bytes,
    ) -> None:
        self._library = library
        self._ensure_room = ensure_room
        self._played = played
        self._free_memory = free_memory
        self._working = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE_MAX)

    def make(
        self, media_id: int, wanted: Collection[CopyFilter], account_id: int | None = None, ending: str | None = None
    ) -> Media:
        """Make and keep a copy with its small picture; it has the date of its photo, is protected if that is, and
        goes when that has to go.

        :param wanted: at least one filter.
        :param ending: its name is that of the photo with this behind; None is a space and what was done.
        :raises NoSuchItem: when there is no such item, or not any more when the copy is to be kept.
        :raises NotCopied: when it is no photo, or too large for this machine.
        :raises NotPlayable, NotReady: when its file is broken or gone.
        :raises AlreadyRunning: when others wait for theirs already.
        :raises NoSpace, StoreUnavailable: when the copy cannot be kept; then nothing of it stays.
        """
        effect = effect_of(wanted)
        with self._turn():
            media = self._library.get(media_id)
            self._refuse(media)
            self._played(media.id)
            made = self._made(media, effect)
            name = _named(media, f" {effect.value.replace('_', ' ')}" if ending is None else ending)
            return self._keep(media, made, name, account_id)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise AlreadyRunning(f"{AT_ONCE_MAX} copies are being made already; ask again when one is done")
        try:
            with self._working:
                try:
                    yield
                finally:
                    give_memory_back()
        finally:
            self._places.release()

    def _refuse(self, media: Media) -> None:
        if SUFFIXES.get(Path(media.filename).suffix.lower()) is not Kind.PHOTO:
            raise NotCopied(f"{media.filename} is a film, and copies are made of photos only")
        needed_bytes, free_bytes = media.width_px * media.height_px * BYTES_PER_PIXEL, self._free_memory()
        if needed_bytes > free_bytes // 2:
            raise NotCopied(
                f"{media.filename} is too large here: {media.width_px}x{media.height_px} pixels need "
                f"{needed_bytes // MB} MB of memory, and at most half of the {free_bytes // MB} MB free may be used"
            )

    def _made(self, media: Media, effect: CopyFilter) -> bytes:
        path = self._library.path_of(media)
        with self._library.folder.faults("cannot be read"):
            photo = path.read_bytes()
        try:
            return processed(photo, effect)
        except NotPlayable as error:
            raise NotPlayable(f"{media.filename}: {error}") from error

    def _keep(self, media: Media, made: bytes, name: str, account_id: int | None) -> Media:
        self._ensure_room(len(made))
        facts, small = Facts(*size_of(made)), thumbnail(made)
        copy = self._library.add_photo(
            made, facts, name, media.date, account_id, media.kind, parent_id=media.id, expires_at=media.expires_at
        )
        if copy.parent_id is None:
            self._library.remove([copy.id])
            raise NoSuchItem(f"{media.filename} was removed while its copy was made; nothing was kept")
        try:
            self._library.keep_thumb(copy.id, small)
            if media.protected:
                self._library.protect([copy.id])
        except StoreUnavailable as error:
            log.warning("%s is kept, but not all that belongs to it: %s", copy.filename, error)
        return self._library.get(copy.id)


def _named(media: Media, ending: str) -> str:
    """The name of a photo without extension and with an ending, short enough that the ending is not cut off."""
    stem = Path(media.filename).stem.encode()
    return stem[: LONGEST_STEM_BYTES - len(ending.encode())].decode(errors="ignore") + ending
