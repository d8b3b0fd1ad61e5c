"""An opened item: photo, film, neighbours, rename, protect, delete, and what is not a film yet."""

from __future__ import annotations

import re

import pytest
from gallery_page import GalleryPage
from gate import Gate
from live_page import wait_for
from playwright.sync_api import expect
from shelf import HEIGHT_PX, WIDTH_PX, Shot

from store.media import Kind

DIALOG = "Item"
SHOTS = [
    Shot("robin", 0),
    Shot("feeder", 1, Kind.VIDEO, length_s=6.0),
    Shot("sunset", 2, Kind.TIMELAPSE, length_s=2.0),
    Shot("torn", 3, Kind.VIDEO, fault="the disk was full"),
    Shot("owl", 4, protected=True),
]


@pytest.fixture
def gallery(open_gallery, make_shelf) -> GalleryPage:
    return open_gallery(make_shelf(SHOTS))


def expect_item(gallery: GalleryPage, name: str) -> None:
    """It is open, and the address says so."""
    expect(gallery.part("item-name")).to_have_text(re.compile(rf"^{name}\."))
    number = gallery.tile(name).get_attribute("data-id")
    expect(gallery.page).to_have_url(re.compile(rf"\?item={number}$"))


def test_a_photo_is_shown_whole_and_in_its_own_size(gallery):
    gallery.open_item("robin")
    image = gallery.page.locator("img.is-photo")
    wait_for(lambda: image.evaluate("image => image.naturalWidth"), lambda width_px: width_px == WIDTH_PX)
    expect(gallery.part("item-facts")).to_contain_text(f"{WIDTH_PX} \u00d7 {HEIGHT_PX}")
    gallery.page.set_viewport_size({"width": 400, "height": 300})
    wait_for(lambda: image.bounding_box()["width"], lambda width_px: width_px < WIDTH_PX)
    image.click()
    assert image.bounding_box()["width"] == WIDTH_PX
    image.click()
    assert image.bounding_box()["width"] < WIDTH_PX


def test_a_film_plays_and_can_be_sought_in(gallery):
    asked: list[int] = []
    gallery.page.on("response", lambda answer: answer.url.endswith(".mp4") and asked.append(answer.status))
    gallery.open_item("feeder")
    film = gallery.page.locator("video")
    wait_for(lambda: film.evaluate("film => film.currentTime"), lambda time_s: time_s > 0.3)
    assert film.evaluate("film => film.duration") == pytest.approx(6.0, abs=0.15)
    assert film.evaluate("film => [film.videoWidth, film.videoHeight]") == [WIDTH_PX, HEIGHT_PX]
    film.evaluate("film => { film.pause(); film.currentTime = 5; }")
    wait_for(lambda: film.evaluate("film => !film.seeking && film.currentTime"), lambda time_s: time_s == 5)
    wait_for(lambda: shade_of(film), lambda shade: shade > 150)  # it gets brighter all the time
    film.evaluate("film => { film.currentTime = 0.5; }")
    wait_for(lambda: shade_of(film), lambda shade: shade < 100)
    assert 206 in asked
    expect(gallery.part("item-facts")).to_contain_text("0:06")
    expect(gallery.part("item-facts")).to_contain_text("60, 10 a second")


def shade_of(film) -> float:
    """How bright the picture is that the film shows, 0..255."""
    shade: float = film.evaluate(
        """(film) => {
            const canvas = document.createElement("canvas");
            const context = canvas.getContext("2d");
            context.drawImage(film, 0, 0, 1, 1);
            return context.getImageData(0, 0, 1, 1).data[0];
        }"""
    )
    return shade


def test_neighbours_by_buttons_keys_and_address(gallery):
    gallery.open_item("feeder")
    gallery.part("item-older").click()
    expect_item(gallery, "sunset")
    gallery.page.keyboard.press("ArrowLeft")
    expect_item(gallery, "feeder")
    gallery.page.keyboard.press("ArrowLeft")
    expect_item(gallery, "robin")
    expect(gallery.part("item-newer")).to_be_disabled()
    gallery.page.go_back()
    expect(gallery.page.get_by_role("dialog", name=DIALOG)).to_be_hidden()
    expect(gallery.page).to_have_url(re.compile("/gallery$"))


def test_a_neighbour_that_is_found_late_does_not_turn_the_item_that_was_opened_meanwhile(open_gallery, make_shelf):
    shelf = make_shelf(SHOTS)
    gallery = open_gallery(shelf, f"?cursor={shelf.ask('/api/media?limit=2')['next']}")  # begins with the third, sunset
    newer = Gate(gallery.page, re.compile(r"/newer\?"))
    gallery.open_item("sunset")
    newer.wait()  # whether there is one
    gallery.page.keyboard.press("ArrowLeft")
    newer.wait(2)
    gallery.page.go_back()
    expect(gallery.page.get_by_role("dialog", name=DIALOG)).to_be_hidden()
    gallery.open_item("owl")
    said = gallery.texts_of("item-name", "item-rename")
    newer.let_one(1)
    expect(gallery.tile("feeder")).to_be_attached()  # its answer has come
    newer.open()
    assert gallery.page.evaluate("fetch('/healthz').then((answer) => answer.ok)")  # and what follows from it is done
    expect_item(gallery, "owl")
    assert said() == []


def test_a_finger_turns_to_the_neighbour(open_gallery, make_shelf):
    gallery = open_gallery(make_shelf(SHOTS), viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    gallery.tile("robin").tap()
    expect_item(gallery, "robin")
    finger = gallery.page.context.new_cdp_session(gallery.page)
    swipe(finger, 320, 80)
    expect_item(gallery, "feeder")
    swipe(finger, 80, 320)
    expect_item(gallery, "robin")
    swipe(finger, 200, 230)  # not far enough
    expect_item(gallery, "robin")


def swipe(finger, from_px: int, to_px: int) -> None:
    points = [from_px + (to_px - from_px) * step // 5 for step in range(6)]
    for kind, x in [("touchStart", from_px), *(("touchMove", x) for x in points[1:]), ("touchEnd", None)]:
        touches = [] if x is None else [{"x": x, "y": 400}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def test_rename_in_place(gallery, open_gallery):
    other = open_gallery(gallery.turret)
    gallery.open_item("robin")
    gallery.part("item-rename").click()
    expect(gallery.part("rename-field")).to_have_value("robin")
    gallery.part("rename-field").fill("")
    gallery.page.keyboard.press("Enter")
    expect(gallery.part("message").last).to_have_text("A name has at least one character.")
    gallery.part("rename-field").fill("robin on the fence")
    gallery.page.keyboard.press("Enter")
    expect(gallery.part("item-name")).to_have_text("robin on the fence.jpg")
    expect(other.tile("robin on the fence")).to_be_visible()
    assert (gallery.turret.folder / "photos" / "robin on the fence.jpg").is_file()
    gallery.part("item-rename").click()
    gallery.part("rename-field").fill("owl")
    gallery.page.keyboard.press("Enter")
    expect(gallery.part("item-name")).to_have_text("owl-2.jpg")  # nothing is overwritten
    gallery.part("item-rename").click()
    gallery.part("rename-field").fill("something else")
    gallery.page.keyboard.press("Escape")
    expect(gallery.part("item-name")).to_have_text("owl-2.jpg")
    expect(gallery.page.get_by_role("dialog", name=DIALOG)).to_be_visible()


def test_a_list_that_was_asked_for_before_a_change_does_not_undo_it(gallery):
    gallery.open_item("robin")
    lists = Gate(gallery.page, re.compile(r"/api/media\?"), after=True)
    gallery.turret.ask("/api/photos", {"name": "newest"})
    lists.wait()
    gallery.part("item-rename").click()
    gallery.part("rename-field").fill("wren")
    gallery.page.keyboard.press("Enter")
    expect(gallery.part("item-name")).to_have_text("wren.jpg")
    said = gallery.texts_of("item-name", "item-rename")
    lists.open()
    expect(gallery.tile("newest")).to_be_attached()
    expect(gallery.part("item-name")).to_have_text("wren.jpg")
    assert said() == []


def test_two_clicks_open_an_item_once(gallery):
    gallery.tile("robin").get_by_role("link").evaluate("link => { link.click(); link.click(); }")
    expect_item(gallery, "robin")
    expect(gallery.page.locator("dialog.player")).to_have_count(1)
    gallery.page.go_back()
    expect(gallery.page.get_by_role("dialog", name=DIALOG)).to_be_hidden()


def test_protected_items_cannot_be_deleted_until_they_are_not(gallery):
    gallery.open_item("owl")
    expect(gallery.part("item-delete")).to_be_disabled()
    gallery.page.keyboard.press("Delete")
    expect(gallery.part("message").last).to_have_text("It is protected; unprotect it first.")
    gallery.part("item-protect").click()
    expect(gallery.part("item-protect")).to_have_attribute("aria-pressed", "false")
    expect(gallery.part("item-delete")).to_be_enabled()


def test_deleting_goes_on_with_the_next_item(gallery):
    gallery.open_item("robin")
    gallery.page.keyboard.press("Delete")
    expect(gallery.part("confirm-title")).to_have_text("Delete robin.jpg?")
    expect(gallery.part("confirm-text")).to_have_text(re.compile(r"^[\d.]+ \w+ is removed for good\.$"))
    gallery.part("confirm-yes").click()
    expect_item(gallery, "feeder")
    expect(gallery.tile("robin")).to_have_count(0)
    assert not (gallery.turret.folder / "photos" / "robin.jpg").exists()


def test_what_another_page_deletes_is_closed(gallery, complaints):
    complaints.expect("404")
    gallery.open_item("robin")
    gallery.turret.ask("/api/media/delete", {"ids": [gallery.items()[0]["id"]]})
    expect(gallery.page.get_by_role("dialog", name=DIALOG)).to_be_hidden()


def test_what_did_not_become_a_film_says_why_and_may_try_again(gallery, complaints):
    complaints.expect("ERR_")
    gallery.open_item("torn")
    expect(gallery.part("item-making-text")).to_have_text("Not converted: The disk was full.")
    expect(gallery.part("item-retry")).to_be_enabled()
    expect(gallery.part("item-download")).to_be_hidden()


def test_a_file_that_is_gone_is_explained(gallery, complaints):
    complaints.expect("409")
    (gallery.turret.folder / "photos" / "robin.jpg").unlink()
    gallery.open_item("robin")
    expect(gallery.page.locator(".player-fault")).to_have_text(re.compile(r"robin\.jpg is gone; Check and repair"))


def test_download_is_the_file_under_its_name(gallery):
    gallery.open_item("feeder")
    with gallery.page.expect_download() as download:
        gallery.part("item-download").click()
    assert download.value.suggested_filename == "feeder.mp4"
    assert download.value.path().read_bytes() == (gallery.turret.folder / "videos" / "feeder.mp4").read_bytes()
