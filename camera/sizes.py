"""Sizes and rates that people know, for cameras that take any within a range."""

from __future__ import annotations

# (width_px, height_px)
USUAL_SIZES = (
    (320, 180), (320, 240), (640, 360), (640, 480), (800, 600), (960, 540), (1024, 768), (1280, 720), (1280, 960),
    (1600, 1200), (1920, 1080), (2560, 1440), (2592, 1944), (3840, 2160), (4096, 2160),
)  # fmt: skip
USUAL_RATES_HZ = (1.0, 5.0, 10.0, 15.0, 20.0, 24.0, 25.0, 30.0, 50.0, 60.0, 90.0, 120.0)
