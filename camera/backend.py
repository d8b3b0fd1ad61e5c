"""What every camera backend is, whatever the camera.

A backend describes one source of pictures. Building it touches no device; `frames()` opens the
device, yields pictures and lets go of the device in its `finally`. It is called by the capture
thread alone, which also decides when to open again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from errors import NotSupported
from settings import CameraSettings

SOI = b"\xff\xd8"
EOI = b"\xff\xd9"
HEARTBEAT_S = 0.5


class Picture(NamedTuple):
    """One JPEG as it came from a camera.

    `captured_at` is `time.monotonic()` in seconds at the moment of capture.
    """

    jpeg: bytes
    captured_at: float
    width_px: int
    height_px: int


@dataclass(frozen=True)
class Control:
    """One thing a camera can be told, as its driver describes it.

    `kind` is "integer", "boolean", "menu", "number" or "button" (pressed by any value). `minimum`, `maximum`
    and `step` are None where they make no sense; `options` holds the names of a menu by value.

    :ivar name: ours where cameras of all kinds have it (camera/names.py), else the driver's.
    :ivar value: None where the camera does not tell.
    :ivar label: what the driver calls it.
    :ivar reason: why it cannot be set now; None when it can.
    :ivar blocked_by: the name of the control that is on and keeps it from being set; None where it is none of them.
    """

    name: str
    kind: str
    minimum: float | None
    maximum: float | None
    step: float | None
    default: float | None
    value: float | None
    unit: str = ""
    options: tuple[tuple[int, str], ...] = ()
    label: str = ""
    reason: str | None = None
    blocked_by: str | None = None

    def asleep(self, automatic: str) -> Control:
        """The same while the camera itself decides, by that control."""
        return replace(self, reason=f"{automatic} is on", blocked_by=automatic)


@dataclass(frozen=True)
class CameraMode:
    """A format and size that a camera lists, and its rates there, pictures per second, highest first."""

    pixel_format: str
    width_px: int
    height_px: int
    rates_hz: tuple[float, ...]


@dataclass(frozen=True)
class CameraInfo:
    """What is known of a camera, for people and for the status page.

    :ivar name: stable name of the device.
    :ivar kind: pi, usb, network, synthetic or files.
    :ivar why: one sentence: why this camera was chosen.
    :ivar pixel_format: what the camera delivers before we touch it ("MJPG", "YUYV", "BGR").
    :ivar rate_hz: the rate the camera was set to; None while unknown.
    :ivar id: what tells it from others of the same name, and lasts like the name; empty where that is enough.
    """

    name: str
    kind: str
    why: str
    pixel_format: str = ""
    width_px: int | None = None
    height_px: int | None = None
    rate_hz: float | None = None
    id: str = ""

    @property
    def key(self) -> str:
        """What it is remembered by."""
        return f"{self.name} {self.id}".rstrip()


class Backend(ABC):
    """One source of pictures. Used by one thread at a time.

    :cvar start_timeout_s: how long the first picture may take after opening, seconds.
    :ivar settings_for: asked at each opening, in the capture thread: the settings for that camera, made of those
        from config.txt.
    """

    start_timeout_s = 6.0
    settings_for: Callable[[CameraInfo, CameraSettings], CameraSettings] = staticmethod(lambda info, settings: settings)

    @abstractmethod
    def frames(self) -> Iterator[Picture | None]:
        """Open the device and yield each new picture, newest first where several wait.

        Yields None at least every `HEARTBEAT_S` seconds while no picture comes, so that the caller
        can look at its stop flag; the caller judges when a silent camera counts as frozen.
        The device is released when the generator is closed, however it ends.
        Returning normally means "open me again, something better may be there".

        :raises NoCamera: when the device is not there or cannot be opened.
        :raises CameraLost: when an open device goes away.
        """

    @property
    @abstractmethod
    def info(self) -> CameraInfo:
        """What is known now; size, format and rate become true once the first picture came."""

    @property
    def controls(self) -> tuple[Control, ...]:
        """What the open camera can be told, and what it tells; empty while closed. Any thread."""
        return ()

    def set_control(self, name: str, value: float) -> float:
        """Set one control on the open camera; returns the value the driver really took. Any thread.

        :raises NotSupported: when this camera has no such control.
        :raises ControlRefused: when it cannot be set now, or the driver says no.
        :raises CameraLost: when the camera went away.
        """
        raise NotSupported(f"camera {self.info.name} has no control {name}")

    def to_keep(self, values: Mapping[str, float]) -> dict[str, float]:
        """What to remember, so that the picture is the same another time, of `values`, which were ever set. Any thread.

        Of two that say the same only the later one counts, and one that took others along needs them, too.
        """
        return dict(values)

    @property
    def modes(self) -> tuple[CameraMode, ...]:
        """What the open camera can deliver; empty while closed, or when there is nothing to choose. Any thread."""
        return ()

    @property
    def broken(self) -> int:
        """How many pictures came damaged since the program started, and were not shown. Any thread."""
        return 0


def is_whole_jpeg(data: bytes) -> bool:
    """True when `data` starts with SOI and ends with EOI, allowing for padding behind EOI.

    Cameras pad a frame with zero bytes up to a whole USB payload; anything else behind EOI is a
    torn frame (ITU-T T.81, B.1.1.3).
    """
    return data[:2] == SOI and (data[-2:] == EOI or data.rstrip(b"\0")[-2:] == EOI)
