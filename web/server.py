"""The WSGI server, and how a connection leaves it for the broadcaster.

cheroot keeps the connection while a view runs and closes it when the response is written. A view
that wants to give the connection away calls `hand_over`, which only leaves a note; cheroot then
writes head and first bytes as always, and closing, its very last act on the connection, passes the
socket on instead. So nothing is ever sent by two threads.
"""

from __future__ import annotations

import errno
import logging
import queue
import resource
import socket
import ssl
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import cheroot.errors
import cheroot.server
import cheroot.ssl.builtin
import cheroot.workers.threadpool
import cheroot.wsgi
from cheroot.workers.threadpool import _SHUTDOWNREQUEST, WorkerThread  # type: ignore[attr-defined]
from flask import Request, Response

from errors import ConfigError, PortInUse
from settings import ServerSettings
from web.roster import Place

HANDOVER_KEY = "turret.handover"
WORKERS = 10
BACKLOG = 512
KEEP_ALIVE_MAX = 512
REQUEST_TIMEOUT_S = 10
STOP_S = 1
LAST_S = 1
HEAD_BYTES_MAX = 65536
DESCRIPTORS_WANTED = 8192

log = logging.getLogger(__name__)


class HandingOverConnection(cheroot.server.HTTPConnection):
    """A connection whose socket can be given away instead of closed."""

    taker: Place | None = None
    was_answered = False

    def close(self) -> None:
        place, self.taker = self.taker, None
        if place is None:
            super().close()
        elif self.was_answered:
            self.rfile.close()
            place.take(self.socket)
        else:
            place.give_back()
            super().close()


class Gateway(cheroot.wsgi.Gateway_10):
    """Shows the request to views that want its connection, and notes that the answer went out."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        environ[HANDOVER_KEY] = self.req
        return environ

    def respond(self) -> None:
        super().respond()
        self.req.conn.was_answered = self.req.status[:3] == b"200"


class LazyTls(cheroot.ssl.builtin.BuiltinSSLAdapter):
    """TLS whose handshake happens in a worker at the first read.

    cheroot shakes hands in the thread that accepts, where one silent client would stop all others.
    """

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, {"wsgi.url_scheme": "https", "HTTPS": "on"}


class Workers(cheroot.workers.threadpool.ThreadPool):
    """The threads that run views. A view that hangs keeps neither `stop` nor the end of the program waiting.

    cheroot's own are joined without a limit, and so are its threads by the interpreter at its end; ours are daemons.
    """

    def _spawn_worker(self) -> WorkerThread:
        worker = WorkerThread(self.server)  # type: ignore[no-untyped-call]
        worker.name, worker.daemon = f"web {worker.name}", True
        worker.start()
        return worker

    def stop(self, timeout: float = STOP_S) -> None:
        """End the threads. After `timeout` seconds whoever still waits for an answer is hung up, 1 s later given up."""
        workers = list(self._clear_threads())  # type: ignore[attr-defined]
        self._dismiss(workers)
        late = _still_running(workers, timeout)
        self._hang_up_waiting()
        for worker in late:
            _hang_up(worker.conn)
        self._dismiss(late)
        for worker in _still_running(late, LAST_S):
            frame = sys._current_frames().get(worker.ident or 0)
            where = "".join(traceback.format_stack(frame)) if frame else ""
            log.error("%s hangs in a request and is left alone, in\n%s", worker.name, where)

    def _dismiss(self, workers: Sequence[WorkerThread]) -> None:
        for _ in workers:
            self._queue.put(_SHUTDOWNREQUEST)  # type: ignore[attr-defined]

    def _hang_up_waiting(self) -> None:
        """Close the connections that no thread came to: nothing may be done for them once the rig is closed."""
        with suppress(queue.Empty):
            while True:
                waiting = self._queue.get_nowait()  # type: ignore[attr-defined]
                if waiting is not _SHUTDOWNREQUEST:
                    waiting.close()


class Server(cheroot.wsgi.Server):
    """cheroot with our connection class; new connections wait for their first byte without a thread."""

    ConnectionClass = HandingOverConnection
    keep_alive_conn_limit = KEEP_ALIVE_MAX
    max_request_header_size = HEAD_BYTES_MAX

    def __init__(self, app: Any, settings: ServerSettings) -> None:
        super().__init__(
            (settings.host, settings.port),
            app,
            numthreads=WORKERS,
            server_name="Bagel Turret",
            request_queue_size=BACKLOG,
            timeout=REQUEST_TIMEOUT_S,
            shutdown_timeout=STOP_S,
        )
        self.requests = Workers(self, min=WORKERS)
        self.gateway = Gateway
        self.max_request_body_size = 64 * 1024 * 1024
        if settings.tls:
            self.ssl_adapter = _tls_adapter(settings.tls_certificate, settings.tls_key)
        self._host, self._port = settings.host, settings.port
        self._bind_fault: OSError | None = None

    def open(self) -> None:
        """Listen; from here on clients can connect, and `serve` will answer them.

        :raises PortInUse: when another program listens there.
        :raises ConfigError: when the address is not one of this machine's.
        """
        _raise_descriptor_limit()
        try:
            self.prepare()
        except OSError as error:
            raise _listening_fault(self._host, self._port, self._bind_fault or error) from None

    def close(self) -> None:
        """Stop listening and serving, within some seconds whatever the views do; works twice and before `open`."""
        connections = getattr(self, "_connections", None)
        if connections is None or not self.ready:
            return
        connections._stop_requested = True
        _poke(self.socket)  # cheroot would notice only at its next half second
        self.stop()

    def bind(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
        """As cheroot's; keeps the fault, of which cheroot only passes on the text."""
        try:
            bound: socket.socket = super().bind(family, type, proto)
        except OSError as error:
            self._bind_fault = error
            raise
        return bound

    def process_conn(self, conn: HandingOverConnection) -> None:
        """Give a connection to a worker, a new one only once it has sent something."""
        if conn.last_used is None and isinstance(conn, HandingOverConnection):
            self._connections.put(conn)  # type: ignore[attr-defined]
        else:
            super().process_conn(conn)

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """cheroot's own complaints, as one line of our log."""
        log.log(level, "%s", msg, exc_info=traceback)


def hand_over(request: Request, response: Response, place: Place, first: bytes) -> Response | None:
    """The response whose connection will go to `place` after its head and `first` were written.

    None when this server cannot hand over: the caller then streams in the ordinary way.
    """
    http = request.environ.get(HANDOVER_KEY)
    if http is None:
        return None
    http.response_protocol = "HTTP/1.0"  # no chunked coding; the connection ends with the stream
    http.close_connection = True
    http.conn.taker = place
    response.response = iter((first,)) if first else iter(())
    response.direct_passthrough = True
    response.headers["Connection"] = "close"
    return response


def streamed(response: Response, chunks: Iterator[bytes], place: Place) -> Response:
    """The response that streams `chunks` in its own thread and gives `place` back at the end.

    Twice, on purpose: a response that never starts ends by its close alone, and some servers forget
    to close a response whose client left (wsgiref), which ends by the generator alone.
    """
    response.response = _giving_back(chunks, place)
    response.direct_passthrough = True
    response.call_on_close(place.give_back)
    return response


def _giving_back(chunks: Iterator[bytes], place: Place) -> Iterator[bytes]:
    try:
        yield from chunks
    finally:
        place.give_back()


def _tls_adapter(certificate: Path | None, key: Path | None) -> LazyTls:
    try:
        return LazyTls(str(certificate), str(key))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"tls_certificate {certificate} and tls_key {key} cannot be used: {error}") from None


def _listening_fault(host: str, port: int, error: OSError) -> PortInUse | ConfigError:
    """A used port, a forbidden one, or a wrong address."""
    if error.errno == errno.EADDRINUSE:
        return PortInUse(
            f"port {port} is in use by another program (is Bagel Turret running already?); "
            f"stop that one, or choose another with --port"
        )
    if error.errno == errno.EACCES:
        return PortInUse(f"port {port} may not be used by this account; ports from 1024 up may")
    return ConfigError(f"[server] host = {host}: cannot listen there: {error}")


def _poke(listener: socket.socket) -> None:
    """Connect to our own port for a moment, to wake the thread that waits there."""
    host, port = listener.getsockname()[:2]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        socket.create_connection((here, port), timeout=0.2).close()
    except OSError as error:
        log.debug("poking port %s: %s", port, error)


def _still_running(workers: Sequence[WorkerThread], within_s: float) -> list[WorkerThread]:
    """Those of `workers` that do not end within so many seconds, all together."""
    until = time.monotonic() + within_s
    for worker in workers:
        worker.join(max(0.0, until - time.monotonic()))
    return [worker for worker in workers if worker.is_alive()]


def _hang_up(connection: HandingOverConnection | None) -> None:
    """End a connection whose thread may be reading or writing it.

    Past SSLSocket.shutdown, which takes the TLS away first: what that thread writes then would go out unencrypted.
    """
    if connection is not None:
        with suppress(OSError):  # it has ended by itself
            socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)


def _raise_descriptor_limit() -> None:
    """Each viewer needs a file descriptor; many systems start programs with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(DESCRIPTORS_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
