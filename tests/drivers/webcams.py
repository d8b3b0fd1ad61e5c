"""A USB webcam of the test VM, as a test moves it; the camera itself is tests/virtual_pi/usbcam.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from camera import image
from tests.fakes import wait_until
from tests.virtual_pi import usbcam

SIZE = (640, 480)
PLUG_S = 30.0


def link_of(serial: str) -> Path:
    """The name udev gives to a webcam's capture node."""
    return Path(f"/dev/v4l/by-id/usb-Virtual_Pi_Soft_Camera_{serial}-video-index0")


class Webcam:
    """One USB webcam of the VM. `jpegs` are the pictures it sends, in order."""

    def __init__(self, serial: str, port: int, jpegs: list[bytes]) -> None:
        self.serial = serial
        self.port = port
        self.jpegs = jpegs
        self.link = link_of(serial)

    def order(self, word: str) -> str:
        """Let it do something (see usbcam.py); returns its state when it is done."""
        state = usbcam.send(self.serial, word)
        assert "unknown" not in state
        return state

    def sent(self) -> int:
        """How many pictures it has sent so far."""
        return int(self.order("status").partition("sent=")[2].split()[0])

    def freeze(self) -> None:
        """Let it send nothing more, and wait until the picture that was under way is over."""
        self.order("freeze")
        wait_until(lambda: "rests=True" in self.order("status"), "no picture under way", PLUG_S)

    def plug(self) -> None:
        """Plug it in and wait until udev has made its name."""
        self.order("plug")
        wait_until(self.link.exists, f"a device {self.link}", PLUG_S)

    def unplug(self) -> None:
        """Pull it out and wait until the kernel has let go of it."""
        self.order("unplug")
        wait_until(self.is_gone, f"no device {self.link}", PLUG_S)

    def reset(self) -> None:
        """A healthy camera that is plugged in; plugged anew where the kernel gave it up."""
        for word in ("mend", "thaw"):
            state = self.order(word)
        if "plugged=True" not in state or not self.link.exists():
            self.order("unplug")
            wait_until(self.is_gone, f"no device {self.link}", PLUG_S)
        self.plug()

    def is_gone(self) -> bool:
        """True once the kernel has let go of it and it can be plugged in again."""
        return not self.link.exists() and usbcam.is_free(self.port)


def make_jpegs(folder: Path, tint: int) -> list[bytes]:
    """Write ten pictures that differ; `tint` is the blue of all of them."""
    folder.mkdir(parents=True)
    jpegs = []
    for number in range(10):
        pixels = np.full((SIZE[1], SIZE[0], 3), (tint, 40, 40), np.uint8)
        pixels[:, number * 64 : number * 64 + 64] = (tint, 255, 255)
        jpegs.append(image.encode(pixels, 80))
        (folder / f"{number}.jpg").write_bytes(jpegs[-1])
    return jpegs
