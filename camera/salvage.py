"""What a crash or a loss of power left of recordings."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from camera.clip import Clip, Notes, clip_of, read_notes
from camera.writer import Segment

CUT_OFF = "the program or the machine stopped in the middle of the recording"

log = logging.getLogger(__name__)


def salvage(partial_dir: Path, names: Collection[str] | None = None) -> list[Clip]:
    """The clips in `partial_dir` up to the last whole picture of each, oldest first.

    Only segments that were not closed are read, at the speed of the disk. A folder without any picture is removed.

    :param names: of the folders to look at, into which nothing records; None is all there are.
    """
    if not partial_dir.is_dir():
        return []
    folders = [path for path in partial_dir.iterdir() if path.is_dir() and (names is None or path.name in names)]
    found = [clip for folder in sorted(folders) if (clip := _salvaged(folder)) is not None]
    return sorted(found, key=lambda clip: clip.started_at)


def _salvaged(folder: Path) -> Clip | None:
    from camera.playback import scan  # loads the video library, which nobody may need

    notes = read_notes(folder)
    closed = {segment.path: segment for segment in notes.segments} if notes else {}
    segments = [closed.get(path) or scan(path) for path in sorted(folder.glob("seg-*.mkv"))]
    whole = tuple(segment for segment in segments if segment is not None)
    if not whole:
        log.warning("recording %s: there is no picture in it, it is removed", folder.name)
        shutil.rmtree(folder, ignore_errors=True)
        return None
    notes = notes or Notes("", None, _start_by_clock(whole))
    if not notes.is_over:
        notes = replace(notes, end_reason=CUT_OFF)
    log.info("recording %s: %d segments salvaged", folder.name, len(whole))
    return clip_of(folder, replace(notes, segments=whole, is_over=True))


def _start_by_clock(segments: tuple[Segment, ...]) -> datetime:
    """When a recording began whose notes are lost: when its last file was written, less its length."""
    last = segments[-1]
    return datetime.fromtimestamp(last.path.stat().st_mtime, UTC) - timedelta(seconds=last.end_s)
