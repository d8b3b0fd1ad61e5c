"""Recordings on their way into the library: finished ones, and those a power cut ended."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from camera.clip import Clip
from camera.image import thumbnail
from camera.probe import FilmFacts
from camera.salvage import salvage
from errors import NoSuchItem, TurretError
from jobs.conversion import FilmJob
from jobs.lapse import FOLDER
from jobs.stills import stills_in
from store.library import MediaLibrary
from store.media import Facts, Media

log = logging.getLogger(__name__)


class Clips:
    """Makes rows of clips.

    `_leftovers` is set once, before the first recording, and emptied by `salvage`; `_newest` is only replaced.
    """

    def __init__(self, library: MediaLibrary) -> None:
        self._library = library
        self._leftovers: frozenset[str] = frozenset()
        self._newest: tuple[Path, int] | None = None

    def find_leftovers(self) -> None:
        """Note what lies in `partial/` before anything records: only that may be salvaged."""
        partial = self._library.folder.partial
        self._leftovers = frozenset(path.name for path in partial.iterdir()) if partial.is_dir() else frozenset()

    def keep(self, clip: Clip) -> Media:
        """A row for a clip, with the small picture of its beginning; it is not a film yet.

        :raises StoreUnavailable: when the row cannot be made; the next start tries again.
        """
        facts = Facts(clip.width_px, clip.height_px, clip.duration_s, clip.frames)
        media = self._library.add_clip(
            clip.folder.name, clip.name or None, clip.started_at, clip.size_bytes, facts, clip.dropped, clip.account_id
        )
        self._newest = (clip.folder, media.id)
        try:
            self._library.keep_thumb(media.id, thumbnail(next(jpeg for _, jpeg in pictures_in(clip.folder))))
        except (StopIteration, ValueError, TurretError) as error:
            log.warning("%s has no small picture: %s", media.filename, error)
        return media

    def waiting(self) -> list[FilmJob]:
        """What is to become a film, oldest first."""
        partial = self._library.folder.partial
        waiting = [(media, partial / media.folder) for media in self._library.waiting() if media.folder]
        return [_film_job(media, folder) for media, folder in waiting]

    def take_over(self, job: FilmJob, film: Path, facts: FilmFacts) -> None:
        """A clip has become a film.

        :raises NoSuchItem: when its item was removed meanwhile.
        """
        found = Facts(facts.width_px, facts.height_px, facts.duration_s, facts.frames)
        self._library.finish(job.item, film, found)

    def give_up(self, job: FilmJob, why: str) -> None:
        """A clip did not become a film; it is kept, unless somebody removed it."""
        try:
            self._library.fail(job.item, why)
        except NoSuchItem:
            self._library.on_change()  # perhaps it was removed from the shell, of which nobody here has heard

    def item_of(self, clip: Clip) -> int | None:
        """The item that the newest clip became; None when it could not become one."""
        newest = self._newest
        return newest[1] if newest is not None and newest[0] == clip.folder else None

    def salvage(self) -> None:
        """Rows for the clips that the last run of the program could not finish."""
        leftovers, self._leftovers = self._leftovers, frozenset()
        if not leftovers:
            return
        # By name: whatever begins while we look is no leftover.
        names = {name for name in leftovers if not name.startswith(FOLDER)} - self._library.known_folders()
        for clip in salvage(self._library.folder.partial, names):
            if clip.folder.name in self._library.known_folders() or not clip.folder.exists():
                continue  # reading it may take minutes, in which another process did the same
            media = self.keep(clip)
            log.warning("%s was salvaged: %.0f s, %d pictures", media.filename, clip.duration_s, clip.frames)


def pictures_in(folder: Path, from_s: float = 0.0) -> Iterator[tuple[float, bytes]]:
    """(seconds since its beginning, JPEG) of everything that is recorded into a folder, also meanwhile."""
    from camera.playback import pictures_of  # loads the video library, which nobody may need

    return pictures_of(segments_in(folder), from_s)


def preview_of(media: Media, partial: Path, from_s: float = 0.0) -> Iterator[tuple[float, bytes]]:
    """(seconds since its beginning, JPEG) of an item that is not a film yet.

    :param partial: where the folder of the item lies.
    """
    folder = partial / (media.folder or "")
    stills = stills_in(folder)
    if not stills:
        return pictures_in(folder, from_s)
    return _shown(stills, _rate_of(media), from_s)


def _shown(stills: list[Path], rate_hz: float, from_s: float) -> Iterator[tuple[float, bytes]]:
    """As `preview_of`, up to where the stills go because their film is ready or their item was removed."""
    with suppress(FileNotFoundError):
        for number, still in enumerate(stills):
            if number >= from_s * rate_hz:
                yield number / rate_hz, still.read_bytes()


def _film_job(media: Media, folder: Path) -> FilmJob:
    segments, stills = segments_in(folder), stills_in(folder)
    return FilmJob(media.id, folder, tuple(segments), tuple(stills), _rate_of(media))


def _rate_of(media: Media) -> float:
    """Pictures per second of a film, as its row says."""
    return (media.frames or 1) / (media.duration_s or 1.0)


def segments_in(folder: Path) -> list[Path]:
    """The pieces of a recording, in order."""
    return sorted(folder.glob("seg-*.mkv"))
