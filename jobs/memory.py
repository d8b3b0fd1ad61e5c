"""How much memory is free, and giving back what large pictures took; for glibc, elsewhere nothing is given back.

glibc keeps freed memory in arenas, as a rule one for each thread, and any of the web server's threads may have had
large pictures in its hands.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

# <malloc.h>; see mallopt(3).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
# Larger than a picture of 1920x1080 in any form, smaller than a photo of 12 megapixels in its leanest.
LARGE_BYTES = 8 * 2**20
# What is freed and taken again for each frame stays with the process; glibc's own 2 x M_MMAP_THRESHOLD.
KEPT_BYTES = 2 * LARGE_BYTES
# malloc_trim leaves the free end of each arena but the first alone, and that may be KEPT_BYTES.
ARENAS = 2


def free_memory_bytes(table: Path = Path("/proc/meminfo")) -> int:
    """What the system can still give without moving others out (proc(5), MemAvailable)."""
    line = next(line for line in table.read_text(encoding="ascii").splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1024


def keep_large_arrays_apart() -> None:
    """From now on, what is larger than LARGE_BYTES goes back to the system when it is freed.

    By itself glibc raises that bound with each such array, up to 32 MB; once it is set, the other bound would stay at
    128 kB, and each frame's work would begin with new pages (mallopt(3)). Once, for the whole process, before its
    threads. Measured: 36 copies of 12 megapixels left 230 MB with the program, with this and `give_memory_back` 5.
    Where OpenCV has one thread, each of the web server's kept 11 MB; with ARENAS they keep 12 in all, and three threads
    that code pictures take no more CPU.
    """
    with suppress(AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_ARENA_MAX, ARENAS)


def give_memory_back() -> None:
    """Let the system have what this process has freed; takes a few milliseconds (malloc_trim(3))."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
