"""The media library while somebody else comes exactly in between: renames, removals, recordings that begin."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from clips import write_clip
from fakes import DEADLINE_S, basic, wait_until
from library_by_hand import FACTS, FILM, FILM_FACTS, files_in, inspect, jpeg_of

from camera.clip import Clip
from camera.salvage import salvage
from errors import NoSuchItem
from jobs.clips import Clips, preview_of
from jobs.inspect import inspect as inspect_in_earnest
from jobs.upkeep import Upkeep
from store.anew import new_database
from store.library import MediaLibrary
from store.media import Kind, Media
from store.repair import Repair, Report

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER_S = 7200.0
ADMIN = {"Authorization": basic()}


@pytest.fixture
def once_after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let something happen right after the first call of a method."""

    def arrange(owner: object, method: str, happen: Callable[[], object]) -> None:
        real, waiting = getattr(owner, method), [happen]

        def gate(*arguments: Any, **named: Any) -> Any:
            found = real(*arguments, **named)
            if waiting:
                waiting.pop()()
            return found

        monkeypatch.setattr(owner, method, gate)

    return arrange


def repaired(library: MediaLibrary) -> Report:
    """As two hours later, when every file has settled."""
    return Repair(library, inspect, wall_clock=lambda: time.time() + LATER_S).run()


def add_clip(library: MediaLibrary) -> tuple[Media, Path]:
    """A clip that waits to become a film, and the film."""
    folder = library.folder.partial / "clip-1"
    folder.mkdir()
    film = folder / "film.mp4"
    film.write_bytes(FILM)
    return library.add_clip("clip-1", "talk", NOON, 7, FILM_FACTS), film


def test_clip_that_becomes_a_film_while_it_is_renamed_has_its_file_under_the_new_name(
    library: MediaLibrary, root: Path, once_after
) -> None:
    """The row got the new name and the file kept the old one: the next check took the row away, with all it knew."""
    clip, film = add_clip(library)
    once_after(library, "is_in_use", lambda: library.finish(clip.id, film, FILM_FACTS))
    renamed = library.rename(clip.id, "speech")
    assert (renamed.filename, renamed.ready) == ("speech.mp4", True)
    assert library.path_of(renamed).read_bytes() == FILM
    assert files_in(root) == {"videos/speech.mp4"}


def test_clip_that_is_renamed_while_its_film_gets_its_place_keeps_the_new_name(
    library: MediaLibrary, root: Path, once_after
) -> None:
    clip, film = add_clip(library)
    once_after(library.folder, "place", lambda: library.rename(clip.id, "speech"))
    assert library.finish(clip.id, film, FILM_FACTS).filename == "speech.mp4"
    assert library.get(clip.id).ready
    assert files_in(root) == {"videos/speech.mp4"}


def test_clip_that_is_removed_while_its_film_gets_its_place_does_not_come_back(
    library: MediaLibrary, root: Path, once_after
) -> None:
    """The film stayed without a row, and the next check and repair made it an item again."""
    clip, film = add_clip(library)
    once_after(library.folder, "place", lambda: library.remove([clip.id]))
    with pytest.raises(NoSuchItem):
        library.finish(clip.id, film, FILM_FACTS)
    assert files_in(root) == set()
    assert repaired(library) == Report()


def test_photo_that_is_removed_while_it_is_renamed_does_not_come_back(
    library: MediaLibrary, root: Path, once_after
) -> None:
    photo = library.add_photo(jpeg_of(), FACTS, "cat")
    once_after(library.folder, "copy_to_new_name", lambda: library.remove([photo.id]))
    with pytest.raises(NoSuchItem):
        library.rename(photo.id, "tom")
    assert files_in(root) == set()


def test_photo_that_two_rename_at_once_is_one_photo(library: MediaLibrary, root: Path, once_after) -> None:
    photo = library.add_photo(jpeg_of(), FACTS, "cat")
    once_after(library.folder, "copy_to_new_name", lambda: library.rename(photo.id, "tom"))
    assert library.rename(photo.id, "kitty").filename == "kitty.jpg"
    assert files_in(root) == {"photos/kitty.jpg"}


def test_photo_that_goes_while_the_folder_is_read_does_not_end_the_check(
    library: MediaLibrary, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention removes beside every check at the start; the missing file ended the check, and its thread for good."""
    cat, tom = (library.add_photo(jpeg_of(), FACTS, name) for name in ("cat", "tom"))
    real = library.folder.files_of

    def entries(kind: Kind) -> list[os.DirEntry[str]]:
        found = list(real(kind))
        library.remove([cat.id])
        return found

    monkeypatch.setattr(library.folder, "files_of", entries)
    assert repaired(library) == Report(checked=1)
    assert [media.id for media in library.page().items] == [tom.id]


def test_temporary_file_that_gets_its_name_meanwhile_does_not_end_the_check(
    library: MediaLibrary, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = root / "partial" / ".new-1.jpg"
    temporary.write_bytes(b"x")
    real = Path.glob

    def glob(self: Path, pattern: str) -> list[Path]:
        found = list(real(self, pattern))
        temporary.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Path, "glob", glob)
    assert repaired(library) == Report()


def test_broken_file_that_goes_while_it_is_looked_at_is_no_finding(library: MediaLibrary, root: Path) -> None:
    path = root / "photos" / "bad.jpg"
    path.write_bytes(b"rubbish")

    def inspect_late(path: Path, kind: Kind) -> Any:
        path.unlink()
        return inspect_in_earnest(path, kind)

    library._inspect = inspect_late
    assert Repair(library, inspect_late, wall_clock=lambda: time.time() + LATER_S).run() == Report(checked=1)
    assert files_in(root) == set()


def test_photo_that_is_renamed_during_a_check_keeps_its_row(
    library: MediaLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added after the folder was read, its row read under the old name, its file looked for when it had the new one."""
    real = library.in_order_of_number

    def rows() -> Iterator[Media]:
        library.add_photo(jpeg_of(), FACTS, "cat")
        for media in real():
            library.rename(media.id, "tom")
            yield media

    monkeypatch.setattr(library, "in_order_of_number", rows)
    assert repaired(library).lost == ()
    assert [media.filename for media in library.page().items] == ["tom.jpg"]


def test_recording_that_begins_during_a_salvage_is_left_alone(library: MediaLibrary, once_after) -> None:
    """It was no leftover and had no row, so the folder it was recorded into was removed under it."""
    partial = library.folder.partial
    write_clip(partial / "20260101T120000", [(0.0, jpeg_of(1)), (0.5, jpeg_of(2))])
    clips = Clips(library)
    clips.find_leftovers()
    now = [partial / "20260601T120000", partial / "timelapse-20260601T120000"]
    once_after(library, "known_folders", lambda: [folder.mkdir() for folder in now])
    clips.salvage()
    assert [media.folder for media in library.waiting()] == ["20260101T120000"]
    assert all(folder.is_dir() for folder in now)


def test_preview_of_stills_ends_when_their_film_is_ready(library: MediaLibrary) -> None:
    folder = library.folder.partial / "timelapse-1"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number:08}.jpg").write_bytes(jpeg_of(number))
    media = library.add_clip("timelapse-1", "day", NOON, 7, FILM_FACTS, kind=Kind.TIMELAPSE)
    pictures = preview_of(media, library.folder.partial)
    assert next(pictures)[1] == jpeg_of(0)
    library.remove([media.id])
    assert list(pictures) == []


def test_check_that_fails_by_a_fault_of_ours_is_over_and_can_be_asked_for_again(library: MediaLibrary, caplog) -> None:
    """Its thread ended, and for ever after a check "ran already"."""
    faults = [RuntimeError("a fault in a test"), OSError(5, "Input/output error")]

    def salvage() -> None:
        if faults:
            raise faults.pop(0)

    upkeep = Upkeep(library, inspect, salvage)
    upkeep.start()
    said = []
    for _ in range(3):
        upkeep.ask()
        wait_until(lambda: not upkeep.state.is_running, "the end of the check")
        said.append(upkeep.state.fault)
    upkeep.stop()
    assert said == ["a fault in the program: a fault in a test", "a fault in the program: [Errno 5] Input/output error",
                    None]  # fmt: skip
    assert upkeep.state.report == Report()


def test_film_that_gets_its_place_while_the_list_is_begun_anew_is_kept(
    library: MediaLibrary, root: Path, once_after
) -> None:
    """Nobody removed it: only its row went."""
    clip, film = add_clip(library)
    once_after(library.folder, "place", lambda: new_database(library.database, library))
    with pytest.raises(NoSuchItem):
        library.finish(clip.id, film, FILM_FACTS)
    assert {name for name in files_in(root) if not name.startswith("media.db")} == {"videos/talk.mp4"}
    assert repaired(library).added == ("talk.mp4",)


def test_photo_that_is_protected_while_many_are_removed_stays(client, rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who protected it was told so, and then it was removed, because the other had looked before."""
    photos = [rig.library.add_photo(jpeg_of(), FACTS, name).id for name in ("cat", "tom")]
    remove = rig.library.remove

    def late(*arguments: Any, **named: Any) -> int:
        rig.library.protect(photos[:1])
        return remove(*arguments, **named)

    monkeypatch.setattr(rig.library, "remove", late)
    answer = client.post("/api/media/delete", json={"ids": photos}, headers=ADMIN)
    assert answer.json == {"removed": 1, "kept_protected": photos[:1]}
    assert [media.id for media in rig.library.page().items] == photos[:1]


@pytest.mark.parametrize(("what", "status"), [("url", 409), ("thumb_url", 200)])
def test_file_that_goes_when_it_was_just_found_is_no_fault_of_ours(
    client, rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, what: str, status: int
) -> None:
    """A page loads small pictures while somebody removes some."""
    photo = rig.library.add_photo(jpeg_of(), FACTS, "cat")
    address = client.get(f"/api/media/{photo.id}", headers=ADMIN).json[what]
    files = {rig.library.path_of(photo), rig.library.keep_thumb(photo.id, jpeg_of())}
    is_file = Path.is_file

    def vanishing(path: Path) -> bool:
        found = is_file(path)
        if path in files:
            path.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Path, "is_file", vanishing)
    with client.get(address, headers=ADMIN) as response:
        assert response.status_code == status
    assert "a fault of ours" not in caplog.text


def test_recording_that_another_process_salvages_meanwhile_becomes_one_item(
    library: MediaLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program was started while `database_manager.py check` still read what a crash had left."""
    write_clip(library.folder.partial / "20260101T120000", [(0.0, jpeg_of(1)), (0.5, jpeg_of(2))])
    here, there = Clips(library), Clips(library)
    here.find_leftovers()
    there.find_leftovers()
    read = salvage

    def late(*arguments: Any) -> list[Clip]:
        found = read(*arguments)
        monkeypatch.undo()
        there.salvage()
        return found

    monkeypatch.setattr("jobs.clips.salvage", late)
    here.salvage()
    assert [media.folder for media in library.waiting()] == ["20260101T120000"]


def test_files_without_a_row_are_listed_while_some_go(client, rig, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_until(lambda: not rig.upkeep.state.is_running, "the first check")
    for name in ("one.jpg", "two.jpg"):
        (rig.folder.root / "photos" / name).write_bytes(jpeg_of())
    files_of = rig.folder.files_of

    def going(kind: Kind) -> list[os.DirEntry[str]]:
        found = list(files_of(kind))
        (rig.folder.root / "photos" / "one.jpg").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(rig.folder, "files_of", going)
    answer = client.get("/api/media/unknown", headers=ADMIN)
    assert [file["filename"] for file in answer.json["files"]] == ["two.jpg"]


class Adding:
    """A photo that is being added by a thread of its own: its file is there, its row is not, until `finish`."""

    def __init__(self, library: MediaLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
        self._has_place, self._may_go_on = threading.Event(), threading.Event()
        self._insert = library._insert
        monkeypatch.setattr(library, "_insert", self._gate)
        self._thread = threading.Thread(target=library.add_photo, args=(jpeg_of(1), FACTS, "cat", NOON), daemon=True)
        self._thread.start()
        assert self._has_place.wait(DEADLINE_S)

    def _gate(self, *arguments: Any) -> int:
        self._has_place.set()
        assert self._may_go_on.wait(DEADLINE_S)
        return self._insert(*arguments)

    def finish(self) -> None:
        self._may_go_on.set()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()

    def finish_between(self, library: MediaLibrary, once_after: Callable[..., None]) -> None:
        """As soon as somebody looked for its claim or for its row, whichever comes first."""
        for look in ("is_being_added", "by_name"):
            once_after(library, look, self.finish)


def test_check_leaves_out_a_photo_that_gets_its_row_while_it_is_looked_for(
    library: MediaLibrary, once_after, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row yet, and no claim any more: looked for in that order, it was a finding."""
    adding = Adding(library, monkeypatch)
    adding.finish_between(library, once_after)
    report = repaired(library)
    adding.finish()
    assert report == Report(checked=1)
    assert [media.filename for media in library.page().items] == ["cat.jpg"]


def test_photo_that_gets_its_row_while_it_is_looked_for_is_no_unknown_file(
    client, rig, once_after, monkeypatch: pytest.MonkeyPatch
) -> None:
    adding = Adding(rig.library, monkeypatch)
    adding.finish_between(rig.library, once_after)
    answer = client.get("/api/media/unknown", headers=ADMIN)
    adding.finish()
    assert answer.json == {"files": []}
