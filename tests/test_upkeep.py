"""Check and repair over HTTP: asked for, watched, cancelled."""

from __future__ import annotations

import threading

import pytest
from fakes import PASSWORD, basic, wait_until
from library_by_hand import FACTS, jpeg_of

from store.accounts import Role

ADMIN = {"Authorization": basic()}
REPAIR = "/api/database/repair"


@pytest.fixture
def settled(client, rig):
    """The client, once the check of the start is over."""
    wait_until(lambda: not rig.upkeep.state.is_running, "the first check")
    return client


def wait_for_report(client):
    wait_until(lambda: not client.get(REPAIR, headers=ADMIN).json["running"], "the end of the check")
    return client.get(REPAIR, headers=ADMIN).json


def test_repair_reports_what_it_put_right(settled, rig) -> None:
    (rig.folder.root / "photos" / "found.jpg").write_bytes(jpeg_of())
    gone = rig.library.add_photo(jpeg_of(), FACTS, "gone")
    rig.library.path_of(gone).unlink()
    assert settled.get("/api/media/unknown", headers=ADMIN).json["files"] == [
        {"kind": "photo", "filename": "found.jpg", "size_bytes": len(jpeg_of())}
    ]
    assert settled.post(REPAIR, headers=ADMIN).status_code == 202
    report = wait_for_report(settled)["report"]
    assert (report["added"], report["lost"]) == (["found.jpg"], ["gone.jpg"])
    assert settled.get("/api/media/unknown", headers=ADMIN).json["files"] == []


def test_one_run_at_a_time_and_it_can_be_cancelled(settled, rig, monkeypatch) -> None:
    may_go_on = threading.Event()
    for number in range(3):
        (rig.folder.root / "photos" / f"{number}.jpg").write_bytes(jpeg_of())
    real = rig.library._inspect

    def slow(path, kind):
        assert may_go_on.wait(10)
        return real(path, kind)

    monkeypatch.setattr(rig.library, "_inspect", slow)
    assert settled.post(REPAIR, headers=ADMIN).status_code == 202
    second = settled.post(REPAIR, headers=ADMIN)
    assert (second.status_code, second.json["error"]["code"]) == (409, "AlreadyRunning")
    assert settled.delete(REPAIR, headers=ADMIN).status_code == 200
    may_go_on.set()
    assert wait_for_report(settled)["report"]["checked"] < 3


def test_media_disk_that_went_away_is_named_and_no_row_goes(settled, rig) -> None:
    rig.library.add_photo(jpeg_of(), FACTS, "cat")
    root = rig.folder.root
    root.rename(root.with_name("unmounted"))
    root.mkdir()
    settled.post(REPAIR, headers=ADMIN)
    assert "its disk was unmounted" in wait_for_report(settled)["fault"]
    assert rig.library.by_name("cat.jpg") is not None


def test_only_admins_repair(settled, rig) -> None:
    rig.accounts.add("otto", PASSWORD, Role.GUNNER)
    otto = {"Authorization": basic("otto")}
    assert settled.get(REPAIR, headers=otto).status_code == 200
    for method, path in (("post", REPAIR), ("delete", REPAIR), ("get", "/api/media/unknown")):
        assert getattr(settled, method)(path, headers=otto).status_code == 403


def test_new_database_needs_the_words_and_an_admin(settled, rig) -> None:
    rig.library.add_photo(jpeg_of(), FACTS, "cat")
    rig.accounts.add("ann", PASSWORD, Role.GUNNER)
    for wish in ({"confirm": "yes"}, {}):
        answer = settled.post("/api/database/new", json=wish, headers=ADMIN)
        assert (answer.status_code, answer.json["error"]["field"]) == (400, "confirm")
    other = {"Authorization": basic("ann")}
    assert settled.post("/api/database/new", json={"confirm": "new database"}, headers=other).status_code == 403
    assert rig.library.by_name("cat.jpg") is not None


def test_new_database_is_empty_and_keeps_files_people_and_a_copy(settled, rig) -> None:
    rig.library.add_photo(jpeg_of(), FACTS, "cat")
    answer = settled.post("/api/database/new", json={"confirm": "new database"}, headers=ADMIN)
    assert (answer.status_code, answer.json["forgotten"]) == (201, 1)
    assert (rig.folder.root / answer.json["copy_name"]).exists()
    assert settled.get("/api/media", headers=ADMIN).json["items"] == []
    assert settled.post(REPAIR, headers=ADMIN).status_code == 202
    assert wait_for_report(settled)["report"]["added"] == ["cat.jpg"]
