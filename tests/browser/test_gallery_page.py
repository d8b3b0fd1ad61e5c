"""The gallery in Chromium: days, pictures, filter, paging, live changes, addresses, sizes, weight, no scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
from gallery_page import GalleryPage
from live_page import LivePage, wait_for
from playwright.sync_api import expect
from shelf import Shot, fill, photos
from test_page_sizes import SIZES, expect_fits
from turret import Turret

from store.accounts import Role
from store.media import Kind

THUMB_LIMIT_BYTES = 15_000
WEIGHT_LIMIT_BYTES = 60_000
THUMB_SIZES = """performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/thumb"))
  .map((entry) => entry.encodedBodySize)"""
LEFT_OUT = ("/thumb", "/media/", "/api/events")  # pictures, and what never ends
SHOTS = [
    Shot("robin", 0.5, protected=True),
    Shot("feeder", 0.7, Kind.VIDEO, length_s=3.0),
    Shot("sunset", 0.8, Kind.TIMELAPSE, length_s=2.0),
    Shot("torn", 0.9, Kind.VIDEO, fault="the disk was full"),
    *[Shot(f"shot {number}", 2 + number) for number in range(140)],
]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory):
    """A program with SHOTS, newest first, which tests leave as they are."""
    folder = tmp_path_factory.mktemp("shelf")
    fill(folder, SHOTS)
    turret = Turret(folder)
    turret.start()
    turret.add_account("vera", Role.VIEWER)
    yield turret
    turret.stop()


@pytest.fixture
def gallery_of(open_gallery: Callable[..., GalleryPage], shelf: Turret) -> Callable[..., GalleryPage]:
    """The gallery of `shelf`."""
    return partial(open_gallery, shelf)


def test_items_stand_by_the_day_of_the_watcher_s_clock(gallery_of):
    assert gallery_of(timezone_id="UTC").headings()[:2] == ["Saturday 14 March", "Friday 13 March"]
    auckland = gallery_of(timezone_id="Pacific/Auckland")  # 13 hours ahead: noon is one o'clock of the next day
    assert auckland.headings()[:2] == ["Sunday 15 March", "Saturday 14 March"]
    assert auckland.page.locator(".day").first.locator(".tile").count() == 4
    expect(auckland.tile("robin").locator("time")).to_have_text("00:30")


def test_tiles_say_what_they_are(gallery_of):
    gallery = gallery_of()
    expect(gallery.tile("feeder").locator(".tile-badge")).to_have_text("0:03")
    expect(gallery.tile("torn").locator(".tile-badge")).to_have_text("failed")
    expect(gallery.tile("robin").locator(".is-lock")).to_be_visible()
    expect(gallery.tile("feeder").locator(".is-lock")).to_be_hidden()
    expect(gallery.tile("robin").get_by_role("link")).to_have_accessible_name(
        re.compile(r"^photo, robin\.jpg, \d\d:\d\d, protected$")
    )
    expect(gallery.part("sum")).to_have_text(re.compile(r"^144 items · "))


def test_pictures_are_small_and_come_when_their_place_is_near(gallery_of):
    gallery = gallery_of(viewport={"width": 320, "height": 500})  # the last is farther than any browser looks ahead
    gallery.page.reload(wait_until="load")
    first, last = gallery.tiles.first.locator("img"), gallery.tiles.nth(59).locator("img")
    wait_for(lambda: first.evaluate("image => image.naturalWidth"), bool)
    assert last.evaluate("image => image.naturalWidth") == 0
    # Days that come into sight get their real height, which may push what was scrolled to out of sight again.
    wait_for(lambda: (last.scroll_into_view_if_needed(), last.evaluate("image => image.naturalWidth"))[1], bool)
    sizes = gallery.page.evaluate(THUMB_SIZES)
    assert 0 < max(sizes) <= THUMB_LIMIT_BYTES


def test_scrolling_brings_everything_page_by_page(gallery_of):
    gallery = gallery_of()
    assert gallery.tiles.count() == 60
    asked: list[str] = []
    gallery.page.on("request", lambda request: "/api/media?" in request.url and asked.append(request.url))
    for count in (120, len(SHOTS)):
        wait_for(
            lambda: (gallery.page.mouse.wheel(0, 100_000), gallery.tiles.count())[1], lambda found, n=count: found >= n
        )
    assert gallery.names() == [shot.name for shot in SHOTS]
    assert len(asked) == 2
    assert all("cursor=" in url for url in asked)
    expect(gallery.part("more")).to_be_hidden()


def test_filter_is_in_the_address_and_survives_a_reload(gallery_of):
    gallery = gallery_of(timezone_id="UTC")
    gallery.page.get_by_role("link", name="Videos", exact=True).click()
    expect(gallery.tiles).to_have_count(2)
    expect(gallery.page).to_have_url(re.compile(r"\?kind=video$"))
    gallery.page.get_by_role("searchbox").fill("FEED")
    expect(gallery.tiles).to_have_count(1)
    gallery.page.reload()
    assert gallery.names() == ["feeder"]
    expect(gallery.page.get_by_role("searchbox")).to_have_value("FEED")
    gallery.page.get_by_role("link", name="Clear").click()
    expect(gallery.tiles).to_have_count(60)
    expect(gallery.page).to_have_url(re.compile("/gallery$"))


def test_days_are_those_of_the_watcher(gallery_of):
    """In Auckland the 13th of March 2026 lasted from 11 o'clock UTC on the 12th to 11 o'clock on the 13th."""
    gallery = gallery_of(timezone_id="Pacific/Auckland")
    gallery.page.locator(".when summary").click()
    gallery.page.get_by_label("From", exact=True).fill("2026-03-13")
    gallery.page.get_by_label("To", exact=True).fill("2026-03-13")
    expect(gallery.part("when-text")).to_have_text("2026-03-13")
    expected = [f"shot {number}" for number in range(24, 48)]
    wait_for(gallery.names, lambda names: names == expected)
    gallery.page.reload()
    wait_for(gallery.names, lambda names: names == expected)
    assert gallery.headings() == ["Friday 13 March"]


def test_nothing_that_matches_and_nothing_at_all_say_so(gallery_of, open_gallery, make_shelf):
    gallery = gallery_of("?text=nowhere")
    expect(gallery.part("empty-title")).to_have_text("Nothing matches")
    gallery.page.get_by_role("link", name="Show everything").click()
    expect(gallery.tiles).to_have_count(60)
    empty = open_gallery(make_shelf([]))
    expect(empty.part("empty-title")).to_have_text("Nothing here yet")
    empty.turret.ask("/api/photos", {})
    expect(empty.tiles).to_have_count(1)
    expect(empty.part("empty")).to_be_hidden()


def test_what_happens_on_another_page_shows_here(open_gallery, make_shelf):
    turret = make_shelf(photos(5))
    gallery, other = open_gallery(turret), LivePage(open_gallery(turret).page, turret)
    gallery.page.evaluate("window.isSamePage = true")
    other.go("/")
    other.expect_live()
    other.page.keyboard.press("p")
    expect(gallery.tiles).to_have_count(6)
    newest, *_, oldest = gallery.items()
    turret.ask(f"/api/media/{oldest['id']}", {"name": "older still"}, method="PATCH")
    expect(gallery.tile("older still")).to_be_visible()
    turret.ask("/api/media/delete", {"ids": [newest["id"], oldest["id"]]})
    expect(gallery.tiles).to_have_count(4)
    assert gallery.names() == [f"shot {number}" for number in range(4)]
    assert gallery.page.evaluate("window.isSamePage")


def test_an_item_far_down_opens_by_its_address_and_stands_in_view(gallery_of, shelf):
    items = shelf.ask("/api/media?limit=500")["items"]
    gallery = gallery_of(f"?item={next(item['id'] for item in items if item['filename'] == 'shot 120.jpg')}")
    expect(gallery.part("item-name")).to_have_text("shot 120.jpg")
    gallery.page.keyboard.press("ArrowLeft")
    expect(gallery.part("item-name")).to_have_text("shot 119.jpg")
    gallery.page.keyboard.press("ArrowRight")
    expect(gallery.part("item-name")).to_have_text("shot 120.jpg")
    gallery.page.get_by_role("button", name="Close", exact=True).click()
    expect(gallery.page.get_by_role("dialog", name="Item")).to_be_hidden()
    expect(gallery.tile("shot 120")).to_be_in_viewport()
    expect(gallery.page).to_have_url(re.compile("/gallery$"))
    gallery.page.get_by_role("link", name="To the newest").click()
    expect(gallery.tile("robin")).to_be_in_viewport()


HIDE = """(is) => {
  Object.defineProperty(document, "hidden", { value: is, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_who_is_logged_out_is_sent_to_the_login_page_and_back(open_gallery, make_shelf, complaints):
    complaints.expect("401", "ERR_")
    gallery = open_gallery(make_shelf(photos(2)), "?text=shot")
    gallery.page.context.clear_cookies()
    for is_hidden in (True, False):  # the feed of changes is let go of, and asked for anew
        gallery.page.evaluate(HIDE, is_hidden)
    expect(gallery.page).to_have_url(f"{gallery.turret.url}/login?next=%2Fgallery%3Ftext%3Dshot")


def test_an_item_that_is_gone_is_said_to_be(gallery_of):
    gallery = gallery_of("?item=99999")
    expect(gallery.page.get_by_text("Item 99999 is not in the library any more.")).to_be_visible()
    assert gallery.tiles.count() == 60


def test_the_disk_is_told_in_figures_and_rules(open_gallery, make_shelf):
    turret = make_shelf(photos(3), retention={"photo_days": 36500, "video_count": 50})
    gallery = open_gallery(turret)
    expect(gallery.part("disk-free")).to_have_text(re.compile(r"^[\d.]+ [GT]B$"))
    gallery.page.locator(".disk summary").click()
    expect(gallery.part("disk-photo")).to_have_text(re.compile(r"^3 · [\d.]+ kB$"))
    expect(gallery.part("disk")).to_contain_text("Photos are removed after 36500 days.")
    expect(gallery.part("disk")).to_contain_text("Videos are removed beyond 50 of them.")
    expect(gallery.part("disk")).to_contain_text("Protected items are never removed.")
    expect(gallery.part("disk-next")).to_have_text(re.compile(r"^Next to go on .*: shot 2\.jpg, because .*\.$"))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_gallery_fits_with_everything_open(gallery_of, size):
    width, height = size
    gallery = gallery_of(viewport={"width": width, "height": height}, has_touch=width < 1000)
    expect_fits(gallery.page)
    for opener in (".disk summary", ".when summary"):
        gallery.page.locator(opener).click()
        expect_fits(gallery.page)
        gallery.page.locator(opener).click()
    gallery.part("select-button").click()
    gallery.tile("robin").click()
    gallery.tile("feeder").click()
    expect(gallery.part("chosen-count")).to_have_text(re.compile("^2 items"))
    expect_fits(gallery.page)
    gallery.part("chosen-delete").click()
    expect_fits(gallery.page)
    gallery.page.get_by_role("button", name="Cancel").click()
    gallery.part("chosen-none").click()
    gallery.tile("feeder").get_by_role("link").click()
    expect(gallery.part("item-name")).to_have_text("feeder.mp4")
    expect_fits(gallery.page)
    box = gallery.part("item-download").bounding_box()
    assert box["y"] + box["height"] <= height


def test_gallery_weighs_at_most_60_kb_without_its_pictures(gallery_of):
    gallery = gallery_of()
    urls: dict[str, str] = {}
    weights: dict[str, float] = {}
    session = gallery.page.context.new_cdp_session(gallery.page)
    session.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
    session.on(
        "Network.loadingFinished", lambda event: weights.update({event["requestId"]: event["encodedDataLength"]})
    )
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    gallery.page.reload()
    gallery.tile("feeder").get_by_role("link").click()  # the player, too
    expect(gallery.part("item-name")).to_have_text("feeder.mp4")

    def files() -> set[str]:
        return {request for request, url in urls.items() if not any(part in url for part in LEFT_OUT)}

    wait_for(lambda: (gallery.page.evaluate("0"), files() - weights.keys())[1], lambda coming: not coming)
    total_bytes = sum(weights[request] for request in files())
    for request, url in urls.items():
        print(f"{weights.get(request, 0):8.0f} {url.removeprefix(gallery.turret.url)}")
    print(f"{total_bytes:8.0f} bytes in {len(urls)} requests")
    assert total_bytes <= WEIGHT_LIMIT_BYTES


def test_without_scripts_pages_are_links_and_films_play(new_context, shelf):
    visitor = LivePage(new_context(java_script_enabled=False).new_page(), shelf)
    visitor.log_in()
    visitor.page.get_by_role("link", name="Gallery").first.click()
    for first, count in (("robin", 60), ("shot 56", 60), ("shot 116", len(SHOTS) - 120)):
        if first != "robin":
            visitor.page.get_by_role("link", name="Older").click()
        expect(visitor.page.locator(".tile input").first).to_have_attribute("aria-label", f"Select {first}.jpg")
        expect(visitor.page.locator(".tile")).to_have_count(count)
    visitor.page.get_by_role("link", name="To the newest").click()
    visitor.page.get_by_role("link", name="Videos", exact=True).click()
    expect(visitor.page.locator(".tile")).to_have_count(2)
    visitor.page.locator(".tile").first.get_by_role("link").click()
    film = visitor.page.locator("video")
    expect(film).to_be_visible()
    answer = visitor.page.request.get(f"{shelf.url}{film.get_attribute('src')}", headers={"Range": "bytes=4-11"})
    assert (answer.status, answer.headers["content-type"], answer.body()[:4]) == (206, "video/mp4", b"ftyp")
    visitor.page.get_by_role("link", name="Older").first.click()
    expect(visitor.page.get_by_role("heading", name="torn.mp4")).to_be_visible()
    expect(visitor.page.locator(".opened .note")).to_have_text("the disk was full")
    visitor.page.get_by_role("link", name="Newer").first.click()
    expect(visitor.page.get_by_role("heading", name="feeder.mp4")).to_be_visible()
    expect_fits_without_scripts(visitor)


def expect_fits_without_scripts(visitor: LivePage) -> None:
    box = visitor.page.locator("video").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280


def test_without_scripts_a_photo_and_a_recording_are_plain_buttons(new_context, make_shelf):
    turret = make_shelf(photos(1))
    visitor = LivePage(new_context(java_script_enabled=False).new_page(), turret)
    visitor.log_in()
    visitor.page.get_by_role("button", name="Photo").click()
    expect(visitor.page.locator(".opened img")).to_be_visible()
    assert len(turret.ask("/api/media")["items"]) == 2
    visitor.page.get_by_role("link", name="Live", exact=True).click()
    visitor.page.get_by_role("button", name="Record").click()
    wait_for(lambda: turret.ask("/api/recording")["frames"], lambda frames: frames > 10)
    visitor.page.get_by_role("button", name="End the recording").click()
    wait_for(lambda: turret.ask("/api/recording")["recording"], lambda is_recording: not is_recording)
    wait_for(lambda: len(turret.ask("/api/media")["items"]), lambda count: count == 3)
    expect(visitor.page.locator(".opened h2")).to_have_text(turret.ask("/api/media")["items"][0]["filename"])


def test_without_scripts_the_filter_form_works(new_context, shelf):
    visitor = LivePage(new_context(java_script_enabled=False).new_page(), shelf)
    visitor.log_in(to="/gallery")
    visitor.page.get_by_role("searchbox").fill("shot 13")
    visitor.page.get_by_role("button", name="Show").click()
    expect(visitor.page.locator(".tile")).to_have_count(11)  # 13, and 130 to 139


def test_viewer_may_look_but_not_change(gallery_of):
    gallery = gallery_of(username="vera")
    gallery.select("robin")
    expect(gallery.part("chosen-delete")).to_be_disabled()
    expect(gallery.part("chosen-protect")).to_be_disabled()
    expect(gallery.part("chosen-zip")).to_be_enabled()
    gallery.tiles.first.get_by_role("link").focus()
    gallery.page.keyboard.press("Delete")
    expect(gallery.part("message").first).to_have_text("Your role is viewer; this needs operator.")


def test_navigation_leads_between_the_pages(gallery_of):
    gallery = gallery_of()
    pages = gallery.page.get_by_role("navigation", name="Pages")
    expect(pages.get_by_role("link", name="Gallery")).to_have_attribute("aria-current", "page")
    pages.get_by_role("link", name="Database").click()
    expect(gallery.page).to_have_title("Database · Bagel Turret")
    pages.get_by_role("link", name="Live").click()
    gallery.expect_live()
    viewer = gallery_of(username="vera").page.get_by_role("navigation", name="Pages")
    expect(viewer.get_by_role("link", name="Database")).to_have_count(0)
