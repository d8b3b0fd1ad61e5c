"""/video_feed as it goes over the wire of the real server."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from fakes import ScriptedCamera, Viewer, jpeg_of, wait_until, watching
from metronome import within
from other_wsgi import served_by_another
from turret_by_hand import HandClock

from app import Site
from errors import CameraLost
from web.parts import NEXT_HEAD, unix_time_of

NOISE = bytes(range(256)) * 1200


def big_jpeg(size_bytes: int = 300_000) -> bytes:
    """A JPEG padded in a comment-like tail, too large for a socket that nobody reads."""
    jpeg = jpeg_of(60)
    return jpeg[:-2] + NOISE[: size_bytes - len(jpeg)] + jpeg[-2:]


@pytest.fixture
def slow_site(make_site, camera: ScriptedCamera) -> Site:
    """A site that drops stalled viewers after one second."""
    return make_site(camera, server={"viewer_timeout_s": 1})


@pytest.fixture
def clock(slow_site: Site) -> HandClock:
    """The clock by which its viewers are dropped."""
    clock = HandClock()
    clock.now = float(round(time.monotonic()) + 1)
    slow_site.context.broadcaster._clock = clock
    return clock


def pass_time(site: Site, clock: HandClock, seconds: float) -> None:
    """Let so much time pass, and who is to be dropped by then be dropped."""
    broadcaster = site.context.broadcaster
    clock.now += seconds
    broadcaster.wake()
    wait_until(lambda: broadcaster._ticked_at == clock.now, "the broadcaster looked")
    with broadcaster._lock:
        pass


def waiting_of(site: Site) -> int:
    """How many viewers have not taken all that is meant for them."""
    broadcaster = site.context.broadcaster
    with broadcaster._lock:
        return sum(viewer.is_waiting for viewer in broadcaster.roster)


def viewers_of(site: Site) -> int:
    return site.context.broadcaster.roster.watching


def test_each_part_carries_length_time_and_number(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as viewer:
        assert viewer.status == 200
        assert viewer.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        assert viewer.headers["cache-control"] == "no-store"
        before = time.time()
        jpeg = camera.show(99)
        part = viewer.live_part()
        assert part.body == jpeg
        assert part.headers["content-type"] == "image/jpeg"
        assert before - 0.1 <= float(part.headers["x-timestamp"]) <= time.time() + 0.1
        assert len(part.headers["x-timestamp"].split(".")[1]) == 6
        camera.show(100)
        assert viewer.part().number == part.number + 1


def test_a_thread_that_waits_between_two_clocks_tells_no_wrong_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clocks:
        """Both run together; the first reading of one holds the thread up for a while."""

        def __init__(self) -> None:
            self.now_s, self.pauses_s = 1000.0, [0.3, 0.0]

        def monotonic(self) -> float:
            return self.now_s

        def time(self) -> float:
            found_s = self.now_s + 1_700_000_000
            self.now_s += self.pauses_s.pop(0)
            return found_s

    monkeypatch.setattr("web.parts.time", Clocks())
    assert unix_time_of(990.0) == 1_700_000_990


def test_stream_is_the_same_under_the_ancestors_name(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port, "/stream") as viewer:
        jpeg = camera.show(50)
        assert viewer.live_part().body == jpeg


def test_img_viewers_get_the_next_head_with_each_picture(
    site: Site, camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chromium paints a part only when the next head came: it must be there before the next picture."""
    monkeypatch.setattr("camera.capture.PLACEHOLDER_PERIOD_S", 60)  # one is shown, however long the test takes
    with watching(site.port, "/video_feed?for=img") as viewer:
        wait_until(lambda: site.rig.hub.latest, "a first frame")
        placeholder = site.rig.hub.latest.jpeg
        assert viewer.file.read(len(NEXT_HEAD) - 2) == NEXT_HEAD[2:]
        assert viewer.file.read(len(placeholder) + len(NEXT_HEAD)) == placeholder + NEXT_HEAD
        jpeg = camera.show(70)
        assert viewer.file.read(len(jpeg) + len(NEXT_HEAD)) == jpeg + NEXT_HEAD


def test_a_viewer_that_joins_gets_the_newest_frame_at_once(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as first:
        jpeg = camera.show(120)
        first.live_part()
        with watching(site.port) as second:
            assert second.part().body == jpeg


def test_many_viewers_get_every_frame_unmixed(site: Site, camera: ScriptedCamera) -> None:
    """More viewers than the capture thread serves itself, and more than the sendfile threshold."""
    with ExitStack() as stack:
        viewers = [stack.enter_context(watching(site.port)) for _ in range(40)]
        camera.show(1)
        for viewer in viewers:
            viewer.live_part()
        for shade in range(2, 12):
            jpeg = camera.show(shade)
            for viewer in viewers:
                assert viewer.part().body == jpeg


def test_large_frames_arrive_whole_by_memory_file(site: Site, camera: ScriptedCamera) -> None:
    with ExitStack() as stack:
        viewers = [stack.enter_context(watching(site.port)) for _ in range(33)]
        camera.show_bytes(large := big_jpeg(280_000))
        readers = [
            threading.Thread(target=lambda v=viewer: results.append(v.live_part().body == large)) for viewer in viewers
        ]
        results: list[bool] = []
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(20)
        assert results == [True] * 33


def test_fps_limits_the_rate(site: Site, camera: ScriptedCamera) -> None:
    """By the camera's own clock, which shows 63 pictures a second however busy the machine is."""

    def is_dealt_with(captured_at: float) -> bool:
        newest = site.rig.hub.latest
        return newest.captured_at == captured_at and all(
            v.seen == newest.number for v in site.context.broadcaster.roster
        )

    with watching(site.port, "/video_feed?fps=10") as viewer:
        wait_until(lambda: site.rig.hub.latest and viewers_of(site) == 1, "it watches, and the camera starts")
        start = time.monotonic() + 1
        for captured_at in (start + number / 63 for number in range(46)):
            camera.show(captured_at=captured_at)
            wait_until(lambda at=captured_at: is_dealt_with(at), "it is sent, or passed over")
        times = [float(viewer.live_part().headers["x-timestamp"]) for _ in range(8)]
    shown = [round((at - times[0]) * 63) for at in times]
    assert shown == [0, 7, 13, 19, 26, 32, 38, 45], "each the first after another tenth of a second"


@pytest.mark.parametrize("query", ["fps=abc", "fps=0", "fps=-1", "fps=nan", "fps=inf", "fps=1001", "fps=", "for=tv"])
def test_nonsense_in_the_query_is_named(site: Site, query: str) -> None:
    with watching(site.port, f"/video_feed?{query}", headers={"Connection": "close"}) as viewer:
        assert viewer.status == 400
        text = viewer.file.read().decode()
        assert query.split("=", maxsplit=1)[0] in text
        assert query.split("=")[1] in text
    assert viewers_of(site) == 0


def test_head_is_answered_without_a_stream(site: Site) -> None:
    with watching(site.port, method="HEAD") as viewer:
        assert viewer.status == 200
        assert viewer.headers["content-type"].startswith("multipart/x-mixed-replace")
        assert viewers_of(site) == 0


@pytest.mark.parametrize("header", ["If-None-Match", "If-Modified-Since"])
def test_conditional_request_gets_one_picture_and_is_not_handed_over(
    site: Site, camera: ScriptedCamera, header: str
) -> None:
    camera.show(44)
    with watching(site.port, headers={header: "bytes=0-1", "Connection": "close"}) as viewer:
        assert viewer.status == 200
        assert viewer.live_part().body == jpeg_of(44)
        assert viewer.file.read() == b"\r\n"
    assert viewers_of(site) == 0


def test_players_that_ask_for_a_range_get_the_stream(site: Site, camera: ScriptedCamera) -> None:
    """ffmpeg sends `Range: bytes=0-` to everything; once it got one picture and the end."""
    with watching(site.port, headers={"Range": "bytes=0-"}) as viewer:
        for shade in (1, 2, 3):
            camera.show(shade)
            assert viewer.live_part().body == jpeg_of(shade)


def test_full_house_is_answered_503_with_a_sentence(make_site, camera: ScriptedCamera) -> None:
    site = make_site(camera, server={"max_viewers": 2})
    with watching(site.port), watching(site.port), watching(site.port) as third:
        assert third.status == 503
        assert int(third.headers["retry-after"]) > 0
        assert third.file.readline() == b"all 2 places are taken; try again in a moment\n"
    wait_until(lambda: viewers_of(site) == 0, "all places free")
    with watching(site.port) as again:
        assert again.status == 200


def test_three_hundred_connections_at_once(make_site, camera: ScriptedCamera) -> None:
    site = make_site(camera)
    with ExitStack() as stack:
        viewers = [stack.enter_context(closing(Viewer(site.port))) for _ in range(300)]
        statuses = [viewer.read_head().status for viewer in viewers]
        assert (statuses.count(200), statuses.count(503)) == (256, 44)
        camera.show(5)
        for viewer, status in zip(viewers, statuses, strict=True):
            if status == 200:
                assert viewer.live_part().body == jpeg_of(5)


def test_connections_that_say_nothing_hold_no_worker(site: Site, camera: ScriptedCamera) -> None:
    with ExitStack() as stack:
        for _ in range(30):
            silent = stack.enter_context(closing(socket.create_connection(("127.0.0.1", site.port))))
            assert silent
        with watching(site.port, "/healthz") as viewer:
            assert viewer.status == 200


def test_viewer_that_never_reads_is_dropped_and_disturbs_nobody(
    slow_site: Site, camera: ScriptedCamera, clock: HandClock
) -> None:
    """By a clock that stands meanwhile: on a machine that is busy for a second the good one, too, reads too late."""
    totals = slow_site.context.broadcaster.totals
    with closing(Viewer(slow_site.port, receive_buffer=4096)) as stuck, watching(slow_site.port) as good:
        wait_until(lambda: len(slow_site.context.broadcaster.roster) == 2, "both watch")
        until = time.monotonic() + 20
        while waiting_of(slow_site) == 0:
            assert time.monotonic() < until
            camera.show_bytes(big_jpeg())
            assert len(good.live_part().body) == 300_000
        pass_time(slow_site, clock, 1)
        assert (totals.stalled, viewers_of(slow_site)) == (0, 2)
        pass_time(slow_site, clock, 1)
        assert (totals.stalled, viewers_of(slow_site)) == (1, 1)
        camera.show_bytes(big_jpeg())
        assert len(good.live_part().body) == 300_000
        assert stuck.is_closed_by_server()


def test_nobody_is_dropped_because_the_machine_stood_still(
    slow_site: Site, camera: ScriptedCamera, clock: HandClock
) -> None:
    """Whoever had not taken all of a picture by then was dropped as soon as it went on."""
    with watching(slow_site.port, receive_buffer=4096) as slow:
        wait_until(lambda: len(slow_site.context.broadcaster.roster) == 1, "it watches")
        pass_time(slow_site, clock, 1)
        camera.show_bytes(jpeg := big_jpeg())
        wait_until(lambda: waiting_of(slow_site) == 1, "it has not taken all")
        pass_time(slow_site, clock, 60)
        assert (slow_site.context.broadcaster.totals.stalled, viewers_of(slow_site)) == (0, 1)
        assert slow.live_part().body == jpeg


def test_viewer_that_reads_one_byte_a_second_is_dropped(slow_site: Site, camera: ScriptedCamera) -> None:
    stop = threading.Event()
    with closing(Viewer(slow_site.port, receive_buffer=4096)) as crawler:

        def crawl() -> None:
            with suppress(ConnectionError):  # it is dropped, after all
                while not stop.wait(1.0):
                    crawler.sock.recv(1)

        reader = threading.Thread(target=crawl)
        reader.start()
        try:
            wait_until(lambda: viewers_of(slow_site) == 1, "it watches")
            until = time.monotonic() + 20
            while slow_site.context.broadcaster.totals.stalled == 0:
                assert time.monotonic() < until
                camera.show_bytes(big_jpeg())
                stop.wait(0.05)
        finally:
            stop.set()
            reader.join()


def test_slow_viewer_skips_to_the_newest_frame(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port, receive_buffer=4096) as slow, watching(site.port) as fast:
        for _ in range(60):
            camera.show_bytes(big_jpeg())
            fast.live_part()
        numbers = [slow.live_part().number]
        last = site.rig.hub.latest.number
        while numbers[-1] < last:
            numbers.append(slow.part().number)
        assert numbers == sorted(set(numbers))
        assert len(numbers) < 20, "most frames were skipped, none queued"


def test_viewer_that_sends_a_little_after_its_request_is_served(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as viewer:
        viewer.sock.sendall(b"\x00garbage\xff" * 100)
        jpeg = camera.show(31)
        assert viewer.live_part().body == jpeg


def test_viewer_that_will_not_stop_sending_is_dropped(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as viewer:
        wait_until(lambda: viewers_of(site) == 1, "it watches")
        try:
            for _ in range(100):
                viewer.sock.sendall(NOISE)
        except (ConnectionError, TimeoutError):
            pass
        wait_until(lambda: viewers_of(site) == 0, "it is dropped")


def test_viewer_that_leaves_in_the_middle_of_a_frame_is_forgotten(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as stays:
        with watching(site.port, receive_buffer=4096) as leaves:
            camera.show_bytes(big_jpeg())
            leaves.file.read(1000)
        wait_until(lambda: viewers_of(site) == 1, "it is gone")
        camera.show_bytes(big_jpeg())
        assert len(stays.live_part().body) == 300_000


def test_last_viewer_to_leave_lets_the_camera_sleep(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as viewer:
        camera.show()
        viewer.live_part()
    wait_until(lambda: camera.closed == 1, "the camera is closed")
    wait_until(lambda: site.rig.capture.state.state == "idle", "idle")


def test_placeholder_says_why_there_is_no_picture_and_live_returns(site: Site, camera: ScriptedCamera) -> None:
    with watching(site.port) as viewer:
        camera.show(10)
        assert not viewer.live_part().is_placeholder
        camera.fail(CameraLost("unplugged"))
        assert viewer.part().is_placeholder
        camera.show(20)
        assert viewer.live_part().body == jpeg_of(20)


def test_shutdown_ends_all_streams_within_two_seconds(site: Site, camera: ScriptedCamera) -> None:
    with ExitStack() as stack:
        viewers = [stack.enter_context(watching(site.port)) for _ in range(64)]
        camera.show()
        for viewer in viewers:
            viewer.live_part()
        with within(2):
            site.close()
            assert all(viewer.is_closed_by_server() for viewer in viewers)


def test_no_descriptor_is_left_over(site: Site, camera: ScriptedCamera) -> None:
    def open_descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def visit() -> None:
        with ExitStack() as stack:
            viewers = [stack.enter_context(watching(site.port)) for _ in range(36)]
            camera.show()
            for viewer in viewers:
                viewer.live_part()
        wait_until(lambda: viewers_of(site) == 0, "all gone")

    visit()
    before = open_descriptors()
    visit()
    wait_until(lambda: open_descriptors() <= before, "descriptors closed")


@pytest.fixture
def tls_files(tmp_path: Path) -> dict[str, Path]:
    files = {"tls_certificate": tmp_path / "c.pem", "tls_key": tmp_path / "k.pem"}
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", files["tls_key"]]
    command = ["openssl", "req", "-x509", *key, *subject, "-out", files["tls_certificate"]]
    subprocess.run(command, check=True, capture_output=True)
    return files


def test_the_same_over_tls(make_site, camera: ScriptedCamera, tls_files: dict[str, Path]) -> None:
    site = make_site(camera, server={"tls": True, **tls_files})
    trust = ssl.create_default_context(cafile=tls_files["tls_certificate"])
    with ExitStack() as stack:
        silent = stack.enter_context(closing(socket.create_connection(("127.0.0.1", site.port))))
        viewers = [stack.enter_context(watching(site.port, tls=trust)) for _ in range(5)]
        for shade in (1, 2, 3):
            camera.show(shade)
            assert [viewer.live_part().body for viewer in viewers] == [jpeg_of(shade)] * 5
        camera.show_bytes(large := big_jpeg(1_000_000))
        assert all(viewer.live_part().body == large for viewer in viewers)
        assert silent
        with pytest.raises((ConnectionError, IndexError, TimeoutError)), watching(site.port) as plain:
            assert plain.status == 400
            raise ConnectionError
        with within(2):
            site.close()


def test_other_wsgi_servers_stream_by_a_generator(make_rig, camera: ScriptedCamera) -> None:
    with served_by_another(make_rig(camera), camera) as (port, context):
        with watching(port) as viewer:
            wait_until(lambda: context.broadcaster.roster.watching == 1, "counted")
            # A picture older than the placeholder of the start would rightly be left out.
            wait_until(lambda: camera.opened, "the camera is open")
            for shade in (8, 9):
                camera.show(shade)
                assert viewer.live_part().body == jpeg_of(shade)
        with watching(port, "/api/events") as listener:
            found = b""
            with watching(port):
                while b'"watching":1' not in found:
                    found = listener.file.readline()
        with watching(port, "/video_feed?for=img") as viewer:
            assert viewer.file.read(len(NEXT_HEAD) - 2) == NEXT_HEAD[2:]
