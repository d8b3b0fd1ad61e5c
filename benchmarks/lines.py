"""A line of the budget: what is measured, what is demanded, what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "MISSED", "not measured"]


@dataclass(frozen=True)
class Line:
    """One line of the final table."""

    what: str
    budget: str
    measured: str
    verdict: Verdict


def line(what: str, budget: str, measured: str, is_kept: bool | None) -> Line:
    """A line; None for "not measured"."""
    verdict: Verdict = "not measured" if is_kept is None else "ok" if is_kept else "MISSED"
    return Line(what, budget, measured if is_kept is not None else measured or "-", verdict)


def at_most(what: str, limit: float, found: float | None, unit: str, digits: int) -> Line:
    """A line that is kept by `limit` or less; None for "not measured"."""
    measured = "-" if found is None else f"{found:.{digits}f} {unit}"
    return line(what, f"at most {limit:g} {unit}", measured, None if found is None else found <= limit)
