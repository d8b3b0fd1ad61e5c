"""What can be changed about the picture, on real drivers: seen in the pixels of vivid and of a USB webcam."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest
import simplejpeg
from linuxpy.video import device as linux

from camera import image, usb
from camera.capture import Capture
from camera.filter_settings import FilterSettings
from camera.hub import Frame, FrameHub, Subscription
from camera.tuning import Tuning
from camera.usb import UsbBackend
from errors import ControlRefused
from settings import CameraSettings
from tests.drivers.webcams import SIZE, Webcam
from tests.fakes import wait_until

SLACK_S = 20.0
MANY, MOVED = 60, 15.0
VIVID, WEBCAM = "/dev/video0", "CAM0001"


class Stage:
    """A running capture, what may be changed about it, and somebody who watches.

    :ivar kept: what would be in the database.
    """

    def __init__(self, settings: CameraSettings, kept: dict[str, str]) -> None:
        self.backend, self.hub, self.kept = UsbBackend(settings), FrameHub(), kept
        self.backend.start_timeout_s = SLACK_S
        self.capture = Capture(self.backend, self.hub, settings)
        self.tuning = Tuning(self.backend, self.capture, self.hub, kept.get, kept.__setitem__)
        self.frames: Subscription

    def frame(self) -> Frame:
        return next(frame for frame in self.frames if frame is not None and frame.is_live)

    def change(self, **values: object) -> None:
        self.tuning.change(values, "anna")

    def wait_for(self, is_so: Callable[[Frame], object], what: str) -> Frame:
        """The first frame that is so."""
        found: list[Frame] = []

        def look() -> bool:
            found[:] = [self.frame()]
            return bool(is_so(found[0]))

        wait_until(look, what, SLACK_S)
        return found[0]


@contextmanager
def staged(device: str, kept: dict[str, str] | None = None, **options: object) -> Iterator[Stage]:
    values = {"camera": "usb", "device": device, "width": 640, "height": 480, **options}
    stage = Stage(CameraSettings.model_validate(values), {} if kept is None else kept)
    stage.capture.start()
    try:
        with stage.hub.subscribe() as stage.frames:
            stage.frame()
            yield stage
    finally:
        stage.capture.stop(SLACK_S)


def mean(frame: Frame) -> float:
    return float(image.decode(frame.jpeg).mean())


def likeness(frame: Frame, jpegs: list[bytes], turned: Callable[[np.ndarray], np.ndarray]) -> float:
    """How far a frame is from the nearest of the camera's own pictures as they are after `turned`."""
    pixels = image.decode(frame.jpeg).astype(int)
    return min(float(np.abs(pixels - turned(image.decode(jpeg)).astype(int)).mean()) for jpeg in jpegs)


@pytest.mark.parametrize(
    ("wanted", "turned"),
    [
        ({"flip_horizontal": True}, lambda pixels: pixels[:, ::-1]),
        ({"flip_vertical": True}, lambda pixels: pixels[::-1]),
        ({"rotation": 180}, lambda pixels: pixels[::-1, ::-1]),
        ({"rotation": 90}, lambda pixels: np.rot90(pixels, -1)),
    ],
)
def test_the_webcams_picture_is_flipped_and_turned(
    wanted: dict[str, object], turned: Callable[[np.ndarray], np.ndarray], webcam: Webcam
) -> None:
    with staged(WEBCAM) as stage:
        assert stage.frame().jpeg in webcam.jpegs, "untouched while no filter is on"
        stage.change(**wanted)
        frame = stage.wait_for(lambda frame: frame.jpeg not in webcam.jpegs, "a filtered picture")
        assert image.size_of(frame.jpeg) == (SIZE if wanted.get("rotation") != 90 else SIZE[::-1])
        assert likeness(frame, webcam.jpegs, turned) < 4
        stage.change(**{name: getattr(FilterSettings(), name) for name in wanted})
        stage.wait_for(lambda frame: frame.jpeg in webcam.jpegs, "the camera's own bytes again")


def test_the_webcams_gray_has_no_chroma_and_its_own_brightness_and_half_is_half(webcam: Webcam) -> None:
    own = {simplejpeg.decode_jpeg(jpeg, "GRAY").tobytes() for jpeg in webcam.jpegs}
    with staged(WEBCAM) as stage:
        stage.change(grayscale=True)
        frame = stage.wait_for(lambda frame: simplejpeg.decode_jpeg_header(frame.jpeg)[2] == "Gray", "gray")
        pixels = image.decode(frame.jpeg)
        assert (np.ptp(pixels, axis=2) == 0).all()
        assert simplejpeg.decode_jpeg(frame.jpeg, "GRAY").tobytes() in own
        stage.change(grayscale=False, half_resolution=True)
        frame = stage.wait_for(lambda frame: frame.jpeg and frame.width_px == SIZE[0] // 2, "half")
        assert image.size_of(frame.jpeg) == (SIZE[0] // 2, SIZE[1] // 2)
        halves = [image.encode(image.decode(jpeg)[::2, ::2], 95) for jpeg in webcam.jpegs]
        assert likeness(frame, halves, lambda pixels: pixels) < 6


def bars_of(frame: Frame) -> np.ndarray:
    """vivid's eight bars from left to right, BGR, below its text."""
    pixels = image.decode(frame.jpeg)
    height_px, width_px = pixels.shape[:2]
    return pixels[height_px * 8 // 9, width_px // 16 :: width_px // 8].astype(int)


def test_vivids_bars_in_gray_half_and_flipped() -> None:
    with staged(VIVID, height=360) as stage:
        bars = bars_of(stage.frame())
        stage.change(flip_horizontal=True)
        stage.wait_for(lambda frame: np.abs(bars_of(frame) - bars[::-1]).max() < 8, "mirrored bars")
        stage.change(flip_horizontal=False, half_resolution=True)
        stage.wait_for(lambda frame: frame.width_px == 320 and np.abs(bars_of(frame) - bars).max() < 8, "half")
        stage.change(half_resolution=False, grayscale=True)
        frame = stage.wait_for(lambda frame: simplejpeg.decode_jpeg_header(frame.jpeg)[2] == "Gray", "gray bars")
        assert (np.diff(bars_of(frame)[:, 0]) < 0).all(), "from white to black"


def test_vivids_brightness_moves_the_mean_and_is_remembered_for_the_next_start() -> None:
    kept: dict[str, str] = {}
    with staged(VIVID, kept, height=360) as stage:
        before = mean(stage.frame())
        stage.change(brightness=200)
        bright = mean(stage.wait_for(lambda frame: mean(frame) > before + 25, "a brighter picture"))
        stage.change(brightness=60)
        stage.wait_for(lambda frame: mean(frame) < before - 25, "a darker picture")
        stage.change(brightness=200)
    assert '"brightness": 200' in kept["camera:platform-vivid.0"]
    with staged(VIVID, height=360) as stage:
        stage.backend.set_control("brightness", 128)
    with staged(VIVID, kept, height=360) as stage:
        stage.wait_for(lambda frame: abs(mean(frame) - bright) < 8, "as bright as it was left")
        stage.tuning.reset(None, "anna")
        stage.wait_for(lambda frame: abs(mean(frame) - before) < 8, "the driver's own brightness")


@pytest.mark.parametrize(
    ("device", "options"),
    [(VIVID, {"height": 360}), (WEBCAM, {"width": 320, "height": 240, "pixel_format": "YUYV"})],
)
def test_a_change_is_seen_within_three_frames_of_the_drivers_acceptance(
    device: str, options: dict[str, object], webcams: list[Webcam], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in frames captured after that: what waits in buffers then is older, however busy the machine is."""
    orders: list[tuple[int, float]] = []  # frames published before the driver was told, and when it had said yes
    with staged(device, **options) as stage:
        set_control = linux.set_control

        def noted(*order: object) -> None:
            before = stage.hub.published
            set_control(*order)
            orders.append((before, time.monotonic()))

        monkeypatch.setattr(linux, "set_control", noted)
        shown = [frames_until_shown(stage, brightness) for brightness in (200, 60, 128, 200, 60)]
        orders_seen = tuple(orders)
        stage.tuning.reset(None, "anna")
    late = [
        sum(frame.captured_at > accepted_at for frame in frames)
        for frames, (_, accepted_at) in zip(shown, orders_seen, strict=True)
    ]
    assert max(late) <= 3, late
    assert all(frames[-1].number > told for frames, (told, _) in zip(shown, orders_seen, strict=True))


def frames_until_shown(stage: Stage, brightness: int) -> list[Frame]:
    """All frames since a change of brightness was ordered, to the first that shows it."""
    with stage.hub.subscribe(backlog=MANY) as frames:
        live = (frame for frame in frames if frame is not None and frame.is_live)
        was = mean(next(live))
        stage.change(brightness=brightness)
        seen = [next(live)]
        while abs(mean(seen[-1]) - was) <= MOVED:
            seen.append(next(live))
        return seen


def test_what_an_automatic_puts_to_sleep_is_told_anew_when_it_is_switched(webcam: Webcam) -> None:
    def reason(stage: Stage, name: str) -> str | None:
        return next(control.reason for control in stage.tuning.describe().controls if control.name == name)

    with staged(WEBCAM) as stage:
        assert reason(stage, "focus_absolute") == "focus_auto is on"
        with pytest.raises(ControlRefused):
            stage.change(focus_absolute=0.5)
        stage.change(focus_auto=False, focus_absolute=0.5)
        assert reason(stage, "focus_absolute") is None
        stage.tuning.focus(steps=-2, by="anna")
        now = {control.name: control.value for control in stage.tuning.describe().controls}
        assert now["focus_absolute"] == pytest.approx(0.4, abs=0.021)
        stage.tuning.reset(["focus_absolute", "focus_auto"], "anna")
        now = {control.name: control.value for control in stage.tuning.describe().controls}
        assert (now["focus_auto"], now["focus_absolute"]) == (1, 0.2)
        assert reason(stage, "focus_absolute") == "focus_auto is on"


def test_an_exposure_that_the_webcam_changes_by_itself_is_read_back(
    webcam: Webcam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camera.offer.KEPT_S", 0)

    def exposure(stage: Stage) -> float | None:
        return next(c.value for c in stage.tuning.describe().controls if c.name == "exposure_absolute")

    with staged(WEBCAM) as stage:
        webcam.order("day")
        assert exposure(stage) == 15600
        webcam.order("dusk")
        assert exposure(stage) == 200000
        webcam.order("day")
        assert exposure(stage) == 15600


def test_a_size_can_change_while_the_camera_has_no_name_for_a_moment(
    webcam: Webcam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """udev may be making its links anew just when the camera is opened again; here it has when that was seen."""
    look, looks = usb.find_usb_cameras, []

    def look_and_give_it_back() -> object:
        looks.append(look())
        with suppress(FileExistsError):
            webcam.link.symlink_to(node)
        return looks[-1]

    with staged(WEBCAM) as stage:
        node = webcam.link.resolve()
        webcam.link.unlink()
        monkeypatch.setattr(usb, "find_usb_cameras", look_and_give_it_back)
        stage.change(size="320x240", pixel_format="YUYV")
        assert webcam.link not in [camera.path for camera in looks[0]]
        assert stage.capture.state.info.name == "usb-Virtual_Pi_Soft_Camera_CAM0001"
        assert image.size_of(stage.wait_for(lambda frame: frame.width_px == 320, "the new size").jpeg) == (320, 240)
