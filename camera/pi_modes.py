"""Pure arithmetic for the Pi camera: which sensor mode, which bit rate, which clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from camera.backend import CameraMode
from camera.sizes import USUAL_RATES_HZ, USUAL_SIZES

# JPEG quality 1..100 against Mbit/s at 1920 x 1080, 30 Hz: where picamera2's own tables for its software
# and its hardware encoder meet (picamera2/encoders/jpeg_encoder.py, mjpeg_encoder.py), and both ends.
QUALITY_MBITS = ((1, 8), (25, 16), (35, 20), (50, 30), (65, 40), (80, 50), (100, 80))
REFERENCE_PIXELS = 1920 * 1080
# A control belongs to the picture of the request it is sent with, and every buffer is a request that waits before
# it: with picamera2's usual six a change is seen six frames later, with three three. A buffer is filled, one is
# encoded, one waits. Larger pictures have six: encoding them may take longer than one frame.
BUFFERS, BUFFERS_OF_LARGE = 3, 6


def hardware_bitrate(quality: int, width_px: int, height_px: int) -> int:
    """Bits per second that make the board's encoder about as good as a JPEG of `quality` (1..100).

    Always for 30 pictures a second: picamera2 does not tell the encoder another rate.
    """
    (low, low_mbits), (high, high_mbits) = next(pair for pair in pairwise(QUALITY_MBITS) if quality <= pair[1][0])
    mbits = low_mbits + (high_mbits - low_mbits) * (quality - low) / (high - low)
    return round(mbits * 1e6 * width_px * height_px / REFERENCE_PIXELS)


def buffers_for(width_px: int, height_px: int) -> int:
    """How many pictures of a size are in the making at a time."""
    return BUFFERS if width_px * height_px <= REFERENCE_PIXELS else BUFFERS_OF_LARGE


def monotonic_s(stamp_s: float | None, now_s: float, boot_s: float) -> float:
    """A sensor's time stamp as `time.monotonic()` seconds; never later than `now_s`.

    libcamera defines SensorTimestamp in CLOCK_BOOTTIME (control_ids_core.yaml); its pipelines pass on
    V4L2's, which are CLOCK_MONOTONIC. The two differ by the time the machine slept, so a stamp from the
    future of `now_s` is one of boot time.

    :param stamp_s: seconds, or None when the camera gave none.
    :param now_s: `time.monotonic()` now.
    :param boot_s: CLOCK_BOOTTIME now.
    """
    if stamp_s is None:
        return now_s
    return min(stamp_s if stamp_s <= now_s else stamp_s - (boot_s - now_s), now_s)


def choose_sensor_mode(
    modes: Sequence[Mapping[str, Any]], size: tuple[int, int], rate_hz: float
) -> dict[str, Any] | None:
    """The sensor mode that sees the widest view at the wanted size and rate, as picamera2's `sensor=`.

    libcamera's own choice is the nearest size, which on many sensors is a mode that reads only the
    middle: the picture then looks zoomed in. None leaves the choice to libcamera.

    :param modes: `Picamera2.sensor_modes`.
    :param size: (width_px, height_px) of the picture.
    """
    usable = [mode for mode in modes if "crop_limits" in mode and mode["fps"] >= 0.98 * rate_hz]
    large = [mode for mode in usable if mode["size"][0] >= size[0] and mode["size"][1] >= size[1]] or usable
    if not large:
        return None
    widest = max(_area(mode["crop_limits"][2:]) for mode in large)
    wide = [mode for mode in large if _area(mode["crop_limits"][2:]) >= 0.95 * widest]
    best = min(wide, key=lambda mode: (_area(mode["size"]), -mode["bit_depth"]))
    return {"output_size": tuple(best["size"]), "bit_depth": best["bit_depth"]}


def modes_for(
    modes: Sequence[Mapping[str, Any]], largest: tuple[int, int], pixel_format: str
) -> tuple[CameraMode, ...]:
    """The usual sizes that a sensor can fill, largest first, with the usual rates it reaches there.

    libcamera scales to any size; a list is for people.

    :param modes: `Picamera2.sensor_modes`.
    :param largest: the sensor's (width_px, height_px), which counts where no mode tells its own.
    """
    known = [mode for mode in modes if "size" in mode and "fps" in mode] or [{"size": largest, "fps": 30.0}]
    found = []
    for width_px, height_px in USUAL_SIZES:
        rates = [mode["fps"] for mode in known if mode["size"][0] >= width_px and mode["size"][1] >= height_px]
        if rates:
            usual = {rate for rate in USUAL_RATES_HZ if rate <= max(rates)}
            found.append(CameraMode(pixel_format, width_px, height_px, tuple(sorted(usual, reverse=True))))
    return tuple(sorted(found, key=lambda mode: -mode.width_px * mode.height_px))


def _area(size: Sequence[int]) -> int:
    return size[0] * size[1]
