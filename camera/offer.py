"""What a camera offers to be changed: controls and modes, also while it sleeps."""

from __future__ import annotations

from dataclasses import dataclass, replace

from camera.backend import Backend, CameraInfo, CameraMode, Control
from camera.lately import Lately

# Reading every control of a USB camera takes some forty ioctls, each a request to the camera, and every page asks.
KEPT_S = 1.0


@dataclass(frozen=True)
class Offer:
    """What the camera of this key (`CameraInfo.key`) offered when it was looked at; nothing, of none, at first."""

    key: str = ""
    controls: tuple[Control, ...] = ()
    modes: tuple[CameraMode, ...] = ()


class Offers:
    """What is on offer, for any thread. `newest` is replaced by the capture thread, never changed.

    :ivar newest: what the camera that was open last offered at its opening.
    """

    def __init__(self, backend: Backend) -> None:
        self.newest = Offer()
        self._backend = backend
        self._controls = Lately(lambda: (backend.info.key, backend.controls))

    def now(self, camera: CameraInfo) -> Offer:
        """What this camera offers, with its controls as they were at most KEPT_S ago, or when it was last open."""
        newest = self.newest
        offer = newest if newest.key == camera.key else Offer(camera.key)
        owner, controls = self._controls.get(KEPT_S)
        return replace(offer, controls=controls) if controls and owner == camera.key else offer

    def forget(self) -> None:
        """Controls were changed: whoever asks from now on gets them as they are from now on."""
        self._controls.forget()

    def look(self) -> bool:
        """Note what the camera that just opened offers; True when it was not on offer before. Capture thread."""
        before, key, controls = self.newest, self._backend.info.key, self._backend.controls
        modes = before.modes if before.key == key and before.modes else self._backend.modes
        self.newest = Offer(key, controls, modes)
        self.forget()
        return key != before.key or [one.name for one in controls] != [one.name for one in before.controls]
