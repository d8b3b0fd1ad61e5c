"""Copies as Realtime Image Streaming made them: which photos get one, which copies go, and what ends it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import wait_until
from library_by_hand import FILM, add_film, files_in, opened_library
from photo_by_hand import HEIGHT_PX, WIDTH_PX, has_edges_of_the_box, is_gray, reddish

from camera.photo_copy import CopyFilter
from errors import AlreadyRunning, NoSpace
from jobs.copy_series import WITHIN_S, CopySeries, Round
from jobs.photo_copies import PhotoCopies
from store.library import MediaLibrary
from store.media import Facts, Filter, Kind, Media

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FACTS = Facts(WIDTH_PX, HEIGHT_PX)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture
def library(root: Path):
    with opened_library(root) as found:
        yield found


@pytest.fixture
def copies(library: MediaLibrary) -> PhotoCopies:
    return PhotoCopies(library, lambda size_bytes: None, lambda media_id: None)


@pytest.fixture
def series(library: MediaLibrary, copies: PhotoCopies) -> CopySeries:
    return CopySeries(library, copies, lambda size_bytes: True)


def add(library: MediaLibrary, name: str, hours: int = 0, **options) -> Media:
    return library.add_photo(reddish(), FACTS, name, NOON - timedelta(hours=hours), **options)


def names(library: MediaLibrary) -> list[str]:
    return sorted(media.filename for media in library.page(limit=500).items)


def test_every_photo_is_copied_once_under_the_ancestors_names(
    library: MediaLibrary, series: CopySeries, copies: PhotoCopies
) -> None:
    for number in range(2):
        add(library, f"picture_{number}", number)
    add(library, "still", kind=Kind.TIMELAPSE)
    path = library.folder.partial / "film.mp4"
    path.write_bytes(FILM)
    add_film(library, path, Kind.VIDEO, "talk", NOON)
    assert series.begin("CTG") == Round(made=2)
    assert series.begin("CTG") == Round()
    copies.make(library.by_name("picture_0.jpg").id, [CopyFilter.GRAY])
    assert series.begin("CE") == Round(made=2), "of the photos, not of their copies"
    found = {media.filename: media for media in library.page(Filter(kind=Kind.PHOTO)).items}
    assert set(found) == {f"picture_{n}{end}.jpg" for n in range(2) for end in ("", "_CTG", "_CE")} | {
        "picture_0 gray.jpg"
    }
    assert found["picture_1_CE.jpg"].parent_id == found["picture_1.jpg"].id
    assert is_gray(library.path_of(found["picture_0_CTG.jpg"]).read_bytes())
    assert has_edges_of_the_box(library.path_of(found["picture_0_CE.jpg"]).read_bytes())


def test_off_removes_the_copies_of_that_label_and_nothing_else(library: MediaLibrary, series: CopySeries) -> None:
    """The ancestor removed every picture whose name contained the label, and an empty one is in all."""
    for name in ("cat", "dog", "owl", "robin", "my_WB"):
        add(library, name)
    series.begin("CE")
    series.begin("WB")
    kept = {name: library.by_name(f"{name}_WB.jpg") for name in ("dog", "owl")}
    library.protect([kept["dog"].id])
    library.rename(kept["owl"].id, "my favourite")
    library.remove([library.by_name("robin.jpg").id])
    assert series.end("WB") == 1
    assert set(names(library)) == {
        "cat.jpg", "dog.jpg", "owl.jpg", "my_WB.jpg", "dog_WB.jpg", "my favourite.jpg", "robin_WB.jpg",
        "cat_CE.jpg", "dog_CE.jpg", "owl_CE.jpg", "robin_CE.jpg",
    }  # fmt: skip
    assert series.end("WB") == 0


def test_what_is_left_of_a_photo_is_not_copied_again(library: MediaLibrary, series: CopySeries) -> None:
    photo = add(library, "cat")
    series.begin("WB")
    library.remove([photo.id])
    assert series.begin("CE") == Round()
    assert names(library) == ["cat_WB.jpg"]


def test_photos_taken_while_it_is_on_are_copied(library: MediaLibrary, series: CopySeries) -> None:
    photo = add(library, "cat")
    assert series.follow(photo) is None
    series.begin("WB")
    series.end("CE")
    assert series.follow(add(library, "dog")).filename == "dog_WB.jpg"
    series.end("WB")
    assert series.follow(photo) is None


def test_what_cannot_be_copied_does_not_stop_the_others(library: MediaLibrary, series: CopySeries) -> None:
    for number in range(3):
        add(library, f"p{number}", number)
    library.path_of(library.by_name("p0.jpg")).write_bytes(b"\xff\xd8torn")
    library.path_of(library.by_name("p1.jpg")).unlink()
    assert series.begin("CTG") == Round(made=1, failed=2)
    assert "p2_CTG.jpg" in names(library)


def test_nothing_is_removed_to_make_room_for_copies(library: MediaLibrary, copies: PhotoCopies) -> None:
    """It would be the oldest photos, one for each copy of a new one."""
    for number in range(3):
        add(library, f"p{number}", number)
    rooms = iter([True, False])
    with pytest.raises(NoSpace, match=r"^something would have to be removed for more copies; 1 were made$"):
        CopySeries(library, copies, lambda size_bytes: next(rooms)).begin("WB")
    assert names(library) == ["p0.jpg", "p0_WB.jpg", "p1.jpg", "p2.jpg"]


def test_many_photos_are_copied_in_turns(library: MediaLibrary, copies: PhotoCopies) -> None:
    for number in range(3):
        add(library, f"p{number}", number)
    moments = iter([0.0, 1.0, WITHIN_S, 100.0, 101.0, 102.0])
    series = CopySeries(library, copies, lambda size_bytes: True, clock=lambda: next(moments))
    assert series.begin("WB") == Round(made=1, is_done=False)
    assert series.begin("WB") == Round(made=2)


def test_switching_off_ends_what_is_going_on_and_there_is_one_at_a_time(
    library: MediaLibrary, copies: PhotoCopies
) -> None:
    for number in range(3):
        add(library, f"p{number}", number)
    is_looking, go_on = threading.Event(), threading.Event()
    ends: list[Round] = []

    def has_room(size_bytes: int) -> bool:
        is_looking.set()
        return go_on.wait(20)

    series = CopySeries(library, copies, has_room)
    thread = threading.Thread(target=lambda: ends.append(series.begin("WB")))
    thread.start()
    assert is_looking.wait(20)
    with pytest.raises(AlreadyRunning, match="photos are being copied already"):
        series.begin("CE")
    series.end("WB")
    go_on.set()
    thread.join(20)
    wait_until(lambda: bool(ends), "it has ended")
    assert names(library) == ["p0.jpg", "p1.jpg", "p2.jpg"], "nor is the copy left that was in work"
    assert files_in(library.folder.root) == {f"photos/p{number}.jpg" for number in range(3)}
    assert ends == [Round(made=0, is_done=False)]
    assert series.current is None


@pytest.mark.parametrize(("switched", "left"), [("off", ["cat.jpg"]), ("on to another", ["cat.jpg", "cat_WB.jpg"])])
def test_copy_of_a_new_photo_that_is_in_work_when_its_process_is_switched(
    library: MediaLibrary, switched: str, left: list[str]
) -> None:
    """Off removes all copies, also the one that has no row yet; another process removes none."""

    def switch(size_bytes: int) -> None:
        if switched == "off":
            series.end("WB")
        else:
            with pytest.raises(NoSpace):
                series.begin("CE")

    copies = PhotoCopies(library, switch, lambda media_id: None)
    series = CopySeries(library, copies, lambda size_bytes: False)
    series.begin("WB")
    copy = series.follow(add(library, "cat"))
    assert names(library) == left
    assert [copy.filename] == left[1:] if copy else left == ["cat.jpg"]
    assert files_in(library.folder.root) == {f"photos/{name}" for name in left} | (
        {f"thumbs/{copy.id}.jpg"} if copy else set()
    )


def test_more_photos_than_one_page_of_rows(library: MediaLibrary, series: CopySeries, monkeypatch) -> None:
    monkeypatch.setattr("jobs.copy_series.PAGE", 2)
    for number in range(5):
        add(library, f"p{number}", number // 2)
    assert series.begin("CTG") == Round(made=5)
    assert series.begin("CTG") == Round()
    assert len(files_in(library.folder.root)) == 15
