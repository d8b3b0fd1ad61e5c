"""The command `accounts`: who may log in. Works beside the running program, which goes by it at once.

A password is asked for on the terminal, or is one line of standard input. It is never an argument: everybody on the
machine can read those.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from dataclasses import dataclass

from errors import BadField, NoSuchItem
from store.accounts import Account, Accounts, Role, check_password_rule, check_username

ROLES = {role.word: role for role in Role}


def parser(prog: str, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """What comes after `accounts`.

    :param common: options that every command of `prog` takes.
    """
    made = argparse.ArgumentParser(
        prog=f"{prog} accounts", description=__doc__, parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = made.add_subparsers(dest="action", metavar="{list,add,password,role,remove}", title="commands")
    actions.add_parser("list", help="everybody, and what they may do (the default)")
    add = actions.add_parser("add", help="somebody new; asks for their password")
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, default="viewer", help="what they may do (default: viewer)")
    password = actions.add_parser("password", help="another password; whoever is logged in by the old one is out")
    password.add_argument("name")
    role = actions.add_parser("role", help="let somebody do more or less, from now on")
    role.add_argument("name")
    role.add_argument("role", choices=ROLES)
    remove = actions.add_parser("remove", help="somebody may not come in any more; what they made stays")
    remove.add_argument("name")
    return made


@dataclass(frozen=True)
class People:
    """The commands.

    :ivar is_json: print JSON instead of text for people.
    """

    accounts: Accounts
    is_json: bool

    def run(self, options: argparse.Namespace) -> None:
        """Do what the options say, and say what was done.

        :raises NoSuchItem: when there is nobody of that name.
        :raises NameTaken: when somebody has it already.
        :raises LastAdmin: when nobody would be left who may do everything.
        :raises BadField: when name or password break their rules.
        """
        match options.action:
            case "add":
                account = self._add(options.name, ROLES[options.role])
                self._say(_facts_of(account), f"added: {account.username}, {options.role}")
            case "password":
                account = self._change_password(options.name)
                self._say(_facts_of(account), f"{account.username} has a new password, and has to log in with it")
            case "role":
                account = self.accounts.set_role(options.name, ROLES[options.role])
                self._say(_facts_of(account), f"{account.username} is {options.role} now")
            case "remove":
                account = self.accounts.remove(options.name)
                self._say({"removed": account.username}, f"removed: {account.username}")
            case _:
                self._list()

    def _list(self) -> None:
        everybody = self.accounts.everybody()
        facts: dict[str, object] = {"items": [_facts_of(account) for account in everybody]}
        width = max((len(account.username) for account in everybody), default=0)
        lines = [
            f"{account.username:{width}}  {_role_of(account):8}  since {account.created_at[:10]}"
            for account in everybody
        ]
        self._say(facts, "\n".join(lines) or "there is no account; the next start of the program makes one")

    def _add(self, name: str, role: Role) -> Account:
        check_username(name)
        if role is not Role.ADMIN and not any(one.role is Role.ADMIN for one in self.accounts.everybody()):
            raise BadField("role", "the first account must be that of an admin: --role admin")
        return self.accounts.add(name, _asked_password(name), role)

    def _change_password(self, name: str) -> Account:
        if self.accounts.by_name(name) is None:
            raise NoSuchItem(f"there is no account named {name!r}; `accounts list` shows all")
        return self.accounts.set_password(name, _asked_password(name))

    def _say(self, facts: dict[str, object], text: str) -> None:
        print(json.dumps(facts, indent=1) if self.is_json else text, flush=True)


def _asked_password(name: str) -> str:
    """The password that somebody types twice, or that a program writes on one line.

    :raises BadField: when it breaks the rule, or the two are not the same.
    """
    if not sys.stdin.isatty():
        return _checked(_line_of_input())
    try:
        password = _checked(getpass.getpass(f"Password for {name}: "))
        if getpass.getpass("The same again: ") != password:
            raise BadField("password", "the two passwords are not the same; nothing was changed")
    except EOFError:
        raise BadField("password", "no password was typed; nothing was changed") from None
    return password


def _line_of_input() -> str:
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadField("password", "the password on standard input is not UTF-8") from None


def _checked(password: str) -> str:
    check_password_rule(password)
    return password


def _role_of(account: Account) -> str:
    return account.role.word


def _facts_of(account: Account) -> dict[str, object]:
    return {
        "id": account.id,
        "username": account.username,
        "role": _role_of(account),
        "created_at": account.created_at,
    }
