"""The live page as a person sees it: what its parts say, and what is in the picture."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import cv2
import numpy as np
from fakes import PASSWORD
from playwright.sync_api import BrowserContext, Error, Locator, Page, expect
from turret import Turret

from camera.image import Pixels
from camera.synthetic import NUMBER_BITS, Marks, read_marks

# From now on the page notes the number of every picture that it draws: the bars of `camera.synthetic.read_marks`.
NOTE_DRAWN = """(bits) => {
    window.drawnNumbers = [];
    const { drawImage } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.drawImage = function (picture, ...place) {
        drawImage.call(this, picture, ...place);
        const { width, height } = picture;
        const bar = Math.max(4, Math.round(height / 36));
        const line = new OffscreenCanvas(width, 1).getContext("2d", { willReadFrequently: true });
        line.drawImage(picture, 0, Math.floor(height - 1.5 * bar), width, 1, 0, 0, width, 1);
        const { data } = line.getImageData(0, 0, width, 1);
        const isSet = (bit) => data[4 * Math.floor(((bit + 0.5) * width) / bits)] > 127;
        window.drawnNumbers.push([...Array(bits).keys()].reduce((number, bit) => 2 * number + isSet(bit), 0));
    };
}"""

T = TypeVar("T")
# Pages give up what is not answered after some seconds, by the clock that a test moves: real answers take real time.
PATIENT = "AbortSignal.timeout = () => new AbortController().signal"
DEADLINE_S = 15.0
WATCH = """(selectors) => {
  const [part, control] = selectors.map((selector) => document.querySelector(selector));
  const note = () => watched.push(`${part.textContent}|${control.disabled ? "disabled" : "enabled"}`);
  globalThis.watched = [];
  new MutationObserver(note).observe(part, { childList: true, subtree: true, characterData: true });
}"""


def install_clock(where: Page | BrowserContext) -> None:
    """From its next page on, a test can hold and move its clock; it gives up no request."""
    where.clock.install()
    where.add_init_script(PATIENT)


class LivePage:
    """A browser page on the program; `part(name)` finds what the templates mark data-part="name"."""

    def __init__(self, page: Page, turret: Turret) -> None:
        self.page = page
        self.turret = turret

    def log_in(self, password: str = PASSWORD, username: str = "admin", to: str = "/") -> None:
        """Post what the login page's form does, outside of any page, and go to `to`."""
        form = {"username": username, "password": password}
        # No connection is kept: the program gives it up after 10 s, which may be just when it is used again.
        once = {"Connection": "close"}
        answer = self.page.request.post(f"{self.turret.url}/login", form=form, headers=once, max_redirects=0)
        assert answer.status == HTTPStatus.FOUND, answer.status_text
        self.go(to)

    def log_in_by_form(self, password: str = PASSWORD, username: str = "admin") -> None:
        """Submit the form of the login page; the page that follows, also a refusal, is there when this returns.

        Chromium lets requests of a page pass that is just coming in when interception is switched on (`Page.route`):
        17 of 150 on a busy machine.
        """
        self.go("/login")
        self.page.get_by_label("Name").fill(username)
        self.page.get_by_label("Password", exact=True).fill(password)
        with self.page.expect_navigation(wait_until="domcontentloaded"):
            self.page.get_by_role("button", name="Log in").click()

    def go(self, path: str) -> None:
        self.page.goto(self.turret.url + path, wait_until="domcontentloaded")

    def hold_clock(self) -> None:
        """The page's clock and timers stand still; `page.clock.run_for` moves them, `page.clock.resume` lets them go.

        A page that was not opened with `clocked` sees its clock jump once.
        """
        self.page.evaluate(PATIENT)
        until = time.monotonic() + DEADLINE_S
        while not self._held_in(1):
            assert time.monotonic() < until, "the page's clock cannot be held: this machine is too slow"

    def _held_in(self, seconds: float) -> bool:
        """Hold the clock so far from now; False when that moment was over before the page heard of it."""
        now_ms: float = self.page.evaluate("Date.now()")
        try:
            self.page.clock.pause_at(now_ms / 1000 + seconds)
        except Error as error:
            if "to the past" not in error.message:
                raise
            return False
        return True

    def part(self, name: str) -> Locator:
        return self.page.locator(f'[data-part="{name}"]')

    def texts_of(self, part: str, control: str) -> Callable[[], list[str]]:
        """Everything that a part says from now on, and whether a control is greyed meanwhile: "text|disabled"."""
        parts = [f'[data-part="{name}"]' for name in (part, control)]
        self.page.evaluate(WATCH, parts)
        return lambda: self.page.evaluate("watched")

    def expect_pictures(self, part: str, count: int) -> None:
        """So many pictures are in a part, and loaded: what is removed before that would be asked for in vain."""
        pictures = self.part(part).locator("img")
        widths_px = "pictures => pictures.map(picture => picture.naturalWidth)"
        wait_for(lambda: pictures.evaluate_all(widths_px), lambda widths: len(widths) == count and all(widths))

    def expect_live(self) -> None:
        """The strip says LIVE, with figures."""
        expect(self.part("health-word")).to_have_text("Live")
        expect(self.part("health-figures")).to_have_text(re.compile(r"/s · .*ms"))

    @property
    def rate_hz(self) -> float:
        """The rate that the strip shows; 0.0 for none."""
        return _first_number(r"([\d.]+)/s", self.part("health-figures").inner_text())

    @property
    def age_ms(self) -> float:
        """The age that the strip shows; 0.0 for none."""
        return _first_number(r"(\d+) ms", self.part("health-figures").inner_text())

    def marks(self) -> Marks:
        """Number and time in the picture on the canvas."""
        data = self.part("canvas").evaluate("canvas => canvas.toDataURL('image/png')")
        return read_marks(pixels_of(base64.b64decode(data.partition(",")[2])))

    def marks_age_ms(self) -> float:
        """How old the picture on the canvas is, by the browser's clock, which is the program's, too."""
        data, now_ms = self.part("canvas").evaluate("canvas => [canvas.toDataURL('image/png'), Date.now()]")
        return now_ms - read_marks(pixels_of(base64.b64decode(data.partition(",")[2]))).unix_ms

    def note_drawn(self) -> Callable[[], list[int]]:
        """The numbers of the test picture's pictures that are drawn from now on."""
        self.page.evaluate(NOTE_DRAWN, NUMBER_BITS)
        return lambda: self.page.evaluate("drawnNumbers")

    def wait_for_newer(self, than: Marks) -> Marks:
        """Marks of a picture with a higher number."""
        return wait_for(self.marks, lambda marks: marks.number > than.number)


def address_of(page: Page, module: str) -> str:
    """Where the site serves static/js/<module>.js."""
    script: str = page.locator("script[type=module]").first.evaluate("script => script.src")
    return script.rpartition("/")[0] + f"/{module}.js"


def pixels_of(png: bytes) -> Pixels:
    """A decoded PNG."""
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return np.asarray(pixels, np.uint8)


def marks_on_screen(locator: Locator) -> Marks:
    """Number and time in a picture as it is really painted."""
    return read_marks(pixels_of(locator.screenshot()))


def wait_for(ask: Callable[[], T], is_good: Callable[[T], bool], deadline_s: float = DEADLINE_S) -> T:
    """The first answer that is good; an assertion error with the last one when none came in time."""
    until = time.monotonic() + deadline_s
    while not is_good(answer := ask()):
        assert time.monotonic() < until, f"still {answer!r} after {deadline_s:g} s"
        time.sleep(0.05)
    return answer


def _first_number(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    return float(match.group(1)) if match else 0.0
