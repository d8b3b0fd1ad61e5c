"""Under the live picture: photo, recording and the newest shots, against the running program."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from gate import Gate
from live_page import LivePage, install_clock, wait_for
from playwright.sync_api import Locator, Route, expect
from test_page_sizes import SIZES, expect_fits
from turret import Turret

ANSWER_WITHIN_MS = 100
HELD_MS = 1000


@pytest.fixture
def open_as(new_context: Callable[..., Any], studio: Turret) -> Callable[..., LivePage]:
    def open_as(username: str = "admin", clocked: bool = False, **options: Any) -> LivePage:
        """The live page; `clocked` when its clock will be held."""
        live = LivePage(new_context(**options).new_page(), studio)
        if clocked:
            install_clock(live.page)
        live.log_in(username=username)
        live.expect_live()
        return live

    return open_as


@pytest.fixture(autouse=True)
def nothing_runs(studio: Turret):
    yield
    if studio.ask("/api/recording")["recording"]:
        studio.ask("/api/recording", method="DELETE")


def shots(live: LivePage) -> Locator:
    return live.page.locator("a.shot")


def items(turret: Turret) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = turret.ask("/api/media")["items"]
    return found


def wait_for_recorded(turret: Turret, seconds: float) -> None:
    """The recording is so long."""
    wait_for(lambda: turret.ask("/api/recording")["duration_s"], lambda length_s: length_s >= seconds)


def test_photo_is_one_press_without_a_question_and_its_picture_is_there_with_the_answer(open_as, studio):
    """The page's clock stands still, and no list comes: nothing lies between answer and picture.

    How long that takes is measured by `make bench`.
    """
    live = open_as(clocked=True)
    live.page.evaluate("window.isSamePage = true")
    live.hold_clock()
    Gate(live.page, re.compile(r"/api/media\?"))
    photos = Gate(live.page, re.compile("/api/photos$"))
    live.part("photo").click()
    photos.wait()
    expect(live.page.get_by_role("img", name="Photo coming")).to_be_visible()
    photos.open()
    expect(live.part("message")).to_have_text(re.compile(r"^Photo .*\.jpg\.$"))
    photo = items(studio)[0]
    assert (photo["kind"], photo["width_px"], photo["height_px"]) == ("photo", 1280, 720)
    expect(live.part("message")).to_have_text(f"Photo {photo['filename']}.")
    picture = shots(live).first.locator("img")
    expect(shots(live).first).to_have_attribute("data-id", str(photo["id"]))
    wait_for(lambda: picture.evaluate("image => image.naturalWidth"), lambda width_px: width_px > 0)
    expect(live.page.get_by_role("img", name="Photo coming")).to_have_count(0)
    assert live.page.evaluate("window.isSamePage")


def test_a_held_press_asks_for_the_full_size_once(open_as, studio):
    live = open_as(clocked=True)
    before = len(items(studio))
    asked: list[Any] = []
    live.page.on("request", lambda request: request.url.endswith("/photos") and asked.append(request.post_data_json))
    live.hold_clock()
    photos = Gate(live.page, re.compile("/api/photos$"))
    live.part("photo").hover()
    live.page.mouse.down()
    live.page.clock.run_for(HELD_MS)
    photos.wait()
    expect(live.part("message")).to_contain_text("the live picture pauses")
    live.page.mouse.up()
    photos.open()
    expect(live.part("message")).to_contain_text(re.compile(r"^Photo .*\.jpg\.$"))
    assert asked == [{"full_resolution": True}]
    assert len(items(studio)) == before + 1
    with live.page.expect_response("**/api/photos"):
        live.page.keyboard.press("Shift+P")
    assert len(items(studio)) == before + 2
    assert asked == [{"full_resolution": True}] * 2


def test_photo_of_one_page_appears_on_the_other(open_as, studio):
    first, second = open_as(), open_as("vera")
    before = len(items(studio))
    first.page.keyboard.press("p")
    wait_for(lambda: items(studio), lambda found: len(found) == before + 1)
    expect(second.page.locator(f'a.shot[data-id="{items(studio)[0]["id"]}"]')).to_be_visible()


def test_keys_do_nothing_while_somebody_types_or_a_dialog_is_open(open_as, studio):
    live = open_as()
    before = len(items(studio))
    asked: list[str] = []
    live.page.on("request", lambda request: request.method != "GET" and asked.append(request.url))
    live.page.keyboard.press("?")
    expect(live.page.get_by_role("dialog", name="Keys")).to_contain_text("Photo")
    live.page.keyboard.press("p")
    live.page.keyboard.press("r")
    live.page.keyboard.press("Escape")
    expect(live.page.get_by_role("dialog", name="Keys")).to_be_hidden()
    assert asked == []
    assert len(items(studio)) == before
    assert not studio.ask("/api/recording")["recording"]


def test_recording_says_clock_size_and_free_space_and_ends_as_an_item(open_as, studio):
    live, other = open_as(), open_as("vera")
    expect(live.part("media-facts")).to_have_text(re.compile(r"^[\d.]+ [GT]B free$"))
    live.part("record").click()
    expect(live.part("record-word")).to_have_text(re.compile(r"^Stop 0:(0[1-9]|[1-5]\d)$"))
    expect(live.part("rec")).to_have_text(re.compile(r"^REC 0:\d\d$"))
    expect(live.part("media-facts")).to_have_text(re.compile(r"^[\d.]+ [kM]B · [\d.]+ [GT]B free$"))
    expect(other.part("rec")).to_be_visible()
    expect(other.part("record-word")).to_have_text(re.compile(r"^Stop 0:\d\d$"))
    wait_for_recorded(studio, 1.1)
    live.page.keyboard.press("r")
    expect(live.part("record-word")).to_have_text("Record")
    video = items(studio)[0]
    assert video["kind"] == "video"
    assert video["duration_s"] >= 1
    for page in (live, other):
        expect(page.page.locator(f'a.shot[data-id="{video["id"]}"]')).to_be_visible()
        expect(page.part("rec")).to_be_hidden()


def test_a_press_is_answered_at_once_and_nothing_is_called_saved_before_it_is(open_as):
    live = open_as(clocked=True)
    live.hold_clock()
    word = live.part("record-word")
    for method, busy, done in (("POST", "Starting…", re.compile("^Stop")), ("DELETE", "Saving…", "Record")):
        gate = Gate(live.page, re.compile("/api/recording$"), method)
        live.part("record").click()
        live.page.clock.run_for(ANSWER_WITHIN_MS)
        expect(word).to_have_text(busy)
        gate.wait()
        expect(live.part("rec")).to_be_visible(visible=method == "DELETE")
        assert "Saved" not in (live.part("message").text_content() or "")
        gate.open()
        expect(word).to_have_text(done)
    expect(live.part("message")).to_contain_text("Saved")


def test_an_answer_that_grew_old_does_not_bring_an_ended_recording_back(open_as, studio):
    live = open_as()
    gate = Gate(live.page, re.compile("/api/recording$"), "POST", after=True)
    live.part("record").click()
    gate.wait()
    expect(live.part("rec")).to_be_visible()
    wait_for(lambda: studio.ask("/api/recording")["frames"], lambda frames: frames > 0)
    studio.ask("/api/recording", method="DELETE")
    expect(live.part("rec")).to_be_hidden()
    words = live.texts_of("record-word", "record")
    gate.open()
    expect(live.part("message")).to_have_text("Recording.")
    expect(live.part("record-word")).to_have_text("Record")
    assert [word for word in words() if "Stop" in word] == []


def test_dropped_pictures_are_told_while_it_records(open_as, studio):
    live = open_as()
    live.page.route("**/api/events", lambda route: None)  # no news: what the answer says stays
    live.page.reload()
    live.expect_live()
    recording = {**studio.ask("/api/recording"), "recording": True, "duration_s": 3, "size_bytes": 2_500_000}
    live.page.route("**/api/recording", lambda route: route.fulfill(json={**recording, "dropped": 4}, status=201))
    live.part("record").click()
    expect(live.part("media-facts")).to_have_text(re.compile(r"^2\.5 MB · 4 dropped · [\d.]+ [GT]B free$"))


def test_a_second_recording_in_the_same_moment_is_refused_with_the_reason(open_as, studio, complaints):
    complaints.expect("409")
    live = open_as()

    def be_late(route: Route) -> None:
        studio.ask("/api/recording", {})
        route.continue_()

    live.page.route("**/api/recording", be_late, times=1)
    live.part("record").click()
    expect(live.part("message")).to_have_text(re.compile(r"record.* already.*\.$"))
    expect(live.part("record-word")).to_have_text(re.compile("^Stop"))


def test_no_picture_no_photo_and_the_reason_is_said(make_turret, new_context, complaints):
    complaints.expect("503")
    turret = make_turret(TURRET_CAMERA_CAMERA="network", TURRET_CAMERA_URL="http://127.0.0.1:9/video")
    live = LivePage(new_context().new_page(), turret)
    live.log_in()
    expect(live.part("health-word")).to_have_text("No picture")
    live.part("photo").click()
    expect(live.part("message")).to_contain_text(re.compile("camera|127.0.0.1:9"))
    expect(live.page.locator(".shot")).to_have_count(0)
    assert items(turret) == []


def test_viewer_sees_the_buttons_greyed_with_the_reason_and_may_look_at_the_shots(open_as, studio):
    studio.ask("/api/photos", {})
    live = open_as("vera")
    for name in ("photo", "record"):
        expect(live.part(name)).to_be_disabled()
    expect(live.part("media-why")).to_have_text("Your role is viewer; this needs operator.")
    live.page.keyboard.press("p")
    expect(live.part("message")).to_have_text("Your role is viewer; this needs operator.")
    shots(live).first.click()
    expect(live.part("item-delete")).to_be_disabled()
    expect(live.part("item-why")).to_have_text("Your role is viewer; this needs operator.")


def test_a_shot_opens_over_the_picture_and_back_closes_it(open_as, studio):
    studio.ask("/api/photos", {"name": "first"})
    studio.ask("/api/photos", {"name": "second"})
    live = open_as()
    shots(live).first.click()
    dialog = live.page.get_by_role("dialog", name="Item")
    expect(dialog).to_be_visible()
    expect(live.part("item-name")).to_have_text(re.compile("^second"))
    expect(live.page).to_have_url(re.compile(r"#item-\d+$"))
    live.page.keyboard.press("ArrowRight")
    expect(live.part("item-name")).to_have_text(re.compile("^first"))
    live.page.go_back()
    expect(dialog).to_be_hidden()
    expect(live.page).to_have_url(f"{studio.url}/")
    live.page.go_forward()
    expect(live.part("item-name")).to_have_text(re.compile("^first"))
    live.page.reload()
    expect(live.part("item-name")).to_have_text(re.compile("^first"))
    live.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("size", [SIZES["phone"], SIZES["small phone"]], ids=["390x844", "360x740"])
def test_picture_photo_record_stop_and_cross_are_on_the_first_screen_of_a_phone(open_as, studio, size):
    width, height = size
    studio.ask("/api/photos", {})
    live = open_as(viewport={"width": width, "height": height}, has_touch=True, is_mobile=True)
    expect(shots(live).first).to_be_visible()
    stop = live.page.get_by_role("button", name="STOP").bounding_box()
    for locator in (live.part("player"), live.part("photo"), live.part("record"), live.part("lapse"), live.part("jog")):
        box = locator.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= stop["y"]
    assert stop["y"] + stop["height"] <= height
    expect_fits(live.page)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_strip_fits_while_it_records(open_as, size):
    width, height = size
    live = open_as(viewport={"width": width, "height": height}, has_touch=width < 1000)
    live.part("record").click()
    expect(live.part("record-word")).to_have_text(re.compile("^Stop"))
    expect_fits(live.page)
    box = live.part("photo").bounding_box()
    assert box["y"] + box["height"] <= height
    live.part("record").click()
    expect(live.part("record-word")).to_have_text("Record")
