"""File names from people's words."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.names import candidates, is_plain_name, safe_stem, stem_of

DATE = datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wish", "stem"),
    [
        ("cat", "cat"),
        ("My cat, 3 o'clock", "My cat, 3 o'clock"),
        ("../../etc/passwd", "etc-passwd"),
        ("a/b\\c", "a-b-c"),
        ("a\0b\nc", "ab c"),
        (".hidden", "hidden"),
        ("end. ", "end"),
        ("Käse \N{CAT FACE}", "Käse \N{CAT FACE}"),
        ("e\u0301", "\u00e9"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1", "_com1"),
        ("console", "console"),
        ("?*", ""),
        ("", ""),
        ("..", ""),
        ("\ud800x", "x"),
    ],
)
def test_names_are_made_safe_and_stay_readable(wish: str, stem: str) -> None:
    assert safe_stem(wish) == stem


@given(st.text(max_size=400))
def test_no_name_leaves_its_folder_or_is_too_long(wish: str) -> None:
    stem = safe_stem(wish)
    if stem:
        assert is_plain_name(f"{stem}-12345.jpg")
        assert len(f"{stem}-12345.jpg".encode()) <= 200
        assert safe_stem(stem) == stem


def test_300_characters_are_cut_at_a_whole_one() -> None:
    stem = safe_stem("\N{CAT FACE}" * 300)
    assert stem == "\N{CAT FACE}" * 45


def test_names_in_use_get_a_number() -> None:
    assert list(islice(candidates("cat", ".jpg"), 3)) == ["cat.jpg", "cat-2.jpg", "cat-3.jpg"]


def test_without_a_name_the_date_is_the_name() -> None:
    assert stem_of(None, DATE) == stem_of("/", DATE) == f"{DATE.astimezone():%Y-%m-%d_%H-%M-%S}"


@pytest.mark.parametrize("name", ["", "../a.jpg", "a/b.jpg", ".a", "a\0b", "..", "/a"])
def test_only_plain_names_are_plain(name: str) -> None:
    assert not is_plain_name(name)
