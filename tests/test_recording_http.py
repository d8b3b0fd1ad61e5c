"""Recording over HTTP: the answer is the item, its pictures can be seen at once, and nothing is lost by a crash."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
from clips import write_clip
from fakes import PASSWORD, ScriptedCamera, basic, jpeg_of, wait_until, watching
from metronome import within

from jobs.clips import pictures_in
from store.accounts import Role
from store.media import Facts
from web import previews

ADMIN = {"Authorization": basic()}


@pytest.fixture
def site(make_site):
    return make_site()


@pytest.fixture
def client(site):
    return site.app.test_client()


def record(client, name: str | None = None, frames: int = 10):
    started = client.post("/api/recording", headers=ADMIN, json={"name": name} if name else {})
    assert started.status_code == 201, started.text
    wait_until(lambda: client.get("/api/recording", headers=ADMIN).json["frames"] >= frames, f"{frames} pictures")
    return client.delete("/api/recording", headers=ADMIN)


def test_recording_runs_without_viewers_and_becomes_an_item(client, site) -> None:
    """An ancestor stopped the camera in the middle of a recording when the viewers left."""
    answer = record(client, "Talk: 1/2")
    assert answer.status_code == 200, answer.text
    item = answer.json
    assert (item["filename"], item["kind"], item["by"]) == ("Talk- 1-2.mp4", "video", "admin")
    assert item["frames"] >= 10
    assert item["duration_s"] > 0.2
    assert client.get("/api/recording", headers=ADMIN).json["recording"] is False
    with client.get(item["thumb_url"], headers=ADMIN) as small:
        assert small.mimetype == "image/jpeg"


def test_a_small_picture_is_made_again_before_there_is_a_film(client, site) -> None:
    site.rig.conversions.stop()
    item = record(client).json
    site.rig.folder.thumb_of(item["id"]).unlink()
    with client.get(item["thumb_url"], headers=ADMIN) as small:
        assert small.mimetype == "image/jpeg"
        assert 0 < len(small.data) <= 15_000


def test_a_stand_in_for_a_small_picture_is_not_remembered_by_browsers(client, site) -> None:
    """It was for a year, so that a recording shown too early had no picture ever after."""
    site.rig.conversions.stop()
    (site.rig.folder.partial / "empty").mkdir()
    clip = site.rig.library.add_clip("empty", None, datetime.now(UTC), 1, Facts(64, 48, 1.0, 10))
    with client.get(f"/media/{clip.id}/thumb", headers=ADMIN) as stand_in:
        assert stand_in.mimetype == "image/svg+xml"
        assert stand_in.headers["Cache-Control"] == "no-store"


def test_one_recording_at_a_time_and_no_stop_without_one(client) -> None:
    assert client.delete("/api/recording", headers=ADMIN).status_code == 409
    assert client.post("/api/recording", headers=ADMIN, json={}).status_code == 201
    second = client.post("/api/recording", headers=ADMIN, json={})
    assert (second.status_code, second.json["error"]["code"]) == (409, "AlreadyRecording")
    state = client.get("/api/status", headers=ADMIN).json["recording"]
    assert state["recording"] is True
    assert state["started_at"]


def test_viewer_may_not_record(client, site) -> None:
    site.rig.accounts.add("eve", PASSWORD, Role.VIEWER)
    eve = {"Authorization": basic("eve")}
    assert client.get("/api/recording", headers=eve).status_code == 200
    assert client.post("/api/recording", headers=eve, json={}).status_code == 403
    assert client.delete("/api/recording", headers=eve).status_code == 403


def test_camera_without_pictures_leaves_no_item(make_site) -> None:
    site = make_site(ScriptedCamera())
    client = site.app.test_client()
    assert client.post("/api/recording", headers=ADMIN, json={}).status_code == 201
    answer = client.delete("/api/recording", headers=ADMIN)
    assert (answer.status_code, "gave no picture" in answer.text) == (503, True)
    assert site.rig.library.page().items == ()
    assert list(site.rig.folder.partial.iterdir()) == []


def test_recording_that_the_last_run_did_not_finish_is_salvaged(make_rig, make_settings) -> None:
    rig = make_rig(camera := ScriptedCamera())
    rig.recorder.start("lost", None)
    partial = rig.folder.partial
    (folder,) = partial.iterdir()
    wait_until(lambda: camera.show() and len(list(pictures_in(folder))) >= 3, "3 pictures on the disk")
    notes = json.loads((folder / "recording.json").read_text())
    assert notes["is_over"] is False
    copy = partial / "20260101T000000"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    rig.close()
    again = make_rig(ScriptedCamera())
    wait_until(lambda: len(again.library.page().items) == 2, "both in the library")
    assert {media.filename for media in again.library.page().items} == {"lost.mp4", "lost-2.mp4"}


def test_what_is_recorded_now_is_not_salvaged(make_rig) -> None:
    rig = make_rig(camera := ScriptedCamera())
    rig.recorder.start("running", None)
    camera.show()
    wait_until(lambda: rig.recorder.state.frames >= 1, "a picture")
    wait_until(lambda: not rig.upkeep.state.is_running, "the end of the first check")
    rig.upkeep.ask()
    wait_until(lambda: not rig.upkeep.state.is_running, "the end of the check")
    assert rig.upkeep.state.fault is None
    assert rig.library.page().items == ()
    assert rig.recorder.stop().frames == 1


def test_pictures_of_what_is_no_film_yet_can_be_seen(make_site) -> None:
    site = make_site(camera := ScriptedCamera())
    site.rig.conversions.stop()
    client = site.app.test_client()
    client.post("/api/recording", headers=ADMIN, json={})
    shown = [camera.show(shade) for shade in (10, 60, 110)]
    wait_until(lambda: client.get("/api/recording", headers=ADMIN).json["frames"] >= 3, "3 pictures")
    item = client.delete("/api/recording", headers=ADMIN).json
    with client.get(item["preview_url"], headers=ADMIN) as answer:
        body = answer.get_data()
    assert answer.mimetype == "multipart/x-mixed-replace"
    assert shown[0] in body
    assert client.get(f"{item['preview_url']}?from=x", headers=ADMIN).status_code == 400


def test_closing_the_site_ends_a_preview_between_two_pictures(site) -> None:
    site.rig.conversions.stop()
    write_clip(site.rig.folder.partial / "long", [(0.0, first := jpeg_of(10)), (600.0, jpeg_of(60))])
    item = site.rig.library.add_clip("long", None, datetime.now(UTC), 1, Facts(64, 48, 600.0, 2))
    with watching(site.port, f"/media/{item.id}/preview") as viewer:
        shown = b""
        while first not in shown:
            shown += (more := viewer.file.read1(65536))
            assert more, "it ended before its first picture"
        with within(5):
            site.close()
            assert viewer.is_closed_by_server()


def test_preview_that_is_always_late_ends_too() -> None:
    """As where the disk is slower than the pictures' own times."""
    stopping, read = threading.Event(), []

    def slow_disk() -> Iterator[tuple[float, bytes]]:
        for number in range(100):
            read.append(number)
            if number == 3:
                stopping.set()
            yield number / 10, b"picture"

    shown = list(previews.stream(slow_disk(), stopping, clock=count(step=10.0).__next__))
    assert len(shown) == 2, "the head, and the one picture that was in time"
    assert read == [0, 1, 2, 3]


def test_only_so_many_look_at_unfinished_recordings_at_once(site) -> None:
    site.rig.conversions.stop()
    places = [site.context.previews.taken() for _ in range(4)]
    client = site.app.test_client()
    item = record(client).json
    answer = client.get(item["preview_url"], headers=ADMIN)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    places[0]()
    site.context.previews.taken()


def test_live_picture_goes_on_during_a_recording(site, client) -> None:
    with watching(site.port) as viewer:
        client.post("/api/recording", headers=ADMIN, json={})
        numbers = [viewer.part().number for _ in range(10)]
        client.delete("/api/recording", headers=ADMIN)
    assert numbers == sorted(set(numbers))
