"""The description of every route, at /openapi.json: what it takes, what it answers, and who may ask.

Models of JSON are described by themselves; this adds the rest (`openapi_routes.py`) and how errors look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from apiflask import APIFlask
from werkzeug.routing import Rule

from store.accounts import Role
from web.guard import requirement_of
from web.openapi_routes import JSON, TEXT, TOLD, Field, Told

Spec = dict[str, Any]

LEFT_OUT = frozenset({"HEAD", "OPTIONS"})
# `<name>`, `<int:name>` or `<int(max=9):name>`.
PATH_FIELD = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
TYPES = {"int": "integer", "float": "number"}
WORDS = {302: "go on there", 303: "go on there", 304: "not changed", 401: "nobody is logged in",
         503: "not there at the moment"}  # fmt: skip
ERROR_WORDS = "an error, said in words"
LOGINS: tuple[Spec, ...] = ({"basic": []}, {"session": []})
ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string", "description": "the kind of error"},
                "message": {"type": "string", "description": "what, which value, and the rule"},
                "field": {"type": "string", "nullable": True, "description": "the field that broke a rule"},
            },
        }
    },
}


def install(app: APIFlask) -> None:
    """Describe every route of `app`."""

    @app.spec_processor
    def complete(spec: Spec | str) -> Spec | str:
        return spec if isinstance(spec, str) else completed(spec, app)


def completed(spec: Spec, app: APIFlask) -> Spec:
    """`spec` with every route, its fields and its answers."""
    components = spec.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("ValidationError", "HTTPError"):  # APIFlask's; ours look otherwise
        schemas.pop(name, None)
    schemas["Error"] = ERROR
    components["securitySchemes"] = {
        "basic": {"type": "http", "scheme": "basic"},
        "session": {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]},
    }
    for rule in app.url_map.iter_rules():
        operations = spec["paths"].setdefault(path_of(rule), {})
        for method in (rule.methods or set()) - LEFT_OUT:
            _complete(operations.setdefault(method.lower(), {}), app, rule)
    spec["tags"] = [dict(pairs) for pairs in dict.fromkeys(tuple(tag.items()) for tag in spec.get("tags", []))]
    return spec


def path_of(rule: Rule) -> str:
    """The address as OpenAPI writes it: `/api/media/{media_id}`."""
    return PATH_FIELD.sub(r"{\2}", rule.rule)


def _complete(operation: Spec, app: APIFlask, rule: Rule) -> None:
    view, told = app.view_functions[rule.endpoint], TOLD.get(rule.endpoint)
    role = requirement_of(view)
    operation["summary"] = _first_paragraph(view.__doc__) or "A file of the page."
    operation.setdefault("operationId", f"{rule.endpoint.replace('.', '_')}")
    operation["description"] = "\n\n".join(filter(None, (operation.get("description", ""), _who(role))))
    operation["security"] = [*LOGINS] if role is not None else []
    operation["parameters"] = [*_path_fields(rule), *_query_fields(told)]
    if told is not None and told.body:
        operation["requestBody"] = {"content": {told.body_type: {"schema": _object(told.body)}}}
    operation["responses"] = _answers(operation.get("responses", {}), told, rule, role)


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").strip().partition("\n\n")[0].split())


def _who(role: Role | None) -> str:
    return "For everybody." if role is None else f"Needs the role {role.word}."


def _path_fields(rule: Rule) -> Iterator[Spec]:
    for converter, name in PATH_FIELD.findall(rule.rule):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": TYPES.get(converter, "string")}}


def _query_fields(told: Told | None) -> Iterator[Spec]:
    for found in told.query if told is not None else ():
        yield {
            "name": found.name, "in": "query", "required": found.is_needed, "description": found.text,
            "schema": {"type": found.type},
        }  # fmt: skip


def _object(fields: tuple[Field, ...]) -> Spec:
    found: Spec = {
        "type": "object",
        "properties": {field.name: {"type": field.type, "description": field.text} for field in fields},
    }
    needed = [field.name for field in fields if field.is_needed]
    return {**found, "required": needed} if needed else found


def _answers(known: Spec, told: Told | None, rule: Rule, role: Role | None) -> Spec:
    """What is known of success, and our errors in place of APIFlask's."""
    answers = {status: answer for status, answer in known.items() if status[0] in "23"}
    listed = (told or Told()).answers if not answers or (told is not None and told.answers) else {}
    if listed:
        answers = {str(status): _answer(status, types) for status, types in listed.items()}
    error_type = JSON if rule.rule.startswith("/api/") else TEXT
    schema = {"$ref": "#/components/schemas/Error"} if error_type == JSON else {"type": "string"}
    for status, text, is_so in (
        ("401", WORDS[401], role is not None),
        ("403", "the role does not reach, or another site asks", role is not None),
        ("default", ERROR_WORDS, True),
    ):
        if is_so:
            answers[status] = {"description": text, "content": {error_type: {"schema": schema}}}
    return answers


def _answer(status: int, types: tuple[str, ...]) -> Spec:
    words = WORDS.get(status, "success" if status < 400 else ERROR_WORDS)
    schema = {JSON: {"type": "object"}, TEXT: {"type": "string"}}
    content = {kind: {"schema": schema.get(kind, {"type": "string", "format": "binary"})} for kind in types}
    return {"description": words, "content": content} if content else {"description": words}
