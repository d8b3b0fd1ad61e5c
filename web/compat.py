"""The routes of the systems this program replaces, for people's scripts and habits.

All are GET, and all that change something pass the cross-site rule like any other change. A part that
is not there is 403 here, as it was; everything else answers as the rest of the program does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, g, jsonify, request

from errors import BadField, NotAllowed, NotSupported
from store.accounts import Role
from web.context import context
from web.guard import changes_by_get, needs, refuse_low_role

LEFT, RIGHT, FIRE, UP, DOWN = range(1, 6)
STEPS = {LEFT: (-1.0, 0.0), RIGHT: (1.0, 0.0), UP: (0.0, 1.0), DOWN: (0.0, -1.0)}

blueprint = APIBlueprint("compat", __name__, enable_openapi=False)


@blueprint.get("/command")
@changes_by_get
@needs(Role.OPERATOR)
def command() -> Response:
    """The first Bagel Turret: 1 left, 2 right, 3 fire, 4 up, 5 down. Fires only when armed."""
    text = request.args.get("action", "")
    action = int(text) if text.lstrip("-").isdecimal() and text.isascii() else 0
    if not action:
        return jsonify(result="no command supplied")
    turret, holder = context().rig.turret, g.account.username
    with missing_is_403():
        if action == FIRE:
            refuse_low_role(g.account, Role.GUNNER)
            turret.fire(holder)
        elif action in STEPS:
            turret.step(*STEPS[action], holder)
    return jsonify(result=action)


@blueprint.get("/light")
@changes_by_get
@needs(Role.OPERATOR)
def light() -> Response:
    """Flask Video Streaming: `status` true is on, false is off."""
    is_on = asked_switch()
    with missing_is_403():
        context().rig.lights.set(on=is_on)
    return ok()


@blueprint.get("/set_brightness")
@changes_by_get
@needs(Role.OPERATOR)
def set_brightness() -> Response:
    """Flask Video Streaming: `value` 0..255."""
    value = request.args.get("value", "")
    if not (value.isascii() and value.isdecimal()):
        raise BadField("value", f"value {value[:20]!r} is not a whole number in 0..255")
    with missing_is_403():
        context().rig.lights.set(brightness=int(value[:9]))
    return ok()


@blueprint.get("/set_color")
@changes_by_get
@needs(Role.OPERATOR)
def set_color() -> Response:
    """Flask Video Streaming: `value` RRGGBB."""
    with missing_is_403():
        context().rig.lights.set(color=request.args.get("value", ""))
    return ok()


@blueprint.get("/get_controller_data")
@changes_by_get
@needs(Role.OPERATOR)
def get_controller_data() -> Response:
    """Flask Video Streaming: the oldest unread line of the serial controller, empty if there is none."""
    with missing_is_403():
        return current_app.response_class(context().rig.lights.read_line(), mimetype="text/plain")


@contextmanager
def missing_is_403() -> Iterator[None]:
    """A part that is not there is forbidden here, as it was."""
    try:
        yield
    except NotSupported as error:
        raise NotAllowed(str(error)) from error


def json_body() -> dict[str, Any]:
    """The JSON object that came with the request."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadField("body", "the body is no JSON object")
    return body


def asked_switch() -> bool:
    """What `status` of the address says, `true` or `false` in whatever case.

    :raises BadField: when it is neither.
    """
    status = request.args.get("status", "").lower()
    if status not in ("true", "false"):
        raise BadField("status", f"status {status[:20]!r} is neither true nor false")
    return status == "true"


def ok() -> Response:
    """What the ancestors said when all was well."""
    return current_app.response_class("200", mimetype="text/plain")
