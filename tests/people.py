"""Somebody with an account who commands the turret over HTTP."""

from __future__ import annotations

from fakes import basic


class Person:
    """A client that logs in as `name`; paths are below `/api/turret`."""

    def __init__(self, app, name: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": basic(name)}

    def ask(self, path: str, method: str = "POST", **wish: object):
        return self.client.open(f"/api/turret{path}", method=method, headers=self.headers, json=wish)

    def get(self, path: str = "", **headers: str):
        return self.client.get(f"/api/turret{path}", headers={**self.headers, **headers})

    def state(self) -> dict:
        return self.get().json
