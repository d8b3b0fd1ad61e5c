"""The gallery as a person sees it."""

from __future__ import annotations

import re
from typing import Any

from live_page import LivePage
from playwright.sync_api import Locator, expect


class GalleryPage(LivePage):
    """A browser page on the gallery of a program."""

    def open(self, query: str = "", username: str = "admin") -> GalleryPage:
        """Log in and go there; everything is wired when the tiles speak."""
        self.log_in(username=username, to=f"/gallery{query}")
        self.expect_wired()
        return self

    def show(self, query: str = "") -> None:
        """Go to the gallery and wait until its script has taken over."""
        self.go(f"/gallery{query}")
        self.expect_wired()

    def expect_wired(self) -> None:
        """The script has taken over: tiles say what they are, or there are none."""
        expect(self.page.locator('.tile-link[aria-label], [data-part="empty"]:not([hidden])').first).to_be_visible()

    @property
    def tiles(self) -> Locator:
        return self.page.locator(".days .tile")

    def tile(self, name: str) -> Locator:
        """The tile of an item, by its name without extension."""
        return self.page.locator(f'.days .tile:has(input[aria-label^="Select {name}."])')

    def names(self) -> list[str]:
        """What the tiles are called, in order, without extensions."""
        labels: list[str] = self.tiles.locator("input").evaluate_all("boxes => boxes.map(box => box.ariaLabel)")
        return [label.removeprefix("Select ").rpartition(".")[0] for label in labels]

    def open_item(self, name: str) -> None:
        """Open an item by its tile."""
        self.tile(name).get_by_role("link").click()
        expect(self.part("item-name")).to_have_text(re.compile(rf"^{name}\."))

    def select(self, *names: str) -> None:
        """Tick the boxes of these items."""
        for name in names:
            self.tile(name).locator("label").click()

    def headings(self) -> list[str]:
        """The days."""
        return self.page.locator(".day h2").all_inner_texts()

    def items(self, query: str = "?limit=500") -> list[dict[str, Any]]:
        """What the server has."""
        found: list[dict[str, Any]] = self.turret.ask(f"/api/media{query}")["items"]
        return found
