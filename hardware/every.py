"""Switching many things off, whatever happens to one of them."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


def do_each(*steps: Callable[[], object]) -> None:
    """Every step on its own: what cannot be switched off must not keep the rest on. Never raises."""
    for step in steps:
        try:
            step()
        except Exception:
            log.exception("turret: %s", getattr(step, "__qualname__", step))
