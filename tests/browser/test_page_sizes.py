"""The pages on a phone, a tablet and a desk: nothing sticks out, everything can be hit with a thumb."""

from __future__ import annotations

import pytest
from live_page import LivePage
from playwright.sync_api import Page, expect

SIZES = {"small phone": (360, 740), "phone": (390, 844), "tablet": (820, 1180), "desk": (1440, 900)}
TARGET_PX = 44
# Days out of sight are skipped (content-visibility): what lies in one has no box at the first question, and its own at
# the second. Here they are laid out like all the rest.
SMALL_TARGETS = """(least) => {
  const days = [...document.querySelectorAll(".day")];
  for (const day of days) day.style.contentVisibility = "visible";
  const small = [...document.querySelectorAll("a, button, summary, input:not([type=hidden])")]
    .filter((element) => element.checkVisibility() && !element.matches(".skip"))
    .map((element) => [element.textContent.trim() || element.id || element.ariaLabel, element.getBoundingClientRect()])
    .filter(([, box]) => box.width < least || box.height < least)
    .map(([name, box]) => `${name}: ${box.width} x ${box.height}`);
  for (const day of days) day.style.contentVisibility = "";
  return small;
}"""

# What hears of a new size of the window has done so.
PAINTED = "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"


@pytest.fixture(params=SIZES.values(), ids=SIZES.keys())
def size(request) -> dict[str, int]:
    return dict(zip(("width", "height"), request.param, strict=True))


def expect_fits(page: Page) -> None:
    """No sideways scroll and no target that is too small."""
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    assert page.evaluate(SMALL_TARGETS, TARGET_PX) == []


def boxes_of(live: LivePage, *parts: str) -> list[dict[str, float]]:
    """Where parts are in one and the same moment; their words may change in the next one."""
    look = """(names) => names.map((name) => {
      return document.querySelector(`[data-part="${name}"]`).getBoundingClientRect().toJSON();
    })"""
    boxes: list[dict[str, float]] = live.page.evaluate(look, [*parts])
    return boxes


def test_live_page_fits_with_everything_open(open_live, size):
    live = open_live(viewport=size, has_touch=size["width"] < 1000)
    live.expect_live()
    expect_fits(live.page)
    live.page.keyboard.press("i")
    expect(live.part("info-size")).to_be_visible()
    expect_fits(live.page)
    live.page.keyboard.press("q")
    expect(live.page.get_by_role("button", name="Snapshots")).to_be_visible()
    expect_fits(live.page)
    live.page.keyboard.press("q")
    live.page.locator(".menu summary").click()
    expect_fits(live.page)
    live.page.get_by_role("button", name="Keys").click()
    expect(live.page.get_by_role("dialog", name="Keys")).to_be_visible()
    expect_fits(live.page)


def test_whole_picture_is_on_the_first_screen_and_as_wide_as_it_can_be(open_live, size):
    live = open_live(viewport=size)
    live.expect_live()
    box = live.part("player").bounding_box()
    assert box["y"] + box["height"] <= size["height"]
    panels_px = 332 if size["width"] > 900 else 0  # beside the picture on a desk, below it elsewhere
    assert box["width"] >= 0.94 * (size["width"] - panels_px)
    assert box["width"] / box["height"] == pytest.approx(16 / 9, rel=0.01)


def test_login_page_fits(new_context, turret, size):
    live = LivePage(new_context(viewport=size).new_page(), turret)
    live.go("/login")
    expect(live.page.get_by_role("button", name="Show")).to_be_visible()
    expect_fits(live.page)


def test_watch_page_fits(open_live, size):
    live = open_live(viewport=size)
    live.expect_live()
    live.go("/watch")
    expect(live.part("mark-word")).to_have_text("Live")
    expect_fits(live.page)


def test_words_over_a_lost_picture_fit_and_keep_clear_of_the_tools(make_turret, open_live, complaints):
    complaints.expect("ERR_")
    turret = make_turret()
    live = open_live(turret)
    live.expect_live()
    turret.kill()
    expect(live.part("veil-text")).to_contain_text("Next try")
    for width, height in SIZES.values():
        live.page.set_viewport_size({"width": width, "height": height})
        live.page.evaluate(PAINTED)
        expect_fits(live.page)
        words, button, tools, frame = boxes_of(live, "veil-text", "veil-action", "tools", "player")
        assert words["y"] + words["height"] <= button["y"]
        assert button["x"] + button["width"] <= tools["x"] or button["y"] + button["height"] <= tools["y"]
        assert button["y"] + button["height"] <= frame["y"] + frame["height"]


def test_phone_on_its_side_gives_the_picture_the_whole_height(open_live):
    live = open_live(viewport={"width": 844, "height": 390})
    live.expect_live()
    box = live.part("player").bounding_box()
    assert (box["y"], box["height"]) == pytest.approx((0, 390), abs=1)
    expect(live.part("mark")).to_be_visible()
    expect_fits(live.page)


def test_tall_pictures_are_seen_whole(make_inside, open_live):
    turret = make_inside(camera={"width": 360, "height": 640})
    live = open_live(turret, viewport={"width": 1440, "height": 900})
    live.expect_live()
    box = live.part("player").bounding_box()
    assert box["y"] + box["height"] <= 900
    assert box["width"] / box["height"] == pytest.approx(360 / 640, rel=0.02)


def test_reduced_motion_is_respected(open_live):
    live = open_live(reduced_motion="reduce")
    live.expect_live()
    turning = live.page.locator(".veil-bagel").evaluate("image => getComputedStyle(image).animationDuration")
    assert turning == "0s"
