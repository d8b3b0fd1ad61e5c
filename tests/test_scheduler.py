"""The scheduler: jobs come when they are due, in their own rhythm, whatever happens to others."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
from fakes import DEADLINE_S

from jobs.scheduler import RETRY_S, Scheduler


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scheduler(clock: Clock) -> Scheduler:
    return Scheduler(clock)


def test_job_comes_when_it_is_due_and_then_when_it_asked(scheduler: Scheduler, clock: Clock) -> None:
    calls: list[float] = []

    def job() -> float:
        calls.append(clock.now)
        return clock.now + 10

    scheduler.plan("a", job, 1005.0)
    assert scheduler.run_due() == 5
    for seconds in (4, 1, 9, 1, 1):
        clock.now += seconds
        scheduler.run_due()
    assert calls == [1005, 1015]


def test_jobs_that_are_late_come_in_the_order_they_were_due(scheduler: Scheduler, clock: Clock) -> None:
    said: list[str] = []
    scheduler.plan("late", lambda: said.append("late"), 1002.0)
    scheduler.plan("later", lambda: said.append("later"), 1003.0)
    scheduler.plan("first", lambda: said.append("first"), 1001.0)
    clock.now += 60
    scheduler.run_due()
    assert said == ["first", "late", "later"]


def test_job_that_asks_for_nothing_is_over(scheduler: Scheduler, clock: Clock) -> None:
    said: list[str] = []
    scheduler.plan("once", lambda: said.append("once"))
    scheduler.run_due()
    clock.now += 10**6
    scheduler.run_due()
    assert said == ["once"]


def test_job_that_raises_is_logged_and_comes_again_and_the_others_do_not_suffer(
    scheduler: Scheduler, clock: Clock, caplog
) -> None:
    said: list[str] = []

    def bad() -> None:
        said.append("bad")
        if len(said) < 3:
            raise RuntimeError("the disk is a teapot")

    scheduler.plan("bad", bad)
    scheduler.plan("good", lambda: said.append("good"))
    scheduler.run_due()
    assert said == ["bad", "good"]
    assert "job bad failed" in caplog.text
    assert "the disk is a teapot" in caplog.text
    clock.now += RETRY_S
    scheduler.run_due()
    assert said == ["bad", "good", "bad"]


def test_job_that_wants_to_go_on_at_once_lets_the_others_have_their_turn(scheduler: Scheduler, clock: Clock) -> None:
    said: list[str] = []

    def long() -> float | None:
        said.append("part")
        return clock.now if said.count("part") < 3 else None

    scheduler.plan("long", long)
    assert scheduler.run_due() == 0
    scheduler.plan("short", lambda: said.append("short"))
    scheduler.run_due()
    scheduler.run_due()
    assert said == ["part", "part", "short", "part"]


def test_job_cancelled_or_replaced_while_it_runs_does_not_come_back(scheduler: Scheduler, clock: Clock) -> None:
    said: list[str] = []

    def one() -> float:
        said.append("one")
        scheduler.plan("x", two, clock.now + 5)
        return clock.now + 1

    def two() -> float:
        said.append("two")
        scheduler.cancel("x")
        return clock.now + 1

    scheduler.plan("x", one)
    for _ in range(20):
        scheduler.run_due()
        clock.now += 1
    assert said == ["one", "two"]


def test_job_cancelled_or_planned_anew_while_another_runs_is_not_called(scheduler: Scheduler, clock: Clock) -> None:
    said: list[str] = []

    def long() -> None:
        scheduler.cancel("cancelled")
        scheduler.plan("later", lambda: said.append("later"), clock.now + 5)

    scheduler.plan("long", long, clock.now - 1)
    for name in ("cancelled", "later"):
        scheduler.plan(name, lambda: said.append("too early"))
    assert scheduler.run_due() == 5
    assert said == []
    clock.now += 5
    scheduler.run_due()
    assert said == ["later"]


def test_thread_wakes_up_for_a_job_that_is_planned_later() -> None:
    scheduler, called = Scheduler(), threading.Event()
    with closing(_Stopping(scheduler)):
        scheduler.start()
        scheduler.plan("first", lambda: None)
        scheduler.plan("now", called.set)
        assert called.wait(DEADLINE_S)
    assert not scheduler.is_running


class _Stopping:
    def __init__(self, scheduler: Scheduler) -> None:
        self.close = scheduler.stop
