"""Check and repair: rows and files agree again, and nothing of anybody's is thrown away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import killed_in_the_end
from library_by_hand import FACTS, FILM, FILM_FACTS, files_in, inspect, jpeg_of, opened_library

from errors import StoreUnavailable
from store.library import MediaLibrary
from store.media import Facts, Kind
from store.repair import Repair, Report

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER_S = 7200.0


def repaired(library: MediaLibrary, **options) -> Report:
    """As two hours later, when every file has settled."""
    return Repair(library, inspect, wall_clock=lambda: time.time() + LATER_S, **options).run()


def rows_and_files_agree(library: MediaLibrary, root: Path) -> bool:
    rows = {f"{media.kind.folder}/{media.filename}" for media in library.page(limit=500).items if media.ready}
    return rows == {name for name in files_in(root) if name.startswith(("photos/", "videos/", "timelapse/"))}


def test_sound_library_is_left_alone(library: MediaLibrary, root: Path) -> None:
    library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    assert repaired(library) == Report(checked=1)
    assert rows_and_files_agree(library, root)


def test_file_removed_by_hand_takes_its_row_along(library: MediaLibrary, root: Path) -> None:
    made = library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    library.path_of(made).unlink()
    assert repaired(library).lost == ("cat.jpg",)
    assert library.page().items == ()


def test_row_removed_by_hand_comes_back(library: MediaLibrary, root: Path) -> None:
    made = library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    with library.database.transaction() as connection:
        connection.execute("DELETE FROM media")
    assert repaired(library).added == ("cat.jpg",)
    found = library.by_name("cat.jpg")
    assert (found.size_bytes, found.width_px) == (made.size_bytes, 64)


def test_files_dropped_into_the_folder_get_rows_and_rubbish_is_kept_aside(library: MediaLibrary, root: Path) -> None:
    (root / "photos" / "good.JPG").write_bytes(jpeg_of())
    (root / "photos" / "bad.jpg").write_bytes(b"rubbish")
    (root / "photos" / "notes.txt").write_bytes(b"notes")
    (root / "photos" / "empty.jpg").write_bytes(b"")
    (root / "photos" / ".hidden.jpg").write_bytes(b"x")
    (root / "videos" / "film.mp4").write_bytes(FILM)
    (root / "videos" / "bad.jpg").write_bytes(b"other rubbish")
    report = repaired(library)
    assert set(report.added) == {"good.JPG", "film.mp4"}
    assert sorted(report.aside) == ["bad.jpg", "bad.jpg", "notes.txt"]
    assert rows_and_files_agree(library, root) is False, "the hidden one has no row"
    assert files_in(root) == {
        "photos/good.JPG", "videos/film.mp4", "photos/.hidden.jpg",
        "set-aside/bad.jpg", "set-aside/2-bad.jpg", "set-aside/notes.txt",
    }  # fmt: skip
    assert repaired(library).is_clean


def test_file_that_is_still_being_copied_is_left_alone(library: MediaLibrary, root: Path) -> None:
    (root / "photos" / "half.jpg").write_bytes(jpeg_of()[:200])
    assert Repair(library, inspect).run().left == ("half.jpg",)
    assert (root / "photos" / "half.jpg").exists()


def test_ten_thousand_files_get_their_rows_with_progress(library: MediaLibrary, root: Path) -> None:
    source = root / "photos" / "0.jpg"
    source.write_bytes(jpeg_of())
    for number in range(1, 10_000):
        (root / "photos" / f"{number}.jpg").hardlink_to(source)
    seen: list[tuple[int, int]] = []
    fast = Repair(library, lambda path, kind: FACTS, on_progress=lambda *now: seen.append(now))
    library._inspect = lambda path, kind: Facts(1, 1)
    with library.database.transaction() as connection:
        connection.execute("PRAGMA synchronous = OFF")
    assert len(fast.run().added) == 10_000
    assert library.totals()[Kind.PHOTO].count == 10_000
    assert seen[0] == (100, 10_000)
    assert seen[-1] == (10_000, 10_000)


def test_repair_can_be_stopped_and_what_is_done_is_whole(library: MediaLibrary, root: Path) -> None:
    for number in range(5):
        (root / "photos" / f"{number}.jpg").write_bytes(jpeg_of())
    looks = iter([False, False, True])
    assert len(repaired(library, is_stopped=lambda: next(looks)).added) == 2
    assert library.totals()[Kind.PHOTO].count == 2
    assert len(repaired(library).added) == 3


def test_film_that_was_in_place_when_the_power_went_is_taken(library: MediaLibrary, root: Path) -> None:
    (root / "partial" / "clip-1").mkdir()
    clip = library.add_clip("clip-1", "talk", NOON, 7, FILM_FACTS)
    (root / "videos" / "talk.mp4").write_bytes(FILM)
    assert repaired(library).finished == ("talk.mp4",)
    assert library.get(clip.id).ready
    assert not (root / "partial" / "clip-1").exists()


def test_file_of_somebody_with_the_name_of_a_clip_does_not_replace_it(library: MediaLibrary, root: Path) -> None:
    (root / "partial" / "clip-1").mkdir()
    clip = library.add_clip("clip-1", "talk", NOON, 7, Facts(64, 48, 300.0, 9000))
    (root / "videos" / "talk.mp4").write_bytes(FILM)
    assert repaired(library).finished == ()
    assert not library.get(clip.id).ready
    assert (root / "partial" / "clip-1").exists()


def test_disk_that_went_away_costs_no_row(library: MediaLibrary, root: Path) -> None:
    library.add_photo(jpeg_of(), FACTS, "cat", NOON)
    root.rename(root.with_name("unmounted"))
    root.mkdir()
    with pytest.raises(StoreUnavailable):
        repaired(library)
    assert library.by_name("cat.jpg") is not None


def test_old_leftovers_of_a_power_cut_go_and_young_ones_stay(library: MediaLibrary, root: Path) -> None:
    (root / "partial" / ".new-old.jpg").write_bytes(b"x")
    repaired(library)
    (root / "partial" / ".new-young.jpg").write_bytes(b"x")
    Repair(library, inspect).run()
    assert files_in(root) == {"partial/.new-young.jpg"}


# For each line it is told, it makes a process, which says its number once it works, and then how that one ended.
MOTHER = """
import os
import sys
import time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from library_by_hand import FACTS, jpeg_of, opened_library

def work():
    with opened_library(Path(sys.argv[1])) as library:
        print(os.getpid(), flush=True)
        number, until = 0, time.monotonic() + 30
        while time.monotonic() < until:
            ids = [library.add_photo(jpeg_of(number % 256), FACTS, f"p{number}").id for _ in range(4)]
            library.rename(ids[3], "renamed")
            library.remove(ids[:3])
            number += 1

while sys.stdin.readline():
    child = os.fork()
    if not child:
        work()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def mother(root: Path) -> Iterator[subprocess.Popen[str]]:
    paths = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    command = [sys.executable, "-c", MOTHER, str(root), *paths]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    with killed_in_the_end(started) as mother:
        yield mother


def test_after_a_kill_at_any_moment_every_row_has_its_file_and_every_file_its_row(
    root: Path, mother: subprocess.Popen[str]
) -> None:
    """20 times: killed while it adds, renames and removes as fast as it can."""
    for turn in range(20):
        mother.stdin.write("another\n")
        child = int(mother.stdout.readline())
        threading.Event().wait(0.02 + turn * 0.007)
        os.kill(child, signal.SIGKILL)
        assert int(mother.stdout.readline()) == -signal.SIGKILL
        with opened_library(root) as library:
            kept = [media for media in library.page(limit=500).items if media.filename.startswith("renamed")]
            report = repaired(library)
            assert not report.aside
            assert rows_and_files_agree(library, root)
            assert all(library.by_name(media.filename) for media in kept), "what was kept is still there"
            assert repaired(library).is_clean
