"""Single pictures, pages and events."""

from __future__ import annotations

import json
import re
import threading
from contextlib import ExitStack, closing

import pytest
from fakes import ScriptedCamera, Viewer, basic, jpeg_of, wait_until, watching
from turret_by_hand import HandClock

from app import Site
from camera import image
from camera.backend import Picture
from camera.capture import Capture
from camera.hub import FrameHub
from errors import NoCamera
from jobs.scheduler import Scheduler
from settings import CameraSettings
from web.stills import HOLD_S, StillCache

LOGIN = {"Authorization": basic()}
CLOSE = {"Connection": "close"}


def get(site: Site, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    with watching(site.port, path, headers={**CLOSE, **{k.replace("_", "-"): v for k, v in headers.items()}}) as viewer:
        return viewer.status, viewer.headers, viewer.file.read()


def test_live_jpeg_wakes_the_camera_and_gives_its_picture_untouched(site: Site, camera: ScriptedCamera) -> None:
    jpeg = camera.show(50)
    status, headers, body = get(site, "/live.jpeg")
    assert (status, headers["content-type"], body) == (200, "image/jpeg", jpeg)
    assert headers["cache-control"] == "no-store"
    assert int(headers["x-frame-number"]) >= 1


def test_camera_stays_awake_for_who_asks_again_though_it_sleeps_at_once(make_site, camera: ScriptedCamera) -> None:
    site = make_site(camera, camera={"idle_timeout_s": 0})
    camera.show(50)
    assert get(site, "/live.jpeg")[0] == 200
    for shade in (60, 70):
        jpeg = camera.show(shade)
        wait_until(lambda jpeg=jpeg: site.rig.hub.latest and site.rig.hub.latest.jpeg == jpeg, "a picture for nobody")
    assert get(site, "/live.jpeg")[::2] == (200, jpeg)
    assert (camera.opened, camera.closed) == (1, 0)
    site.close()
    wait_until(lambda: camera.closed == 1, "asleep, as the site is closed")


def test_camera_sleeps_some_time_after_the_last_who_asked(camera: ScriptedCamera) -> None:
    clock, hub = HandClock(), FrameHub()
    scheduler = Scheduler(clock)
    stills = StillCache(hub, 80, scheduler, clock)
    capture = Capture(camera, hub, CameraSettings(width=320, height=240, idle_timeout_s=0))
    with ExitStack() as stack:
        stack.callback(capture.stop)
        capture.start()
        for _ in range(3):
            camera.show()
            frame = stills.newest(10, lambda: False)
            assert frame is not None
            assert frame.is_live
            clock.now += HOLD_S - 0.1
            scheduler.run_due()
            assert hub.is_watched
        assert camera.opened == 1
        clock.now += 0.2
        scheduler.run_due()
        wait_until(lambda: camera.closed == 1, "asleep")
        camera.show()
        stills.newest(10, lambda: False)
        assert hub.is_watched
        stills.close()
        stills.newest(0, lambda: True)
        assert not hub.is_watched


def test_same_picture_again_is_304(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as viewer:
        camera.show(50)
        viewer.live_part()
        etag = get(site, "/live.jpeg")[1]["etag"]
        status, _, body = get(site, "/live.jpeg", If_None_Match=etag)
        assert (status, body) == (304, b"")
        camera.show(51)
        viewer.live_part()
        status, headers, body = get(site, "/live.jpeg", If_None_Match=etag)
        assert (status, body) == (200, jpeg_of(51))
        assert headers["etag"] != etag


@pytest.mark.parametrize(("size", "expected"), [("32x24", (32, 24)), ("32x1000", (32, 24)), ("4096x4096", (64, 48))])
def test_sizes_are_fitted(site: Site, camera: ScriptedCamera, size: str, expected: tuple[int, int]) -> None:
    camera.show(80)
    status, _, body = get(site, f"/live{size}.jpeg")
    assert status == 200
    assert image.size_of(body) == expected


@pytest.mark.parametrize(
    ("size", "status"),
    [("0x0", 400), ("15x100", 400), ("100x4097", 400), ("99999999999x5", 400), ("-1x5", 404), ("axb", 404)],
)
def test_nonsense_sizes_are_refused(site: Site, size: str, status: int) -> None:
    found, _, body = get(site, f"/live{size}.jpeg")
    assert found == status
    assert status != 400 or b"is outside 16..4096 px" in body


def test_without_a_camera_the_answer_is_503_with_the_reason_as_a_picture(site: Site, camera: ScriptedCamera) -> None:
    camera.open_fault = NoCamera("no camera here")
    status, headers, body = get(site, "/live.jpeg")
    assert (status, headers["content-type"], headers["x-placeholder"]) == (503, "image/jpeg", "1")
    assert image.size_of(body) == (320, 240)
    assert "etag" not in headers


def test_each_size_of_a_frame_is_made_once_however_many_ask() -> None:
    hub = FrameHub()
    stills = StillCache(hub, 80, Scheduler())
    frame = hub.publish(Picture(jpeg_of(9, 640, 480), 1.0, 640, 480))
    made = []
    threads = [threading.Thread(target=lambda: made.append(stills.scaled(frame, (320, 240)))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(jpeg) for jpeg in made}) == 1
    assert stills.scaled(hub.publish(Picture(jpeg_of(200, 640, 480), 2.0, 640, 480)), (320, 240)) != made[0]


def test_cache_of_sizes_is_bounded() -> None:
    hub = FrameHub()
    stills = StillCache(hub, 80, Scheduler())
    frame = hub.publish(Picture(jpeg_of(9, 640, 480), 1.0, 640, 480))
    for width_px in range(16, 116):
        stills.scaled(frame, (width_px, 480))
    assert len(stills._stills) <= 16


@pytest.mark.parametrize("path", ["/", "/watch"])
def test_pages_show_the_picture_also_without_scripts(site: Site, path: str) -> None:
    status, headers, body = get(site, path)
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    noscript = body.decode().split("<noscript>", 1)[1]
    assert "/video_feed?for=img" in noscript


def test_watch_may_be_embedded_and_the_rest_may_not(site: Site) -> None:
    assert "frame-ancestors *" in get(site, "/watch")[1]["content-security-policy"]
    assert "frame-ancestors 'self'" in get(site, "/")[1]["content-security-policy"]


def test_pages_load_nothing_from_elsewhere(site: Site) -> None:
    for path in ("/", "/watch", "/login"):
        _, headers, body = get(site, path)
        assert "default-src 'self'" in headers["content-security-policy"]
        sources = re.findall(r"""(?:src|href|action)=["'](.*?)["']""", body.decode())
        assert sources
        assert all(source.startswith(("/", "#")) and not source.startswith("//") for source in sources)
        assert b"style=" not in body


class Listener:
    """Reads server-sent events."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def state(self) -> dict:
        line = self._viewer.file.readline()
        while not line.startswith(b"data: "):
            assert line, "the stream ended"
            line = self._viewer.file.readline()
        return json.loads(line[6:])

    def state_with(self, test) -> dict:
        state = self.state()
        while not test(state):
            state = self.state()
        return state


def test_events_say_the_state_at_once_and_after_each_change(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port, "/api/events") as viewer:
        assert viewer.headers["content-type"].startswith("text/event-stream")
        listener = Listener(viewer)
        first = listener.state()
        assert (first["camera"]["state"], first["viewers"]["watching"]) == ("idle", 0)
        with watching(site.port):
            camera.show()
            live = listener.state_with(lambda state: state["camera"]["state"] == "live")
            assert live["viewers"]["watching"] == 1
            assert live["camera"]["name"] == "scripted camera"
        asleep = listener.state_with(lambda state: state["camera"]["state"] == "idle")
        assert asleep["viewers"]["watching"] == 0


def test_events_do_not_keep_the_camera_awake(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port, "/api/events") as viewer:
        Listener(viewer).state()
        assert not site.rig.hub.is_watched


def test_listeners_have_places_of_their_own(make_site, camera: ScriptedCamera) -> None:
    site = make_site(camera, server={"max_viewers": 1})
    with watching(site.port), closing(Viewer(site.port, "/api/events").read_head()) as listener:
        assert listener.status == 200
        assert get(site, "/api/events")[0] == 503
    wait_until(lambda: site.context.broadcaster.roster.watching == 0, "left")
