"""The white balance of a virtual camera, as a Pi's algorithms keep it (libcamera's src/ipa/rpi).

While it works by itself the picture is as it is, and the gains it names wander a little. Switched off it keeps its
last ones; ColourGains or ColourTemperature replace them, and the picture shows by how much they differ from USUAL.
"""

import time

import cv2
import numpy as np

USUAL = (1.85, 1.45)  # red and blue beside green
USUAL_K = 4700
CONTROLS = {
    "AwbEnable": (False, True, None),  # no default, as on a Pi
    "AwbMode": (0, 7, 0),
    "ColourGains": (0.0, 32.0, None),
    "ColourTemperature": (100, 100000, None),
}


class Balance:
    """Of one camera."""

    def __init__(self):
        self.is_automatic, self.gains, self.temperature = True, USUAL, USUAL_K

    def take(self, orders):
        """What came with one frame, in the order of IpaBase::applyControls: the temperature counts last."""
        if "AwbEnable" in orders and orders["AwbEnable"] != self.is_automatic:
            self.gains, self.is_automatic = decided(), orders["AwbEnable"]
        if "ColourGains" in orders:
            self.is_automatic = 0.0 in orders["ColourGains"]  # a gain of 0 switches the automatic on
            red, blue = self.gains = tuple(np.float32(gain).item() for gain in orders["ColourGains"])
            self.temperature = USUAL_K if self.is_automatic else round(USUAL_K * red / blue * USUAL[1] / USUAL[0])
        if "ColourTemperature" in orders:
            self.is_automatic, self.temperature = False, orders["ColourTemperature"]
            share = (self.temperature / USUAL_K) ** 0.5
            self.gains = (USUAL[0] * share, USUAL[1] / share)

    def metadata(self):
        """What it says of a frame."""
        if self.is_automatic:
            return {"ColourGains": decided(), "ColourTemperature": USUAL_K}
        return {"ColourGains": self.gains, "ColourTemperature": self.temperature}

    def show(self, image, width, height):
        """Change the colors of an NV12 picture in its place."""
        red, blue = self.gains[0] / USUAL[0], self.gains[1] / USUAL[1]
        if self.is_automatic or (abs(red - 1) < 0.03 and abs(blue - 1) < 0.03):
            return
        pixels = cv2.cvtColor(image, cv2.COLOR_YUV2BGR_NV12) * np.array([blue, 1, red])
        planes = cv2.cvtColor(np.clip(pixels, 0, 255).astype(np.uint8), cv2.COLOR_BGR2YUV_I420)
        image[:height] = planes[:height]
        image[height:] = planes[height:].reshape(2, -1).T.reshape(height // 2, width)


def decided():
    """What the automatic thinks now."""
    wandering = int(time.monotonic() * 10) % 4 / 100
    return (USUAL[0] + wandering, USUAL[1] - wandering)
