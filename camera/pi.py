"""The Pi's own camera, through picamera2: JPEG made by the board's encoder up to the Pi 4, in software on a Pi 5.

picamera2 and libcamera belong to the operating system (apt) and are imported only when they are
needed. `PiBackend.frames` owns the camera; picamera2's threads fill a `NewestSlot` that it empties.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from camera import pi_gains
from camera.backend import HEARTBEAT_S, Backend, CameraInfo, CameraMode, Control, Picture
from camera.pi_learnt import Learnt, PiCamera
from camera.pi_recording import LIBRARY_ERRORS, Recording, import_picamera2
from errors import NoCamera, NotSupported
from settings import CameraSettings


def find_pi_cameras() -> tuple[list[PiCamera], str]:
    """The Pi cameras there are, and why there is none (empty when there is one). Never raises."""
    try:
        cameras = _list_cameras()
    except NoCamera as error:
        return [], str(error)
    return cameras, "" if cameras else "libcamera sees none"


def _list_cameras() -> list[PiCamera]:
    """The cameras libcamera sees, without the USB cameras it lists too.

    :raises NoCamera: when picamera2 is missing.
    """
    picamera2 = import_picamera2()
    try:
        found = picamera2.global_camera_info()
    except LIBRARY_ERRORS as error:
        raise NoCamera(f"libcamera cannot list its cameras: {error}") from error
    # The index in this list is what Picamera2() takes; "Num" is libcamera's own. "/usb" is picamera2's
    # mark of a USB camera: Id is the path in the device tree (libcamera's camera.cpp, Camera::id).
    cameras = [PiCamera(i, str(info.get("Model", "camera")), str(info["Id"])) for i, info in enumerate(found)]
    return [camera for camera in cameras if "/usb" not in camera.id]


def pick_camera(cameras: list[PiCamera], wanted: str | None) -> PiCamera:
    """The camera whose number is `wanted`, or whose model or id contains it; the first one for None.

    :raises NoCamera: when there is none; names those that are there.
    """
    if not cameras:
        raise NoCamera("no Pi camera: libcamera sees none; check its cable with: rpicam-hello --list-cameras")
    if wanted is None:
        return cameras[0]
    for camera in cameras:
        is_it = camera.number == int(wanted) if wanted.isdecimal() else wanted in camera.model or wanted in camera.id
        if is_it:
            return camera
    there = ", ".join(f"{camera.number} {camera.model} ({camera.id})" for camera in cameras)
    raise NoCamera(f"no Pi camera {wanted!r}; there is: {there}")


class PiBackend(Backend):
    """One Pi camera. `controls` and `set_control` may be called from any thread."""

    def __init__(self, settings: CameraSettings, why: str = "it was asked for") -> None:
        self._settings = settings
        self._info = CameraInfo(f"Pi camera {settings.device or ''}".strip(), "pi", why)
        self._recording: Recording | None = None
        self._learnt = Learnt()

    @property
    def info(self) -> CameraInfo:
        return self._info

    def frames(self) -> Iterator[Picture | None]:
        camera = pick_camera(_list_cameras(), self._settings.device)
        self._info = replace(self._info, name=f"Pi camera {camera.model}", id=camera.id)
        recording = Recording(camera, self.settings_for(self._info, self._settings), self._learnt)
        try:
            self._recording = recording
            self._info = recording.describe(self._info)
            while True:
                picture = recording.slot.take(HEARTBEAT_S)
                if picture is None:
                    recording.check()
                yield picture
        finally:
            self._recording = None
            recording.close()

    @property
    def controls(self) -> tuple[Control, ...]:
        recording = self._recording
        return () if recording is None else recording.controls()

    def set_control(self, name: str, value: float) -> float:
        recording = self._recording
        if recording is None:
            raise NotSupported(f"{self._info.name} is not running")
        return recording.set_control(name, value)

    def to_keep(self, values: Mapping[str, float]) -> dict[str, float]:
        return pi_gains.kept(values, self._learnt.told_to(self._info.id))

    @property
    def modes(self) -> tuple[CameraMode, ...]:
        recording = self._recording
        return () if recording is None else recording.modes()
