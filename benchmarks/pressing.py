"""What a press on the live page brings, and when: a photo's small picture, a word, a recording that plays."""

from __future__ import annotations

from itertools import cycle, islice
from typing import TYPE_CHECKING

import bare
import chrome
from trials import Bench

if TYPE_CHECKING:
    from playwright.sync_api import Page

NOTHING_GOES = {"TURRET_RETENTION_MIN_FREE_GB": "0"}
PHOTOS = 5
RECORDED_S = 5
# Press, and see: resolves with how long it took until what is wanted is there and was painted, ms.
PRESS = """([name, wanted]) => new Promise((resolve) => {
  const partOf = (name) => document.querySelector(`[data-part="${name}"]`);
  const isThere = new Function("partOf", `return ${wanted}`);
  const began = performance.now();
  const end = () => resolve(performance.now() - began);
  const check = () => (isThere(partOf) ? requestAnimationFrame(end) : setTimeout(check, 2));
  partOf(name).click();
  check();
})"""
STARTING = 'partOf("record-word").textContent !== "Record"'
NEW_PICTURE = '(partOf("shots").querySelector("a.shot:not([data-known])")?.firstChild.naturalWidth ?? 0) > 0'
KNOW_ALL = """() => document.querySelectorAll("a.shot").forEach((shot) => (shot.dataset.known = "yes"))"""
# Record, stop when the button says that so much is recorded, open what was recorded: until its first picture is there.
RECORD_AND_PLAY = """(recordedS) => new Promise((resolve) => {
  const partOf = (name) => document.querySelector(`[data-part="${name}"]`);
  const began = performance.now();
  const until = (find, then) => (find() ? then(find()) : setTimeout(until, 2, find, then));
  const lengthS = () => Number(/^Stop 0:(\\d\\d)$/.exec(partOf("record-word").textContent)?.[1] ?? 0);
  const shown = () => document.querySelector(".player-screen > *");
  partOf("record").click();
  until(() => lengthS() >= recordedS, () => {
    partOf("record").click();
    until(() => document.querySelector("a.shot:not([data-known])"), (shot) => {
      shot.click();
      until(() => shown()?.naturalWidth || shown()?.videoWidth, () => resolve((performance.now() - began) / 1000));
    });
  });
})"""


def pressing(bench: Bench) -> None:
    """Photos and recordings by the buttons of the live page, beside bare loops on the same disk; nothing where there is
    no Chromium to drive."""
    jpegs = [path.read_bytes() for path in sorted(bench.camera.frames.glob("*.jpg"))]
    with bench.ours(extra=NOTHING_GOES) as process, chrome.visitors(process.target) as visit:
        for _ in range(bench.rounds if visit else 0):
            page = visit("/")
            page.locator('[data-part="health-word"]', has_text="Live").wait_for()
            for jpeg in islice(cycle(jpegs), PHOTOS):
                page.evaluate(KNOW_ALL)
                bench.note("pressed_photo", {"ms": page.evaluate(PRESS, ["photo", NEW_PICTURE])})
                bench.note("bare_photo", {"ms": bare.photo_ms(bench.folder, jpeg)})
            _record(bench, page)
    # Only now: our program makes films of its own as soon as something is recorded.
    rate_hz = bench.camera.rate_hz
    for _ in bench.special.get("record_and_play", []):
        recorded = islice(cycle(jpegs), round(RECORDED_S * rate_hz))
        bench.note("bare_film", {"seconds": bare.film_s(bench.folder, recorded, rate_hz)})


def _record(bench: Bench, page: Page) -> None:
    page.evaluate(KNOW_ALL)
    bench.note("pressed_record", {"ms": page.evaluate(PRESS, ["record", STARTING])})
    page.locator('[data-part="record"][data-state="on"]').click()
    page.locator("a.shot:not([data-known])").wait_for()
    page.evaluate(KNOW_ALL)
    seconds = page.evaluate(RECORD_AND_PLAY, RECORDED_S)
    bench.note("record_and_play", {"seconds": seconds, "after_s": seconds - RECORDED_S})
