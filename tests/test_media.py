"""Photos and the library over HTTP: bytes on the wire, rows, files."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime

import pytest
import simplejpeg
from fakes import PASSWORD, ScriptedCamera, basic, wait_until, watching
from library_by_hand import FACTS, jpeg_of
from PIL import Image

from camera import image
from camera.exif import with_exif
from errors import NoCamera
from store.accounts import Role

ADMIN = {"Authorization": basic()}
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def people(rig):
    """Header of somebody of each role."""
    found = {}
    for role in Role:
        name = f"the-{role.name.lower()}"
        rig.accounts.add(name, PASSWORD, role)
        found[role] = {"Authorization": basic(name)}
    return found


def add(rig, count: int = 1, name: str = "p"):
    return [rig.library.add_photo(jpeg_of(n), FACTS, name, NOON) for n in range(count)]


def fetched(client, url: str, **headers: str):
    """The answer to a GET, read to its end."""
    with client.get(url, headers={**ADMIN, **headers}) as answer:
        answer.get_data()
        return answer


def test_one_press_makes_a_photo_of_now_with_row_file_and_small_picture(make_site) -> None:
    client = make_site().app.test_client()
    answer = client.post("/api/photos", headers=ADMIN, json={})
    assert answer.status_code == 201, answer.text
    item = answer.json
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.jpg", item["filename"])
    assert (item["kind"], item["ready"], item["by"]) == ("photo", True, "admin")
    photo = fetched(client, item["url"])
    assert photo.mimetype == "image/jpeg"
    height, width, _, _ = simplejpeg.decode_jpeg_header(photo.data)
    assert (width, height) == (item["width_px"], item["height_px"])
    small = fetched(client, item["thumb_url"])
    assert small.mimetype == "image/jpeg"
    assert len(small.data) <= 15_000


def test_photo_bears_the_name_and_date_that_were_given(make_site) -> None:
    client = make_site().app.test_client()
    wish = {"name": "Biene Maja", "date": "2026-06-01T12:00:00Z"}
    first, second = (client.post("/api/photos", headers=ADMIN, json=wish).json for _ in range(2))
    assert (first["filename"], second["filename"]) == ("Biene Maja.jpg", "Biene Maja-2.jpg")
    assert first["date"] == "2026-06-01T12:00:00Z"


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"date": "yesterday"}, "date"),
        ({"name": 7}, "name"),
        ({"names": "x"}, "names"),
        ({"date": "9999-99-99"}, "date"),
    ],
)
def test_nonsense_in_a_photo_is_named(client, wish, field) -> None:
    answer = client.post("/api/photos", headers=ADMIN, json=wish)
    assert (answer.status_code, answer.json["error"]["field"]) == (400, field)


def test_viewer_may_look_and_not_touch(client, rig, people) -> None:
    (item,) = add(rig)
    viewer, operator = people[Role.VIEWER], people[Role.OPERATOR]
    assert client.get("/api/media", headers=viewer).status_code == 200
    assert fetched(client, f"/media/{item.id}/x", **viewer).status_code == 200
    for method, path, body in (
        ("post", "/api/photos", {}),
        ("patch", f"/api/media/{item.id}", {"name": "x"}),
        ("delete", f"/api/media/{item.id}", None),
        ("post", "/api/media/delete", {"ids": [item.id]}),
        ("post", "/api/media/protect", {"ids": [item.id]}),
    ):
        assert getattr(client, method)(path, headers=viewer, json=body).status_code == 403, path
    found = {"kind": "photo", "filename": "x.jpg"}
    assert client.post("/api/media", headers=operator, json=found).status_code == 403
    assert client.get("/api/media").status_code == 401


def test_pages_of_the_library_follow_each_other(client, rig) -> None:
    made = [media.id for media in add(rig, 5)]
    first = client.get("/api/media?limit=3", headers=ADMIN).json
    second = client.get(f"/api/media?limit=3&cursor={first['next']}", headers=ADMIN).json
    assert [item["id"] for item in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=x", "limit"), ("limit=-1", "limit"), ("limit=501", "limit"), ("cursor=x", "cursor"),
     ("kind=song", "kind"), ("since=later", "since")],
)  # fmt: skip
def test_nonsense_in_a_query_is_named(client, query, field) -> None:
    answer = client.get(f"/api/media?{query}", headers=ADMIN)
    assert (answer.status_code, answer.json["error"]["field"]) == (400, field)


def test_file_comes_whole_in_ranges_or_not_again(client, rig) -> None:
    (item,) = add(rig)
    url, content = f"/media/{item.id}/{item.filename}", jpeg_of(0)
    whole = fetched(client, url)
    assert (whole.data, whole.headers["Accept-Ranges"]) == (content, "bytes")
    part = fetched(client, url, Range="bytes=10-19")
    assert (part.status_code, part.data) == (206, content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"
    beyond = fetched(client, url, Range="bytes=999999-")
    assert beyond.status_code == 416
    again = fetched(client, url, **{"If-None-Match": whole.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    kept = fetched(client, f"{url}?download=1")
    assert kept.headers["Content-Disposition"] == f"attachment; filename={item.filename}"


@pytest.mark.parametrize("path", ["/media/99/x.jpg", "/media/99/thumb", "/api/media/99"])
def test_item_that_is_not_there_is_404(client, path) -> None:
    answer = client.get(path, headers=ADMIN)
    assert answer.status_code == 404
    assert "there is no item 99" in answer.text


@pytest.mark.parametrize(
    "path", ["/media/../media.db", "/media/media.db", "/media/1/../../media.db", "/media/%2e%2e/media.db"]
)
def test_no_address_leads_out_of_the_library(client, rig, path) -> None:
    add(rig)
    answer = fetched(client, path)
    assert b"SQLite" not in answer.data
    assert answer.status_code in (200, 404)


def test_renamed_and_protected_items_say_so(client, rig) -> None:
    (item,) = add(rig)
    answer = client.patch(f"/api/media/{item.id}", headers=ADMIN, json={"name": "../Hund", "protected": True})
    assert (answer.json["filename"], answer.json["protected"]) == ("Hund.jpg", True)
    assert fetched(client, answer.json["url"]).data == jpeg_of(0)
    bad = client.patch(f"/api/media/{item.id}", headers=ADMIN, json={"name": "///"})
    assert (bad.status_code, bad.json["error"]["field"]) == (400, "name")


def test_many_are_removed_and_protected_ones_are_not(client, rig) -> None:
    items = add(rig, 3)
    assert client.post("/api/media/protect", headers=ADMIN, json={"ids": [items[1].id]}).json == {"changed": 1}
    answer = client.post("/api/media/delete", headers=ADMIN, json={"ids": [media.id for media in items] + [99]})
    assert answer.json == {"removed": 2, "kept_protected": [items[1].id]}
    assert client.delete(f"/api/media/{items[1].id}", headers=ADMIN).status_code == 204
    assert client.delete(f"/api/media/{items[1].id}", headers=ADMIN).status_code == 404
    assert rig.library.page().items == ()


def test_zip_holds_the_files_and_its_length_is_known(client, rig) -> None:
    items = add(rig, 3)
    answer = client.get(f"/api/media/zip?ids={items[0].id},{items[2].id}", headers=ADMIN)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {"p.jpg": jpeg_of(0), "p-3.jpg": jpeg_of(2)}


@pytest.mark.parametrize("ids", ["", "x", "1,x", ",".join(["1"] * 501), "99999999999999999999"])
def test_nonsense_in_the_numbers_for_a_zip_is_named(client, ids) -> None:
    answer = client.get(f"/api/media/zip?ids={ids}", headers=ADMIN)
    assert (answer.status_code, answer.json["error"]["field"]) == (400, "ids")


def test_small_picture_that_was_lost_is_made_again(client, rig) -> None:
    (item,) = add(rig)
    assert not rig.folder.thumb_of(item.id).exists()
    answer = fetched(client, f"/media/{item.id}/thumb")
    assert simplejpeg.decode_jpeg_header(answer.data)[:2] == (48, 64)
    assert rig.folder.thumb_of(item.id).read_bytes() == answer.data


def test_file_put_into_the_folder_is_added_by_its_name(client, rig) -> None:
    (rig.folder.root / "photos" / "found.jpg").write_bytes(jpeg_of())
    wish = {"kind": "photo", "filename": "found.jpg"}
    assert client.post("/api/media", headers=ADMIN, json=wish).json["filename"] == "found.jpg"
    assert client.post("/api/media", headers=ADMIN, json=wish).status_code == 409
    assert client.post("/api/media", headers=ADMIN, json={**wish, "filename": "../media.db"}).status_code == 400
    assert client.post("/api/media", headers=ADMIN, json={**wish, "kind": "song"}).status_code == 400


def test_item_whose_file_was_removed_by_hand_says_so(client, rig) -> None:
    (item,) = add(rig)
    rig.library.path_of(item).unlink()
    answer = client.get(f"/media/{item.id}/x", headers={**ADMIN, "Accept": "application/json"})
    assert answer.status_code == 409
    assert "the file of p.jpg is gone" in answer.text


def test_status_and_summary_know_the_library(client, rig) -> None:
    before = client.get("/api/status", headers=ADMIN).json["media"]
    add(rig, 2)
    after = client.get("/api/status", headers=ADMIN).json["media"]
    assert after["revision"] > before["revision"]
    assert after["totals"]["photo"]["count"] == 2
    assert after["disk"]["floor_bytes"] == 0
    assert 0 < after["disk"]["free_bytes"] <= after["disk"]["total_bytes"]
    summary = client.get("/api/media/summary", headers=ADMIN).json
    assert [item["filename"] for item in summary["newest"]] == ["p-2.jpg", "p.jpg"]


def test_without_a_picture_there_is_no_photo_and_no_row(make_site) -> None:
    camera = ScriptedCamera()
    camera.open_fault = NoCamera("it is unplugged")
    site = make_site(camera)
    answer = site.app.test_client().post("/api/photos", headers=ADMIN, json={})
    assert answer.status_code == 503
    assert answer.json["error"]["message"] == "there is no picture to take: it is unplugged"
    assert site.rig.library.page().items == ()
    assert list((site.rig.folder.root / "photos").iterdir()) == []


def test_full_size_photo_is_larger_than_the_stream_and_the_stream_goes_on(make_site) -> None:
    site = make_site(photo={"delay_s": 0, "skip_frames": 1})
    client = site.app.test_client()
    with watching(site.port) as viewer:
        before = viewer.live_part()
        item = client.post("/api/photos", headers=ADMIN, json={"full_resolution": True}).json
        assert (item["width_px"], item["height_px"]) > (1280, 720)
        after = viewer.live_part()
        while image.size_of(after.body) != image.size_of(before.body):
            after = viewer.live_part()
        assert after.number > before.number, "the same connection goes on, in the size it had"
    told = client.get("/api/camera", headers=ADMIN).json
    assert (told["changed_by"], told["changed"]) == ("admin", ["full_resolution"]), "whoever watches is told why"


def test_camera_without_a_larger_size_says_so(make_site) -> None:
    camera = ScriptedCamera()
    site = make_site(camera)
    with watching(site.port):
        camera.show()
        answer = site.app.test_client().post("/api/photos", headers=ADMIN, json={"full_resolution": True})
    assert (answer.status_code, "no larger size" in answer.json["error"]["message"]) == (501, True)


def test_full_size_photo_never_breaks_a_recording_in_two(make_site) -> None:
    client = make_site().app.test_client()
    client.post("/api/recording", headers=ADMIN, json={})
    answer = client.post("/api/photos", headers=ADMIN, json={"full_resolution": True})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "AlreadyRecording")
    assert client.post("/api/photos", headers=ADMIN, json={}).status_code == 201


def test_library_is_repaired_at_the_start(make_rig, make_settings) -> None:
    rig = make_rig(ScriptedCamera())
    wait_until(lambda: rig.upkeep.state.report is not None, "the first repair")
    (rig.folder.root / "photos" / "found.jpg").write_bytes(jpeg_of())
    rig.upkeep.ask()
    wait_until(lambda: rig.library.by_name("found.jpg") is not None, "the row")


def test_exif_says_when_and_with_what() -> None:
    found = Image.open(io.BytesIO(with_exif(jpeg_of(), NOON, "Bagel Turret", "Cam 1")))
    exif = found.getexif()
    details = exif.get_ifd(0x8769)
    assert (exif[0x010F], exif[0x0110], exif[0x0131]) == ("Bagel Turret", "Cam 1", "Bagel Turret")
    local = NOON.astimezone()
    assert exif[0x0132] == details[0x9003] == f"{local:%Y:%m:%d %H:%M:%S}"
    assert details[0x9011] == f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:]
    assert simplejpeg.decode_jpeg(with_exif(jpeg_of(), NOON, "a", "b")).shape == (48, 64, 3)


def test_the_neighbour_above_is_the_newer_item(client, rig) -> None:
    older = rig.library.add_photo(jpeg_of(1), FACTS, "older", NOON)
    newer = rig.library.add_photo(jpeg_of(2), FACTS, "newer", NOON)  # in the same millisecond: by number
    found = client.get(f"/api/media/{older.id}/newer", headers=ADMIN).json
    assert found["item"]["id"] == newer.id
    page = client.get(f"/api/media?cursor={found['cursor']}", headers=ADMIN).json["items"]
    assert [item["id"] for item in page] == [newer.id, older.id]
    assert client.get(f"/api/media/{newer.id}/newer", headers=ADMIN).json == {"item": None, "cursor": None}
    assert client.get(f"/api/media/{older.id}/newer?kind=video", headers=ADMIN).json["item"] is None
    assert client.get("/api/media/99/newer", headers=ADMIN).status_code == 404
