#!/usr/bin/env python3
"""Bagel Turret: the program. Reads the settings, opens the rig, serves until it is told to stop.

Exit status: 0 after Ctrl-C or SIGTERM, 2 when it could not start (one line on standard error says why).
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix

import settings as settings_file
from errors import ThreadStuck, TurretError
from jobs.memory import keep_large_arrays_apart
from logs import LogWriter
from rig import FIRST_ADMIN, Rig
from settings import Settings
from store.accounts import Role
from threads import Bell, StoppableThread, do_each
from web import (
    accounts,
    admin,
    camera,
    compat,
    compat_camera,
    compat_media,
    control,
    errors,
    gallery,
    guard,
    headers,
    light,
    live,
    login,
    media,
    openapi,
    photo_copies,
    presets,
    recording,
    timelapse,
    upkeep,
)
from web.addresses import addresses
from web.broadcaster import Broadcaster
from web.context import EXTENSION, Context
from web.events import EventFeed
from web.media_out import Shelf
from web.previews import Previews
from web.server import Server
from web.stills import StillCache

VERSION = "0.1.0"
HERE = Path(__file__).resolve().parent
SESSION_LIFETIME = timedelta(days=30)
# How long a thread that computes may keep others waiting; the default of 5 ms would show as jitter
# of the picture (measured with a busy thread beside 64 viewers: p99 47 instead of 226 ms).
SWITCH_INTERVAL_S = 0.0005
# The rooms that answer requests.
ROOMS = (
    live, camera, control, presets, light, media, photo_copies, recording, timelapse, upkeep, gallery, login, accounts,
    admin, compat, compat_camera, compat_media,
)  # fmt: skip

log = logging.getLogger("turret")


def create_app(rig: Rig) -> APIFlask:
    """The WSGI application over an open rig.

    Under our own server its context must be started; under any other it streams with a thread per viewer.
    """
    app = APIFlask(
        "bagel-turret", title="Bagel Turret", version=VERSION, root_path=str(HERE), docs_path=None,
        static_url_path=headers.static_path(HERE / "static"),
    )  # fmt: skip
    app.config.update(_flask_settings(rig))
    hops = rig.settings.server.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops, hops, hops)  # type: ignore[method-assign]
    app.extensions[EXTENSION] = here = _build_context(rig)
    _tell_of_changes(rig, here)
    for room in ROOMS:
        app.register_blueprint(room.blueprint)
    app.view_functions["openapi.spec"] = guard.needs(Role.VIEWER)(app.view_functions["openapi.spec"])
    guard.install(app, rig.accounts)
    openapi.install(app)
    errors.install(app)
    headers.install(app)
    app.context_processor(lambda: {"user": guard.user_of_request(), "version": VERSION})
    return app


def _flask_settings(rig: Rig) -> dict[str, object]:
    server = rig.settings.server
    return {
        "SECRET_KEY": rig.secret("session_key"),
        "SESSION_COOKIE_NAME": "turret_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": server.tls,
        "PERMANENT_SESSION_LIFETIME": SESSION_LIFETIME,
        "TRUSTED_HOSTS": list(server.allowed_hosts) or None,
    }


def _tell_of_changes(rig: Rig, here: Context) -> None:
    """Whatever changes in the rig, open pages learn of it."""
    changed = here.feed.changed
    rig.on_camera = rig.tuning.board.on_change = rig.turret.on_change = changed
    rig.presets.on_change = rig.patrol.on_change = rig.upkeep.on_change = rig.timelapse.on_change = changed
    rig.lights.on_change = lambda status: changed()
    rig.recorder.on_change = lambda state: changed()
    rig.conversions.on_change = lambda state: changed()
    rig.retention.on_change = lambda state: changed()
    rig.library.on_change = here.library_changed
    here.broadcaster.door.on_count = changed
    here.broadcaster.door.presence.on_gone = rig.turret.lose_link


def _build_context(rig: Rig) -> Context:
    server = rig.settings.server
    broadcaster = Broadcaster(rig.hub, server.max_viewers, server.viewer_timeout_s)
    feed = EventFeed(lambda: admin.status_of(here, None).model_dump_json(), broadcaster.show_event)
    stills = StillCache(rig.hub, rig.settings.camera.quality, rig.scheduler)
    here = Context(rig, broadcaster, feed, stills, Shelf(rig), Previews(), VERSION)
    return here


class Site(StoppableThread):
    """The web side of an open rig: from `open` to `close` it serves in threads of its own.

    :param on_end: rung when the server ends, whoever ended it.
    """

    def __init__(self, rig: Rig, on_end: Bell | None = None) -> None:
        super().__init__("server")
        self._rig = rig
        self.app = create_app(rig)
        self.context: Context = self.app.extensions[EXTENSION]
        self._server = Server(self.app, rig.settings.server)
        self._on_end = on_end or Bell()

    def open(self) -> None:
        """Listen and serve.

        :raises PortInUse: when the port is taken.
        """
        self._server.open()
        self.context.start()
        self.start()

    def close(self) -> None:
        """Stop what moves, then every stream, then the server; works twice and after a failed `open`.

        Each on its own: a thread that is stuck is logged and keeps nothing else open.
        """
        do_each(self._rig.close_turret, self.context.close, self.stop)

    def run(self) -> None:
        try:
            self._server.serve()
        finally:
            self._on_end.ring()

    def wake(self) -> None:
        self._server.close()


def serve(rig: Rig, stop: Bell) -> None:
    """Serve an open rig until `stop` is rung.

    :raises PortInUse: when the port is taken.
    """
    with closing(Site(rig, on_end=stop)) as site:
        site.open()
        _greet(rig)
        stop.wait()


def _greet(rig: Rig) -> None:
    """Tell the person at the console where to go, and at the first start with which password."""
    if rig.first_password is not None:
        print(f"First start: log in as {FIRST_ADMIN} with password {rig.first_password}")
        print("Write it down, it is not shown again.")
    first, *others = addresses(rig.settings.server)
    print(f"Bagel Turret is ready. Open {first}")
    for url in others:
        print(f"                  or {url}")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        settings = _settings(options)
        if options.check_config:
            print(f"{settings.source}: all settings are good")
            return 0
        _run(settings)
    except TurretError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    return 0


def _run(settings: Settings) -> None:
    writer = LogWriter(sys.stderr.fileno())
    logging.basicConfig(level=settings.log.level.upper(), handlers=[writer.handler])
    writer.start()
    try:
        _run_rig(settings)
        log.info("stopped")
    finally:
        with suppress(ThreadStuck):
            writer.stop()


def _run_rig(settings: Settings) -> None:
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    keep_large_arrays_apart()
    stop = Bell()
    stop.ring_at(signal.SIGINT, signal.SIGTERM)
    with Rig(settings) as rig:
        rig.open(os.environ)
        serve(rig, stop)


def _settings(options: argparse.Namespace) -> Settings:
    path = options.config or HERE / "config.txt"
    media_dir = None if options.media is None else options.media.absolute()
    return settings_file.load(
        path,
        os.environ,
        {
            "server": {"host": options.host, "port": options.port, "media_dir": media_dir},
            "camera": {"camera": options.camera},
        },
        is_required=options.config is not None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Bagel Turret: a camera turret driven from a browser.",
        epilog="Options win over TURRET_* environment variables, these over config.txt.",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (default: config.txt beside app.py)")
    parser.add_argument("--host", help="address to listen on ([server] host)")
    parser.add_argument("--port", metavar="N", help="TCP port ([server] port)")
    parser.add_argument("--media", type=Path, metavar="DIR", help="folder of database and media ([server] media_dir)")
    parser.add_argument("--camera", metavar="KIND", help="auto, pi, usb, network, synthetic or files ([camera] camera)")
    parser.add_argument("--check-config", action="store_true", help="check the settings and stop")
    parser.add_argument("--version", action="version", version=f"Bagel Turret {VERSION}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
