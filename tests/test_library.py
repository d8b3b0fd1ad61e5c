"""The media library: every row has its file, every file its row, nothing is ever overwritten."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from library_by_hand import FACTS, FILM, FILM_FACTS, files_in, inspect, jpeg_of, opened_library

from errors import BadField, NameTaken, NoSuchItem, NotPlayable, NotReady, StoreUnavailable
from store.library import MediaLibrary
from store.media import Facts, Filter, Kind, Total
from store.mounts import missing_mount
from store.rows import MOST_PER_PAGE

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def add_clip(library: MediaLibrary, folder: str = "clip-1", name: str | None = "talk"):
    (library.folder.partial / folder).mkdir()
    (library.folder.partial / folder / "seg-0001.mkv").write_bytes(b"segment")
    return library.add_clip(folder, name, NOON, 7, FILM_FACTS, dropped=1)


def test_photo_is_a_file_and_a_row_that_agree(library: MediaLibrary, root: Path) -> None:
    jpeg = jpeg_of()
    made = library.add_photo(jpeg, FACTS, "cat", NOON)
    assert (made.filename, made.kind, made.date, made.size_bytes) == ("cat.jpg", Kind.PHOTO, NOON, len(jpeg))
    assert (made.width_px, made.height_px, made.ready, made.protected) == (64, 48, True, False)
    assert library.path_of(made).read_bytes() == jpeg
    assert library.get(made.id) == library.by_name("cat.jpg") == made
    assert files_in(root) == {"photos/cat.jpg"}


def test_same_name_never_overwrites(library: MediaLibrary, root: Path) -> None:
    """An ancestor silently replaced the older picture."""
    (root / "photos" / "cat-2.jpg").write_bytes(b"put there by hand")
    names = [library.add_photo(jpeg_of(shade), FACTS, "cat", NOON).filename for shade in (1, 2, 3)]
    assert names == ["cat.jpg", "cat-3.jpg", "cat-4.jpg"]
    assert (root / "photos" / "cat-2.jpg").read_bytes() == b"put there by hand"
    assert (root / "photos" / "cat.jpg").read_bytes() == jpeg_of(1)


def test_two_photos_of_one_millisecond_are_two(library: MediaLibrary) -> None:
    first, second = (library.add_photo(jpeg_of(), FACTS, None, NOON) for _ in range(2))
    assert first.filename != second.filename
    assert [media.id for media in library.page().items] == [second.id, first.id]


def test_many_threads_with_one_name_get_a_file_each(library: MediaLibrary, root: Path) -> None:
    threads = [threading.Thread(target=library.add_photo, args=(jpeg_of(n), FACTS, "cat", NOON)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(library.page().items) == len(files_in(root)) == 12


def test_photo_that_cannot_be_written_leaves_nothing(library: MediaLibrary, root: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr("store.folder.os.fsync", full)
    with pytest.raises(StoreUnavailable, match="cannot be written: No space left on device"):
        library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    monkeypatch.undo()
    assert (files_in(root), library.page().items) == (set(), ())


def test_row_that_cannot_be_made_leaves_no_file(library: MediaLibrary, root: Path, monkeypatch) -> None:
    def refuse(*_: object) -> int:
        raise StoreUnavailable("locked")

    monkeypatch.setattr(library, "_insert", refuse)
    with pytest.raises(StoreUnavailable, match="locked"):
        library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    assert files_in(root) == set()


def test_pages_follow_each_other_without_gap_or_repeat(library: MediaLibrary) -> None:
    made = [library.add_photo(jpeg_of(), FACTS, f"p{n}", NOON + timedelta(seconds=n // 3)).id for n in range(10)]
    seen, cursor = [], None
    while True:
        page = library.page(cursor=cursor, limit=4)
        seen += [media.id for media in page.items]
        if seen == [made[9], made[8], made[7], made[6]]:
            library.add_photo(jpeg_of(), FACTS, "newer", NOON + timedelta(hours=1))
        cursor = page.next
        if cursor is None:
            break
    assert seen == made[::-1]


def test_pages_can_be_of_a_kind_a_time_or_a_name(library: MediaLibrary) -> None:
    for day in range(3):
        library.add_photo(jpeg_of(), FACTS, f"Cat {day}", NOON + timedelta(days=day))
    add_clip(library)

    def names(**wanted: object) -> list[str]:
        return [media.filename for media in library.page(Filter(**wanted)).items]

    assert names(kind=Kind.VIDEO) == ["talk.mp4"]
    day = timedelta(days=1)
    assert names(since=NOON + day, before=NOON + 2 * day) == ["Cat 1.jpg"]
    assert names(text="cAT 2") == ["Cat 2.jpg"]
    assert names(text="%") == []


@pytest.mark.parametrize("cursor", ["x", "2026-01-01", "yesterday_3", "2026-01-01T00:00:00Z_x"])
def test_cursor_that_is_none_is_refused(library: MediaLibrary, cursor: str) -> None:
    with pytest.raises(BadField, match="cursor"):
        library.page(cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, MOST_PER_PAGE + 1])
def test_limit_has_its_bounds(library: MediaLibrary, limit: int) -> None:
    with pytest.raises(BadField, match=f"limit {limit} is outside 1..500"):
        library.page(limit=limit)


def test_rename_moves_the_file_and_keeps_its_extension(library: MediaLibrary, root: Path) -> None:
    first, second = (library.add_photo(jpeg_of(n), FACTS, name, NOON) for n, name in ((1, "a"), (2, "b")))
    assert library.rename(first.id, "Katze.jpg").filename == "Katze.jpg"
    assert library.rename(second.id, "Katze").filename == "Katze-2.jpg"
    assert files_in(root) == {"photos/Katze.jpg", "photos/Katze-2.jpg"}
    assert library.path_of(library.get(second.id)).read_bytes() == jpeg_of(2)
    assert library.rename(first.id, "Katze").filename == "Katze.jpg", "its own name is not in its way"
    assert library.rename(first.id, "a").filename == "a.jpg", "a name that was given up can be had again"
    with pytest.raises(BadField, match="has nothing in it"):
        library.rename(first.id, "///")
    with pytest.raises(NoSuchItem):
        library.rename(99, "x")


def test_removed_items_are_gone_with_files_and_small_pictures(library: MediaLibrary, root: Path) -> None:
    items = [library.add_photo(jpeg_of(), FACTS, "p", NOON) for _ in range(3)]
    for media in items:
        library.keep_thumb(media.id, b"small")
    assert library.remove([items[0].id, items[1].id, 99]) == 2
    assert files_in(root) == {"photos/p-3.jpg", f"thumbs/{items[2].id}.jpg"}
    with pytest.raises(NoSuchItem, match=f"there is no item {items[0].id}"):
        library.get(items[0].id)


def test_more_items_than_fit_into_one_statement_are_removed(library: MediaLibrary, root: Path) -> None:
    ids = [library.add_photo(b"x", FACTS, "p", NOON).id for _ in range(3)]
    assert library.remove([*range(10**6, 10**6 + 1200), *ids]) == 3
    assert files_in(root) == set()


def test_protected_items_are_never_offered_for_removal(library: MediaLibrary) -> None:
    old, new = (library.add_photo(jpeg_of(), FACTS, None, NOON + timedelta(hours=n)) for n in range(2))
    add_clip(library)
    assert [media.id for media in library.oldest(None, 10)] == [old.id, new.id], "what is no film yet does not count"
    assert library.protect([old.id]) == 1
    assert [media.id for media in library.oldest(Kind.PHOTO, 10)] == [new.id]
    library.protect([old.id], is_protected=False)
    assert [media.id for media in library.oldest(None, 10, before=new.date)] == [old.id]


def test_totals_count_every_kind(library: MediaLibrary) -> None:
    size = library.add_photo(jpeg_of(), FACTS, None, NOON).size_bytes
    assert library.totals() == {Kind.PHOTO: Total(1, size), Kind.VIDEO: Total(0, 0), Kind.TIMELAPSE: Total(0, 0)}


def test_clip_becomes_a_film_and_its_segments_go(library: MediaLibrary, root: Path) -> None:
    clip = add_clip(library)
    assert (clip.filename, clip.ready, clip.folder, clip.dropped) == ("talk.mp4", False, "clip-1", 1)
    assert library.waiting() == [clip]
    assert library.known_folders() == {"clip-1"}
    with pytest.raises(NotReady, match="is not a film yet: it is still being made"):
        library.path_of(clip)
    film = library.folder.partial / "film.mp4"
    film.write_bytes(FILM)
    done = library.finish(clip.id, film, FILM_FACTS)
    assert (done.id, done.filename, done.ready, done.duration_s, done.frames) == (clip.id, "talk.mp4", True, 2.0, 60)
    assert (library.waiting(), done.dropped) == ([], 1)
    assert files_in(root) == {"videos/talk.mp4"}


def test_film_does_not_overwrite_a_file_that_took_its_name_meanwhile(library: MediaLibrary, root: Path) -> None:
    clip = add_clip(library)
    (root / "videos" / "talk.mp4").write_bytes(b"somebody's")
    film = library.folder.partial / "film.mp4"
    film.write_bytes(FILM)
    assert library.finish(clip.id, film, FILM_FACTS).filename == "talk-2.mp4"
    assert (root / "videos" / "talk.mp4").read_bytes() == b"somebody's"


def test_clip_that_cannot_become_a_film_keeps_its_segments_and_says_why(library: MediaLibrary, root: Path) -> None:
    clip = add_clip(library)
    library.fail(clip.id, "the encoder died")
    assert (library.waiting(), library.get(clip.id).fault) == ([], "the encoder died")
    assert files_in(root) == {"partial/clip-1/seg-0001.mkv"}
    assert library.retry(clip.id).fault is None
    assert library.rename(clip.id, "speech").filename == "speech.mp4"
    assert library.remove([clip.id]) == 1
    assert files_in(root) == set()


def test_file_somebody_put_there_can_be_added(library: MediaLibrary, root: Path) -> None:
    (root / "photos" / "holiday.jpg").write_bytes(jpeg_of())
    made = library.add_found(Kind.PHOTO, "holiday.jpg")
    assert (made.filename, made.width_px) == ("holiday.jpg", 64)
    with pytest.raises(NameTaken, match=r"holiday\.jpg is in the library already"):
        library.add_found(Kind.PHOTO, "holiday.jpg")
    with pytest.raises(NoSuchItem, match=r"there is no file none\.jpg"):
        library.add_found(Kind.PHOTO, "none.jpg")
    (root / "photos" / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(NotPlayable, match=r"bad\.jpg is not a picture"):
        library.add_found(Kind.PHOTO, "bad.jpg")


@pytest.mark.parametrize("name", ["../media.db", "/etc/passwd", "a/b.jpg", "", ".hidden.jpg", "a\0.jpg"])
def test_only_plain_names_can_be_added(library: MediaLibrary, name: str) -> None:
    """Path traversal through `filename` was a fault of an ancestor."""
    with pytest.raises(BadField, match="plain name"):
        library.add_found(Kind.PHOTO, name)


def test_link_to_a_file_elsewhere_is_no_file(library: MediaLibrary, root: Path) -> None:
    (root / "photos" / "passwd.jpg").symlink_to("/etc/passwd")
    with pytest.raises(NoSuchItem):
        library.add_found(Kind.PHOTO, "passwd.jpg")


def test_folder_whose_disk_was_changed_is_not_written_to(library: MediaLibrary, root: Path) -> None:
    """What is written below a mount point while its disk is away fills the card and is never seen again."""
    root.rename(root.with_name("unmounted"))
    root.mkdir()
    with pytest.raises(StoreUnavailable, match="is not the one it was: its disk was unmounted"):
        library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    assert files_in(root) == set()
    root.rmdir()
    with pytest.raises(StoreUnavailable, match="is gone"):
        library.add_photo(jpeg_of(), FACTS, "cat", NOON)


def test_disk_that_belongs_here_has_to_be_mounted(tmp_path: Path) -> None:
    fstab = tmp_path / "fstab"
    fstab.write_text("# disks\n/dev/sda1 /mnt/usb\\040stick vfat\nproc /proc proc\n/dev/sda2 / ext4\nswap none swap\n")
    below, stick = Path("/mnt/usb stick/media"), Path("/mnt/usb stick")
    assert missing_mount(below, fstab, is_mounted=lambda path: path != stick) == stick
    assert missing_mount(below, fstab, is_mounted=lambda path: True) is None
    assert missing_mount(Path("/home/pi/media"), fstab, is_mounted=lambda path: path == Path("/")) is None
    assert missing_mount(below, tmp_path / "none") is None


def test_changes_are_told(root: Path) -> None:
    told = []
    with opened_library(root, on_change=lambda: told.append(1)) as library:
        made = library.add_photo(jpeg_of(), FACTS, "cat", NOON)
        library.rename(made.id, "dog")
        library.protect([made.id])
        library.remove([made.id])
    assert len(told) == 4


def test_inspect_of_these_tests_is_strict(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(jpeg_of()[:100])
    with pytest.raises(NotPlayable):
        inspect(path, Kind.PHOTO)


@pytest.fixture
def removing(library: MediaLibrary, monkeypatch: pytest.MonkeyPatch):
    """cat.jpg is being removed, its file is gone, and whoever does it goes by what it read before: (its end)."""
    media = library.add_photo(jpeg_of(1), FACTS, "cat", NOON)
    has_read, may_go_on = threading.Event(), threading.Event()
    remove = library.folder.remove

    def late(path: str) -> None:
        has_read.set()
        assert may_go_on.wait(10)
        remove(path)

    monkeypatch.setattr(library.folder, "remove", late)
    thread = threading.Thread(target=library.remove, args=([media.id],))
    thread.start()
    assert has_read.wait(10)
    library.folder.path_of(Kind.PHOTO, "cat.jpg").unlink()

    def end() -> None:
        may_go_on.set()
        thread.join(10)

    yield end
    end()


def test_new_file_is_not_taken_for_the_one_of_its_name_that_is_being_removed(library, removing) -> None:
    """A list of files to remove is older than the new file: cat.jpg was lost, and its row stayed."""
    made = library.add_photo(jpeg_of(2), FACTS, "cat", NOON)
    removing()
    assert made.filename == "cat-2.jpg"
    assert library.path_of(made).read_bytes() == jpeg_of(2)
    assert library.add_photo(jpeg_of(4), FACTS, "cat", NOON).filename == "cat.jpg", "now it can be had again"


def test_file_found_under_a_name_that_is_being_removed_gets_no_row(library, removing) -> None:
    path = library.folder.path_of(Kind.PHOTO, "cat.jpg")
    path.write_bytes(jpeg_of(2))
    with pytest.raises(NameTaken, match="about to go"):
        library.add_found(Kind.PHOTO, "cat.jpg")
    removing()
    path.write_bytes(jpeg_of(3))
    assert library.path_of(library.add_found(Kind.PHOTO, "cat.jpg")).read_bytes() == jpeg_of(3)


def test_only_a_name_in_use_is_called_a_name_in_use(library: MediaLibrary, root: Path) -> None:
    """Whatever SQLite refused was said to be "in the library already"."""
    with library.database.transaction() as connection:
        connection.execute(
            "CREATE TRIGGER no_small_ones BEFORE INSERT ON media WHEN new.width_px < 100"
            " BEGIN SELECT RAISE (ABORT, 'too small for this house'); END"
        )
    with pytest.raises(StoreUnavailable, match="refused a row: too small for this house"):
        library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    with pytest.raises(StoreUnavailable, match=r"NOT NULL constraint failed: media\.width_px"):
        library.add_photo(jpeg_of(), Facts(None, 480), "cat", NOON)
    assert files_in(root) == set(), "a file without a row goes again"


def test_what_somebody_made_who_is_gone_by_now_is_kept_without_a_name(library: MediaLibrary) -> None:
    """A recording ends after its maker was removed: it was refused as a "name taken", and its clip lost."""
    gone = 77
    photo = library.add_photo(jpeg_of(), FACTS, "cat", NOON, account_id=gone, parent_id=gone)
    clip = library.add_clip("clip-1", "talk", NOON, 7, FILM_FACTS, account_id=gone)
    assert (photo.account_id, photo.parent_id, clip.account_id) == (None, None, None)
