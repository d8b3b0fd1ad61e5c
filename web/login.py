"""Logging in and out."""

from __future__ import annotations

from urllib.parse import urlsplit

from apiflask import APIBlueprint
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user

from errors import NotLoggedIn
from store.accounts import Role
from web.context import context
from web.guard import User, check_password, needs, public

blueprint = APIBlueprint("login", __name__, enable_openapi=False)


@blueprint.get("/login")
@public
def form() -> ResponseReturnValue:
    """The login page."""
    wanted = safe_target(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(wanted)
    return render_template("login.html", next=wanted, error=None, username="")


@blueprint.post("/login")
@public
def log_in() -> ResponseReturnValue:
    """Start a session and go where the person wanted to go."""
    username, password = request.form.get("username", ""), request.form.get("password", "")
    wanted = safe_target(request.form.get("next"))
    try:
        account = check_password(context().rig.accounts, username, password)
    except NotLoggedIn as error:
        return render_template("login.html", next=wanted, error=str(error), username=username), 401
    login_user(User(account))
    return redirect(wanted)


@blueprint.post("/logout")
@needs(Role.VIEWER)
def log_out() -> ResponseReturnValue:
    """End the session."""
    logout_user()
    return redirect(url_for("login.form"))


def safe_target(target: str | None) -> str:
    """`target` if it is a path on this site, else the live page: nobody is sent elsewhere by a link."""
    home = url_for("live.index")
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return home
    parts = urlsplit(target)
    return home if parts.scheme or parts.netloc or not target.isprintable() else target
