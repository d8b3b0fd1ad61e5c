"""A media folder filled before the program starts: real photos, real films, small pictures, rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from unittest.mock import patch

import av
import numpy as np
from library_by_hand import add_film

from camera import image
from rig import SCHEMA
from store.database import Database
from store.folder import MediaFolder
from store.library import MediaLibrary
from store.media import Facts, Kind, Media

WIDTH_PX, HEIGHT_PX = 320, 180
FILM_RATE_HZ = 10
NEWEST = datetime(2026, 3, 14, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Shot:
    """An item to be made.

    :ivar hours: how long before NEWEST it was shot.
    :ivar length_s: of a film.
    :ivar fault: it is no film yet, and this is why it will not become one.
    """

    name: str
    hours: float = 0
    kind: Kind = Kind.PHOTO
    length_s: float = 2.0
    protected: bool = False
    fault: str | None = None


@contextmanager
def library_in(root: Path) -> Iterator[MediaLibrary]:
    """The library of a program that does not run."""
    root.mkdir(parents=True, exist_ok=True)
    folder = MediaFolder(root, root / "no-fstab")
    folder.open()
    with closing(Database(root / "media.db", SCHEMA.read_text(encoding="utf-8"))) as database:
        database.open()
        with database.transaction() as connection:
            connection.execute("PRAGMA synchronous = OFF")  # nothing here has to outlive a power cut
        yield MediaLibrary(database, folder, _facts_of_film)


def fill(root: Path, shots: Sequence[Shot]) -> dict[str, Media]:
    """Make these items; answers them by their names."""
    with library_in(root) as library, patch("os.fsync"):
        return {shot.name: _add(library, shot, number) for number, shot in enumerate(shots)}


def photos(count: int, hours_between: float = 1.0) -> list[Shot]:
    """So many photos, the newest first: `shot 0`, `shot 1`, ..."""
    return [Shot(f"shot {number}", number * hours_between) for number in range(count)]


def jpeg_of(number: int) -> bytes:
    """A picture of one color that goes with a number, which a page can show and a test can tell."""
    return image.encode(np.full((HEIGHT_PX, WIDTH_PX, 3), _color(number), np.uint8), 80)


def write_film(path: Path, length_s: float, number: int = 0) -> None:
    """An H.264 film whose picture gets brighter all the time."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FILM_RATE_HZ, options={"preset": "ultrafast", "g": "5"})
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        frames = round(length_s * FILM_RATE_HZ)
        for index in range(frames):
            shade = np.full((HEIGHT_PX, WIDTH_PX, 3), 40 + 200 * index // frames, np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, FILM_RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _add(library: MediaLibrary, shot: Shot, number: int) -> Media:
    date = NEWEST - timedelta(hours=shot.hours)
    jpeg = jpeg_of(number)
    if shot.kind is Kind.PHOTO:
        media = library.add_photo(jpeg, Facts(WIDTH_PX, HEIGHT_PX), shot.name, date)
    elif shot.fault is not None:
        (library.folder.partial / shot.name).mkdir()
        media = library.add_clip(shot.name, shot.name, date, 1000, _facts(shot.length_s))
        library.fail(media.id, shot.fault)
    else:
        film = library.folder.partial / f".new-{number}.mp4"
        write_film(film, shot.length_s, number)
        media = add_film(library, film, shot.kind, shot.name, date)
    library.keep_thumb(media.id, image.thumbnail(jpeg))
    if shot.protected:
        library.protect([media.id])
    return library.get(media.id)


def _facts_of_film(path: Path, kind: Kind) -> Facts:
    with av.open(str(path)) as container:
        return _facts((container.duration or 0) / 1_000_000)


def _facts(length_s: float) -> Facts:
    return Facts(WIDTH_PX, HEIGHT_PX, length_s, round(length_s * FILM_RATE_HZ))


def _color(number: int) -> tuple[int, int, int]:
    return (40 + number * 67 % 200, 40 + number * 29 % 200, 40 + number * 97 % 200)
