"""White balance by hand on the Pi camera: its arithmetic, and what a program says to a picamera2 that a test plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from camera.backend import Control
from camera.checks import checked
from camera.choice import AutoBackend
from camera.pi import PiBackend
from camera.pi_controls import controls_of
from camera.pi_gains import kept
from camera.pi_learnt import Learnt, PiCamera
from camera.pi_readings import Readings
from camera.pi_recording import Recording
from camera.v4l2_controls import ID
from camera.v4l2_controls import NAMES as V4L2_NAMES
from errors import BadField, ControlRefused
from settings import CameraSettings

RED, BLUE, TEMPERATURE, AUTOMATIC = "red_balance", "blue_balance", "white_balance_temperature", "white_balance_auto"
CAMERA = PiCamera(0, "imx708", "/base/imx708")


class Limits(NamedTuple):
    """As libcamera's ControlInfo."""

    min: Any
    max: Any
    default: Any


def listing(gains: Limits | None = Limits(0.0, 32.0, None)) -> dict[str, tuple[object, Limits]]:
    """As `Picamera2.camera_ctrl_info` of a Pi; its switch has no default there."""
    found = {
        "Brightness": Limits(-1.0, 1.0, 0.0),
        "ColourTemperature": Limits(100, 100000, None),
        "AwbMode": Limits(0, 7, 0),
        "AwbEnable": Limits(False, True, None),
        **({} if gains is None else {"ColourGains": gains}),
    }
    return {name: (object(), limits) for name, limits in found.items()}


@dataclass
class Picam:
    """A Picamera2 whose camera balances by itself, with one frame for each look at its metadata.

    :ivar requests: what went to the camera with each frame, as libcamera gets it.
    :ivar late: how many frames an order takes until metadata have it.
    """

    camera_ctrl_info: dict[str, tuple[object, Limits]] = field(default_factory=listing)
    decided: tuple[float, float] = (1.85, 1.45)
    late: int = 3
    tells: bool = True
    requests: list[dict[str, Any]] = field(default_factory=list)
    shown: list[tuple[float, float]] = field(default_factory=list)
    pending: dict[str, Any] = field(default_factory=dict)
    by_hand: tuple[float, float] | None = None

    @property
    def controls(self) -> Picam:
        return self

    def make_dict(self) -> dict[str, Any]:
        return dict(self.pending)

    def set_controls(self, orders: Mapping[str, Any]) -> None:
        self.pending |= orders

    def frame(self) -> tuple[float, float]:
        """What the camera says of its next frame, whose request takes what was told along."""
        orders, self.pending = self.pending, {}
        if orders:
            self.requests.append(orders)
        if "AwbEnable" in orders:
            self.by_hand = None if orders["AwbEnable"] else self.by_hand or self.decided
        self.by_hand = orders.get("ColourGains", self.by_hand)
        if "ColourTemperature" in orders:  # as on a Pi, it counts more
            self.by_hand = (orders["ColourTemperature"] / 2000, 2.5)
        self.shown.append(self.by_hand or self.decided)
        return self.shown[max(0, len(self.shown) - 1 - self.late)]

    def capture_metadata(self) -> Answer:
        return Answer({"ColourGains": self.frame()} if self.tells else None)


@dataclass
class Answer:
    """A job of picamera2."""

    metadata: dict[str, Any] | None

    def get_result(self, timeout: float) -> dict[str, Any]:
        if self.metadata is None:
            raise TimeoutError
        return self.metadata


class Pi:
    """The Pi camera over a Picamera2 that the test plays."""

    def __init__(self, picam: Picam, learnt: Learnt | None = None) -> None:
        self.picam = picam
        self.now = 100.0
        self.backend = PiBackend(CameraSettings(camera="pi"))
        self.learnt = learnt or Learnt()
        self.recording = Recording.__new__(Recording)
        self.recording.__dict__.update(
            _picam=picam, _camera=CAMERA, _learnt=self.learnt, _loop=None, encoder=None,
            _readings=Readings(picam.capture_metadata, clock=self._clock),
        )  # fmt: skip

    def _clock(self) -> float:
        self.now += 10
        return self.now

    def set(self, **values: float) -> None:
        for name, value in values.items():
            assert self.recording.set_control(name, value) == value

    def control(self, name: str) -> Control:
        return next(control for control in self.recording.controls() if control.name == name)

    def value(self, name: str) -> float | None:
        return self.control(name).value

    @property
    def gains(self) -> tuple[float, float]:
        """What the camera makes its frames with, once it has everything."""
        for _ in range(self.picam.late + 1):
            found = self.picam.frame()
        return found

    def opened_anew(self) -> dict[str, Any]:
        """What a camera is told that is opened again."""
        return Pi(Picam(self.picam.camera_ctrl_info), self.learnt).recording._orders()


@pytest.fixture
def pi() -> Pi:
    return Pi(Picam())


@pytest.mark.parametrize(
    ("limits", "ranges"),
    [
        (Limits(0.0, 32.0, None), [(0.1, 32, None), (0.1, 32, None)]),
        (Limits(0.0, 3.996, (1.0, 1.25)), [(0.1, 3.996, 1), (0.1, 3.996, 1.25)]),
        (Limits((0.5, 0.0), (8.0, 4.0), (1.0, 2.0)), [(0.5, 8, 1), (0.1, 4, 2)]),
        (Limits([0.0, 0.0], [16.0, 16.0], [0.0, 0.0]), [(0.1, 16, None), (0.1, 16, None)]),
        (Limits(0.0, 0.0, None), []),
    ],
)
def test_the_camera_says_the_range_for_both_or_for_each(limits: Limits, ranges: list[tuple[float, ...]]) -> None:
    found = [control for control in controls_of(listing(limits), {}) if control.name in (RED, BLUE)]
    assert [(control.minimum, control.maximum, control.default) for control in found] == ranges
    assert {(control.kind, control.step, control.unit) for control in found} <= {("number", 0.05, "\u00d7")}


def test_a_camera_without_gains_has_no_balance_and_switches_as_ever() -> None:
    pi = Pi(Picam(listing(None)))
    assert {RED, BLUE}.isdisjoint(control.name for control in pi.recording.controls())
    pi.set(white_balance_auto=0)
    assert pi.picam.pending == {"AwbEnable": False}


def test_white_balance_stands_together_on_the_page() -> None:
    """Whatever order libcamera lists them in; what only it knows comes last."""
    listed = {**listing(), "HdrMode": (object(), Limits(0, 4, 0)), "AeMeteringMode": (object(), Limits(0, 3, 0))}
    for order in (listed, dict(reversed(listed.items()))):
        assert [control.name for control in controls_of(order, {})] == [
            "brightness", AUTOMATIC, "awb_mode", TEMPERATURE, RED, BLUE, "ae_metering_mode", "hdr_mode",
        ]  # fmt: skip


def test_v4l2_cameras_have_the_same_word_for_it() -> None:
    assert (V4L2_NAMES[ID.RED_BALANCE], V4L2_NAMES[ID.BLUE_BALANCE]) == (RED, BLUE)


def test_while_the_camera_balances_by_itself_its_gains_are_shown_and_grey(pi: Pi) -> None:
    assert (pi.value(AUTOMATIC), pi.value(RED), pi.value(BLUE)) == (1, 1.85, 1.45), "libcamera names no default"
    for name in (RED, BLUE, TEMPERATURE):
        assert (pi.control(name).reason, pi.control(name).blocked_by) == (f"{AUTOMATIC} is on", AUTOMATIC)
    with pytest.raises(
        ControlRefused, match="Pi camera imx708 does not take red_balance now: white_balance_auto is on"
    ):
        pi.recording.set_control(RED, 2)
    assert pi.picam.requests == []


@pytest.mark.parametrize("value", [0, 0.05, 33, float("nan"), "red", True])
def test_errors_name_control_value_and_range(value: object, pi: Pi) -> None:
    with pytest.raises(BadField, match=r"^red_balance .+ (is outside|is no number in) 0\.1\.\.32$"):
        checked(pi.control(RED), value)


def test_both_go_together_and_the_one_not_touched_stays(pi: Pi) -> None:
    pi.set(white_balance_auto=0, red_balance=2.5)
    assert pi.gains == (2.5, 1.45)
    pi.set(blue_balance=3)
    assert pi.gains == (2.5, 3)
    assert all("ColourGains" in request for request in pi.picam.requests)
    assert (pi.value(RED), pi.value(BLUE)) == (2.5, 3)


def test_switching_the_automatic_off_keeps_its_gains_also_when_the_camera_opens_anew(pi: Pi) -> None:
    pi.set(white_balance_auto=0)
    pi.picam.decided = (9.0, 9.0)
    assert pi.gains == (1.85, 1.45)
    assert pi.opened_anew() == {"AwbEnable": False, "ColourGains": (1.85, 1.45)}


def test_switching_it_off_again_changes_nothing(pi: Pi) -> None:
    pi.set(white_balance_auto=0, white_balance_temperature=4000)
    pi.set(white_balance_auto=0)
    assert pi.gains == (2.0, 2.5)
    assert pi.value(TEMPERATURE) == 4000
    assert pi.opened_anew() == {"AwbEnable": False, "ColourTemperature": 4000}


def test_the_first_touch_after_a_temperature_takes_what_that_made_of_the_other_color(pi: Pi) -> None:
    """Metadata of the frames in the making are still those from before the temperature."""
    pi.set(white_balance_auto=0, white_balance_temperature=4000, red_balance=1.5)
    assert pi.gains == (1.5, 2.5)


@pytest.mark.parametrize(
    ("order", "gains", "told"),
    [
        ((TEMPERATURE, RED, BLUE), (1.5, 1.25), {"AwbEnable": False, "ColourGains": (1.5, 1.25)}),
        ((RED, TEMPERATURE, BLUE), (2.0, 1.25), {"AwbEnable": False, "ColourGains": (2.0, 1.25)}),
        ((RED, BLUE, TEMPERATURE), (2.0, 2.5), {"AwbEnable": False, "ColourTemperature": 4000}),
    ],
)
def test_what_is_touched_last_counts(
    order: tuple[str, ...], gains: tuple[float, float], told: dict[str, object], pi: Pi
) -> None:
    """picamera2 sends together what it was told between two frames, and libcamera would let the temperature win."""
    pi.set(white_balance_auto=0, **{name: {TEMPERATURE: 4000, RED: 1.5, BLUE: 1.25}[name] for name in order})
    assert pi.gains == gains
    assert not any({"ColourGains", "ColourTemperature"} <= request.keys() for request in pi.picam.requests)
    assert pi.opened_anew() == told


def test_the_automatic_forgets_what_was_set_by_hand(pi: Pi) -> None:
    pi.set(white_balance_auto=0, red_balance=3)
    pi.set(white_balance_auto=1)
    assert pi.opened_anew() == {"AwbEnable": True}
    assert pi.gains == (1.85, 1.45), "gains on their way would have switched it off again"
    pi.set(white_balance_auto=0)
    assert pi.gains == (1.85, 1.45)


def test_the_default_is_what_the_camera_decided_itself(pi: Pi) -> None:
    assert pi.control(RED).default is None
    pi.set(white_balance_auto=0, red_balance=3, blue_balance=0.5)
    assert (pi.control(RED).default, pi.control(BLUE).default) == (1.85, 1.45)


def test_a_camera_that_does_not_tell_its_gains_is_not_guessed_at() -> None:
    pi = Pi(Picam(tells=False))
    pi.set(white_balance_auto=0)
    with pytest.raises(ControlRefused, match=r"Pi camera imx708 refuses red_balance 2: it does not tell"):
        pi.recording.set_control(RED, 2)
    assert pi.picam.pending == {"AwbEnable": False}
    assert pi.opened_anew() == {"AwbEnable": False}


@pytest.mark.parametrize(
    ("told", "remembered"),
    [
        ({RED: 2, BLUE: 3, "brightness": 1}, {"brightness": 0.5, RED: 2, BLUE: 3}),
        ({TEMPERATURE: 4000}, {"brightness": 0.5, TEMPERATURE: 4000}),
        ({AUTOMATIC: 1}, {"brightness": 0.5}),
        ({AUTOMATIC: 0}, {"brightness": 0.5, TEMPERATURE: 3000, RED: 9}),  # it did not tell its gains in time
    ],
)
def test_what_counts_is_remembered_and_what_it_took_along(told: dict[str, float], remembered: dict[str, float]) -> None:
    assert kept({"brightness": 0.5, TEMPERATURE: 3000, RED: 9}, told) == remembered


def test_a_pi_camera_that_was_chosen_by_itself_remembers_as_one_that_was_asked_for() -> None:
    auto = AutoBackend(
        CameraSettings(), find=lambda: ("pi", "it is there"), make=lambda *_: PiBackend(CameraSettings())
    )
    assert auto.to_keep({TEMPERATURE: 3000}) == {TEMPERATURE: 3000}, "nothing is chosen yet"
    auto.frames()
    assert auto.to_keep({TEMPERATURE: 3000, "brightness": 1}) == {"brightness": 1}
