"""The player's stream parser, run by the browser it is made for: any chunking gives the same parts."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from live_page import address_of
from playwright.sync_api import Error, Page

BOUNDARY = "frame"
BODY = bytes(range(256)) + b"\r\n--fram\r\n--" + b"\r\n\r\n" + b"\xff\xd8\r\n--frameless?"
PARSE = """async ([module, boundary, chunks]) => {
  const { MultipartParser } = await import(module);
  const parts = [];
  const parser = new MultipartParser(boundary, (part) => {
    const bytes = new Uint8Array(part.sizeBytes);
    let at = 0;
    for (const chunk of part.chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    parts.push([part.headers, [...bytes]]);
  });
  for (const chunk of chunks) parser.push(Uint8Array.from(chunk));
  return { parts, isEnded: parser.isEnded };
}"""


@pytest.fixture
def parse(origin: Page) -> Callable[..., dict[str, Any]]:
    """Feed chunks to the parser; bodies come back as bytes."""

    def parse(chunks: list[bytes], boundary: str = BOUNDARY) -> dict[str, Any]:
        data = [list(chunk) for chunk in chunks]
        found: dict[str, Any] = origin.evaluate(PARSE, [address_of(origin, "multipart"), boundary, data])
        found["parts"] = [(headers, bytes(body)) for headers, body in found["parts"]]
        return found

    return parse


def counted(body: bytes, number: int = 1) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n"
    return f"{head}X-Frame-Number: {number}\r\n\r\n".encode() + body + b"\r\n"


def uncounted(body: bytes) -> bytes:
    return b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + body + b"\r\n"


def cut(data: bytes, *places: int) -> list[bytes]:
    """The data in pieces, cut at these places."""
    edges = [0, *sorted(places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


# What comes after the parser: two parts and the head of a third, whose bytes may still be on their way.
COUNTED = counted(BODY, 1) + counted(b"", 2) + b"--frame\r\n"
UNCOUNTED = uncounted(BODY) + uncounted(b"") + b"--frame\r\n"


def bodies(found: dict[str, Any]) -> list[bytes]:
    return [body for _, body in found["parts"]]


@pytest.mark.parametrize("stream", [COUNTED, UNCOUNTED], ids=["with Content-Length", "without"])
class TestAnyChunking:
    """The same parts come out wherever the network cuts the stream."""

    def test_whole(self, parse, stream):
        assert bodies(parse([stream])) == [BODY, b""]

    def test_byte_by_byte(self, parse, stream):
        assert bodies(parse([bytes([byte]) for byte in stream])) == [BODY, b""]

    def test_cut_once_at_every_place(self, origin, stream):
        code = """async ([module, stream]) => {
          const { MultipartParser } = await import(module);
          const bytes = Uint8Array.from(stream);
          const seen = new Set();
          for (let at = 0; at <= bytes.length; at += 1) {
            const sizes = [];
            const parser = new MultipartParser("frame", (part) => sizes.push(part.sizeBytes));
            parser.push(bytes.subarray(0, at));
            parser.push(bytes.subarray(at));
            seen.add(sizes.join());
          }
          return [...seen];
        }"""
        assert origin.evaluate(code, [address_of(origin, "multipart"), list(stream)]) == [f"{len(BODY)},0"]

    def test_cut_at_random(self, parse, stream):
        chance = random.Random(7)
        for _ in range(40):
            places = [chance.randrange(len(stream)) for _ in range(chance.randrange(1, 12))]
            assert bodies(parse(cut(stream, *places))) == [BODY, b""], places

    def test_empty_chunks_in_between(self, parse, stream):
        assert bodies(parse([b"", stream[:50], b"", b"", stream[50:], b""])) == [BODY, b""]


def test_headers_come_by_lower_case_name(parse):
    (headers, _), *_ = parse([counted(b"x", 41)])["parts"]
    assert headers == {"content-type": "image/jpeg", "content-length": "1", "x-frame-number": "41"}


def test_part_is_complete_with_its_last_byte_not_with_the_next_boundary(parse):
    assert bodies(parse([counted(BODY)[:-2]])) == [BODY]
    assert bodies(parse([counted(BODY)[:-3]])) == []


def test_what_stands_before_the_first_boundary_is_skipped(parse):
    assert bodies(parse([b"preamble\r\n\r\n--fra\r\n", counted(b"picture")])) == [b"picture"]


def test_lines_may_end_in_a_bare_line_feed(parse):
    stream = b"--frame\nContent-Length: 3\n\nabc\n--frame\nContent-Length: 2\n\nde\n"
    assert bodies(parse([stream])) == [b"abc", b"de"]


def test_closing_boundary_ends_the_stream(parse):
    found = parse([counted(b"last") + b"--frame--\r\n" + counted(b"beyond")])
    assert (bodies(found), found["isEnded"]) == ([b"last"], True)


def test_large_part_is_handed_over_in_views_without_a_copy(origin):
    code = """async (module) => {
      const { MultipartParser } = await import(module);
      const head = new TextEncoder().encode("--frame\\r\\nContent-Length: 200000\\r\\n\\r\\n");
      const chunks = [head, ...Array.from({ length: 4 }, (_, index) => new Uint8Array(50000).fill(index))];
      let part = null;
      const parser = new MultipartParser("frame", (found) => (part = found));
      for (const chunk of chunks) parser.push(chunk);
      return [part.sizeBytes, part.chunks.every((chunk, index) => chunk.buffer === chunks[index + 1].buffer)];
    }"""
    assert origin.evaluate(code, address_of(origin, "multipart")) == [200_000, True]


@pytest.mark.parametrize(
    "stream",
    [
        b"--frame\r\nContent-Length: -1\r\n\r\n",
        b"--frame\r\nContent-Length: 3 apples\r\n\r\n",
        b"--frame\r\nContent-Length: 99999999999\r\n\r\n",
        b"--frame\r\nX: " + b"x" * 20_000,
    ],
    ids=["negative", "no number", "too large", "endless head"],
)
def test_nonsense_is_refused(parse, stream):
    with pytest.raises(Error, match="RangeError"):
        parse([stream])


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/x-mixed-replace; boundary=frame", "frame"),
        ('multipart/x-mixed-replace;boundary="a b"', "a b"),
        ("Multipart/X-Mixed-Replace; charset=x; Boundary=--cam", "cam"),
        ("image/jpeg", None),
        ("multipart/x-mixed-replace", None),
        (None, None),
    ],
)
def test_boundary_of_a_content_type(call, content_type, boundary):
    assert call("multipart", "boundaryOf", content_type) == boundary
