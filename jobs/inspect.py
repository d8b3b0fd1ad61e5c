"""What a file in the media folder is, found by decoding it."""

from __future__ import annotations

from pathlib import Path

from camera.exif import expiry_of
from camera.image import whole_size
from camera.probe import probe
from errors import NotPlayable
from store.found import SUFFIXES
from store.media import Facts, Kind


def inspect(path: Path, kind: Kind) -> Facts:
    """Size and length of a picture or film that really decodes.

    :raises NotPlayable: names the file and what is wrong with it.
    """
    if SUFFIXES.get(path.suffix.lower()) is Kind.PHOTO:
        return _inspect_picture(path)
    found = probe(path)
    return Facts(found.width_px, found.height_px, found.duration_s, found.frames)


def _inspect_picture(path: Path) -> Facts:
    try:
        content = path.read_bytes()
        return Facts(*whole_size(content), expires_at=expiry_of(content))
    except (NotPlayable, OSError) as error:
        raise NotPlayable(f"{path.name}: {error}") from error
