"""Processed copies of photos: their pixels, rows and files, and what happens when something comes between."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from fakes import wait_until
from library_by_hand import FILM, add_film, files_in, inspect, opened_library
from photo_by_hand import (
    HEIGHT_PX,
    SMALL,
    WIDTH_PX,
    exif_of,
    from_another_camera,
    has_edges_of_the_box,
    is_gray,
    luma,
    means,
    reddish,
    small_picture_in,
)
from PIL import Image

from camera import filters
from camera.exif import with_exif
from camera.image import whole_size
from camera.photo_copy import CopyFilter, effect_of, processed
from errors import AlreadyRunning, NoSpace, NoSuchItem, NotCopied, NotPlayable, NotReady, StoreUnavailable
from jobs.photo_copies import AT_ONCE_MAX, PhotoCopies
from store.library import MediaLibrary
from store.media import Facts, Kind, Media
from store.repair import Repair

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FACTS = Facts(WIDTH_PX, HEIGHT_PX)
GRAY, EDGES, BALANCE = CopyFilter.GRAY, CopyFilter.EDGES, CopyFilter.WHITE_BALANCE


def copies_of(library: MediaLibrary, ensure_room: Callable[[int], None] = lambda size: None, **options) -> PhotoCopies:
    return PhotoCopies(library, ensure_room, lambda number: None, **options)


def add(library: MediaLibrary, jpeg: bytes | None = None, name: str = "cat", **options) -> Media:
    return library.add_photo(reddish() if jpeg is None else jpeg, FACTS, name, NOON, **options)


def bytes_of(library: MediaLibrary, media: Media) -> bytes:
    return library.path_of(media).read_bytes()


@pytest.fixture(params=["with libturbojpeg", "without"])
def turbo(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(filters, "open_turbo", lambda: None)


@pytest.mark.usefixtures("turbo")
def test_gray_has_the_same_brightness_and_no_chroma() -> None:
    made = processed(reddish(), GRAY)
    assert is_gray(made)
    assert whole_size(made, is_strict=True) == (WIDTH_PX, HEIGHT_PX)
    assert np.abs(luma(made).astype(int) - luma(reddish())).max() <= 4


@pytest.mark.usefixtures("turbo")
def test_edges_are_white_lines_where_the_picture_has_some() -> None:
    made = processed(reddish(), EDGES)
    assert has_edges_of_the_box(made)
    assert not has_edges_of_the_box(processed(reddish(), GRAY)), "the test can tell"


@pytest.mark.usefixtures("turbo")
def test_white_balance_moves_the_means_of_the_colors_together() -> None:
    before, after = means(reddish()), means(processed(reddish(), BALANCE))
    assert max(before) - min(before) > 100
    assert max(after) - min(after) < 4
    assert sum(after) == pytest.approx(sum(before), rel=0.03), "not darker or brighter than it was"


def saved(mode: str = "RGB", form: str = "JPEG", **options: object) -> bytes:
    content = io.BytesIO()
    Image.open(io.BytesIO(reddish())).convert(mode).save(content, form, **options)
    return content.getvalue()


@pytest.mark.parametrize(
    "photo",
    [saved(progressive=True), saved(subsampling=0), saved("L"), saved(keep_rgb=True), saved("CMYK"), saved(form="PNG"),
     saved("RGBA", "PNG")],
    ids=["progressive", "4:4:4", "gray", "RGB", "CMYK", "PNG", "PNG with alpha"],
)  # fmt: skip
@pytest.mark.usefixtures("turbo")
def test_whatever_the_library_takes_for_a_photo_can_be_copied(photo: bytes) -> None:
    assert is_gray(processed(photo, GRAY))
    assert has_edges_of_the_box(processed(photo, EDGES))
    assert whole_size(processed(photo, BALANCE)) == (WIDTH_PX, HEIGHT_PX)


def test_several_filters_do_what_they_do_on_the_live_picture() -> None:
    assert effect_of([BALANCE, GRAY]) is GRAY
    assert effect_of([GRAY, EDGES, BALANCE]) is EDGES
    assert effect_of([BALANCE]) is BALANCE


@pytest.mark.parametrize("effect", list(CopyFilter))
@pytest.mark.usefixtures("turbo")
def test_what_a_photo_says_of_itself_goes_with_the_copy(effect: CopyFilter) -> None:
    photo = with_exif(reddish(), NOON, "Bagel Turret", "Some camera")
    assert exif_of(processed(photo, effect)) == exif_of(photo)
    assert exif_of(processed(reddish(), effect)) == {}


@pytest.mark.parametrize("effect", list(CopyFilter))
@pytest.mark.usefixtures("turbo")
def test_another_cameras_exif_is_kept_but_for_its_small_picture_of_the_original(effect: CopyFilter) -> None:
    """A phone's photo that was copied into the folder: its way up counts, its small picture would be in color."""
    photo = from_another_camera(reddish())
    before, after = (Image.open(io.BytesIO(jpeg)).getexif() for jpeg in (photo, processed(photo, effect)))
    assert small_picture_in(photo) == SMALL
    assert small_picture_in(processed(photo, effect)) is None
    assert dict(after) == dict(before) == {0x010F: "Eos", 0x0112: 6}
    assert processed(photo, effect).count(b"Exif\0\0") == 1


@pytest.mark.parametrize("cut", [3, 9, 14, 20, 30, 60])
def test_exif_that_is_nonsense_harms_nothing(cut: int) -> None:
    photo = from_another_camera(reddish())
    torn = photo[: 12 + cut] + b"\xff" * 20 + photo[32 + cut :]
    assert whole_size(processed(torn, GRAY)) == (WIDTH_PX, HEIGHT_PX)
    assert whole_size(processed(torn, BALANCE)) == (WIDTH_PX, HEIGHT_PX)


def test_copy_is_a_new_item_with_row_file_and_small_picture(library: MediaLibrary, root: Path) -> None:
    photo = add(library)
    copy = copies_of(library).make(photo.id, [GRAY])
    assert copy == library.get(copy.id)
    assert (copy.filename, copy.parent_id, copy.date, copy.kind) == ("cat gray.jpg", photo.id, NOON, Kind.PHOTO)
    assert (copy.width_px, copy.height_px, copy.ready) == (WIDTH_PX, HEIGHT_PX, True)
    assert is_gray(bytes_of(library, copy))
    assert copy.size_bytes == len(bytes_of(library, copy))
    assert files_in(root) == {"photos/cat.jpg", "photos/cat gray.jpg", f"thumbs/{copy.id}.jpg"}
    assert simplejpeg.decode_jpeg(library.folder.thumb_of(copy.id).read_bytes()).shape[:2] == (240, 320)
    assert bytes_of(library, photo) == reddish(), "the photo itself stays what it is"


def test_names_say_what_was_done_and_are_never_taken_twice(library: MediaLibrary) -> None:
    photo, copies = add(library), copies_of(library)
    made = [copies.make(photo.id, wanted) for wanted in ([GRAY], [GRAY], [BALANCE], [EDGES, GRAY])]
    assert [copy.filename for copy in made] == [
        "cat gray.jpg", "cat gray-2.jpg", "cat white balance.jpg", "cat edges.jpg",
    ]  # fmt: skip
    again = copies.make(made[2].id, [EDGES])
    assert (again.filename, again.parent_id) == ("cat white balance edges.jpg", made[2].id)


def test_the_longest_name_still_says_what_was_done(library: MediaLibrary) -> None:
    photo = add(library, name="ü" * 90)
    assert copies_of(library).make(photo.id, [GRAY]).filename == "ü" * 87 + " gray.jpg"


def test_still_of_a_timelapse_stays_with_its_kind(library: MediaLibrary) -> None:
    still = add(library, kind=Kind.TIMELAPSE)
    assert copies_of(library).make(still.id, [EDGES]).kind is Kind.TIMELAPSE


def test_copy_is_protected_and_goes_as_its_photo_does(library: MediaLibrary) -> None:
    """Its date is that of its photo: a copy of an old protected photo would be the next to go."""
    photo = add(library, expires_at=NOON + timedelta(days=1))
    assert copies_of(library).make(photo.id, [GRAY]).expires_at == NOON + timedelta(days=1)
    library.protect([photo.id])
    assert copies_of(library).make(photo.id, [GRAY]).protected
    assert not copies_of(library).make(add(library, name="dog").id, [GRAY]).protected


def test_film_is_refused_by_name_and_rule(library: MediaLibrary, root: Path) -> None:
    path = root / "partial" / "film.mp4"
    path.write_bytes(FILM)
    film = add_film(library, path, Kind.VIDEO, "talk", NOON)
    with pytest.raises(NotCopied, match=r"^talk\.mp4 is a film, and copies are made of photos only$"):
        copies_of(library).make(film.id, [GRAY])
    clip = library.add_clip("clip-1", "speech", NOON, 9, FACTS)
    with pytest.raises(NotCopied, match=r"^speech\.mp4 is a film"):
        copies_of(library).make(clip.id, [GRAY])


def test_photo_that_does_not_fit_into_memory_is_refused_with_figures(library: MediaLibrary, root: Path) -> None:
    """The program would be the first to be killed, in the middle of a drive."""
    photo = library.add_photo(reddish(), Facts(9248, 6944), "huge", NOON)
    with pytest.raises(
        NotCopied, match=r"huge\.jpg is too large here: 9248x6944 pixels need 577 MB .* the 900 MB free"
    ):
        copies_of(library, free_memory=lambda: 900 * 10**6).make(photo.id, [GRAY])
    assert files_in(root) == {"photos/huge.jpg"}
    assert copies_of(library, free_memory=lambda: 1200 * 10**6).make(photo.id, [GRAY])


TORN = reddish()[:900]


@pytest.mark.parametrize(
    ("content", "fault"),
    [(TORN, r"cat\.jpg: this JPEG is cut off"), (b"", r"cat\.jpg: this is not a picture"),
     (b"\xff\xd8rubbish\xff\xd9", r"cat\.jpg: this JPEG cannot be decoded")],
)  # fmt: skip
def test_broken_photo_is_named_and_leaves_nothing(
    library: MediaLibrary, root: Path, content: bytes, fault: str
) -> None:
    photo = add(library)
    library.path_of(photo).write_bytes(content)
    for effect in CopyFilter:
        with pytest.raises(NotPlayable, match=fault):
            copies_of(library).make(photo.id, [effect])
    assert files_in(root) == {"photos/cat.jpg"}
    assert library.page().items == (photo,)


@pytest.mark.parametrize("effect", list(CopyFilter))
def test_filter_that_fails_leaves_nothing(
    library: MediaLibrary, root: Path, effect: CopyFilter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the live picture a filter that fails is left out; a copy without it would be none."""

    def fail(*arguments: object, **options: object) -> None:
        raise MemoryError("no room for pixels")

    monkeypatch.setattr(filters, "decoded", fail)
    monkeypatch.setattr(filters, "open_turbo", lambda: None)
    photo = add(library)
    with pytest.raises(NotPlayable, match=r"cat\.jpg: .*no room for pixels"):
        copies_of(library).make(photo.id, [effect])
    assert files_in(root) == {"photos/cat.jpg"}


def test_file_that_is_gone_and_item_that_is_not_there_are_said(library: MediaLibrary, root: Path) -> None:
    photo = add(library)
    library.path_of(photo).unlink()
    with pytest.raises(NotReady, match=r"the file of cat\.jpg is gone"):
        copies_of(library).make(photo.id, [GRAY])
    with pytest.raises(NoSuchItem, match="there is no item 99"):
        copies_of(library).make(99, [GRAY])
    assert files_in(root) == set()


def test_full_disk_leaves_nothing(library: MediaLibrary, root: Path) -> None:
    def full(size_bytes: int) -> None:
        raise NoSpace(f"{size_bytes} bytes are too many")

    photo = add(library)
    with pytest.raises(NoSpace, match=r"^\d{4,} bytes"):
        copies_of(library, full).make(photo.id, [GRAY])
    assert files_in(root) == {"photos/cat.jpg"}


def test_photo_that_is_removed_meanwhile_has_no_copy(library: MediaLibrary, root: Path) -> None:
    """It is there when it is read, and not any more when the copy is to be kept."""
    photo = add(library)
    copies = copies_of(library, lambda size_bytes: library.remove([photo.id]))
    with pytest.raises(NoSuchItem, match=r"^cat\.jpg was removed while its copy was made; nothing was kept$"):
        copies.make(photo.id, [GRAY])
    assert files_in(root) == set()
    assert library.page().items == ()


def test_database_that_fails_in_the_last_moment_leaves_nothing(library: MediaLibrary, root: Path) -> None:
    photo = add(library)
    with pytest.raises(StoreUnavailable):
        copies_of(library, lambda size_bytes: library.database.close()).make(photo.id, [GRAY])
    assert files_in(root) == {"photos/cat.jpg"}


def test_photo_that_is_being_copied_does_not_go_to_make_room(library: MediaLibrary) -> None:
    """The oldest goes first, and that may be the very photo."""
    kept: set[int] = set()
    photo = add(library)

    def make_room(size_bytes: int) -> None:
        library.remove([media.id for media in library.page().items if media.id not in kept])

    assert PhotoCopies(library, make_room, kept.add).make(photo.id, [GRAY]).parent_id == photo.id


def test_copy_stays_when_its_photo_goes(library: MediaLibrary, root: Path) -> None:
    photo = add(library)
    copy = copies_of(library).make(photo.id, [GRAY])
    library.remove([photo.id])
    assert library.get(copy.id).parent_id is None
    assert "photos/cat gray.jpg" in files_in(root)


def test_parent_outlives_restart_rename_and_repair(root: Path) -> None:
    with opened_library(root) as library:
        photo = add(library)
        copy = copies_of(library).make(photo.id, [GRAY])
        library.rename(copy.id, "my favourite")
        library.rename(photo.id, "dog")
    with opened_library(root) as library:
        assert Repair(library, inspect).run().is_clean
        found = library.get(copy.id)
        assert (found.filename, found.parent_id) == ("my favourite.jpg", photo.id)


def test_one_is_made_at_a_time_and_few_wait(library: MediaLibrary) -> None:
    """Each has all its pixels in memory, and each that waits holds one of the server's threads."""
    photo, changed, go_on = add(library), threading.Condition(), threading.Event()
    inside: list[int] = []
    ends: list[object] = []
    is_alone: list[bool] = []

    def ensure_room(size_bytes: int) -> None:
        with changed:
            inside.append(size_bytes)
            changed.notify_all()
            is_alone.append(not changed.wait_for(lambda: len(inside) > 1, 0.3))
        go_on.wait(20)
        inside.pop()

    copies = copies_of(library, ensure_room)

    def make() -> None:
        try:
            ends.append(copies.make(photo.id, [GRAY]).filename)
        except AlreadyRunning as error:
            ends.append(str(error))

    threads = [threading.Thread(target=make) for _ in range(AT_ONCE_MAX + 1)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(ends) == 1, "the last one is refused")
    assert ends[0] == "3 copies are being made already; ask again when one is done"
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert sorted(map(str, ends[1:])) == ["cat gray-2.jpg", "cat gray-3.jpg", "cat gray.jpg"]
    assert is_alone == [True] * AT_ONCE_MAX
    assert copies.make(photo.id, [GRAY]), "places are given back"
