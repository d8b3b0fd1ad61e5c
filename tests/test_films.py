"""From a recording to a film in the gallery: it plays, it resumes, it can be removed on the way."""

from __future__ import annotations

import threading
import time

import pytest
from fakes import ScriptedCamera, basic, wait_until
from library_by_hand import opened_library

from camera.probe import probe

ADMIN = {"Authorization": basic()}


@pytest.fixture
def site(make_site):
    return make_site()


@pytest.fixture
def client(site):
    return site.app.test_client()


def record(client, frames: int = 15):
    """The item of a recording of so many pictures."""
    assert client.post("/api/recording", headers=ADMIN, json={"name": "talk"}).status_code == 201
    wait_until(lambda: client.get("/api/recording", headers=ADMIN).json["frames"] >= frames, f"{frames} pictures")
    return client.delete("/api/recording", headers=ADMIN).json


def item_of(client, item):
    return client.get(f"/api/media/{item['id']}", headers=ADMIN).json


def wait_for_film(client, item):
    wait_until(lambda: item_of(client, item)["ready"], "the film", 40)
    return item_of(client, item)


def files_in(site) -> set[str]:
    root = site.rig.folder.root
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and "media.db" not in path.name}


def record_without_pause(client, camera: ScriptedCamera):
    """The item of 15 pictures, captured by a clock that is ahead.

    However busy the machine is, there is no pause to be filled, nor is the last picture shown for longer at the end.
    """
    assert client.post("/api/recording", headers=ADMIN, json={"name": "talk"}).status_code == 201
    first_at = time.monotonic() + 60
    for number in range(15):
        camera.show(10 * number, captured_at=first_at + number / 30)
    wait_until(lambda: client.get("/api/recording", headers=ADMIN).json["frames"] >= 15, "15 pictures")
    return client.delete("/api/recording", headers=ADMIN).json


def test_recording_becomes_a_film_that_plays_everywhere(make_site) -> None:
    site = make_site(camera := ScriptedCamera())
    client = site.app.test_client()
    item = record_without_pause(client, camera)
    film = wait_for_film(client, item)
    assert (film["filename"], film["fault"], film["preview_url"]) == ("talk.mp4", None, None)
    facts = probe(site.rig.folder.root / "videos" / "talk.mp4")
    assert (facts.codec, facts.pixel_format) == ("h264", "yuv420p")
    assert facts.frames == item["frames"] == film["frames"]
    assert facts.duration_s == pytest.approx(item["duration_s"], abs=0.1)
    assert files_in(site) == {"videos/talk.mp4", f"thumbs/{item['id']}.jpg"}
    with client.get(film["url"], headers={**ADMIN, "Range": "bytes=0-11"}) as part:
        assert (part.status_code, part.data[4:8], part.mimetype) == (206, b"ftyp", "video/mp4")


def test_small_picture_of_a_film_is_made_from_the_film_when_it_is_lost(client, site) -> None:
    item = record(client)
    wait_for_film(client, item)
    site.rig.folder.thumb_of(item["id"]).unlink()
    with client.get(item["thumb_url"], headers=ADMIN) as small:
        assert (small.status_code, small.mimetype) == (200, "image/jpeg")


def test_film_somebody_put_into_the_folder_is_added_with_its_length(client, site) -> None:
    item = record(client)
    film = wait_for_film(client, item)
    videos = site.rig.folder.root / "videos"
    (videos / "copy.mp4").write_bytes((videos / "talk.mp4").read_bytes())
    wish = {"kind": "video", "filename": "copy.mp4"}
    assert client.post("/api/media", headers=ADMIN, json=wish).json["duration_s"] == film["duration_s"]
    (videos / "torn.mp4").write_bytes((videos / "talk.mp4").read_bytes()[:3000])
    answer = client.post("/api/media", headers=ADMIN, json={**wish, "filename": "torn.mp4"})
    assert (answer.status_code, "torn.mp4" in answer.json["error"]["message"]) == (422, True)


def test_film_is_begun_again_after_a_restart(make_rig) -> None:
    rig = make_rig(camera := ScriptedCamera())
    rig.conversions.stop()
    rig.start_recording("talk", None)
    wait_until(lambda: camera.show() and rig.recorder.state.frames >= 5, "5 pictures")
    rig.recorder.stop()
    (waiting,) = rig.library.waiting()
    rig.close()
    again = make_rig(ScriptedCamera())
    wait_until(lambda: again.library.get(waiting.id).ready, "the film", 40)


@pytest.fixture
def held_film(site, monkeypatch) -> tuple[threading.Event, threading.Event]:
    """(a film is made and waits to be taken over, set it to let that go on)."""
    begun, removed = threading.Event(), threading.Event()
    real = site.rig.clips.take_over

    def take_over(*values):
        begun.set()
        assert removed.wait(20)
        return real(*values)

    monkeypatch.setattr(site.rig.conversions, "_on_ready", take_over)
    return begun, removed


def test_item_removed_on_its_way_leaves_nothing(client, site, held_film) -> None:
    begun, removed = held_film
    item = record(client)
    assert begun.wait(40)
    assert client.delete(f"/api/media/{item['id']}", headers=ADMIN).status_code == 204
    removed.set()
    wait_until(lambda: site.rig.conversions.state.folder is None, "the end of the conversion")
    assert client.get("/api/media", headers=ADMIN).json["items"] == []
    assert files_in(site) == set()


def test_item_removed_from_the_shell_on_its_way_is_not_shown_as_being_made(client, site, held_film) -> None:
    begun, removed = held_film
    item = record(client)
    assert begun.wait(40)

    def converting() -> list[int]:
        return [one["id"] for one in client.get("/api/status", headers=ADMIN).json["media"]["converting"]]

    assert converting() == [item["id"]]
    with opened_library(site.rig.folder.root) as shell:
        shell.remove([item["id"]])
    removed.set()
    wait_until(lambda: converting() == [], "nobody is told of a film that will not come")


def test_film_that_fails_keeps_its_pictures_and_can_be_tried_again(client, site, monkeypatch) -> None:
    from errors import NotConverted

    def fail(*values):
        raise NotConverted("no encoder here")

    monkeypatch.setattr("jobs.conversion.converter.convert", fail)
    item = record(client)
    wait_until(lambda: item_of(client, item)["fault"], "the fault")
    failed = item_of(client, item)
    assert (failed["ready"], failed["fault"]) == (False, "no encoder here")
    with client.get(failed["preview_url"], headers=ADMIN) as preview:
        assert b"\xff\xd8" in preview.get_data()
    monkeypatch.undo()
    assert client.post(f"/api/media/{item['id']}/retry", headers=ADMIN).json["fault"] is None
    assert wait_for_film(client, item)["fault"] is None


def test_film_can_be_made_while_it_is_recorded(make_site) -> None:
    site = make_site(camera := ScriptedCamera(), recording={"encoder": "live"})
    client = site.app.test_client()
    item = record_without_pause(client, camera)
    film = wait_for_film(client, item)
    assert film["frames"] == item["frames"]
    assert probe(site.rig.folder.root / "videos" / "talk.mp4").codec == "h264"
