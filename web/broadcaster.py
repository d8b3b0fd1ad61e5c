"""One thread that sends each frame once to every viewer's socket.

A viewer's connection arrives through `web/door.py`; from then on the socket belongs to the
broadcaster. All viewers of a channel get the same immutable bytes. Nobody waits for anybody:
sends never block, a viewer that is still busy with an old frame finishes it and then jumps to the
newest, one that takes no byte for `viewer_timeout_s` is dropped.

While there are few plain viewers, the capture thread itself sends to them (`on_frame`): that spares
a thread switch per frame, the largest cost with one viewer. With many, it only wakes our thread.

`_lock` guards `roster`, `_gone` and everything inside the viewers. It is held over sends,
which is safe because they never block (15 to 25 us each); sockets are closed after it was let go.
"""

from __future__ import annotations

import errno
import logging
import select
import threading
import time
from collections.abc import Callable

from camera.hub import Frame, FrameHub
from threads import StoppableThread, do_each
from web.door import Door
from web.parts import Channel, FrameChannel, Part, event_block
from web.roster import Totals
from web.viewer import Sent, Viewer, open_libc
from web.waker import Waker

# From here on frames also go into memory files: page references instead of copies (measured 15 to 21
# against 19 to 29 CPU-us per delivered 98 kB frame at 256 viewers).
SENDFILE_VIEWERS_MIN = 32
GATE_PERIOD_S = 0.02
TICK_S = 1.0
EVENT_HEARTBEAT_S = 15.0
YIELD_EVERY_S = 0.002
EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
COMMENT = Part(b": still here\n\n")

log = logging.getLogger(__name__)


class Broadcaster(StoppableThread):
    """All viewers of the live picture and of the events.

    :param viewer_timeout_s: a viewer that takes no byte for so long is dropped.
    :ivar door: where they come in.
    """

    def __init__(
        self,
        hub: FrameHub,
        max_viewers: int,
        viewer_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("broadcaster")
        self._lock = threading.Lock()
        self.door = Door(hub, max_viewers, self._lock, self._enter, self.wake)
        self.roster = self.door.roster
        self.events = self.door.events
        self.totals = Totals()
        self._hub = hub
        self._timeout_s = viewer_timeout_s
        self._clock = clock
        self._channels = self.door.pictures
        self._gone: list[Viewer] = []
        self._has_gated = False
        self._epoll = select.epoll()
        self._waker = Waker()
        self._epoll.register(self._waker.descriptor, select.EPOLLIN)
        self._libc = open_libc()
        self._ticked_at = self._beat_at = clock()
        hub.add_sink(self.on_frame)

    # -- coming and going ------------------------------------------------------------------------

    def _enter(self, viewer: Viewer) -> None:
        """Turn a reserved place into a viewer.

        Registering makes epoll report the socket as writable, and so our thread send the newest frame.
        """
        viewer.progress_at = self._clock()
        try:
            viewer.prepare(self._timeout_s)
            with self._lock:
                if self.stopping.is_set():
                    raise OSError(errno.ESHUTDOWN, "shutting down")
                self._epoll.register(viewer.descriptor, EVENTS)
                self.roster.enter(viewer)
                self.totals.viewers += 1
        except (OSError, ValueError) as error:
            log.debug("a viewer left while it came in: %s", error)
            self.door.turn_away(viewer)

    def _drop(self, viewer: Viewer) -> None:
        """Forget a viewer; `_bury` closes it once the lock is free."""
        if self.roster.leave(viewer):
            self._epoll.unregister(viewer.descriptor)
            self._gone.append(viewer)

    def ask_to_leave(self, is_welcome: Callable[[str], bool]) -> None:
        """Drop everybody whose session is not welcome any more.

        :param is_welcome: may take its time; what it raises is passed on, and then everybody stays.
        """
        with self._lock:
            sessions = {viewer.session for viewer in self.roster}
        unwelcome = {session for session in sessions if not is_welcome(session)}
        if unwelcome:
            with self._lock:
                for viewer in self.roster:
                    if viewer.session in unwelcome:
                        self._drop(viewer)
            self._bury()

    def _bury(self) -> None:
        """Close the sockets of viewers that left. Called without the lock."""
        with self._lock:
            gone, self._gone = self._gone, []
        for viewer in gone:
            viewer.close()
        if any(viewer.watch is not None for viewer in gone):
            self.door.on_count()

    # -- sending ---------------------------------------------------------------------------------

    def on_frame(self, frame: Frame) -> None:
        """The hub's sink: show the frame, and send it at once when that is cheap. Capture thread."""
        channels = self._channels
        channels["length"].frame = channels["advance"].frame = frame
        if self.roster.direct and self._lock.acquire(blocking=False):
            try:
                for viewer in self.roster.direct:
                    if viewer.part is None and not viewer.careful and not viewer.pace.period_s:
                        self._send_directly(viewer, frame)
                    else:
                        self._advance(viewer)
            finally:
                self._lock.release()
            if self._gone:
                self._bury()
            if not self._has_gated:
                return
        if self.roster.watchers:
            self.wake()

    def _send_directly(self, viewer: Viewer, frame: Frame) -> None:
        """Send a frame to an idle viewer; what its socket does not take becomes an ordinary part."""
        sent, size_bytes = viewer.push_pieces(frame)
        if sent < 0:
            self._drop(viewer)
            return
        viewer.seen = frame.number
        if sent == size_bytes:
            self.totals.frames_sent += 1
            self.totals.bytes_sent += size_bytes
            return
        viewer.begin(viewer.channel.newest()[2], sent, self._clock())
        self._push(viewer)

    def show_event(self, name: str, data: str) -> None:
        """Send one event to every listener; `data` is a line of JSON. Any thread."""
        self.events.show(event_block(name, data))
        if self.roster.listeners:
            self.wake()

    def _advance(self, viewer: Viewer) -> None:
        """Send what this viewer can take now: the rest of its part, else the newest one."""
        channel = viewer.channel
        while viewer.part is not None or viewer.seen != channel.number:
            if viewer.part is None and not self._start(viewer, channel):
                return
            if not self._push(viewer):
                return

    def _start(self, viewer: Viewer, channel: Channel) -> bool:
        """Give the viewer the newest part; False when it must not have it yet."""
        if viewer.careful:
            if viewer.unsent_bytes():
                self._has_gated = True
                return False
            viewer.careful -= 1
        number, captured_at, part = channel.newest()
        viewer.seen = number
        if viewer.pace.period_s:
            if not viewer.pace.is_due(captured_at):
                return False
            viewer.pace.step(captured_at)
        viewer.begin(part, 0, self._clock())
        return True

    def _push(self, viewer: Viewer) -> bool:
        """Send on; True when the part is out, False when the socket is full or the viewer is gone."""
        part = viewer.part
        assert part is not None
        sent = viewer.push(self._libc, self._clock())
        if sent is Sent.ALL:
            self.totals.frames_sent += 1
            self.totals.bytes_sent += part.size_bytes
            return True
        if sent is Sent.GONE:
            self._drop(viewer)
        return False

    # -- the thread ------------------------------------------------------------------------------

    def wake(self) -> None:
        self._waker.ring()

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                events = self._epoll.poll(self._patience_s())
                with self._lock:
                    is_woken = self._handle(events)
                    if is_woken or self._has_gated:
                        self._send_to_all()
                    self._tick()
                if self._gone:
                    self._bury()
        finally:
            self._close_all()

    def _patience_s(self) -> float | None:
        if self._has_gated:
            return GATE_PERIOD_S
        return max(0.0, self._ticked_at + TICK_S - self._clock()) if len(self.roster) else None

    def _handle(self, events: list[tuple[int, int]]) -> bool:
        """Deal with what epoll saw; True when somebody called `wake`."""
        is_woken = False
        for descriptor, what in events:
            if descriptor == self._waker.descriptor:
                self._waker.take()
                is_woken = True
                continue
            viewer = self.roster.at(descriptor)
            if viewer is None:
                continue
            if what & GONE or (what & select.EPOLLIN and not viewer.swallow()):
                self._drop(viewer)
            else:
                self._advance(viewer)
        return is_woken

    def _send_to_all(self) -> None:
        """One round over all viewers, letting other threads run every couple of milliseconds."""
        self._has_gated = False
        if self.roster.watchers >= SENDFILE_VIEWERS_MIN:
            self._fill_memory_files()
        yield_at = self._clock() + YIELD_EVERY_S
        for viewer in self.roster:
            self._advance(viewer)
            if self._clock() > yield_at:
                time.sleep(0)
                yield_at = self._clock() + YIELD_EVERY_S

    def _fill_memory_files(self) -> None:
        for channel in {viewer.channel for viewer in self.roster}:
            if isinstance(channel, FrameChannel) and channel.number:
                channel.newest()[2].put_into_memory_file()

    def _tick(self) -> None:
        """Once a second: drop the dead, show listeners that we live. Nobody sent while we overslept: no one's fault."""
        now = self._clock()
        late_s = now - self._ticked_at - TICK_S
        if late_s < 0:
            return
        self._ticked_at = now
        is_beat = now - self._beat_at >= EVENT_HEARTBEAT_S
        if is_beat:
            self._beat_at = now
        for viewer in self.roster:
            viewer.progress_at = min(now, viewer.progress_at + late_s)
            if viewer.is_waiting and now - viewer.progress_at > self._timeout_s:
                self.totals.stalled += 1
                self._drop(viewer)
            elif is_beat and viewer.watch is None and viewer.part is None:
                viewer.begin(COMMENT, 0, now)
                self._push(viewer)

    def _close_all(self) -> None:
        with self._lock:
            for viewer in self.roster:
                self._drop(viewer)
        self._bury()

    def close(self) -> None:
        """Stop the thread and close every viewer's socket; works twice. A stuck thread does so when it goes on."""
        if self._epoll.closed:
            return
        do_each(lambda: self._hub.remove_sink(self.on_frame), self.door.copies.stop, self.stop)
        if not self.is_running:
            do_each(self._close_all, self._epoll.close, self._waker.close)
