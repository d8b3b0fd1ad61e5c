"""From errors to answers: the only place that knows HTTP status codes.

/api speaks JSON, pages speak HTML, and everything else (streams, pictures, files) says one plain
sentence.
"""

from __future__ import annotations

import logging
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, current_app, jsonify, make_response, redirect, render_template, request, url_for
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

import errors

log = logging.getLogger(__name__)

STATUS_OF: dict[type[errors.TurretError], int] = {
    errors.BadField: 400,
    errors.NotLoggedIn: 401,
    errors.NotAllowed: 403,
    errors.CrossSite: 403,
    errors.NameTaken: 409,
    errors.TooManyItems: 409,
    errors.LastAdmin: 409,
    errors.ControlRefused: 409,
    errors.AlreadyRecording: 409,
    errors.NotRecording: 409,
    errors.NoSuchItem: 404,
    errors.NotPlayable: 422,
    errors.NotConverted: 500,
    errors.NotCopied: 422,
    errors.NotReady: 409,
    errors.NoSpace: 507,
    errors.OutOfRange: 400,
    errors.Busy: 409,
    errors.NotArmed: 409,
    errors.NotCalibrated: 409,
    errors.NoDevice: 503,
    errors.NotWatched: 503,
    errors.AlreadyRunning: 409,
    errors.NotSupported: 501,
    errors.TooManyViewers: 503,
    errors.NoCamera: 503,
    errors.CameraLost: 503,
    errors.LightLost: 503,
    errors.StoreUnavailable: 503,
    errors.PortInUse: 500,
    errors.ConfigError: 500,
    errors.ThreadStuck: 500,
}
TITLES = {
    400: "That does not work",
    401: "Log in first",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not that way",
    413: "Too large",
    409: "Not now",
    422: "Not with this file",
    503: "Not now",
    507: "The disk is full",
    500: "A fault of ours",
}


class Json(DefaultJSONProvider):
    """Flask's JSON; brackets nested too deep for Python are nonsense like any other, not a fault of ours."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deep") from None


def install(app: APIFlask) -> None:
    """Answer every error of `app`'s views."""
    app.json = Json(app)
    app.error_processor(answer_validation_error)
    app.register_error_handler(errors.TurretError, answer_turret_error)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(Exception, answer_bug)


def status_of(error: errors.TurretError) -> int:
    """The HTTP status of one of our errors."""
    return next((STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF), 500)


def answer_turret_error(error: errors.TurretError) -> BaseResponse:
    """One of our errors; a browser that is not logged in is sent to the login page."""
    status = status_of(error)
    if isinstance(error, errors.NotLoggedIn) and wants_page() and request.method == "GET":
        return redirect(url_for("login.form", next=_here()))
    response = answer(status, type(error).__name__, str(error), getattr(error, "field", None))
    if isinstance(error, errors.NotLoggedIn) and not is_script_of_page():
        response.headers["WWW-Authenticate"] = 'Basic realm="Bagel Turret", charset="UTF-8"'
    if isinstance(error, errors.TooManyViewers):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def answer_http_error(error: HTTPException) -> BaseResponse:
    """What Flask itself refuses: no such page, wrong method."""
    if error.code is None or error.code < 400:
        return error.get_response()
    response = answer(error.code, error.name.replace(" ", ""), error.description or error.name, None)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "content-range"):
            response.headers[name] = value
    return response


def answer_validation_error(error: HTTPError) -> BaseResponse:
    """A request's body or query that breaks its model: 400, naming the first field, its value and the rule."""
    found = next(iter((error.detail or {}).values()), None) if error.status_code == 422 else None
    if not isinstance(found, dict) or not found:
        return answer(error.status_code, "BadRequest", error.message or "the request cannot be understood", None)
    field, rules = next(iter(found.items()))
    body = request.get_json(silent=True)
    value = _value_at(body, str(field))
    rule = str(rules[0] if isinstance(rules, list) else rules)
    return answer(400, "BadField", f"{field} {str(value)[:40]!r}: {rule[0].lower()}{rule[1:]}", str(field))


def answer_bug(error: Exception) -> BaseResponse:
    """Anything we did not foresee."""
    log.error("a fault of ours while answering %s %s", request.method, request.path, exc_info=error)
    return answer(500, "Bug", "something went wrong here; the log has the details", None)


def answer(status: int, code: str, message: str, field: str | None) -> Response:
    """The error in the form that fits whoever asks."""
    if request.path.startswith("/api/"):
        response = jsonify(error={"code": code, "message": message, "field": field})
    elif wants_page():
        title = TITLES.get(status, "That did not work")
        response = make_response(render_template("error.html", code=status, title=title, message=message))
    else:
        response = current_app.response_class(f"{message}\n", mimetype="text/plain")
    response.status_code = status
    return response


def wants_page() -> bool:
    """True for a person's browser that is going to a page."""
    return not request.path.startswith("/api/") and "text/html" in request.headers.get("Accept", "")


def is_script_of_page() -> bool:
    """True for requests by a page's script or image: a password dialog would pop up over the page."""
    return request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"


def _value_at(body: object, field: str) -> object:
    """What stands at `name`, or at `name.0` in a list; None where nothing does. A body of another form is all of it."""
    if not isinstance(body, dict):
        return body
    name, _, number = field.partition(".")
    value = body.get(name)
    if isinstance(value, list) and number.isdecimal() and int(number) < len(value):
        return value[int(number)]
    return value


def _here() -> str:
    return request.full_path.rstrip("?")
