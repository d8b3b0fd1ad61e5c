"""The program in the test's own process: its page in a browser, its pins under a scope."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.error import HTTPError

from fakes import PASSWORD
from live_page import LivePage, wait_for
from metronome import within
from playwright.sync_api import Locator
from turret import asked
from turret_by_hand import Scope

from app import Site
from store.accounts import Role

PEOPLE = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "gina": Role.GUNNER}
# Slow enough to be seen moving, and pulses that end soon after it stands.
SERVO = {"kind": "servo", "speed_deg_s": 40, "acceleration_deg_s2": 4000, "settle_s": 0.2, "invert": False}
REST_WITHIN_S = 3.0
QUICK = {**SERVO, "speed_deg_s": 1000, "acceleration_deg_s2": 10000}  # not to be waited for


class Stand:
    """A running site as browser tests see it, and as a meter on its pins does."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.url = f"http://127.0.0.1:{site.port}"
        self.scope = Scope(site.rig.turret._pins)
        self.accounts = site.rig.accounts
        self.photos = site.rig.settings.server.media_dir / "photos"
        for username, role in PEOPLE.items():
            self.accounts.add(username, PASSWORD, role)

    def ask(self, path: str, body: object = None, username: str = "admin", method: str | None = None) -> dict[str, Any]:
        """What the API answers to another client; with a `body` it is a POST."""
        return asked(f"{self.url}/api/turret{path}", body, username, method)

    def pulse_us(self, pin: int) -> float | None:
        """Width of the pulses on a pin; None while there are none."""
        return self.scope.pulse_us(pin)

    def pulsing_us(self, pin: int) -> float:
        """The same, once there are pulses."""
        return wait_for(lambda: self.pulse_us(pin), lambda width: width is not None) or 0.0

    def expect_rest(self, *pins: int) -> None:
        """The pulses end in time: the servos have stood for `settle_s`."""
        with within(REST_WITHIN_S):
            wait_for(lambda: [self.pulse_us(pin) for pin in pins], lambda widths: not any(widths))

    def expect_stop(self, *pins: int) -> None:
        """The same, and not because there was no way left to go."""
        self.expect_rest(*pins)
        state = self.ask("")
        assert not state["pan"]["at_limit"] and not state["tilt"]["at_limit"]

    def stand_at(self, pan_deg: float, tilt_deg: float, username: str = "admin") -> None:
        """Go there, stand, and let go of the controls; told again when a busy machine stopped it for safety."""

        def told_and_seen() -> dict[str, Any]:
            if not _is_moving(state := self.ask("")) and not _is_at(state, pan_deg, tilt_deg):
                with suppress(HTTPError):
                    return self.ask("/aim", {"pan_deg": pan_deg, "tilt_deg": tilt_deg}, username)
            return state

        wait_for(told_and_seen, lambda state: not _is_moving(state) and _is_at(state, pan_deg, tilt_deg))
        self.ask("/lease", username=username, method="DELETE")

    def wait_for_stand(self, pan_deg: float, tilt_deg: float, within_deg: float = 0.05) -> None:
        """It stands there."""
        wait_for(
            lambda: self.ask(""), lambda state: not _is_moving(state) and _is_at(state, pan_deg, tilt_deg, within_deg)
        )


def _is_moving(state: dict[str, Any]) -> bool:
    return bool(state["pan"]["moving"] or state["tilt"]["moving"])


def _is_at(state: dict[str, Any], pan_deg: float, tilt_deg: float, within_deg: float = 0.05) -> bool:
    away_deg = (state["pan"]["position_deg"] - pan_deg, state["tilt"]["position_deg"] - tilt_deg)
    return max(map(abs, away_deg)) <= within_deg


class Finger:
    """One finger on the screen of a phone, by the events that the browser itself would get."""

    def __init__(self, live: LivePage) -> None:
        self._session = live.page.context.new_cdp_session(live.page)

    def down(self, x: float, y: float) -> None:
        self._touch("touchStart", [{"x": x, "y": y}])

    def move(self, x: float, y: float) -> None:
        self._touch("touchMove", [{"x": x, "y": y}])

    def up(self) -> None:
        self._touch("touchEnd", [])

    def cancel(self) -> None:
        """The system takes the finger away, for a call that comes in."""
        self._touch("touchCancel", [])

    def _touch(self, kind: str, points: list[dict[str, float]]) -> None:
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def middle_of(live: LivePage, part: str) -> tuple[float, float]:
    """The middle of a part that can be pressed and does not move any more, in the window's pixels."""
    box = settled_box(live.part(part))
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def settled_box(locator: Locator) -> dict[str, float]:
    """Where something is, in the window's pixels, once it stands still and nothing lies over it."""
    locator.click(trial=True)
    box: dict[str, float] = locator.evaluate("element => element.getBoundingClientRect().toJSON()")
    return box
