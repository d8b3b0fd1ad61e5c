"""/openapi.json tells the truth: every route is in it, with the fields that it reads and the answers that it gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any, ClassVar

import pytest
from fakes import basic
from flask import Request
from tunable_camera import TunableCamera
from werkzeug.datastructures import ImmutableMultiDict

from rig import Rig

LOGIN = {"Authorization": basic()}
LEFT_OUT = {"HEAD", "OPTIONS"}
PATHS = {"media_id": "1", "preset_id": "1", "width_px": "32", "height_px": "24", "filename": "css/base.css"}
NAMES = {"/gallery/panel/{name}": "timelapse", "/media/{name}": "bagel.jpg", "/media/{media_id}/{name}": "bagel.jpg"}
VALUES = {
    "fps": "5", "scale": "1/2", "quality": "50", "for": "img", "status": "true", "value": "0.5", "direction": "1",
    "action": "1", "ids": "1", "limit": "5", "since": "2026-01-01", "before": "2030-01-01", "from": "", "to": "",
    "filename": "bagel", "date": "2026-11-21T12:00", "kind": "", "item": "1", "page": "1", "sort": "", "next": "/",
}  # fmt: skip
FIELDS = {"item": "1", "filter": "gray", "what": "photo", "username": "admin", "password": "x", "next": "/",
          "label": "CTG", "isProcessing": True}  # fmt: skip


@pytest.fixture
def camera() -> TunableCamera:
    return TunableCamera()


# Refused before anything was read: an item that is not there, or is not of the kind.
NO_NEED_TO_READ = (404, 409)


class Fields(ImmutableMultiDict):
    """Fields of an address or a form that note which of them somebody wants to know."""

    read: ClassVar[set[str]] = set()

    def get(self, key: str, *more: Any, **named: Any) -> Any:
        self.read.add(key)
        return super().get(key, *more, **named)

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.read.add(str(key))
        return super().__contains__(key)


class Noted(Request):
    parameter_storage_class = Fields


@pytest.fixture
def spec(client) -> dict[str, Any]:
    return client.get("/openapi.json", headers=LOGIN).json


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, found in spec["paths"].items():
        for method, operation in found.items():
            yield path, method.upper(), operation


def names_in(operation: dict[str, Any], place: str) -> set[str]:
    return {field["name"] for field in operation["parameters"] if field["in"] == place}


def test_every_route_is_described_and_nothing_else(client, spec: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in client.application.url_map.iter_rules()
        for method in rule.methods - LEFT_OUT
    }
    assert {(path, method) for path, method, _ in operations(spec)} == routes


def test_every_operation_says_what_it_does_what_it_takes_and_what_it_answers(spec: dict[str, Any]) -> None:
    seen = set()
    for path, method, operation in operations(spec):
        where = f"{method} {path}"
        assert operation["summary"].strip().endswith((".", "?")), f"{where}: {operation['summary']!r}"
        assert names_in(operation, "path") == set(re.findall(r"{(\w+)}", path)), where
        assert all(field["schema"]["type"] for field in operation["parameters"]), where
        assert any(status[0] in "23" for status in operation["responses"]), where
        for status, answer in operation["responses"].items():
            assert answer.get("content") or status in ("204", "304"), f"{where}: {status} has no media type"
            for kind, content in answer.get("content", {}).items():
                assert content["schema"], f"{where}: {status} {kind} has no schema"
        seen.add(operation["operationId"])
    assert len(seen) == len(list(operations(spec))), "each has a name of its own"


def test_every_reference_leads_somewhere(spec: dict[str, Any]) -> None:
    wanted = set(re.findall(r"#/components/schemas/([\w.]+)", str(spec)))
    assert wanted <= set(spec["components"]["schemas"])
    assert "Error" in wanted


def test_who_may_ask_is_said(spec: dict[str, Any]) -> None:
    found = {(path, method): operation for path, method, operation in operations(spec)}
    assert found["/healthz", "GET"]["security"] == []
    assert "401" not in found["/healthz", "GET"]["responses"]
    shown = found["/api/camera", "PATCH"]
    assert shown["description"].endswith("Needs the role operator.")
    assert shown["security"] == [{"basic": []}, {"session": []}]
    assert {"200", "401", "403", "default"} == set(shown["responses"])


def test_answers_that_are_errors_and_fields_of_the_path_are_told_in_words_and_types(spec: dict[str, Any]) -> None:
    """The 503 of the picture and the 401 of the form were described as "none"."""
    assert spec["paths"]["/live.jpeg"]["get"]["responses"]["503"]["description"] == "not there at the moment"
    assert spec["paths"]["/login"]["post"]["responses"]["401"]["description"] == "nobody is logged in"
    sized = spec["paths"]["/live{width_px}x{height_px}.jpeg"]["get"]["parameters"]
    assert [(field["name"], field["schema"]["type"]) for field in sized if field["in"] == "path"] == [
        ("width_px", "integer"), ("height_px", "integer"),
    ]  # fmt: skip
    names = spec["paths"]["/media/{name}"]["get"]["parameters"]
    assert [field["schema"]["type"] for field in names if field["in"] == "path"] == ["string"]


def address_of(path: str, operation: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """An address one can ask, and its fields, all of them."""
    name = NAMES.get(path, "bagel")
    filled = re.sub(r"{(\w+)}", lambda found: PATHS.get(found[1], name), path)
    return filled, {field: VALUES.get(field, "1") for field in sorted(names_in(operation, "query"))}


def body_of(operation: dict[str, Any]) -> dict[str, Any]:
    """How a body as described is sent; nothing for models of JSON, which others test."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        fields = {name: FIELDS.get(name, 1) for name in content["schema"].get("properties", {})}
        return {"json": fields} if kind == "application/json" else {"data": fields}
    return {}


def is_described(operation: dict[str, Any], status: int, kind: str | None) -> bool:
    answer = operation["responses"].get(str(status))
    if answer is None:
        answer = operation["responses"]["default"] if status >= 400 else {}
    return answer != {} and (not answer.get("content") or {kind, "*/*"} & set(answer["content"]) != set())


def test_every_route_reads_what_is_described_and_answers_as_described(client, rig: Rig, spec: dict[str, Any]) -> None:
    client.application.request_class = Noted
    with rig.hub.watch():
        client.post("/api/photos", json={"name": "bagel"}, headers=LOGIN)
        ordered = sorted(
            operations(spec), key=lambda found: (found[1] != "GET", "/database/" in found[0], found[1] == "DELETE")
        )
        wrong = [fault for operation in ordered for fault in faults_of(client, *operation)]
    assert wrong == []


def faults_of(client, path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    """Where a route does not do what is said of it."""
    address, query = address_of(path, operation)
    Fields.read.clear()
    with closing(
        client.open(address, method=method, query_string=query, headers=LOGIN, buffered=False, **body_of(operation))
    ) as response:
        status, kind = response.status_code, response.mimetype
    if not is_described(operation, status, kind):
        yield f"{method} {path} answers {status} {kind}"
    content = operation.get("requestBody", {}).get("content", {})
    form = content.get("application/x-www-form-urlencoded", {"schema": {"properties": {}}})
    told = names_in(operation, "query") | set(form["schema"]["properties"])
    left_unread = set() if status in NO_NEED_TO_READ else told - Fields.read
    if Fields.read - told or left_unread:
        yield f"{method} {path} ({status}) reads {sorted(Fields.read)}, and {sorted(told)} is described"
