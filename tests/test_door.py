"""Whatever goes wrong on the way in, the place is free again and the camera is not kept awake."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from fakes import DEADLINE_S, jpeg_of

from camera import image
from camera.backend import Picture
from camera.hub import FrameHub
from camera.renditions import Form
from web.door import Door
from web.viewer import Viewer

HALF = Form(2, 80)


class House:
    """A door to one place. `entered` holds who took it."""

    def __init__(self) -> None:
        self.hub = FrameHub()
        self.entered: list[Viewer] = []
        self.door = Door(self.hub, 1, threading.Lock(), self.entered.append, lambda: None)

    @property
    def is_empty(self) -> bool:
        return (self.door.roster.watching, self.hub.is_watched) == (0, False)


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.door.copies.stop()


def fail(*_: object) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("form", [None, HALF])
@pytest.mark.parametrize("where", ["the camera wakes", "viewers are counted", "a copy is begun"])
def test_a_place_is_not_lost_by_what_fails_after_it_was_reserved(
    where: str, form: Form | None, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        if where == "the camera wakes":
            broken.setattr(house.hub, "on_watched", fail)
        elif where == "viewers are counted":
            broken.setattr(house.door, "on_count", fail)
        else:
            broken.setattr(threading.Thread, "start", fail)
            form = HALF
        with pytest.raises(RuntimeError, match="can't start new thread"):
            house.door.reserve("1.x", "length", form=form)
    assert house.is_empty
    place = house.door.reserve("2.x", "length", form=form)
    assert not house.is_empty
    place.give_back()
    assert house.is_empty


def test_copies_are_made_once_the_system_gives_a_thread_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal must not leave the copies without the thread that makes them, for ever."""
    with monkeypatch.context() as broken:
        broken.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError):
            house.door.reserve("1.x", "length", form=HALF)
    place = house.door.reserve("2.x", "length", form=HALF)
    assert place.rendition is not None
    house.hub.publish(Picture(jpeg_of(5, 320, 240), time.monotonic(), 320, 240))
    copy = place.rendition.newer_than(0, DEADLINE_S)
    assert copy is not None
    assert image.size_of(copy.jpeg) == (160, 120)
    place.give_back()


def test_a_place_that_was_taken_is_freed_by_whoever_took_it(house: House) -> None:
    place = house.door.reserve("1.x", "length", form=HALF)
    ours, theirs = socket.socketpair()
    with closing(theirs):
        place.take(ours)
        place.give_back()
        assert not house.is_empty
        house.door.turn_away(house.entered[0])
    assert house.is_empty
