"""The information box: what the camera has set now and what is done to the picture, asked while it is open."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from gate import Gate
from live_page import LivePage
from playwright.sync_api import expect
from stand import Stand
from tunable_camera import TunableCamera

from camera.backend import CameraInfo, Control

ASKS_AGAIN_MS = 2500
CONTROLS = (
    Control("exposure_auto", "boolean", None, None, None, 1, 1),
    Control("exposure_absolute", "integer", 100, 500_000, 100, 10_000, 31_200, "us"),
    Control("gain", "integer", 0, 255, 1, 0, 17),
    Control("focus_auto", "boolean", None, None, None, 0, 0),
    Control("focus_absolute", "number", 0.0, 1.0, 0.05, 0.5, 0.45),
)


class AdjustingCamera(TunableCamera):
    """A camera that changes its exposure by itself."""

    def adjust(self, exposure: float) -> None:
        self._controls["exposure_absolute"] = replace(self._controls["exposure_absolute"], value=exposure)


class PiCamera(TunableCamera):
    """One that says it is a Pi's."""

    @property
    def info(self) -> CameraInfo:
        return replace(super().info, kind="pi")


@pytest.fixture
def camera() -> AdjustingCamera:
    return AdjustingCamera(controls=CONTROLS)


@pytest.fixture
def live(make_site: Callable, camera: AdjustingCamera, open_page: Callable[..., LivePage]) -> LivePage:
    live = open_page(Stand(make_site(camera)), clocked=True)
    live.expect_live()
    return live


def test_it_tells_what_the_camera_adjusted_and_leaves_out_what_it_has_not(live: LivePage, camera) -> None:
    live.page.keyboard.press("i")
    expect(live.part("info-camera")).to_have_text("tunable camera")
    expect(live.part("info-size")).to_have_text("320 \u00d7 240")
    expect(live.part("info-format")).to_have_text("MJPG")
    expect(live.part("info-quality")).to_have_text("Full")
    expect(live.part("info-exposure_absolute")).to_have_text("automatic, 31.2 ms")
    expect(live.part("info-gain")).to_have_text("17")
    expect(live.part("info-focus_absolute")).to_have_text("0.45")
    expect(live.part("info-white_balance_temperature")).to_be_hidden()
    camera.adjust(64_000)
    live.page.clock.run_for(ASKS_AGAIN_MS)
    expect(live.part("info-exposure_absolute")).to_have_text("automatic, 64 ms")


def test_a_pi_camera_tells_too_what_it_adjusted(make_site: Callable, open_page: Callable[..., LivePage]) -> None:
    live = open_page(Stand(make_site(PiCamera(controls=CONTROLS))))
    live.expect_live()
    live.page.keyboard.press("i")
    expect(live.part("info-exposure_absolute")).to_have_text("automatic, 31.2 ms")


def test_it_names_the_filters_that_are_on(live: LivePage) -> None:
    live.page.keyboard.press("i")
    expect(live.part("info-filters")).to_have_text("none")
    tuning = live.turret.site.rig.tuning
    tuning.change({"grayscale": True, "rotation": 90, "zoom": 2, "label": "Door"}, "anna")
    live.page.clock.run_for(ASKS_AGAIN_MS)
    expect(live.part("info-filters")).to_have_text("Gray, 90° right, Zoom 2\u00d7, “Door”")
    expect(live.part("info-size")).to_have_text("240 \u00d7 320")


def test_it_asks_only_while_it_is_open(
    make_site: Callable, camera: AdjustingCamera, open_page: Callable[..., LivePage]
) -> None:
    live = open_page(Stand(make_site(camera)), clocked=True)
    live.expect_live()
    live.hold_clock()
    gate = Gate(live.page, re.compile("/api/camera$"))
    gate.open()
    live.page.keyboard.press("i")
    gate.wait(1)
    live.page.clock.run_for(ASKS_AGAIN_MS)
    gate.wait(2)
    live.page.keyboard.press("i")
    expect(live.part("info")).to_be_hidden()
    live.page.clock.run_for(10_000)
    live.page.evaluate("fetch('/healthz').then((answer) => answer.text())")
    assert gate.asked == 2


def test_what_somebody_else_sets_is_said_though_the_panel_was_never_opened(live: LivePage) -> None:
    tuning = live.turret.site.rig.tuning
    tuning.change({"gain": 30, "grayscale": True}, "gina")
    expect(live.part("message")).to_have_text(re.compile(r"^Gina changed Gain, Gray\.$"))
    tuning.reset(None, "gina")
    expect(live.part("message")).to_have_text(re.compile(r"^Gina changed .*, .*, .* and \d+ more\.$"))


def test_what_one_sets_oneself_is_not_told_as_news(live: LivePage) -> None:
    tuning = live.turret.site.rig.tuning
    tuning.change({"gain": 30}, "otto")
    tuning.board.complain("the filter edges was switched off")
    live.page.keyboard.press("i")
    expect(live.part("info-gain")).to_have_text("30")
    expect(live.part("message")).to_be_hidden()
