"""How much picture the page asks for: by what the link bears, or by hand; it says which one it is, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest
from fakes import watching
from live_page import LivePage, address_of, install_clock, wait_for
from playwright.sync_api import BrowserContext, Route, expect
from slow_link import SlowLink
from test_page_faults import HIDE
from turret import Turret

FULL, SAVER, SNAPSHOTS = "", "scale=1/2&quality=50&fps=10", "snapshots"
SLOW, SLOWER = 100_000, 6_000  # bytes a second: the video needs about 900,000, the smaller one 100,000
SAVER_HZ = 10
STEP_MS = 25_000
# How long a link is looked at; what follows from which figures is told below, at full length.
IN_HASTE = {
    "quality": {"JUDGED_AFTER_MS": 2000, "TRIAL_JUDGED_AFTER_MS": 2000, "PATIENCE_MS": [3000, 240000]},
    "measure": {"LINK_WINDOW_MS": 2000},
}


@pytest.fixture
def link(turret: Turret) -> Iterator[SlowLink]:
    link = SlowLink(turret)
    yield link
    link.close()


@pytest.fixture
def open_over(link: SlowLink, new_context: Callable) -> Callable[..., LivePage]:
    """The live page over the link, which outlives it."""

    def open_over(script: str = "", in_haste: bool = False, clocked: bool = False) -> LivePage:
        context = new_context()
        if in_haste:
            hasten(context)
        if clocked:
            install_clock(context)
        if script:
            context.add_init_script(script)
        live = LivePage(context.new_page(), link)
        live.log_in()
        live.expect_live()
        return live

    return open_over


def hasten(context: BrowserContext) -> None:
    """The page's scripts come with other times in their first lines."""
    for name, times in IN_HASTE.items():
        context.route(re.compile(rf"/js/{name}\.js$"), with_constants(times))


def with_constants(times: dict[str, object]) -> Callable[[Route], None]:
    """Answers with the script that was asked for, in which these constants have these values."""

    def answer_with(route: Route) -> None:
        answer = route.fetch()
        script = answer.text()
        for name, value in times.items():
            script, count = re.subn(rf"(?m)^const {name} = [^;]+;", f"const {name} = {value};", script)
            assert count == 1, name
        route.fulfill(response=answer, body=script)

    return answer_with


def choose(live: LivePage, name: str) -> None:
    """Open the choice if need be, and press."""
    button = live.page.get_by_role("button", name=name, exact=True)
    if not button.is_visible():
        live.part("quality-button").click()
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def width_px(live: LivePage) -> int:
    width: int = live.part("canvas").evaluate("canvas => canvas.width")
    return width


def expect_full_rate(live: LivePage) -> None:
    """Pictures are drawn as the camera makes them, one after the other and more often than a smaller form has them.

    Told by the camera's own count: how many of 30 a second this machine can draw is no matter.
    """
    drawn = live.note_drawn()
    wait_for(lambda: sum(later == one + 1 for one, later in pairwise(drawn())), lambda in_a_row: in_a_row > 20)
    wait_for(lambda: live.rate_hz, lambda rate_hz: rate_hz > SAVER_HZ + 2)
    expect(live.part("health-figures")).to_have_text(re.compile(r"^[\d.]+/s · \d+ ms$"))


def get_single_pictures(live: LivePage, link: SlowLink) -> None:
    """The link gets so slow that the page gives up video."""
    link.bytes_per_s = SLOWER
    expect(live.part("notice")).to_have_text("Snapshots: the link is slow", timeout=2 * STEP_MS)


def test_a_link_that_gets_slow_gets_less_and_the_video_again_when_it_can(open_over, link) -> None:
    live = open_over()
    expect(live.part("notice")).to_be_hidden()
    link.bytes_per_s = SLOW
    expect(live.part("notice")).to_have_text("Saver: the link is slow", timeout=STEP_MS)
    wait_for(lambda: width_px(live), lambda width: width == 640)
    expect(live.part("health-word")).to_have_text("Live")
    expect(live.part("health-figures")).to_have_text(re.compile(r"^Saver [\d.]+/s · \d+ ms$"))
    wait_for(lambda: live.rate_hz, lambda rate_hz: rate_hz > 4)
    link.bytes_per_s = None
    expect(live.part("notice")).to_be_hidden(timeout=STEP_MS)
    wait_for(lambda: width_px(live), lambda width: width == 1280)
    expect_full_rate(live)
    assert link.videos() == [FULL, SAVER, FULL]


def test_a_link_that_bears_no_video_gets_single_pictures_and_their_true_age(open_over, link) -> None:
    live = open_over(in_haste=True)
    get_single_pictures(live, link)
    expect(live.part("health-word")).to_have_text("Snapshots", timeout=STEP_MS)
    expect(live.part("health")).to_have_attribute("data-tone", "warn")
    wait_for(lambda: width_px(live), lambda width: width <= 480)
    live.wait_for_newer(live.marks())
    expect(live.part("veil")).to_be_hidden()
    wait_for(lambda: live.age_ms, lambda age_ms: age_ms > 100)


def test_video_comes_back_by_one_step_when_the_link_bears_it(open_over, link) -> None:
    live = open_over(in_haste=True)
    get_single_pictures(live, link)
    link.bytes_per_s = None
    expect(live.part("notice")).not_to_have_text(re.compile("Snapshots"), timeout=STEP_MS)
    assert link.videos()[-2:] == [SNAPSHOTS, SAVER]


def test_by_hand_it_stays_what_was_chosen_in_this_browser(open_over, link) -> None:
    live = open_over()
    choose(live, "Saver")
    expect(live.part("notice")).to_have_text("Saver: you chose it")
    wait_for(lambda: width_px(live), lambda width: width == 640)
    wait_for(lambda: live.rate_hz, lambda rate_hz: 8 < rate_hz < 12)
    live.page.reload()
    live.expect_live()
    expect(live.part("notice")).to_have_text("Saver: you chose it")
    wait_for(lambda: width_px(live), lambda width: width == 640)
    choose(live, "Full")
    expect(live.part("notice")).to_be_hidden()
    wait_for(lambda: width_px(live), lambda width: width == 1280)
    assert link.videos() == [FULL, SAVER, FULL]


def test_single_pictures_by_hand_come_once_a_second_with_rate_and_age(open_over) -> None:
    live = open_over(clocked=True)
    choose(live, "Snapshots")
    expect(live.part("health-word")).to_have_text("Snapshots")
    expect(live.part("health")).to_have_attribute("data-tone", "live")
    wait_for(lambda: live.rate_hz, lambda rate_hz: 0.6 < rate_hz < 1.3)
    expect(live.part("health-figures")).to_have_text(re.compile(r"^[\d.]+/s · \d+ ms$"))
    said = live.texts_of("health-figures", "quality-button")
    live.hold_clock()
    for _ in range(15):  # a tenth of a second each, with time in between for what an answer brings
        live.page.clock.run_for(100)
    # The age stays there between two pictures.
    assert [words for words in said() if not re.fullmatch(r"[\d.]+/s · [\d.]+ m?s\|enabled", words)] == []
    live.page.clock.resume()
    choose(live, "Auto")
    expect(live.part("health-word")).to_have_text("Live")
    expect_full_rate(live)


def test_what_polls_is_asked_for_again_when_the_link_lost_it(open_over, link, complaints) -> None:
    complaints.expect("ERR_FAILED")
    live = open_over()
    live.page.route("**/snapshots.js*", lambda route: route.abort())
    choose(live, "Snapshots")
    expect(live.part("veil-text")).to_contain_text("The server does not answer.")
    live.page.unroute("**/snapshots.js*")
    expect(live.part("health-word")).to_have_text("Snapshots")
    assert link.videos() == [FULL, SNAPSHOTS]


def test_a_hidden_page_asks_for_no_single_pictures(open_over) -> None:
    live = open_over(clocked=True)
    asked: list[str] = []
    live.page.on("request", lambda request: asked.append(request.url))
    choose(live, "Snapshots")
    expect(live.part("health-word")).to_have_text("Snapshots")
    live.page.evaluate(HIDE, True)
    expect(live.part("health-word")).to_have_text("Paused")
    asked.clear()
    for _ in range(10):  # a second each, with time in between for what an answer brings
        live.page.clock.run_for(1000)
    assert asked == []
    live.page.evaluate(HIDE, False)
    expect(live.part("health-word")).to_have_text("Snapshots")
    wait_for(lambda: (live.page.evaluate("0"), len(asked))[1], lambda count: count > 2)


def test_the_picture_alone_keeps_to_the_choice_and_says_it(open_over, link) -> None:
    live = open_over()
    choose(live, "Saver")
    wait_for(lambda: width_px(live), lambda width: width == 640)
    live.go("/watch")
    expect(live.part("notice")).to_have_text("Saver: you chose it")
    wait_for(lambda: width_px(live), lambda width: width == 640)


def test_a_browser_that_spares_data_gets_less_unless_told_otherwise(open_over, link) -> None:
    live = open_over("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
    expect(live.part("notice")).to_have_text("Saver: this browser spares data")
    choose(live, "Full")
    wait_for(lambda: width_px(live), lambda width: width == 1280)
    assert link.videos() == [SAVER, FULL]


def test_another_copy_than_asked_for_is_said(make_turret, open_live) -> None:
    turret = make_turret()
    live = open_live(turret)
    with ExitStack() as others:
        for quality in (20, 21, 22, 23):
            others.enter_context(watching(turret.port, f"/video_feed?quality={quality}"))
        choose(live, "Saver")
        nearest = "full size, quality 23"
        expect(live.part("notice")).to_have_text(f"Saver: you chose it; the nearest copy there is: {nearest}")
        expect(live.part("qualities")).to_contain_text("no place for one more copy")
        live.page.keyboard.press("i")
        expect(live.part("info-quality")).to_have_text(f"Saver: {nearest}, you chose it")


def test_the_choice_says_what_is_in_effect_and_closes_again(open_over) -> None:
    live = open_over()
    live.page.keyboard.press("q")
    expect(live.part("qualities")).to_contain_text("Now Full. The picture as the camera makes it.")
    live.part("quality-button").click()
    expect(live.part("qualities")).to_be_hidden()


STEPS = """async ([module, steps, isSaving]) => {
  const { Quality } = await import(module);
  const store = { getItem: () => null, setItem() {}, removeItem() {} };
  const quality = new Quality(store, () => isSaving);
  const steady = { openForMs: 20000, silentMs: 10, deliveredHz: 30, sourceHz: 30, lateMs: 0,
    bytesPerS: 1e6, pictureBytes: 5e4, tookMs: null };
  const seen = [];
  for (const [nowMs, link, probeMs] of steps) {
    const wantsProbe = quality.judge(nowMs, { ...steady, ...link });
    if (wantsProbe) quality.probed(nowMs, probeMs ?? 100);
    seen.push(quality.current + (wantsProbe ? " probed" : ""));
  }
  return seen;
}"""
HALF = {"deliveredHz": 6}
SMALL = {"deliveredHz": 10}
STARVED = {"deliveredHz": 0.5, "bytesPerS": 4000}


@pytest.fixture
def steps(origin) -> Callable[..., list[str]]:
    """What is in effect after each step: (moment in ms, what is unlike a steady link, how long a probe takes)."""

    def steps(*told: tuple, is_saving: bool = False) -> list[str]:
        found: list[str] = origin.evaluate(
            STEPS, [address_of(origin, "quality"), [list(step) for step in told], is_saving]
        )
        return found

    return steps


def test_a_steady_link_keeps_the_video(steps) -> None:
    assert steps((0, {}), (60_000, {}), (120_000, {"deliveredHz": 16})) == ["full"] * 3


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (HALF, "saver"),
        ({"lateMs": 1600}, "saver"),
        (STARVED, "snapshots"),
        ({**HALF, "openForMs": 5000}, "full"),
        ({"deliveredHz": 0, "silentMs": 2500}, "full"),
        ({"deliveredHz": 1, "sourceHz": 1}, "full"),
    ],
    ids=["few come", "old ones come", "not even two small ones", "too early to say", "silence", "slow camera"],
)  # fmt: skip
def test_what_makes_it_go_down(steps, link, expected) -> None:
    assert steps((0, link)) == [expected]


def test_a_slow_link_goes_down_in_two_steps_only_when_the_small_video_does_not_come_either(steps) -> None:
    assert steps((0, HALF), (9000, {"deliveredHz": 3}), (18000, {"deliveredHz": 1})) == ["saver", "saver", "snapshots"]


def test_it_climbs_after_ten_steady_seconds_and_one_quick_picture(steps) -> None:
    assert steps((0, HALF), (1000, SMALL), (10_500, SMALL), (11_100, SMALL)) == [
        "saver",
        "saver",
        "saver",
        "full probed",
    ]


def test_steady_means_without_a_break(steps) -> None:
    told = [(0, HALF), (1000, SMALL), (9000, {"deliveredHz": 5}), (12_000, SMALL), (18_000, SMALL), (19_100, SMALL)]
    assert steps(*told) == ["saver"] * 5 + ["full probed"]


def test_a_picture_that_comes_slowly_forbids_the_climb_for_twice_as_long(steps) -> None:
    told = [(0, HALF), (1000, SMALL), (11_100, SMALL, 1500), (11_200, SMALL), (22_000, SMALL), (31_300, SMALL)]
    assert steps(*told) == ["saver", "saver", "saver probed", "saver", "saver", "full probed"]


def test_a_climb_that_fails_doubles_the_time_to_the_next(steps) -> None:
    told = [(0, HALF), (1000, SMALL), (11_100, SMALL), (15_000, {**HALF, "openForMs": 3500}),
            (16_000, SMALL), (30_000, SMALL), (36_100, SMALL)]  # fmt: skip
    assert steps(*told) == ["saver", "saver", "full probed", "saver", "saver", "saver", "full probed"]


def test_single_pictures_that_come_quickly_lead_to_video(steps) -> None:
    told = [(0, STARVED), (1000, {"tookMs": 300}), (9000, {"tookMs": 300}), (11_100, {"tookMs": 300})]
    assert steps(*told) == ["snapshots"] * 3 + ["saver"]
    assert steps((0, STARVED), (1000, {"tookMs": 900}), (60_000, {"tookMs": 900}))[-1] == "snapshots"


def test_who_spares_data_never_climbs_to_the_whole_video(steps) -> None:
    told = [
        (0, SMALL),
        (60_000, SMALL),
        (70_000, {"deliveredHz": 1}),
        (71_000, {"tookMs": 100}),
        (82_000, {"tookMs": 100}),
    ]
    assert steps(*told, is_saving=True) == ["saver", "saver", "snapshots", "snapshots", "saver"]
