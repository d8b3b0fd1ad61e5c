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
    assert call("stream", "sizedUrl", "/base/live.jpeg", width_px, 16 / 9) == f"/base/{name}.jpeg"


def test_snapshots_shrink_on_a_slow_link_and_grow_on_a_quick_one(call):
    assert [call("stream", "nextLimitPx", 640, took_ms) for took_ms in (2000, 600, 100)] == [480, 640, 960]
    assert call("stream", "nextLimitPx", 320, 9000) == 320
    assert call("stream", "nextLimitPx", 1280, 10) == 1280


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


METER = """async ([module, pictures, nowMs, sourceRateHz]) => {
  const { Meter } = await import(module);
  const meter = new Meter();
  for (const [number, atMs, ageMs] of pictures) {
    meter.bytes(1000, atMs);
    meter.arrived(number, atMs - ageMs, atMs);
    meter.shown(ageMs, atMs);
  }
  return { rate: meter.rateHz(nowMs), age: meter.ageMs(nowMs), missed: meter.missed,
    isSlow: meter.isLinkSlow(nowMs, sourceRateHz) };
}"""


@pytest.fixture
def measure(origin: Page) -> Callable[..., dict[str, Any]]:
    def measure(pictures: list[tuple[int, float, float]], now_ms: float, source_hz: float | None) -> dict[str, Any]:
        found: dict[str, Any] = origin.evaluate(METER, [address_of(origin, "measure"), pictures, now_ms, source_hz])
        return found

    return measure


def test_meter_knows_rate_age_and_what_was_missed(measure):
    pictures = [(number * 2, number * 50.0, 40) for number in range(200)]
    found = measure(pictures, 10_000, 20)
    assert found == {"rate": pytest.approx(20), "age": pytest.approx(40), "missed": 199, "isSlow": False}


def test_meter_that_saw_nothing_says_nothing(measure):
    assert measure([], 10_000, 30) == {"rate": None, "age": None, "missed": 0, "isSlow": False}


@pytest.mark.parametrize(
    ("step", "period_ms", "source_hz", "is_slow"),
    [(30, 1000, 30, True), (1, 1000, 1, False), (1, 100, 30, False), (3, 1500, None, False), (45, 1500, None, True)],
    ids=["1 of 30 comes", "camera makes 1", "10 of 30 come", "2 a second made", "1 of 45 comes"],
)
def test_link_is_slow_only_when_the_camera_makes_far_more(measure, step, period_ms, source_hz, is_slow):
    pictures = [(1 + index * step, index * period_ms, 40) for index in range(int(12_000 / period_ms))]
    assert measure(pictures, pictures[-1][1] + 10, source_hz)["isSlow"] is is_slow


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
