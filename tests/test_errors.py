"""Every error has its status, in one table; every answer fits whoever asks."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from fakes import basic

import errors
from errors import BadField, TooManyViewers, TurretError
from web.errors import STATUS_OF, status_of
from web.guard import public
from web.headers import static_path, without_comments

LOGIN = {"Authorization": basic()}


def leaves(kind: type[TurretError] = TurretError) -> list[type[TurretError]]:
    below = kind.__subclasses__()
    return [leaf for sub in below for leaf in leaves(sub)] if below else [kind]


@pytest.mark.parametrize("kind", leaves(), ids=lambda kind: kind.__name__)
def test_every_leaf_of_the_tree_has_a_status_of_its_own(kind: type[TurretError]) -> None:
    assert kind in STATUS_OF


@pytest.mark.parametrize("kind", leaves(), ids=lambda kind: kind.__name__)
def test_every_leaf_is_drawn_in_the_tree(kind: type[TurretError]) -> None:
    assert kind.__name__ in errors.__doc__


@pytest.fixture
def fail(client):
    """Adds a route that raises."""

    def add(path: str, error: Exception) -> None:
        @public
        def view() -> str:
            raise error

        client.application.add_url_rule(path, path, view)

    return add


def test_api_errors_are_json_with_code_message_and_field(client, fail) -> None:
    fail("/api/x", BadField("fps", "fps 7 is outside 0..5"))
    answer = client.get("/api/x")
    assert answer.status_code == 400
    assert answer.json == {"error": {"code": "BadField", "message": "fps 7 is outside 0..5", "field": "fps"}}


def test_pages_get_a_page_and_streams_a_sentence(client, fail) -> None:
    fail("/x", TooManyViewers("all 2 places are taken", 7))
    page = client.get("/x", headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype, page.headers["Retry-After"]) == (503, "text/html", "7")
    assert b"all 2 places are taken" in page.data.lower()
    assert client.get("/x").data == b"all 2 places are taken\n"


def test_a_bug_says_nothing_of_itself_to_the_client_but_all_to_the_log(client, fail, caplog) -> None:
    fail("/api/bug", ZeroDivisionError("secret detail"))
    answer = client.get("/api/bug")
    assert answer.status_code == 500
    assert b"secret" not in answer.data
    assert "secret detail" in caplog.text


def test_unknown_address_and_wrong_method(client) -> None:
    assert client.get("/api/nothing").json["error"]["code"] == "NotFound"
    answer = client.post("/healthz")
    assert (answer.status_code, "GET" in answer.headers["Allow"]) == (405, True)


def test_text_in_an_error_page_is_escaped(client, fail) -> None:
    fail("/x", BadField("a", "<script>alert(1)</script>"))
    assert b"<script>alert" not in client.get("/x", headers={"Accept": "text/html"}).data


def test_status_of_a_kind_without_an_entry_is_a_bug() -> None:
    assert status_of(TurretError("x")) == 500


def test_every_answer_carries_the_security_headers(client) -> None:
    for path in ("/healthz", "/login", "/", "/api/nothing"):
        assert client.get(path).headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/login", "/nowhere"):
        headers = client.get(path, headers={"Accept": "text/html"}).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_static_files_may_be_kept_for_good_because_their_address_changes_with_them(client, tmp_path) -> None:
    page = client.get("/login").text
    address = re.search(r'href="(/static/[0-9a-f]{12}/css/base\.css)"', page)[1]
    with client.get(address) as answer:
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
    (tmp_path / "a.css").write_text("a")
    first = static_path(tmp_path)
    (tmp_path / "a.css").write_text("b")
    assert static_path(tmp_path) != first


def test_comments_of_scripts_and_styles_stay_here_and_lines_keep_their_numbers(client) -> None:
    source = b"""/** What it is
 * for. */
const a = 1; // stays
  // goes
  const b = `${a} /* stays */`;
/* goes */
"""
    sent = without_comments(source)
    assert sent == b"\n\nconst a = 1; // stays\n\nconst b = `${a} /* stays */`;\n\n"
    address = re.search(r'href="(/static/[0-9a-f]{12}/)css/base\.css"', client.get("/login").text)[1]
    with client.get(f"{address}js/words.js", headers={"Accept-Encoding": "gzip"}) as answer:
        script = gzip.decompress(answer.data).decode()
    kept = (Path(__file__).parents[1] / "static/js/words.js").read_text(encoding="utf-8")
    assert "/**" in kept and "/**" not in script
    assert script.count("\n") == kept.count("\n")
    assert "ETag" not in answer.headers


def test_no_text_in_our_scripts_goes_over_several_lines() -> None:
    """Their indents are not sent."""
    for path in (Path(__file__).parents[1] / "static/js").glob("*.js"):
        texts = re.findall(
            r"`[^`]*`", re.sub(r"/\*.*?\*/|^\s*//.*$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        )
        assert [text for text in texts if "\n" in text] == [], path


def test_favicon_is_there_under_its_old_name(client) -> None:
    with client.get("/favicon.ico") as answer:
        assert (answer.status_code, answer.data[:4]) == (200, b"\x00\x00\x01\x00")


def test_text_is_compressed_for_those_who_take_it(client) -> None:
    plain = client.get("/login", headers={"Accept-Encoding": "identity"})
    packed = client.get("/login", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
    assert gzip.decompress(packed.data) == plain.data
