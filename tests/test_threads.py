"""Threads that stop when asked."""

from __future__ import annotations

import threading

import pytest

from errors import ThreadStuck
from threads import StoppableThread


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
