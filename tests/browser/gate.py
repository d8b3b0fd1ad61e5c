"""Requests of a page that wait until the test lets them through: what comes before what is the test's to say."""

from __future__ import annotations

import re
from typing import Any

from live_page import DEADLINE_S, PATIENT
from playwright.sync_api import APIResponse, Page, Route

PUMP_MS = 20


class Gate:
    """Holds back what matches, oldest first, from now on until `open`.

    :param method: hold back only these; None for all.
    :ivar asked: how many came.
    :param after: the server has answered already, and it is the answer that waits: what it says grows old meanwhile.
    """

    def __init__(self, page: Page, url: re.Pattern[str], method: str | None = None, after: bool = False) -> None:
        self.asked = 0
        self._page = page
        self._method = method
        self._after = after
        self._is_open = False
        self._waiting: list[tuple[Route, APIResponse | None]] = []
        page.add_init_script(PATIENT)
        page.evaluate(PATIENT)
        page.route(url, self._come)

    def wait(self, count: int = 1) -> None:
        """Until so many have come in all, and their answers if it holds back those."""
        for _ in range(int(DEADLINE_S * 1000 / PUMP_MS)):
            if self.asked >= count:
                return
            self._page.wait_for_timeout(PUMP_MS)
        raise AssertionError(f"{self.asked} of {count} requests came within {DEADLINE_S:g} s")

    def let_one(self, index: int = 0) -> None:
        """Let one of those that wait through, the oldest."""
        self._let(*self._waiting.pop(index))

    def answer_one(self, **answer: Any) -> None:
        """Answer the oldest of those that wait in place of the server; as for Route.fulfill."""
        self._waiting.pop(0)[0].fulfill(**answer)

    def open(self) -> None:
        """Let all through, also those that come from now on."""
        self._is_open = True
        while self._waiting:
            self.let_one()

    def _come(self, route: Route) -> None:
        if self._method not in (None, route.request.method):
            route.continue_()
            return
        answer = route.fetch() if self._after else None
        self.asked += 1
        if self._is_open:
            self._let(route, answer)
        else:
            self._waiting.append((route, answer))

    def _let(self, route: Route, answer: APIResponse | None) -> None:
        if answer is None:
            route.continue_()
        else:
            route.fulfill(response=answer)
