"""Somebody searches through a large library: nobody who drives, logs in or stops waits for that."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import ScriptedCamera, basic, wait_until, watching
from library_by_hand import FACTS, jpeg_of
from test_live import Listener
from turret_by_hand import Scope

from app import create_app
from store.database import BROWSERS

ENABLE = 25
ADMIN = {"Authorization": basic("admin")}


class Gate:
    """Holds every search by name open inside SQLite, in its function instr, until `open`."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self._is_open = threading.Event()

    def instr(self, text: str, part: str) -> int:
        self.reached.release()
        assert self._is_open.wait(30)
        return text.find(part) + 1

    def open(self) -> None:
        self._is_open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate, connect = Gate(), sqlite3.connect

    def connect_with_gate(*arguments, **options) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.create_function("instr", 2, gate.instr)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_with_gate)
    yield gate
    gate.open()


def test_nobody_who_drives_or_stops_waits_for_searches_in_the_gallery(gate: Gate, make_rig) -> None:
    """All shared one connection that reads, and so each login waited for the longest list."""
    rig = make_rig(ScriptedCamera(), turret={"drive_timeout_ms": 2000})
    rig.library.add_photo(jpeg_of(), FACTS, "cat")
    app = create_app(rig)

    def ask(path: str, method: str = "POST", **options):
        return app.test_client().open(path, method=method, headers=ADMIN, **options)

    with ThreadPoolExecutor() as pool:
        searches = [pool.submit(ask, "/api/media?text=cat", "GET") for _ in range(BROWSERS + 1)]
        try:
            for _ in range(BROWSERS):
                assert gate.reached.acquire(timeout=10), "a search is inside SQLite"
            drive = pool.submit(ask, "/api/turret/drive", json={"pan": 1}).result(timeout=10)
            assert (drive.status_code, Scope(rig.turret._pins).level(ENABLE)) == (200, 1)
            stop = pool.submit(ask, "/api/turret/stop").result(timeout=10)
            assert (stop.status_code, Scope(rig.turret._pins).level(ENABLE)) == (200, 0)
            assert pool.submit(ask, "/api/turret/presets", "GET").result(timeout=10).json["items"] == []
        finally:
            gate.open()
        found = [search.result(timeout=10).json["items"] for search in searches]
    assert [[item["filename"] for item in items] for items in found] == [["cat.jpg"]] * len(searches)
    app.extensions["turret"].close()


def test_pages_hear_of_a_move_beside_searches_in_the_gallery(gate: Gate, make_site) -> None:
    """Every event asked the library what is to become a film, on the same connections as the searches."""
    site = make_site(ScriptedCamera())
    wait_until(lambda: not site.rig.upkeep.state.is_running, "files and rows were compared")
    site.rig.library.add_photo(jpeg_of(), FACTS, "cat")
    client = site.app.test_client
    with ThreadPoolExecutor() as pool, watching(site.port, "/api/events") as viewer:
        listener = Listener(viewer)
        assert listener.state()["media"]["totals"]["photo"]["count"] == 1
        searches = [pool.submit(client().get, "/api/media?text=cat", headers=ADMIN) for _ in range(BROWSERS)]
        try:
            for _ in searches:
                assert gate.reached.acquire(timeout=10), "a search is inside SQLite"
            site.rig.turret.arm("admin")
            listener.state_with(lambda state: state["turret"]["trigger"]["armed"])
        finally:
            gate.open()
        assert [search.result(timeout=10).status_code for search in searches] == [200] * BROWSERS


def test_one_search_holds_up_no_other_list(gate: Gate, rig) -> None:
    rig.library.add_photo(jpeg_of(), FACTS, "cat")
    app = create_app(rig)
    with ThreadPoolExecutor() as pool:
        search = pool.submit(app.test_client().get, "/api/media?text=cat", headers=ADMIN)
        try:
            assert gate.reached.acquire(timeout=10), "the search is inside SQLite"
            page = pool.submit(app.test_client().get, "/api/media", headers=ADMIN).result(timeout=10)
            assert [item["filename"] for item in page.json["items"]] == ["cat.jpg"]
        finally:
            gate.open()
        assert search.result(timeout=10).status_code == 200
    app.extensions["turret"].close()


def test_a_database_is_closed_when_the_last_search_has_ended(gate: Gate, rig) -> None:
    rig.library.add_photo(jpeg_of(), FACTS, "cat")
    with ThreadPoolExecutor() as pool:
        search = pool.submit(rig.database.browse, "SELECT * FROM media WHERE instr(filename, 'cat') > 0")
        try:
            assert gate.reached.acquire(timeout=10), "the search is inside SQLite"
            end = pool.submit(rig.database.close)
        finally:
            gate.open()
        assert [row["filename"] for row in search.result(timeout=10)] == ["cat.jpg"]
        end.result(timeout=10)
    assert not rig.database.path.with_name("media.db-wal").exists(), "who wrote closed last, and tidied up"
