"""What the kernel's V4L2 interface tells of cameras: which there are, what they offer, what can be set.

Choosing is pure (`choose`, `nearest_size`, `nearest_rate`, `pick_camera`); asking a device goes through
linuxpy and touches only a device that is given. Nothing here streams: see camera/usb.py.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from linuxpy.video import device as linux
from linuxpy.video import raw

from errors import NoCamera

# What we can turn into JPEG, cheapest first: the camera's own JPEG, then color by bytes moved, gray last.
PIXEL_FORMATS = ("MJPG", "JPEG", "NV12", "YUYV", "UYVY", "BGR3", "RGB3", "GREY")
CAPTURE = raw.BufType.VIDEO_CAPTURE
NODE = re.compile(r"video(\d+)")
INDEX_SUFFIX = "-video-index0"


class CameraNode(NamedTuple):
    """A camera that can be opened.

    `path` stays the same when the camera is plugged in again, where udev gives such a name; `name` is
    that path's last part without decoration; `label` is what the camera calls itself.
    """

    path: Path
    name: str
    label: str


@dataclass(frozen=True)
class Card:
    """A device's answer to VIDIOC_QUERYCAP: its name and `device_caps` bits."""

    label: str
    capabilities: int

    @property
    def is_camera(self) -> bool:
        """True for a node we can stream pictures from; codecs and media-controller sensors are none."""
        wanted = raw.Capability.VIDEO_CAPTURE | raw.Capability.STREAMING
        foreign = raw.Capability.VIDEO_M2M | raw.Capability.VIDEO_OUTPUT | raw.Capability.IO_MC
        return self.capabilities & wanted == wanted and not self.capabilities & foreign


class SizeRange(NamedTuple):
    """Sizes a camera offers, pixels: from least to most in steps. A single size has least == most."""

    least_width: int
    most_width: int
    step_width: int
    least_height: int
    most_height: int
    step_height: int

    def nearest(self, width_px: int, height_px: int) -> tuple[int, int]:
        """The size in this range next to the wanted one."""
        return (
            _snap(width_px, self.least_width, self.most_width, self.step_width),
            _snap(height_px, self.least_height, self.most_height, self.step_height),
        )


class RateRange(NamedTuple):
    """Pictures per second a camera offers; a single rate has least == most."""

    least: Fraction
    most: Fraction


class Mode(NamedTuple):
    """What to ask a camera for. `rate_hz` is None where the camera has no say in it."""

    pixel_format: str
    width_px: int
    height_px: int
    rate_hz: Fraction | None


def query_card(node: Path) -> Card:
    """Ask a device what it is, without streaming.

    :raises OSError: when it cannot be opened or is no V4L2 device.
    """
    descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        answer = linux.read_capabilities(descriptor)
    finally:
        os.close(descriptor)
    bits = answer.device_caps if answer.capabilities & raw.Capability.DEVICE_CAPS else answer.capabilities
    return Card(answer.card.decode(errors="replace"), bits)


def find_usb_cameras(
    dev: Path = Path("/dev"), sys: Path = Path("/sys"), query: Callable[[Path], Card] = query_card
) -> list[CameraNode]:
    """The USB cameras (and virtual ones) of this machine, those with a lasting name first. Never raises.

    Other nodes are not even opened: on a Pi, /dev/video* are mostly codecs and the ribbon camera's raw
    sensor, and opening a codec starts it in the firmware.
    """
    try:
        names = _stable_names(dev)
        nodes = [node for node in dev.iterdir() if NODE.fullmatch(node.name) and _is_usb_or_virtual(node.name, sys)]
        found = [camera for node in nodes if (camera := _examine(node, names.get(node), query)) is not None]
    except OSError:
        return []
    return sorted(found, key=lambda camera: (camera.path.parent.name != "by-id", camera.path))


def pick_camera(device: str | None, found: Sequence[CameraNode]) -> CameraNode:
    """The camera that the setting `device` means: a path, a part of a name, or None for the first found.

    :raises NoCamera: when there is none; says what was looked for and what there is.
    """
    if device is not None and device.startswith("/"):
        return _camera_at(Path(device), found)
    if not found:
        raise NoCamera("no USB camera is plugged in" + (f" (looked for {device!r})" if device else ""))
    wanted = (device or "").casefold()
    for camera in found:
        if wanted in f"{camera.path} {camera.name} {camera.label}".casefold():
            return camera
    raise NoCamera(f"no USB camera has {device!r} in its name; there is {_listed(found)}")


def choose(
    formats: Iterable[str],
    sizes: Callable[[str], Sequence[SizeRange]],
    rates: Callable[[str, int, int], Sequence[RateRange]],
    wanted: tuple[int, int, float],
    pixel_format: str | None = None,
) -> Mode:
    """The offered mode next to `wanted` (width_px, height_px, rate_hz): format first, then size, then rate.

    :param pixel_format: taken if it is offered; else, and for None, the one that is cheapest for us.
    :raises NoCamera: when no offered format can become JPEG.
    """
    offered = list(formats)
    usable = [name for name in PIXEL_FORMATS if name in offered]
    if not usable:
        raise NoCamera(f"it offers only {', '.join(offered) or 'nothing'}, not one of {', '.join(PIXEL_FORMATS)}")
    chosen = pixel_format if pixel_format in usable else usable[0]
    width_px, height_px = nearest_size(sizes(chosen), wanted[0], wanted[1])
    return Mode(chosen, width_px, height_px, nearest_rate(rates(chosen, width_px, height_px), wanted[2]))


def nearest_size(sizes: Sequence[SizeRange], width_px: int, height_px: int) -> tuple[int, int]:
    """The offered size next to the wanted one, the larger of two equally near; as wanted if none is listed."""

    def distance(size: tuple[int, int]) -> tuple[int, int]:
        return abs(size[0] - width_px) + abs(size[1] - height_px), -size[0] * size[1]

    offered = [size.nearest(width_px, height_px) for size in sizes]
    return min(offered, key=distance, default=(width_px, height_px))


def nearest_rate(rates: Sequence[RateRange], rate_hz: float) -> Fraction | None:
    """The offered rate next to the wanted one, the higher of two equally near; None if none is listed."""
    wanted = Fraction(rate_hz).limit_denominator(1001)
    offered = [min(max(wanted, rate.least), rate.most) for rate in rates if rate.most > 0]
    return min(offered, key=lambda rate: (abs(rate - wanted), -rate), default=None)


def device_at(path: Path) -> linux.Device:
    """A device, not opened yet. linuxpy reports each opening at level info: too much while we retry."""
    device = linux.Device(str(path))
    device.log.setLevel(logging.WARNING)
    return device


@contextmanager
def opened(camera: CameraNode) -> Iterator[linux.Device]:
    """The device, open beside whoever streams from it.

    :raises OSError: when it cannot be opened.
    """
    device = device_at(camera.path)
    device.open()
    try:
        yield device
    finally:
        device.close()


def read_formats(device: linux.Device) -> list[str]:
    """Four-letter codes of the pixel formats a device captures, also those linuxpy does not know."""
    listed = linux.iter_read(device, raw.IOC.ENUM_FMT, raw.v4l2_fmtdesc(type=CAPTURE))
    return [linux.human_pixel_format(entry.pixelformat) for entry in listed]


def read_sizes(device: linux.Device, pixel_format: str) -> list[SizeRange]:
    """The sizes offered in a format; empty when the driver does not list them."""
    code = raw.v4l2_fourcc(*pixel_format)
    return [_size_range(size.type, size.info) for size in device.info.format_frame_sizes(code)]


def read_rates(device: linux.Device, pixel_format: str, width_px: int, height_px: int) -> list[RateRange]:
    """The rates offered at a size; empty when the driver does not list them."""
    code = raw.v4l2_fourcc(*pixel_format)
    listed = device.info.fps_intervals(code, width_px, height_px)
    bounds = [sorted((_fraction(entry.min_fps), _fraction(entry.max_fps))) for entry in listed]
    return [RateRange(least, most) for least, most in bounds]


def explain(error: OSError, name: str) -> str:
    """Why the camera cannot be used, for the person at the screen."""
    sentences = {
        errno.EBUSY: f"camera {name} is in use by another program",
        errno.EACCES: f"no permission to open camera {name}: add this user to the group video and log in again",
        errno.ENOENT: f"camera {name} is not plugged in",
        errno.ENODEV: f"camera {name} was unplugged",
        errno.ENXIO: f"camera {name} was unplugged",
        errno.ENOTTY: f"{name} is not a camera",
        # uvcvideo at STREAMON, when other cameras on the same bus reserved its bandwidth
        errno.ENOSPC: f"no USB bandwidth left for camera {name}: choose a smaller size or rate, or another port",
    }
    number = errno.EACCES if error.errno == errno.EPERM else error.errno or 0
    return sentences.get(number, f"camera {name} failed: {error.strerror or error}")


def _snap(wanted: int, least: int, most: int, step: int) -> int:
    clamped = min(max(wanted, least), most)
    return least + (clamped - least) // max(1, step) * max(1, step)


def _fraction(rate: float | Fraction) -> Fraction:
    return Fraction(rate).limit_denominator(1001)


def _size_range(kind: int, info: raw.v4l2_frmsize_stepwise | raw.v4l2_frmsize_discrete) -> SizeRange:
    if kind == raw.Frmsizetypes.DISCRETE:
        return SizeRange(info.width, info.width, 1, info.height, info.height, 1)
    return SizeRange(
        info.min_width, info.max_width, info.step_width, info.min_height, info.max_height, info.step_height
    )


def _stable_names(dev: Path) -> dict[Path, Path]:
    """Device node -> the name under v4l/by-id, else by-path, that survives a replug."""
    links = [link for kind in ("by-path", "by-id") for link in sorted(dev.glob(f"v4l/{kind}/*{INDEX_SUFFIX}"))]
    return {dev / link.resolve().name: link for link in links}


def _is_usb_or_virtual(node_name: str, sys: Path) -> bool:
    """True unless sysfs says the node hangs on something else than USB, vivid or v4l2loopback."""
    where = (sys / "class/video4linux" / node_name).resolve().parts
    return any(re.match(r"usb\d+$|vivid\.|virtual$", part) for part in where)


def _examine(node: Path, link: Path | None, query: Callable[[Path], Card]) -> CameraNode | None:
    """The camera behind a node, or None. A USB camera we may not open counts: the user can mend that."""
    path = link or node
    name = path.name.removesuffix(INDEX_SUFFIX)
    try:
        card = query(node)
    except PermissionError:
        return CameraNode(path, name, name) if name.startswith("usb-") else None
    except OSError:
        return None
    return CameraNode(path, name, card.label) if card.is_camera else None


def _camera_at(path: Path, found: Sequence[CameraNode]) -> CameraNode:
    if not path.exists():
        raise NoCamera(f"there is no camera {path}; there is {_listed(found)}")
    for camera in found:
        if camera.path.resolve() == path.resolve():
            return camera._replace(path=path)
    return CameraNode(path, path.name.removesuffix(INDEX_SUFFIX), path.name)


def _listed(found: Sequence[CameraNode]) -> str:
    return ", ".join(camera.name for camera in found) or "no USB camera"
