"""The light: told at once, shown in time, tried again, remembered, dark at the end."""

from __future__ import annotations

import fcntl
import os
import resource
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from fakes import wait_until

from errors import BadField, LightLost, NotSupported, StoreUnavailable
from hardware.light_state import LightState, packed, unpacked
from hardware.lights import Lights, LightStatus
from hardware.strip import Color, NullStrip, SimulatedStrip, Strip, scaled
from hardware.strip_choice import strip_of
from hardware.waiting import readable
from settings import LightSettings

RED = (255, 0, 0)
BLACK = (0, 0, 0)


class Clock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FilmedStrip(Strip):
    """A light that a camera films: `film` is what it showed and when. Fails with `fault` while there is one."""

    kind = "filmed"

    def __init__(self, clock: Callable[[], float], interval_s: float = 0.02) -> None:
        self.interval_s = interval_s
        self.film: list[tuple[float, Color]] = []
        self.fault: Exception | None = None
        self.tried_at: list[float] = []
        self._clock = clock

    def open(self, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        self.tried_at.append(round(self._clock(), 6))
        if self.fault is not None:
            raise self.fault

    def show(self, color: Color, brightness: int) -> None:
        if self.fault is not None:
            raise self.fault
        self.film.append((round(self._clock(), 6), scaled(color, brightness)))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def strip(clock: Clock) -> FilmedStrip:
    return FilmedStrip(clock)


@pytest.fixture
def lights(strip: FilmedStrip, clock: Clock) -> Lights:
    """A light that is not started: the test calls `step`."""
    return Lights(strip, clock=clock)


@pytest.fixture
def run() -> Iterator[Callable[..., Lights]]:
    """Starts lights that are closed at the end."""
    started: list[Lights] = []

    def start(strip: Strip, **options) -> Lights:
        started.append(Lights(strip, **options))
        started[-1].start()
        return started[-1]

    yield start
    for lights in started:
        lights.close()


def play(lights: Lights, clock: Clock, until: float, dt: float = 0.001) -> None:
    """Step as the thread would, looking every millisecond."""
    while clock.now < until:
        lights.step()
        clock.now += dt


def test_set_answers_the_new_state_before_anything_shines(lights: Lights, strip: FilmedStrip) -> None:
    assert lights.state == LightState(False, 128, "FFFFFF")
    assert lights.set(on=True, brightness=7, color="ff8000") == LightState(True, 7, "FF8000")
    assert lights.state == LightState(True, 7, "FF8000")
    assert strip.film == []


def test_it_starts_dark_whatever_was_left_burning(lights: Lights, strip: FilmedStrip) -> None:
    lights.step()
    assert strip.film == [(100.0, BLACK)]
    assert lights.step() is None


def test_a_dragged_slider_is_thinned_to_fifty_a_second_and_ends_at_its_last_value(
    lights: Lights, strip: FilmedStrip, clock: Clock
) -> None:
    lights.set(on=True, color="FF0000", brightness=0)
    for value in range(1, 101):  # one change each millisecond
        lights.set(brightness=value)
        play(lights, clock, clock.now + 0.0009)
    play(lights, clock, clock.now + 0.1)
    times = [at for at, _ in strip.film]
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.0199999
    assert len(times) <= 7
    assert strip.film[-1] == (pytest.approx(100.1, abs=0.02), (100, 0, 0))
    assert strip.film == sorted(strip.film)


def test_a_long_strip_sets_a_slower_pace(clock: Clock) -> None:
    strip = FilmedStrip(clock, interval_s=0.031)
    lights = Lights(strip, clock=clock)
    lights.set(on=True, brightness=255, color="FF0000")
    lights.step()
    lights.set(brightness=0)
    assert lights.step() == pytest.approx(0.031)
    clock.now += 0.030
    lights.step()
    assert strip.film == [(100.0, RED)]
    clock.now += 0.001
    lights.step()
    assert strip.film == [(100.0, RED), (100.031, BLACK)]


def test_pace_of_each_driver() -> None:
    def interval_s(**settings: object) -> float:
        return strip_of(LightSettings.model_validate(settings)).interval_s

    assert interval_s(kind="neopixel", count=16) == 0.02
    assert interval_s(kind="neopixel", count=1000) == pytest.approx(0.0303)
    assert interval_s(kind="serial", baud=9600) == 0.02
    assert interval_s(kind="serial", baud=1200) == pytest.approx(8 * 10 / 1200)


def test_color_and_brightness_are_remembered_while_off(lights: Lights, strip: FilmedStrip, clock: Clock) -> None:
    lights.set(on=True, brightness=128, color="FF0000")
    play(lights, clock, 100.1)
    lights.set(on=False)
    play(lights, clock, 100.2)
    lights.set(color="0000FF")
    play(lights, clock, 100.3)
    lights.set(on=True)
    play(lights, clock, 100.4)
    assert [color for _, color in strip.film] == [(128, 0, 0), BLACK, (0, 0, 128)]


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"brightness": 256}, "brightness", "brightness 256 is outside 0..255"),
        ({"brightness": -1}, "brightness", "brightness -1 is outside 0..255"),
        ({"brightness": 1.5}, "brightness", "brightness 1.5 is no whole number"),
        ({"brightness": float("nan")}, "brightness", "brightness nan is no whole number"),
        ({"brightness": True}, "brightness", "brightness True is no whole number"),
        ({"color": "red"}, "color", "color 'red' is not RRGGBB, six hexadecimal digits"),
        ({"color": "FF00000"}, "color", "color 'FF00000' is not RRGGBB, six hexadecimal digits"),
        ({"color": "FF0000\n"}, "color", "color 'FF0000\\n' is not RRGGBB, six hexadecimal digits"),
        ({"color": 255}, "color", "color 255 is not RRGGBB, six hexadecimal digits"),
        ({"on": 1}, "on", "on 1 is neither true nor false"),
        ({"on": "yes"}, "on", "on 'yes' is neither true nor false"),
    ],
)
def test_nonsense_is_named_and_changes_nothing(lights: Lights, values: dict, field: str, message: str) -> None:
    with pytest.raises(BadField) as caught:
        lights.set(**{"on": True, "brightness": 3, "color": "000001", **values})
    assert (caught.value.field, str(caught.value)) == (field, message)
    assert lights.state == LightState()


@pytest.mark.parametrize("brightness", [0, 1, 254, 255])
@pytest.mark.parametrize("color", ["000000", "ffffff", "0123AB"])
def test_good_values_at_the_edges(lights: Lights, brightness: int, color: str) -> None:
    assert lights.set(True, brightness, color) == LightState(True, brightness, color.upper())


def test_brightness_scales_to_the_nearest() -> None:
    assert scaled((255, 1, 2), 128) == (128, 1, 1)
    assert scaled((255, 128, 1), 255) == (255, 128, 1)
    assert scaled((255, 128, 1), 0) == BLACK


def test_a_device_that_failed_is_tried_again_with_growing_pauses_and_gets_the_newest(
    lights: Lights, strip: FilmedStrip, clock: Clock
) -> None:
    told: list[LightStatus] = []
    lights.on_change = told.append
    strip.fault = LightLost("unplugged")
    play(lights, clock, 165.0, dt=0.05)
    pauses = [round(later - earlier) for earlier, later in pairwise(strip.tried_at[1:])]
    assert pauses == [1, 2, 4, 8, 16, 30]
    assert lights.set(on=True, brightness=255, color="FF0000").is_on
    assert lights.status.reason == "unplugged"
    strip.fault = None
    play(lights, clock, 200.0, dt=0.05)
    assert [color for _, color in strip.film] == [RED]
    assert [(status.reason, status.state.is_on) for status in told] == [
        ("unplugged", False), ("unplugged", True), (None, True),
    ]  # fmt: skip
    strip.fault = LightLost("again")
    lights.set(on=False)
    play(lights, clock, 200.6, dt=0.05)
    assert strip.tried_at[-1] == pytest.approx(200.5, abs=0.11)  # the pauses begin anew


def test_a_bug_in_a_driver_is_logged_and_survived(lights: Lights, strip: FilmedStrip, clock: Clock, caplog) -> None:
    strip.fault = ZeroDivisionError("x")
    lights.step()
    assert lights.status.reason == "a fault in the light's driver: x"
    assert "ZeroDivisionError" in caplog.text
    strip.fault = None
    play(lights, clock, 101.0)
    assert [color for _, color in strip.film] == [BLACK]


def test_a_light_that_can_never_work_says_so_and_is_left_alone(
    lights: Lights, strip: FilmedStrip, clock: Clock
) -> None:
    told: list[LightStatus] = []
    lights.on_change = told.append
    lights.set(on=True)
    strip.fault = NotSupported("no such board")
    play(lights, clock, 150.0, dt=0.1)
    assert strip.tried_at == [100.0]
    assert lights.status == LightStatus(LightState(), "filmed", False, False, "no such board")
    assert told[-1] == lights.status
    with pytest.raises(NotSupported, match="no such board"):
        lights.set(on=True)


def test_no_light_says_so_at_once_and_has_no_lines() -> None:
    lights = Lights(strip_of(LightSettings()))
    assert lights.status == LightStatus(
        LightState(), "none", False, False, "there is no light: [light] kind is none in config.txt"
    )
    with pytest.raises(NotSupported, match="kind is none"):
        lights.set(brightness=3)
    with pytest.raises(NotSupported, match="kind is none"):
        lights.read_line()


def test_a_simulated_light_shines_is_marked_and_is_dark_after_close(run) -> None:
    strip = strip_of(LightSettings(kind="simulated"))
    assert isinstance(strip, SimulatedStrip)
    lights = run(strip)
    lights.set(on=True, brightness=128, color="FF0000")
    wait_until(lambda: strip.color == (128, 0, 0), "the simulated light is red")
    assert (lights.status.is_simulated, lights.status.reason) == (True, None)
    with pytest.raises(NotSupported, match="a light of kind simulated sends no text"):
        lights.read_line()
    lights.close()
    lights.close()
    assert strip.color == BLACK
    assert lights.set(on=True).is_on  # too late to shine, and no fault
    assert strip.color == BLACK


def test_close_before_start() -> None:
    Lights(NullStrip("no light")).close()


def test_brightness_and_color_come_back_after_a_restart_and_the_light_is_off() -> None:
    kept: list[str] = []
    first = Lights(SimulatedStrip(), keep=kept.append)
    first.start()
    first.set(on=True, brightness=9, color="123456")
    first.close()
    second = Lights(SimulatedStrip(), load=kept.pop)
    second.start()
    second.close()
    assert second.state == LightState(False, 9, "123456")


def test_memory_is_written_once_when_the_slider_rests(strip: FilmedStrip, clock: Clock) -> None:
    kept: list[tuple[float, str]] = []
    lights = Lights(strip, keep=lambda text: kept.append((clock.now, text)), clock=clock)
    for value in range(200, 250):
        lights.set(brightness=value)
        play(lights, clock, clock.now + 0.05)
    assert kept == []
    play(lights, clock, clock.now + 2)
    (at, text), *more = kept
    assert (unpacked(text), more) == (LightState(False, 249, "FFFFFF"), [])
    assert at == pytest.approx(103.45, abs=0.1)


def test_a_full_card_costs_the_memory_not_the_light(strip: FilmedStrip, clock: Clock, caplog) -> None:
    def keep(text: str) -> None:
        raise StoreUnavailable("the card is full")

    lights = Lights(strip, keep=keep, clock=clock)
    lights.set(on=True, brightness=255, color="FF0000")
    play(lights, clock, 105.0, dt=0.1)
    lights.set(color="00FF00")
    play(lights, clock, 105.5, dt=0.1)
    assert [color for _, color in strip.film] == [RED, (0, 255, 0)]
    assert caplog.text.count("the card is full") == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"brightness": 999, "color": "FFFFFF"}', '{"brightness": 1}', "7"])
def test_memory_that_makes_no_sense_is_forgotten(text: str) -> None:
    assert unpacked(text) == LightState()


def test_what_is_kept_can_be_read_back() -> None:
    assert unpacked(packed(LightState(True, 3, "ABCDEF"))) == LightState(False, 3, "ABCDEF")
    assert unpacked(None) == LightState()


def test_a_slow_device_keeps_nobody_waiting(run) -> None:
    is_busy, release = threading.Event(), threading.Event()

    class Slow(SimulatedStrip):
        def show(self, color: Color, brightness: int) -> None:
            is_busy.set()
            release.wait(10)
            super().show(color, brightness)

    strip = Slow()
    lights = run(strip)
    assert is_busy.wait(10)
    for value in range(256):
        lights.set(on=True, brightness=value, color="FFFFFF")
    release.set()
    wait_until(lambda: strip.color == (255, 255, 255), "the last value")


def test_a_device_with_a_high_file_number_can_be_waited_for() -> None:
    # A light that comes back while hundreds watch gets a number that select refuses, which would end our thread.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    end, other = os.pipe()
    high = fcntl.fcntl(end, fcntl.F_DUPFD, 1500)
    try:
        assert readable([high], 0) == set()
        os.write(other, b".")
        assert readable([high], None) == {high}
    finally:
        for fd in (end, other, high):
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_rig_keeps_the_light_in_its_database(make_rig, tmp_path) -> None:
    (tmp_path / "config.txt").write_text("[light]\nkind = simulated\n", encoding="utf-8")
    rig = make_rig()
    rig.lights.set(on=True, brightness=5, color="00ff00")
    rig.close()
    again = make_rig()
    assert again.lights.state == LightState(False, 5, "00FF00")
    assert again.lights.status.is_simulated


def test_light_refused_while_somebody_switches_it_on_is_not_on() -> None:
    """It was seen to work, then it was found that it never will, and then the state said that it shone."""
    lights, lock, is_first = Lights(SimulatedStrip()), threading.Lock(), [True]

    class Late:
        def __enter__(self) -> None:
            if is_first:
                is_first.clear()
                lights._refuse("there is no such light")
            lock.acquire()

        def __exit__(self, *_: object) -> None:
            lock.release()

    lights._lock = Late()
    with pytest.raises(NotSupported, match="no such light"):
        lights.set(on=True)
    assert not lights.state.is_on
