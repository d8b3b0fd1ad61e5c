"""Smaller copies of the live picture: each made once per frame, few at a time, and nobody else waits for them."""

from __future__ import annotations

import re
import threading
import time
from contextlib import ExitStack
from itertools import pairwise

import numpy as np
import pytest
import simplejpeg
from fakes import ScriptedCamera, Viewer, basic, jpeg_of, wait_until, watching
from other_wsgi import served_by_another
from test_stream import NEXT_HEAD

from app import Site
from camera import image, renditions
from camera.backend import Picture
from camera.hub import FrameHub
from camera.renditions import Form, Renditions

LOGIN = {"Authorization": basic()}


def copies_made(site: Site) -> int:
    """What /metrics says."""
    text = site.app.test_client().get("/metrics", headers=LOGIN).text
    return round(float(re.search(r"^turret_copies_made_total (\S+)", text, re.MULTILINE)[1]))


def noise(number: int = 0) -> bytes:
    """A picture that is hard to compress, 320x240."""
    pixels = np.random.default_rng(number).integers(0, 255, (240, 320, 3), np.uint8)
    return image.encode(pixels, 90)


def always(captured_at: float) -> bool:
    """Every frame becomes a copy."""
    return True


def next_live(viewer: Viewer) -> bytes:
    return viewer.live_part().body


@pytest.mark.parametrize(
    ("query", "said", "size"),
    [
        ("scale=1/2", "scale=1/2; quality=80", (160, 120)),
        ("scale=1/2&quality=30", "scale=1/2; quality=30", (160, 120)),
        ("quality=30", "scale=1; quality=30", (320, 240)),
        ("scale=1&quality=30", "scale=1; quality=30", (320, 240)),
    ],
)
def test_a_copy_is_what_was_asked_for_and_says_so(
    query: str, said: str, size: tuple[int, int], site: Site, camera: ScriptedCamera
) -> None:
    with watching(site.port, f"/video_feed?{query}") as viewer, watching(site.port) as full:
        jpeg = noise()
        camera.show_bytes(jpeg)
        copy = next_live(viewer)
        assert next_live(full) == jpeg
        assert viewer.headers["x-rendition"] == said
        assert "x-rendition" not in full.headers
        assert image.size_of(copy) == size
        assert len(copy) < len(jpeg)


def test_the_whole_picture_is_no_copy(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port, "/video_feed?scale=1") as viewer:
        camera.show_bytes(jpeg := noise())
        assert next_live(viewer) == jpeg
        assert "x-rendition" not in viewer.headers


def test_a_conditional_request_gets_one_copy_and_leaves_nobody_who_wants_more(
    site: Site, camera: ScriptedCamera
) -> None:
    camera.show_bytes(noise())
    conditional = {"If-None-Match": '"x"', "Connection": "close"}
    with watching(site.port, "/video_feed?scale=1/2&quality=30", headers=conditional) as viewer:
        assert (viewer.status, viewer.headers["x-rendition"]) == (200, "scale=1/2; quality=30")
        assert image.size_of(next_live(viewer)) == (160, 120)
        assert viewer.file.read() == b"\r\n"
    with ExitStack() as stack:
        for quality in range(10, 50, 10):
            next_live(stack.enter_context(watching(site.port, f"/video_feed?scale=1/2&quality={quality}")))
        with watching(site.port, "/video_feed?scale=1/2&quality=90", headers=conditional) as viewer:
            assert viewer.headers["x-rendition"] == "scale=1/2; quality=40; nearest"
            assert image.size_of(next_live(viewer)) == (160, 120)
    wait_until(lambda: site.context.broadcaster.roster.watching == 0, "all have left")
    with watching(site.port) as full:
        made = copies_made(site)
        for number in range(5):
            camera.show_bytes(noise(number))
            next_live(full)
        assert copies_made(site) == made, "nothing is made for those who left"


def test_a_copy_carries_number_and_time_of_its_frame(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port, "/video_feed?scale=1/2") as viewer, watching(site.port) as full:
        camera.show()
        small, large = viewer.live_part(), full.live_part()
        assert small.number == large.number
        assert float(small.headers["x-timestamp"]) == pytest.approx(float(large.headers["x-timestamp"]), abs=0.001)


def test_gray_stays_gray(site: Site, camera: ScriptedCamera) -> None:
    site.context.rig.tuning.change({"grayscale": True}, "anna")
    with watching(site.port, "/video_feed?scale=1/2") as viewer:
        camera.show_bytes(noise())
        assert simplejpeg.decode_jpeg_header(next_live(viewer))[2] == "Gray"


def test_each_copy_is_made_once_however_many_watch(
    site: Site, camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camera.capture.PLACEHOLDER_PERIOD_S", 60)  # one is shown, however long the viewers take
    with ExitStack() as stack:
        viewers = [
            stack.enter_context(watching(site.port, f"/video_feed?{query}"))
            for query in ["scale=1/2"] * 6 + ["quality=30"] * 5
        ]
        for viewer in viewers:
            assert viewer.part().is_placeholder
        before = copies_made(site)
        for number in range(8):
            camera.show_bytes(noise(number))
            bodies = [next_live(viewer) for viewer in viewers]
            assert len(set(bodies)) == 2
        assert copies_made(site) == before + 16


def test_a_copy_is_made_only_of_frames_that_somebody_is_to_get(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port, "/video_feed?scale=1/2&fps=0.01") as seldom, watching(site.port) as full:
        seldom.part()
        camera.show_bytes(jpeg := noise(99))
        assert next_live(full) == jpeg
        before = copies_made(site)
        for number in range(10):
            camera.show_bytes(jpeg := noise(number))
            assert next_live(full) == jpeg
        assert copies_made(site) == before
        with watching(site.port, "/video_feed?scale=1/2") as often:
            camera.show_bytes(noise(11))
            next_live(often)
            assert copies_made(site) > before


def test_nothing_is_made_when_nobody_asks(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as full:
        with watching(site.port, "/video_feed?scale=1/2") as viewer:
            camera.show_bytes(noise())
            next_live(viewer)
            next_live(full)
        wait_until(lambda: site.context.broadcaster.roster.watching == 1, "the viewer of the copy gone")
        before = copies_made(site)
        assert before > 0
        for number in range(5):
            camera.show_bytes(jpeg := noise(number))
            assert next_live(full) == jpeg
        assert copies_made(site) == before


def test_the_fifth_form_is_the_nearest_of_four(site: Site, camera: ScriptedCamera) -> None:
    with ExitStack() as stack:
        for query in ("scale=1/2&quality=20", "scale=1/2&quality=60", "quality=20", "quality=60"):
            stack.enter_context(watching(site.port, f"/video_feed?{query}"))
        late = stack.enter_context(watching(site.port, "/video_feed?scale=1/2&quality=75"))
        assert late.headers["x-rendition"] == "scale=1/2; quality=60; nearest"
        other = stack.enter_context(watching(site.port, "/video_feed?quality=1"))
        assert other.headers["x-rendition"] == "scale=1; quality=20; nearest"
        camera.show_bytes(noise())
        assert image.size_of(next_live(late)) == (160, 120)
    wait_until(lambda: site.context.broadcaster.roster.watching == 0, "everybody gone")
    with watching(site.port, "/video_feed?scale=1/2&quality=75") as viewer:
        assert viewer.headers["x-rendition"] == "scale=1/2; quality=75"


def test_a_maker_that_is_stuck_holds_up_nobody_else(
    site: Site, camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_stuck, may_go_on = threading.Event(), threading.Event()
    real = renditions.decoded

    def stuck(*arguments: object, **named: object) -> object:
        is_stuck.set()
        assert may_go_on.wait(30)
        return real(*arguments, **named)

    monkeypatch.setattr(renditions, "decoded", stuck)
    with watching(site.port, "/video_feed?scale=1/2") as viewer, watching(site.port) as full:
        camera.show_bytes(jpeg := noise(99))
        assert next_live(full) == jpeg
        assert is_stuck.wait(10)
        for number in range(20):
            camera.show_bytes(jpeg := noise(number))
            assert next_live(full) == jpeg
        may_go_on.set()
        last = site.context.rig.hub.published
        part = viewer.live_part()
        while part.number < last:
            part = viewer.live_part()
        assert part.number == last, "those in between were left out"


def test_a_fault_of_the_maker_ends_nothing(site: Site, camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renditions, "PAUSE_AFTER_FAULT_S", 0.01)
    real = renditions.decoded

    def fail(*arguments: object, **named: object) -> object:
        monkeypatch.setattr(renditions, "decoded", real)
        raise MemoryError("no room")

    with watching(site.port, "/video_feed?scale=1/2") as viewer:
        camera.show()
        next_live(viewer)
        monkeypatch.setattr(renditions, "decoded", fail)
        camera.show_bytes(noise(1))
        wait_until(lambda: renditions.decoded is real, "the fault")
        camera.show_bytes(noise(2))
        assert image.size_of(next_live(viewer)) == (160, 120)


def test_a_picture_that_cannot_be_read_has_no_copy_and_the_next_one_has(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port, "/video_feed?scale=1/2") as viewer, watching(site.port) as full:
        camera.show_bytes(torn := b"\xff\xd8 torn \xff\xd9")
        assert next_live(full) == torn
        camera.show(200)
        assert image.size_of(next_live(viewer)) == (32, 24)


def test_fewer_pictures_and_smaller_ones_at_once(
    site: Site, camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camera.capture.PLACEHOLDER_PERIOD_S", 60)  # one is shown, however long the test takes
    with watching(site.port, "/video_feed?scale=1/2&fps=10") as viewer:
        assert viewer.part().is_placeholder
        start, before = time.monotonic() + 1, copies_made(site)
        times = []
        for number in range(10):
            camera.show(captured_at=start + 0.034 * number)
            if number % 3 == 0:
                times.append(float(viewer.live_part().headers["x-timestamp"]))
        assert [later - sooner for sooner, later in pairwise(times)] == pytest.approx([0.102] * 3, abs=0.001)
        assert copies_made(site) == before + 4


def test_an_img_gets_the_next_head_in_advance(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port, "/video_feed?scale=1/2&for=img") as viewer:
        assert viewer.file.read(len(NEXT_HEAD) - 2) == NEXT_HEAD[2:]
        found = b""
        while NEXT_HEAD not in found:
            found += viewer.file.read(1)
        assert image.size_of(found[: -len(NEXT_HEAD)]) == (160, 120), "the placeholder, small too"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("scale=1/3", "scale '1/3' is neither 1 nor 1/2"),
        ("scale=", "scale '' is neither 1 nor 1/2"),
        ("quality=0", "quality '0' is not a whole number in 1..100"),
        ("quality=101", "quality '101' is not a whole number in 1..100"),
        ("quality=80.5", "quality '80.5' is not a whole number in 1..100"),
        ("quality=nan", "quality 'nan' is not a whole number in 1..100"),
        ("quality=%C2%B2", "quality '²' is not a whole number in 1..100"),
    ],
)
def test_nonsense_is_refused(query: str, message: str, client) -> None:
    response = client.get(f"/video_feed?{query}", headers=LOGIN)
    assert (response.status_code, response.text) == (400, f"{message}\n")


def test_other_wsgi_servers_stream_copies_too(make_rig, camera: ScriptedCamera) -> None:
    with served_by_another(make_rig(camera), camera) as (port, _), watching(port, "/video_feed?scale=1/2") as viewer:
        assert viewer.headers["x-rendition"] == "scale=1/2; quality=80"
        camera.show_bytes(noise())
        assert image.size_of(next_live(viewer)) == (160, 120)


def test_whoever_joins_gets_the_picture_of_now_at_once(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as full:
        camera.show_bytes(noise())
        next_live(full)
        with watching(site.port, "/video_feed?scale=1/2") as viewer:
            assert image.size_of(next_live(viewer)) == (160, 120)


def test_whoever_joins_one_who_looks_seldom_gets_no_old_picture(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port, "/video_feed?scale=1/2&fps=0.01") as seldom, watching(site.port) as full:
        old = seldom.part().number
        camera.show_bytes(jpeg := noise(3))
        assert next_live(full) == jpeg
        with watching(site.port, "/video_feed?scale=1/2") as viewer:
            assert viewer.part().number > old


def test_who_comes_as_the_last_one_leaves_is_served() -> None:
    hub = FrameHub()
    made = Renditions(hub)
    first = made.join(Form(2, 80), always)
    made.leave(first, always)
    second = made.join(Form(2, 80), always)
    try:
        assert second is not first
        hub.publish(Picture(jpeg_of(9), 1.0, 64, 48))
        assert second.newer_than(0, 10) is not None
    finally:
        made.stop()
