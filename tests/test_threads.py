"""Threads that stop when asked."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from errors import ThreadStuck
from threads import Bell, StoppableThread, do_each

# The handler runs at 5,000 different moments of `wait`; with an Event it stands still after a few.
RUNG_BY_SIGNALS = """
import signal
from threads import Bell
bell, rings = Bell(), 0
def ring(*_):
    global rings
    rings += 1
    bell.ring()
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
while rings < 5_000:
    bell = Bell()
    bell.wait()
signal.setitimer(signal.ITIMER_REAL, 0)
print("rung")
"""
# A signal that interrupts another thread does not interrupt `wait`, as one that comes just before it falls asleep.
RUNG_ELSEWHERE = """
import signal, threading
from threads import Bell
bell = Bell()
bell.ring_at(signal.SIGTERM)
def others():
    asleep.wait(0.1)  # whether or not the main thread sleeps by then, it must be woken
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    threading.Event().wait()
asleep = threading.Event()
threading.Thread(target=others, daemon=True).start()
bell.wait()
bell.wait()
print("rung")
"""
ROOT = Path(__file__).resolve().parent.parent


class Waiting(StoppableThread):
    def run(self) -> None:
        self.stopping.wait()


class Stuck(StoppableThread):
    def __init__(self) -> None:
        super().__init__("stuck")
        self.release = threading.Event()

    def run(self) -> None:
        self.release.wait()


class Failing(StoppableThread):
    def run(self) -> None:
        raise ZeroDivisionError("x")


def test_stop_ends_it_and_works_twice() -> None:
    thread = Waiting("waiting")
    thread.start()
    assert thread.is_running
    thread.stop()
    thread.stop()
    assert not thread.is_running


def test_stop_before_start_does_nothing() -> None:
    Waiting("never").stop()


def test_thread_that_does_not_stop_is_named() -> None:
    thread = Stuck()
    thread.start()
    with pytest.raises(ThreadStuck, match=r"thread stuck did not stop within 0\.01 s"):
        thread.stop(timeout_s=0.01)
    thread.release.set()
    thread.stop()


def test_failure_is_kept_and_logged(caplog) -> None:
    thread = Failing("failing")
    thread.start()
    thread.stop()
    assert isinstance(thread.failure, ZeroDivisionError)
    assert "thread failing ended by an error" in caplog.text


def test_each_step_is_done_whatever_happens_to_another(caplog) -> None:
    done: list[int] = []
    do_each(lambda: done.append(1), lambda: 1 / 0, lambda: done.append(2))
    assert done == [1, 2]
    assert "ZeroDivisionError" in caplog.text


def test_bell_that_was_rung_stays_rung() -> None:
    bell = Bell()
    threading.Timer(0.01, bell.ring).start()
    for _ in range(2):
        bell.wait()
    bell.ring()
    bell.wait()


@pytest.mark.parametrize("script", [RUNG_BY_SIGNALS, RUNG_ELSEWHERE], ids=["at 5,000 moments", "in another thread"])
def test_bell_may_be_rung_by_a_signal_at_any_moment(script: str) -> None:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=40, check=False)
    assert (done.stdout, done.stderr) == ("rung\n", "")
