"""HTTP cameras: an MJPEG stream passed on undecoded, or a single JPEG fetched again and again.

urllib does what is easy to get wrong: redirects, TLS, Basic and Digest passwords (which it only sends to
the host they were meant for, and only when asked).
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit

from camera.backend import is_whole_jpeg
from camera.multipart import LIMIT_BYTES, MultipartParser
from camera.network_reader import OPEN_TIMEOUT_S, Reader, Shot
from errors import CameraError, CameraLost, NoCamera

CHUNK_BYTES = 65536
NO_PASSWORD = "wants a user name and a password: url = http://name:password@host/..."
REFUSALS = {
    401: "refuses the user name or the password",
    403: "does not let this user see the picture",
    404: "has no picture at this address",
    503: "is busy, perhaps with other viewers",
}


class HttpSource:
    """The camera at an http:// or https:// address.

    :param rate_hz: how often a camera that gives single JPEGs is asked, if it keeps up.
    """

    def __init__(self, url: str, name: str, rate_hz: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.pixel_format = "MJPG"
        self.rate_hz: float | None = None
        self._asked_hz = rate_hz
        self._url = url
        self._name = name
        self._clock = clock

    def read(self, reader: Reader) -> None:
        with self._translated(NoCamera):
            address, opener = _prepare(self._url)
            response = opener.open(address, timeout=OPEN_TIMEOUT_S)
        with response:
            kind = response.headers.get_content_type()
            if kind.startswith("multipart/"):
                reader.opened.set()
                self._pass_on(response, reader)
                return
            with self._translated(NoCamera):
                self._put_single(response, reader)
        self._poll(lambda: opener.open(address, timeout=OPEN_TIMEOUT_S), reader)

    def _pass_on(self, response: HTTPResponse, reader: Reader) -> None:
        """Put every picture of a stream until it ends."""
        boundary = response.headers.get_param("boundary")
        parser = MultipartParser(boundary if isinstance(boundary, str) else None)
        with self._translated(CameraLost):
            while not reader.stopping.is_set() and not parser.has_ended:
                chunk = response.read1(CHUNK_BYTES)
                if not chunk:
                    return
                for jpeg, arrived_s in parser.feed(chunk, self._clock()):
                    reader.put(Shot(arrived_s, partial(bytes, jpeg)))

    def _put_single(self, response: HTTPResponse, reader: Reader) -> None:
        arrived_s, body = self._clock(), bytearray()
        while not reader.stopping.is_set() and (chunk := response.read1(CHUNK_BYTES)):
            body += chunk
            if len(body) > LIMIT_BYTES:
                raise ValueError(f"a picture of more than {LIMIT_BYTES} bytes")
        jpeg = bytes(body)
        if not is_whole_jpeg(jpeg):
            raise ValueError(f"{response.headers.get_content_type()}, neither an MJPEG stream nor a whole JPEG")
        reader.opened.set()
        reader.put(Shot(arrived_s, lambda: jpeg))

    def _poll(self, get: Callable[[], HTTPResponse], reader: Reader) -> None:
        """Put a picture at each beat; beats that passed during a slow answer are left out."""
        self.rate_hz = self._asked_hz
        period_s, due_at = 1.0 / self._asked_hz, self._clock()
        while True:
            due_at += period_s * max(1, -((due_at - self._clock()) // period_s))
            if reader.stopping.wait(max(0.0, due_at - self._clock())):
                return
            with self._translated(CameraLost), get() as response:
                self._put_single(response, reader)

    @contextmanager
    def _translated(self, kind: type[CameraError]) -> Iterator[None]:
        """Turn what can go wrong on the way into one of our errors; `from None` keeps the url out of logs."""
        try:
            yield
        except HTTPError as error:
            error.close()
            raise kind(f"{self._name} {self._refusal(error)}") from None
        except URLError as error:
            raise kind(f"{self._name} cannot be reached: {_words(error.reason)}") from None
        except (OSError, HTTPException) as error:
            raise kind(f"{self._name}: {_words(error)}") from None
        except ValueError as error:
            raise kind(f"{self._name} sends {error}") from None

    def _refusal(self, error: HTTPError) -> str:
        if error.code == 401 and "@" not in urlsplit(self._url).netloc:
            return NO_PASSWORD
        return f"{REFUSALS.get(error.code, 'answers with an error')} (HTTP {error.code})"


class ClosesRefusals:
    """Closes the refusal that a second, better request replaced; urllib leaves that to the garbage collector."""

    def http_error_401(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        try:
            answer = super().http_error_401(req, fp, code, msg, headers)  # type: ignore[misc]
        except BaseException:
            fp.close()
            raise
        if answer is not None:  # None: the next handler is asked, and reads or closes it
            fp.close()
        return answer


class BasicAuth(ClosesRefusals, urllib.request.HTTPBasicAuthHandler):
    """A password that goes along readable, for whoever asks for that."""


class DigestAuth(ClosesRefusals, urllib.request.HTTPDigestAuthHandler):
    """A password that only proves itself."""


def _words(reason: object) -> str:
    """What an error of the network says, without its number."""
    if isinstance(reason, TimeoutError):
        return f"no answer within {OPEN_TIMEOUT_S:g} s"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__


def _prepare(url: str) -> tuple[str, urllib.request.OpenerDirector]:
    """The address without user and password, and what opens it with them.

    No proxy: cameras are near, and a proxy of the environment is meant for the world outside.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        root = f"{parts.scheme}://{host}/"
        passwords.add_password(None, root, unquote(parts.username), unquote(parts.password or ""))
    opener = urllib.request.OpenerDirector()
    opener.addheaders = [("User-Agent", "bagel-turret")]
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        DigestAuth(passwords),
        BasicAuth(passwords),
    ):
        opener.add_handler(handler)
    safe = "/%?&=:;,+~!$'()*@[]"
    query = f"?{quote(parts.query, safe=safe)}" if parts.query else ""
    return f"{parts.scheme}://{host}{quote(parts.path, safe=safe)}{query}", opener
