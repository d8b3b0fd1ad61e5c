"""What the fake network cameras have in common: a server on a port of its own, a thread per connection."""

from __future__ import annotations

import socket
import socketserver
import threading
from typing import BinaryIO, Self


class FakeCameraServer:
    """Serves from `with` to its end; each connection is given to `serve`.

    :ivar closing: set when it ends.
    """

    def __init__(self) -> None:
        self.closing = threading.Event()
        camera = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                camera.serve(self.rfile, self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self, requests: BinaryIO, sock: socket.socket) -> None:
        raise NotImplementedError
