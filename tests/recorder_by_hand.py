"""A recorder of a camera by hand, and all that it tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clips import HandCamera
from fakes import wait_until

from camera.clip import Clip
from camera.recorder import Recorder, RecordingState
from settings import RecordingSettings

NOON = datetime(2026, 5, 21, 12, 0, 0, tzinfo=UTC)


class Bench:
    """A recorder of a camera by hand, and all that it told."""

    def __init__(self, partial_dir: Path, **settings: float) -> None:
        self.camera = HandCamera()
        self.partial_dir = partial_dir
        self.states: list[RecordingState] = []
        self.clips: list[Clip] = []
        self.room_fault: Exception | None = None
        self.room_gate: Callable[[], None] = lambda: None
        self.recorder = Recorder(
            self.camera.hub, RecordingSettings(**settings), partial_dir, self._has_room, self.states.append,
            self.clips.append, self.camera.clock, lambda: NOON + timedelta(seconds=self.camera.now - 1000),
        )  # fmt: skip
        self.recorder.open()

    def _has_room(self) -> None:
        self.room_gate()
        if self.room_fault is not None:
            raise self.room_fault

    def record(self, shade: int = 128, after_s: float = 0.0, width_px: int = 64, height_px: int = 48) -> None:
        """Show a picture and wait until it is written; the clock of a test may leap more than a backlog holds."""
        count = self.recorder.state.frames
        self.camera.show(shade, after_s, width_px, height_px)
        self.wait_for_frames(count + 1)

    def wait_for_frames(self, count: int) -> None:
        wait_until(lambda: self.recorder.state.frames == count, f"{count} frames are written")

    def wait_for_end(self) -> RecordingState:
        wait_until(lambda: not self.recorder.state.is_recording and not self.states[-1].is_recording, "the end")
        return self.recorder.state
