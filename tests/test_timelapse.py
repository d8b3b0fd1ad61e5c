"""Timelapse: stills at their time, whatever camera, disk, clock and power do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes import DEADLINE_S, jpeg_of
from lapse_by_hand import DARK, NOON, PET_CAM, Lapse, World
from library_by_hand import opened_library

from camera import image
from errors import AlreadyRecording, BadField, NoSpace, NotRecording, StoreUnavailable
from jobs.clips import Clips
from jobs.lapse import Job, Wish, job_of, text_of
from jobs.retention import Retention
from jobs.sun import Place
from settings import RetentionSettings
from store.library import MediaLibrary
from store.media import Kind

HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def library(tmp_path: Path, world: World) -> Iterator[MediaLibrary]:
    with opened_library(tmp_path / "media", now=world.now) as found:
        yield found


@pytest.fixture
def lapse(world: World, library: MediaLibrary) -> Lapse:
    return Lapse(world, library)


def shade_of(content: bytes) -> int:
    return round(float(image.decode(content).mean()))


def test_a_still_every_interval_from_the_beginning_on(lapse: Lapse, world: World) -> None:
    lapse.start(10)
    world.pass_(65)
    dates = lapse.dates_s()
    assert len(dates) == 7
    assert dates == pytest.approx([2.1, 10, 20, 30, 40, 50, 60], abs=0.5), "the first as soon as the camera is awake"
    assert {media.kind for media in lapse.items} == {Kind.TIMELAPSE}
    state = lapse.timelapse.state
    assert (state.is_running, state.shots, state.missed, state.reason) == (True, 7, 0, None)
    assert abs(state.next_at - (NOON + timedelta(seconds=70))) < timedelta(seconds=0.5)


def test_camera_sleeps_between_and_is_awake_and_settled_in_time(lapse: Lapse, world: World) -> None:
    lapse.start(300)
    world.pass_(3010)
    dates = lapse.dates_s()[1:]
    assert dates == pytest.approx([300 * number for number in range(1, 11)], abs=0.3)
    assert all(shade_of(lapse.library.path_of(media).read_bytes()) > 150 for media in lapse.items), "none is dark"
    assert len(world.awake) == 11
    assert [round(1000 + 300 * n - at) for n, at in enumerate(world.awake[1:], 1)] == [4] * 10, "shortly before"
    assert not world.hub.is_watched


def test_camera_that_others_watch_gives_its_newest_picture_at_once(lapse: Lapse, world: World) -> None:
    with world.hub.watch():
        world.pass_(10)
        lapse.start(60)
        world.pass_(0.1)
        assert lapse.dates_s() == pytest.approx([10], abs=0.3)
        world.pass_(130)
    assert lapse.dates_s() == pytest.approx([10, 70, 130], abs=0.3)
    assert len(world.awake) == 1
    assert world.hub.dropped == 0


def test_stills_are_named_after_the_job_and_their_time(lapse: Lapse, world: World) -> None:
    lapse.start(3600, name="bird box")
    world.pass_(10)
    (still,) = lapse.items
    assert still.filename == f"bird box {still.date.astimezone():%Y-%m-%d_%H-%M-%S}.jpg"


def test_stills_are_made_smaller_and_never_larger(lapse: Lapse, world: World) -> None:
    lapse.start(3600, width_px=32)
    world.pass_(10)
    lapse.timelapse.stop()
    lapse.start(3600, width_px=640)
    world.pass_(10)
    assert [(media.width_px, media.height_px) for media in lapse.items] == [(32, 24), (64, 48)]


def test_second_one_is_refused_and_the_end_of_none_too(lapse: Lapse) -> None:
    with pytest.raises(NotRecording):
        lapse.timelapse.stop()
    lapse.start(10)
    with pytest.raises(AlreadyRecording):
        lapse.start(10)
    assert not lapse.timelapse.stop().is_running
    with pytest.raises(NotRecording):
        lapse.timelapse.stop()


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"interval_s": 0.5}, "interval_s"), ({"interval_s": 86401.0}, "interval_s"),
        ({"interval_s": float("nan")}, "interval_s"), ({"duration_s": 0.0}, "duration_s"),
        ({"duration_s": float("inf")}, "duration_s"), ({"width_px": 8}, "width_px"), ({"keep_days": 0.0}, "keep_days"),
        ({"keep_stills": False}, "keep_stills"), ({"begin": "06:00"}, "until"),
        ({"begin": "x", "end": "07:00"}, "from"), ({"begin": "sunrise", "end": "sunset"}, "from"),
        ({"keep_stills": False, "make_film": True, "keep_days": 1.0}, "keep_days"),
    ],
)  # fmt: skip
def test_wishes_that_break_a_rule_name_it(lapse: Lapse, wish: dict[str, object], field: str) -> None:
    with pytest.raises(BadField) as refused:
        lapse.timelapse.start(Wish(**{"interval_s": 10.0, **wish}))
    assert refused.value.field == field
    assert not lapse.timelapse.state.is_running


# The end, and the film


def test_after_its_duration_it_is_over_and_its_stills_wait_to_become_a_film(lapse: Lapse, world: World) -> None:
    lapse.start(10, duration_s=60, keep_stills=False, make_film=True, name="clouds")
    assert lapse.timelapse.state.ends_at == NOON + timedelta(seconds=60)
    world.pass_(100)
    assert not lapse.timelapse.state.is_running
    (film,) = lapse.items
    assert (film.filename, film.ready, film.frames, film.duration_s) == ("clouds.mp4", False, 6, pytest.approx(0.2))
    assert (film.width_px, film.height_px, film.date) == (64, 48, NOON)
    stills = lapse.stills_of(film)
    assert [still.name for still in stills] == [f"{turn:08}.jpg" for turn in range(6)]
    assert film.size_bytes == sum(still.stat().st_size for still in stills)
    assert lapse.library.folder.thumb_of(film.id).exists()
    assert lapse.films == 1
    (job,) = Clips(lapse.library).waiting()
    assert (job.item, list(job.stills), job.rate_hz) == (film.id, stills, pytest.approx(30.0))
    assert not world.hub.is_watched


def test_ended_by_hand_it_becomes_a_film_of_what_there_is(lapse: Lapse, world: World) -> None:
    lapse.start(10, keep_stills=False, make_film=True)
    world.pass_(25)
    state = lapse.timelapse.stop()
    assert (state.is_running, state.shots) == (False, 3)
    (film,) = lapse.items
    assert film.frames == 3
    world.pass_(1000)
    assert len(lapse.items) == 1
    assert not world.hub.is_watched


def test_stills_kept_and_in_the_film_are_on_the_disk_once(lapse: Lapse, world: World) -> None:
    lapse.start(10, make_film=True)
    world.pass_(25)
    lapse.timelapse.stop()
    film = next(media for media in lapse.items if not media.ready)
    kept = [lapse.library.path_of(media) for media in lapse.items if media.ready]
    assert len(kept) == 3
    assert all(one.samefile(other) for one, other in zip(kept, lapse.stills_of(film), strict=True))


def test_ended_before_the_first_still_leaves_nothing(lapse: Lapse, world: World) -> None:
    lapse.start(10, keep_stills=False, make_film=True, begin="03:00", end="03:01")
    world.pass_(25)
    lapse.timelapse.stop()
    assert lapse.items == []
    assert list(lapse.library.folder.partial.iterdir()) == []


def test_end_that_cannot_be_kept_is_tried_again_and_loses_nothing(
    lapse: Lapse, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lapse.start(10, duration_s=30, keep_stills=False, make_film=True)
    with monkeypatch.context() as locked:

        def refuse(*_: object, **__: object) -> None:
            raise StoreUnavailable("the database is locked")

        locked.setattr(lapse.library, "add_clip", refuse)
        world.pass_(100)
        assert lapse.items == []
        with pytest.raises(StoreUnavailable):
            lapse.timelapse.stop()
    world.pass_(61)
    (film,) = lapse.items
    assert film.frames == 3
    assert not lapse.timelapse.state.is_running
    lapse.start(10)


def test_end_of_one_that_is_over_already_ends_nothing_else(lapse: Lapse, world: World) -> None:
    lapse.start(10, duration_s=20)
    first_at = lapse.timelapse.state.started_at
    world.pass_(30)
    assert not lapse.timelapse.stop(first_at).is_running, "whoever presses End gets the end"
    lapse.start(10)
    assert lapse.timelapse.stop(first_at).is_running
    assert not lapse.timelapse.stop(lapse.timelapse.state.started_at).is_running


class Held:
    """What one thread, and no other, has to pass."""

    def __init__(self) -> None:
        self.came, self._go = threading.Event(), threading.Event()
        self._who: threading.Thread | None = None

    def hold(self, work: Callable[[], object]) -> None:
        """Do it in a thread of its own, as far as the gate."""
        self._who = threading.Thread(target=work, daemon=True)
        self._who.start()
        assert self.came.wait(DEADLINE_S)

    def pass_(self) -> None:
        if threading.current_thread() is self._who:
            self.came.set()
            assert self._go.wait(DEADLINE_S)

    def release(self) -> None:
        self._go.set()
        assert self._who is not None
        self._who.join(DEADLINE_S)
        assert not self._who.is_alive()


def test_at_no_moment_of_its_end_there_is_neither_timelapse_nor_what_it_did(lapse: Lapse, world: World) -> None:
    lapse.start(10, name="clouds")
    world.pass_(25)
    held, now = Held(), world.now

    def gated() -> datetime:
        held.pass_()
        return now()

    lapse.timelapse._now = gated  # asked for what is left to say of it, when all else is done
    held.hold(lapse.timelapse.stop)
    meanwhile = lapse.timelapse.state
    held.release()
    assert (meanwhile.is_running, meanwhile.shots, meanwhile.wish.name) == (True, 3, "clouds")
    after = lapse.timelapse.state
    assert (after.is_running, after.shots, after.wish.name) == (False, 3, "clouds")


def test_new_one_is_seen_with_its_own_times_only(lapse: Lapse, world: World) -> None:
    """Not with those of the one before: half a day ahead, or behind by as long as that one ran."""
    lapse.start(10, begin="03:00", end="03:01")
    world.pass_(25)
    lapse.timelapse.stop()
    held, clock = Held(), world.clock

    def gated() -> float:
        held.pass_()
        return clock()

    lapse.timelapse._clock = gated
    held.hold(lambda: lapse.start(60))
    meanwhile = lapse.timelapse.state
    held.release()
    assert (meanwhile.is_running, meanwhile.next_at) == (False, None)
    begun = lapse.timelapse.state
    assert (begun.is_running, begun.next_at) == (True, world.date)


# The camera


def test_missing_camera_costs_stills_that_are_counted_and_is_said_once(lapse: Lapse, world: World, caplog) -> None:
    caplog.set_level(logging.INFO)
    world.start_s, world.reason = None, "nobody plugged it in"
    lapse.start(60)
    world.pass_(5 * 60 + 20)
    state = lapse.timelapse.state
    assert (state.shots, state.missed, state.reason) == (0, 6, "nobody plugged it in")
    assert lapse.items == []
    assert caplog.text.count("stills are missed") == 1
    world.start_s, world.reason = 1.0, None
    world.pass_(120)
    assert lapse.dates_s() == pytest.approx([360, 420], abs=0.3), "in the same rhythm as before"
    assert lapse.timelapse.state.reason is None
    assert caplog.text.count("stills are taken again, 6 were missed") == 1


def test_frozen_camera_never_gives_an_old_picture(lapse: Lapse, world: World) -> None:
    with world.hub.watch():
        world.pass_(5)
        lapse.start(60)
        world.pass_(1)
        world.is_frozen = True
        world.pass_(195)
        assert world.hub.latest is not None
        assert world.hub.latest.is_live
    assert (lapse.timelapse.state.shots, lapse.timelapse.state.missed) == (1, 3)


def test_slow_camera_is_waited_for(lapse: Lapse, world: World) -> None:
    world.start_s = 9.0
    lapse.start(300)
    world.pass_(320)
    first, second = lapse.dates_s()
    assert 300 < second < 310
    assert lapse.timelapse.state.missed == 0
    assert first < 12


def test_broken_picture_is_passed_over_for_the_next(lapse: Lapse, world: World) -> None:
    with world.hub.watch():
        world.pass_(5)
        world.jpeg = jpeg_of(100)[:-40]
        world.pass_(1)
        lapse.start(60)
        world.pass_(2)
        assert lapse.items == []
        world.jpeg = None
        world.pass_(1)
    (still,) = lapse.items
    assert (still.date - NOON).total_seconds() == pytest.approx(8.2, abs=0.3)


def test_camera_that_only_sends_broken_pictures_is_a_reason(lapse: Lapse, world: World) -> None:
    world.jpeg = jpeg_of(100)[:-40]
    lapse.start(60)
    world.pass_(30)
    assert lapse.timelapse.state.missed == 1
    assert "broken pictures" in lapse.timelapse.state.reason


def test_picture_that_has_not_settled_is_better_than_none(lapse: Lapse, world: World) -> None:
    world.start_s = 7.9
    lapse.start(10)
    world.pass_(9)
    (still,) = lapse.items
    assert shade_of(lapse.library.path_of(still).read_bytes()) < DARK + 20


# Clocks and windows


def berlin(lapse_world: World, text: str) -> None:
    lapse_world.date = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


@pytest.fixture
def berlin_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def hours_of(lapse: Lapse) -> list[str]:
    return [f"{media.date.astimezone():%d. %H:%M}" for media in lapse.items]


@pytest.mark.usefixtures("berlin_time")
def test_window_over_midnight(lapse: Lapse, world: World) -> None:
    berlin(world, "2026-06-01T12:00")
    lapse.start(3600, begin="22:00", end="02:00")
    assert lapse.timelapse.state.next_at is not None
    world.pass_(1)
    assert f"{lapse.timelapse.state.next_at.astimezone():%d. %H:%M}" == "01. 22:00"
    world.pass_(36 * 3600)
    assert hours_of(lapse) == [
        "01. 22:00", "01. 23:00", "02. 00:00", "02. 01:00", "02. 22:00", "02. 23:00", "03. 00:00",
    ]  # fmt: skip
    assert lapse.timelapse.state.missed == 0, "what lies outside was never due"


@pytest.mark.usefixtures("berlin_time")
def test_window_follows_the_clock_on_the_wall_through_the_change_to_summer_time(lapse: Lapse, world: World) -> None:
    berlin(world, "2026-03-28T12:00")
    lapse.start(1800, begin="06:00", end="07:00")
    world.pass_(2 * 86400)
    assert hours_of(lapse) == ["29. 06:00", "29. 06:30", "30. 06:00", "30. 06:30"]


@pytest.mark.usefixtures("berlin_time")
def test_window_by_the_sun(world: World, library: MediaLibrary) -> None:
    """Berlin, 1 June: sunrise 4:48, sunset 21:20 (timeanddate.com)."""
    lapse = Lapse(world, library, Place(52.52, 13.40))
    berlin(world, "2026-06-01T00:00")
    lapse.start(1800, begin="sunrise", end="sunset")
    world.pass_(86400)
    assert (hours_of(lapse)[0], hours_of(lapse)[-1]) == ("01. 05:00", "01. 21:00")
    assert len(lapse.items) == 33


def test_wall_clock_that_is_turned_does_not_touch_the_distance_of_stills(lapse: Lapse, world: World) -> None:
    lapse.start(60)
    world.pass_(61)
    world.set_clock(-HOUR)
    world.pass_(120)
    world.set_clock(2 * HOUR)
    world.pass_(120)
    assert lapse.timelapse.state.shots == 6
    assert lapse.timelapse.state.missed == 0
    assert sorted(lapse.dates_s()) == pytest.approx([-3480, -3420, 1.8, 60, 3840, 3900], abs=1)


@pytest.mark.usefixtures("berlin_time")
def test_wall_clock_that_is_turned_decides_about_the_window(lapse: Lapse, world: World) -> None:
    berlin(world, "2026-06-01T20:00")
    lapse.start(60, begin="21:00", end="22:00")
    world.pass_(120)
    assert lapse.items == []
    world.set_clock(HOUR)
    world.pass_(120)
    assert len(lapse.items) == 2
    world.set_clock(HOUR)
    world.pass_(120)
    assert len(lapse.items) == 2


# The disk and the database


def test_full_disk_costs_stills_and_is_said_and_no_empty_file_is_written(lapse: Lapse, world: World, caplog) -> None:
    room = [False]

    def ensure_room(_: int) -> None:
        if not room[0]:
            raise NoSpace("the media disk is too full")

    lapse.photographer.ensure_room = ensure_room
    lapse.start(10, make_film=True)
    world.pass_(35)
    assert (lapse.timelapse.state.missed, lapse.timelapse.state.reason) == (4, "the media disk is too full")
    assert lapse.items == []
    assert caplog.text.count("too full") == 1
    room[0] = True
    world.pass_(10)
    assert lapse.timelapse.state.shots == 1


def test_database_that_cannot_be_written_for_a_while_does_not_end_it(
    lapse: Lapse, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lapse.start(10, keep_stills=False, make_film=True)
    world.pass_(15)
    with monkeypatch.context() as locked:

        def refuse(*_: object) -> None:
            raise StoreUnavailable("the database is locked")

        locked.setattr(lapse.library.database, "keep_setting", refuse)
        world.pass_(20)
    world.pass_(10)
    assert lapse.timelapse.stop().shots == 5


def test_media_folder_that_went_away_is_a_reason(lapse: Lapse, world: World, tmp_path: Path) -> None:
    lapse.start(10, keep_stills=False, make_film=True)
    world.pass_(5)
    root = tmp_path / "media"
    root.rename(tmp_path / "unmounted")
    root.mkdir()
    world.pass_(10)
    assert lapse.timelapse.state.missed == 1
    assert "mount it again" in lapse.timelapse.state.reason
    assert list(root.iterdir()) == [], "nothing was written to the card below"


# Restarts


def test_power_cut_when_its_stills_are_handed_over_already_does_not_let_it_go_on(
    world: World, library: MediaLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it shot from then on would lie in a folder that goes as soon as the film is made."""
    first = Lapse(world, library)
    first.start(10, keep_stills=False, make_film=True)
    world.pass_(25)

    def cut(*_: object, **__: object) -> None:
        raise StoreUnavailable("the power is gone")

    def cut_afterwards(job: Job, hand_over=first.timelapse._stills.hand_over) -> None:
        hand_over(job)
        monkeypatch.setattr(library.database, "keep_setting", cut)
        monkeypatch.setattr(library.database, "forget_setting", cut)

    monkeypatch.setattr(first.timelapse._stills, "hand_over", cut_afterwards)
    with pytest.raises(StoreUnavailable):
        first.timelapse.stop()
    monkeypatch.undo()
    world.scheduler = type(world.scheduler)(world.clock)
    again = Lapse(world, library)
    world.pass_(60)
    assert not again.timelapse.state.is_running
    (film,) = again.items
    assert (film.frames, len(again.stills_of(film))) == (3, 3)


def test_restart_in_the_middle_keeps_the_rhythm_and_counts_what_was_missed(world: World, library: MediaLibrary) -> None:
    first = Lapse(world, library)
    first.start(60, duration_s=600, keep_stills=False, make_film=True, name="clouds")
    world.pass_(130)
    world.scheduler = type(world.scheduler)(world.clock)  # the program is gone: nothing is called any more
    first.timelapse.close()
    world.pass_(200)
    world.seconds += 5000  # another boot has another monotonic clock
    again = Lapse(world, library)
    state = again.timelapse.state
    assert (state.is_running, state.shots, state.wish.name) == (True, 3, "clouds")
    world.pass_(40)
    assert (again.timelapse.state.shots, again.timelapse.state.missed) == (4, 3)
    assert again.timelapse.state.ends_at == NOON + timedelta(seconds=600)
    world.pass_(300)
    (film,) = again.items
    assert (film.frames, film.date) == (7, NOON)
    assert [int(still.stem) for still in again.stills_of(film)] == [0, 1, 2, 6, 7, 8, 9]


def test_restart_after_its_end_makes_the_film_of_what_there_was(world: World, library: MediaLibrary) -> None:
    first = Lapse(world, library)
    first.start(60, duration_s=600, keep_stills=False, make_film=True)
    world.pass_(130)
    world.scheduler = type(world.scheduler)(world.clock)
    first.timelapse.close()
    world.pass_(5000)
    again = Lapse(world, library)
    world.pass_(1)
    state = again.timelapse.state
    assert (state.is_running, state.shots, state.missed) == (False, 3, 7)
    assert [film.frames for film in again.items] == [3]


def test_restart_outside_of_the_window_misses_nothing(world: World, library: MediaLibrary) -> None:
    first = Lapse(world, library)
    hour = world.date.astimezone()
    ends = f"{hour + timedelta(minutes=2, seconds=30):%H:%M}"
    first.start(60, begin=f"{hour:%H:%M}", end=ends)
    world.pass_(110)
    assert first.timelapse.state.shots == 2
    world.scheduler = type(world.scheduler)(world.clock)
    first.timelapse.close()
    world.pass_(3600)
    again = Lapse(world, library)
    world.pass_(1)
    assert again.timelapse.state.missed == 0, "the window has closed after two minutes, before the third still"


def test_power_cut_between_the_end_and_its_row_makes_one_film(
    world: World, library: MediaLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Lapse(world, library)
    first.start(10, keep_stills=False, make_film=True)
    world.pass_(25)
    kept = library.database.setting("timelapse")
    first.timelapse.stop()
    library.database.keep_setting("timelapse", kept)  # the cut came before it was forgotten
    world.scheduler = type(world.scheduler)(world.clock)
    again = Lapse(world, library)
    again.timelapse.stop()
    assert [film.frames for film in again.items] == [3]


@pytest.mark.parametrize("text", ["rubbish", "{}", '{"wish": 3}', "[]"])
def test_job_that_cannot_be_read_is_forgotten_and_its_stills_become_a_film(
    world: World, library: MediaLibrary, text: str, caplog
) -> None:
    first = Lapse(world, library)
    first.start(10, keep_stills=False, make_film=True)
    world.pass_(25)
    first.timelapse.close()
    library.database.keep_setting("timelapse", text)
    world.scheduler = type(world.scheduler)(world.clock)
    again = Lapse(world, library)
    assert "cannot go on" in caplog.text
    assert not again.timelapse.state.is_running
    assert [film.frames for film in again.items] == [3]
    again.start(10)


def test_stills_for_a_film_are_no_leftovers_of_a_recording(world: World, library: MediaLibrary) -> None:
    lapse = Lapse(world, library)
    lapse.start(10, keep_stills=False, make_film=True)
    world.pass_(25)
    clips = Clips(library)
    clips.find_leftovers()
    clips.salvage()
    lapse.timelapse.stop()
    assert [film.frames for film in lapse.items] == [3]


def test_job_comes_back_from_its_text() -> None:
    job = Job(PET_CAM, NOON, NOON + HOUR, "timelapse-x", 3600.0, 12, 11, 1)
    assert job_of(text_of(job)) == job


# The pet cam


def test_pet_cam_keeps_exactly_one_day(world: World, library: MediaLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo every 5 minutes for 27 hours; each goes in the minute it is a day old, and protected ones stay."""
    lapse = Lapse(world, library)
    keeper = Retention(library, RetentionSettings(min_free_gb=0), clock=world.clock, now=world.now)
    begun_s = world.seconds

    def keep() -> float | None:
        """Every half hour at first, when nothing is a day old: each look reads all there is."""
        again_at = keeper.run()
        return again_at if world.seconds - begun_s > 23 * 3600 else world.seconds + 1800

    # Two files a photo, which a busy disk takes a second for.
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    with library.database.transaction() as connection:
        connection.execute("PRAGMA synchronous = OFF")
    world.scheduler.plan("retention", keep)
    lapse.timelapse.start(PET_CAM)
    world.pass_(7 * 60)
    first = lapse.items[0]
    library.protect([lapse.items[1].id])
    world.pass_(86400 - 7 * 60 + 1)
    assert lapse.items[0].id == first.id, "a day less the second it took to wake the camera"
    world.pass_(60)
    assert first.id not in {media.id for media in lapse.items}
    world.pass_(3 * 3600)
    ages = [world.date - media.date for media in lapse.items if not media.protected]
    assert len(ages) == 288
    assert max(ages) < timedelta(days=1, minutes=1)
    assert [media.protected for media in lapse.items].count(True) == 1
    assert lapse.timelapse.state.missed == 0
