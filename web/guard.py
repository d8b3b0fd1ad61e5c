"""Who may do what: every request passes here before its view.

A view says what it needs with `@needs(Role...)` or `@public`; one that says nothing is refused. A
request is known by its session cookie, else by HTTP Basic. A change must come from our own pages.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, current_app, g, request
from flask_httpauth import HTTPBasicAuth
from flask_login import LoginManager, UserMixin, current_user
from werkzeug.exceptions import MethodNotAllowed

from errors import CrossSite, NotAllowed, NotLoggedIn
from store.accounts import Account, Accounts, Role

NEEDS = "turret_needs"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

View = TypeVar("View", bound=Callable[..., Any])

log = logging.getLogger(__name__)


class User(UserMixin):  # type: ignore[misc]
    """An account as Flask-Login and the templates see it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.username = account.username
        self.role = account.role.word

    def get_id(self) -> str:
        """Goes into the session; a changed password makes it invalid."""
        return f"{self.account.id}.{self.account.password_mark}"


def needs(role: Role) -> Callable[[View], View]:
    """The view below needs an account of at least this role."""

    def mark(view: View) -> View:
        setattr(view, NEEDS, role)
        return view

    return mark


def public(view: View) -> View:
    """The view below is for everybody; says nothing secret."""
    setattr(view, NEEDS, None)
    return view


def changes_by_get(view: View) -> View:
    """The view below changes something although it is a GET, as the ancestors' routes do."""
    view.turret_changes = True  # type: ignore[attr-defined]
    return view


def requirement_of(view: Callable[..., Any]) -> Role | None:
    """The role a view needs; None for everybody.

    :raises NotAllowed: when the view does not say.
    """
    if not hasattr(view, NEEDS):
        raise NotAllowed("this route does not say who may use it")
    role: Role | None = getattr(view, NEEDS)
    return role


def install(app: Flask, accounts: Accounts) -> None:
    """Put the guard in front of every view of `app`."""
    manager = LoginManager(app)
    basic = HTTPBasicAuth()
    app.view_functions["static"] = public(app.view_functions["static"])

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(session_id: str) -> User | None:
        account = account_of(accounts, session_id)
        return None if account is None else User(account)

    @app.before_request
    def check() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        if view is None:
            return
        if request.method not in SAFE_METHODS or hasattr(view, "turret_changes"):
            refuse_cross_site(request)
        role = requirement_of(view)
        if role is not None:
            g.account = _known_account(basic, accounts)
            refuse_low_role(g.account, role)
        if request.method == "HEAD" and hasattr(view, "turret_changes"):
            raise MethodNotAllowed(["GET"])  # whoever only asks what would come must not fire


def account_of(accounts: Accounts, session_id: str) -> Account | None:
    """Whose session it is; None when they are gone or have another password by now."""
    number, _, mark = session_id.partition(".")
    account = accounts.by_id(int(number)) if number.isdigit() else None
    return account if account is not None and account.password_mark == mark else None


def session_of_request() -> str:
    """What `account_of` knows whoever is asking by; for views that need a role."""
    session_id: str = g.user.get_id()
    return session_id


def _known_account(basic: HTTPBasicAuth, accounts: Accounts) -> Account:
    """The account behind this request.

    :raises NotLoggedIn: when there is none.
    """
    is_basic = request.headers.get("Authorization", "")[:6].lower() == "basic "
    credentials = basic.get_auth() if is_basic else None
    if credentials is not None:
        g.user = User(check_password(accounts, credentials.username or "", credentials.password or ""))
    elif current_user.is_authenticated:
        g.user = current_user
    else:
        raise NotLoggedIn("log in first")
    account: Account = g.user.account
    return account


def check_password(accounts: Accounts, username: str, password: str) -> Account:
    """The account if name and password are right.

    :raises NotLoggedIn: else; logged on one line with the address, for fail2ban.
    """
    account = accounts.verified(username, password)
    if account is None:
        log.warning("failed login for %r from %s", username[:64], request.remote_addr)
        raise NotLoggedIn("name or password is wrong")
    return account


def refuse_low_role(account: Account, role: Role) -> None:
    """:raises NotAllowed: when the account's role does not reach `role`."""
    if account.role < role:
        raise NotAllowed(f"{account.username} is {account.role.word}; this needs {role.word} or higher")


def refuse_cross_site(request: Request) -> None:
    """Let a change through only from our own pages, or from a program that is no browser.

    Browsers say where a request comes from in Sec-Fetch-Site (W3C Fetch Metadata), older ones in
    Origin (RFC 6454); a program sends neither.

    :raises CrossSite: when another site's page asks.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise CrossSite(f"this change was asked for by another site (Sec-Fetch-Site: {site[:20]})")
        return
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise CrossSite(f"this change was asked for by another site (Origin: {origin[:80]})")


def user_of_request() -> User | None:
    """Who is asking, for templates; None when nobody is logged in."""
    if "user" in g:
        user: User | None = g.user
        return user
    return current_user if current_user.is_authenticated else None
