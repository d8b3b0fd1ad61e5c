"""The recorder: one recording at a time, with or without viewers, camera or luck."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from camera.backlog import Backlog
from camera.clip import Clip, Notes, write_notes
from camera.disk_keeper import FULL, words_of
from camera.hub import FrameHub
from camera.recording import Recording
from errors import AlreadyRecording, NoCamera, NoSpace, NotRecording, StoreUnavailable
from settings import RecordingSettings

STOP_TIMEOUT_S = 60.0  # a slow card may take long to put the last seconds on the disk
START_TIMEOUT_S = 5.0  # a start makes room and a folder
CLOSED = "the program was stopped"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordingState:
    """What the recorder is doing.

    :ivar frames: pictures written so far; 0 while the camera has not given any.
    :ivar dropped: pictures the disk was too slow for.
    :ivar folder: where it is kept meanwhile.
    :ivar reason: why the last recording ended by itself; None while one runs, and after one that a person ended.
    :ivar at_s: when it was looked at, seconds of the clock; of two the later one counts.
    """

    is_recording: bool
    name: str = ""
    account_id: int | None = None
    started_at: datetime | None = None
    duration_s: float = 0.0
    frames: int = 0
    dropped: int = 0
    size_bytes: int = 0
    folder: Path | None = None
    reason: str | None = None
    at_s: float = field(default=0.0, compare=False)


class Recorder:
    """Starts and stops recordings of what `hub` shows. All methods may be called from any thread.

    `_lock` guards `_recording`, and is held while one begins. `_is_closed` is set without it: a start that is under way
    sees that, or `close` sees its recording.

    :param partial_dir: folder that gets one folder per recording.
    :param has_room: raises NoSpace, or what else forbids writing; asked before and every second during a recording.
    :param on_change: called with the new state after start and end, with the first picture, and now and then when
        pictures are dropped; must not block.
    :param on_clip: called with every clip, however it ended, in the recording's own thread before `stop` returns.
    """

    def __init__(
        self,
        hub: FrameHub,
        settings: RecordingSettings,
        partial_dir: Path,
        has_room: Callable[[], None] = lambda: None,
        on_change: Callable[[RecordingState], None] = lambda state: None,
        on_clip: Callable[[Clip], None] = lambda clip: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.on_change = on_change
        self.on_clip = on_clip
        self._settings = settings
        self._partial_dir = partial_dir
        self._has_room = has_room
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._recording: Recording | None = None
        self._is_closed = False
        self._backlog = Backlog(hub, settings.pre_roll_s)

    def open(self) -> None:
        """Begin to keep the pictures before the press of the button, if so set; the camera then never sleeps."""
        self._backlog.open()

    @property
    def state(self) -> RecordingState:
        """As it is now."""
        at_s = self._clock()
        return replace(_state_of(self._recording), at_s=at_s)

    def start(self, name: str = "", account_id: int | None = None) -> RecordingState:
        """Begin a recording. Its first picture is the camera's newest, or the first it will give.

        :param name: as the person typed it.
        :raises AlreadyRecording: when one runs.
        :raises NoSpace: or what else `has_room` raises.
        :raises StoreUnavailable: when the folder cannot be written, and from `close` on.
        """
        with self._lock:
            if self._recording is not None and not self._recording.is_over:
                raise AlreadyRecording("a recording runs already")
            self._has_room()
            if self._is_closed:
                raise StoreUnavailable("no recording begins any more: the program is being stopped")
            recording = self._begin(name, account_id)
            try:
                recording.start()
            except BaseException:  # the system gives no thread
                self._backlog.end()
                raise
            self._recording = recording  # now, and not before it can be stopped
            if self._is_closed:
                self._end_all()
        self._tell()
        return self.state

    def stop(self) -> Clip:
        """End the recording; returns when its clip is on the disk and `on_clip` was called with it.

        :raises NotRecording: when none runs.
        :raises NoCamera: when the camera gave no picture, so that there is no clip.
        :raises StoreUnavailable: when what was recorded could not be closed; the next start salvages it.
        """
        recording = self._recording
        if recording is None or recording.is_over:
            raise NotRecording("no recording runs")
        recording.end()
        recording.stop(STOP_TIMEOUT_S)
        if recording.clip is None and recording.frames:
            raise StoreUnavailable("the recording could not be closed; the next start of the program will save it")
        if recording.clip is None:
            raise NoCamera("nothing was recorded: the camera gave no picture")
        return recording.clip

    def close(self) -> None:
        """End the recording, if one runs or is about to, as a clip of its own; none begins from now on. Works twice."""
        self._is_closed = True
        if self._lock.acquire(timeout=START_TIMEOUT_S):
            self._lock.release()
        else:
            log.warning("a recording is still about to begin; it will end at once")
        self._end_all()

    def _end_all(self) -> None:
        recording = self._recording
        if recording is not None:
            recording.end(CLOSED)
            recording.stop(STOP_TIMEOUT_S)
        self._backlog.close()

    def _begin(self, name: str, account_id: int | None) -> Recording:
        began_at = self._clock()
        self._backlog.begin(began_at)
        notes = Notes(name, account_id, self._now())
        try:
            folder = self._make_folder(notes)
        except OSError as error:
            self._backlog.end()
            kind = NoSpace if error.errno in FULL else StoreUnavailable
            raise kind(f"cannot record to {self._partial_dir}: {words_of(error)}") from error
        return Recording(
            folder, notes, self._backlog, self._settings, began_at, self._has_room, self._tell, self._end, self._clock
        )

    def _make_folder(self, notes: Notes) -> Path:
        """A new folder named after the time, with its notes."""
        self._partial_dir.mkdir(parents=True, exist_ok=True)
        stem = f"{notes.started_at:%Y%m%dT%H%M%S}"
        for number in count(1):
            folder = self._partial_dir / (stem if number == 1 else f"{stem}-{number}")
            with suppress(FileExistsError):
                folder.mkdir()
                break
        write_notes(folder, notes)
        return folder

    def _tell(self) -> None:
        self.on_change(self.state)

    def _end(self, recording: Recording) -> None:
        """Called by a recording at its end, in its thread."""
        if recording.reason is not None:
            log.warning("recording %s ended: %s", recording.folder.name, recording.reason)
        try:
            if recording.clip is not None:
                self.on_clip(recording.clip)
        finally:
            self._tell()


def _state_of(recording: Recording | None) -> RecordingState:
    if recording is None:
        return RecordingState(False)
    if recording.is_over:
        return RecordingState(False, reason=recording.reason)
    notes = recording.notes
    return RecordingState(
        True,
        notes.name,
        notes.account_id,
        notes.started_at,
        recording.duration_s,
        recording.frames,
        recording.dropped,
        recording.size_bytes,
        recording.folder,
    )
