"""The end of the program: a thread that is stuck keeps nothing else open."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from fakes import PASSWORD, ScriptedCamera, Viewer, free_port, killed_in_the_end, wait_until, watching
from turret_by_hand import Scope

from app import Site
from camera import renditions
from web.server import WORKERS

PROGRAM = Path(__file__).with_name("program_with_scope.py")


class Jam:
    """Holds up every call of what it takes the place of, until `end`."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.is_over = threading.Event()

    def before(self, call: Callable[..., object]) -> Callable[..., object]:
        def held_up(*arguments: object, **options: object) -> object:
            self.reached.set()
            assert self.is_over.wait(30)
            return call(*arguments, **options)

        return held_up

    def wait_reached(self) -> None:
        assert self.reached.wait(10), "a thread is stuck"

    def end(self) -> None:
        self.is_over.set()


@pytest.fixture
def jam() -> Iterator[Jam]:
    jam = Jam()
    yield jam
    jam.end()


def hurry(stuck: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends this one, which is stuck anyway, loses patience sooner than the others'."""
    monkeypatch.setattr(stuck, "stop", lambda *_: type(stuck).stop(stuck, 0.2))


def is_served(site: Site) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", site.port)) == 0


def test_copies_that_are_stuck_keep_neither_streams_nor_server_open(
    site: Site, camera: ScriptedCamera, jam: Jam, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    """Their thread goes on later, and wakes a sender whose descriptor may be somebody's file by then."""
    copies = site.context.broadcaster.door.copies
    monkeypatch.setattr(renditions, "decoded", jam.before(renditions.decoded))
    with watching(site.port) as full, watching(site.port, "/video_feed?scale=1/2") as small:
        camera.show()
        full.live_part()
        jam.wait_reached()
        site.close()
        assert "thread renditions did not stop within 2 s" in caplog.text
        assert (full.is_closed_by_server(), small.is_closed_by_server()) == (True, True)
    assert not is_served(site)
    jam.end()
    wait_until(lambda: not copies._renditions.is_running, "it has ended")
    assert copies.made == 1
    assert "a fault of ours" not in caplog.text


def test_news_that_are_stuck_keep_neither_streams_nor_server_open(
    site: Site, jam: Jam, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    with watching(site.port) as viewer, watching(site.port, "/api/events") as listener:
        monkeypatch.setattr(site.rig.library, "totals", jam.before(site.rig.library.totals))
        site.context.library_changed()
        jam.wait_reached()
        hurry(site.context.feed, monkeypatch)
        site.close()
        assert "thread events did not stop within 0.2 s" in caplog.text
        assert (viewer.is_closed_by_server(), listener.is_closed_by_server()) == (True, True)
    assert not is_served(site)
    jam.end()
    wait_until(lambda: not site.context.feed.is_running, "it has ended")
    assert "cannot be told" not in caplog.text


def test_a_sender_that_is_stuck_does_not_keep_the_server_open_and_ends_its_streams_when_it_goes_on(
    site: Site, jam: Jam, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    broadcaster = site.context.broadcaster
    monkeypatch.setattr(broadcaster, "_tick", jam.before(broadcaster._tick))
    viewer = Viewer(site.port).read_head()
    jam.wait_reached()
    hurry(broadcaster, monkeypatch)
    site.close()
    assert "thread broadcaster did not stop within 0.2 s" in caplog.text
    assert not is_served(site)
    jam.end()
    assert viewer.is_closed_by_server()
    viewer.close()


def test_a_view_that_hangs_keeps_neither_the_pins_on_nor_the_server_open(
    site: Site, jam: Jam, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    """Its thread was waited for without a limit; now those who wait for an answer are hung up, one second later on."""
    scope, pins_then = Scope(site.rig.turret._pins), []
    workers = site._server.requests
    monkeypatch.setattr(site.rig.accounts, "everybody", jam.before(site.rig.accounts.everybody))
    monkeypatch.setattr(
        workers, "stop", lambda timeout: (pins_then.append(scope.is_all_low()), type(workers).stop(workers, 0.2))
    )
    site.rig.turret.drive(1, None, "admin")
    assert not scope.is_all_low()
    with closing(Viewer(site.port, "/api/accounts")) as asker:
        jam.wait_reached()
        site.close()
        assert pins_then == [True]
        assert asker.is_closed_by_server()
    assert not is_served(site)
    assert "hangs in a request and is left alone" in caplog.text
    assert "in held_up" in caplog.text, "it says where"


def test_requests_that_no_thread_came_to_are_not_answered_after_the_end(
    site: Site, jam: Jam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.rig.accounts, "everybody", jam.before(site.rig.accounts.everybody))
    with ExitStack() as viewers:
        askers = [viewers.enter_context(closing(Viewer(site.port, "/api/accounts"))) for _ in range(WORKERS)]
        wait_until(lambda: site._server.requests.idle == 0, "every thread hangs")
        late = viewers.enter_context(closing(Viewer(site.port, "/api/status")))
        wait_until(lambda: site._server.requests.qsize == 1, "one more request waits")
        hurry(site._server.requests, monkeypatch)
        site.close()
        assert all(asker.is_closed_by_server() for asker in [*askers, late])
    jam.end()
    wait_until(lambda: not any(thread.name.startswith("web ") for thread in threading.enumerate()), "all have ended")


def test_a_view_that_hangs_does_not_keep_the_process_alive(tmp_path: Path) -> None:
    command = [sys.executable, PROGRAM, "--port", str(free_port()), "--host", "127.0.0.1", "--camera", "synthetic"]
    process = subprocess.Popen(
        [*command, "--media", tmp_path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TURRET_ADMIN_PASSWORD": PASSWORD},
    )  # fmt: skip
    with killed_in_the_end(process):
        while "is ready" not in process.stdout.readline():
            assert process.poll() is None
        process.stdin.write("hang\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == "hang"
        with closing(Viewer(int(command[3]), "/api/accounts")):
            assert json.loads(process.stdout.readline()) == "hangs"
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=20)
    assert (process.returncode, "hangs in a request" in err) == (0, True)
