"""The program in the test's own process, as pages see it that care for its library and its picture: there at once."""

from __future__ import annotations

from typing import Any

from fakes import PASSWORD
from turret import asked

from app import Site
from store.accounts import Role


class Inside:
    """A running site that can be used like a `Turret` by everybody who does not kill it.

    :ivar site: with its rig, to look into.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.port: int = site.port
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = site.rig.settings.server.media_dir

    def ask(self, path: str, body: object = None, username: str = "admin", method: str | None = None) -> dict[str, Any]:
        """What the API answers to another client; with a `body` it is a POST."""
        return asked(self.url + path, body, username, method)

    def status(self) -> dict[str, Any]:
        """What /api/status says now."""
        return self.ask("/api/status")

    def add_account(self, username: str, role: Role) -> None:
        """One more person, with the same password."""
        self.site.rig.accounts.add(username, PASSWORD, role)
