"""The formats, sizes and rates that a V4L2 camera lists, for people to choose from.

Some drivers give ranges instead of lists; people then choose among the usual sizes and rates within them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from linuxpy.video import device as linux

from camera.backend import CameraMode
from camera.sizes import USUAL_RATES_HZ, USUAL_SIZES
from camera.v4l2 import PIXEL_FORMATS, CameraNode, RateRange, SizeRange, opened, read_formats, read_rates, read_sizes


def read_modes(camera: CameraNode) -> tuple[CameraMode, ...]:
    """Every mode we can use, the cheapest format first; empty when the camera just went away or lists no sizes."""
    try:
        with opened(camera) as device:
            return tuple(_modes_of(device))
    except OSError:
        return ()


def _modes_of(device: linux.Device) -> Iterator[CameraMode]:
    offered = read_formats(device)
    for pixel_format in PIXEL_FORMATS:
        if pixel_format in offered:
            for width_px, height_px in sizes_in(read_sizes(device, pixel_format)):
                rates = rates_in(read_rates(device, pixel_format, width_px, height_px))
                yield CameraMode(pixel_format, width_px, height_px, rates)


def sizes_in(listed: Sequence[SizeRange]) -> list[tuple[int, int]]:
    """The single sizes, and the usual ones that a range has exactly; largest first."""
    single = {
        (size.least_width, size.least_height) for size in listed
        if (size.least_width, size.least_height) == (size.most_width, size.most_height)
    }  # fmt: skip
    usual = {size for size in USUAL_SIZES if any(_has(found, size) for found in listed)}
    return sorted(single | usual, key=lambda size: (-size[0] * size[1], size))


def _has(listed: SizeRange, size: tuple[int, int]) -> bool:
    is_within = (
        listed.least_width <= size[0] <= listed.most_width and listed.least_height <= size[1] <= listed.most_height
    )
    return is_within and listed.nearest(*size) == size


def rates_in(listed: Sequence[RateRange]) -> tuple[float, ...]:
    """The ends of what is offered, and the usual rates within a range; highest first."""
    ends = {round(float(rate), 3) for found in listed for rate in found if rate > 0}
    usual = {rate for rate in USUAL_RATES_HZ if any(found.least < rate < found.most for found in listed)}
    return tuple(sorted(ends | usual, reverse=True))
