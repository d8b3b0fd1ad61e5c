"""What the models of all sections share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _split_words(value: object) -> object:
    """`a, b c` -> ("a", "b", "c"); anything but text passes through."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def empty_is_none(value: object) -> object:
    return None if value == "" else value


def number_of(value: object) -> object:
    """`18` -> 18, for choices among numbers; what is no number is left for the rule to refuse."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def hex_or_number(value: object) -> object:
    """`0x40` and `64` -> 64; what is neither is left for the rule to refuse."""
    if not isinstance(value, str):
        return value
    try:
        return int(value, 0)
    except ValueError:
        return value


Words = Annotated[tuple[str, ...], BeforeValidator(_split_words)]
OptionalText = Annotated[str | None, BeforeValidator(empty_is_none)]
OptionalPath = Annotated[Path | None, BeforeValidator(empty_is_none)]


class Section(BaseModel):
    """A section: frozen, and every key must be known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def pins_in_use(self) -> dict[str, int]:
        """Key -> pin (BCM number) of every pin this section really drives."""
        return {}

    def bus_pins(self) -> dict[str, int]:
        """Key -> pin of every pin that this section shares with others on the same bus."""
        return {}
