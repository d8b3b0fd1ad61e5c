"""File names from people's words: safe on every file system, still readable, never one that is taken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath

# Bytes of UTF-8. Every file system in use takes names of 255 (exFAT: 255 characters of UTF-16); the rest is for
# a number, an extension and the names of temporary files.
LONGEST_STEM_BYTES = 180
# No name on Windows, where people copy their files to: "Naming Files, Paths, and Namespaces", learn.microsoft.com.
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
FORBIDDEN = re.compile(r'[/\\:*?"<>|]+')


def safe_stem(wish: str) -> str:
    """A name without extension made of somebody's words; empty when nothing of it can be kept.

    Separators and what Windows forbids become `-`; control characters, and dots and spaces at the ends, go.
    """
    text = unicodedata.normalize("NFC", wish.encode("utf-8", "replace").decode("utf-8"))
    text = "".join(" " if char.isspace() else char for char in text if char.isspace() or _is_printable(char))
    text = re.sub(r" {2,}", " ", FORBIDDEN.sub("-", text)).strip(". -")
    text = text.encode("utf-8")[:LONGEST_STEM_BYTES].decode("utf-8", "ignore").strip(". -")
    return f"_{text}" if RESERVED.fullmatch(text) else text


def stem_of(wish: str | None, date: datetime) -> str:
    """The name somebody asked for made safe, or else date and time here: `2026-11-21_14-05-09`."""
    return safe_stem(wish or "") or f"{date.astimezone():%Y-%m-%d_%H-%M-%S}"


def candidates(stem: str, suffix: str) -> Iterator[str]:
    """`cat.jpg`, `cat-2.jpg`, `cat-3.jpg`, ... without end."""
    yield f"{stem}{suffix}"
    number = 2
    while True:
        yield f"{stem}-{number}{suffix}"
        number += 1


def is_plain_name(name: str) -> bool:
    """True for the name of a file itself, in no other folder and not hidden."""
    return bool(name) and "\0" not in name and not name.startswith(".") and PurePath(name).name == name


def _is_printable(char: str) -> bool:
    # Cf holds the invisible marks that turn the direction of text, but also the joiner that emoji need.
    return char == "\u200d" or not unicodedata.category(char).startswith("C")
