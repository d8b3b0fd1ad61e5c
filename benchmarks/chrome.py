"""A Chromium that looks at our program as a person does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from servers import Target

if TYPE_CHECKING:
    from playwright.sync_api import Page

INSTALLED = shutil.which("chromium-headless-shell") or shutil.which("chromium") or "/usr/bin/chromium"
CHROMIUM = Path(os.environ.get("CHROMIUM", INSTALLED))


@contextmanager
def visitors(target: Target) -> Iterator[Callable[[str], Page] | None]:
    """Opens pages by their path, each for a new visitor who is logged in and has nothing in his cache.

    None where there is no Chromium to drive.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        yield None
        return
    if not CHROMIUM.exists():
        yield None
        return
    username, _, password = (target.auth or "").partition(":")
    address = f"http://{target.host}:{target.port}"
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])

        def visit(path: str) -> Page:
            for visitor in chrome.contexts:
                visitor.close()
            visitor = chrome.new_context(viewport={"width": 1280, "height": 800})
            visitor.request.post(f"{address}/login", form={"username": username, "password": password})
            page = visitor.new_page()
            page.goto(f"{address}{path}", wait_until="domcontentloaded")
            return page

        yield visit
        chrome.close()
