"""The application under a WSGI server that is not ours: a thread per connection, and no handing over."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from wsgiref import simple_server

from fakes import ScriptedCamera, wait_until

from app import create_app
from rig import Rig


class ThreadingWsgiServer(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    """One thread for each connection."""

    daemon_threads = True


class QuietHandler(simple_server.WSGIRequestHandler):
    """Says nothing on the terminal."""

    def log_message(self, *arguments: object) -> None: ...

    def log_exception(self, *arguments: object) -> None: ...


@contextmanager
def served_by_another(rig: Rig, camera: ScriptedCamera) -> Iterator[tuple[int, object]]:
    """(port, the application's context) while it serves; at the end every place has been given back."""
    app = create_app(rig)
    context = app.extensions["turret"]
    server = simple_server.make_server("127.0.0.1", 0, app, ThreadingWsgiServer, QuietHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, context
        wait_until(lambda: camera.show(3) and context.broadcaster.roster.watching == 0, "places given back")
    finally:
        context.close()
        server.shutdown()
        thread.join()
        server.server_close()
