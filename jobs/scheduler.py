"""The one thread that does things by the clock: clearing up, the shots of a timelapse.

A job is a short function under a name. It answers when it wants to be called again, so that each keeps
its own rhythm; one that takes long does a part and asks to be called again at once, and the others get
their turn in between.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from threads import StoppableThread

RETRY_S = 60.0
LONGEST_WAIT_S = 3600.0  # threading refuses to wait for years

Job = Callable[[], float | None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Plan:
    name: str
    due_at: float
    job: Job


class Scheduler(StoppableThread):
    """Calls jobs when they are due, one after the other. `_lock` guards `_plans`, of which each name has one.

    :param clock: seconds that only run forward; all times here are of this clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("scheduler")
        self._clock = clock
        self._lock = threading.Lock()
        self._plans: dict[str, _Plan] = {}
        self._attention = threading.Event()

    def plan(self, name: str, job: Job, due_at: float | None = None) -> None:
        """Call `job` at `due_at`, now for None, in place of what was planned under this name; any thread.

        :param job: answers when it is to be called again, None for never. One that raises is logged and called
            again a minute later.
        """
        with self._lock:
            self._plans[name] = _Plan(name, self._clock() if due_at is None else due_at, job)
        self._attention.set()

    def cancel(self, name: str) -> None:
        """Forget the job of this name, also one that is just being called; any thread."""
        with self._lock:
            self._plans.pop(name, None)

    def run_due(self) -> float:
        """Call everything that is due; answers the seconds until the next one. For the thread, and for tests."""
        for plan in self._due():
            if not self.stopping.is_set():
                self._call(plan)
        with self._lock:
            next_at = min((plan.due_at for plan in self._plans.values()), default=None)
        return LONGEST_WAIT_S if next_at is None else min(max(0.0, next_at - self._clock()), LONGEST_WAIT_S)

    def run(self) -> None:
        while not self.stopping.is_set():
            self._attention.clear()
            self._attention.wait(self.run_due())

    def wake(self) -> None:
        self._attention.set()

    def _due(self) -> list[_Plan]:
        now = self._clock()
        with self._lock:
            return sorted((plan for plan in self._plans.values() if plan.due_at <= now), key=lambda plan: plan.due_at)

    def _call(self, plan: _Plan) -> None:
        with self._lock:
            if self._plans.get(plan.name) is not plan:  # cancelled or planned anew while another job took its time
                return
        try:
            again_at = plan.job()
        except Exception:
            log.exception("job %s failed; it is tried again in %g s", plan.name, RETRY_S)
            again_at = self._clock() + RETRY_S
        with self._lock:
            if self._plans.get(plan.name) is not plan:
                return
            del self._plans[plan.name]
            if again_at is not None:
                self._plans[plan.name] = _Plan(plan.name, again_at, plan.job)
