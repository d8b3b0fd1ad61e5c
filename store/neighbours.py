"""Does another process have the database open?"""

from __future__ import annotations

import fcntl
import struct
from contextlib import suppress
from pathlib import Path

# A connection in WAL mode holds a read lock on these bytes for as long as it is open (sqlite.org/fileformat2.html,
# "The Lock-Byte Page"; SHARED_FIRST and SHARED_SIZE in SQLite's os.h).
SHARED_FIRST, SHARED_SIZE = 0x40000002, 510
FLOCK = "hhqqi"  # struct flock of fcntl(2): type, whence, start, length, process


def user_of(path: Path) -> int | None:
    """The number of another process that has the database open; None when there is none, or no database.

    Call it before this process opens the file: closing it here would give up our own locks on it.
    """
    with suppress(OSError), path.open("rb+") as file:
        question = struct.pack(FLOCK, fcntl.F_WRLCK, 0, SHARED_FIRST, SHARED_SIZE, 0)
        kind, *_, process = struct.unpack(FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, question))
        return None if kind == fcntl.F_UNLCK else int(process)
    return None
