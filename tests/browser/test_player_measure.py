"""What the player measures and decides about its connection, run by the browser it is made for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from live_page import address_of
from playwright.sync_api import Page


def test_back_off_doubles_from_half_a_second_to_ten(call):
    assert [call("stream", "backoffS", attempt) for attempt in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize(("width_px", "name"), [(100, "live320x180"), (700, "live640x360"), (3000, "live1280x720")])
def test_snapshots_come_in_few_sizes_and_the_shape_of_the_picture(call, width_px, name):
    assert call("snapshots", "sizedUrl", "/base/live.jpeg", width_px, 16 / 9) == f"/base/{name}.jpeg"


def test_snapshots_shrink_on_a_slow_link_and_grow_on_a_quick_one(call):
    assert [call("snapshots", "nextLimitPx", 640, took_ms) for took_ms in (2000, 600, 100)] == [480, 640, 960]
    assert call("snapshots", "nextLimitPx", 320, 9000) == 320
    assert call("snapshots", "nextLimitPx", 1280, 10) == 1280


def test_clock_believes_the_probe_with_the_shortest_round_trip(origin):
    code = """async (module) => {
      const { ServerClock } = await import(module);
      const clock = new ServerClock();
      const before = clock.at(0);
      clock.add(1000, 1400, 51200);   // 400 ms there and back: offset 50000, wrong by up to 200
      clock.add(2000, 2010, 53005);   // 10 ms: offset 51000
      clock.add(3000, 3900, 99999);   // slow again: not believed
      return [Number.isNaN(before), clock.at(4000)];
    }"""
    assert origin.evaluate(code, address_of(origin, "measure")) == [True, 55000]


METER = """async ([module, pictures, nowMs]) => {
  const { Meter } = await import(module);
  const meter = new Meter();
  for (const [number, atMs, ageMs] of pictures) {
    meter.bytes(1000, atMs);
    meter.arrived(number, atMs - ageMs, atMs);
    meter.shown(ageMs, atMs);
  }
  return { rate: meter.rateHz(nowMs), age: meter.ageMs(nowMs), missed: meter.missed };
}"""
LINK = """async ([module, pictures, nowMs, cameraHz]) => {
  const { Meter } = await import(module);
  const meter = new Meter();
  for (const [number, atMs, ageMs, sizeBytes, tookMs] of pictures) {
    meter.bytes(sizeBytes, atMs);
    meter.tick(atMs);
    meter.arrived(number, atMs - ageMs, atMs, sizeBytes, tookMs);
    meter.shown(ageMs, atMs);
  }
  const link = meter.link(nowMs, cameraHz);
  return { ...link, pictureBytes: Number.isFinite(link.pictureBytes) ? link.pictureBytes : null };
}"""


@pytest.fixture
def measure(origin: Page) -> Callable[..., dict[str, Any]]:
    """What the meter says of pictures: (number, arrived at ms, age ms)."""

    def measure(pictures: list[tuple[int, float, float]], now_ms: float) -> dict[str, Any]:
        found: dict[str, Any] = origin.evaluate(METER, [address_of(origin, "measure"), pictures, now_ms])
        return found

    return measure


@pytest.fixture
def link(origin: Page) -> Callable[..., dict[str, Any]]:
    """What the meter says of the link: (number, arrived at ms, age ms, bytes, took ms or None)."""

    def link(pictures: list[tuple], now_ms: float, camera_hz: float | None) -> dict[str, Any]:
        found: dict[str, Any] = origin.evaluate(LINK, [address_of(origin, "measure"), pictures, now_ms, camera_hz])
        return found

    return link


def test_meter_knows_rate_age_and_what_was_missed(measure):
    pictures = [(number * 2, number * 50.0, 40) for number in range(200)]
    assert measure(pictures, 10_000) == {"rate": pytest.approx(20), "age": pytest.approx(40), "missed": 199}


def test_meter_that_saw_nothing_says_nothing(measure):
    assert measure([], 10_000) == {"rate": None, "age": None, "missed": 0}


def test_rate_and_age_of_single_pictures_stay_between_two_of_them(measure):
    pictures = [(number, number * 1500.0, 300 + number) for number in range(4)]
    for later_ms in (10, 700, 1400):
        found = measure(pictures, 4500 + later_ms)
        assert found["rate"] == pytest.approx(1 / 1.5, rel=0.01)
        assert found["age"] == 303


def test_rate_falls_when_pictures_cease(measure):
    pictures = [(number, number * 50.0, 40) for number in range(200)]
    assert measure(pictures, 12_000)["rate"] < 2
    assert measure(pictures, 20_000)["rate"] is None


def test_link_tells_what_came_of_what_was_made(link):
    found = link([(1 + 6 * index, index * 200.0, 40 + index, 5000, None) for index in range(50)], 9_900, 25)
    assert found["deliveredHz"] == pytest.approx(5, rel=0.03)
    assert found["sourceHz"] == pytest.approx(30, rel=0.01)
    assert found["lateMs"] == pytest.approx(48, abs=2)
    assert found["bytesPerS"] == pytest.approx(25_000, rel=0.1)
    assert (found["pictureBytes"], found["tookMs"], found["openForMs"], found["silentMs"]) == (5000, None, 9900, 100)


def test_a_camera_that_pauses_makes_no_link_slow(link):
    """Both rates count from the first picture that came: what a camera needs to start is nobody's loss."""
    found = link([(1 + index, 5000 + index * 40.0, 40, 5000, None) for index in range(25)], 6_000, 30)
    assert found["deliveredHz"] == pytest.approx(found["sourceHz"], rel=0.05)


def test_link_over_which_no_picture_came_whole_is_held_against_the_camera_s_rate(link):
    found = link([], 6_000, 30)
    assert (found["deliveredHz"], found["sourceHz"], found["pictureBytes"]) == (0, 30, None)


def test_link_knows_how_long_single_pictures_take(link):
    assert link([(index, index * 1000.0, 40, 5000, 100 + index) for index in range(5)], 4_100, 30)["tookMs"] == 102


def test_error_answers_are_explained_by_their_own_words(origin):
    code = """async (module) => {
      const { explain, retryAfterS } = await import(module);
      const make = (body, status, type, more) =>
        new Response(body, { status, headers: { "Content-Type": type, ...more } });
      const json = make('{"error": {"code": "X", "message": "too large"}}', 413, "application/json");
      const text = make("all taken\\n", 503, "text/plain", { "Retry-After": "7" });
      const html = make("<h1>Bad gateway</h1>", 502, "text/html");
      const found = [await explain(json), await explain(text), await explain(html)];
      return [...found, retryAfterS(text), retryAfterS(html)];
    }"""
    found = origin.evaluate(code, address_of(origin, "api"))
    assert found == ["too large", "all taken", "The server answered 502.", 7, None]
