"""requirements*.txt: every machine gets the same packages, whoever needs them."""

from __future__ import annotations

from importlib.metadata import distribution, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent


def pins(*files: str) -> dict[str, str]:
    """Package name -> pinned version."""
    lines = [line for file in files for line in (PROJECT / file).read_text().splitlines()]
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): number for name, number in pairs}


def wants_of(name: str) -> list[Requirement]:
    """What an installed package requires on this machine, without its extras."""
    wants = [Requirement(text) for text in distribution(name).requires or ()]
    return [want for want in wants if want.marker is None or want.marker.evaluate({"extra": ""})]


@pytest.mark.parametrize("files", [["requirements.txt"], ["requirements.txt", "requirements-dev.txt"]], ids=" ".join)
def test_everything_that_is_needed_is_pinned(files: list[str]) -> None:
    pinned = pins(*files)
    missing = {
        f"{name} wants {want}"
        for name in pinned
        for want in wants_of(name)
        if canonicalize_name(want.name) not in pinned
    }
    assert missing == set()


def test_we_test_with_what_is_pinned() -> None:
    pinned = pins("requirements.txt", "requirements-dev.txt")
    assert {name: version(name) for name in pinned} == pinned
