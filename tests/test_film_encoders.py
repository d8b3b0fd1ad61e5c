"""Which encoder makes a film: the board's own where there is one that works, else x264."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from clips import boxes_of, film_pictures, write_clip
from fakes import jpeg_of

from camera import converter
from camera.converter import convert, preset_of
from settings import RecordingSettings

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: sudo apt install gcc")
SOFTWARE = RecordingSettings(encoder="software", preset="ultrafast")
PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


@pytest.mark.parametrize("encoder", ["auto", "hardware", "live"])
def test_board_without_an_encoder_of_its_own_uses_x264(tmp_path: Path, film: Path, encoder: str) -> None:
    settings = SOFTWARE.model_copy(update={"encoder": encoder})
    facts = convert(write_clip(tmp_path / "clip", [(n / 10, jpeg_of(90)) for n in range(5)]), film, settings)
    assert (facts.codec, facts.frames) == ("h264", 5)


@pytest.mark.parametrize(
    ("model", "preset"),
    [("Raspberry Pi 5 Model B Rev 1.0\0", "veryfast"), ("Raspberry Pi 4 Model B Rev 1.4\0", "superfast"),
     ("Raspberry Pi Zero 2 W Rev 1.0\0", "ultrafast"), ("Some Other Board\0", "veryfast"), (None, "veryfast")],
)  # fmt: skip
def test_preset_goes_by_the_board(tmp_path: Path, model: str | None, preset: str) -> None:
    board = tmp_path / "model"
    if model is not None:
        board.write_text(model)
    assert preset_of(RecordingSettings(), board) == preset
    assert preset_of(RecordingSettings(preset="medium"), board) == "medium"


@pytest.fixture
def board_encoder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """The H.264 encoder of a Pi, as far as FFmpeg can see; it works, refuses, dies or hangs."""
    library = compiled(tmp_path_factory.getbasetemp() / "film_codec.so")
    (tmp_path_factory.getbasetemp() / "dev").mkdir(exist_ok=True)
    (tmp_path_factory.getbasetemp() / "dev" / "video11").touch()

    def set_up(manner: str) -> None:
        monkeypatch.setenv("LD_PRELOAD", str(library))
        monkeypatch.setenv("FILM_CODEC_DEV", str(tmp_path_factory.getbasetemp() / "dev"))
        monkeypatch.setenv("FILM_CODEC", manner)

    return set_up


def compiled(library: Path) -> Path:
    if not library.exists():
        source = PROJECT / "tests" / "virtual_pi" / "film_codec.c"
        command = ["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True)
    return library


def hundred_by(size: tuple[int, int], folder: Path) -> list[Path]:
    return write_clip(folder, [(n / 25, jpeg_of(2 * n, *size)) for n in range(100)])


def units_of(path: Path) -> bytes:
    """The coded pictures of a film, as they are."""
    with av.open(str(path)) as container:
        return b"".join(bytes(packet) for packet in container.demux(video=0))


@needs_compiler
@pytest.mark.parametrize("kind", ["auto", "hardware", "live"])
def test_encoder_of_the_board_makes_the_film_where_there_is_one(
    tmp_path: Path, film: Path, board_encoder: Callable[[str], None], kind: str
) -> None:
    """FFmpeg's own driver for it, on a device that is not there; it leaves each picture as it is (I_PCM)."""
    board_encoder("works")
    settings = SOFTWARE.model_copy(update={"encoder": kind})
    facts = convert(hundred_by((128, 96), tmp_path / "clip"), film, settings)
    seen = film_pictures(film)
    assert [time_s for time_s, _ in seen] == pytest.approx([n / 25 for n in range(100)], abs=0.001)
    assert [shade for _, shade in seen] == pytest.approx([2 * n for n in range(100)], abs=2)
    assert (facts.codec, facts.pixel_format, facts.duration_s) == ("h264", "yuv420p", pytest.approx(4.0, abs=0.01))
    assert len(units_of(film)) > 100 * 128 * 96
    boxes = boxes_of(film)
    assert boxes.index("moov") < boxes.index("mdat")


@needs_compiler
@pytest.mark.parametrize(
    ("manner", "size"), [("refuses", (128, 96)), ("dies", (128, 96)), ("hangs", (128, 96)), ("works", (80, 60))]
)
def test_encoder_of_the_board_that_fails_is_given_up_for_x264(
    tmp_path: Path, film: Path, board_encoder: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, manner: str,
    size: tuple[int, int],
) -> None:  # fmt: skip
    """Also for widths with which FFmpeg would skew the picture."""
    board_encoder(manner)
    monkeypatch.setattr(converter, "HANGS_S", 2.0)
    settings = SOFTWARE.model_copy(update={"encoder": "auto"})
    facts = convert(hundred_by(size, tmp_path / "clip"), film, settings)
    assert [shade for _, shade in film_pictures(film)] == pytest.approx([2 * n for n in range(100)], abs=3)
    assert (facts.frames, facts.duration_s) == (100, pytest.approx(4.0, abs=0.01))
    assert len(units_of(film)) < 100 * 80 * 60


@needs_compiler
def test_no_other_encoder_is_used_with_software(
    tmp_path: Path, film: Path, board_encoder: Callable[[str], None]
) -> None:
    board_encoder("hangs")
    assert convert(hundred_by((128, 96), tmp_path / "clip"), film, SOFTWARE).frames == 100
