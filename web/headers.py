"""What every answer carries: security headers, caching rules, and compression for text."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

from flask import Flask, Response, request

COMPRESSED_TYPES = frozenset(
    {"text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml", "application/json"}
)
COMPRESS_FROM_BYTES = 1024
STATIC_MAX_AGE_S = 365 * 86400
# For files that are never asked for again, some 170 bytes of each answer that nobody would ever use.
STATIC_SPARES = ("ETag", "Last-Modified", "Expires", "Accept-Ranges", "Content-Disposition")
COMMENTED_TYPES = frozenset({"text/css", "text/javascript", "application/javascript"})
INDENT = re.compile(rb"^[ \t]+", re.MULTILINE)
COMMENT_LINES = re.compile(rb"^[ \t]*(?:/\*(?:[^*]|\*(?!/))*\*/|//[^\n]*)[ \t]*$", re.MULTILINE)


def content_security_policy(frame_ancestors: str = "'self'") -> str:
    """Our pages load from this server alone and run no inline script."""
    return (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
        f"form-action 'self'; frame-ancestors {frame_ancestors}"
    )


def static_path(folder: Path) -> str:
    """Where static files are served: the path changes with any of them, so browsers may keep them for good.

    Modules import each other by relative addresses; a name that stayed would mix old and new ones.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return f"/static/{digest.hexdigest()[:12]}"


def install(app: Flask) -> None:
    """Put the headers on every answer of `app`."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = STATIC_MAX_AGE_S
    app.after_request(harden)
    app.after_request(compress)


def harden(response: Response) -> Response:
    """Security headers; a view's own policy stays."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    if request.endpoint == "static" and response.status_code == 200:
        headers["Cache-Control"] = f"max-age={STATIC_MAX_AGE_S}, immutable"
        headers["Content-Type"] = response.mimetype  # scripts that are modules are UTF-8, style sheets as their page
        for name in STATIC_SPARES:
            headers.pop(name, None)
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", content_security_policy())
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cache-Control", "no-store")
        if request.is_secure:  # browsers ignore it elsewhere, and say so in red
            headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    return response


def without_comments(source: bytes) -> bytes:
    """A script or style sheet without indents and comments that fill whole lines: a fifth of its weight on the wire.

    Comments become empty lines, so that line numbers in the browser are those of the file. Indents mean nothing, for
    no text in our scripts goes over several lines.
    """
    return INDENT.sub(b"", COMMENT_LINES.sub(lambda comment: b"\n" * comment[0].count(b"\n"), source))


def compress(response: Response) -> Response:
    """Text of some size is sent as gzip to clients that take it; scripts and style sheets lose their comments."""
    is_text = response.mimetype in COMPRESSED_TYPES
    if is_text:
        response.vary.add("Accept-Encoding")
    if not is_text or response.status_code != 200 or "gzip" not in request.headers.get("Accept-Encoding", ""):
        return response
    response.direct_passthrough = False
    data = response.get_data()
    if response.mimetype in COMMENTED_TYPES:
        data = without_comments(data)
        response.set_data(data)
    if len(data) >= COMPRESS_FROM_BYTES:
        response.set_data(gzip.compress(data, compresslevel=6, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
