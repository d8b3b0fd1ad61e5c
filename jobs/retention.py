"""Retention: the disk never fills, and what is too old, too many or too large goes, oldest first.

Nothing protected ever goes, nor what is being recorded, made into a film or played. It runs by the clock
whether or not there is a camera; `ensure_room` does the same for whoever is about to write.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from errors import NoSpace, StoreError
from jobs.removal_plan import (
    Aged,
    Doomed,
    Upcoming,
    floor_of,
    for_room,
    gb,
    in_order,
    limits_of,
    over_limits,
    upcoming,
)
from settings import RetentionSettings
from store.folder import Space
from store.library import MediaLibrary
from store.media import Kind

PERIOD_S = 60.0
# So many in one go; then whoever else waits gets a turn.
BATCH = 200
# An item somebody looked at counts as being played for this long: a player that is paused asks for nothing.
PLAYED_S = 300.0
OWN_TIME = "the time that was set for it is over"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Removal:
    """What was removed last: how many items at what time, the first of them, and why."""

    at: datetime
    count: int
    filename: str
    why: str


@dataclass(frozen=True)
class RetentionState:
    """How the media disk is doing; sizes are None while it cannot be seen.

    :ivar problem: why the rules cannot be kept, in words for people; None while they are.
    """

    total_bytes: int | None = None
    free_bytes: int | None = None
    floor_bytes: int | None = None
    problem: str | None = None
    next: Upcoming | None = None
    last: Removal | None = None


class Retention:
    """Keeps the rules of [retention] in `library`. `state` may be read by any thread; it is replaced, never changed.

    `_lock` guards `_played` and the swap of `state`. `_removing` is held while items are removed: two at once would
    remove twice as much as is needed.

    :param on_change: called with the new state whenever something but the free bytes changed; must not block.
    """

    def __init__(
        self,
        library: MediaLibrary,
        settings: RetentionSettings,
        on_change: Callable[[RetentionState], None] = lambda state: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.state = RetentionState()
        self.on_change = on_change
        self._library = library
        self._settings = settings
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._removing = threading.Lock()
        self._played: dict[int, float] = {}

    def run(self) -> float:
        """Remove what has to go, at most a batch of it; answers when to call again. A job for the scheduler."""
        try:
            with self._removing:
                self._library.folder.check()
                is_more = self._remove_overdue()
                self._make_room(0)
            next_one = self._upcoming()
        except StoreError as error:
            self._show_problem(error)
            return self._clock() + PERIOD_S
        self._show(problem=None, next=next_one)
        return self._clock() if is_more else self._clock() + self._seconds_until(next_one)

    def ensure_room(self, needed_bytes: int = 0) -> None:
        """Make sure that so much can be written and the floor still stays free; removes the oldest for that.

        :raises NoSpace: when there is not enough that may be removed; then nothing is removed.
        :raises StoreUnavailable: when the media folder is not there.
        """
        try:
            self._library.folder.check()
            if self._short_bytes(self._space(), needed_bytes) > 0:
                with self._removing:
                    self._make_room(needed_bytes)
        except StoreError as error:
            is_floor_kept = isinstance(error, NoSpace) and self._short_bytes(self._space(), 0) <= 0
            if not is_floor_kept:
                self._show_problem(error)
            raise

    def has_room(self, needed_bytes: int) -> bool:
        """True when so much can be written and the floor still stays free, without removing anything."""
        return self._short_bytes(self._space(), needed_bytes) <= 0

    def played(self, media_id: int) -> None:
        """Somebody looks at an item: it stays for some minutes."""
        with self._lock:
            self._played[media_id] = self._clock() + PLAYED_S

    def _remove_overdue(self) -> bool:
        """True when there may be more than was removed."""
        now = self._now()
        doomed = [Doomed(media, OWN_TIME) for media in self._library.expired(now, BATCH)]
        totals = self._library.removable()
        for kind in Kind:
            limits = limits_of(self._settings, kind)
            doomed += over_limits(self._oldest(kind, now), totals[kind], kind, limits, now)
        return self._remove(doomed) > 0 and len(doomed) >= BATCH

    def _make_room(self, needed_bytes: int) -> None:
        """Remove the oldest until there is enough; nothing at all when that cannot be."""
        space = self._space()
        while (short_bytes := self._short_bytes(space, needed_bytes)) > 0:
            now = self._now()
            free_before = space.free_bytes
            is_worth_it = sum(total.size_bytes for total in self._library.removable().values()) >= short_bytes
            items = self._without_played([item for kind in Kind for item in self._oldest(kind, now)])
            is_some_gone = is_worth_it and self._remove(for_room(items, short_bytes)) > 0
            space = self._space()
            # What somebody still holds open gives nothing back; then removing more would help as little.
            if not is_some_gone or space.free_bytes <= free_before:
                raise self._no_space(space, needed_bytes)

    def _no_space(self, space: Space, needed_bytes: int) -> NoSpace:
        wanted = f"{gb(needed_bytes)} are to be written and " if needed_bytes else ""
        floor_bytes = floor_of(self._settings, space.total_bytes)
        return NoSpace(
            f"the media disk is too full: {gb(space.free_bytes)} are free, {wanted}{gb(floor_bytes)} have to stay free "
            "([retention] min_free_gb, min_free_percent), and removing all that may be removed is not enough"
        )

    def _short_bytes(self, space: Space, needed_bytes: int) -> int:
        return floor_of(self._settings, space.total_bytes) + needed_bytes - space.free_bytes

    def _space(self) -> Space:
        space = self._library.folder.space()
        floor_bytes = floor_of(self._settings, space.total_bytes)
        self._show(total_bytes=space.total_bytes, free_bytes=space.free_bytes, floor_bytes=floor_bytes)
        return space

    def _oldest(self, kind: Kind, now: datetime) -> list[Aged]:
        """Some of what may be removed of a kind, oldest first."""
        past = self._library.oldest(kind, BATCH + 1, before=now)
        ahead = self._library.from_ahead(kind, BATCH + 1, now)
        later = self._library.dates_after(ahead[0].id, now) if ahead else []
        return in_order(past, ahead, later, now)[: BATCH + 1]

    def _without_played(self, items: Sequence[Aged]) -> list[Aged]:
        played = self._played_now()
        return [item for item in items if item.media.id not in played]

    def _played_now(self) -> Set[int]:
        now = self._clock()
        with self._lock:
            self._played = {media_id: until for media_id, until in self._played.items() if until > now}
            return self._played.keys()

    def _remove(self, doomed: Sequence[Doomed]) -> int:
        """Remove what is not being played; answers how many went."""
        played = self._played_now()
        doomed = [one for one in doomed if one.media.id not in played]
        count = self._library.remove([one.media.id for one in doomed], is_to_make_room=True)
        if not count:
            return 0
        for why, some in groupby(doomed, key=lambda one: one.why):
            names = [one.media.filename for one in some]
            log.info("removed %d items from %s to %s: %s", len(names), names[0], names[-1], why)
        self._show(last=Removal(self._now(), count, doomed[0].media.filename, doomed[0].why))
        return count

    def _upcoming(self) -> Upcoming | None:
        now = self._now()
        heads = {kind: items[0] for kind in Kind if (items := self._without_played(self._oldest(kind, now)))}
        limits = {kind: limits_of(self._settings, kind) for kind in Kind}
        by_rule = upcoming(heads, self._library.removable(), limits, self.state.floor_bytes or 0)
        expiring = self._library.next_to_expire()
        if expiring is None or expiring.expires_at is None:
            return by_rule
        if by_rule is not None and by_rule.at is not None and by_rule.at < expiring.expires_at:
            return by_rule
        return Upcoming(expiring, OWN_TIME, expiring.expires_at)

    def _seconds_until(self, next_one: Upcoming | None) -> float:
        """Until something goes by its age. What should be gone by now is being played: it is looked at later."""
        if next_one is None or next_one.at is None:
            return PERIOD_S
        seconds = (next_one.at - self._now()).total_seconds()
        return min(seconds, PERIOD_S) if seconds > 0 else PERIOD_S

    def _show_problem(self, error: StoreError) -> None:
        unseen = {} if isinstance(error, NoSpace) else {"total_bytes": None, "free_bytes": None, "next": None}
        self._show(problem=str(error), **unseen)

    def _show(self, **changes: object) -> None:
        """Replace parts of the state, and say it when it matters to anybody."""
        with self._lock:
            before = self.state
            self.state = after = replace(before, **changes)  # type: ignore[arg-type]
        if after.problem is None and before.problem is not None:
            log.info("the media disk is in order again")
        elif after.problem is not None and _words(after.problem) != _words(before.problem or ""):
            log.error("%s", after.problem)
        if replace(after, free_bytes=before.free_bytes) != before:
            self.on_change(after)


def _words(problem: str) -> str:
    """A problem without its figures, which change while it stays the same."""
    return re.sub(r"[\d.]+ [GM]B", "", problem)
