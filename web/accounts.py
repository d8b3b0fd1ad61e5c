"""Accounts: who may log in, for admins; one's own password, for everybody."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import g, render_template
from flask_login import current_user, login_user
from pydantic import BaseModel

from errors import BadField, NoSuchItem, NotLoggedIn
from store.accounts import (
    PASSWORD_CHARACTERS_MIN,
    USERNAME_CHARACTERS_MAX,
    Account,
    Accounts,
    Role,
    RoleWord,
    check_password_rule,
)
from web.context import context
from web.guard import User, check_password, needs
from web.wish import Wish

MAY = {
    Role.VIEWER: "watch and look through the gallery",
    Role.OPERATOR: "aim, light, set the camera, shoot, record",
    Role.GUNNER: "arm and fire",
    Role.ADMIN: "everything, also accounts and the database",
}

blueprint = APIBlueprint("accounts", __name__, tag="Accounts")


class AccountOut(BaseModel):
    """Somebody who may log in; `created_at` is UTC, ISO 8601."""

    id: int
    username: str
    role: RoleWord
    created_at: str


class AccountsOut(BaseModel):
    """Everybody, by name."""

    items: list[AccountOut]


class NewAccountWish(Wish):
    """Somebody new."""

    username: str
    password: str
    role: RoleWord = "viewer"


class AccountWish(Wish):
    """What is to change; at least one of both. Another password ends that person's sessions."""

    role: RoleWord | None = None
    password: str | None = None


class PasswordWish(Wish):
    """One's own password: the one that counts now, and the next one."""

    current: str
    password: str


@blueprint.get("/accounts")
@blueprint.doc(hide=True)
@needs(Role.VIEWER)
def page() -> str:
    """One's own password; for admins also everybody's account."""
    everybody = _accounts().everybody() if g.account.role is Role.ADMIN else []
    return render_template(
        "accounts.html",
        items=[account_out(account) for account in everybody], me=g.account.id, is_admin=g.account.role is Role.ADMIN,
        roles={role.word: may for role, may in MAY.items()},
        password_min=PASSWORD_CHARACTERS_MIN, username_max=USERNAME_CHARACTERS_MAX,
    )  # fmt: skip


@blueprint.get("/api/accounts")
@needs(Role.ADMIN)
@blueprint.output(AccountsOut)
def accounts() -> AccountsOut:
    """Everybody who may log in."""
    return AccountsOut(items=[account_out(account) for account in _accounts().everybody()])


@blueprint.post("/api/accounts")
@needs(Role.ADMIN)
@blueprint.input(NewAccountWish, arg_name="wish")
@blueprint.output(AccountOut, status_code=201)
def add_account(wish: NewAccountWish) -> AccountOut:
    """Let somebody in."""
    return account_out(_accounts().add(wish.username, wish.password, Role.of(wish.role)))


@blueprint.patch("/api/accounts/<int:account_id>")
@needs(Role.ADMIN)
@blueprint.input(AccountWish, arg_name="wish")
@blueprint.output(AccountOut)
def change_account(account_id: int, wish: AccountWish) -> AccountOut:
    """Another role, another password, or both."""
    if wish.role is None and wish.password is None:
        raise BadField("role", "nothing is to change: role or password is needed")
    account = _existing(account_id)
    if wish.password is not None:
        check_password_rule(wish.password)  # before anything changes
    if wish.role is not None:
        account = _accounts().set_role(account.username, Role.of(wish.role))
    if wish.password is not None:
        account = _with_password(account, wish.password)
    return account_out(account)


@blueprint.delete("/api/accounts/<int:account_id>")
@needs(Role.ADMIN)
@blueprint.output(AccountOut)
def remove_account(account_id: int) -> AccountOut:
    """Let somebody in no more; what they made stays."""
    account = _accounts().remove(_existing(account_id).username)
    context().start_seeing()
    return account_out(account)


@blueprint.post("/api/password")
@needs(Role.VIEWER)
@blueprint.input(PasswordWish, arg_name="wish")
@blueprint.output(AccountOut)
def change_password(wish: PasswordWish) -> AccountOut:
    """Another password for whoever asks. Their other sessions end, this one goes on."""
    account: Account = g.account
    try:
        check_password(_accounts(), account.username, wish.current)
    except NotLoggedIn:
        raise BadField("current", "the password that you have now is another one; nothing was changed") from None
    return account_out(_with_password(account, wish.password))


def account_out(account: Account) -> AccountOut:
    """An account as it goes over the wire."""
    return AccountOut(id=account.id, username=account.username, role=account.role.word, created_at=account.created_at)


def _with_password(account: Account, password: str) -> Account:
    """Sessions are bound to the password: whoever changes their own gets a new one with the answer."""
    changed = _accounts().set_password(account.username, password)
    if current_user.is_authenticated and changed.id == g.account.id:
        login_user(User(changed))
    context().start_seeing()
    return changed


def _accounts() -> Accounts:
    return context().rig.accounts


def _existing(account_id: int) -> Account:
    account = _accounts().by_id(account_id)
    if account is None:
        raise NoSuchItem(f"there is no account {account_id}")
    return account
