"""Timelapse over HTTP and in the running program: begun, watched, ended, made into a film that plays."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from fakes import PASSWORD, ScriptedCamera, Viewer, basic, free_port, wait_until, watching

from app import Site, create_app
from camera.probe import probe
from errors import NoSpace
from rig import Rig
from store.accounts import Role
from store.media import Kind

ROOT = Path(__file__).resolve().parent.parent
ADMIN = {"Authorization": basic()}
URL = "/api/timelapses"
CURRENT = f"{URL}/current"
INTERVAL_S = 0.25
FILM = {"interval_s": INTERVAL_S, "keep_stills": False, "make_film": True, "name": "clouds"}
QUICK = {"photo": {"delay_s": 0, "skip_frames": 0}, "recording": {"preset": "ultrafast", "encoder": "software"}}


@pytest.fixture(autouse=True)
def quick_stills(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one still a second may be wished for."""
    monkeypatch.setattr("jobs.lapse.INTERVAL_S", (INTERVAL_S, 86400.0))


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site(None, **QUICK)


@pytest.fixture
def client(site: Site):
    return site.app.test_client()


def state(client) -> dict[str, object]:
    return client.get(URL, headers=ADMIN).json


def wait_for_shots(client, count: int) -> None:
    wait_until(lambda: state(client)["shots"] >= count, f"{count} stills", 20)


def test_begin_answers_what_will_be_done_and_stills_come(client, site: Site) -> None:
    wish = {"interval_s": INTERVAL_S, "duration_s": 3600, "name": "clouds", "width_px": 160, "keep_days": 1}
    answer = client.post(URL, json=wish, headers=ADMIN)
    assert answer.status_code == 201
    begun = answer.json
    assert (begun["running"], begun["name"], begun["interval_s"], begun["rendering"]) == (
        True,
        "clouds",
        INTERVAL_S,
        None,
    )
    left = datetime.fromisoformat(begun["ends_at"]) - datetime.now(UTC)
    assert 3590 < left.total_seconds() <= 3601
    wait_for_shots(client, 2)
    newest = client.get("/api/media?kind=timelapse", headers=ADMIN).json["items"][0]
    assert (newest["width_px"], newest["height_px"], newest["by"], newest["ready"]) == (160, 120, "admin", True)
    kept = site.rig.library.get(newest["id"])
    assert (kept.expires_at - kept.date).total_seconds() == 86400
    ended = client.delete(CURRENT, headers=ADMIN)
    assert (ended.status_code, ended.json["running"], ended.json["next_at"]) == (200, False, None)


def test_one_at_a_time_and_no_end_of_none(client) -> None:
    assert client.delete(CURRENT, headers=ADMIN).json["error"]["code"] == "NotRecording"
    assert client.post(URL, json={"interval_s": 60}, headers=ADMIN).status_code == 201
    second = client.post(URL, json={"interval_s": 60}, headers=ADMIN)
    assert (second.status_code, second.json["error"]["code"]) == (409, "AlreadyRecording")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "interval_s"), ({"interval_s": "often"}, "interval_s"), ({"interval_s": 0}, "interval_s"),
        ({"interval_s": 60, "from": "sunrise", "until": "sunset"}, "from"), ({"interval_s": 60, "until": "7"}, "from"),
        ({"interval_s": 60, "from": "06:00", "until": "7"}, "until"), ({"interval_s": 60, "width_px": 1.5}, "width_px"),
        ({"interval_s": 60, "keep_stills": False}, "keep_stills"), ({"interval_s": 60, "begin": "06:00"}, "begin"),
        ({"interval_s": 60, "name": "x" * 101}, "name"),
    ],
)  # fmt: skip
def test_wishes_that_make_no_sense_are_400_and_name_the_field(client, wish: dict[str, object], field: str) -> None:
    answer = client.post(URL, json=wish, headers=ADMIN)
    assert (answer.status_code, answer.json["error"]["field"]) == (400, field)
    assert state(client)["running"] is False


def test_operators_begin_and_end_it_and_viewers_only_look(client, site: Site) -> None:
    for name, role in (("ann", Role.OPERATOR), ("eve", Role.VIEWER)):
        site.rig.accounts.add(name, PASSWORD, role)
    ann, eve = ({"Authorization": basic(name)} for name in ("ann", "eve"))
    assert client.post(URL, json={"interval_s": 60}, headers=eve).status_code == 403
    assert client.post(URL, json={"interval_s": 60}, headers=ann).status_code == 201
    assert client.get(URL, headers=eve).json["running"] is True
    assert client.delete(CURRENT, headers=eve).status_code == 403
    assert client.delete(CURRENT, headers=ann).status_code == 200


def test_status_and_events_tell_of_it(client, site: Site) -> None:
    assert client.get("/api/status", headers=ADMIN).json["timelapse"]["running"] is False
    with watching(site.port, "/api/events") as listener:
        client.post(URL, json={"interval_s": INTERVAL_S, "name": "clouds"}, headers=ADMIN)
        wait_until(lambda: told(listener)["shots"] >= 2, "an event with two stills", 20)
    assert client.get("/api/status", headers=ADMIN).json["timelapse"]["name"] == "clouds"


def told(listener: Viewer) -> dict[str, object]:
    """What the next event says of the timelapse."""
    while not (line := listener.file.readline()).startswith(b"data: "):
        assert line, "the events have ended"
    return json.loads(line[6:])["timelapse"]


def test_film_is_made_in_the_background_and_plays(client, site: Site) -> None:
    client.post(URL, json={**FILM, "duration_s": 3}, headers=ADMIN)
    wait_until(lambda: not state(client)["running"], "the end", 20)
    shots = state(client)["shots"]
    assert shots >= 2
    wait_until(lambda: state(client)["rendering"] is None, "the film", 30)
    (item,) = client.get("/api/media?kind=timelapse", headers=ADMIN).json["items"]
    assert (item["filename"], item["ready"], item["frames"]) == ("clouds.mp4", True, shots)
    path = site.rig.library.path_of(site.rig.library.get(item["id"]))
    facts = probe(path)
    assert (facts.width_px, facts.height_px, facts.frames) == (320, 240, shots)
    wait_until(lambda: not list(site.rig.folder.partial.iterdir()), "the end of the stills it was made of")
    with client.get(item["thumb_url"], headers=ADMIN) as small:
        assert small.mimetype == "image/jpeg"


@pytest.fixture
def stuck(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """No film is begun, as if there were no room, until this is called."""
    conversions = site.rig.conversions

    def refuse() -> None:
        raise NoSpace("no room")

    def free() -> None:
        monkeypatch.undo()
        conversions.look()

    monkeypatch.setattr(conversions, "_has_room", refuse)
    return free


def test_film_that_waits_can_be_watched_cancelled_and_tried_again(client, site: Site, stuck) -> None:
    client.post(URL, json=FILM, headers=ADMIN)
    wait_for_shots(client, 2)
    assert client.delete(CURRENT, headers=ADMIN).json["rendering"] == 0
    film_id = state(client)["film_id"]
    item = client.get(f"/api/media/{film_id}", headers=ADMIN).json
    with client.get(item["preview_url"], headers=ADMIN) as answer:
        assert 1 <= answer.data.count(b"\xff\xd8\xff") <= item["frames"]
    assert client.delete(CURRENT, headers=ADMIN).status_code == 200
    stuck()
    wait_until(lambda: client.get(f"/api/media/{film_id}", headers=ADMIN).json["fault"], "that it is cancelled")
    assert state(client)["rendering"] is None
    stills = sorted((site.rig.folder.partial / site.rig.library.get(film_id).folder).glob("*.jpg"))
    assert len(stills) == item["frames"], "cancelling loses nothing"
    assert client.post(f"/api/media/{film_id}/retry", headers=ADMIN).status_code == 200
    wait_until(lambda: client.get(f"/api/media/{film_id}", headers=ADMIN).json["ready"], "the film", 30)


def test_end_pressed_when_it_has_just_ended_by_itself_leaves_its_film_alone(client, site: Site, stuck) -> None:
    begun = client.post(URL, json={**FILM, "duration_s": 1}, headers=ADMIN).json
    wait_until(lambda: not state(client)["running"], "its end", 20)
    film_id = state(client)["film_id"]
    answer = client.delete(CURRENT, query_string={"started_at": begun["started_at"]}, headers=ADMIN)
    assert (answer.status_code, answer.json["running"], answer.json["film_id"]) == (200, False, film_id)
    stuck()
    wait_until(lambda: client.get(f"/api/media/{film_id}", headers=ADMIN).json["ready"], "the film", 30)


def test_end_and_cancel_name_what_they_mean_and_leave_all_else_alone(client, site: Site, stuck) -> None:
    first = client.post(URL, json=FILM, headers=ADMIN).json
    wait_for_shots(client, 1)
    film_id = client.delete(CURRENT, query_string={"started_at": first["started_at"]}, headers=ADMIN).json["film_id"]
    second = client.post(URL, json={"interval_s": 60}, headers=ADMIN).json
    again = client.delete(CURRENT, query_string={"started_at": first["started_at"]}, headers=ADMIN)
    assert (again.status_code, again.json["running"], again.json["film_id"]) == (200, True, film_id)
    other = client.delete(CURRENT, query_string={"film_id": film_id + 1}, headers=ADMIN)
    assert (other.status_code, other.json["error"]["code"]) == (409, "NotRecording")
    assert client.delete(CURRENT, query_string={"film_id": film_id}, headers=ADMIN).json["running"] is True
    stuck()
    wait_until(lambda: client.get(f"/api/media/{film_id}", headers=ADMIN).json["fault"], "that it is cancelled")
    assert state(client)["started_at"] == second["started_at"]


@pytest.mark.parametrize("query", ["started_at=now", "film_id=first", "film_id=-1", "film_id=1.5"])
def test_end_of_what_is_no_name_is_refused_and_ends_nothing(client, query: str) -> None:
    client.post(URL, json={"interval_s": 60}, headers=ADMIN)
    answer = client.delete(f"{CURRENT}?{query}", headers=ADMIN)
    assert (answer.status_code, answer.json["error"]["field"]) == (400, query.partition("=")[0])
    assert state(client)["running"] is True


def test_film_that_is_removed_takes_its_stills_along(client, site: Site, stuck) -> None:
    client.post(URL, json=FILM, headers=ADMIN)
    wait_for_shots(client, 1)
    client.delete(CURRENT, headers=ADMIN)
    assert client.delete(f"/api/media/{state(client)['film_id']}", headers=ADMIN).status_code == 204
    assert list(site.rig.folder.partial.iterdir()) == []
    assert state(client)["rendering"] is None


def test_viewers_are_not_disturbed_and_the_camera_is_opened_once(make_site: Callable[..., Site]) -> None:
    site = make_site(camera := ScriptedCamera(), **QUICK)
    client, jpeg = site.app.test_client(), camera.show(0)
    with watching(site.port) as viewer:
        assert viewer.live_part().body == jpeg
        live_since = site.rig.capture.state.since
        client.post(URL, json={"interval_s": INTERVAL_S}, headers=ADMIN)
        for number in count(1):
            jpeg = camera.show(number % 256)
            assert viewer.part().body == jpeg, "every picture comes, and no other"
            if state(client)["shots"] >= 2:
                break
        assert (site.rig.capture.state.since, camera.opened) == (live_since, 1)


def test_it_goes_on_after_a_restart_of_the_program(make_rig: Callable[..., Rig], tmp_path: Path) -> None:
    media = {"server": {"media_dir": tmp_path / "kept"}}
    first = make_rig(None, **QUICK, **media)
    with create_app(first).test_client() as client:
        client.post(URL, json={**FILM, "keep_stills": True}, headers=ADMIN)
        wait_until(lambda: first.timelapse.state.shots >= 2, "two stills", 20)
    first.close()
    shots = first.timelapse.state.shots
    again = make_rig(None, **QUICK, **media)
    assert again.timelapse.state.is_running
    wait_until(lambda: again.timelapse.state.shots >= shots + 2, "two more", 20)
    again.timelapse.stop()
    film = next(media for media in again.library.page().items if not media.filename.endswith(".jpg"))
    stills = [media for media in again.library.page().items if media.filename.endswith(".jpg")]
    assert film.frames == len(stills) == again.timelapse.state.shots
    assert {media.kind for media in stills} == {Kind.TIMELAPSE}


def test_job_of_the_last_run_and_a_folder_that_cannot_be_written_do_not_stop_the_start(
    make_rig: Callable[..., Rig], tmp_path: Path, caplog
) -> None:
    media = {"server": {"media_dir": tmp_path / "kept"}}
    first = make_rig(None, **QUICK, **media)
    first.database.keep_setting("timelapse", "rubbish")
    first.close()
    assert not make_rig(None, **QUICK, **media).timelapse.state.is_running
    assert "cannot go on" in caplog.text


def test_openapi_describes_it(client) -> None:
    spec = client.get("/openapi.json", headers=ADMIN).json
    assert {"get", "post"} <= set(spec["paths"][URL])
    wish = spec["components"]["schemas"]["LapseWish"]["properties"]
    assert {"from", "until", "keep_days"} <= set(wish)


class Program:
    """app.py in a process of its own, to be killed."""

    def __init__(self, media: Path) -> None:
        self.port = free_port()
        options = ("--host", "127.0.0.1", "--port", str(self.port), "--camera", "synthetic", "--media", str(media))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TURRET_")}
        extra = {"TURRET_ADMIN_PASSWORD": PASSWORD, "TURRET_PHOTO_DELAY_S": "0", "TURRET_RETENTION_MIN_FREE_GB": "0"}
        size = {"TURRET_CAMERA_WIDTH": "320", "TURRET_CAMERA_HEIGHT": "240"}
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "app.py", *options], env={**kept, **extra, **size}, stdout=subprocess.PIPE
        )
        assert self.process.stdout.readline(), "it did not start"

    def ask(self, method: str, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, json.dumps(body or {}), {**ADMIN, "Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)
        self.process.stdout.close()


def test_power_cut_costs_one_still_at_most_and_the_job_goes_on(tmp_path: Path) -> None:
    first = Program(tmp_path / "media")
    try:
        first.ask("POST", URL, {**FILM, "interval_s": 1, "keep_stills": True})
        wait_until(lambda: first.ask("GET", URL)["shots"] >= 3, "three stills", 30)
    finally:
        first.kill()
    again = Program(tmp_path / "media")
    try:
        begun = again.ask("GET", URL)
        assert (begun["running"], begun["name"], begun["shots"] >= 3) == (True, "clouds", True)
        wait_until(lambda: again.ask("GET", URL)["shots"] >= begun["shots"] + 2, "two more", 30)
        ended = again.ask("DELETE", CURRENT)
        items = again.ask("GET", "/api/media?kind=timelapse&limit=200")["items"]
    finally:
        again.kill()
    (film,) = [item for item in items if item["filename"].startswith("clouds.")]
    assert ended["shots"] <= film["frames"] <= ended["shots"] + 1, "one may have been written and not yet counted"
    assert abs(len(items) - 1 - film["frames"]) <= 1
