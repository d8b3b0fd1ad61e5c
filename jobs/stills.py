"""Where the stills of a timelapse go: kept ones into the library, those for a film into `partial/` until it is made.

Each still is on the disk before the next is due, so a power cut costs one. At the end the folder becomes an item that
is not a film yet, as a recording does; the same thread makes both into films.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from camera.hub import Frame
from camera.image import scaled, size_of, thumbnail, whole_size
from errors import TurretError
from jobs.lapse import FOLDER, Job, Wish
from jobs.photographer import Photographer
from store.folder import sync_folder
from store.library import MediaLibrary
from store.media import Facts, Kind, Media

HIGHEST_PX = 65500  # the format's own limit, less a little

log = logging.getLogger(__name__)


class LapseStills:
    """Keeps what a timelapse shoots. Called by the scheduler's thread and by who ends it, one at a time.

    :param rate_hz: stills per second of the film.
    :param quality: of stills that are made smaller, 1..100.
    :param on_film: called when stills wait to become a film.
    """

    def __init__(
        self,
        library: MediaLibrary,
        photographer: Photographer,
        rate_hz: float,
        quality: int,
        on_film: Callable[[], None] = lambda: None,
    ) -> None:
        self._library = library
        self._photographer = photographer
        self._rate_hz = rate_hz
        self._quality = quality
        self._on_film = on_film

    def begin(self, started_at: datetime) -> str:
        """A name in `partial/` that is free; the folder is made with the first still."""
        stem = f"{FOLDER}{started_at:%Y%m%dT%H%M%S}"
        names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        return next(name for name in names if not (self._library.folder.partial / name).exists())

    def keep(self, job: Job, frame: Frame, date: datetime) -> None:
        """Keep one still of a job.

        :raises NotPlayable: when it cannot be decoded.
        :raises NoSpace, StoreUnavailable: when it cannot be written; nothing half-made stays behind.
        """
        whole_size(frame.jpeg, is_strict=True)
        wish, jpeg = job.wish, frame.jpeg
        if wish.width_px is not None and frame.width_px > wish.width_px:
            jpeg = scaled(jpeg, wish.width_px, HIGHEST_PX, self._quality)
        media = self._keep_item(wish, jpeg, date) if wish.keep_stills else None
        if job.folder is not None:
            self._keep_for_film(self._library.folder.partial / job.folder / f"{job.turn:08}.jpg", jpeg, media)

    def hand_over(self, job: Job) -> None:
        """Let the stills become a film, if one is wanted and there are any. May be repeated.

        :raises StoreUnavailable: when it has to be.
        """
        if job.folder is not None:
            self._hand_over(job.folder, job.wish.name, job.started_at, job.wish.account_id)

    def adopt(self, current: str | None) -> None:
        """Let stills become films whose job nobody knows any more.

        :param current: the folder of the job that goes on.
        """
        for path in sorted(self._library.folder.partial.glob(f"{FOLDER}*")):
            if path.name != current and path.is_dir():
                first = min((still.stat().st_mtime for still in stills_in(path)), default=0.0)
                self._hand_over(path.name, None, datetime.fromtimestamp(first, UTC), None)

    def _keep_item(self, wish: Wish, jpeg: bytes, date: datetime) -> Media:
        name = f"{wish.name} {date.astimezone():%Y-%m-%d_%H-%M-%S}" if wish.name else None
        expires_at = None if wish.keep_days is None else date + timedelta(days=wish.keep_days)
        keep = self._photographer.keep
        return keep(jpeg, name, date, wish.account_id, Kind.TIMELAPSE, expires_at=expires_at)

    def _keep_for_film(self, path: Path, jpeg: bytes, media: Media | None) -> None:
        """Another name for the kept file where the disk knows such, else a file of its own."""
        folder = self._library.folder
        folder.check()
        with folder.faults("cannot be written"):
            path.parent.mkdir(exist_ok=True)
            if media is not None:
                try:
                    os.link(self._library.path_of(media), path)
                except PermissionError:  # vfat and exFAT know no second names
                    pass
                else:
                    return
        self._photographer.ensure_room(len(jpeg))
        temporary = folder.write_temporary(jpeg, ".jpg")
        with folder.faults("cannot be written"):
            temporary.replace(path)
            sync_folder(path.parent)

    def _hand_over(self, name: str, wish: str | None, started_at: datetime, account_id: int | None) -> None:
        path = self._library.folder.partial / name
        if name in self._library.known_folders():
            return
        stills = stills_in(path)
        if not stills:
            shutil.rmtree(path, ignore_errors=True)
            return
        with self._library.folder.faults("cannot be read"):
            first, size_bytes = stills[0].read_bytes(), sum(still.stat().st_size for still in stills)
        facts = Facts(*size_of(first), len(stills) / self._rate_hz, len(stills))
        media = self._library.add_clip(
            name, wish, started_at, size_bytes, facts, account_id=account_id, kind=Kind.TIMELAPSE
        )
        try:
            self._library.keep_thumb(media.id, thumbnail(stills[len(stills) // 2].read_bytes()))
        except (OSError, ValueError, TurretError) as error:
            log.warning("%s has no small picture: %s", media.filename, error)
        self._on_film()


def stills_in(folder: Path) -> list[Path]:
    """The stills for a film, in order."""
    return sorted(folder.glob("[0-9]*.jpg"))
