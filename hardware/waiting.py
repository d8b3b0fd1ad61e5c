"""Waiting for files that have something to say."""

from __future__ import annotations

import math
import select
from collections.abc import Iterable


def readable(files: Iterable[int], timeout_s: float | None) -> set[int]:
    """Those of `files` that have data, an end or a fault; empty after `timeout_s`, None waits for ever.

    By poll: select refuses file numbers above 1023, which a program with many viewers reaches.
    """
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    return {file for file, _ in poll.poll(None if timeout_s is None else math.ceil(timeout_s * 1000))}
