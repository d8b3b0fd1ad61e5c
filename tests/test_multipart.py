"""The multipart reader against what cameras and phones really send."""

from __future__ import annotations

from itertools import pairwise

import pytest
from fake_http_camera import part
from fakes import jpeg_of
from hypothesis import given
from hypothesis import strategies as st

from camera.multipart import MultipartParser, scan_jpeg

JPEGS = [jpeg_of(shade) for shade in (10, 90, 170, 250)]
# A JPEG inside an APP1 segment, as cameras store their thumbnails: its EOI is not the picture's.
THUMBNAIL = b"\xff\xe1" + (len(JPEGS[0]) + 2).to_bytes(2, "big") + JPEGS[0]
WITH_THUMBNAIL = JPEGS[1][:2] + THUMBNAIL + JPEGS[1][2:]


def jpegs_of(stream: bytes, boundary: str | None = "frame", chunk_bytes: int = 1000) -> list[bytes]:
    """What a parser makes of a stream that arrives in chunks."""
    parser, found = MultipartParser(boundary), []
    for at in range(0, len(stream), chunk_bytes):
        found += [part.jpeg for part in parser.feed(stream[at : at + chunk_bytes], float(at))]
    return found


QUIRKS = {
    "plain": (b"".join(map(part, JPEGS)), "frame"),
    "without lengths": (b"".join(part(j, length=None) for j in JPEGS), "frame"),
    "dashes in the parameter": (b"".join(part(j, "frame") for j in JPEGS), "--frame"),
    "more dashes in the stream": (b"".join(part(j, "--frame") for j in JPEGS), "frame"),
    "no boundary named": (b"".join(part(j, "any thing") for j in JPEGS), None),
    "empty lines and text in front": (b"hello\r\n\r\n" + b"".join(map(part, JPEGS)), "frame"),
    "no line end behind the picture": (b"".join(part(j)[:-2] for j in JPEGS), "frame"),
    "length counts the line end": (b"".join(part(j, length=len(j) + 2) for j in JPEGS), "frame"),
    "line feeds only": (b"".join(part(j).replace(b"\r\n", b"\n", 4) for j in JPEGS if b"\r\n" not in j), "frame"),
    "zeros behind the picture": (b"".join(part(j + b"\0" * 7) for j in JPEGS), "frame"),
    "fields in any case": (b"".join(part(j).replace(b"Content-Length", b"content-LENGTH") for j in JPEGS), "frame"),
    "no type": (b"".join(part(j).replace(b"Content-Type: image/jpeg\r\n", b"") for j in JPEGS), "frame"),
}


@pytest.mark.parametrize("quirk", QUIRKS)
@pytest.mark.parametrize("chunk_bytes", [1, 7, 100000])
def test_every_picture_comes_out_whatever_the_quirk(quirk: str, chunk_bytes: int) -> None:
    stream, boundary = QUIRKS[quirk]
    assert [jpeg.rstrip(b"\0") for jpeg in jpegs_of(stream, boundary, chunk_bytes)] == JPEGS


@given(cuts=st.lists(st.integers(0, 4000), max_size=12), has_lengths=st.booleans())
def test_where_the_chunks_are_cut_does_not_matter(cuts: list[int], has_lengths: bool) -> None:
    stream = b"".join(part(j, length=-1 if has_lengths else None) for j in [*JPEGS, WITH_THUMBNAIL])
    parser, found, edges = MultipartParser("frame"), [], [0, *sorted(cuts), len(stream)]
    for start, end in pairwise(edges):
        found += [part.jpeg for part in parser.feed(stream[start:end], 0.0)]
    assert found == [*JPEGS, WITH_THUMBNAIL]


def test_a_picture_without_length_does_not_wait_for_the_next_boundary() -> None:
    parser = MultipartParser("frame")
    without_end = part(WITH_THUMBNAIL, length=None)[:-2]
    assert parser.feed(without_end, 5.0) == [(WITH_THUMBNAIL, 5.0)]


def test_a_part_is_as_old_as_its_first_bytes() -> None:
    parser, stream = MultipartParser("frame"), part(JPEGS[0])
    parser.feed(stream[:50], 1.0)
    assert parser.feed(stream[50:], 2.0) == [(JPEGS[0], 1.0)]


@pytest.mark.parametrize("length", [None, -1])
def test_a_truncated_picture_is_left_out_and_the_next_ones_are_not(length: int | None) -> None:
    cut = JPEGS[0][: len(JPEGS[0]) // 2]
    stream = part(cut, length=length) + b"".join(part(j, length=length) for j in JPEGS[1:])
    assert jpegs_of(stream) == JPEGS[1:]


@pytest.mark.parametrize("error", [-300, -1, +1, +20])
def test_a_camera_with_wrong_lengths_loses_few_pictures(error: int) -> None:
    stream = b"".join(part(j, length=len(j) + error) for j in JPEGS * 3)
    found = jpegs_of(stream)
    assert len(found) >= 10
    assert set(found) <= set(JPEGS)


def test_parts_that_are_no_pictures_are_left_out() -> None:
    sound = b"--frame\r\nContent-Type: audio/basic\r\nContent-Length: 5\r\n\r\nnoise\r\n"
    text = b"--frame\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    assert jpegs_of(sound + part(JPEGS[0]) + text + part(JPEGS[1], length=None)) == JPEGS[:2]


@pytest.mark.parametrize("boundary", ["frame", "--frame", None])
def test_the_closing_boundary_ends_the_stream(boundary: str | None) -> None:
    parser = MultipartParser(boundary)
    assert len(parser.feed(part(JPEGS[0]) + b"--frame--\r\n" + part(JPEGS[1]), 0.0)) == 1
    assert parser.has_ended


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (part(JPEGS[0], length=50_001), "50001 bytes"),
        (part(b"\xff\xd8" + bytes(60_000), length=None), "more than 50000 bytes"),
        (b"--frame\r\n" + b"X-Long: " + b"x" * 9000, "head of more than"),
    ],
)
def test_sizes_are_bounded(stream: bytes, message: str) -> None:
    parser = MultipartParser("frame", limit_bytes=50_000)
    with pytest.raises(ValueError, match=message):
        parser.feed(stream, 0.0)


def test_a_stream_without_any_boundary_is_not_kept() -> None:
    parser = MultipartParser("frame")
    for _ in range(100):
        assert parser.feed(b"x" * 10_000, 0.0) == []
    assert parser.feed(b"\r\n" + part(JPEGS[0]), 0.0) == [(JPEGS[0], 0.0)]


@given(st.binary(max_size=3000))
def test_noise_never_breaks_the_parser(noise: bytes) -> None:
    parser = MultipartParser("frame")
    parser.feed(part(JPEGS[0], length=None) + noise, 0.0)
    parser.feed(noise + part(JPEGS[1]), 0.0)


def test_the_scan_jumps_over_segments_and_stops_behind_the_end() -> None:
    data = WITH_THUMBNAIL + b"--frame"
    assert scan_jpeg(data, 2) == (True, len(WITH_THUMBNAIL))
