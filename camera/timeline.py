"""From the camera's clock to a clip's own time, which begins with its first picture; pauses are filled.

When no picture comes, the last one is written again: once soon, because the muxer keeps one picture back and that
must not be a real one; then every few seconds, so that the pause is time in the file whatever happens to us.
"""

from __future__ import annotations

from camera.clip import last_frame_s
from camera.hub import Frame
from camera.writer import ClipWriter

PAUSE_S = 0.7  # nothing for so long is a pause; the picture is repeated
HOLD_S = 0.5  # so long after the last: what the camera took meanwhile may still be on its way to us
HOLD_AGAIN_S = 5.0


class Timeline:
    """Writes frames in their time. Used by one thread; `origin` may be read by any.

    :ivar origin: when the first picture was captured, clock seconds; None before.
    """

    def __init__(self, writer: ClipWriter) -> None:
        self.origin: float | None = None
        self._writer = writer
        self._shown_at = 0.0
        self._next_hold_s = HOLD_S

    def write(self, frame: Frame) -> None:
        """Append a frame of the camera.

        :raises OSError: as `ClipWriter.write`.
        """
        if self.origin is None:
            self.origin = frame.captured_at
        self._writer.write(frame.jpeg, frame.captured_at - self.origin, frame.width_px, frame.height_px)
        self._shown_at, self._next_hold_s = max(self._shown_at, frame.captured_at), HOLD_S

    def fill(self, now: float) -> None:
        """Repeat the last picture if none came for a while.

        :raises OSError: as `ClipWriter.write`.
        """
        if self.origin is not None and now - self._shown_at > self._next_hold_s + PAUSE_S - HOLD_S:
            self._hold(self._shown_at + self._next_hold_s)

    def finish(self, ended_at: float) -> None:
        """Show the last picture until `ended_at` if it was some time ago.

        :raises OSError: as `ClipWriter.write`.
        """
        if self.origin is not None and ended_at - self._shown_at > PAUSE_S:
            self._hold(ended_at - last_frame_s(ended_at - self.origin, self._writer.frames))

    def _hold(self, shown_at: float) -> None:
        assert self.origin is not None
        self._writer.hold(shown_at - self.origin)
        self._shown_at, self._next_hold_s = shown_at, HOLD_AGAIN_S
