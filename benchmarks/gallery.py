"""A library of 100,000 items: its first page at the server and in Chromium, and how long check and repair takes."""

from __future__ import annotations

import http.client
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import chrome
import servers
from recording import ask
from servers import CannotMeasure, Process, Target
from trials import Bench

ITEMS = 100_000
PAGE_ITEMS = 60
REQUESTS = 20
REPAIR_PATIENCE_S = 300.0
NOTHING_GOES = {"TURRET_RETENTION_MIN_FREE_GB": "0"}
FILL = """
INSERT INTO media (id, filename, kind, date, size_bytes, width_px, height_px)
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
  SELECT i, 'item-' || i || '.jpg', 'photo', strftime('%Y-%m-%dT%H:%M:%fZ', 1700000000 + 60 * i, 'unixepoch'), ?, ?, ?
  FROM n
"""
# Resolves when every item of the first page stands there and every picture in the window is painted; ms since the
# page was asked for.
SHOWN = """(count) => new Promise((resolve) => {
  const isSeen = (image) => image.getBoundingClientRect().top < innerHeight;
  const isThere = (image) => !isSeen(image) || (image.complete && image.naturalWidth > 0);
  const look = () => {
    const images = [...document.querySelectorAll(".tile-image")];
    if (images.length >= count && images.every(isThere)) requestAnimationFrame(() => resolve(performance.now()));
    else setTimeout(look, 5);
  };
  look();
})"""


def first_page(bench: Bench) -> None:
    """Everything this file measures, on one library."""
    folder = bench.folder / "library"
    folder.mkdir()
    try:
        _start(bench, folder).close()  # makes the database
        _fill(folder / "media", bench)
        began_s = time.monotonic()
        with closing(_start(bench, folder)) as process:
            bench.note("library_repair", {"seconds": _repaired(process.target) - began_s})
            _warm_thumbs(process.target)
            for path in ("/gallery", f"/api/media?limit={PAGE_ITEMS}"):
                for _ in range(REQUESTS):
                    bench.note("library_page", {"name": path, "ms": _request_ms(process.target, path)})
            for shown_ms in _in_chromium(process.target, bench.rounds + 2):
                bench.note("library_chromium", {"shown_ms": shown_ms})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(bench: Bench, folder: Path) -> Process:
    return servers.start_ours(bench.camera, folder, bench.max_viewers, NOTHING_GOES)


def _fill(media: Path, bench: Bench) -> None:
    """Rows by SQL, and a file for each: a few hundred pictures under many names."""
    sources = sorted(bench.camera.frames.glob("*.jpg"))
    width_px, height_px = bench.camera.size
    with closing(sqlite3.connect(media / "media.db")) as database, database:
        database.execute(FILL, (ITEMS, sources[0].stat().st_size, width_px, height_px))
    copies = [
        Path(shutil.copy(source, media / "photos" / f"item-{number + 1}.jpg")) for number, source in enumerate(sources)
    ]
    for number in range(len(copies) + 1, ITEMS + 1):
        os.link(copies[number % len(copies)], media / "photos" / f"item-{number}.jpg")


def _repaired(target: Target) -> float:
    """When the check at the start had ended, by the monotonic clock.

    :raises CannotMeasure: when it takes too long, or found what is not there.
    """
    deadline = time.monotonic() + REPAIR_PATIENCE_S
    while (state := ask(target, "GET", "/api/database/repair"))["running"] or not state["report"]:
        if time.monotonic() > deadline:
            raise CannotMeasure(f"check and repair of {ITEMS} files still runs after {REPAIR_PATIENCE_S:g} s")
        time.sleep(0.1)
    if state["report"]["checked"] < ITEMS or state["report"]["lost"]:
        raise CannotMeasure(f"check and repair of {ITEMS} files says {state['report']!r:.300}")
    return time.monotonic()


def _warm_thumbs(target: Target) -> None:
    """Small pictures are made when a photo is shot; these were not shot."""
    for item in ask(target, "GET", f"/api/media?limit={PAGE_ITEMS}")["items"]:
        _request_ms(target, item["thumb_url"])


def _request_ms(target: Target, path: str) -> float:
    """From the request to the last byte of the answer."""
    name, _, value = servers.basic_header(target).strip().partition(": ")
    with closing(http.client.HTTPConnection(target.host, target.port, timeout=60)) as connection:
        connection.connect()
        began_s = time.perf_counter()
        connection.request("GET", path, headers={name: value, "Accept": "text/html"})
        answer = connection.getresponse()
        answer.read()
        took_ms = 1000 * (time.perf_counter() - began_s)
    if answer.status != 200:
        raise CannotMeasure(f"GET {path}: {answer.status}")
    return took_ms


def _in_chromium(target: Target, rounds: int) -> Iterator[float]:
    """Each from an empty cache; nothing where there is no Chromium to drive."""
    with chrome.visitors(target) as visit:
        for _ in range(rounds if visit else 0):
            yield visit("/gallery").evaluate(SHOWN, PAGE_ITEMS)
