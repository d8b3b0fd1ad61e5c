"""Which backend stands behind `[camera] camera`, and what `auto` takes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing

from camera.backend import Backend, CameraInfo, CameraMode, Control, Picture
from camera.synthetic import SyntheticBackend
from settings import CameraSettings

LOOK_AGAIN_S = 2.0

log = logging.getLogger(__name__)


def open_backend(settings: CameraSettings) -> Backend:
    """The backend that the settings ask for. Touches no device."""
    if settings.camera == "auto":
        return AutoBackend(settings)
    return _named_backend(settings.camera, settings, "config.txt says so")


def _named_backend(kind: str, settings: CameraSettings, why: str) -> Backend:
    """The backend of one kind; its module, and the library below it, is imported only now."""
    if kind == "pi":
        from camera.pi import PiBackend

        return PiBackend(settings, why)
    if kind == "usb":
        from camera.usb import UsbBackend

        return UsbBackend(settings, why)
    if kind == "network":
        from camera.network import NetworkBackend

        return NetworkBackend(settings, why)
    if kind == "files":
        from camera.files import FilesBackend

        return FilesBackend(settings, why)
    return SyntheticBackend(settings, why)


def find_real_camera() -> tuple[str | None, str]:
    """("pi" or "usb", why), or (None, why neither): the Pi's own camera first."""
    from camera.pi import find_pi_cameras
    from camera.usb import find_usb_cameras

    pi_cameras, reason = find_pi_cameras()
    if pi_cameras:
        return "pi", f"auto: the Pi camera {pi_cameras[0][1]} was found"
    usb_cameras = find_usb_cameras()
    if usb_cameras:
        return "usb", f"auto: no Pi camera ({reason}), but a USB camera was found"
    return None, f"auto: no Pi camera ({reason}) and no USB camera"


class AutoBackend(Backend):
    """Takes the Pi camera, else a USB camera, else the test picture until a camera appears.

    Once a real camera was seen, a missing one is a fault to show, not a reason for the test picture.
    """

    def __init__(
        self,
        settings: CameraSettings,
        find: Callable[[], tuple[str | None, str]] = find_real_camera,
        make: Callable[[str, CameraSettings, str], Backend] = _named_backend,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._find = find
        self._make = make
        self._clock = clock
        self._chosen: Backend | None = None

    @property
    def info(self) -> CameraInfo:
        if self._chosen is None:
            return CameraInfo("automatic choice", "auto", "nothing was looked for yet")
        return self._chosen.info

    @property
    def controls(self) -> tuple[Control, ...]:
        return () if self._chosen is None else self._chosen.controls

    def set_control(self, name: str, value: float) -> float:
        chosen = self._chosen
        return super().set_control(name, value) if chosen is None else chosen.set_control(name, value)

    def to_keep(self, values: Mapping[str, float]) -> dict[str, float]:
        return dict(values) if self._chosen is None else self._chosen.to_keep(values)

    @property
    def modes(self) -> tuple[CameraMode, ...]:
        return () if self._chosen is None else self._chosen.modes

    @property
    def broken(self) -> int:
        return 0 if self._chosen is None else self._chosen.broken

    def frames(self) -> Iterator[Picture | None]:
        if self._chosen is None or self._chosen.info.kind == "synthetic":
            kind, why = self._find()
            self._chosen = self._make(kind or "synthetic", self._settings, why)
            self._chosen.settings_for = self.settings_for
            log.info("camera: %s (%s)", self._chosen.info.name, why)
        pictures = self._chosen.frames()
        return pictures if self._chosen.info.kind != "synthetic" else self._until_a_camera_appears(pictures)

    def _until_a_camera_appears(self, pictures: Iterator[Picture | None]) -> Iterator[Picture | None]:
        look_at = self._clock() + LOOK_AGAIN_S
        with closing(pictures):  # type: ignore[type-var]
            for picture in pictures:
                yield picture
                if self._clock() >= look_at:
                    look_at = self._clock() + LOOK_AGAIN_S
                    if self._find()[0] is not None:
                        return
