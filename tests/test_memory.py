"""Large pictures leave nothing behind, whichever threads had them in their hands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jobs.memory import free_memory_bytes

ROOT = Path(__file__).resolve().parent.parent
# In a process of its own: the bound is that of a whole process, and others may have raised it.
COPIES = """
import sys, threading
import cv2
import numpy as np
from camera.image import encode
from camera.photo_copy import CopyFilter, processed
from jobs.memory import give_memory_back, keep_large_arrays_apart

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 // 10**6

def make():
    for effect in CopyFilter:
        processed(photo, effect)
    give_memory_back()

if len(sys.argv) > 1:
    cv2.setNumThreads(int(sys.argv[1]))
keep_large_arrays_apart()
photo = encode(np.random.default_rng(1).integers(0, 255, (3040, 4056, 3), np.uint8), 40)
make()
before = resident_mb()
lock, go_on = threading.Lock(), threading.Barrier(4)

def worker():
    go_on.wait(60)
    with lock:
        make()

threads = [threading.Thread(target=worker) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(resident_mb() - before)
"""


@pytest.mark.parametrize("threads_of_opencv", [[], ["1"]], ids=["as many as cores", "one, as with one core"])
def test_copies_in_many_threads_give_their_memory_back(threads_of_opencv: list[str]) -> None:
    """Each of the web server's threads kept some 25 MB of its first copy; a small board has 512."""
    command = [sys.executable, "-c", COPIES, *threads_of_opencv]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 20


def test_free_memory_is_what_the_kernel_says(tmp_path: Path) -> None:
    table = tmp_path / "meminfo"
    table.write_text("MemTotal:  4000 kB\nMemFree:  100 kB\nMemAvailable:   2000 kB\n")
    assert free_memory_bytes(table) == 2000 * 1024
    assert free_memory_bytes() > 10**6
