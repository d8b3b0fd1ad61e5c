"""Selecting items in the gallery and doing things with all of them."""

from __future__ import annotations

import re
import zipfile

import pytest
from gallery_page import GalleryPage
from live_page import wait_for
from playwright.sync_api import expect
from shelf import Shot, jpeg_of, photos

from store.media import Kind

LONG_PRESS_MS = 700


@pytest.fixture
def gallery(open_gallery, make_shelf) -> GalleryPage:
    """Twelve photos over two days, the newest but two protected, and a film between them."""
    shots = photos(12, hours_between=2.1)
    shots[2] = Shot("shot 2", shots[2].hours, protected=True)
    shots.append(Shot("feeder", shots[1].hours + 0.5, Kind.VIDEO))
    return open_gallery(make_shelf(shots), timezone_id="UTC")


def selected(gallery: GalleryPage) -> list[str]:
    """Names of what is selected, in order."""
    names = gallery.page.locator(".tile[data-selected] input").evaluate_all("boxes => boxes.map(box => box.ariaLabel)")
    return [name.removeprefix("Select ").rpartition(".")[0] for name in names]


def test_a_box_selects_and_shift_selects_all_between(gallery):
    gallery.select("shot 1")
    gallery.tile("shot 5").locator("label").click(modifiers=["Shift"])
    assert selected(gallery) == ["shot 1", "feeder", "shot 2", "shot 3", "shot 4", "shot 5"]
    gallery.select("shot 3")
    expect(gallery.part("chosen-count")).to_have_text(re.compile(r"^5 items · [\d.]+ kB$"))
    gallery.tile("shot 0").get_by_role("link").click()  # while something is selected, a click selects
    assert selected(gallery)[0] == "shot 0"
    gallery.page.keyboard.press("Escape")
    assert selected(gallery) == []
    expect(gallery.part("chosen")).to_be_hidden()


def test_shift_click_on_a_picture_selects_up_to_it(gallery):
    gallery.tile("shot 3").get_by_role("link").click(modifiers=["Shift"])
    gallery.tile("shot 5").get_by_role("link").click(modifiers=["Shift"])
    assert selected(gallery) == ["shot 3", "shot 4", "shot 5"]


def test_everything_by_keys(gallery):
    press = gallery.page.keyboard.press
    gallery.tile("shot 0").get_by_role("link").focus()
    press("ArrowRight")
    expect(gallery.tile("shot 1").get_by_role("link")).to_be_focused()
    press("Space")
    press("Shift+ArrowRight")
    press("Shift+ArrowRight")
    assert selected(gallery) == ["shot 1", "feeder", "shot 2"]
    press("Control+a")
    assert len(selected(gallery)) == 13
    press("Escape")
    assert selected(gallery) == []
    press("End")
    press("ArrowRight")  # over the border of a day
    expect(gallery.page.locator(".day").nth(1).locator("a").first).to_be_focused()
    press("ArrowUp")
    expect(gallery.page.locator(".day").first.locator("a:focus")).to_have_count(1)
    press("Home")
    press("Enter")
    expect(gallery.part("item-name")).to_have_text("shot 0.jpg")


def test_arrow_down_goes_to_the_tile_below(gallery):
    first = gallery.tile("shot 0").bounding_box()
    gallery.tile("shot 0").get_by_role("link").focus()
    gallery.page.keyboard.press("ArrowDown")
    below = gallery.page.locator("a:focus").bounding_box()
    assert below["x"] == pytest.approx(first["x"], abs=1)
    assert below["y"] > first["y"]


def test_a_finger_that_rests_selects_and_a_tap_then_adds(open_gallery, make_shelf):
    gallery = open_gallery(
        make_shelf(photos(4)), viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    finger = gallery.page.context.new_cdp_session(gallery.page)
    box = gallery.tile("shot 1").locator("img").bounding_box()
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    wait_for(lambda: selected(gallery), lambda names: names == ["shot 1"])
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    gallery.tile("shot 3").tap()  # the click comes after it
    wait_for(lambda: selected(gallery), lambda names: names == ["shot 1", "shot 3"])
    gallery.part("chosen-none").tap()
    gallery.tile("shot 0").tap()
    expect(gallery.part("item-name")).to_have_text("shot 0.jpg")


def test_deleting_asks_in_words_and_protected_items_stay(gallery):
    gallery.select("shot 1", "feeder", "shot 2", "shot 3")
    gallery.part("chosen-delete").click()
    expect(gallery.part("confirm-title")).to_have_text("Delete 2 photos and 1 video?")
    expect(gallery.part("confirm-text")).to_have_text(
        re.compile(r"^[\d.]+ kB are removed for good\. 1 protected item stays\.$")
    )
    gallery.page.get_by_role("button", name="Cancel").click()
    assert len(gallery.items()) == 13
    gallery.page.keyboard.press("Escape")
    gallery.select("shot 1", "feeder", "shot 2", "shot 3")
    gallery.part("chosen-delete").click()
    gallery.page.get_by_role("button", name="Delete 3").click()
    expect(gallery.part("message").first).to_have_text("3 items deleted. 1 protected item stayed.")
    expect(gallery.tiles).to_have_count(10)
    left = {path.name for path in gallery.turret.folder.glob("photos/*")} | {
        path.name for path in gallery.turret.folder.glob("videos/*")
    }
    assert left == {f"shot {number}.jpg" for number in range(12)} - {"shot 1.jpg", "shot 3.jpg"}


def test_delete_key_asks_for_the_item_that_has_the_focus(gallery):
    gallery.tile("shot 4").get_by_role("link").focus()
    gallery.page.keyboard.press("Delete")
    expect(gallery.part("confirm-title")).to_have_text("Delete shot 4.jpg?")
    gallery.part("confirm-yes").click()
    expect(gallery.tile("shot 4")).to_have_count(0)


def test_nothing_but_protected_items_cannot_be_deleted(gallery):
    gallery.select("shot 2")
    gallery.part("chosen-delete").click()
    expect(gallery.part("message").first).to_have_text("It is protected; unprotect it first.")
    assert len(gallery.items()) == 13


def test_protect_and_unprotect_show_on_every_page(gallery, open_gallery):
    other = open_gallery(gallery.turret)
    gallery.select("shot 0", "shot 2")
    expect(gallery.part("chosen-protect")).to_have_text("Protect")
    gallery.part("chosen-protect").click()
    expect(gallery.part("chosen-protect")).to_have_text("Unprotect")
    expect(other.tile("shot 0").locator(".is-lock")).to_be_visible()
    gallery.part("chosen-protect").click()
    for name in ("shot 0", "shot 2"):
        expect(other.tile(name).locator(".is-lock")).to_be_hidden()
    assert not any(item["protected"] for item in gallery.items())


def test_zip_holds_exactly_what_was_selected(gallery, tmp_path):
    gallery.select("shot 0", "shot 5", "feeder")
    with gallery.page.expect_download() as download:
        gallery.part("chosen-zip").click()
        expect(gallery.part("message").first).to_have_text("The zip of 3 items is on its way.")
    assert re.fullmatch(r"bagel-turret-.*\.zip", download.value.suggested_filename)
    download.value.save_as(tmp_path / "found.zip")
    with zipfile.ZipFile(tmp_path / "found.zip") as found:
        assert found.testzip() is None
        assert set(found.namelist()) == {"shot 0.jpg", "shot 5.jpg", "feeder.mp4"}
        assert found.read("shot 5.jpg") == jpeg_of(5)


def test_what_another_page_deletes_is_not_selected_any_more(gallery):
    gallery.select("shot 0", "shot 1")
    first = next(item for item in gallery.items() if item["filename"] == "shot 0.jpg")
    gallery.turret.ask("/api/media/delete", {"ids": [first["id"]]})
    expect(gallery.part("chosen-count")).to_have_text(re.compile("^1 item "))
    assert selected(gallery) == ["shot 1"]
