"""Processed copies of photos over HTTP: answers and errors, roles, the page for who has no scripts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import simplejpeg
from fakes import PASSWORD, basic
from library_by_hand import FILM_FACTS
from photo_by_hand import HEIGHT_PX, WIDTH_PX, is_gray, reddish

from store.accounts import Role
from store.media import Facts, Kind

ADMIN = {"Authorization": basic()}
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
GRAY = {"filters": ["gray"]}


@pytest.fixture
def photo(rig):
    return rig.library.add_photo(reddish(), Facts(WIDTH_PX, HEIGHT_PX), "cat", NOON)


def post(client, media_id: int, body: object, **headers: str):
    return client.post(f"/api/media/{media_id}/copies", json=body, headers={**ADMIN, **headers})


def body_of(client, url: str) -> bytes:
    with client.get(url, headers=ADMIN) as answer:
        assert answer.mimetype == "image/jpeg"
        return answer.get_data()


def test_copy_is_answered_as_an_item_with_file_and_small_picture(client, photo) -> None:
    answer = post(client, photo.id, GRAY)
    item = answer.json
    assert (answer.status_code, item["filename"], item["kind"]) == (201, "cat gray.jpg", "photo")
    assert (item["parent_id"], item["parent_filename"], item["by"]) == (photo.id, "cat.jpg", "admin")
    assert (item["date"], item["width_px"], item["height_px"]) == ("2026-06-01T12:00:00Z", WIDTH_PX, HEIGHT_PX)
    assert is_gray(body_of(client, item["url"]))
    assert simplejpeg.decode_jpeg(body_of(client, item["thumb_url"])).shape == (240, 320, 3)
    assert client.get(f"/api/media/{item['id']}", headers=ADMIN).json == item
    newest = client.get("/api/media", headers=ADMIN).json["items"]
    assert [(found["filename"], found["parent_filename"]) for found in newest] == [
        ("cat gray.jpg", "cat.jpg"), ("cat.jpg", None),
    ]  # fmt: skip


def test_all_who_have_a_page_open_are_told(site) -> None:
    photo = site.rig.library.add_photo(reddish(), Facts(WIDTH_PX, HEIGHT_PX), "cat", NOON)
    client = site.app.test_client()
    before = client.get("/api/media/summary", headers=ADMIN).json["revision"]
    post(client, photo.id, GRAY)
    assert client.get("/api/media/summary", headers=ADMIN).json["revision"] > before


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"filters": ["sepia"]}, "filters.0", "'sepia': input should be 'white_balance', 'gray' or 'edges'"),
        ({"filters": ["gray", 3]}, "filters.1", "'3': input should be 'white_balance', 'gray' or 'edges'"),
        ({"filters": []}, "filters", "'[]': list should have at least 1 item"),
        ({"filters": ["gray"] * 4}, "filters", "list should have at most 3 items"),
        ({"filters": "gray"}, "filters", "'gray': input should be a valid list"),
        ({"filters": ["gray"], "filter": "gray"}, "filter", "'gray': extra inputs are not permitted"),
        ({}, "filters", "field required"),
    ],
)
def test_nonsense_is_named_with_value_and_rule(client, photo, body, field, words) -> None:
    answer = post(client, photo.id, body)
    error = answer.json["error"]
    assert (answer.status_code, error["code"], error["field"]) == (400, "BadField", field)
    assert words in error["message"]


def test_errors_have_their_status_and_leave_nothing(client, rig, photo) -> None:
    film = rig.library.add_clip("clip-1", "talk", NOON, 9, FILM_FACTS)
    rig.library.path_of(photo).write_bytes(b"\xff\xd8torn")
    for media_id, status, words in ((99, 404, "no item 99"), (film.id, 422, "talk.mp4 is a film, and copies"),
                                    (photo.id, 422, "cat.jpg: this JPEG is cut off")):  # fmt: skip
        answer = post(client, media_id, GRAY)
        assert (answer.status_code, words in answer.json["error"]["message"]) == (status, True), answer.text
    rig.library.path_of(photo).unlink()
    assert post(client, photo.id, GRAY).status_code == 409
    assert rig.library.totals()[Kind.PHOTO].count == 1


def test_disk_below_its_floor_is_507(make_site, camera) -> None:
    site = make_site(camera)
    photo = site.rig.library.add_photo(reddish(), Facts(WIDTH_PX, HEIGHT_PX), "cat", NOON)
    rules = {"min_free_gb": 100000.0, "min_free_percent": 101.0}  # more than there can be, however empty the disk is
    site.rig.retention._settings = site.rig.settings.retention.model_copy(update=rules)
    site.rig.library.protect([photo.id])
    answer = post(site.app.test_client(), photo.id, GRAY)
    assert (answer.status_code, answer.json["error"]["code"]) == (507, "NoSpace")
    assert site.rig.library.page().items == (site.rig.library.get(photo.id),)


def test_who_may_take_photos_may_copy_them(client, rig, photo) -> None:
    for role, status in ((Role.VIEWER, 403), (Role.OPERATOR, 201), (Role.GUNNER, 201)):
        rig.accounts.add(role.name.lower(), PASSWORD, role)
        header = {"Authorization": basic(role.name.lower())}
        assert post(client, photo.id, GRAY, **header).status_code == status
        form = {"item": photo.id, "filter": "gray"}
        expected = 303 if status == 201 else 403
        assert client.post("/gallery/copy", data=form, headers=header).status_code == expected
    assert client.post(f"/api/media/{photo.id}/copies", json=GRAY).status_code == 401
    assert post(client, photo.id, GRAY, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_openapi_describes_it(client) -> None:
    spec = client.get("/openapi.json", headers=ADMIN).json
    described = spec["paths"]["/api/media/{media_id}/copies"]["post"]
    assert described["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("/MediaOut")
    assert spec["components"]["schemas"]["CopyWish.CopyFilter"]["enum"] == ["white_balance", "gray", "edges"]
