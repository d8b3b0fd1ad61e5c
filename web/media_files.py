"""Files of the media library on their way out: types, small pictures, archives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Response, send_file
from zipstream import ZipStream

from camera.first_picture import first_picture
from camera.image import thumbnail
from errors import NotPlayable, NotReady
from jobs.clips import pictures_in
from rig import Rig
from store.found import SUFFIXES
from store.media import Kind, Media

THUMB_MAX_AGE_S = 7 * 86400
# What browsers show; everything else is a download to them.
MIMETYPES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4", ".webm": "video/webm",
    ".mkv": "video/x-matroska", ".mov": "video/quicktime", ".avi": "video/x-msvideo",
}  # fmt: skip


def mimetype_of(filename: str) -> str:
    """The media type of a file, by its name alone."""
    return MIMETYPES.get(Path(filename).suffix.lower(), "application/octet-stream")


def sent(path: Path, mimetype: str, **options: Any) -> Response:
    """As `flask.send_file`.

    :raises NotReady: when the file went since somebody looked for it.
    """
    try:
        return send_file(path, mimetype, conditional=True, **options)
    except FileNotFoundError as error:
        raise NotReady(f"the file {path.name} is gone") from error


def zip_of(files: Sequence[tuple[str, Path]]) -> ZipStream:
    """A zip of (name, path) that is made while it is read; its length is known before.

    Nothing is compressed: photos and films are already.
    """
    archive = ZipStream(sized=True)
    for name, path in files:
        archive.add_path(path, name)
    return archive


def thumb_of(rig: Rig, media: Media) -> Path:
    """The small picture of an item, made and kept if it has none.

    :raises NotPlayable: when none can be made of it.
    :raises NotReady: when its file cannot be had.
    """
    path = rig.folder.thumb_of(media.id)
    if path.is_file():
        return path
    try:
        return rig.library.keep_thumb(media.id, thumbnail(_picture_of(rig, media)))
    except (OSError, ValueError) as error:
        raise NotPlayable(f"{media.filename}: {error}") from error


def _picture_of(rig: Rig, media: Media) -> bytes:
    """A photo as it is; of anything else the first picture, also while it is not a film yet."""
    if media.folder is not None:
        first = next(pictures_in(rig.folder.partial / media.folder), None)
        if first is None:
            raise NotReady(f"{media.filename} has no picture yet")
        return first[1]
    file = rig.library.path_of(media)
    return file.read_bytes() if SUFFIXES.get(file.suffix.lower()) is Kind.PHOTO else first_picture(file)
