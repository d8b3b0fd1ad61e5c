"""What cameras list, made ours: names, modes, and the Pi's controls, without any camera."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from camera.backend import CameraInfo, CameraMode, Control
from camera.checks import wanted_mode
from camera.names import free_name, snake_case
from camera.pi_controls import controls_of, orders_for, taken
from camera.pi_modes import modes_for
from camera.remembered import Remembered, WantedMode, packed, unpacked
from camera.v4l2 import RateRange, SizeRange
from camera.v4l2_modes import rates_in, sizes_in


class Limits(NamedTuple):
    """As libcamera's ControlInfo."""

    min: Any
    max: Any
    default: Any


class Key:
    """As libcamera's ControlId."""

    def __init__(self, **enumerators: int) -> None:
        self.enumerators = {value: name for name, value in enumerators.items()}


PI = {
    "AeEnable": (Key(), Limits(False, True, True)),
    "ExposureTime": (Key(), Limits(26, 66666, 20000)),
    "AnalogueGain": (Key(), Limits(1.0, 16.0, 1.0)),
    "AwbEnable": (Key(), Limits(False, True, True)),
    "AwbMode": (Key(AwbAuto=0, AwbDaylight=5), Limits(0, 7, 0)),
    "ColourTemperature": (Key(), Limits(100, 100000, None)),
    "AfMode": (Key(), Limits(0, 2, 0)),
    "LensPosition": (Key(), Limits(0.0, 16.0, 1.0)),
    "AeFlickerMode": (Key(), Limits(0, 1, 0)),
    "AeFlickerPeriod": (Key(), Limits(100, 1000000, None)),
    "Brightness": (Key(), Limits(-1.0, 1.0, 0.0)),
    "AeMeteringMode": (Key(), Limits(0, 3, 0)),
    "ScalerCrop": (Key(), Limits((0, 0, 64, 64), (0, 0, 4608, 2592), None)),
    "FrameDurationLimits": (Key(), Limits(33333, 120000, None)),
    "AfTrigger": (Key(), Limits(0, 1, 0)),
    "ExposureTimeMode": (Key(), Limits(0, 1, 0)),
    "AnalogueGainMode": (Key(), Limits(0, 1, 0)),
}


def pi_controls(metadata: dict[str, Any] | None = None, **told: float) -> dict[str, Control]:
    return {control.name: control for control in controls_of(PI, told, metadata or {})}


def test_the_pis_controls_have_our_names_and_units() -> None:
    found = pi_controls()
    assert set(found) == {
        "exposure_auto", "exposure_absolute", "gain", "white_balance_auto", "awb_mode", "white_balance_temperature",
        "focus_auto", "focus_absolute", "power_line_frequency", "brightness", "ae_metering_mode",
        "zoom_absolute", "pan_absolute", "tilt_absolute",
    }  # fmt: skip
    lens = found["focus_absolute"]
    assert (lens.minimum, lens.maximum, lens.step, lens.default) == (0, 1, 0.05, 0.0625)
    assert found["exposure_absolute"].unit == "us"
    assert found["awb_mode"].options == ((0, "Auto"), (5, "Daylight"))
    assert found["power_line_frequency"].options == ((0, "Disabled"), (1, "50 Hz"), (2, "60 Hz"))
    assert {control.label for control in found.values()} >= {"AfMode", "LensPosition", "AeEnable"}


def test_what_the_pi_does_by_itself_puts_the_rest_to_sleep() -> None:
    asleep = {name: control for name, control in pi_controls(focus_auto=1).items() if control.reason}
    reasons = {name: control.reason for name, control in asleep.items()}
    assert reasons == {name: f"{control.blocked_by} is on" for name, control in asleep.items()}
    assert reasons == {
        "exposure_absolute": "exposure_auto is on", "gain": "exposure_auto is on",
        "white_balance_temperature": "white_balance_auto is on", "focus_absolute": "focus_auto is on",
    }  # fmt: skip
    awake = pi_controls(exposure_auto=0, white_balance_auto=0, focus_auto=0)
    assert not any(control.reason for control in awake.values())


@pytest.mark.parametrize(
    ("name", "value", "orders"),
    [
        ("focus_auto", 1, {"AfMode": 2}),
        ("focus_auto", 0, {"AfMode": 0}),
        ("focus_absolute", 0.25, {"LensPosition": 4.0}),
        ("exposure_auto", 0, {"AeEnable": False}),
        ("exposure_absolute", 10000, {"ExposureTime": 10000}),
        ("gain", 2.5, {"AnalogueGain": 2.5}),
        ("awb_mode", 5, {"AwbMode": 5}),
        ("power_line_frequency", 0, {"AeFlickerMode": 0}),
        ("power_line_frequency", 1, {"AeFlickerMode": 1, "AeFlickerPeriod": 10000}),
        ("power_line_frequency", 2, {"AeFlickerMode": 1, "AeFlickerPeriod": 8333}),
    ],
)
def test_picamera2_is_told_in_its_own_words(name: str, value: float, orders: dict[str, object]) -> None:
    told = orders_for(PI, pi_controls()[name], value, {})
    assert told == orders
    assert [type(value) for value in told.values()] == [type(value) for value in orders.values()]


def with_crop(least: Any, most: Any, usual: Any, **more: Any) -> dict[str, Any]:
    return {"ScalerCrop": (Key(), Limits(least, most, usual)), **more}


WHOLE = (576, 0, 3456, 2592)  # what a picture of 4:3 shows of a sensor of 16:9


@pytest.mark.parametrize(
    ("told", "name", "value", "crop"),
    [
        ({}, "zoom_absolute", 1, WHOLE),
        ({}, "zoom_absolute", 2, (1440, 648, 1728, 1296)),
        ({"zoom_absolute": 2}, "pan_absolute", -1, (576, 648, 1728, 1296)),
        ({"zoom_absolute": 2}, "pan_absolute", 1, (2304, 648, 1728, 1296)),
        ({"zoom_absolute": 2, "pan_absolute": 1}, "tilt_absolute", 1, (2304, 0, 1728, 1296)),
        ({"zoom_absolute": 2}, "tilt_absolute", -1, (1440, 1296, 1728, 1296)),
        ({"pan_absolute": 1, "tilt_absolute": 1}, "zoom_absolute", 1, WHOLE),
    ],
)
def test_zoom_on_the_pi_is_a_part_of_the_sensor(told: dict[str, float], name: str, value: float, crop: Any) -> None:
    listed = with_crop((0, 0, 64, 64), (0, 0, 4608, 2592), WHOLE)
    control = next(control for control in controls_of(listed, told) if control.name == name)
    assert orders_for(listed, control, value, told) == {"ScalerCrop": crop}


def test_on_a_pi_5_the_streams_own_crop_is_set_too() -> None:
    """picamera2 sets ScalerCrops at each opening, and libcamera lets it win."""
    listed = with_crop((0, 0, 64, 64), (0, 0, 4608, 2592), WHOLE, ScalerCrops=(Key(), Limits(WHOLE, WHOLE, WHOLE)))
    found = {control.name: control for control in controls_of(listed, {})}
    assert set(found) == {"zoom_absolute", "pan_absolute", "tilt_absolute"}
    crop = (1440, 648, 1728, 1296)
    assert orders_for(listed, found["zoom_absolute"], 2, {}) == {"ScalerCrop": crop, "ScalerCrops": [crop]}


@pytest.mark.parametrize(
    ("least", "usual", "most"), [((0, 0, 1152, 648), (0, 0, 4608, 2592), 4.0), ((0, 0, 1300, 720), None, 3.5),
                                 ((0, 0, 0, 0), None, 8.0), (None, None, 8.0)],
)  # fmt: skip
def test_the_sensor_says_how_far_it_zooms(least: Any, usual: Any, most: float) -> None:
    zoom = controls_of(with_crop(least, (0, 0, 4608, 2592), usual), {})[0]
    assert (zoom.name, zoom.minimum, zoom.maximum, zoom.value) == ("zoom_absolute", 1, most, 1)


def test_a_pi_camera_that_cannot_crop_has_no_zoom() -> None:
    assert controls_of(with_crop((0, 0, 640, 480), (0, 0, 640, 480), None), {}) == ()


DECIDED = {"ExposureTime": 8000, "AnalogueGain": 2.5, "ColourTemperature": 4700, "LensPosition": 4.0}


def test_what_the_pi_decides_by_itself_is_shown_as_it_is_now() -> None:
    found = pi_controls(DECIDED, focus_auto=1)
    names = ("exposure_absolute", "gain", "white_balance_temperature", "focus_absolute")
    assert [found[name].value for name in names] == [8000, 2.5, 4700, 0.25]
    assert all(found[name].reason for name in names)


def test_what_a_person_decided_is_what_counts() -> None:
    """The metadata of the next frames are still those from before."""
    told = {"exposure_auto": 0, "exposure_absolute": 20000, "focus_auto": 0, "focus_absolute": 0.5}
    found = pi_controls(DECIDED, **told)
    assert (found["exposure_absolute"].value, found["focus_absolute"].value) == (20000, 0.5)
    assert found["gain"].value == 2.5, "nobody set it, so it stays where it was"


def test_values_are_clamped_and_made_whole() -> None:
    found = pi_controls()
    assert taken(found["brightness"], 7) == 1.0
    assert taken(found["exposure_absolute"], 1.6) == 26.0
    assert taken(found["exposure_auto"], 3) == 1.0


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("White Balance, Automatic", "white_balance_automatic"),
        ("AeMeteringMode", "ae_metering_mode"),
        ("Backlight Compensation", "backlight_compensation"),
        ("LED1 Mode", "led1_mode"),
    ],
)
def test_a_drivers_name_becomes_a_field(name: str, ours: str) -> None:
    assert snake_case(name) == ours


def test_two_controls_of_one_name_are_told_apart() -> None:
    assert free_name("gain", {"gain", "gain_2"}) == "gain_3"
    assert free_name("zoom", set()) == "zoom_2", "that one is ours"


def test_single_sizes_are_listed_and_ranges_give_the_usual_ones() -> None:
    vga, hd = SizeRange(640, 640, 1, 480, 480, 1), SizeRange(1280, 1280, 1, 720, 720, 1)
    assert sizes_in([vga, hd]) == [(1280, 720), (640, 480)]
    assert sizes_in([SizeRange(16, 800, 16, 16, 600, 8)]) == [(800, 600), (640, 480), (640, 360), (320, 240)]
    assert sizes_in([]) == []


def test_rates_are_listed_and_ranges_give_the_usual_ones() -> None:
    single = [RateRange(Fraction(30), Fraction(30)), RateRange(Fraction(15), Fraction(15))]
    assert rates_in(single) == (30, 15)
    assert rates_in([RateRange(Fraction(7), Fraction(25))]) == (25, 24, 20, 15, 10, 7)
    assert rates_in([RateRange(Fraction(30000, 1001), Fraction(30000, 1001))]) == (29.97,)


def test_a_pi_camera_lists_the_sizes_its_sensor_fills() -> None:
    sensor = [{"size": (1640, 1232), "fps": 41.85}, {"size": (640, 480), "fps": 103.3}]
    found = {(mode.width_px, mode.height_px): mode.rates_hz for mode in modes_for(sensor, (1640, 1232), "YUV420")}
    assert max(found) == (1600, 1200)
    assert max(found[1280, 720]) == 30
    assert max(found[640, 480]) == 90
    unknown = modes_for([{"format": "YUYV"}], (800, 600), "YUV420")
    assert (unknown[0].width_px, unknown[0].rates_hz[0]) == (800, 30)


def test_what_is_remembered_survives_packing() -> None:
    kept = Remembered({"brightness": 12.0}, WantedMode("MJPG", 640, 480, 29.97))
    assert unpacked(packed(kept)) == kept
    assert unpacked(None) == Remembered()


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", '{"controls": 3}', '{"controls": {"a": "b"}, "mode": null}', '{"controls": {}, "mode": ["MJPG", 1]}',
        '{"controls": {}, "mode": ["MJPG", 99999, 480, 30]}', '{"controls": {}, "mode": ["MJPG", 640, 480, -1]}',
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_forgotten(text: str) -> None:
    assert unpacked(text) == Remembered()


def test_a_number_that_is_none_is_forgotten_alone() -> None:
    assert unpacked('{"controls": {"a": NaN, "b": 1}, "mode": null}') == Remembered({"b": 1.0})


def test_a_mode_without_listed_rates_keeps_the_cameras() -> None:

    now = CameraInfo("camera", "usb", "", "MJPG", 640, 480, None)
    modes = [CameraMode("MJPG", 640, 480, ()), CameraMode("MJPG", 320, 240, ())]
    assert wanted_mode(modes, now, {"size": "320x240"}) == WantedMode("MJPG", 320, 240, None)
    assert wanted_mode(modes, now, {"rate": 7}).rate_hz == 7
