"""The table editor: sort, page, remove, add a file, check and repair."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gate import Gate
from live_page import LivePage, wait_for
from playwright.sync_api import Locator, expect
from shelf import Shot, jpeg_of, photos, write_film
from test_page_sizes import SIZES, expect_fits
from turret import Turret

from jobs.inspect import inspect
from store.media import Facts, Kind


@pytest.fixture
def open_database(new_context: Callable[..., Any]) -> Callable[..., LivePage]:
    def open_database(at: Turret, query: str = "", **options: Any) -> LivePage:
        page = LivePage(new_context(**options).new_page(), at)
        page.log_in(to=f"/database{query}")
        expect(page.part("files-text")).not_to_be_empty()
        return page

    return open_database


def rows(database: LivePage) -> list[str]:
    """Names in the table, without extensions."""
    return [name.rpartition(".")[0] for name in database.page.locator("tbody .is-name").all_inner_texts()]


def expect_rows(database: LivePage, *names: str) -> None:
    """The table begins with these, once the page is there."""
    for number, name in enumerate(names):
        expect(database.page.locator("tbody .is-name").nth(number)).to_have_text(re.compile(rf"^{name}\.\w+$"))


def row(database: LivePage, name: str) -> Locator:
    return database.page.locator(f'tbody tr[data-name^="{name}."]')


def tick(database: LivePage, name: str, **options: Any) -> None:
    row(database, name).locator("label").click(**options)


def test_columns_sort_both_ways(make_shelf, open_database):
    shots = [Shot("bee", 1), Shot("ant", 2, Kind.VIDEO, length_s=4), Shot("cow", 0, Kind.TIMELAPSE, length_s=2)]
    database = open_database(make_shelf(shots))
    expect_rows(database, "cow", "bee", "ant")
    for column, first, then in (
        ("Name", ["ant", "bee", "cow"], ["cow", "bee", "ant"]),
        ("Length", ["ant", "cow", "bee"], ["bee", "cow", "ant"]),
        ("Date", ["cow", "bee", "ant"], ["ant", "bee", "cow"]),
    ):
        for expected in (first, then):
            database.page.locator("thead").get_by_role("link", name=column).click()
            expect_rows(database, *expected)
    expect(database.page.get_by_role("columnheader", name="Date")).to_have_attribute("aria-sort", "ascending")


def test_pages_of_a_hundred_rows(make_shelf, open_database):
    database = open_database(make_shelf(photos(205)))
    assert len(rows(database)) == 100
    database.page.get_by_role("link", name="Last").click()
    expect_rows(database, *(f"shot {number}" for number in range(200, 205)))
    expect(database.page.get_by_text("page 3 of 3")).to_be_visible()
    database.page.get_by_role("link", name="Before").click()
    expect_rows(database, "shot 100")
    database.page.locator("thead").get_by_role("link", name="Name").click()
    expect_rows(database, "shot 0", "shot 1")


def test_rows_and_their_files_are_removed_together(make_shelf, open_database):
    shots = photos(6)
    shots[2] = Shot("shot 2", 2, protected=True)
    database = open_database(make_shelf(shots))
    tick(database, "shot 1")
    tick(database, "shot 4", modifiers=["Shift"])
    expect(database.part("rows-chosen")).to_have_text(re.compile(r"^4 rows selected, [\d.]+ kB$"))
    database.part("rows-remove").click()
    expect(database.part("confirm-title")).to_have_text("Delete 3 photos?")
    expect(database.part("confirm-text")).to_contain_text("1 protected item stays.")
    database.part("confirm-yes").click()
    expect(database.part("message")).to_have_text("3 rows and their files removed.")
    wait_for(lambda: rows(database), lambda names: names == ["shot 0", "shot 2", "shot 5"])
    left = {path.name for path in database.turret.folder.glob("photos/*")}
    assert left == {"shot 0.jpg", "shot 2.jpg", "shot 5.jpg"}


def test_the_table_follows_other_pages_and_keeps_what_is_selected(make_shelf, open_database):
    database = open_database(make_shelf(photos(3)))
    database.page.locator("thead label").click()
    expect(database.part("rows-chosen")).to_have_text(re.compile("^3 rows"))
    database.turret.ask("/api/photos", {"name": "newest"})
    expect(row(database, "newest")).to_be_visible()
    expect(database.part("rows-chosen")).to_have_text(re.compile("^3 rows"))
    expect(row(database, "newest").locator("input")).not_to_be_checked()
    expect(database.part("rows")).to_contain_text("4 rows")


def test_a_range_begins_at_the_row_that_was_ticked_last_also_in_a_new_table(make_shelf, open_database):
    database = open_database(make_shelf(photos(6)))
    tick(database, "shot 2")
    database.turret.ask("/api/photos", {"name": "newest"})
    expect(row(database, "newest")).to_be_visible()
    tick(database, "shot 4", modifiers=["Shift"])
    expect(database.part("rows-chosen")).to_have_text(re.compile("^3 rows"))


def test_of_two_looks_for_files_the_last_one_counts(make_shelf, open_database):
    turret = make_shelf(photos(1))
    (turret.folder / "photos" / "cat.jpg").write_bytes(jpeg_of(3))
    database = open_database(turret)
    expect(database.part("files-text")).to_have_text("1 file has no row.")
    looks = Gate(database.page, re.compile("/media/unknown$"), after=True)
    database.turret.ask("/api/photos", {"name": "newest"})
    looks.wait(1)
    (turret.folder / "photos" / "dog.jpg").write_bytes(jpeg_of(4))
    database.turret.ask("/api/photos", {"name": "still newer"})
    looks.wait(2)
    looks.let_one(-1)
    expect(database.part("files-text")).to_have_text("2 files have no row.")
    with database.page.expect_response(re.compile("/media/unknown$")):
        looks.open()
    expect(database.part("files-text")).to_have_text("2 files have no row.")


def test_files_without_a_row_are_listed_and_added(make_shelf, open_database):
    turret = make_shelf(photos(1))
    (turret.folder / "photos" / "cat.jpg").write_bytes(jpeg_of(3))
    (turret.folder / "photos" / "dog.jpg").write_bytes(jpeg_of(4))
    write_film(turret.folder / "videos" / "bird.mp4", 2)
    database = open_database(turret)
    expect(database.part("files-text")).to_have_text("3 files have no row.")
    database.page.get_by_role("button", name="Add cat.jpg").click()
    expect(row(database, "cat")).to_be_visible()
    expect(database.part("files-text")).to_have_text("2 files have no row.")
    database.part("files-form").get_by_label("Folder").select_option("videos/")
    database.part("files-form").get_by_label("File name").fill("bird.mp4")
    database.part("files-form").get_by_role("button", name="Add").click()
    expect(row(database, "bird").locator(".is-length")).to_have_text("0:02")
    expect(database.part("files-form").get_by_label("File name")).to_have_value("")


def test_a_file_that_is_not_there_or_no_picture_is_refused_in_words(make_shelf, open_database, complaints):
    complaints.expect("404", "422")
    turret = make_shelf(photos(1))
    (turret.folder / "photos" / "torn.jpg").write_bytes(b"not a picture")
    database = open_database(turret)
    field, add = (
        database.part("files-form").get_by_label("File name"),
        database.part("files-form").get_by_role("button"),
    )
    for name in ("nowhere.jpg", "torn.jpg"):
        field.fill(name)
        add.click()
        expect(database.part("message")).to_contain_text(name)
    expect(field).to_have_value("torn.jpg")
    assert rows(database) == ["shot 0"]


def test_check_and_repair_reports_what_it_found(make_shelf, open_database):
    turret = make_shelf(photos(4))
    database = open_database(turret)
    expect(database.part("repair-text")).to_have_text(re.compile(r"^\d+ files? checked: rows and files agree\.$"))
    (turret.folder / "photos" / "cat.jpg").write_bytes(jpeg_of(3))
    (turret.folder / "photos" / "shot 2.jpg").unlink()
    database.part("repair-start").click()
    report = database.part("repair-report")
    expect(report).to_contain_text("1 file got a row")
    expect(report).to_contain_text("1 row without a file is gone")
    report.get_by_text("1 file got a row").click()
    expect(report.get_by_text("cat.jpg")).to_be_visible()
    wait_for(lambda: set(rows(database)), lambda names: names == {"shot 0", "shot 1", "shot 3", "cat"})


def test_check_and_repair_shows_progress_and_can_be_cancelled(make_stand, open_database, monkeypatch):
    looked_at, may_go_on = itertools.count(1), threading.Event()

    def inspect_and_wait(path: Path, kind: Kind) -> Facts:
        if next(looked_at) == 150:
            assert may_go_on.wait(30)
        return inspect(path, kind)

    monkeypatch.setattr("rig.inspect", inspect_and_wait)
    stand = make_stand()
    jpeg = jpeg_of(1)
    for number in range(300):
        (stand.photos / f"found {number}.jpg").write_bytes(jpeg)
    database = open_database(stand)
    old = Gate(database.page, re.compile("/database/repair$"), "GET", after=True)
    database.go("/database")
    old.wait()
    database.part("repair-start").click()
    expect(database.part("repair-cancel")).to_be_visible()
    old.open()  # "not running" was true when it was asked for
    expect(database.part("repair-text")).to_have_text("100 of 300 files checked.")
    expect(database.part("repair-progress")).to_be_visible()
    with database.page.expect_response(lambda response: response.request.method == "DELETE"):
        database.part("repair-cancel").click()
    may_go_on.set()
    expect(database.part("repair-start")).to_be_visible()
    expect(database.part("repair-report")).to_contain_text("150 files got a row")


def test_a_new_database_takes_two_steps_and_says_what_is_lost_and_kept(make_shelf, open_database):
    turret = make_shelf([*photos(3), Shot("film", 4, Kind.VIDEO)])
    database = open_database(turret)
    yes, word = database.part("new-yes"), database.part("new-confirm")
    expect(yes).to_be_hidden()
    database.part("new-first").click()
    second = database.part("new-second")
    expect(second).to_contain_text("4 rows: who shot what, what is protected")
    expect(second).to_contain_text(f"every file in {turret.folder}")
    expect(second).to_contain_text("accounts, settings and presets")
    expect(yes).to_be_disabled()
    database.page.get_by_role("button", name="Cancel").last.click()
    expect(second).to_be_hidden()
    database.part("new-first").click()
    word.fill("new databas")
    expect(yes).to_be_disabled()
    word.fill("New database")
    yes.click()
    expect(database.part("message")).to_have_text(
        re.compile(r"^4 rows forgotten\. The database as it was is kept as media\.db\.before-.*\.$")
    )
    wait_for(lambda: rows(database), lambda names: names == [])
    files = {path.name for folder in ("photos", "videos") for path in (turret.folder / folder).iterdir()}
    assert files == {"shot 0.jpg", "shot 1.jpg", "shot 2.jpg", "film.mp4"}
    database.part("repair-start").click()
    wait_for(lambda: set(rows(database)), lambda names: names == {"shot 0", "shot 1", "shot 2", "film"})


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_database_page_fits_with_everything_open(make_shelf, open_database, size):
    width, height = size
    turret = make_shelf([*photos(2), Shot("a " + "very " * 20 + "long name", 3), Shot("film", 4, Kind.VIDEO)])
    database = open_database(turret, viewport={"width": width, "height": height}, has_touch=width < 1000)
    expect_fits(database.page)
    tick(database, "shot 0")
    database.part("new-first").click()
    expect_fits(database.page)
    database.part("rows-remove").click()
    expect_fits(database.page)
