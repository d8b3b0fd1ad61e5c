"""What is dear to get is read once for all who ask within a while, and never given after it changed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import DEADLINE_S

from camera.lately import Lately


class Gauge:
    """A device whose readings are counted, and can be held up.

    :ivar reading: set while a reading is under way; it ends when `gate` is set.
    """

    def __init__(self) -> None:
        self.value, self.reads, self.now_s = 1, 0, 100.0
        self.reading, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def read(self) -> int:
        self.reads += 1
        value = self.value
        self.reading.set()
        assert self.gate.wait(DEADLINE_S)
        if value < 0:
            raise OSError("unplugged")
        return value

    def clock(self) -> float:
        return self.now_s


@pytest.fixture
def gauge() -> Gauge:
    return Gauge()


@pytest.fixture
def lately(gauge: Gauge) -> Lately[int]:
    return Lately(gauge.read, gauge.clock)


def test_a_value_is_kept_for_as_long_as_whoever_asks_allows(gauge: Gauge, lately: Lately[int]) -> None:
    assert lately.get(1.0) == 1
    gauge.value, gauge.now_s = 2, 100.99
    assert (lately.get(1.0), gauge.reads) == (1, 1)
    gauge.now_s = 101.0
    assert (lately.get(1.0), gauge.reads) == (2, 2)
    gauge.value = 3
    assert lately.get(0.0) == 3


def test_what_is_forgotten_is_read_anew(gauge: Gauge, lately: Lately[int]) -> None:
    lately.get(1.0)
    gauge.value = 2
    lately.forget()
    assert [lately.get(1.0), lately.get(1.0)] == [2, 2]
    assert gauge.reads == 2


def test_those_who_ask_at_the_same_time_get_one_reading(gauge: Gauge, lately: Lately[int]) -> None:
    gauge.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(lately.get, 1.0) for _ in range(8)]
        assert gauge.reading.wait(DEADLINE_S)
        gauge.gate.set()
        assert [one.result(DEADLINE_S) for one in asked] == [1] * 8
    assert gauge.reads == 1


def test_a_reading_that_began_before_a_change_is_not_given_to_who_asks_after_it(
    gauge: Gauge, lately: Lately[int]
) -> None:
    gauge.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(lately.get, 1.0)
        assert gauge.reading.wait(DEADLINE_S)
        gauge.value = 2
        lately.forget()
        late = pool.submit(lately.get, 1.0)
        gauge.gate.set()
        assert (early.result(DEADLINE_S), late.result(DEADLINE_S)) == (1, 2)


def test_a_reading_that_fails_is_not_kept(gauge: Gauge, lately: Lately[int]) -> None:
    gauge.value = -1
    with pytest.raises(OSError, match="unplugged"):
        lately.get(1.0)
    gauge.value = 1
    assert lately.get(1.0) == 1
