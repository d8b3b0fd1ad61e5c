"""Is the disk mounted that belongs under the media folder?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def missing_mount(folder: Path, fstab: Path, is_mounted: Callable[[Path], bool] = os.path.ismount) -> Path | None:
    """The mount point that fstab(5) names nearest above `folder`, or at it, if nothing is mounted there; else None."""
    places = [place for place in _mount_points(fstab) if place == folder or place in folder.parents]
    nearest = max(places, key=lambda place: len(place.parts), default=None)
    return None if nearest is None or is_mounted(nearest) else nearest


def _mount_points(fstab: Path) -> list[Path]:
    try:
        lines = fstab.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    fields = [line.split() for line in lines if not line.lstrip().startswith("#")]
    return [Path(_unescaped(field[1])) for field in fields if len(field) >= 2 and field[1].startswith("/")]


def _unescaped(text: str) -> str:
    """fstab(5): a space is written \\040."""
    return text.replace("\\040", " ").replace("\\011", "\t")
