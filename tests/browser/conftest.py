"""Fixtures: Chromium, the running program, pages that notice every complaint of the browser."""

from __future__ import annotations

import importlib.util
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app import Site
from store.accounts import Role

HERE = Path(__file__).parent
HAS_PLAYWRIGHT = importlib.util.find_spec("playwright") is not None

if HAS_PLAYWRIGHT:
    from chromium import CHROMIUM, browser
    from gallery_page import GalleryPage
    from inside import Inside
    from live_page import LivePage, address_of, install_clock
    from playwright.sync_api import Browser, BrowserContext, Page, expect
    from shelf import Shot, fill
    from stand import SERVO, Stand
    from turret import Turret

    expect.set_options(timeout=15000)
else:
    collect_ignore_glob = ["test_*.py"]

PAGE_TIMEOUT_MS = 15000
TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`content security policy: ${event.violatedDirective} refused ${event.blockedURI}`));
"""


def pytest_report_header() -> str | None:
    return None if HAS_PLAYWRIGHT else "browser tests left out: playwright is not installed (requirements-dev.txt)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is missing: apt install chromium, or set CHROMIUM"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with browser() as chrome:
        yield chrome


@pytest.fixture(scope="session")
def turret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turret]:
    """The program, shared by tests that leave it as it is."""
    turret = Turret(tmp_path_factory.mktemp("media"))
    turret.start()
    yield turret
    turret.stop()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Turret]:
    """A module's own program, with an admin and vera, who may only watch."""
    turret = Turret(tmp_path_factory.mktemp("studio"))
    turret.start()
    turret.add_account("vera", Role.VIEWER)
    yield turret
    turret.stop()


@pytest.fixture
def make_turret(tmp_path: Path) -> Iterator[Callable[..., Turret]]:
    """A program of the test's own, to be killed or set up in a special way."""
    turrets: list[Turret] = []

    def make(**settings: str) -> Turret:
        turret = Turret(tmp_path / f"media{len(turrets)}", **settings)
        turrets.append(turret)
        turret.start()
        return turret

    yield make
    for turret in turrets:
        turret.stop()


@pytest.fixture
def make_inside(make_site: Callable[..., Site]) -> Callable[..., Inside]:
    """A program in this process; settings as `camera={"width": 640}`. For tests that neither kill nor restart it."""
    return lambda **sections: Inside(make_site(**sections))


@pytest.fixture
def make_shelf(make_inside: Callable[..., Inside], tmp_path: Path) -> Callable[..., Inside]:
    """A program in this process with these items."""
    folders = (tmp_path / f"shelf{number}" for number in itertools.count())

    def make_shelf(shots: list[Shot], **sections: dict[str, object]) -> Inside:
        folder = next(folders)
        fill(folder, shots)
        return make_inside(server={"media_dir": str(folder)}, **sections)

    return make_shelf


class Complaints:
    """What the browser complained about on all pages of a test: errors, and requests that leave our site."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.expected: tuple[str, ...] = ()

    def watch(self, page: Page) -> None:
        """Listen to a page from now on."""
        page.on("console", lambda message: message.type == "error" and self.found.append(message.text))
        page.on("pageerror", lambda error: self.found.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._check_host(request.url))

    def expect(self, *texts: str) -> None:
        """The test provokes complaints that contain one of these texts."""
        self.expected = texts

    @property
    def unexpected(self) -> list[str]:
        """Everything the test did not provoke."""
        return [text for text in self.found if not any(part in text for part in self.expected)]

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.found.append(f"request to the outside: {url}")


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    complaints = Complaints()
    yield complaints
    assert complaints.unexpected == []


@pytest.fixture
def new_context(
    make_turret: Callable[..., Turret], make_site: Callable[..., Site], chrome: Browser, complaints: Complaints
) -> Iterator[Callable[..., BrowserContext]]:
    """Make separate visitors; options as for Browser.new_context. Pages close before programs end."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = chrome.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(PAGE_TIMEOUT_MS)
        if options.get("java_script_enabled", True):
            context.add_init_script(TELL_VIOLATIONS)
        context.on("page", complaints.watch)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def open_live(new_context: Callable[..., BrowserContext], turret: Turret) -> Callable[..., LivePage]:
    """Log in as a new visitor and open the live page."""

    def open_live(at: Turret = turret, **options: Any) -> LivePage:
        page = LivePage(new_context(**options).new_page(), at)
        page.log_in()
        return page

    return open_live


@pytest.fixture
def make_stand(make_site) -> Callable[..., Stand]:
    """A program in this process, whose pins can be looked at; settings as `pan={"kind": "servo"}`."""
    return lambda **sections: Stand(make_site(**sections))


@pytest.fixture
def stand(make_stand: Callable[..., Stand]) -> Stand:
    """Two servos in the middle of their travel."""
    return make_stand(pan=SERVO, tilt=SERVO)


@pytest.fixture
def open_page(new_context: Callable[..., BrowserContext]) -> Callable[..., LivePage]:
    """The live page of a stand for one of its people, ready to drive; `clocked` when its clock will be held."""

    def open_page(stand: Stand, username: str = "otto", clocked: bool = False, **options: Any) -> LivePage:
        live = LivePage(new_context(**options).new_page(), stand)
        if clocked:
            install_clock(live.page)
        live.log_in(username=username)
        expect(live.part("safety")).to_be_visible()
        expect(live.part("more-button")).to_be_enabled()
        return live

    return open_page


@pytest.fixture
def open_gallery(new_context: Callable[..., BrowserContext]) -> Callable[..., GalleryPage]:
    """Log in as a new visitor and open the gallery of a program."""

    def open_gallery(at: Turret | Inside, query: str = "", username: str = "admin", **options: Any) -> GalleryPage:
        return GalleryPage(new_context(**options).new_page(), at).open(query, username)

    return open_gallery


@pytest.fixture(scope="session")
def origin(chrome, turret) -> Iterator[Page]:
    """A page of our site from which modules can be imported."""
    page = chrome.new_page()
    page.goto(turret.url + "/login", wait_until="domcontentloaded")
    yield page
    page.close()


@pytest.fixture
def call(origin: Page) -> Callable[..., Any]:
    """`call("words", "duration", 75)`: the result of a function that a module exports."""

    def call(module: str, function: str, *arguments: object) -> Any:
        code = "async ([module, name, given]) => (await import(module))[name](...given)"
        return origin.evaluate(code, [address_of(origin, module), function, arguments])

    return call
