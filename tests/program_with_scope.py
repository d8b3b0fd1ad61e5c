#!/usr/bin/env python3
"""app.py with a scope on its simulated pins. For each line on standard input it prints one line of JSON.

`edges`: all changes of the pins, as [monotonic seconds, pin, level]. `stall SECONDS`: the dead-man hangs for so long.
`log COUNT`: so many lines of the log, from a thread of their own. `hang`: from now on `/api/accounts` says `hangs`, and
does so for good.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from turret_by_hand import Scope

import app
from rig import Rig
from threads import Bell

serve = app.serve


def serve_watched(rig: Rig, stop: Bell) -> None:
    """Serve, and answer on standard output."""
    threading.Thread(target=answer, args=(rig, Scope(rig.turret._pins)), daemon=True).start()
    serve(rig, stop)


def answer(rig: Rig, scope: Scope) -> None:
    """One answer for each line."""
    for line in sys.stdin:
        what, *words = line.split()
        if what == "edges":
            print(json.dumps(scope.edges(*scope._pins)), flush=True)
            continue
        if what == "stall":
            stall(rig, float(*words))
        elif what == "hang":
            rig.accounts.everybody = hang
        elif what == "log":
            threading.Thread(target=write_log, args=(int(*words),), daemon=True).start()
        print(json.dumps(what), flush=True)


def stall(rig: Rig, seconds: float) -> None:
    """Make the dead-man hang in its next beat."""
    tilt, tick = rig.turret.tilt, rig.turret.tilt.tick

    def hang(now: float) -> float | None:
        tilt.tick = tick
        time.sleep(seconds)
        return tick(now)

    tilt.tick = hang


def hang() -> None:
    """Never return."""
    print(json.dumps("hangs"), flush=True)
    threading.Event().wait()


def write_log(count: int) -> None:
    """So many lines."""
    for number in range(count):
        logging.getLogger("test").warning("line %d", number)


app.serve = serve_watched

if __name__ == "__main__":
    sys.exit(app.main())
