"""White balance by hand on the Pi camera through the real picamera2, looked at in its pictures and metadata."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from camera import image
from camera.backend import Control
from camera.capture import Capture
from camera.hub import FrameHub
from camera.pi import PiBackend
from camera.tuning import Tuning
from errors import BadField, ControlRefused
from settings import CameraSettings
from tests.picamera2_tier.conftest import DEADLINE_S, OpenCamera

Open = Callable[..., OpenCamera]
MakeBackend = Callable[..., PiBackend]
RED, BLUE, TEMPERATURE = "red_balance", "blue_balance", "white_balance_temperature"
USUAL = {RED: 1.85, BLUE: 1.45}  # what the virtual camera decides, up to WANDERS away
WANDERS = 0.04
DULL, STRONG = 150, 225  # of a color bar's 255 with a gain of half the usual, and with the usual


class Stage:
    """A running capture over the Pi camera, and what may be changed about it."""

    def __init__(self, backend: PiBackend, capture: Capture, tuning: Tuning, hub: FrameHub) -> None:
        self.backend = backend
        self.capture = capture
        self.tuning = tuning
        self._hub = hub

    def change(self, **values: object) -> None:
        self.tuning.change(values, "anna")

    def control(self, name: str) -> Control:
        return next(control for control in self.tuning.describe().controls if control.name == name)

    def value(self, name: str) -> float:
        value = self.control(name).value
        assert value is not None
        return value

    def colors(self) -> tuple[float, float, float]:
        """How strong red, green and blue are where they are strongest."""
        with self._hub.subscribe() as frames:
            frame = next(frame for frame in frames if frame is not None and frame.is_live)
        blue, green, red = np.percentile(image.decode(frame.jpeg).reshape(-1, 3), 95, axis=0)
        return float(red), float(green), float(blue)

    def pass_frames(self, count: int) -> None:
        """Wait for so many live pictures after the newest one."""
        with self._hub.subscribe() as frames:
            live = (frame for frame in frames if frame is not None and frame.is_live)
            for _ in range(count + 1):
                next(live)

    def until_colors(self, is_seen: Callable[[float, float, float], bool]) -> None:
        until = time.monotonic() + DEADLINE_S
        while not is_seen(*self.colors()):
            assert time.monotonic() < until, self.colors()

    def until_value(self, name: str, is_it: Callable[[float], bool]) -> None:
        until = time.monotonic() + DEADLINE_S
        while not is_it(self.value(name)):
            assert time.monotonic() < until, self.value(name)

    def until_gains(self, red: float, blue: float) -> None:
        """Until the camera says of its frames, and not of those before it was opened, that they had these gains."""
        self.pass_frames(1)
        until = time.monotonic() + DEADLINE_S
        while gains_of_the_camera() != pytest.approx((red, blue), abs=1e-4):
            assert time.monotonic() < until, gains_of_the_camera()
            self.colors()


@contextmanager
def staged(backend: PiBackend, kept: dict[str, str] | None = None) -> Iterator[Stage]:
    """The camera as the program runs it; `kept` is what outlives the program."""
    hub, kept = FrameHub(), {} if kept is None else kept
    capture = Capture(backend, hub, CameraSettings(camera="pi"))
    tuning = Tuning(backend, capture, hub, kept.get, kept.__setitem__)
    capture.start()
    try:
        with hub.watch():
            yield Stage(backend, capture, tuning, hub)
    finally:
        capture.stop(5.0)


def gains_of_the_camera() -> tuple[float, float]:
    """Red and blue as the camera says they are."""
    import virtual_isp

    red, blue = virtual_isp._balance["Virtual0"].metadata()["ColourGains"]
    return red, blue


def test_while_the_camera_balances_by_itself_its_gains_are_shown_and_refused(make_backend: MakeBackend) -> None:
    with staged(make_backend()) as stage:
        stage.colors()
        for name, usual in USUAL.items():
            gain = stage.control(name)
            assert (gain.kind, gain.minimum, gain.maximum, gain.step, gain.unit) == ("number", 0.1, 32, 0.05, "\u00d7")
            assert (gain.reason, gain.blocked_by) == ("white_balance_auto is on", "white_balance_auto")
            stage.until_value(name, lambda value, usual=usual: 0 < abs(value - usual) < WANDERS)
        with pytest.raises(ControlRefused, match="does not take red_balance now: white_balance_auto is on"):
            stage.change(red_balance=2)
        with pytest.raises(BadField, match=r"red_balance 33 is outside 0.1..32"):
            stage.change(white_balance_auto=False, red_balance=33)
        with pytest.raises(BadField, match=r"blue_balance 0 is outside 0.1..32"):
            stage.change(white_balance_auto=False, blue_balance=0)
        assert stage.value("white_balance_auto") == 1


def test_more_red_is_seen_and_blue_stays(make_backend: MakeBackend) -> None:
    with staged(make_backend()) as stage:
        _, green, blue = stage.colors()
        stage.change(white_balance_auto=False, red_balance=0.9)
        assert abs(stage.value(BLUE) - USUAL[BLUE]) <= WANDERS, "as the camera decided it last"
        stage.until_colors(lambda seen, _, same: seen < DULL and abs(same - blue) < 15)
        stage.change(red_balance=1.85)
        stage.until_colors(lambda seen, *_: seen > STRONG)
        stage.change(blue_balance=0.7)
        stage.until_colors(lambda same, other, seen: seen < DULL and same > STRONG and abs(other - green) < 15)
        assert (stage.value(RED), stage.value(BLUE)) == (1.85, 0.7)


def test_switching_the_automatic_off_keeps_the_gains_and_so_does_opening_anew(
    make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in another light, of which the automatic would make other gains."""
    import virtual_awb

    kept: dict[str, str] = {}
    with staged(make_backend(), kept) as stage:
        stage.colors()
        stage.change(white_balance_auto=False)
        left = stage.value(RED), stage.value(BLUE)
        assert left == pytest.approx(tuple(USUAL.values()), abs=WANDERS)
        stage.until_gains(*left)
        monkeypatch.setattr(virtual_awb, "USUAL", (1.2, 2.2))
        stage.capture.reopen(DEADLINE_S)
        stage.until_gains(*left)
    with staged(make_backend(), kept) as again:
        again.until_gains(*left)


def test_what_was_touched_last_counts_also_after_a_restart(make_backend: MakeBackend) -> None:
    kept: dict[str, str] = {}
    with staged(make_backend(), kept) as stage:
        stage.change(white_balance_auto=False, white_balance_temperature=3000)
        stage.change(red_balance=2.5)
        by_temperature = stage.value(BLUE)
        assert by_temperature == pytest.approx(1.45 / (3000 / 4700) ** 0.5, abs=1e-3), "what 3000 K had made of it"
        stage.until_gains(2.5, by_temperature)
        stage.until_value(TEMPERATURE, lambda value: value != 3000)
    with staged(make_backend(), kept) as again:
        again.until_gains(2.5, by_temperature)
        again.change(white_balance_temperature=6000)
        share = (6000 / 4700) ** 0.5
        again.until_gains(1.85 * share, 1.45 / share)
        again.until_value(RED, lambda value: value == pytest.approx(1.85 * share, abs=1e-4))
    with staged(make_backend(), kept) as third:
        third.until_gains(1.85 * share, 1.45 / share)
        assert third.value(TEMPERATURE) == 6000


@pytest.mark.parametrize(
    ("names", "counts"), [((TEMPERATURE, RED, BLUE), "gains"), ((RED, BLUE, TEMPERATURE), "kelvin")]
)
def test_of_both_in_one_request_the_one_named_last_counts(
    names: tuple[str, ...], counts: str, make_backend: MakeBackend
) -> None:
    """picamera2 sends together what it was told between two frames, and libcamera would let the temperature win."""
    wanted, share = {RED: 2.5, BLUE: 1.1, TEMPERATURE: 3000}, (3000 / 4700) ** 0.5
    with staged(make_backend()) as stage:
        stage.change(white_balance_auto=False, **{name: wanted[name] for name in names})
        expected = (2.5, 1.1) if counts == "gains" else (1.85 * share, 1.45 / share)
        stage.until_gains(*expected)
        stage.pass_frames(8)
        assert gains_of_the_camera() == pytest.approx(expected, abs=1e-4)


def test_reset_is_what_the_camera_decided_and_reset_of_all_lets_it_decide(make_backend: MakeBackend) -> None:
    kept: dict[str, str] = {}
    with staged(make_backend(), kept) as stage:
        stage.change(white_balance_auto=False)
        left = stage.value(RED), stage.value(BLUE)
        stage.change(red_balance=0.5, blue_balance=3)
        assert stage.control(RED).default == left[0]
        stage.tuning.reset([RED], "anna")
        stage.until_gains(left[0], 3)
        assert (stage.value(RED), stage.value(BLUE)) == (left[0], 3)
        stage.tuning.reset(None, "anna")
        assert stage.value("white_balance_auto") == 1
        stage.until_colors(lambda red, _, blue: red > STRONG and blue > STRONG)
        stage.pass_frames(8)
        stage.until_value(BLUE, lambda value: value == pytest.approx(USUAL[BLUE], abs=WANDERS))
        assert stage.control(RED).reason == "white_balance_auto is on"
    assert kept["camera:Pi camera imx708 Virtual0"] == '{"controls": {}, "mode": null}'


def test_the_automatic_decides_anew_each_time_it_is_switched_on(make_backend: MakeBackend) -> None:
    with staged(make_backend()) as stage:
        stage.change(white_balance_auto=False, red_balance=0.5)
        stage.change(white_balance_auto=True)
        stage.until_value(RED, lambda value: value == pytest.approx(USUAL[RED], abs=WANDERS))
        stage.change(white_balance_auto=False)
        assert stage.value(RED) == pytest.approx(USUAL[RED], abs=WANDERS), "and not what was told before"


def test_gains_are_there_from_the_first_picture_when_the_camera_opens_again(open_camera: Open) -> None:
    camera = open_camera()
    camera.picture()
    for name, value in (("white_balance_auto", 0), (RED, 0.5), (BLUE, 3)):
        assert camera.backend.set_control(name, value) == value
    camera.close()
    again = OpenCamera(camera.backend)
    try:
        again.picture()
        assert gains_of_the_camera() == (0.5, 3)
    finally:
        again.close()
