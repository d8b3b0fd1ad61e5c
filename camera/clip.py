"""A recording on disk: what is known of it.

A recording is a folder of its own below `media/partial/`: its segments, and beside them `recording.json` with what no
segment can tell. That file is replaced as a whole, so there is always one that can be read.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from camera.writer import Segment

NOTES = "recording.json"
LONGEST_FRAME_S = 0.5
ONLY_FRAME_S = 1 / 30

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """A finished recording.

    :ivar name: as the person gave it; "" for none.
    :ivar started_at: when its first picture was captured, UTC.
    :ivar frames: pictures of the camera in it.
    :ivar dropped: pictures the disk was too slow for.
    :ivar end_reason: why it ended by itself, one sentence; None when a person ended it.
    """

    folder: Path
    name: str
    segments: tuple[Path, ...]
    started_at: datetime
    duration_s: float
    frames: int
    dropped: int
    size_bytes: int
    width_px: int
    height_px: int
    account_id: int | None
    end_reason: str | None


@dataclass(frozen=True)
class Notes:
    """What `recording.json` holds.

    :ivar segments: those that are closed.
    :ivar is_over: False while it is being recorded, and for ever after a crash.
    """

    name: str
    account_id: int | None
    started_at: datetime
    dropped: int = 0
    segments: tuple[Segment, ...] = ()
    is_over: bool = False
    end_reason: str | None = None


def write_notes(folder: Path, notes: Notes) -> None:
    """Replace the folder's notes by these, for good.

    :raises OSError: when the disk does not take them; the ones before stay.
    """
    data = {
        "name": notes.name,
        "account_id": notes.account_id,
        "started_at": notes.started_at.isoformat(),
        "dropped": notes.dropped,
        "segments": [_noted(segment) for segment in notes.segments],
        "is_over": notes.is_over,
        "end_reason": notes.end_reason,
    }
    new = folder / f"{NOTES}.new"
    with new.open("w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / NOTES)


def read_notes(folder: Path) -> Notes | None:
    """The folder's notes; None where they are lost or make no sense."""
    try:
        data = json.loads((folder / NOTES).read_text(encoding="utf-8"))
        return Notes(
            str(data["name"]),
            None if data["account_id"] is None else int(data["account_id"]),
            datetime.fromisoformat(data["started_at"]).astimezone(UTC),
            int(data["dropped"]),
            tuple(_segment_of(folder, noted) for noted in data["segments"]),
            bool(data["is_over"]),
            None if data["end_reason"] is None else str(data["end_reason"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("recording %s: its notes cannot be read: %s", folder.name, error)
        return None


def clip_of(folder: Path, notes: Notes) -> Clip | None:
    """The clip that the notes' segments make; None when there is no picture in them.

    :raises OSError: when a segment is gone.
    """
    segments = notes.segments
    frames = sum(segment.frames for segment in segments)
    if not frames:
        return None
    first, end_s = segments[0], segments[-1].end_s
    return Clip(
        folder,
        notes.name,
        tuple(segment.path for segment in segments),
        notes.started_at,
        end_s + last_frame_s(end_s, frames),
        frames,
        notes.dropped,
        sum(segment.path.stat().st_size for segment in segments),
        first.width_px,
        first.height_px,
        notes.account_id,
        notes.end_reason,
    )


def last_frame_s(end_s: float, frames: int) -> float:
    """How long the last of `frames` pictures is shown when it begins `end_s` after the first, seconds."""
    return min(LONGEST_FRAME_S, end_s / (frames - 1)) if frames > 1 else ONLY_FRAME_S


def _noted(segment: Segment) -> dict[str, Any]:
    return {
        "file": segment.path.name,
        "frames": segment.frames,
        "start_s": segment.start_s,
        "end_s": segment.end_s,
        "width_px": segment.width_px,
        "height_px": segment.height_px,
    }


def _segment_of(folder: Path, noted: dict[str, Any]) -> Segment:
    return Segment(
        folder / Path(noted["file"]).name,
        int(noted["frames"]),
        float(noted["start_s"]),
        float(noted["end_s"]),
        int(noted["width_px"]),
        int(noted["height_px"]),
    )
