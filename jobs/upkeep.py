"""Check and repair of the media library in the background: at every start, and when somebody asks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from errors import AlreadyRunning, StoreError
from store.found import Inspect
from store.library import MediaLibrary
from store.repair import Repair, Report
from threads import StoppableThread

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UpkeepState:
    """How far it is.

    :ivar done: files looked at, of `total`.
    :ivar report: what the last run found; None before its end, and when it failed.
    :ivar fault: why the last run could not be done.
    """

    is_running: bool = False
    done: int = 0
    total: int = 0
    report: Report | None = None
    fault: str | None = None


class Upkeep(StoppableThread):
    """Runs one repair at a time. `state` is replaced, never changed.

    :param salvage: called before each run; takes care of recordings that a power cut ended.
    :param on_change: called in this thread when a run begins, comes on, or ends; must not block.
    """

    def __init__(
        self,
        library: MediaLibrary,
        inspect: Inspect,
        salvage: Callable[[], None] = lambda: None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("upkeep")
        self.state = UpkeepState()
        self.on_change = on_change
        self._library = library
        self._inspect = inspect
        self._salvage = salvage
        self._wanted = threading.Event()
        self._cancelled = threading.Event()

    def ask(self) -> None:
        """Begin a run.

        :raises AlreadyRunning: while one runs.
        """
        if self.state.is_running or self._wanted.is_set():
            raise AlreadyRunning("check and repair runs already")
        self._cancelled.clear()
        self._enter(UpkeepState(is_running=True))
        self._wanted.set()

    def cancel(self) -> None:
        """End a run early; what it did is whole. Fine when none runs."""
        self._cancelled.set()

    def run(self) -> None:
        while not self.stopping.is_set():
            self._wanted.wait()
            self._wanted.clear()
            if not self.stopping.is_set():
                self._run_once()

    def wake(self) -> None:
        self._cancelled.set()
        self._wanted.set()

    def _run_once(self) -> None:
        try:
            self._salvage()
            report = Repair(self._library, self._inspect, self._progress, self._cancelled.is_set).run()
        except StoreError as error:
            log.warning("check and repair: %s", error)
            self._enter(UpkeepState(fault=str(error)))
            return
        except Exception as error:
            log.exception("check and repair: a fault of ours")
            self._enter(UpkeepState(fault=f"a fault in the program: {error}"))
            return
        if not report.is_clean:
            log.warning("check and repair: %s", summary_of(report))
        self._enter(UpkeepState(False, report.checked, self.state.total, report))

    def _progress(self, done: int, total: int) -> None:
        self._enter(replace(self.state, done=done, total=total))

    def _enter(self, state: UpkeepState) -> None:
        self.state = state
        self.on_change()


def summary_of(report: Report) -> str:
    """What was done, in one line."""
    names = {
        "files got rows": report.added,
        "of them go on the day they say": report.expiring,
        "rows lost their files and are gone": report.lost,
        "files cannot be played and were set aside": report.aside,
        "films were finished": report.finished,
        "files were left alone": report.left,
    }
    found = [f"{len(files)} {words}" for words, files in names.items() if files]
    return ", ".join(found) or "rows and files agree"
