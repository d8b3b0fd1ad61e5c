"""What is done with presets: keep where the turret stands, go there again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from errors import NotSupported
from hardware.news import TurretState
from hardware.turret import Turret
from store.presets import Position, Preset, PresetChange, PresetTable

NEAR_DEG = 0.5


class Presets:
    """The presets of one turret. Any thread may call any method.

    :param table: where they are kept; plain questions go there.
    :param thumbnail: the JPEG of what the camera sees now, small, or None; may take two seconds.
    :ivar on_change: called after every change; must not block.
    """

    def __init__(self, table: PresetTable, turret: Turret, thumbnail: Callable[[], bytes | None]) -> None:
        self.table = table
        self.on_change: Callable[[], None] = lambda: None
        self._turret = turret
        self._thumbnail = thumbnail

    def add(self, name: str | None, slot: int | None) -> Preset:
        """Keep where the turret stands; what is wrong with name or slot, `PresetTable.add` says.

        :raises NotSupported: when no axis has a position.
        """
        preset = self.table.add(name, slot, self._here())
        self.on_change()
        return preset

    def change(self, preset_id: int, change: PresetChange, is_here: bool) -> Preset:
        """Change what is named, and with `is_here` the position to the present one.

        :raises NotSupported: with `is_here`, when no axis has a position.
        """
        if is_here:
            self.table.get(preset_id)
            change = replace(change, position=self._here())
        preset = self.table.change(preset_id, change)
        self.on_change()
        return preset

    def remove(self, preset_id: int) -> None:
        """:raises NoSuchItem: when there is none of that number."""
        self.table.remove(preset_id)
        self.on_change()

    def undo(self, preset_id: int) -> None:
        """As it was before its last change; see `PresetTable.undo`."""
        self.table.undo(preset_id)
        self.on_change()

    def aim(self, preset: Preset, holder: str) -> TurretState:
        """Go there, as near as the limits of today allow; an axis without a position stays as it is.

        :raises NotSupported: when the preset has no position for any axis that has one.
        """
        return self._turret.aim(*self.target_of(preset), holder)

    def target_of(self, preset: Preset) -> tuple[float | None, float | None]:
        """Where pan and tilt have to go; None for one that stays as it is.

        :raises NotSupported: when the preset has no position for any axis that has one.
        """
        state = self._turret.state
        target = state.pan.nearest(preset.pan_deg), state.tilt.nearest(preset.tilt_deg)
        if target == (None, None):
            raise NotSupported(f"{preset.name} has no position for an axis that has one")
        return target

    def is_at(self, preset: Preset) -> bool:
        """True while the turret is there, as near as it can be."""
        state, targets = self._turret.state, self.target_of(preset)
        positions = (state.pan.position_deg, state.tilt.position_deg)
        return all(
            target is None or (at is not None and abs(at - target) < NEAR_DEG)
            for target, at in zip(targets, positions, strict=True)
        )

    def _here(self) -> Position:
        state = self._turret.state
        if state.pan.position_deg is None and state.tilt.position_deg is None:
            raise NotSupported("neither pan nor tilt has a position that could be kept")
        return Position(state.pan.position_deg, state.tilt.position_deg, self._thumbnail())
