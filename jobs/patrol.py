"""Patrol: the turret visits presets in turn, until a person commands, stops it, or nothing is left to visit.

Its thread also sends the turret home after a time without commands (`IdleHome`), so the two never meet.
Both move it as an errand: every person's command wins at once, and nobody sees a holder of the controls.
Nothing here arms or fires.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from errors import BadField, Busy, NoSuchItem, NotSupported, NotWatched, TurretError
from hardware.turret import Turret
from jobs.homing import LOOK_S, MOVING_POLL_S, IdleHome, busy_for_s, is_underway
from jobs.presets import Presets
from jobs.tour import PatrolState, Tour
from settings import TurretSettings
from store.presets import PRESETS_MAX, Preset
from threads import StoppableThread

DWELL_S = (1.0, 3600.0)

log = logging.getLogger(__name__)


class Patrol(StoppableThread):
    """At most one tour. Any thread may start, end or look; `_lock` guards `_tour`.

    :ivar on_change: called after every visible change; must not block.
    :ivar homing: what the thread looks after while there is no tour.
    """

    def __init__(
        self,
        turret: Turret,
        presets: Presets,
        settings: TurretSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("patrol")
        self.on_change: Callable[[], None] = lambda: None
        self.homing = IdleHome(turret, settings.home_after_idle_s, clock)
        self._turret = turret
        self._presets = presets
        self._resume_s = settings.patrol_resume_s
        self._clock = clock
        self._lock = threading.Lock()
        self._tour: Tour | None = None
        self._attention = threading.Event()

    @property
    def state(self) -> PatrolState | None:
        """What people see; None while there is no patrol."""
        tour = self._tour
        if tour is None or self._is_over(tour):
            return None
        if self._is_paused(tour):
            return PatrolState(True, tour.preset, None, self._resumes_in_s(tour))
        left_s = max(0.0, tour.until - self._clock()) if tour.leg == "there" else None
        return PatrolState(False, tour.preset, left_s, None)

    @property
    def home_in_s(self) -> float | None:
        """Seconds until the turret goes home by itself; None when it does not."""
        return self.homing.left_s if self.state is None else None

    def begin(self, preset_ids: Sequence[int] | None, dwell_s: float, holder: str) -> None:
        """Visit these presets in turn, or all in their order, from now on; a patrol under way is replaced.

        Who starts it gives the controls back with that, if they were theirs.

        :param dwell_s: how long it stays at each.
        :raises BadField: for an unknown preset, none, too many, or a time outside 1..3600 s.
        :raises NotSupported: when no axis has a position.
        :raises Busy: while somebody else holds the controls.
        """
        if not DWELL_S[0] <= dwell_s <= DWELL_S[1]:
            raise BadField("dwell_s", f"dwell_s {dwell_s:g} is outside {DWELL_S[0]:g}..{DWELL_S[1]:g}")
        wanted = self._wanted(preset_ids)
        state, errands = self._turret.state, self._turret.errands
        if state.pan.position_deg is None and state.tilt.position_deg is None:
            raise NotSupported("neither pan nor tilt has a position, so there is nothing to patrol")
        self._turret.controls.take(holder)
        self._turret.controls.release(holder)
        ids, revision = tuple(preset.id for preset in wanted), self._presets.table.revision
        self._put(Tour(ids, dwell_s, errands.last_command, errands.last_stop, wanted[0], revision))

    def end(self) -> None:
        """End the patrol, and what it moves; anybody may. Nothing when there is none."""
        if (tour := self._tour) is not None:
            self._drop(tour)

    def forget(self) -> None:
        """Begin no motion any more: the turret is about to be closed. Does not wait for one under way."""
        self.stopping.set()
        self._put(None)

    def run(self) -> None:
        while not self.stopping.is_set():
            self._attention.clear()
            try:
                wait_s = self.step()
            except Exception:
                log.exception("the patrol ends by a fault of ours")
                self.end()
                wait_s = LOOK_S
            if not self.stopping.is_set():
                self._attention.wait(wait_s)

    def wake(self) -> None:
        self._attention.set()

    def step(self) -> float | None:
        """Do what is due; answers after how many seconds to be called again, None for not before `begin`."""
        tour = self._tour
        if tour is None:
            return self.homing.step()
        try:
            return self._go_on(tour)
        except (Busy, NotWatched):  # after a standstill of the whole program the dead-man beats again in a moment
            return LOOK_S
        except TurretError as error:
            log.warning("the patrol ends: %s", error)
            self.end()
            return 0.0

    def _go_on(self, tour: Tour) -> float:
        if self._is_over(tour):
            self._drop(tour)
            return 0.0
        if self._is_paused(tour):
            return self._wait_out(tour)
        if tour.revision != self._presets.table.revision:
            tour = self._refreshed(tour)
        if tour.leg == "moving":
            return self._travel(tour)
        if tour.leg == "there" and (left_s := tour.until - self._clock()) > 0:
            return min(left_s, LOOK_S)
        return self._depart(tour)

    def _wait_out(self, tour: Tour) -> float:
        """During a pause; afterwards it goes to the same preset again, for it was disturbed there."""
        self._turret.errands.finish()
        left_s = self._resumes_in_s(tour)
        if left_s > 0:
            return min(left_s, LOOK_S)
        self._swap(tour, replace(tour, command=self._turret.errands.last_command, leg="due"))
        return 0.0

    def _depart(self, tour: Tour) -> float:
        """Set out for the next preset; without one left the patrol ends."""
        place = tour.place if tour.leg == "due" else tour.place + 1
        found = self._first_from(tour.preset_ids, place)
        if found is None:
            log.info("the patrol ends: none of its presets is left")
            self._drop(tour)
            return 0.0
        due = replace(tour, place=found[0], preset=found[1], leg="due")
        if self._swap(tour, due):
            self.homing.note_departure()
            with self._turret.errands.command() as holder:
                self._presets.aim(due.preset, holder)
            is_on = self._swap(due, replace(due, leg="moving"))
            # Who ended or stopped it between our look and the pins did not stop this motion.
            if not is_on or self._is_over(due):
                self._turret.errands.finish()
        return MOVING_POLL_S

    def _travel(self, tour: Tour) -> float:
        if is_underway(self._turret):
            return MOVING_POLL_S
        if self._is_over(tour) or self._is_paused(tour):
            return 0.0
        if not self._presets.is_at(tour.preset):  # something cut the motion off
            self._swap(tour, replace(tour, leg="due"))
            return LOOK_S
        self._swap(tour, replace(tour, leg="there", until=self._clock() + tour.dwell_s))
        return 0.0

    def _refreshed(self, tour: Tour) -> Tour:
        """The same after presets changed: a new name is shown, and one that is gone is left at once."""
        revision = self._presets.table.revision
        try:
            fresh = replace(tour, revision=revision, preset=self._presets.table.get(tour.preset.id))
        except NoSuchItem:
            fresh = replace(tour, revision=revision, leg="due")
        return fresh if self._swap(tour, fresh) else tour

    def _first_from(self, preset_ids: tuple[int, ...], place: int) -> tuple[int, Preset] | None:
        """The first preset in turn that is still there and can be gone to."""
        for offset in range(len(preset_ids)):
            index = (place + offset) % len(preset_ids)
            with suppress(NoSuchItem, NotSupported):
                preset = self._presets.table.get(preset_ids[index])
                self._presets.target_of(preset)
                return index, preset
        return None

    def _wanted(self, preset_ids: Sequence[int] | None) -> list[Preset]:
        presets = self._presets.table.all()
        if preset_ids is not None:
            if len(preset_ids) > PRESETS_MAX:
                raise BadField("preset_ids", f"preset_ids: {len(preset_ids)} are more than {PRESETS_MAX}")
            by_id = {preset.id: preset for preset in presets}
            unknown = next((number for number in preset_ids if number not in by_id), None)
            if unknown is not None:
                raise BadField("preset_ids", f"preset_ids: there is no preset {str(unknown)[:20]}")
            presets = [by_id[number] for number in preset_ids]
        if not presets:
            raise BadField("preset_ids", "preset_ids: a patrol needs a preset to visit")
        return presets

    def _is_over(self, tour: Tour) -> bool:
        """True once somebody pressed STOP, or commanded while patrols do not go on afterwards."""
        is_stopped = self._turret.errands.last_stop is not tour.stop
        return is_stopped or (not self._resume_s and self._is_paused(tour))

    def _is_paused(self, tour: Tour) -> bool:
        has_new_command = self._turret.errands.last_command is not tour.command
        return has_new_command or busy_for_s(self._turret) > 0

    def _resumes_in_s(self, tour: Tour) -> float:
        command = self._turret.errands.last_command
        quiet_s = 0.0 if command is tour.command else command.at + self._resume_s - self._clock()
        return max(quiet_s, busy_for_s(self._turret))

    def _drop(self, tour: Tour) -> None:
        if self._swap(tour, None):
            self.homing.note_departure()
            self._turret.errands.finish()

    def _put(self, tour: Tour | None) -> None:
        with self._lock:
            self._tour = tour
        self._attention.set()
        self.on_change()

    def _swap(self, old: Tour, new: Tour | None) -> bool:
        """Replace the tour, unless somebody else did so meanwhile."""
        with self._lock:
            is_ours = self._tour is old
            if is_ours:
                self._tour = new
        if is_ours:
            self.on_change()
        return is_ours
