"""A program of its own that reads a USB camera, so that a test can put a fake camera in front of it.

Reads orders from standard input, answers each with one JSON line: `next`, `next-picture`, `close`,
`second` (open it once more), `controls`, `modes`, `set NAME VALUE`, `info`, `use JSON` (settings of the next
opening). An error of ours is answered with {"error": class name, "text": message}.
"""

from __future__ import annotations

import base64
import json
import sys
import time

from camera.backend import Picture
from camera.usb import UsbBackend
from errors import TurretError
from settings import CameraSettings


class Session:
    def __init__(self, settings: CameraSettings) -> None:
        self.settings = settings
        self.backend = UsbBackend(settings)
        self.pictures = self.backend.frames()

    def answer(self, order: str, *words: str) -> object:
        """What one order gives."""
        if order == "close":
            self.pictures.close()
            self.pictures = self.backend.frames()
            return None
        if order == "second":
            return self.describe(next(UsbBackend(self.settings).frames()))
        if order in ("next", "next-picture"):
            return self.picture(order == "next-picture")
        return getattr(self, order)(*words)

    def controls(self) -> object:
        return {control.name: vars(control) for control in self.backend.controls}

    def modes(self) -> object:
        return [[mode.pixel_format, mode.width_px, mode.height_px, mode.rates_hz] for mode in self.backend.modes]

    def set(self, name: str, value: str) -> object:
        return self.backend.set_control(name, float(value))

    def info(self) -> object:
        return {**vars(self.backend.info), "broken": self.backend.broken}

    def use(self, wanted: str) -> None:
        self.backend.settings_for = lambda info, settings: settings.model_copy(update=json.loads(wanted))

    def picture(self, is_needed: bool) -> dict[str, object] | None:
        try:
            picture = next(self.pictures)
            while is_needed and picture is None:
                picture = next(self.pictures)
        except TurretError:
            self.pictures = self.backend.frames()
            raise
        return self.describe(picture)

    def describe(self, picture: Picture | None) -> dict[str, object] | None:
        if picture is None:
            return None
        jpeg = base64.b64encode(picture.jpeg).decode()
        age_s = time.monotonic() - picture.captured_at
        return {"jpeg": jpeg, "size": [picture.width_px, picture.height_px], "age_s": age_s}


def main() -> None:
    session = Session(CameraSettings.model_validate_json(sys.argv[1]))
    for line in sys.stdin:
        try:
            answer = session.answer(*line.split())
        except TurretError as error:
            answer = {"error": type(error).__name__, "text": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
