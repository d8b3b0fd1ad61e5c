"""What the shell's commands need to look into pictures and films, loaded by the first file that is looked at.

OpenCV and what it brings take 0.2 s here, as long as all the rest of a command that only reads the list.
So this is the one place of the shell that imports within functions.
"""

from __future__ import annotations

from pathlib import Path

from store.library import MediaLibrary
from store.media import Facts, Kind


def inspect(path: Path, kind: Kind) -> Facts:
    """As `jobs.inspect.inspect`."""
    from jobs import inspect as eyes

    return eyes.inspect(path, kind)


def salvage(library: MediaLibrary) -> None:
    """Make clips of what a power cut left in `partial/`; while no other process records there."""
    from jobs.clips import Clips

    clips = Clips(library)
    clips.find_leftovers()
    clips.salvage()
