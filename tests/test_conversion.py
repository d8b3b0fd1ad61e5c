"""The queue of what is to become a film: one at a time, whatever happens in between."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clips import HandCamera, big_jpeg, film_pictures, write_clip
from fakes import DEADLINE_S, jpeg_of, killed_in_the_end, wait_until
from metronome import within

from camera.probe import FilmFacts, probe
from camera.recorder import Recorder
from errors import NoSpace, StoreUnavailable
from jobs.conversion import Conversion, Conversions, FilmJob
from settings import RecordingSettings

PROJECT = Path(__file__).resolve().parent.parent
SETTINGS = RecordingSettings(encoder="software", preset="ultrafast")


class Shelf:
    """What waits, what became a film and what did not, as a library would keep it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting: list[FilmJob] = []
        self.ready: dict[int, FilmFacts] = {}
        self.faults: dict[int, str] = {}
        self.room_fault: Exception | None = None
        self.refusal: Exception | None = None
        self.states: list[Conversion] = []

    def add(self, item: int, times: list[float], jpeg: Callable[[int], bytes] = jpeg_of) -> FilmJob:
        """A clip with pictures at these times."""
        folder = self.folder / f"clip-{item}"
        job = FilmJob(item, folder, tuple(write_clip(folder, ((t, jpeg(n)) for n, t in enumerate(times)), 1e6)))
        self.waiting.append(job)
        return job

    def add_endless(self, item: int) -> FilmJob:
        """A clip whose film takes minutes to make."""
        return self.add(item, [0.0, 36000.0], big_jpeg)

    def on_ready(self, job: FilmJob, film: Path, facts: FilmFacts) -> None:
        if self.refusal is not None:
            raise self.refusal
        assert probe(film) == facts
        self.ready[job.item] = facts
        self.waiting.remove(job)

    def on_failed(self, job: FilmJob, why: str) -> None:
        self.faults[job.item] = why
        self.waiting.remove(job)

    def has_room(self) -> None:
        if self.room_fault is not None:
            raise self.room_fault

    def is_begun(self, job: FilmJob) -> bool:
        return job.film.with_name("film.mp4.part").exists()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def make_conversions(shelf: Shelf) -> Iterator[Callable[..., Conversions]]:
    made: list[Conversions] = []

    def make(settings: RecordingSettings = SETTINGS) -> Conversions:
        conversions = Conversions(
            settings, lambda: list(shelf.waiting), shelf.on_ready, shelf.on_failed, shelf.has_room, shelf.states.append
        )
        made.append(conversions)
        conversions.start()
        return conversions

    yield make
    for conversions in made:
        conversions.stop(20)


def test_everything_that_waits_becomes_a_film_in_order(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    jobs = [shelf.add(item, [0.0, 0.5, 1.0]) for item in (3, 1, 2)]
    conversions = make_conversions()
    wait_until(lambda: len(shelf.ready) == 3, "three films", 30)
    assert list(shelf.ready) == [3, 1, 2]
    assert [facts.frames for facts in shelf.ready.values()] == [3, 3, 3]
    assert list(dict.fromkeys(state.folder for state in shelf.states if state.folder)) == [job.folder for job in jobs]
    wait_until(lambda: conversions.state == Conversion(), "it rests")


def test_what_comes_later_is_begun_when_told(shelf: Shelf, make_conversions: Callable[..., Conversions]) -> None:
    conversions = make_conversions()
    shelf.add(1, [0.0])
    conversions.look()
    wait_until(lambda: 1 in shelf.ready, "the film")


def test_stills_become_a_film(shelf: Shelf, make_conversions: Callable[..., Conversions], tmp_path: Path) -> None:
    stills = [tmp_path / f"{number}.jpg" for number in range(5)]
    for number, path in enumerate(stills):
        path.write_bytes(jpeg_of(40 * number))
    job = FilmJob(1, tmp_path, stills=tuple(stills), rate_hz=10)
    shelf.waiting.append(job)
    make_conversions()
    wait_until(lambda: 1 in shelf.ready, "the film")
    assert [time_s for time_s, _ in film_pictures(job.film)] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_failure_says_why_keeps_the_segments_and_goes_on(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    bad = shelf.add(1, [0.0, 0.1], lambda number: b"no picture at all")
    shelf.add(2, [0.0])
    make_conversions()
    wait_until(lambda: 2 in shelf.ready, "the film")
    assert shelf.faults == {1: "there is no picture in it that can be decoded"}
    assert [path.name for path in bad.folder.iterdir()] == ["seg-0001.mkv"]


def test_failed_one_is_tried_again_on_demand(shelf: Shelf, make_conversions: Callable[..., Conversions]) -> None:
    job = shelf.add(1, [0.0])
    shelf.refusal = StoreUnavailable("the database is locked")
    conversions = make_conversions()
    wait_until(lambda: shelf.faults == {1: "the database is locked"}, "the failure")
    assert probe(job.film).frames == 1
    shelf.refusal = None
    shelf.waiting.append(job)
    conversions.look()
    wait_until(lambda: 1 in shelf.ready, "the film")


def test_failure_that_cannot_be_kept_is_not_tried_over_and_over(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    shelf.add(1, [0.0], lambda number: b"no picture at all")
    tries = []

    def refuse(job: FilmJob, why: str) -> None:
        tries.append(why)
        raise StoreUnavailable("the database is locked")

    shelf.on_failed = refuse
    shelf.add(2, [0.0])
    make_conversions()
    wait_until(lambda: 2 in shelf.ready, "the next one", 30)
    assert len(tries) == 1


def test_library_that_does_not_answer_is_asked_again(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    shelf.add(1, [0.0])
    waiting, answers = shelf.waiting, []

    class Broken:
        def __iter__(self) -> Iterator[FilmJob]:
            answers.append("broken")
            raise StoreUnavailable("the database is locked")

    shelf.waiting = Broken()
    conversions = make_conversions()
    wait_until(lambda: answers, "the question")
    shelf.waiting = waiting
    conversions.look()
    wait_until(lambda: 1 in shelf.ready, "the film")


def test_cancelled_film_is_given_up_at_once_and_the_next_one_made(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    job = shelf.add_endless(1)
    shelf.add(2, [0.0])
    conversions = make_conversions()
    wait_until(lambda: shelf.is_begun(job), "the film is begun")
    conversions.cancel(1)
    wait_until(lambda: 2 in shelf.ready, "the next film")
    assert shelf.faults == {1: "it was cancelled"}
    assert [path.name for path in job.folder.iterdir()] == ["seg-0001.mkv"]


def test_film_that_waits_can_be_cancelled_too(shelf: Shelf, make_conversions: Callable[..., Conversions]) -> None:
    first, second = shelf.add_endless(1), shelf.add(2, [0.0])
    conversions = make_conversions()
    wait_until(lambda: shelf.is_begun(first), "the film is begun")
    conversions.cancel(2)
    conversions.cancel(1)
    wait_until(lambda: len(shelf.faults) == 2, "both are given up")
    assert not second.film.exists()
    shelf.waiting.append(second)
    conversions.look()
    wait_until(lambda: 2 in shelf.ready, "it can be made later")


def test_film_cancelled_while_the_list_is_read_is_not_made(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    """A slow card takes its time over the list, and does not show what came meanwhile; the cancelling was forgotten."""
    is_read, may_end = threading.Event(), threading.Event()

    class Slow(list[FilmJob]):
        def __iter__(self) -> Iterator[FilmJob]:
            found = list(super().__iter__())
            is_read.set()
            assert may_end.wait(20)
            return iter(found)

    jobs, shelf.waiting = shelf.waiting, Slow()
    conversions = make_conversions()
    assert is_read.wait(20)
    shelf.waiting = jobs
    shelf.add(1, [0.0])
    conversions.cancel(1)
    may_end.set()
    wait_until(lambda: shelf.faults or shelf.ready, "it is given up")
    assert (shelf.faults, shelf.ready) == ({1: "it was cancelled"}, {})


def test_stop_in_the_middle_is_quick_and_the_next_start_makes_the_film(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    job = shelf.add_endless(1)
    conversions = make_conversions()
    wait_until(lambda: shelf.is_begun(job), "the film is begun")
    with within(2.0):
        conversions.stop(DEADLINE_S)
    assert (shelf.ready, shelf.faults) == ({}, {})
    assert [path.name for path in job.folder.iterdir()] == ["seg-0001.mkv"]
    shelf.waiting = [FilmJob(1, job.folder, tuple(write_clip(job.folder, [(0.0, jpeg_of(9)), (0.5, jpeg_of(9))])))]
    make_conversions()
    wait_until(lambda: 1 in shelf.ready, "the film")


def test_film_half_made_when_the_program_was_killed_is_made_anew(
    shelf: Shelf, make_conversions: Callable[..., Conversions], tmp_path: Path
) -> None:
    job = shelf.add(1, [float(number) for number in range(400)], lambda number: big_jpeg(number % 7))
    script = f"""
from pathlib import Path
from camera import film_process
from camera.converter import convert
from settings import RecordingSettings
film_process.PRIORITY = "normal"
convert({[str(path) for path in job.segments]!r}, Path({str(job.film)!r}), RecordingSettings(preset="medium"))
"""
    with killed_in_the_end(subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT)) as program:
        wait_until(lambda: shelf.is_begun(job), "the film is begun")
        program.kill()
    assert not job.film.exists()
    shelf.waiting = [FilmJob(1, job.folder, job.segments)]
    make_conversions()
    wait_until(lambda: 1 in shelf.ready, "the film", 45)
    assert shelf.ready[1].duration_s == pytest.approx(399.5, abs=0.01)
    assert sorted(path.name for path in job.folder.iterdir()) == ["film.mp4", "seg-0001.mkv"]


def test_film_that_is_there_already_is_taken_as_it_is(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    job = shelf.add(1, [0.0, 0.5])
    make_conversions()
    wait_until(lambda: 1 in shelf.ready, "the film")
    made_at = job.film.stat().st_mtime_ns
    shelf.ready.clear()
    shelf.waiting.append(job)
    make_conversions()
    wait_until(lambda: 1 in shelf.ready, "it is taken over")
    assert job.film.stat().st_mtime_ns == made_at


def test_file_of_that_name_that_is_no_film_is_made_anew(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    job = shelf.add(1, [0.0, 0.5])
    job.film.write_bytes(b"half a film")
    make_conversions()
    wait_until(lambda: 1 in shelf.ready, "the film")


def test_without_room_nothing_is_begun_until_there_is(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    shelf.add(1, [0.0])
    shelf.room_fault = NoSpace("0.4 GB are free, 1 GB must stay free")
    conversions = make_conversions()
    wait_until(lambda: conversions.state.waits_for == "0.4 GB are free, 1 GB must stay free", "it says so")
    assert shelf.faults == {}
    shelf.room_fault = None
    conversions.look()
    wait_until(lambda: 1 in shelf.ready, "the film")
    assert conversions.state.waits_for is None


def test_room_that_runs_out_in_the_middle_ends_it_and_leaves_nothing(
    shelf: Shelf, make_conversions: Callable[..., Conversions], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.conversion.ROOM_S", 0.05)
    job = shelf.add_endless(1)
    make_conversions()
    wait_until(lambda: shelf.is_begun(job), "the film is begun")
    shelf.room_fault = NoSpace("0.9 GB are free, 1 GB must stay free")
    wait_until(lambda: shelf.faults == {1: "0.9 GB are free, 1 GB must stay free"}, "the failure")
    assert [path.name for path in job.folder.iterdir()] == ["seg-0001.mkv"]


def test_item_removed_in_the_middle_is_a_failure_like_any_other(
    shelf: Shelf, make_conversions: Callable[..., Conversions]
) -> None:
    job = shelf.add_endless(1)
    conversions = make_conversions()
    wait_until(lambda: shelf.is_begun(job), "the film is begun")
    for path in job.folder.iterdir():
        path.unlink()
    job.folder.rmdir()
    conversions.cancel(1)
    wait_until(lambda: 1 in shelf.faults, "the failure")


def test_progress_is_told_while_a_film_is_made(shelf: Shelf, make_conversions: Callable[..., Conversions]) -> None:
    shelf.add(1, [20.0 * number for number in range(40)], big_jpeg)
    make_conversions()
    wait_until(lambda: 1 in shelf.ready, "the film", 30)
    told = [state.progress for state in shelf.states if state.folder is not None]
    assert told == sorted(told)
    assert len(told) >= 2


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> HandCamera:
    monkeypatch.setattr("camera.recording.TICK_S", 0.01)
    return HandCamera()


def recorded(recorder: Recorder, camera: HandCamera, pictures: int) -> None:
    for number in range(pictures):
        camera.show(8 * number, after_s=0.1)
        wait_until(lambda number=number: recorder.state.frames == number + 1, "the picture is written")


@pytest.mark.parametrize("kind", ["live", "auto"])
def test_live_encoder_makes_the_film_while_it_is_recorded(
    shelf: Shelf, make_conversions: Callable[..., Conversions], tmp_path: Path, camera: HandCamera, kind: str
) -> None:
    settings = SETTINGS.model_copy(update={"encoder": kind})
    recorder = Recorder(camera.hub, settings, tmp_path / "partial", clock=camera.clock)
    conversions = make_conversions(settings)
    folder = recorder.start().folder
    conversions.follow(folder)
    recorded(recorder, camera, 20)
    is_live = kind == "live"
    if is_live:
        wait_until((folder / "film.mp4.part").exists, "the film is begun")
    assert (conversions.state.folder == folder) is is_live
    clip = recorder.stop()
    job = FilmJob(1, clip.folder, clip.segments)
    if is_live:
        wait_until(job.film.exists, "the film is there before anybody asked")
    shelf.waiting.append(job)
    conversions.look()
    wait_until(lambda: 1 in shelf.ready, "the film")
    assert [time_s for time_s, _ in film_pictures(job.film)] == pytest.approx([n / 10 for n in range(20)], abs=0.001)


def test_live_film_that_comes_to_nothing_is_made_afterwards(
    shelf: Shelf, make_conversions: Callable[..., Conversions], tmp_path: Path, camera: HandCamera
) -> None:
    settings = SETTINGS.model_copy(update={"encoder": "live"})
    recorder = Recorder(camera.hub, settings, tmp_path / "partial", clock=camera.clock)
    conversions = make_conversions(settings)
    folder = recorder.start().folder
    recorded(recorder, camera, 5)
    shelf.room_fault = NoSpace("no room for a film")
    conversions.follow(folder)
    clip = recorder.stop()
    shelf.waiting.append(FilmJob(1, clip.folder, clip.segments))
    conversions.look()
    wait_until(lambda: conversions.state.waits_for == "no room for a film", "it waits")
    shelf.room_fault = None
    conversions.look()
    wait_until(lambda: 1 in shelf.ready, "the film")
    assert shelf.ready[1].frames == 5
