"""What the filters do to a picture, looked at pixel by pixel, with libturbojpeg and without."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from camera import filters, image
from camera.backend import Picture
from camera.filter_settings import FilterSettings, changed, packed, unpacked
from camera.filters import Filters
from camera.layers import Layers
from camera.room import Room
from camera.turbo import Turbo, open_turbo
from errors import BadField

SIZE = (320, 240)
# Of the four quarters, left to right and top to bottom, BGR.
RED, GREEN, BLUE, YELLOW = (0, 0, 200), (0, 180, 0), (220, 40, 0), (0, 200, 200)
NOON = datetime(2026, 11, 21, 12, 0, 0)


def quarters(size: tuple[int, int] = SIZE, subsampling: str = "420", quality: int = 95) -> bytes:
    """A picture of four colors."""
    width_px, height_px = size
    pixels = np.empty((height_px, width_px, 3), np.uint8)
    across, down = width_px // 2, height_px // 2
    pixels[:down, :across], pixels[:down, across:] = RED, GREEN
    pixels[down:, :across], pixels[down:, across:] = BLUE, YELLOW
    return simplejpeg.encode_jpeg(pixels, quality, "BGR", subsampling)


def landscape() -> bytes:
    """A smooth picture without symmetry."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(float)
    pixels = np.stack([x * 0.6, y * 0.8 + 20, 200 - x * 0.3 - y * 0.3], axis=2)
    return simplejpeg.encode_jpeg(pixels.astype(np.uint8), 95, "BGR", "420")


def corners(jpeg: bytes) -> list[tuple[int, int, int]]:
    """The color in the middle of each quarter."""
    pixels = image.decode(jpeg)
    height_px, width_px = pixels.shape[:2]
    places = [(y, x) for y in (height_px // 4, height_px * 3 // 4) for x in (width_px // 4, width_px * 3 // 4)]
    return [nearest(pixels[place]) for place in places]


def nearest(pixel: np.ndarray) -> tuple[int, int, int]:
    """The color of ours that a pixel has."""
    found = min((RED, GREEN, BLUE, YELLOW), key=lambda color: np.abs(pixel.astype(int) - color).sum())
    assert np.abs(pixel.astype(int) - found).max() < 12
    return found


@pytest.fixture(params=["with libturbojpeg", "without"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Filters]:
    """Filters with these settings; the machine has libturbojpeg or not."""
    if request.param == "without":
        monkeypatch.setattr(filters, "open_turbo", lambda: None)
    elif open_turbo() is None:
        pytest.skip("needs libturbojpeg0")

    def made(**wanted: object) -> Filters:
        return Filters(changed(FilterSettings(), wanted), 95, now=lambda: NOON)

    return made


def through(made: Filters, jpeg: bytes) -> Picture:
    picture = made.apply(Picture(jpeg, 7.0, *image.size_of(jpeg)))
    assert picture is not None
    assert picture.captured_at == 7.0
    assert image.size_of(picture.jpeg) == (picture.width_px, picture.height_px)
    return picture


def test_without_a_filter_the_very_same_bytes_go_on(make: Callable[..., Filters]) -> None:
    made, picture = make(), Picture(b"not even a JPEG", 1.0, 4, 3)
    assert not made.is_on
    assert made.apply(picture) is picture


@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "Gray"])
def test_gray_has_no_chroma_and_the_same_brightness(make: Callable[..., Filters], subsampling: str) -> None:
    jpeg = quarters() if subsampling != "Gray" else gray_jpeg()
    if subsampling not in ("420", "Gray"):
        jpeg = quarters(subsampling=subsampling)
    found = through(make(grayscale=True), jpeg)
    assert simplejpeg.decode_jpeg_header(found.jpeg)[2:] == ("Gray", "Gray")
    before, after = simplejpeg.decode_jpeg(jpeg, "GRAY"), simplejpeg.decode_jpeg(found.jpeg, "GRAY")
    assert np.abs(before.astype(int) - after).max() <= 6
    assert (found.width_px, found.height_px) == SIZE


def gray_jpeg() -> bytes:
    pixels = np.tile(np.arange(SIZE[0], dtype=np.uint8), (SIZE[1], 1))
    return simplejpeg.encode_jpeg(pixels[:, :, None], 95, "GRAY", "Gray")


def test_gray_alone_changes_not_one_bit_of_the_brightness() -> None:
    if open_turbo() is None:
        pytest.skip("needs libturbojpeg0")
    jpeg = landscape()
    found = through(Filters(FilterSettings(grayscale=True), 10), jpeg).jpeg
    assert (simplejpeg.decode_jpeg(jpeg, "GRAY") == simplejpeg.decode_jpeg(found, "GRAY")).all()
    assert len(found) < len(jpeg)


@pytest.mark.parametrize("size", [(320, 240), (1280, 720), (322, 242), (321, 241), (683, 385)])
@pytest.mark.parametrize("gray", [False, True])
def test_half_is_half(make: Callable[..., Filters], size: tuple[int, int], gray: bool) -> None:
    found = through(make(half_resolution=True, grayscale=gray), quarters(size))
    assert (found.width_px, found.height_px) == ((size[0] + 1) // 2, (size[1] + 1) // 2)
    if not gray:
        assert corners(found.jpeg) == [RED, GREEN, BLUE, YELLOW]


@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440"])
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"flip_horizontal": True}, [GREEN, RED, YELLOW, BLUE]),
        ({"flip_vertical": True}, [BLUE, YELLOW, RED, GREEN]),
        ({"flip_horizontal": True, "flip_vertical": True}, [YELLOW, BLUE, GREEN, RED]),
        ({"rotation": 90}, [BLUE, RED, YELLOW, GREEN]),
        ({"rotation": 180}, [YELLOW, BLUE, GREEN, RED]),
        ({"rotation": 270}, [GREEN, YELLOW, RED, BLUE]),
        ({"rotation": 180, "flip_horizontal": True}, [BLUE, YELLOW, RED, GREEN]),
        ({"rotation": 90, "flip_horizontal": True}, [YELLOW, GREEN, BLUE, RED]),
    ],
)
def test_flips_flip_and_turns_turn(
    make: Callable[..., Filters], wanted: dict, expected: list, subsampling: str
) -> None:
    found = through(make(**wanted), quarters(subsampling=subsampling))
    assert corners(found.jpeg) == expected
    is_upright = wanted.get("rotation", 0) in (0, 180)
    assert (found.width_px, found.height_px) == (SIZE if is_upright else SIZE[::-1])


def test_a_half_turn_and_both_flips_are_nothing_at_all(make: Callable[..., Filters]) -> None:
    assert not make(rotation=180, flip_horizontal=True, flip_vertical=True).is_on


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(
    ("place", "expected"), [((0, 0), RED), ((1, 0), GREEN), ((0, 1), BLUE), ((1, 1), YELLOW), ((0.25, 0.75), BLUE)]
)
def test_zoom_shows_the_part_around_its_middle(
    make: Callable[..., Filters], place: tuple[float, float], expected: tuple, half: bool
) -> None:
    found = through(make(zoom=2, zoom_x=place[0], zoom_y=place[1], half_resolution=half), quarters())
    assert corners(found.jpeg) == [expected] * 4
    assert (found.width_px, found.height_px) == ((160, 120) if half else SIZE)


def test_zoom_in_the_middle_keeps_the_middle(make: Callable[..., Filters]) -> None:
    assert corners(through(make(zoom=4), quarters()).jpeg) == [RED, GREEN, BLUE, YELLOW]


@given(
    st.builds(
        dict, flip_horizontal=st.booleans(), flip_vertical=st.booleans(), rotation=st.sampled_from([0, 90, 180, 270]),
        zoom=st.sampled_from([1, 1.5, 2, 4]), zoom_x=st.floats(0, 1), zoom_y=st.floats(0, 1),
        half_resolution=st.booleans(), grayscale=st.booleans(),
    ),
    st.booleans(),
)  # fmt: skip
@hypothesis_settings(max_examples=60, deadline=None)
def test_any_combination_is_what_arithmetic_says(wanted: dict, has_turbo: bool) -> None:
    made = Filters(changed(FilterSettings(), wanted), 95)
    if not has_turbo:
        made._turbo = None
    jpeg = landscape()
    expected = image.decode(jpeg).astype(float)
    if wanted["flip_horizontal"]:
        expected = expected[:, ::-1]
    if wanted["flip_vertical"]:
        expected = expected[::-1]
    expected = np.rot90(expected, -wanted["rotation"] // 90)
    height_px, width_px = expected.shape[:2]
    found = image.decode(through(made, jpeg).jpeg)
    zoom, x, y = made.settings.zoom, made.settings.zoom_x, made.settings.zoom_y

    def seen(length_px: int, count: int, middle: float) -> np.ndarray:
        """Which of the original's rows or columns each of ours shows."""
        at = (middle - 0.5 / zoom + (np.arange(count) + 0.5) / count / zoom) * length_px
        return np.clip(at, 0, length_px - 1).astype(int)

    expected = expected[seen(height_px, found.shape[0], y)][:, seen(width_px, found.shape[1], x)]
    if wanted["grayscale"]:
        expected = (expected @ [0.114, 0.587, 0.299])[:, :, None]
    assert np.abs(found - expected).mean() < 3


def test_time_and_name_are_burnt_into_the_corner_and_change_with_the_clock(make: Callable[..., Filters]) -> None:
    jpeg = quarters((640, 480))
    plain = image.decode(through(make(flip_horizontal=True, flip_vertical=True), jpeg).jpeg).astype(int)
    made = make(flip_horizontal=True, flip_vertical=True, timestamp=True, label="Küche")
    written = image.decode(through(made, jpeg).jpeg).astype(int)
    assert np.abs(written - plain)[40:].max() < 12, "the rest of the picture is as it was"
    strip = written[:24, :200]
    assert strip.min() < 110
    assert strip.max() > 200
    letters = strip[strip.min(axis=2) > 200]
    assert np.ptp(letters, axis=1).max() < 60, "letters are white"
    before = through(made, jpeg).jpeg
    made._now = lambda: datetime(2026, 11, 21, 12, 0, 1)
    assert through(made, jpeg).jpeg != before


def test_words_larger_than_the_picture_are_cut_off(make: Callable[..., Filters]) -> None:
    assert through(make(label="W" * 60, timestamp=True), quarters((64, 64))).width_px == 64


@pytest.mark.parametrize("tint", [(60, 120, 180), (200, 100, 100), (10, 10, 10)])
def test_white_balance_makes_the_mean_gray(make: Callable[..., Filters], tint: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(1).integers(-8, 8, (240, 320, 1))
    jpeg = image.encode(np.clip(np.array(tint) + noise, 0, 255).astype(np.uint8), 95)
    means = image.decode(through(make(white_balance_correction=True), jpeg).jpeg).mean(axis=(0, 1))
    assert np.ptp(means) < 4
    assert means.mean() == pytest.approx(np.mean(tint), abs=4)


def test_white_balance_does_not_jump_with_the_scene(make: Callable[..., Filters]) -> None:
    made = make(white_balance_correction=True)
    gray, warm = (
        image.encode(np.full((240, 320, 3), tint, np.uint8), 95) for tint in ((120, 120, 120), (60, 120, 180))
    )
    through(made, gray)
    first = image.decode(through(made, warm).jpeg).mean(axis=(0, 1))
    assert np.ptp(first) > 80
    for _ in range(60):
        last = through(made, warm).jpeg
    assert np.ptp(image.decode(last).mean(axis=(0, 1))) < 6


def test_edges_are_white_lines_on_black_where_colors_meet(make: Callable[..., Filters]) -> None:
    found = through(make(edges=True), quarters())
    assert simplejpeg.decode_jpeg_header(found.jpeg)[2] == "Gray"
    pixels = image.decode(found.jpeg)[:, :, 0]
    assert pixels[60, 80] < 10
    assert pixels[60, 155:165].max() > 180
    assert pixels[115:125, 240].max() > 180


@pytest.mark.parametrize(
    ("wanted", "broken", "left"),
    [
        ({"edges": True, "flip_horizontal": True}, "draw_edges", {"flip_horizontal": True}),
        ({"rotation": 90, "timestamp": True}, "turn", {"timestamp": True}),
        ({"zoom": 2, "flip_vertical": True}, "zoom", {"flip_vertical": True}),
        ({"flip_horizontal": True, "rotation": 180, "zoom": 2}, "flip", {"zoom": 2.0}),
    ],
)
def test_a_filter_that_fails_is_switched_off_and_said_and_the_picture_comes(
    make: Callable[..., Filters], monkeypatch: pytest.MonkeyPatch, wanted: dict, broken: str, left: dict
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError("out of glue")

    monkeypatch.setattr(Layers, broken, fail)
    made, messages = make(**wanted), []
    made.on_fault = messages.append
    through(made, quarters())
    assert made.settings == changed(FilterSettings(), left)
    assert len(messages) == 1
    assert messages[0].endswith("switched off: out of glue")
    through(made, quarters())
    assert len(messages) == 1


def test_a_filter_that_fails_undoes_nothing_that_somebody_changes_at_that_moment(
    make: Callable[..., Filters], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(layers: Layers) -> None:
        made.set(FilterSettings(label="Garden"))
        raise RuntimeError("out of glue")

    monkeypatch.setattr(Layers, "draw_edges", fail)
    made, messages = make(edges=True), []
    made.on_fault = messages.append
    through(made, quarters())
    assert (made.settings, messages) == (FilterSettings(label="Garden"), [])


def test_pictures_that_cannot_be_read_are_left_out_and_in_the_end_shown_as_they_are(
    make: Callable[..., Filters],
) -> None:
    made, messages = make(flip_horizontal=True), []
    made.on_fault = messages.append
    torn = Picture(b"\xff\xd8 no picture \xff\xd9", 1.0, *SIZE)
    for _ in range(3):
        assert made.apply(torn) is None
    through(made, quarters())
    for _ in range(filters.UNREADABLE_MAX + 1):
        assert made.apply(torn) is None
    assert len(messages) == 1
    assert "all filters were switched off: pictures cannot be read" in messages[0]
    assert made.apply(torn) is torn


def test_a_fault_in_encoding_gives_the_picture_as_it_is(
    make: Callable[..., Filters], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> bytes:
        raise MemoryError("no room")

    monkeypatch.setattr(Layers, "encoded", fail)
    made, messages = make(flip_horizontal=True), []
    made.on_fault = messages.append
    picture = Picture(quarters(), 1.0, *SIZE)
    assert made.apply(picture) is picture
    assert messages == ["all filters were switched off: no room"]
    assert not made.is_on


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"zoom": 0}, "zoom 0 is outside 1..4"),
        ({"zoom": float("nan")}, "zoom nan is no number in 1..4"),
        ({"zoom": float("inf")}, "zoom inf is no number in 1..4"),
        ({"zoom": 4.1}, "zoom 4.1 is outside 1..4"),
        ({"zoom": "2"}, "zoom '2' is no number in 1..4"),
        ({"zoom": True}, "zoom True is no number in 1..4"),
        ({"zoom_x": -0.1}, "zoom_x -0.1 is outside 0..1"),
        ({"rotation": 45}, "rotation 45 is not one of 0, 90, 180, 270"),
        ({"rotation": "90"}, "rotation '90' is not one of 0, 90, 180, 270"),
        ({"rotation": True}, "rotation True is not one of 0, 90, 180, 270"),
        ({"rotation": []}, "rotation [] is not one of 0, 90, 180, 270"),
        ({"grayscale": 1}, "grayscale 1 is neither true nor false"),
        ({"edges": None}, "edges None is neither true nor false"),
        ({"label": "x" * 61}, "label 'xxx"),
        ({"label": "a\nb"}, "label 'a\\nb' is no line of up to 60 letters"),
        ({"label": 7}, "label 7 is no line of up to 60 letters"),
    ],
)
def test_nonsense_is_refused_at_the_door(values: dict, message: str) -> None:
    with pytest.raises(BadField) as caught:
        changed(FilterSettings(), values)
    assert str(caught.value).startswith(message)
    assert caught.value.field in values


def test_the_middle_of_a_zoom_stays_within_the_picture() -> None:
    found = changed(FilterSettings(), {"zoom": 2, "zoom_x": 0, "zoom_y": 1})
    assert (found.zoom_x, found.zoom_y) == (0.25, 0.75)
    assert changed(found, {"zoom": 1}).zoom_x == 0.5


def test_only_what_was_changed_is_kept() -> None:
    defaults = FilterSettings(flip_horizontal=True)
    wanted = changed(defaults, {"flip_horizontal": False, "zoom": 2})
    assert unpacked(packed(wanted, defaults), defaults) == wanted
    assert packed(defaults, defaults) == "{}"
    assert unpacked(None, defaults) == defaults
    for nonsense in ("", "[]", '{"zoom": 0}', '{"rotation": "x"}'):
        assert unpacked(nonsense, defaults) == defaults
    assert unpacked('{"unheard_of": 1, "zoom": 2}', defaults).zoom == 2


def test_libturbojpeg_says_what_is_no_picture() -> None:
    if open_turbo() is None:
        pytest.skip("needs libturbojpeg0")
    turbo = Turbo()
    for nonsense in (b"", b"\xff\xd8\xff\xe0", b"hello"):
        with pytest.raises(ValueError, match="no JPEG"):
            turbo.gray(nonsense)
    with pytest.raises(ValueError, match="no JPEG"):
        turbo.planes(b"hello", Room(), half=False)
    damaged = bytearray(landscape())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 40] = bytes(40)
    assert image.size_of(turbo.gray(bytes(damaged))) == SIZE
