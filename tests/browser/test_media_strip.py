"""Under the live picture: photo, recording and the newest shots, against the running program."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from gate import Gate
from live_page import LivePage, wait_for
from playwright.sync_api import Locator, Route, expect
from test_page_sizes import SIZES, expect_fits
from turret import Turret

PHOTO_WITHIN_MS = 300
ANSWER_WITHIN_MS = 100
RECORD_AND_PLAY_WITHIN_S = 7.0
# Press, and see: the time until the element shows what is wanted and was painted, ms.
PRESS = """([button, root, isThere]) => new Promise((resolve) => {
  const look = new Function("root", `return ${isThere}`);
  const began = performance.now();
  const end = () => resolve(performance.now() - began);
  const check = () => (look(root) ? requestAnimationFrame(end) : setTimeout(check, 2));
  button.click();
  check();
})"""


# Resolves in the moment an element's text matches.
WAIT_FOR_TEXT = """(element, pattern) => new Promise((resolve) => {
  const look = () => new RegExp(pattern).test(element.textContent) && resolve();
  new MutationObserver(look).observe(element, { childList: true, characterData: true, subtree: true });
  look();
})"""


@pytest.fixture
def open_as(new_context: Callable[..., Any], studio: Turret) -> Callable[..., LivePage]:
    def open_as(username: str = "admin", at: Turret = studio, **options: Any) -> LivePage:
        live = LivePage(new_context(**options).new_page(), at)
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


def press(live: LivePage, name: str, root: str, is_there: str) -> float:
    """Milliseconds from a press to what it brings: a JavaScript expression over `root`."""
    button = live.part(name).element_handle()
    found: float = live.page.evaluate(PRESS, [button, live.part(root).element_handle(), is_there])
    return found


def wait_for_recorded(turret: Turret, seconds: float) -> None:
    """The recording is so long."""
    wait_for(lambda: turret.ask("/api/recording")["duration_s"], lambda length_s: length_s >= seconds)


def wait_for_held(live: LivePage, held: list[Route]) -> None:
    """One request of the page is held; Playwright tells of it only while it is asked something."""
    wait_for(lambda: (live.page.evaluate("0"), len(held))[1], lambda count: count == 1)


def test_photo_is_one_press_without_a_question_and_its_picture_is_there_within_300_ms(open_as, studio):
    live = open_as()
    live.page.evaluate("window.isSamePage = true")
    took_ms = []
    for _ in range(5):
        before = {item["id"] for item in items(studio)}
        newest = "root.querySelector('a.shot')"
        is_there = (
            f"{newest} && !{sorted(before)}.includes(Number({newest}.dataset.id)) && {newest}.firstChild.naturalWidth"
        )
        took_ms.append(press(live, "photo", "shots", is_there))
        assert items(studio)[0]["id"] not in before
    print(f"a photo's small picture after {min(took_ms):.0f} to {max(took_ms):.0f} ms")
    assert min(took_ms) <= PHOTO_WITHIN_MS
    assert live.page.evaluate("window.isSamePage")
    photo = items(studio)[0]
    assert (photo["kind"], photo["width_px"], photo["height_px"]) == ("photo", 1280, 720)
    expect(live.part("message")).to_have_text(f"Photo {photo['filename']}.")


def test_a_held_press_asks_for_the_full_size_once(open_as, studio):
    live = open_as()
    before = len(items(studio))
    asked: list[Any] = []
    live.page.on("request", lambda request: request.url.endswith("/photos") and asked.append(request.post_data_json))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    live.page.route("**/api/photos", hold, times=1)
    live.part("photo").click(delay=1200)
    wait_for_held(live, held)
    expect(live.part("message")).to_contain_text("the live picture pauses")
    held[0].continue_()
    expect(live.part("message")).to_contain_text(re.compile(r"^Photo .*\.jpg\.$"))
    assert asked == [{"full_resolution": True}]
    assert len(items(studio)) == before + 1
    live.page.keyboard.press("Shift+P")
    wait_for(lambda: len(items(studio)), lambda count: count == before + 2)
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
    expect(live.part("record-word")).to_have_text(re.compile(r"^Stop 0:0[1-9]$"))
    expect(live.part("rec")).to_have_text(re.compile(r"^REC 0:0\d$"))
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


def test_five_seconds_are_recorded_and_played_with_three_clicks(open_as, studio):
    """It plays before it is a film; when it is one, the same dialog plays that, with its length and seeking."""
    live = open_as()
    began_s = time.monotonic()
    live.part("record").click()
    live.part("record-word").evaluate(WAIT_FOR_TEXT, "Stop 0:0[5-9]")
    live.part("record").click()
    live.part("shots").evaluate(WAIT_FOR_TEXT, "waiting|converting")
    live.page.locator("a.shot[data-making]").first.click()
    shown = live.page.locator(".player-screen > *")
    wait_for(lambda: shown.evaluate("it => it.naturalWidth || it.videoWidth"), lambda width_px: width_px == 1280)
    took_s = time.monotonic() - began_s
    print(f"recorded 5 s and played after {took_s:.1f} s")
    assert took_s <= RECORD_AND_PLAY_WITHIN_S
    film = live.page.locator("video")
    expect(film).to_be_visible(timeout=45000)
    recorded_s = items(studio)[0]["duration_s"]
    wait_for(
        lambda: film.evaluate("film => film.duration"), lambda length_s: length_s == pytest.approx(recorded_s, abs=0.2)
    )
    assert 5 <= recorded_s <= 7
    film.evaluate("film => { film.pause(); film.currentTime = 3; }")
    wait_for(lambda: film.evaluate("film => !film.seeking && film.currentTime"), lambda time_s: time_s == 3)
    assert film.evaluate("film => film.videoWidth") == 1280
    expect(live.part("item-making")).to_be_hidden()
    live.page.keyboard.press("Escape")
    expect(shots(live).first.locator("b")).to_have_text(re.compile(r"^0:0\d$"))


def test_how_far_a_film_is_made_is_told(open_as, studio):
    live = open_as()
    studio.ask("/api/recording", {})
    expect(live.part("record-word")).to_have_text(re.compile(r"^Stop 0:0\d$"))
    wait_for_recorded(studio, 3)
    seen = live.page.evaluate_handle(
        """() => {
            const seen = new Set();
            const look = () => seen.add(document.querySelector("a.shot b")?.textContent);
            const shots = document.querySelector("[data-part=shots]");
            new MutationObserver(look).observe(shots, { childList: true, characterData: true, subtree: true });
            return seen;
        }"""
    )
    studio.ask("/api/recording", method="DELETE")
    badge = shots(live).first.locator("b")
    expect(badge).to_have_text(re.compile(r"^0:\d\d$"), timeout=45000)
    expect(badge).to_have_text(f"0:{int(items(studio)[0]['duration_s'] + 0.5):02}")
    words = live.page.evaluate("seen => [...seen]", seen)
    assert any(re.fullmatch(r"converting \d+ %", word or "") for word in words), words


def test_a_press_is_answered_within_100_ms_and_nothing_is_called_saved_before_it_is(open_as):
    live = open_as()
    held: list[Route] = []

    def hold(route: Route) -> None:
        """Not what the page asks once a second while it records."""
        route.continue_() if route.request.method == "GET" else held.append(route)

    live.page.route("**/api/recording", hold)
    word = "root.textContent"
    assert press(live, "record", "record-word", f'{word} === "Starting…"') <= ANSWER_WITHIN_MS
    wait_for_held(live, held)
    expect(live.part("rec")).to_be_hidden()
    held.pop().continue_()
    expect(live.part("record-word")).to_have_text(re.compile("^Stop"))
    assert press(live, "record", "record-word", f'{word} === "Saving…"') <= ANSWER_WITHIN_MS
    wait_for_held(live, held)
    assert "Saved" not in (live.part("message").text_content() or "")
    held.pop().continue_()
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
