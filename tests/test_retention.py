"""Retention over a real library on a real disk: what must go goes to the minute, what must stay stays."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clips import small_disk
from fakes import ScriptedCamera, basic, wait_until
from library_by_hand import FACTS, FILM_FACTS, files_in, jpeg_of, opened_library

from app import Site
from errors import NoCamera, NoSpace, StoreUnavailable
from jobs.removal_plan import GB
from jobs.retention import PERIOD_S, PLAYED_S, Retention, RetentionState
from jobs.scheduler import Scheduler
from rig import Rig
from settings import RetentionSettings
from store.library import MediaLibrary
from store.media import Kind, Media

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
OFF = {"min_free_gb": 0.0}
BIG = bytes(500_000)


class Time:
    """Both clocks; `pass_` lets time go by, `set_back` turns only the one on the wall."""

    def __init__(self) -> None:
        self.date = NOON
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.date

    def clock(self) -> float:
        return self.seconds

    def pass_(self, span: timedelta) -> None:
        self.date += span
        self.seconds += span.total_seconds()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def library(root: Path, time: Time) -> Iterator[MediaLibrary]:
    with opened_library(root, now=time.now) as found:
        yield found


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    if os.geteuid() and not os.environ.get("CI"):
        pytest.skip("only root can mount a small disk")
    with small_disk(tmp_path / "disk", "8m") as found:
        yield found


@pytest.fixture
def small(disk: Path, time: Time) -> Iterator[MediaLibrary]:
    """A library on the small disk."""
    with opened_library(disk / "media", now=time.now) as found:
        yield found


def retention(library: MediaLibrary, time: Time, **rules: float) -> Retention:
    return Retention(library, RetentionSettings(**{**OFF, **rules}), clock=time.clock, now=time.now)


def photo(library: MediaLibrary, date: datetime, name: str | None = None, content: bytes = b"", **options) -> Media:
    return library.add_photo(jpeg_of() + content, FACTS, name, date, **options)


def names(library: MediaLibrary) -> list[str]:
    return sorted(media.filename for media in library.page(limit=500).items)


def test_an_item_goes_in_the_minute_it_reaches_its_age_with_row_file_and_thumb(
    library: MediaLibrary, root: Path, time: Time
) -> None:
    made = photo(library, NOON, "cat")
    library.keep_thumb(made.id, jpeg_of())
    keeper = retention(library, time, photo_days=1)
    time.pass_(DAY - MINUTE)
    keeper.run()
    assert names(library) == ["cat.jpg"]
    time.pass_(MINUTE)
    keeper.run()
    assert names(library) == []
    assert files_in(root) == set()
    assert keeper.state.last is not None
    assert (keeper.state.last.filename, keeper.state.last.at, keeper.state.last.count) == ("cat.jpg", time.date, 1)
    assert "photo_days" in keeper.state.last.why


def test_it_is_looked_at_every_minute_and_in_the_very_moment_something_is_due(
    library: MediaLibrary, time: Time
) -> None:
    keeper = retention(library, time, photo_days=1)
    assert keeper.run() == time.seconds + PERIOD_S
    photo(library, NOON - DAY + timedelta(seconds=12.5), "cat")
    due_at = keeper.run()
    assert due_at == time.seconds + 12.5
    time.pass_(timedelta(seconds=12.5))
    keeper.run()
    assert names(library) == []


def test_whole_days_by_the_minute_under_the_scheduler(library: MediaLibrary, time: Time) -> None:
    """A photo every 5 minutes for three days; each lives one day, to the minute, with no other help than time."""
    keeper, scheduler = retention(library, time, photo_days=0.01), Scheduler(time.clock)
    lifetime = timedelta(days=0.01)
    scheduler.plan("retention", keeper.run)
    born: dict[int, datetime] = {}
    for minute in range(60):
        if minute % 5 == 0:
            born[photo(library, time.date).id] = time.date
        wait_s = scheduler.run_due()
        alive = {media.id for media in library.page(limit=500).items}
        assert alive == {number for number, date in born.items() if date + lifetime > time.date}
        assert wait_s <= PERIOD_S
        time.pass_(MINUTE)


def test_counts_and_sizes_are_kept_per_kind_and_the_oldest_go(library: MediaLibrary, time: Time) -> None:
    for number in range(5):
        photo(library, NOON - number * MINUTE, f"photo{number}")
        photo(library, NOON - number * MINUTE, f"still{number}", BIG, kind=Kind.TIMELAPSE)
    retention(library, time, photo_count=2, timelapse_gb=0.0012).run()
    assert names(library) == ["photo0.jpg", "photo1.jpg", "still0.jpg", "still1.jpg"]


def test_protected_items_survive_every_rule(small: MediaLibrary, time: Time) -> None:
    kept = [photo(small, NOON - 300 * DAY, f"kept{number}", BIG, expires_at=NOON - DAY) for number in range(3)]
    photo(small, NOON - 300 * DAY, "other", BIG)
    small.protect([media.id for media in kept])
    keeper = retention(small, time, photo_days=1, photo_count=1, photo_gb=0.0001, min_free_gb=1, min_free_percent=90)
    keeper.run()
    with pytest.raises(NoSpace):
        keeper.ensure_room()
    assert names(small) == ["kept0.jpg", "kept1.jpg", "kept2.jpg"]


def test_protected_in_the_last_moment_is_protected(library: MediaLibrary, time: Time, monkeypatch) -> None:
    """Between the plan and the removal somebody pressed Protect."""
    made = photo(library, NOON - 3 * DAY, "cat")
    keeper = retention(library, time, photo_days=1)
    remove = library.remove

    def protect_first(media_ids: list[int], **options: bool) -> int:
        library.protect(media_ids)
        return remove(media_ids, **options)

    monkeypatch.setattr(library, "remove", protect_first)
    keeper.run()
    assert library.get(made.id).protected


def test_what_is_recorded_or_becomes_a_film_stays_and_what_failed_may_go(library: MediaLibrary, time: Time) -> None:
    clips = {}
    for name in ("converting", "failed"):
        (library.folder.partial / name).mkdir()
        clips[name] = library.add_clip(name, name, NOON - 9 * DAY, 7, FILM_FACTS)
    library.fail(clips["failed"].id, "the disk was full")
    retention(library, time, video_days=1, video_count=1, video_gb=0.000000001).run()
    assert names(library) == ["converting.mp4"]
    assert (library.folder.partial / "converting").is_dir()
    assert not (library.folder.partial / "failed").exists()


def test_what_is_played_stays_until_nobody_looks_any_more(library: MediaLibrary, time: Time) -> None:
    played, other = photo(library, NOON - 3 * DAY, "played"), photo(library, NOON - 2 * DAY, "other")
    keeper = retention(library, time, photo_days=1)
    keeper.played(played.id)
    due_at = keeper.run()
    assert [media.id for media in library.page().items] == [played.id]
    assert other.id != played.id
    assert due_at == time.seconds + PERIOD_S, "it does not ask again and again for what it must not touch"
    time.pass_(timedelta(seconds=PLAYED_S))
    keeper.run()
    assert names(library) == []


def test_an_item_goes_at_its_own_time_whatever_the_rules_are(library: MediaLibrary, time: Time) -> None:
    photo(library, NOON, "short", expires_at=NOON + HOUR)
    photo(library, NOON, "long")
    keeper = retention(library, time)
    keeper.run()
    assert keeper.state.next is not None
    assert (keeper.state.next.media.filename, keeper.state.next.at) == ("short.jpg", NOON + HOUR)
    time.pass_(HOUR - timedelta(milliseconds=1))
    keeper.run()
    assert names(library) == ["long.jpg", "short.jpg"]
    time.pass_(timedelta(milliseconds=1))
    keeper.run()
    assert names(library) == ["long.jpg"]


def test_more_than_a_batch_goes_in_turns(library: MediaLibrary, time: Time) -> None:
    with library.database.transaction() as connection:
        connection.executemany(
            "INSERT INTO media (filename, kind, date, size_bytes, width_px, height_px) VALUES (?, 'photo', ?, 1, 1, 1)",
            [(f"{number}.jpg", "2026-01-01T00:00:00.000Z") for number in range(1000)],
        )
    keeper = retention(library, time, photo_days=1)
    turns = 1
    while keeper.run() == time.seconds:
        turns += 1
    assert 4 < turns < 8
    assert library.totals()[Kind.PHOTO].count == 0


def test_clock_set_back_an_hour_costs_nothing_that_was_just_shot(library: MediaLibrary, time: Time) -> None:
    for number in range(10):
        photo(library, time.date, f"before{number}")
        time.pass_(MINUTE)
    time.date -= HOUR
    keeper = retention(library, time, photo_count=10, photo_days=1)
    for number in range(4):
        photo(library, time.date, f"after{number}")
        keeper.run()
        time.pass_(MINUTE)
    assert names(library) == [f"after{number}.jpg" for number in range(4)] + [f"before{n}.jpg" for n in range(4, 10)]


def test_dates_in_the_future_do_not_live_for_ever(library: MediaLibrary, time: Time) -> None:
    """The clock was wrong by years, then came right: what was shot meanwhile ages from then on."""
    photo(library, NOON + 4000 * DAY, "future")
    photo(library, NOON, "today")
    keeper = retention(library, time, photo_days=2)
    keeper.run()
    assert names(library) == ["future.jpg", "today.jpg"]
    time.pass_(2 * DAY)
    keeper.run()
    assert names(library) == []


def free_bytes(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def test_disk_that_fills_stays_above_its_floor_and_the_oldest_go(small: MediaLibrary, disk: Path, time: Time) -> None:
    keeper = retention(small, time, min_free_gb=0.002, min_free_percent=90)
    for number in range(40):
        keeper.ensure_room(len(BIG))
        photo(small, NOON + number * MINUTE, f"p{number:02}", BIG)
        assert free_bytes(disk) >= 2_000_000 - 50_000, "the database grows a little meanwhile"
    keeper.run()
    assert free_bytes(disk) >= 2_000_000
    left = names(small)
    assert left == [f"p{number:02}.jpg" for number in range(40 - len(left), 40)]
    assert len(left) >= 7, "no more went than was needed"
    assert keeper.state.problem is None
    assert (keeper.state.floor_bytes, keeper.state.free_bytes) == (2_000_000, free_bytes(disk))
    assert keeper.state.next is not None
    assert keeper.state.next.media.filename == left[0]


def test_disk_filled_by_others_is_refused_loudly_and_costs_no_photo(
    small: MediaLibrary, disk: Path, time: Time, caplog
) -> None:
    photo(small, NOON - DAY, "cat", BIG)
    (disk / "ballast").write_bytes(bytes(free_bytes(disk) - 1_005_000))
    shown: list[RetentionState] = []
    caplog.set_level("INFO")
    keeper = retention(small, time, min_free_gb=0.004, min_free_percent=90)
    keeper.on_change = shown.append
    for turn in range(3):
        (disk / f"more{turn}").write_bytes(bytes(4096))
        with pytest.raises(NoSpace, match=r"(1|0.99\d) MB are free, 4 MB have to stay free .* is not enough"):
            keeper.ensure_room()
        keeper.run()
    assert names(small) == ["cat.jpg"], "removing it would not have helped"
    assert caplog.text.count("too full") == 1
    assert shown[-1].problem is not None
    (disk / "ballast").unlink()
    keeper.run()
    assert shown[-1].problem is None
    assert "in order again" in caplog.text


def test_more_than_ever_fits_is_refused_and_nothing_goes(small: MediaLibrary, time: Time) -> None:
    photo(small, NOON - DAY, "cat", BIG)
    keeper = retention(small, time, min_free_gb=0.001, min_free_percent=90)
    with pytest.raises(NoSpace, match=r"100 MB are to be written and 1 MB have to stay free"):
        keeper.ensure_room(100_000_000)
    assert names(small) == ["cat.jpg"]
    assert keeper.state.problem is None, "the rule itself is kept"


def test_two_who_need_room_at_once_do_not_remove_twice_as_much(small: MediaLibrary, disk: Path, time: Time) -> None:
    for number in range(10):
        photo(small, NOON + number * MINUTE, f"p{number}", BIG)
    short_bytes = 1_200_000
    floor_gb = (free_bytes(disk) + short_bytes) / GB
    keeper = retention(small, time, min_free_gb=floor_gb, min_free_percent=90)
    both = [threading.Thread(target=keeper.ensure_room) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert names(small) == [f"p{number}.jpg" for number in range(3, 10)]


def test_files_held_open_give_nothing_back_and_do_not_cost_the_whole_library(
    small: MediaLibrary, disk: Path, time: Time
) -> None:
    items = [photo(small, NOON + number * MINUTE, f"p{number}", BIG) for number in range(10)]
    floor_gb = (free_bytes(disk) + 300_000) / GB
    keeper = retention(small, time, min_free_gb=floor_gb, min_free_percent=90)
    with small.path_of(items[0]).open("rb"):
        with pytest.raises(NoSpace):
            keeper.ensure_room()
        assert names(small) == [f"p{number}.jpg" for number in range(1, 10)]
    keeper.ensure_room()
    assert len(names(small)) == 9


def test_media_disk_that_vanished_is_said_once_and_nothing_is_touched(
    library: MediaLibrary, root: Path, time: Time, caplog
) -> None:
    photo(library, NOON - 9 * DAY, "cat")
    keeper = retention(library, time, photo_days=1)
    root.rename(root.with_name("unmounted"))
    root.mkdir()
    for _ in range(3):
        assert keeper.run() == time.seconds + PERIOD_S
        with pytest.raises(StoreUnavailable):
            keeper.ensure_room()
    assert caplog.text.count("is not the one it was") == 1
    assert keeper.state.problem is not None
    assert "mount it again" in keeper.state.problem
    assert keeper.state.free_bytes is None
    assert files_in(root) == set(), "nothing was written to the card below"
    root.rmdir()
    root.with_name("unmounted").rename(root)
    keeper.run()
    assert keeper.state.problem is None
    assert names(library) == []


def test_read_only_media_is_said_and_nothing_is_lost(disk: Path, time: Time, caplog) -> None:
    with opened_library(disk / "media") as library:
        photo(library, NOON - 9 * DAY, "cat")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with opened_library(disk / "media") as library:
        keeper = retention(library, time, photo_days=1)
        for _ in range(3):
            keeper.run()
        assert keeper.state.problem is not None
        assert "readonly" in keeper.state.problem
        assert caplog.text.count(keeper.state.problem) == 1
        assert names(library) == ["cat.jpg"]
        assert library.path_of(library.by_name("cat.jpg")).exists()


def test_database_locked_by_another_process_costs_a_turn_and_no_more(
    library: MediaLibrary, root: Path, time: Time, monkeypatch
) -> None:
    photo(library, NOON - 9 * DAY, "cat")
    keeper = retention(library, time, photo_days=1)
    with library.database.transaction() as connection:
        connection.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(root / "media.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        assert keeper.run() == time.seconds + PERIOD_S
        assert "locked" in (keeper.state.problem or "")
        assert names(library) == ["cat.jpg"]
        other.rollback()
    keeper.run()
    assert (keeper.state.problem, names(library)) == (None, [])


def test_file_removed_by_hand_is_no_reason_to_stop(library: MediaLibrary, time: Time) -> None:
    gone = photo(library, NOON - 9 * DAY, "gone")
    photo(library, NOON - 8 * DAY, "there")
    library.path_of(gone).unlink()
    keeper = retention(library, time, photo_days=1)
    keeper.run()
    assert (names(library), keeper.state.problem) == ([], None)


ADMIN = {"Authorization": basic()}


def test_a_full_disk_refuses_a_photo_and_a_recording_and_every_page_can_say_why(
    make_site: Callable[..., Site], camera: ScriptedCamera, disk: Path
) -> None:
    """An ancestor went on and wrote empty files."""
    site = make_site(
        camera,
        server={"media_dir": disk / "media"},
        retention={"min_free_gb": 1, "min_free_percent": 90},
        photo={"delay_s": 0, "skip_frames": 0},
    )
    (disk / "ballast").write_bytes(bytes(4_000_000))
    site.rig.scheduler.plan("retention", site.rig.retention.run)
    client = site.app.test_client()
    camera.show()
    for url in ("/api/photos", "/api/recording"):
        answer = client.post(url, json={}, headers=ADMIN)
        assert (answer.status_code, answer.json["error"]["code"]) == (507, "NoSpace")
        assert "have to stay free" in answer.json["error"]["message"]
    wait_until(lambda: site.rig.retention.state.problem is not None, "retention has looked at the disk")
    shown = client.get("/api/status", headers=ADMIN).json["media"]["disk"]
    assert "too full" in shown["problem"]
    assert shown["floor_bytes"] > shown["free_bytes"]
    media = disk / "media"
    assert [path.name for path in media.rglob("*") if path.is_file() and path.parent != media] == []


def test_the_running_program_clears_up_without_a_camera(make_rig: Callable[..., Rig], camera: ScriptedCamera) -> None:
    camera.open_fault = NoCamera("nobody plugged it in")
    rig = make_rig(camera, retention={"photo_days": 1})
    old = photo(rig.library, datetime.now(UTC) - 2 * DAY, "old")
    new = photo(rig.library, datetime.now(UTC), "new")
    rig.scheduler.plan("retention", rig.retention.run)
    wait_until(lambda: names(rig.library) == ["new.jpg"], "the old photo is gone")
    wait_until(lambda: rig.retention.state.next is not None, "the next one is known")
    assert rig.retention.state.next.media.id == new.id
    assert rig.retention.state.last.filename == old.filename


def test_what_somebody_watches_stays_while_he_does(client, rig: Rig) -> None:
    watched, _ = (photo(rig.library, datetime.now(UTC) - 2 * DAY, name) for name in ("watched", "other"))
    with client.get(f"/media/{watched.id}/x", headers=ADMIN) as answer:
        assert answer.status_code == 200
    rig.retention._settings = RetentionSettings(photo_days=1)
    rig.retention.run()
    assert names(rig.library) == ["watched.jpg"]
