"""One recording, from the press of the button to its clip.

Its thread takes what the camera has sent since it last looked, five times a second, and writes it; a second thread
tends the disk (`disk_keeper.py`). The capture thread never waits for either.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from camera.backlog import Backlog
from camera.clip import Clip, Notes, clip_of, write_notes
from camera.disk_keeper import DiskKeeper, words_of
from camera.hub import Frame
from camera.timeline import Timeline
from camera.writer import ClipWriter, Segment, sync
from errors import ThreadStuck
from settings import RecordingSettings
from threads import StoppableThread

TICK_S = 0.2
TELL_S = 1.0
KEEPER_PATIENCE_S = 20.0  # a worn card may take that long for one sync

log = logging.getLogger(__name__)


class Recording(StoppableThread):
    """Writes what comes through `backlog` into `folder` until `end`.

    `_lock` guards `ended_at` and `reason`. All else is changed by this thread alone, and only read by others.

    :param backlog: which has begun; it is ended here.
    :param began_at: clock seconds of `notes.started_at`.
    :param has_room: asked once a second; raises a TurretError that says why no more may be written.
    :param on_change: called in this thread with the first picture, and at most once a second when some were dropped.
    :param on_end: called in this thread when it is over and `clip` is there.
    :ivar clip: the result; None before the end, and when the camera gave no picture.
    :ivar is_over: True when everything is written and closed.
    :ivar reason: why it ended by itself, one sentence; None while it runs or when a person ended it.
    """

    def __init__(
        self,
        folder: Path,
        notes: Notes,
        backlog: Backlog,
        settings: RecordingSettings,
        began_at: float,
        has_room: Callable[[], None],
        on_change: Callable[[], None],
        on_end: Callable[[Recording], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("recording")
        self.folder = folder
        self.notes = notes
        self.clip: Clip | None = None
        self.reason: str | None = None
        self.ended_at: float | None = None
        self.is_over = False
        self.size_bytes = 0
        self._backlog = backlog
        self._max_minutes = settings.max_minutes
        self._began_at = began_at
        self._on_change = on_change
        self._on_end = on_end
        self._clock = clock
        self._writer = ClipWriter(folder, settings.segment_minutes * 60)
        self._timeline = Timeline(self._writer)
        self._keeper = DiskKeeper(folder, self._look, has_room, self.end)
        self._lock = threading.Lock()
        self._told_dropped, self._told_at = 0, began_at

    @property
    def frames(self) -> int:
        """Pictures of the camera that were written."""
        return self._writer.frames

    @property
    def dropped(self) -> int:
        """Pictures of the camera that the disk was too slow for."""
        return self._backlog.dropped

    @property
    def duration_s(self) -> float:
        """How long the clip is by now; 0.0 before its first picture."""
        origin, ended_at = self._timeline.origin, self.ended_at
        return 0.0 if origin is None else (self._clock() if ended_at is None else ended_at) - origin

    def end(self, reason: str | None = None, at: float | None = None) -> None:
        """What is captured later is no longer part of it. Any thread; the first call counts.

        :param reason: one sentence, when no person ended it.
        :param at: clock seconds; None is now.
        """
        with self._lock:
            if self.ended_at is None:
                self.ended_at, self.reason = self._clock() if at is None else at, reason
        self.stopping.set()

    def run(self) -> None:
        is_whole = False
        try:
            self._keeper.start()
            while not self.stopping.wait(TICK_S):
                self._write_what_came()
            self.end()
            self._write_what_came()
            self._timeline.finish(self.ended_at or 0.0)
            self._writer.close()
            is_whole = True
        except OSError as error:
            log.error("recording %s: %s", self.folder.name, error)  # noqa: TRY400 - the disk's fault, not ours
            self.end(words_of(error))
        finally:
            self._finish(is_whole)

    def _write_what_came(self) -> None:
        for frame in self._backlog.take():
            if self._is_over(frame.captured_at):
                break
            is_first = self._timeline.origin is None
            self._timeline.write(frame)
            self.size_bytes += len(frame.jpeg)
            if is_first:
                self._begin_with(frame)
        now = self._clock()
        if self.ended_at is None:
            self._timeline.fill(now)
        self._is_over(now)
        self._tell_of_drops(now)

    def _is_over(self, at: float) -> bool:
        """True when something captured at `at` comes after the end, which may be the longest time reached."""
        origin = self._timeline.origin
        last_at = (self._began_at if origin is None else origin) + self._max_minutes * 60
        if at > last_at:
            self.end(f"it reached {self._max_minutes:g} minutes, the longest time a recording may have", last_at)
        return self.ended_at is not None and at > self.ended_at

    def _begin_with(self, frame: Frame) -> None:
        """The clip begins with its first picture, which with pre-roll was before the press of the button."""
        started_at = self.notes.started_at + timedelta(seconds=frame.captured_at - self._began_at)
        self.notes = replace(self.notes, started_at=started_at)
        self._on_change()

    def _tell_of_drops(self, now: float) -> None:
        if self.dropped > self._told_dropped and now - self._told_at >= TELL_S:
            log.warning("recording %s: the disk is slow, %d pictures dropped so far", self.folder.name, self.dropped)
            self._told_dropped, self._told_at = self.dropped, now
            self._on_change()

    def _look(self) -> tuple[Notes, Path | None]:
        """For the keeper: the notes as they are now, and the file being written."""
        segment = self._writer.segment
        notes = replace(self.notes, segments=self._writer.segments, dropped=self.dropped)
        return notes, None if segment is None else segment.path

    def _finish(self, is_whole: bool) -> None:
        try:
            self.end("a fault in the program")  # unless it was ended before
            self._backlog.end()
            self._stop_keeper()
            self.clip = self._close(is_whole)
        finally:
            self.is_over = True
            self._on_end(self)

    def _stop_keeper(self) -> None:
        try:
            self._keeper.stop(KEEPER_PATIENCE_S)
        except ThreadStuck as error:
            log.warning("recording %s: the disk is stuck: %s", self.folder.name, error)

    def _close(self, is_whole: bool) -> Clip | None:
        """The clip, put on the disk for good; None, and no folder, when there is no picture."""
        try:
            self._writer.close()
        except OSError:
            is_whole = False
        segments = self._writer.segments if is_whole else _as_on_disk(self._writer.segments)
        self.notes = replace(self.notes, segments=segments, dropped=self.dropped, is_over=True, end_reason=self.reason)
        clip = clip_of(self.folder, self.notes)
        if clip is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            return None
        try:
            sync(clip.segments[-1])
            write_notes(self.folder, self.notes)
        except OSError as error:
            log.warning("recording %s: its notes are not up to date: %s", self.folder.name, words_of(error))
        return clip


def _as_on_disk(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """The segments of a disk that failed: what the last one holds is read back."""
    from camera.playback import scan

    last = scan(segments[-1].path) if segments else None
    return segments[:-1] if last is None else (*segments[:-1], last)
