"""Which driver lights what the settings name."""

from __future__ import annotations

from hardware.strip import NullStrip, SimulatedStrip, Strip
from hardware.strip_neopixel import neopixel_strip
from hardware.strip_serial import SerialStrip
from settings import LightSettings


def strip_of(settings: LightSettings) -> Strip:
    """The light of [light] kind, not opened yet."""
    if settings.kind == "neopixel":
        return neopixel_strip(settings)
    if settings.kind == "serial":
        return SerialStrip(settings.tty, settings.baud)
    if settings.kind == "simulated":
        return SimulatedStrip()
    return NullStrip("there is no light: [light] kind is none in config.txt")
