"""Recordings that are killed by SIGKILL at random moments, for tests/test_salvage.py.

    python killed_recordings.py FOLDER COUNT

Makes COUNT processes, some at a time; each records 30 pictures a second into FOLDER/N/partial and is killed between
0.3 and 2 s after its start. FOLDER/N/published has a line "NUMBER TIME" for every picture the recorder was given, and
at most one more; FOLDER/N/killed_at the time (time.monotonic) right before the kill, less what the machine overslept in
the last two seconds, in which nobody could write. This process has one thread, so it may fork.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import av  # noqa: F401 - loaded once for all of them
from clips import numbered_jpeg

from camera.backend import Picture
from camera.hub import FrameHub
from camera.recorder import Recorder
from settings import RecordingSettings

AT_A_TIME = 10
BEAT_S = 0.005
RATE_HZ = 30
SEGMENT_MINUTES = 0.01


def record(folder: Path) -> None:
    """Record until killed."""
    hub = FrameHub()
    settings = RecordingSettings().model_copy(update={"segment_minutes": SEGMENT_MINUTES})
    recorder = Recorder(hub, settings, folder / "partial")
    recorder.start("killed", account_id=5)
    published = os.open(folder / "published", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number = 0
    while True:
        time.sleep(1 / RATE_HZ)  # never two in one millisecond, which a recording would have to pull apart
        captured_at = time.monotonic()
        # First, or the kill could come between the picture in the recording and its line.
        os.write(published, f"{number} {captured_at}\n".encode())
        hub.publish(Picture(numbered_jpeg(number), captured_at, 320, 240))
        number += 1


def sleep_until(moment: float) -> float:
    """How many of the last two seconds before that moment, or what is left of them, were overslept."""
    overslept = []
    while (left_s := moment - time.monotonic()) > 0:
        due_at = time.monotonic() + min(left_s, BEAT_S)
        time.sleep(max(0.0, due_at - time.monotonic()))
        overslept.append((time.monotonic(), max(0.0, time.monotonic() - due_at)))
    return sum(late_s for woken_at, late_s in overslept if woken_at > time.monotonic() - 2)


def main(folder: Path, count: int) -> None:
    names = [str(number) for number in range(count)]
    for batch in range(0, count, AT_A_TIME):
        running = []
        for name in names[batch : batch + AT_A_TIME]:
            (folder / name).mkdir()
            pid = os.fork()
            if pid == 0:
                record(folder / name)
            running.append((time.monotonic() + random.uniform(0.3, 2.0), pid, folder / name))
        for kill_at, pid, place in sorted(running):
            late_s = sleep_until(kill_at)
            (place / "killed_at").write_text(str(time.monotonic() - late_s))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
