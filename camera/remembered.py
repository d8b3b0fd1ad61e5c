"""What people set on each camera, by its name and id, and how it is kept over a restart."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from camera.backend import CameraInfo
from errors import StoreError
from settings import CameraSettings

KEY = "camera:{}"
# A remembered size with which so many openings in a row gave no picture is left alone until the next start.
TRIES_MAX = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WantedMode:
    """What to ask a camera for. `rate_hz` is None where it lists no rates."""

    pixel_format: str
    width_px: int
    height_px: int
    rate_hz: float | None

    @property
    def words(self) -> str:
        """`1280x720 MJPG`."""
        return f"{self.width_px}x{self.height_px} {self.pixel_format}"

    def put_into(self, settings: CameraSettings) -> CameraSettings:
        """`settings` with this mode in place of its own.

        :raises ValueError: when a value is outside what settings may be.
        """
        wanted = {"pixel_format": self.pixel_format, "width": self.width_px, "height": self.height_px}
        rate = {} if self.rate_hz is None else {"rate": self.rate_hz}
        return CameraSettings.model_validate({**settings.model_dump(), **wanted, **rate})


@dataclass(frozen=True)
class Remembered:
    """Values by control name, and the mode; None is what config.txt says."""

    controls: dict[str, float] = field(default_factory=dict)
    mode: WantedMode | None = None


def packed(remembered: Remembered) -> str:
    """One line of JSON."""
    mode = remembered.mode
    kept = None if mode is None else [mode.pixel_format, mode.width_px, mode.height_px, mode.rate_hz]
    return json.dumps({"controls": remembered.controls, "mode": kept})


def unpacked(text: str | None) -> Remembered:
    """What `packed` kept; what makes no sense is forgotten."""
    if text is None:
        return Remembered()
    try:
        kept = json.loads(text)
        controls = {str(name): float(value) for name, value in kept["controls"].items()}
        mode = None if kept["mode"] is None else _mode_of(*kept["mode"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("camera: what was kept makes no sense and is forgotten: %s", str(error).replace("\n", " "))
        return Remembered()
    return Remembered({name: value for name, value in controls.items() if isfinite(value)}, mode)


def _mode_of(pixel_format: Any, width_px: Any, height_px: Any, rate_hz: Any) -> WantedMode:
    mode = WantedMode(str(pixel_format), int(width_px), int(height_px), None if rate_hz is None else float(rate_hz))
    mode.put_into(CameraSettings())
    return mode


class Memory:
    """What is remembered of every camera. `_lock` guards `_known` and `_tries`, by `CameraInfo.key`; any thread.

    :param load: what `keep` kept under a key, or None.
    :param keep: keeps a text under a key over restarts.
    :param on_give_up: called with a sentence when a remembered size is left alone, because it gave no picture.
    """

    def __init__(
        self,
        load: Callable[[str], str | None],
        keep: Callable[[str, str], None],
        on_give_up: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._load = load
        self._keep = keep
        self._on_give_up = on_give_up
        self._lock = threading.Lock()
        self._known: dict[str, Remembered] = {}
        self._tries: dict[str, int] = {}

    def of(self, camera: CameraInfo) -> Remembered:
        """What is remembered of this camera; what was kept by its name alone counts until its id has something too."""
        with self._lock:
            known = self._known.get(camera.key)
        if known is not None:
            return known
        try:
            kept = self._load(KEY.format(camera.key))
            found = unpacked(self._load(KEY.format(camera.name)) if kept is None else kept)
        except StoreError as error:
            log.warning("camera %s: what was kept cannot be read: %s", camera.name, error)
            found = Remembered()
        with self._lock:
            return self._known.setdefault(camera.key, found)

    def suppose(self, camera: CameraInfo, remembered: Remembered) -> None:
        """Go by this for now; it is not kept."""
        with self._lock:
            self._known[camera.key] = remembered
            self._tries[camera.key] = 0

    def remember(self, camera: CameraInfo, remembered: Remembered) -> None:
        """Go by this from now on, also after a restart."""
        with self._lock:
            self._known[camera.key] = remembered
        try:
            self._keep(KEY.format(camera.key), packed(remembered))
        except StoreError as error:
            log.warning("camera %s: this will be forgotten at the next start: %s", camera.name, error)

    def settings_for(self, camera: CameraInfo, settings: CameraSettings) -> CameraSettings:
        """`settings` with the mode remembered of this camera. Asked at each opening; `opened` says that it worked."""
        mode = self.of(camera).mode
        if mode is None:
            return settings
        with self._lock:
            self._tries[camera.key] = tries = self._tries.get(camera.key, 0) + 1
        if tries <= TRIES_MAX:
            return mode.put_into(settings)
        if tries == TRIES_MAX + 1:
            own = f"{settings.width}x{settings.height}"
            self._on_give_up(f"camera {camera.name} gave no picture at {mode.words}; it is asked for {own} again")
        return settings

    def opened(self, camera: CameraInfo) -> None:
        """The camera gave a picture, so its mode is good; one that was left alone stays so."""
        with self._lock:
            if self._tries.get(camera.key, 0) <= TRIES_MAX:
                self._tries[camera.key] = 0
