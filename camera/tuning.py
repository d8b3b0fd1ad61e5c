"""Everything about the picture that people may change: the camera's controls and modes, and our filters.

What was changed about a camera is remembered by its name and id and comes back whenever that camera opens; a camera
that takes another's place brings its own. Filters are those of the program, whichever camera it has. `Tuning`
asks the backend from the thread of whoever calls; the capture thread calls `restore` at each opening.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from camera.backend import Backend, CameraInfo, CameraMode, Control
from camera.capture import Capture
from camera.checks import MODE_FIELDS, checked_number, largest_mode, other_mode, wanted_mode
from camera.desk import Desk
from camera.filter_settings import NAMES as FILTER_FIELDS
from camera.filter_settings import FilterSettings, changed, packed, unpacked
from camera.hub import FrameHub
from camera.missing import Missing, missing_of, no_modes
from camera.names import FULL_RESOLUTION
from camera.news import Board, News
from camera.offer import Offers
from camera.remembered import Memory, Remembered, WantedMode
from errors import BadField, Busy, CameraError, ControlRefused, NoCamera, NotSupported, StoreError

TURN_TIMEOUT_S = 3.0
GRACE_S = 1.0
FILTERS_KEY = "filters"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tuned:
    """How the picture is set.

    :ivar controls: as they are now; of a camera that sleeps, as they were when it was last open.
    :ivar missing: what people look for and this camera has not.
    """

    info: CameraInfo
    controls: tuple[Control, ...]
    modes: tuple[CameraMode, ...]
    filters: FilterSettings
    news: News
    missing: tuple[Missing, ...]


class Tuning:
    """The one door to controls, modes and filters, for any thread.

    `_turn` lets one change happen at a time and is held while the driver does it: whoever waits longer than
    TURN_TIMEOUT_S for it is told Busy. What is read of the camera's controls is forgotten at every change, before that
    is told.

    :param load: what `keep` kept under a key, or None.
    :param keep: keeps a text under a key over restarts.
    :ivar board: the newest change, and whom to call after each.
    """

    def __init__(
        self,
        backend: Backend,
        capture: Capture,
        hub: FrameHub,
        load: Callable[[str], str | None] = lambda key: None,
        keep: Callable[[str, str], None] = lambda key, text: None,
    ) -> None:
        self.board = Board()
        self._backend = backend
        self._capture = capture
        self._hub = hub
        self._load = load
        self._keep = keep
        self._filters = capture.filters
        self._filters_at_first = capture.filters.settings
        self._memory = Memory(load, keep, self.board.complain)
        self._desk = Desk(backend, self._memory, self.board)
        self._turn = threading.Lock()
        self._offers = Offers(backend)
        backend.settings_for = self._memory.settings_for
        capture.on_open = self.restore
        self._filters.on_fault = self.board.complain

    def open(self) -> None:
        """Filter as it was left the last time; once, when `load` can be asked."""
        self._filters.set(unpacked(self._load(FILTERS_KEY), self._filters_at_first))

    def describe(self) -> Tuned:
        """How the camera is set; one that was never open is woken for it."""
        if not self._offers.newest.key:
            try:
                with self._awake():
                    pass
            except CameraError as error:
                log.debug("the camera cannot be described: %s", error)
        news = self.board.news  # first: what is read after it is at least as new as its revision
        state = self._capture.state
        info, offer = state.info, self._offers.now(state.info)
        fault = None if self._offers.newest.key == info.key else state.reason
        there = {control.name for control in offer.controls}
        missing = missing_of(info.name, there, has_modes=bool(offer.modes), fault=fault)
        return Tuned(info, offer.controls, offer.modes, self._filters.settings, news, missing)

    def change(self, values: Mapping[str, object], by: str) -> None:
        """Set what is named: controls, filters, and `size` ("1280x720"), `rate`, `pixel_format`.

        Everything is checked before anything is set. The picture goes on while controls and filters change;
        another mode opens the camera anew. Filters alone need no camera.

        :param by: who does it, for the others.
        :raises BadField: when a value breaks its rule.
        :raises NotSupported: when this camera has no such control, or no sizes to choose from.
        :raises ControlRefused: when the camera does not take it now; what was set before it stays set.
        :raises NoCamera: when there is no camera.
        :raises Busy: when the camera is still at an earlier change.
        """
        mode = {name: value for name, value in values.items() if name in MODE_FIELDS}
        filters = {name: value for name, value in values.items() if name in FILTER_FIELDS}
        controls = {name: value for name, value in values.items() if name not in (*MODE_FIELDS, *FILTER_FIELDS)}
        with self._changing(by):
            wanted = changed(self._filters.settings, filters)
            if mode or controls:
                with self._awake():
                    self._change_camera(mode, controls, by)
            if filters:
                self._filter(wanted, filters, by)

    def reset(self, wanted: Sequence[str] | None, by: str) -> None:
        """Set controls back to their driver's defaults, filters to config.txt's, and forget; None means all of them.

        `size`, `rate` or `pixel_format` among the names sets the mode back to config.txt's. Raises as `change`.
        """
        every = [] if wanted is None else wanted
        mode = [name for name in every if name in MODE_FIELDS]
        filters = FILTER_FIELDS if wanted is None else [name for name in every if name in FILTER_FIELDS]
        controls = [name for name in every if name not in (*MODE_FIELDS, *FILTER_FIELDS)]
        with self._changing(by):
            if filters:
                first = {name: getattr(self._filters_at_first, name) for name in filters}
                self._filter(changed(self._filters.settings, first), first, by)
            if mode or controls or wanted is None:
                with self._awake():
                    self._reset_camera(mode, None if wanted is None else controls, by)

    def focus(self, value: object = None, steps: object = None, *, by: str) -> None:
        """Focus by hand, on `value` (0 far .. 1 near) or some clicks nearer or farther; ends automatic focus.

        :raises BadField: unless exactly one of the two is a number, and `value` within its range.
        """
        if (value is None) == (steps is None):
            raise BadField("value", "focus takes either value, 0..1, or steps")
        at = None if value is None else checked_number("value", value, 0.0, 1.0)
        clicks = 0.0 if steps is None else checked_number("steps", steps, None, None)
        with self._changing(by), self._awake():
            self._desk.focus(at, clicks, by)

    @contextmanager
    def largest(self, by: str | None) -> Iterator[None]:
        """The camera in its largest size for as long as this lasts; viewers stay, and see a short pause at each end.

        :param by: who wants that, which everybody is told before the pause begins; None tells nobody.
        :raises NotSupported: when it has no larger size than the present one.
        :raises ControlRefused: when it lists one and cannot do it.
        :raises NoCamera: or Busy, as `change`.
        """
        with self._my_turn(), self._awake():
            camera, info = self._desk.camera, self._capture.state.info
            mode = largest_mode(self._offers.newest.modes, info)
            if mode is None:
                raise NotSupported(f"camera {camera.name} has no larger size than {info.width_px}x{info.height_px}")
            before = self._memory.of(camera)
            if by is not None:
                self.board.say(by, [FULL_RESOLUTION])
            try:
                fault = self._try(camera, replace(before, mode=mode))
                if fault is not None:
                    raise ControlRefused(f"camera {camera.name} cannot do {mode.words}: {fault}")
                yield
            finally:
                self._try(camera, before)

    def restore(self) -> None:
        """Give the camera that just opened what was set on it before, and note what it offers. Capture thread."""
        self._memory.opened(self._desk.camera)
        self._desk.restore()
        if self._offers.look():
            self.board.say(None, [])

    def _change_camera(self, mode: Mapping[str, object], controls: Mapping[str, object], by: str) -> None:
        wanted = self._checked_mode(mode) if mode else None
        orders = self._desk.checked(controls)
        if wanted is not None:
            self._change_mode(wanted)
            self.board.say(by, [*mode])
        if orders:
            self._desk.set(orders, by)

    def _reset_camera(self, mode: Sequence[str], controls: Sequence[str] | None, by: str) -> None:
        if mode:
            self._change_mode(None)
            self.board.say(by, mode)
        if controls is None or controls:
            self._desk.reset(controls, by)

    def _filter(self, wanted: FilterSettings, named: Iterable[str], by: str) -> None:
        self._filters.set(wanted)
        try:
            self._keep(FILTERS_KEY, packed(wanted, self._filters_at_first))
        except StoreError as error:
            log.warning("filters: this will be forgotten at the next start: %s", error)
        self.board.say(by, [*named])

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=TURN_TIMEOUT_S):
            raise Busy("the camera is still at an earlier change; try again", TURN_TIMEOUT_S)
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _changing(self, by: str) -> Iterator[None]:
        with self._my_turn(), self.board.as_one(by):
            try:
                yield
            finally:
                self._offers.forget()

    @contextmanager
    def _awake(self) -> Iterator[None]:
        """The camera, open for as long as this lasts.

        :raises NoCamera: when it does not open; says why.
        """
        with self._hub.watch():
            state = self._capture.await_picture(self._patience_s)
            if state.state != "live":
                raise NoCamera(state.reason or f"camera {state.info.name} gave no picture")
            yield

    @property
    def _patience_s(self) -> float:
        return self._backend.start_timeout_s + GRACE_S

    def _checked_mode(self, wanted: Mapping[str, object]) -> WantedMode:
        modes = self._offers.newest.modes
        if not modes:
            raise NotSupported(no_modes(self._desk.name, ", ".join(wanted)))
        return wanted_mode(modes, self._capture.state.info, wanted)

    def _change_mode(self, wanted: WantedMode | None) -> None:
        """Open the camera in another mode, in config.txt's for None; back in the old one when that fails.

        :raises ControlRefused: when it failed.
        """
        camera, was = self._desk.camera, self._capture.state.info
        before = self._memory.of(camera)
        fault = self._try(camera, replace(before, mode=wanted))
        if fault is None:
            self._memory.remember(camera, replace(before, mode=wanted))
            return
        message = f"camera {camera.name} cannot do {wanted.words if wanted else 'what config.txt says'}: {fault}"
        if self._try(camera, before) is None:
            message += f"; it is back at {was.width_px}x{was.height_px}"
        self.board.complain(message)
        raise ControlRefused(message)

    def _try(self, camera: CameraInfo, wanted: Remembered) -> str | None:
        """Open the camera so; None when it delivers what was wanted, else why not."""
        self._memory.suppose(camera, wanted)
        state = self._capture.reopen(self._patience_s)
        if state.state != "live":
            return state.reason or "it gave no picture"
        return other_mode(state.info, wanted.mode)
