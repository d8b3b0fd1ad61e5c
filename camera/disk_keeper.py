"""What a recording does to its disk once a second, in a thread of its own because it may take seconds.

It makes sure that there is room for more, and that what was recorded would survive a loss of power.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from camera.clip import Notes, write_notes
from camera.writer import sync
from errors import TurretError
from threads import StoppableThread

PERIOD_S = 1.0
FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskKeeper(StoppableThread):
    """Tends one recording's folder from `start` to `stop`.

    :param look: the notes as they should be now, and the segment being written, if any; called in this thread.
    :param has_room: raises NoSpace, or whatever else forbids writing on.
    :param on_trouble: told why the recording cannot go on, at most once; this thread then ends.
    """

    def __init__(
        self,
        folder: Path,
        look: Callable[[], tuple[Notes, Path | None]],
        has_room: Callable[[], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        super().__init__("recording's disk")
        self._folder = folder
        self._look = look
        self._has_room = has_room
        self._on_trouble = on_trouble
        self._written: Notes | None = None
        self._safe: set[Path] = set()
        self._listed: set[Path] = set()

    def run(self) -> None:
        try:
            sync(self._folder.parent)
            while not self.stopping.wait(PERIOD_S):
                self._has_room()
                self.tend()
        except TurretError as error:
            self._on_trouble(str(error))
        except OSError as error:
            self._on_trouble(words_of(error))

    def tend(self) -> None:
        """Put everything on the disk for good: closed segments before the notes that say so.

        :raises OSError: when the disk does not take it.
        """
        notes, path = self._look()
        for segment in notes.segments:
            if segment.path not in self._safe:
                sync(segment.path)
                self._safe.add(segment.path)
        if path is not None:
            sync(path)
            if path not in self._listed:
                sync(self._folder)
                self._listed.add(path)
        # Whoever ends the recording does not wait for ever, and writes the last notes himself.
        if notes != self._written and not self.stopping.is_set():
            write_notes(self._folder, notes)
            self._written = notes


def words_of(error: OSError) -> str:
    """A half-sentence for people: what the disk did."""
    return "the disk is full" if error.errno in FULL else f"the disk cannot be written: {error.strerror or error}"
