"""Stills that are kept for some days go on their day also when the list of them was lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from fakes import jpeg_of
from lapse_by_hand import NOON, PET_CAM, Lapse, World
from library_by_hand import opened_library
from photo_by_hand import exif_of, from_another_camera

from camera.exif import expiry_of, with_exif, with_exif_of
from jobs.inspect import inspect
from store.library import MediaLibrary
from store.media import Kind
from store.repair import Repair, Report

UNTIL = NOON + timedelta(days=1, milliseconds=250)
COMMENT = 0x9286


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def library(tmp_path: Path, world: World) -> Iterator[MediaLibrary]:
    with opened_library(tmp_path / "media", now=world.now) as found:
        found._inspect = inspect
        yield found


def lose_and_repair(library: MediaLibrary, now: datetime) -> Report:
    with library.database.transaction() as connection:
        connection.execute("DELETE FROM media")
    return Repair(library, inspect, wall_clock=now.timestamp).run()


def test_a_photo_says_until_when_it_is_kept_and_so_does_a_copy_of_it() -> None:
    photo = with_exif(jpeg_of(), NOON, "Bagel Turret", "Cam 1", UNTIL)
    assert expiry_of(photo) == expiry_of(with_exif_of(photo, jpeg_of(9))) == UNTIL
    exif = exif_of(photo)
    assert exif[COMMENT] == b"ASCII\0\0\0Bagel Turret keeps this until " + UNTIL.isoformat().encode() + b"\0"
    assert list(exif_of(with_exif(jpeg_of(), NOON, "a", "b"))) == [tag for tag in exif if tag != COMMENT]


@pytest.mark.parametrize(
    "jpeg",
    [
        b"",
        jpeg_of(),
        with_exif(jpeg_of(), NOON, "Bagel Turret keeps this until", UNTIL.isoformat()),
        with_exif(from_another_camera(jpeg_of()), NOON, "a", "b", UNTIL),
        with_exif(jpeg_of(), NOON, "a", "b", UNTIL).replace(b"+00:00", b"+xx:00"),
        with_exif(jpeg_of(), NOON, "a", "b", UNTIL.replace(tzinfo=None)),
        jpeg_of() + with_exif(jpeg_of(), NOON, "a", "b", UNTIL),
    ],
    ids=["nothing", "no Exif", "words elsewhere", "Exif of the camera", "no date", "no offset", "behind the picture"],
)
def test_a_picture_that_does_not_say_is_kept(jpeg: bytes) -> None:
    assert expiry_of(jpeg) is None


def test_an_offset_is_understood() -> None:
    there = UNTIL.astimezone(timezone(timedelta(hours=-7)))
    assert expiry_of(with_exif(jpeg_of(), NOON, "a", "b", there)) == UNTIL


def test_stills_of_a_pet_cam_go_on_their_day_when_the_list_was_lost(library: MediaLibrary, world: World) -> None:
    """Rebuilt rows had no date to go: the stills of a pet cam were kept for ever."""
    lapse = Lapse(world, library)
    lapse.timelapse.start(PET_CAM)
    world.pass_(700)
    before = {media.filename: media.expires_at for media in lapse.items}
    assert len(before) == 3
    report = lose_and_repair(library, world.now())
    assert {media.filename: media.expires_at for media in lapse.items} == before
    assert set(report.added) == set(report.expiring) == set(before)
    day_later = world.now() + timedelta(days=1)
    assert {media.filename for media in library.expired(day_later, 10)} == set(before)


def test_a_still_whose_day_has_passed_stays_for_somebody_may_have_protected_it(library: MediaLibrary) -> None:
    still = library.folder.path_of(Kind.TIMELAPSE, "cat.jpg")
    still.write_bytes(with_exif(jpeg_of(), NOON, "Bagel Turret", "Cam 1", UNTIL))
    report = lose_and_repair(library, UNTIL + timedelta(seconds=1))
    assert (report.added, report.expiring, library.by_name("cat.jpg").expires_at) == (("cat.jpg",), (), None)


def test_what_somebody_moved_to_the_photos_or_added_by_hand_stays(library: MediaLibrary) -> None:
    still = with_exif(jpeg_of(), NOON, "Bagel Turret", "Cam 1", datetime.now(UTC) + timedelta(days=1))
    library.folder.path_of(Kind.PHOTO, "moved.jpg").write_bytes(still)
    assert lose_and_repair(library, datetime.now(UTC) + timedelta(hours=1)).added == ("moved.jpg",)
    library.folder.path_of(Kind.TIMELAPSE, "added.jpg").write_bytes(still)
    library.add_found(Kind.TIMELAPSE, "added.jpg")
    assert [library.by_name(name).expires_at for name in ("moved.jpg", "added.jpg")] == [None, None]
