"""The ancestors' scripts around photos, videos and the database go on working."""

from __future__ import annotations

import pytest
from fakes import PASSWORD, ScriptedCamera, basic, wait_until
from library_by_hand import jpeg_of

from errors import NoCamera
from store.accounts import Role

ADMIN = {"Authorization": basic()}


@pytest.fixture
def site(make_site):
    return make_site()


@pytest.fixture
def client(site):
    return site.app.test_client()


def get(client, path: str, **headers: str):
    with client.get(path, headers={**ADMIN, **headers}) as answer:
        answer.get_data()
        return answer


def test_snapshot_says_200_and_its_row_and_file_are_there(client) -> None:
    answer = get(client, "/snapshot?filename=ear&date=2020-05-01+12:00:00")
    assert (answer.status_code, answer.data) == (200, b"200")
    (row,) = get(client, "/get_database").json
    assert row["filename"] == "ear.jpg"
    assert row["date"].startswith(("2020-04-30", "2020-05-01"))
    assert get(client, "/media/ear.jpg").data[:2] == b"\xff\xd8"


def test_snapshot_without_a_camera_is_500_with_a_text_and_no_row(make_site) -> None:
    """An ancestor left a row without a file."""
    camera = ScriptedCamera()
    camera.open_fault = NoCamera("it is unplugged")
    client = make_site(camera).app.test_client()
    answer = get(client, "/snapshot?filename=ear")
    assert (answer.status_code, "unplugged" in answer.text) == (500, True)
    assert get(client, "/get_database").json == []


def test_video_is_named_by_the_call_that_ends_it(client, site) -> None:
    assert get(client, "/video_capture?status=false&filename=first").data == b"200"
    wait_until(lambda: site.rig.recorder.state.frames >= 3, "3 pictures")
    assert get(client, "/video_capture?status=true&filename=last&date=2020-05-01").data == b"200"
    (row,) = get(client, "/get_database").json
    assert row["filename"] == "last.mp4"
    assert row["date"].startswith(("2020-04-30", "2020-05-01"))


@pytest.mark.parametrize("path", ["/video_capture?status=true", "/video_capture?status=true&filename=x"])
def test_end_of_a_video_that_never_began_is_500_with_a_text(client, path) -> None:
    answer = get(client, path)
    assert (answer.status_code, answer.mimetype) == (500, "text/plain")
    assert get(client, "/video_capture?status=maybe").status_code == 400


def test_rows_are_added_and_removed_by_name(client, site) -> None:
    root = site.rig.folder.root
    (root / "photos" / "a.jpg").write_bytes(jpeg_of())
    (root / "loose.jpg").write_bytes(jpeg_of())
    for name in ("a.jpg", "loose.jpg"):
        assert get(client, f"/database/add?filename={name}").data == b"200"
        assert get(client, f"/media/{name}").data == jpeg_of()
    assert not (root / "loose.jpg").exists()
    assert get(client, "/database/remove?filename=a.jpg").data == b"200"
    assert not (root / "photos" / "a.jpg").exists()
    assert [row["filename"] for row in get(client, "/get_database").json] == ["loose.jpg"]


def test_new_database_is_empty_and_keeps_the_files(client, site) -> None:
    get(client, "/snapshot?filename=cat")
    assert get(client, "/database/new").data == b"200"
    assert get(client, "/get_database").json == []
    assert (site.rig.folder.root / "photos" / "cat.jpg").exists()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/database/add?filename=none.jpg", 404),
        ("/database/remove?filename=none.jpg", 404),
        ("/database/add?filename=../../etc/passwd", 400),
        ("/database/remove?filename=../../etc/passwd", 404),
        ("/database/add", 400),
        ("/database/add?filename=media.db", 422),
        ("/media/media.db", 404),
        ("/media/..%2fmedia.db", 404),
        ("/media/none.jpg", 404),
    ],
)
def test_files_without_a_row_are_not_there(client, path, status) -> None:
    """The ancestor served and removed any file whose path somebody could write."""
    assert get(client, path).status_code == status


def test_capture_numbers_its_pictures_and_overwrites_none(client) -> None:
    answers = [client.post("/capture", headers=ADMIN).json["message"] for _ in range(2)]
    assert answers == ["picture_1.jpg was taken", "picture_2.jpg was taken"]


def process(client, **values: object) -> tuple[int, object]:
    answer = client.post("/img_processing", json=values, headers=ADMIN)
    return answer.status_code, answer.json if answer.is_json else answer.text


@pytest.mark.parametrize("label", ["WB", "CTG", "CE"])
def test_processing_copies_all_photos_and_each_new_one_until_it_is_off(client, site, label) -> None:
    """It once switched the filter of the live picture; the ancestor's made copies."""
    client.post("/capture", headers=ADMIN)
    assert process(client, isProcessing=True, label=label) == (200, {"message": "Image processing is on, 1 copy made"})
    answer = client.post("/capture", headers=ADMIN).json
    assert answer["message"] == f"picture_2.jpg was taken and copied to picture_2_{label}.jpg"
    names = [row["filename"] for row in get(client, "/get_database").json]
    assert names == ["picture_1.jpg", f"picture_1_{label}.jpg", "picture_2.jpg", f"picture_2_{label}.jpg"]
    assert get(client, f"/media/picture_2_{label}.jpg").data[:2] == b"\xff\xd8"
    assert site.rig.library.by_name(f"picture_2_{label}.jpg").parent_id == 3
    camera = get(client, "/api/camera").json
    assert not any(camera[name] for name in ("grayscale", "edges", "white_balance_correction"))
    off = {"message": "Image processing is off, 2 copies removed"}
    assert process(client, isProcessing=False, label=label) == (200, off)
    assert client.post("/capture", headers=ADMIN).json["message"] == "picture_3.jpg was taken"
    assert [row["filename"] for row in get(client, "/get_database").json] == [
        "picture_1.jpg", "picture_2.jpg", "picture_3.jpg",
    ]  # fmt: skip


def test_photo_is_kept_although_it_cannot_be_copied(client, site) -> None:
    process(client, isProcessing=True, label="CE")
    site.rig.photo_copies._free_memory = lambda: 1000
    message = client.post("/capture", headers=ADMIN).json["message"]
    assert message.startswith("picture_1.jpg was taken, but not copied: picture_1.jpg is too large here")
    assert process(client, isProcessing=True, label="CE")[1] == {
        "message": "Image processing is on, 0 copies made, 1 photo could not be copied"
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "label None is not one of WB, CTG, CE"),
        ({"label": "", "isProcessing": False}, "label '' is not one of WB, CTG, CE"),
        ({"label": ["WB"], "isProcessing": True}, "label ['WB'] is not one of WB, CTG, CE"),
        ({"label": "WB", "isProcessing": 1}, "isProcessing 1 is neither true nor false"),
        ({"label": "WB"}, "isProcessing None is neither true nor false"),
    ],
)
def test_processing_by_another_name_is_refused_and_removes_nothing(client, values, message) -> None:
    """An empty label once removed every picture."""
    client.post("/capture", headers=ADMIN)
    assert process(client, **values) == (400, f"{message}\n")
    assert len(get(client, "/get_database").json) == 1


@pytest.mark.parametrize("path", ["/snapshot?filename=x", "/video_capture?status=false", "/database/remove?filename=x"])
def test_another_site_cannot_make_a_browser_change_anything(client, path) -> None:
    assert get(client, path, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_viewer_may_read_and_no_more(client, site) -> None:
    site.rig.accounts.add("eve", PASSWORD, Role.VIEWER)
    eve = {"Authorization": basic("eve")}
    assert get(client, "/get_database", **eve).status_code == 200
    for path in ("/snapshot", "/video_capture?status=false", "/database/add?filename=x"):
        assert get(client, path, **eve).status_code == 403
    assert client.post("/img_processing", json={"label": "WB", "isProcessing": False}, headers=eve).status_code == 403
