"""The timelapse's dialog on the live page, down to the stills and the film."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from gate import Gate
from inside import Inside
from live_page import LivePage, wait_for
from playwright.sync_api import expect
from test_page_sizes import SIZES, expect_fits

from errors import NoSpace
from store.accounts import Role

# Ten a second: these tests care for single pictures.
CAMERA = {"width": 1280, "height": 720, "rate": 10}


@pytest.fixture
def studio(make_inside: Callable[..., Inside]) -> Inside:
    """A program of the test's own, with an admin and vera, who may only watch."""
    studio = make_inside(camera=CAMERA)
    studio.add_account("vera", Role.VIEWER)
    return studio


@pytest.fixture
def open_form(new_context: Callable[..., Any], studio: Inside) -> Callable[..., LivePage]:
    """The live page with the dialog open."""

    def open_form(username: str = "admin", at: Inside = studio, **options: Any) -> LivePage:
        live = LivePage(new_context(**options).new_page(), at)
        live.log_in(username=username)
        live.part("lapse").click()
        expect(live.part("lapse-dialog")).to_be_visible()
        return live

    return open_form


def lapse(turret: Inside) -> dict[str, Any]:
    return turret.ask("/api/timelapses")


def field(live: LivePage, name: str):
    return live.part("lapse-form").locator(f'[name="{name}"]')


def asked(live: LivePage) -> dict[str, Any]:
    """Press Start; what the page asks for."""
    with live.page.expect_request("**/api/timelapses") as request:
        live.part("lapse-start").click()
    found: dict[str, Any] = request.value.post_data_json
    return found


def test_nothing_of_the_form_is_loaded_before_it_is_wanted(new_context, studio):
    loaded: list[str] = []
    live = LivePage(new_context().new_page(), studio)
    live.page.on("request", lambda request: loaded.append(request.url))
    live.log_in()
    live.expect_live()
    assert not any("timelapse" in url for url in loaded)
    live.part("lapse").click()
    expect(live.part("lapse-dialog")).to_be_visible()
    assert any("timelapse" in url for url in loaded)


def test_pet_cam_is_a_photo_every_five_minutes_kept_one_day(open_form, studio):
    live = open_form()
    live.page.get_by_role("button", name="Pet cam").click()
    expect(live.part("lapse-sum")).to_have_text(re.compile(r"^288 photos a day, about [\d.]+ MB$"))
    wish = asked(live)
    assert wish == {"name": "pet cam", "interval_s": 300, "keep_stills": True, "make_film": False, "keep_days": 1}
    expect(live.part("message")).to_have_text("The timelapse has begun.")
    running = lapse(studio)
    assert (running["running"], running["name"], running["interval_s"]) == (True, "pet cam", 300)
    assert running["ends_at"] is None
    wait_for(lambda: lapse(studio)["shots"], lambda shots: shots == 1)  # the first one at once
    expect(live.part("lapse-word")).to_have_text("1 shot")
    live.part("lapse").click()
    expect(live.part("lapse-shots")).to_have_text("pet cam: 1 photo")
    expect(live.part("lapse-next")).to_have_text(re.compile(r"^Next photo in 4:\d\d\. It goes on until you end it\.$"))
    live.part("lapse-end").click()
    expect(live.part("lapse-word")).to_have_text("Timelapse")
    assert not lapse(studio)["running"]


def test_every_field_reaches_the_server(open_form, studio):
    live = open_form()
    values = {"every": "2", "every_unit": "60", "ends": "yes", "lasts": "3", "lasts_unit": "3600", "window": "times"}
    for name, value in {**values, "from": "07:30", "until": "19:30", "width_px": "640", "name": "yard"}.items():
        control = field(live, name)
        control.select_option(value) if control.evaluate("it => it.tagName") == "SELECT" else control.fill(value)
    field(live, "keep_stills").check()
    field(live, "keep_days").select_option("7")
    expect(live.part("lapse-sum")).to_have_text(re.compile(r"^45 photos, about [\d.]+ MB, a film of 0:02$"))
    assert asked(live) == {
        "name": "yard", "interval_s": 120, "duration_s": 10800, "from": "07:30", "until": "19:30", "width_px": 640,
        "keep_stills": True, "make_film": True, "keep_days": 7,
    }  # fmt: skip
    wait_for(lambda: lapse(studio), lambda found: found["running"] and found["ends_at"] is not None)


def test_stills_become_a_film_that_plays(open_form, studio):
    live = open_form()
    field(live, "every").fill("1")
    field(live, "name").fill("quick")
    live.part("lapse-start").click()
    wait_for(lambda: lapse(studio)["shots"], lambda shots: shots >= 2)
    live.part("lapse").click()
    live.part("lapse-end").click()
    film = live.page.locator('a.shot[aria-label^="timelapse, quick"]')
    expect(film).to_be_visible()
    expect(film.locator("b")).to_have_text("0:00", timeout=30000)
    film.click()
    video = live.page.locator("video")
    wait_for(lambda: video.evaluate("film => film.videoWidth"), lambda width_px: width_px == 1280)
    expect(live.part("item-facts")).to_contain_text("30 a second")


def test_impatient_presses_open_one_dialog_and_start_one_timelapse(new_context, studio):
    live = LivePage(new_context().new_page(), studio)
    live.log_in()
    panels = Gate(live.page, re.compile("/panel/timelapse$"))
    for _ in range(2):
        live.part("lapse").click()
    panels.wait()
    panels.open()
    expect(live.part("lapse-dialog")).to_be_visible()
    expect(live.part("lapse-dialog")).to_have_count(1)
    starts = Gate(live.page, re.compile("/api/timelapses$"), "POST")
    live.part("lapse-start").click()
    starts.wait()
    field(live, "name").fill("again")  # what is edited or told meanwhile writes the form anew
    expect(live.part("lapse-start")).to_be_disabled()
    field(live, "name").press("Enter")
    expect(live.part("lapse-start")).to_be_disabled()
    assert starts.asked == 1
    starts.open()
    expect(live.part("message")).to_have_text("The timelapse has begun.")
    wait_for(lambda: lapse(studio)["running"], bool)
    assert starts.asked == 1


def test_two_presses_end_a_timelapse_and_not_its_film_too(open_form, studio):
    studio.ask("/api/timelapses", {"interval_s": 60})
    live = open_form()
    ends = Gate(live.page, re.compile("/api/timelapses/current"), "DELETE")
    live.part("lapse-end").evaluate("button => { button.click(); button.click(); }")
    ends.wait()
    live.part("lapse-end").evaluate("button => button.click()")
    live.page.evaluate("fetch('/healthz').then((answer) => answer.text())")  # what was asked before is known here
    ends.open()
    expect(live.part("message")).to_have_text("The timelapse has ended.")
    assert ends.asked == 1


@pytest.fixture
def no_film_begins(studio: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were no room, until what is patched is undone."""

    def refuse() -> None:
        raise NoSpace("no room")

    monkeypatch.setattr(studio.site.rig.conversions, "_has_room", refuse)


@pytest.fixture
def ends_by_itself(studio: Inside, no_film_begins: None) -> Callable[[], int]:
    """A timelapse of one photo, which runs until this is called; answers the number of its film, which waits."""
    studio.ask("/api/timelapses", {"interval_s": 60, "keep_stills": False, "make_film": True})
    wait_for(lambda: lapse(studio)["shots"], lambda shots: shots == 1)

    def end() -> int:
        studio.site.rig.timelapse.stop()
        film_id: int = lapse(studio)["film_id"]
        return film_id

    return end


def test_end_pressed_when_it_has_just_ended_by_itself_does_not_cancel_its_film(
    open_form, studio, ends_by_itself, monkeypatch
):
    live = open_form()
    ends = Gate(live.page, re.compile("/api/timelapses/current"), "DELETE")
    live.part("lapse-end").click()
    ends.wait()
    film_id = ends_by_itself()
    ends.open()
    expect(live.part("message")).to_have_text("The timelapse has ended.")
    monkeypatch.undo()
    studio.site.rig.conversions.look()
    wait_for(lambda: studio.ask(f"/api/media/{film_id}"), lambda item: item["ready"] or item["fault"])
    assert studio.ask(f"/api/media/{film_id}")["ready"]


def test_a_film_is_cancelled_by_a_button_that_is_not_where_end_was(open_form, studio, ends_by_itself, monkeypatch):
    live = open_form()
    expect(live.part("lapse-cancel")).to_be_hidden()
    box = live.part("lapse-end").bounding_box()
    film_id = ends_by_itself()
    expect(live.part("lapse-cancel")).to_be_visible()
    expect(live.part("lapse-end")).to_be_disabled()
    live.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # a finger that was on its way
    expect(live.part("lapse-next")).to_have_text("The film is being made, 0 % done.")
    live.part("lapse-cancel").click()
    expect(live.part("message")).to_have_text("The film was cancelled. It can be tried again in the gallery.")
    monkeypatch.undo()
    studio.site.rig.conversions.look()
    wait_for(lambda: studio.ask(f"/api/media/{film_id}")["fault"], bool)


def test_two_pages_agree_and_a_viewer_sees_it_greyed(open_form, studio):
    viewer = open_form("vera")
    expect(viewer.part("lapse-start")).to_be_disabled()
    expect(viewer.part("lapse-fault")).to_have_text("Your role is viewer; this needs operator.")
    studio.ask("/api/timelapses", {"interval_s": 60, "name": "other"})
    expect(viewer.part("lapse-shots")).to_have_text(re.compile("^other: "))
    expect(viewer.part("lapse-end")).to_be_disabled()


def test_a_refusal_of_the_server_stands_in_the_form(open_form, studio, complaints):
    complaints.expect("400", "409")
    live = open_form()
    field(live, "ends").select_option("yes")
    field(live, "lasts").fill("999")
    field(live, "lasts_unit").select_option("86400")
    field(live, "every").fill("0.5")
    live.part("lapse-form").evaluate("form => (form.noValidate = true)")
    live.part("lapse-start").click()
    expect(live.part("lapse-fault")).to_contain_text("interval_s 0.5 is outside")
    expect(live.part("lapse-dialog")).to_be_visible()


def test_neither_stills_nor_film_cannot_be_started(open_form):
    live = open_form()
    field(live, "make_film").uncheck()
    expect(live.part("lapse-start")).to_be_disabled()
    expect(live.part("lapse-sum")).to_have_text("Keep the photos, make a film, or both.")


def test_sun_is_greyed_with_its_reason_until_the_place_is_known(make_inside, open_form):
    live = open_form()
    expect(field(live, "window").locator('option[value="sun"]')).to_be_disabled()
    expect(live.part("lapse-form")).to_contain_text(
        "Sunrise and sunset need latitude_deg and longitude_deg in config.txt."
    )
    placed = open_form(at=make_inside(timelapse={"latitude_deg": 52.5, "longitude_deg": 13.4}))
    field(placed, "window").select_option("sun")
    wish = asked(placed)
    assert (wish["from"], wish["until"]) == ("sunrise", "sunset")
    wait_for(lambda: lapse(placed.turret)["running"], bool)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_the_form_fits(open_form, size):
    width, height = size
    live = open_form(viewport={"width": width, "height": height}, has_touch=width < 1000)
    field(live, "ends").select_option("yes")
    field(live, "window").select_option("times")
    field(live, "keep_stills").check()
    expect_fits(live.page)
    live.part("lapse-start").scroll_into_view_if_needed()
    box, dialog = live.part("lapse-start").bounding_box(), live.part("lapse-dialog").bounding_box()
    assert box["x"] >= dialog["x"]
    assert box["x"] + box["width"] <= dialog["x"] + dialog["width"]
