"""Setting a camera's controls: checked before, remembered after, and given back when the camera opens again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from camera import names
from camera.backend import Backend, CameraInfo, Control
from camera.checks import checked, checked_number, in_order, wakes
from camera.missing import no_control
from camera.news import Board
from camera.remembered import Memory
from errors import BadField, ControlRefused, NotSupported

log = logging.getLogger(__name__)


class Desk:
    """The controls of the camera that is open.

    `restore` is for the capture thread; the others are for one thread at a time, while the camera is open.
    """

    def __init__(self, backend: Backend, memory: Memory, board: Board) -> None:
        self._backend = backend
        self._memory = memory
        self._board = board
        self._refused: set[tuple[str, str]] = set()

    @property
    def name(self) -> str:
        """The camera's name."""
        return self.camera.name

    @property
    def camera(self) -> CameraInfo:
        """What is known of the camera."""
        return self._backend.info

    def find(self, name: str) -> Control:
        """The control of this name as it is now.

        :raises NotSupported: when the camera has none.
        """
        found = next((control for control in self._backend.controls if control.name == name), None)
        if found is None:
            raise NotSupported(no_control(self.name, name))
        return found

    def checked(self, values: Mapping[str, object]) -> dict[str, float]:
        """`values` as numbers, in the order they must be set.

        :raises BadField: when one breaks its control's rule.
        :raises NotSupported: when there is no such control.
        :raises ControlRefused: when one cannot be set now.
        """
        orders = {}
        for name in in_order(values):
            control = self.find(name)
            orders[name] = checked(control, values[name])
            if control.reason is not None and not wakes(control, values):
                raise ControlRefused(f"camera {self.name} does not take {name} now: {control.reason}")
        return orders

    def set(self, orders: Mapping[str, float], by: str) -> None:
        """Set in this order, remember what was taken, and tell; also when one in the middle is refused.

        :raises ControlRefused: for the first that is.
        """
        taken: dict[str, float] = {}
        lasting = {control.name for control in self._backend.controls if control.value is not None}
        try:
            for name, value in orders.items():
                taken[name] = self._backend.set_control(name, value)
        finally:
            if taken:
                self._remember({name: value for name, value in taken.items() if name in lasting})
                self._board.say(by, [*taken])

    def reset(self, wanted: Sequence[str] | None, by: str) -> None:
        """Set back to the driver's defaults, and forget; None means everything.

        By hand, automatic, by hand again: what slept at first may be awake after the second round.
        """
        chosen = [control.name for control in self._backend.controls] if wanted is None else [*wanted]
        for name in chosen:
            self.find(name)
        done: list[str] = []
        try:
            for is_automatic in (False, True, False):
                done += self._reset_some([name for name in chosen if (name in names.AUTOMATICS) is is_automatic])
        finally:
            before = self._memory.of(self.camera)
            left = {name: value for name, value in before.controls.items() if name not in chosen}
            self._memory.remember(self.camera, replace(before, controls=left))
            self._board.say(by, list(dict.fromkeys(done)))

    def focus(self, value: float | None, steps: float, by: str) -> None:
        """Focus by hand on `value`, else some clicks nearer; ends automatic focus.

        :raises NotSupported: when the camera cannot be focused.
        """
        lens = self.find(names.FOCUS)
        orders = {names.FOCUS: _stepped(lens, steps) if value is None else value}
        if any(control.name == names.FOCUS_AUTO and control.value for control in self._backend.controls):
            orders = {names.FOCUS_AUTO: 0.0, **orders}
        self.set(orders, by)

    def restore(self) -> None:
        """Give the camera that just opened what was set on it before. Capture thread."""
        kept = self._memory.of(self.camera).controls
        for is_automatic in (True, False):
            chosen = {name: value for name, value in kept.items() if (name in names.AUTOMATICS) is is_automatic}
            now = {control.name: control for control in self._backend.controls} if chosen else {}
            for name, value in chosen.items():
                self._restore(name, value, now.get(name))

    def _restore(self, name: str, value: float, control: Control | None) -> None:
        if control is not None and (control.value == value or control.reason is not None):
            return  # it is so already, or sleeps while something automatic is on
        try:
            if control is not None and control.minimum is not None:
                checked_number(name, value, control.minimum, control.maximum)
            self._backend.set_control(name, value)
        except (NotSupported, ControlRefused, BadField) as error:
            if (self.name, name) not in self._refused:
                self._refused.add((self.name, name))
                log.warning("camera %s no longer takes %s = %g: %s", self.name, name, value, error)

    def _reset_some(self, chosen: Sequence[str]) -> list[str]:
        now = {control.name: control for control in self._backend.controls}
        done = []
        for control in (now[name] for name in chosen if name in now):
            if control.reason is None and control.default is not None and control.value not in (None, control.default):
                self._backend.set_control(control.name, control.default)
                done.append(control.name)
        return done

    def _remember(self, taken: Mapping[str, float]) -> None:
        before = self._memory.of(self.camera)
        values = self._backend.to_keep({**before.controls, **taken})
        self._memory.remember(self.camera, replace(before, controls=values))


def _stepped(lens: Control, steps: float) -> float:
    """Where the lens stands after some clicks, within its range."""
    least, most = lens.minimum or 0.0, lens.maximum or 1.0
    here = lens.value if lens.value is not None else lens.default if lens.default is not None else (least + most) / 2
    return min(max(here + steps * (lens.step or names.FOCUS_STEP), least), most)
