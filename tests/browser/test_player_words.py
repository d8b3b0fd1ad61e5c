"""What the player says in words, run by the browser it is made for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

FACTS: dict[str, Any] = {
    "phase": "video", "nowMs": 100_000, "shownMs": 99_990, "staleAfterMs": 2000, "isPlaceholder": False,
    "rateHz": 29.97, "ageMs": 41.7, "retryAtMs": 0, "trouble": "", "isFull": False,
    "camera": {"state": "live", "reason": None},
}  # fmt: skip
WAITING = {"phase": "waiting", "trouble": "gone"}
FAILED = {"state": "failed", "reason": "camera x was unplugged"}


@pytest.fixture
def view(call) -> Callable[..., dict[str, Any]]:
    """The view of a player whose facts differ from those of a live one."""
    return lambda **facts: call("words", "describe", {**FACTS, **facts})


def test_live_view_has_rate_and_age_and_no_veil(view):
    live = view()
    assert (live["tone"], live["word"], live["figures"], live["veil"]) == ("live", "Live", "30/s · 42 ms", None)


@pytest.mark.parametrize(
    ("facts", "word", "text"),
    [
        ({"shownMs": 93_000}, "No picture for 7 s", "Connected, waiting for the next picture."),
        ({"shownMs": 93_000, "camera": FAILED}, "No picture for 7 s", "Camera x was unplugged."),
        (WAITING | {"shownMs": 20_000, "retryAtMs": 101_200}, "No picture for 1 min", "Gone. Next try in 2 s."),
        (WAITING | {"retryAtMs": 99_000}, "No picture", "Gone. Trying again."),
        (WAITING | {"isFull": True, "retryAtMs": 104_000}, "Full", "Gone. Next try in 4 s."),
        ({"phase": "connecting", "shownMs": 93_000}, "No picture for 7 s", "Connecting again."),
        ({"phase": "login"}, "Logged out", "Log in to see the picture."),
        ({"phase": "connecting", "shownMs": None}, "Connecting", ""),
        ({"phase": "video", "shownMs": None, "camera": {"state": "starting"}}, "Starting", ""),
    ],
)  # fmt: skip
def test_veil_says_what_is_wrong_and_what_comes_next(view, facts, word, text):
    found = view(**facts)
    assert (found["word"].replace("\xa0", " "), found["veil"]["text"].replace("\xa0", " ")) == (word, text)


def test_placeholder_is_never_called_live(view):
    found = view(isPlaceholder=True, camera=FAILED)
    assert (found["word"], found["tone"], found["figures"]) == ("No picture", "bad", "")
    assert found["spoken"] == "No live picture. Camera x was unplugged."


def test_slow_cameras_are_not_called_stale(view):
    assert view(shownMs=95_000, staleAfterMs=25_000)["word"] == "Live"


SAVER = {"current": "saver", "why": "the link is slow", "isSlow": True}
SNAPSHOTS = {"current": "snapshots", "why": "the link is slow", "isSlow": True}


def test_another_form_than_the_whole_picture_is_said_with_its_reason(view):
    found = view(quality=SAVER, rendition="scale=1/2; quality=50")
    assert (found["word"], found["tone"], found["figures"]) == ("Live", "live", "Saver 30/s · 42 ms")
    assert (found["note"], found["spoken"]) == ("Saver: the link is slow", "Live. Saver: the link is slow.")
    found = view(phase="snapshots", quality=SNAPSHOTS, rendition=None)
    assert (found["word"], found["tone"], found["figures"]) == ("Snapshots", "warn", "30/s · 42 ms")
    assert found["spoken"] == "Snapshots: the link is slow."
    assert view(quality={"current": "full", "why": "", "isSlow": False})["note"] == ""


def test_a_copy_that_was_not_asked_for_is_said(view):
    found = view(quality=SAVER, rendition="scale=1; quality=20; nearest")
    assert found["note"] == "Saver: the link is slow; the nearest copy there is: full size, quality 20"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (86400 * 3, "3 d")]
)
def test_durations_stay_short(call, seconds, text):
    assert call("words", "duration", seconds).replace("\xa0", " ") == text


@pytest.mark.parametrize(("age_ms", "text"), [(-4, "0 ms"), (41.7, "42 ms"), (1999, "1999 ms"), (2500, "2.5 s")])
def test_ages(call, age_ms, text):
    assert call("words", "ageText", age_ms) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("all places are taken", "All places are taken."),
        ("Ready!", "Ready!"),
        ("http://x/y cannot be reached", "http://x/y cannot be reached."),
        ("/dev/video0 is gone", "/dev/video0 is gone."),
    ],
)
def test_messages_become_sentences(call, text, sentence):
    assert call("words", "sentence", text) == sentence
