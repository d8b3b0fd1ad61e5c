"""Network cameras over HTTP: what arrives, what is said when nothing does, and how fast one can leave."""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing

import pytest
from fake_http_camera import Answer, FakeHttpCamera, head, part
from fakes import DEADLINE_S, PASSWORD, ScriptedCamera, jpeg_of, wait_until
from metronome import within
from network_by_hand import EverySlot, pictures_of

from app import Site
from camera import network_http, network_reader
from camera.network import NetworkBackend
from camera.network_reader import Shot, public_name
from camera.slot import NewestSlot
from errors import CameraLost, NoCamera
from settings import CameraSettings

JPEGS = [jpeg_of(shade) for shade in (10, 90, 170, 250)]
STREAM = head("multipart/x-mixed-replace; boundary=frame")
SECRET = "s3cret"


def backend_for(url: str, rate: float = 50.0) -> NetworkBackend:
    return NetworkBackend(CameraSettings(camera="network", url=url, rate=rate))


def readers_running() -> int:
    return sum(thread.name == "network camera" for thread in threading.enumerate())


@pytest.fixture
def phone() -> Iterator[FakeHttpCamera]:
    with FakeHttpCamera() as made:
        yield made
    wait_until(lambda: readers_running() == 0, "every reader ended")


def streams(phone: FakeHttpCamera, *pieces: bytes, status: bytes = STREAM) -> Answer:
    return lambda path, fields: phone.endless([status, *pieces], is_repeating=True)


@pytest.fixture
def none_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pictures come, however late this thread takes them."""
    monkeypatch.setattr(network_reader, "NewestSlot", EverySlot)


@pytest.mark.usefixtures("none_is_missed")
def test_a_stream_is_passed_on_byte_for_byte(phone: FakeHttpCamera) -> None:
    phone.answer = streams(phone, *map(part, JPEGS))
    backend = backend_for(phone.url())
    before = time.monotonic()
    pictures = pictures_of(backend, 4)
    assert readers_running() == 0, "who stops looking hangs up, though the stream goes on"
    assert [picture.jpeg for picture in pictures] == JPEGS
    assert [picture[2:] for picture in pictures] == [(64, 48)] * 4
    assert before < pictures[0].captured_at < pictures[3].captured_at < time.monotonic()
    assert (backend.info.pixel_format, backend.info.width_px, backend.info.height_px) == ("MJPG", 64, 48)


@pytest.mark.usefixtures("none_is_missed")
def test_a_chunked_stream_of_a_modern_server_is_read(phone: FakeHttpCamera) -> None:
    chunked = head("multipart/x-mixed-replace; boundary=frame", "200 OK", "Transfer-Encoding: chunked")
    pieces = [b"%x\r\n%b\r\n" % (len(part(jpeg)), part(jpeg)) for jpeg in JPEGS]
    phone.answer = streams(phone, *pieces, status=chunked.replace(b"HTTP/1.0", b"HTTP/1.1"))
    assert [picture.jpeg for picture in pictures_of(backend_for(phone.url()), 4)] == JPEGS


def test_a_slow_viewer_sees_the_newest_picture_not_a_backlog(
    phone: FakeHttpCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_busy, read = threading.Event(), threading.Semaphore(0)

    class Slot(NewestSlot[Shot]):
        """Counts what was read."""

        def put(self, item: Shot) -> None:
            super().put(item)
            read.release()

    def answer(path: str, fields: dict[str, str]) -> Iterable[bytes]:
        yield STREAM
        yield part(JPEGS[0])
        assert is_busy.wait(DEADLINE_S)
        yield part(JPEGS[1]) + part(JPEGS[2]) + part(JPEGS[3])
        phone.closing.wait()

    monkeypatch.setattr(network_reader, "NewestSlot", Slot)
    phone.answer = answer
    with closing(backend_for(phone.url()).frames()) as frames:
        assert next(picture.jpeg for picture in frames if picture) == JPEGS[0]
        is_busy.set()
        for _ in range(4):
            assert read.acquire(timeout=DEADLINE_S)
        assert next(frames).jpeg == JPEGS[3]
        assert next(frames) is None


@pytest.mark.usefixtures("none_is_missed")
def test_torn_parts_are_not_pictures(phone: FakeHttpCamera) -> None:
    nonsense = b"\xff\xd8" + bytes(range(200)) + b"\xff\xd9"
    torn = [part(JPEGS[0][:-300]), part(nonsense), part(b"")]
    phone.answer = streams(phone, *torn, part(JPEGS[1]), part(JPEGS[2]))
    assert [picture.jpeg for picture in pictures_of(backend_for(phone.url()), 2)] == JPEGS[1:3]


@pytest.mark.usefixtures("none_is_missed")
def test_a_single_jpeg_is_fetched_again_at_the_rate(phone: FakeHttpCamera) -> None:
    shades = iter(range(256))
    phone.answer = lambda path, fields: [head("image/jpeg"), jpeg_of(next(shades))]
    backend = backend_for(phone.url("/shot.jpg"), rate=50)
    pictures = pictures_of(backend, 11)
    assert [picture.jpeg for picture in pictures] == [jpeg_of(shade) for shade in range(11)]
    assert pictures[10].captured_at - pictures[0].captured_at >= 0.15  # ten periods of 20 ms, not a flood
    assert backend.info.rate_hz == 50


def test_nothing_is_asked_for_once_the_camera_is_left(phone: FakeHttpCamera) -> None:
    phone.answer = lambda path, fields: [head("image/jpeg"), JPEGS[0]]
    pictures_of(backend_for(phone.url()), 3)
    asked = len(phone.requests)
    wait_until(lambda: readers_running() == 0, "the reader ended")
    assert len(phone.requests) <= asked + 1


def needs_basic(phone: FakeHttpCamera, path: str, fields: dict[str, str]) -> Iterable[bytes]:
    wanted = "Basic " + base64.b64encode(f"me:{SECRET} p@ss".encode()).decode()
    if fields.get("authorization") != wanted:
        return [head("text/html", "401 No", 'WWW-Authenticate: Basic realm="camera"')]
    return phone.endless([STREAM, *map(part, JPEGS)], is_repeating=True)


@pytest.mark.usefixtures("none_is_missed")
def test_the_password_of_the_url_is_used(phone: FakeHttpCamera) -> None:
    phone.answer = lambda path, fields: needs_basic(phone, path, fields)
    backend = backend_for(phone.url(user=f"me:{SECRET}%20p%40ss@"))
    assert [picture.jpeg for picture in pictures_of(backend, 4)] == JPEGS


def test_a_digest_password_is_never_sent_in_the_clear(phone: FakeHttpCamera) -> None:
    seen: list[str] = []

    def answer(path: str, fields: dict[str, str]) -> Iterable[bytes]:
        seen.append(fields.get("authorization", ""))
        if not seen[-1].startswith('Digest username="me"'):
            challenge = 'WWW-Authenticate: Digest realm="camera", nonce="1", qop="auth", algorithm=MD5'
            return [head("text/html", "401 No", challenge)]
        return [head("image/jpeg"), JPEGS[0]]

    phone.answer = answer
    pictures_of(backend_for(phone.url(user=f"me:{SECRET}@")), 3)
    assert {value.partition(" ")[0] for value in seen} == {"", "Digest"}


@pytest.mark.parametrize(
    ("user", "message"),
    [("", "wants a user name and a password"), (f"me:{SECRET}@", "refuses the user name or the password (HTTP 401)")],
)
def test_a_refused_password_is_said_and_never_shown(
    phone: FakeHttpCamera, user: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    phone.answer = lambda path, fields: needs_basic(phone, path, fields)
    backend = backend_for(phone.url(f"/video?pwd={SECRET}", user))
    with pytest.raises(NoCamera) as caught:
        pictures_of(backend, 1)
    assert message in str(caught.value)
    assert f"127.0.0.1:{phone.port}" in str(caught.value)
    shown = f"{caught.value} {caught.value.__context__} {backend.info} {caplog.text}"
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([head("text/html"), b"<html>hello</html>"], "sends text/html, neither an MJPEG stream nor a whole JPEG"),
        ([head("image/jpeg"), JPEGS[0][:-100]], "sends image/jpeg, neither an MJPEG stream nor a whole JPEG"),
        ([head("text/html", "404 Gone")], "has no picture at this address (HTTP 404)"),
        ([head("text/html", "500 Oops")], "answers with an error (HTTP 500)"),
        ([head("text/html", "302 Away", "Location: file:///etc/passwd")], "HTTP 302"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "SSH-2.0-OpenSSH_9.2"),
        ([b""], "Remote end closed connection without response"),
    ],
)
def test_an_answer_without_picture_is_explained(phone: FakeHttpCamera, answer: list[bytes], message: str) -> None:
    phone.answer = lambda path, fields: answer
    with pytest.raises(NoCamera) as caught:
        pictures_of(backend_for(phone.url()), 1)
    assert message in str(caught.value)


def test_a_redirect_is_followed(phone: FakeHttpCamera) -> None:
    phone.answer = lambda path, fields: (
        [head("text/html", "302 There", "Location: /there")] if path == "/video" else [head("image/jpeg"), JPEGS[0]]
    )
    assert pictures_of(backend_for(phone.url()), 1)[0].jpeg == JPEGS[0]


def test_a_stream_that_ends_is_lost(phone: FakeHttpCamera) -> None:
    phone.answer = lambda path, fields: [STREAM, part(JPEGS[0]), part(JPEGS[1])[:40]]
    with pytest.raises(CameraLost, match="ended its pictures"):
        pictures_of(backend_for(phone.url()), 2)


def test_a_picture_too_large_is_lost(phone: FakeHttpCamera) -> None:
    phone.answer = streams(phone, part(JPEGS[0]), part(JPEGS[1], length=10**9))
    with pytest.raises(CameraLost, match="sends a picture of 1000000000 bytes"):
        pictures_of(backend_for(phone.url()), 2)


@pytest.mark.usefixtures("none_is_missed")
def test_a_server_that_stalls_is_reported_by_heartbeats_and_left_at_once(phone: FakeHttpCamera) -> None:
    phone.answer = lambda path, fields: phone.endless([STREAM, part(JPEGS[0])])
    frames = backend_for(phone.url()).frames()
    assert next(frames).jpeg == JPEGS[0]
    with within(2.0):
        with within(1.0):
            assert next(frames) is None
        frames.close()
    phone.closing.set()


def test_a_silent_server_is_given_up(phone: FakeHttpCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_http, "OPEN_TIMEOUT_S", 0.3)
    phone.answer = lambda path, fields: phone.endless([])
    with pytest.raises(NoCamera, match=r"no answer within 0\.3 s"):
        pictures_of(backend_for(phone.url()), 1)


def test_a_server_that_drips_its_answer_is_given_up(phone: FakeHttpCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_reader, "OPEN_TIMEOUT_S", 0.3)
    phone.answer = lambda path, fields: phone.endless([head("image/jpeg"), *[b"\xff"] * 1000])
    with pytest.raises(NoCamera, match=r"did not answer within 0\.3 s"):
        pictures_of(backend_for(phone.url()), 1)


def test_a_camera_that_is_switched_off_is_no_camera() -> None:
    with FakeHttpCamera() as phone:
        url = phone.url()
    with pytest.raises(NoCamera, match="cannot be reached: Connection refused"):
        pictures_of(backend_for(url), 1)


def test_it_opens_again_after_it_was_lost(phone: FakeHttpCamera) -> None:
    backend = backend_for(phone.url())
    phone.answer = lambda path, fields: [STREAM]
    with pytest.raises(CameraLost):
        pictures_of(backend, 1)
    phone.answer = streams(phone, part(JPEGS[2]))
    assert pictures_of(backend, 1)[0].jpeg == JPEGS[2]


@pytest.mark.parametrize("path", ["/video_feed", "/video_feed?for=img", "/live.jpeg"])
def test_another_turret_is_a_network_camera(site: Site, camera: ScriptedCamera, path: str) -> None:
    jpegs = [camera.show(shade) for shade in (40, 80)]
    backend = backend_for(f"http://admin:{PASSWORD}@127.0.0.1:{site.port}{path}")
    until = time.monotonic() + DEADLINE_S
    with closing(backend.frames()) as frames:
        for picture in frames:
            if picture is not None and picture.jpeg == jpegs[1]:
                break
            assert time.monotonic() < until
            if picture is None:
                camera.show(40)
                jpegs[1] = camera.show(80)


@pytest.mark.parametrize("url", ["ftp://host/x", "video.mp4", "http://host:port/", "http://[::1/x", "rtsp://"])
def test_an_address_that_means_nothing_is_no_camera(url: str) -> None:
    with pytest.raises(NoCamera):
        pictures_of(backend_for(url), 1)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"rtsp://me:{SECRET}@cam.local:554/live", "rtsp://cam.local:554/live"),
        (f"http://cam/video.cgi?user=me&pwd={SECRET}", "http://cam/video.cgi"),
        (f"rtsp://10.0.0.9/user=me_password={SECRET}_stream=0.sdp", "rtsp://10.0.0.9/..."),
        (f"http://me:{SECRET}/x@host/shot.jpg", "network camera with an unreadable url"),
        (f"http://me/{SECRET}@host/shot.jpg", "http://me/..."),
        (f"http://me:{SECRET}@[fe80::1]:8080/shot.jpg", "http://[fe80::1]:8080/shot.jpg"),
        ("file:///home/pi/my%20cat.mp4", "video /home/pi/my cat.mp4"),
        (f"http://me:{SECRET}@host:notaport/", "network camera with an unreadable url"),
    ],
)
def test_names_show_no_secret(url: str, name: str) -> None:
    assert public_name(url) == name
