"""The newest picture for somebody who wants just one, waking the camera if it sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable

from camera.hub import Frame, FrameHub


def newest_frame(
    hub: FrameHub, timeout_s: float, give_up: Callable[[], bool], clock: Callable[[], float] = time.monotonic
) -> Frame | None:
    """The newest live frame.

    A placeholder is returned when the wait ends without a live frame, None when there is not even
    that. The watch outlives this call by the camera's idle time-out, so polling keeps it awake.

    :param timeout_s: how long to wait at most.
    :param give_up: asked at every placeholder whether waiting on makes no sense.
    """
    until = clock() + timeout_s
    with hub.subscribe() as frames:
        frame = hub.latest
        while frame is None or not frame.is_live:
            left_s = until - clock()
            if left_s <= 0 or (frame is not None and give_up()):
                break
            frame = frames.next(min(left_s, 0.5)) or frame
    return frame
