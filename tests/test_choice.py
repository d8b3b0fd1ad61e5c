"""Which camera is taken, and why."""

from __future__ import annotations

from itertools import islice

import pytest

from camera import choice
from camera.choice import AutoBackend, open_backend
from camera.synthetic import SyntheticBackend
from settings import CameraSettings

SETTINGS = CameraSettings(width=64, height=64, rate=1000)


class Finder:
    """Finds what the test says, and makes test pictures under that name."""

    def __init__(self, kind: str | None) -> None:
        self.kind = kind

    def find(self) -> tuple[str | None, str]:
        return self.kind, f"auto: found {self.kind}"

    def make(self, kind: str, settings: CameraSettings, why: str) -> SyntheticBackend:
        backend = SyntheticBackend(settings, why)
        if kind != "synthetic":
            info = type(backend).info.fget(backend)
            backend.__class__ = type(
                "Real", (SyntheticBackend,), {"info": property(lambda self: info.__class__(kind, kind, why))}
            )
        return backend


def auto(finder: Finder, clock=lambda: 0.0) -> AutoBackend:
    return AutoBackend(SETTINGS, find=finder.find, make=finder.make, clock=clock)


@pytest.mark.parametrize(("found", "taken"), [("pi", "pi"), ("usb", "usb"), (None, "synthetic")])
def test_auto_takes_what_is_found_and_says_why(found: str | None, taken: str) -> None:
    backend = auto(Finder(found))
    next(backend.frames())
    assert backend.info.kind == taken
    assert backend.info.why == f"auto: found {found}"


def test_auto_leaves_the_test_picture_when_a_camera_is_plugged_in() -> None:
    now, finder = [0.0], Finder(None)
    backend = auto(finder, clock=lambda: now[0])
    pictures = backend.frames()
    assert next(pictures) is not None
    finder.kind = "usb"
    now[0] = choice.LOOK_AGAIN_S
    assert len(list(islice(pictures, 10))) < 10, "the test picture ends"
    next(backend.frames())
    assert backend.info.kind == "usb"


def test_auto_does_not_hide_a_camera_that_went_away_behind_the_test_picture() -> None:
    finder = Finder("usb")
    backend = auto(finder)
    next(backend.frames())
    finder.kind = None
    next(backend.frames())
    assert backend.info.kind == "usb"


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (CameraSettings(camera="synthetic"), "synthetic"),
        (CameraSettings(camera="usb"), "usb"),
        (CameraSettings(camera="pi"), "pi"),
        (CameraSettings(camera="network", url="http://127.0.0.1:1/"), "network"),
        (CameraSettings(camera="files", path="/nowhere"), "files"),
        (CameraSettings(camera="auto"), "auto"),
    ],
)
def test_every_kind_can_be_named_and_none_touches_a_device_yet(settings: CameraSettings, kind: str) -> None:
    assert open_backend(settings).info.kind == kind


def test_looking_for_real_cameras_never_fails() -> None:
    kind, why = choice.find_real_camera()
    assert kind in ("pi", "usb", None)
    assert why.startswith("auto: ")
