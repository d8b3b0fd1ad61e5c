"""Processed copies in the opened item: made by a press, opened at once, and the way back to the photo."""

from __future__ import annotations

import re

import pytest
from gallery_page import GalleryPage
from gate import Gate
from live_page import LivePage, wait_for
from playwright.sync_api import expect
from shelf import Shot, photos
from test_page_sizes import SIZES, expect_fits

from store.accounts import Role
from store.media import Kind

SHOTS = [
    Shot("dull", 0),
    Shot("robin", 1),
    Shot("feeder", 2, Kind.VIDEO, length_s=2.0),
    Shot("torn", 3, Kind.VIDEO, fault="the disk was full"),
    Shot("owl", 4, protected=True),
]
PRESS = {"Gray": "gray", "White balance": "white balance", "Edges": "edges"}


@pytest.fixture
def gallery(open_gallery, make_shelf) -> GalleryPage:
    return open_gallery(make_shelf(SHOTS))


def button(gallery: LivePage, name: str):
    return gallery.part("item-copy-buttons").get_by_role("button", name=name, exact=True)


def color_shown(gallery: LivePage) -> list[int]:
    """Red, green and blue in the middle of the photo that is shown, once it is there."""
    image = gallery.page.locator("img.is-photo")
    wait_for(lambda: image.evaluate("image => image.complete && image.naturalWidth"), bool)
    found: list[int] = image.evaluate(
        """(image) => {
            const canvas = document.createElement("canvas");
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
    )
    return found


def spread(color: list[int]) -> int:
    return max(color) - min(color)


@pytest.mark.parametrize("pressed", PRESS)
def test_a_press_makes_a_copy_and_opens_it_beside_its_photo(gallery, open_gallery, pressed):
    other = open_gallery(gallery.turret)
    gallery.open_item("robin")
    assert spread(color_shown(gallery)) > 40
    button(gallery, pressed).click()
    name = f"robin {PRESS[pressed]}"
    expect(gallery.part("item-name")).to_have_text(f"{name}.jpg")
    expect(gallery.part("message").last).to_have_text(f"Made {name}.jpg.")
    expect(gallery.part("item-parent")).to_have_text("Copy of robin.jpg")
    assert spread(color_shown(gallery)) < 8
    assert gallery.names() == ["dull", name, "robin", "feeder", "torn", "owl"]
    expect(other.tile(name)).to_be_visible()
    (made,) = [item for item in gallery.items() if item["parent_id"] is not None]
    assert (made["filename"], made["parent_filename"]) == (f"{name}.jpg", "robin.jpg")
    gallery.part("item-older").click()
    expect(gallery.part("item-name")).to_have_text("robin.jpg")
    expect(gallery.part("item-parent")).to_be_hidden()


def test_the_copy_links_to_its_photo_by_mouse_and_by_keyboard(gallery):
    gallery.open_item("robin")
    gallery.page.evaluate("window.isSamePage = true")
    number = gallery.tile("robin").get_attribute("data-id")
    button(gallery, "Gray").focus()
    gallery.page.keyboard.press("Enter")
    expect(gallery.part("item-name")).to_have_text("robin gray.jpg")
    expect(button(gallery, "Gray")).to_be_focused()  # the place is kept, for the next one
    gallery.part("item-parent").focus()
    gallery.page.keyboard.press("Enter")
    expect(gallery.part("item-name")).to_have_text("robin.jpg")
    expect(gallery.page).to_have_url(re.compile(rf"\?item={number}$"))
    gallery.part("item-newer").click()
    expect(gallery.part("item-parent")).to_have_attribute("href", re.compile(rf"\?item={number}$"))
    gallery.part("item-parent").click()
    expect(gallery.part("item-name")).to_have_text("robin.jpg")
    assert gallery.page.evaluate("window.isSamePage")
    gallery.page.go_back()
    expect(gallery.page.get_by_role("dialog", name="Item")).to_be_hidden()


def test_films_have_greyed_buttons_with_the_reason(gallery):
    gallery.open_item("feeder")
    for name in PRESS:
        expect(button(gallery, name)).to_be_disabled()
    expect(gallery.part("item-copy-why")).to_have_text("Copies are made of photos only.")
    gallery.part("item-newer").click()
    expect(button(gallery, "Gray")).to_be_enabled()
    expect(gallery.part("item-copy-why")).to_be_hidden()


def test_who_may_only_watch_has_greyed_buttons(open_gallery, make_shelf):
    turret = make_shelf(SHOTS)
    turret.add_account("vera", Role.VIEWER)
    gallery = open_gallery(turret, username="vera")
    gallery.open_item("robin")
    expect(button(gallery, "Gray")).to_be_disabled()
    expect(gallery.part("item-why")).to_have_text("Your role is viewer; this needs operator.")


def test_it_is_said_while_it_is_made_and_a_second_press_makes_no_second_one(gallery):
    gallery.open_item("robin")
    copies = Gate(gallery.page, re.compile("/copies$"))
    button(gallery, "Edges").click()
    expect(gallery.part("message").last).to_have_text("Making a copy of robin.jpg: Edges.")
    expect(button(gallery, "Edges")).to_have_attribute("aria-busy", "true")
    button(gallery, "Gray").click()
    gallery.part("item-older").click()
    expect(gallery.part("item-name")).to_have_text("feeder.mp4")
    copies.wait()
    copies.open()
    expect(gallery.part("message").last).to_have_text("Made robin edges.jpg.")
    expect(button(gallery, "Edges")).to_have_attribute("aria-busy", "false")
    expect(gallery.part("item-name")).to_have_text("feeder.mp4")  # who went on is left alone
    expect(gallery.tile("robin edges")).to_be_attached()
    assert copies.asked == 1
    assert [item["filename"] for item in gallery.items() if item["parent_id"]] == ["robin edges.jpg"]


def test_what_cannot_be_copied_is_said(gallery, complaints):
    complaints.expect("422")
    (gallery.turret.folder / "photos" / "robin.jpg").write_bytes(b"\xff\xd8torn")
    gallery.open_item("robin")
    button(gallery, "Gray").click()
    expect(gallery.part("message").last).to_have_text("robin.jpg: this JPEG is cut off.")
    expect(gallery.part("item-name")).to_have_text("robin.jpg")
    assert all(item["parent_id"] is None for item in gallery.items())


def test_a_copy_whose_photo_is_deleted_says_nothing_of_it_any_more(gallery):
    gallery.open_item("robin")
    number = int(gallery.tile("robin").get_attribute("data-id") or "")
    button(gallery, "Gray").click()
    expect(gallery.part("item-parent")).to_be_visible()
    gallery.turret.ask("/api/media/delete", {"ids": [number]})
    expect(gallery.part("item-parent")).to_be_hidden()
    expect(gallery.part("item-name")).to_have_text("robin gray.jpg")


def lists_fail(gallery: GalleryPage) -> None:
    """From now on the page has only what it knows."""
    gallery.page.route("**/api/media?*", lambda route: route.abort())


def test_the_copy_stands_in_its_place_at_once(gallery, complaints):
    """Not only when the page looks at the whole library again."""
    complaints.expect("ERR_FAILED")
    gallery.open_item("robin")
    lists_fail(gallery)
    button(gallery, "Gray").click()
    expect(gallery.tile("robin gray")).to_be_attached()
    assert gallery.names() == ["dull", "robin gray", "robin", "feeder", "torn", "owl"]
    gallery.part("item-newer").click()
    expect(gallery.part("item-name")).to_have_text("dull.jpg")


def test_far_down_the_copy_still_has_its_neighbours(open_gallery, make_shelf):
    """The row begins near the opened item, not with the newest one."""
    turret = make_shelf(photos(70))
    number = next(
        item["id"] for item in turret.ask("/api/media?limit=500")["items"] if item["filename"] == "shot 65.jpg"
    )
    gallery = open_gallery(turret, f"?item={number}")
    expect(gallery.part("item-name")).to_have_text("shot 65.jpg")
    button(gallery, "Gray").click()
    expect(gallery.part("item-name")).to_have_text("shot 65 gray.jpg")
    gallery.part("item-older").click()
    expect(gallery.part("item-name")).to_have_text("shot 65.jpg")
    gallery.part("item-newer").click()
    gallery.part("item-newer").click()
    expect(gallery.part("item-name")).to_have_text("shot 64.jpg")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_an_opened_copy_fits(open_gallery, make_shelf, size):
    width, height = size
    gallery = open_gallery(make_shelf(SHOTS), viewport={"width": width, "height": height}, has_touch=width < 1000)
    gallery.open_item("robin")
    button(gallery, "White balance").click()
    expect(gallery.part("item-name")).to_have_text("robin white balance.jpg")
    expect_fits(gallery.page)
    for part in ("item-download", "item-parent", "item-copy-buttons"):
        box = gallery.part(part).bounding_box()
        assert box["y"] + box["height"] <= height
    picture = gallery.page.locator("img.is-photo").bounding_box()
    assert picture["width"] > 250


def test_copies_on_the_live_page(make_inside, open_live):
    live = open_live(make_inside())
    live.expect_live()
    live.part("photo").click()
    live.page.locator("a.shot").first.click()
    button(live, "Edges").click()
    expect(live.part("item-parent")).to_have_text(re.compile(r"^Copy of \d{4}-.*\.jpg$"))
    expect(live.part("item-name")).to_have_text(re.compile(r" edges\.jpg$"))
    live.part("item-parent").click()
    expect(live.part("item-name")).not_to_have_text(re.compile("edges"))


def test_without_scripts_copies_are_plain_forms_and_links(open_live, make_shelf):
    turret = make_shelf(SHOTS)
    live = open_live(turret, java_script_enabled=False)
    number = next(item["id"] for item in turret.ask("/api/media")["items"] if item["filename"] == "robin.jpg")
    live.go(f"/gallery?item={number}")
    live.page.get_by_role("button", name="White balance").click()
    expect(live.page.get_by_role("heading", name="robin white balance.jpg")).to_be_visible()
    live.page.get_by_role("link", name="robin.jpg", exact=True).click()
    expect(live.page.get_by_role("heading", name="robin.jpg", exact=True)).to_be_visible()


def test_a_still_of_a_timelapse_is_shown_and_copied_as_a_photo(open_gallery, make_inside):
    """It is of kind timelapse, and was given to the film's player, which could not show it."""
    turret = make_inside()
    turret.ask("/api/timelapses", {"interval_s": 1, "make_film": False, "name": "dawn"})
    wait_for(lambda: turret.ask("/api/media")["items"], bool)
    turret.ask("/api/timelapses/current", method="DELETE")
    gallery = open_gallery(turret)
    gallery.tiles.last.get_by_role("link").click()
    expect(gallery.page.locator("img.is-photo")).to_be_visible()
    button(gallery, "Gray").click()
    expect(gallery.part("item-name")).to_have_text(re.compile(r"^dawn .* gray\.jpg$"))
    assert spread(color_shown(gallery)) < 8
