"""Films: they play everywhere, at the speed and length of what was recorded, whatever was recorded."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import simplejpeg
from clips import big_jpeg, boxes_of, film_picture_at, film_pictures, needs_root, shades_of, small_disk, write_clip
from fakes import jpeg_of, killed_in_the_end, wait_until
from metronome import within

from camera import film_process
from camera.converter import convert, render
from camera.film_process import FilmProcess
from camera.probe import FilmFacts, probe
from errors import NoSpace, NotConverted
from settings import RecordingSettings

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: sudo apt install gcc")
SOFTWARE = RecordingSettings(encoder="software", preset="ultrafast")
UNEVEN_S = [0.0, 0.033, 0.1, 0.25, 0.5, 0.9, 1.0, 1.033, 1.4]
PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


def near(times: list[float]) -> object:
    return pytest.approx(times, abs=0.001)


def key_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [float(packet.pts * stream.time_base) for packet in container.demux(stream) if packet.is_keyframe]


def children() -> set[int]:
    """Processes that make films now, started by us."""
    found = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "film_child"], capture_output=True, text=True)
    return {int(number) for number in found.stdout.split()}


def endless(tmp_path: Path) -> list[Path]:
    """A clip that takes long to convert: an hour of pause after the first picture."""
    return write_clip(tmp_path / "endless", [(0.0, big_jpeg()), (36000.0, big_jpeg(1))], 1e6)


def test_film_has_the_pictures_at_their_uneven_times(tmp_path: Path, film: Path) -> None:
    clip = write_clip(tmp_path / "clip", ((time_s, jpeg_of(20 + 20 * n)) for n, time_s in enumerate(UNEVEN_S)))
    facts = convert(clip, film, SOFTWARE)
    seen = film_pictures(film)
    assert [time_s for time_s, _ in seen] == near(UNEVEN_S)
    assert [shade for _, shade in seen] == pytest.approx([20 + 20 * n for n in range(9)], abs=2)
    assert facts == FilmFacts(pytest.approx(1.4 + 1.4 / 8, abs=0.002), 9, 64, 48, "h264", "yuv420p", 0)
    assert list(tmp_path.glob("*.part")) == []


def test_film_is_what_browsers_and_phones_play(tmp_path: Path, film: Path) -> None:
    convert(write_clip(tmp_path / "clip", [(n / 30, jpeg_of(n)) for n in range(30)]), film, SOFTWARE)
    facts = probe(film)
    assert (facts.codec, facts.pixel_format, facts.frames, facts.duration_s) == ("h264", "yuv420p", 30, 1.0)
    boxes = boxes_of(film)
    assert boxes[0] == "ftyp"
    assert boxes.index("moov") < boxes.index("mdat")
    with av.open(str(film)) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_range, context.colorspace, context.has_b_frames) == (1, 6, False)


def test_film_of_all_segments_is_one(tmp_path: Path, film: Path) -> None:
    clip = write_clip(tmp_path / "clip", [(n / 4, jpeg_of(10 * n)) for n in range(20)], segment_s=1.0)
    assert len(clip) == 5
    convert(clip, film, SOFTWARE)
    seen = film_pictures(film)
    assert [time_s for time_s, _ in seen] == near([n / 4 for n in range(20)])
    assert [shade for _, shade in seen] == pytest.approx([10 * n for n in range(20)], abs=3)


def test_pause_is_held_can_be_sought_in_and_has_its_length(tmp_path: Path, film: Path) -> None:
    clip = write_clip(tmp_path / "clip", [(0.0, jpeg_of(50)), (0.5, jpeg_of(100)), (60.0, jpeg_of(200))])
    facts = convert(clip, film, SOFTWARE)
    times = [time_s for time_s, _ in film_pictures(film)]
    assert facts.duration_s == pytest.approx(60.5, abs=0.01)
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 0.501
    for time_s, shade in ((0.2, 50), (0.6, 100), (31.7, 100), (59.9, 100), (60.2, 200)):
        assert film_picture_at(film, time_s).mean() == pytest.approx(shade, abs=3)


@pytest.mark.parametrize("step_s", [1 / 30, 0.19, 0.5, 0.9, 3.0])
def test_key_frame_comes_at_least_every_two_seconds(tmp_path: Path, film: Path, step_s: float) -> None:
    clip = write_clip(tmp_path / "clip", [(n * step_s, jpeg_of(n % 250)) for n in range(max(4, round(8 / step_s)))])
    facts = convert(clip, film, SOFTWARE)
    keys = [*key_times(film), facts.duration_s]
    assert keys[0] == 0
    assert max(later - earlier for earlier, later in itertools.pairwise(keys)) <= 2.0


def test_size_that_changes_is_fitted_into_the_first_with_bars(tmp_path: Path, film: Path) -> None:
    pictures = [(0.0, jpeg_of(200, 320, 240)), (0.5, jpeg_of(200, 160, 120)), (1.0, jpeg_of(200, 320, 120))]
    convert(write_clip(tmp_path / "clip", pictures), film, SOFTWARE)
    for time_s in (0.0, 0.5):
        assert film_picture_at(film, time_s).shape == (240, 320, 3)
        assert film_picture_at(film, time_s).min() > 195
    wide = film_picture_at(film, 1.0)
    assert wide[:58].max() < 5
    assert wide[62:178].min() > 195
    assert wide[182:].max() < 5


@pytest.mark.parametrize("size", [(65, 49), (64, 49), (17, 33)])
def test_odd_sizes_become_even(tmp_path: Path, film: Path, size: tuple[int, int]) -> None:
    facts = convert(write_clip(tmp_path / "clip", [(0.0, jpeg_of(80, *size))]), film, SOFTWARE)
    assert (facts.width_px, facts.height_px) == (size[0] // 2 * 2, size[1] // 2 * 2)
    assert film_pictures(film)[0][1] == pytest.approx(80, abs=2)


@pytest.mark.parametrize("sampling", ["420", "422", "444"])
@pytest.mark.parametrize("color", [(200, 30, 40), (40, 180, 60), (30, 60, 220)])
def test_colors_stay_what_they_are(tmp_path: Path, film: Path, sampling: str, color: tuple[int, int, int]) -> None:
    pixels = np.full((48, 64, 3), color, np.uint8)
    jpeg = simplejpeg.encode_jpeg(pixels, 95, colorspace="BGR", colorsubsampling=sampling)
    convert(write_clip(tmp_path / "clip", [(0.0, jpeg)]), film, SOFTWARE)
    assert film_picture_at(film, 0)[24, 32].tolist() == pytest.approx(list(color), abs=6)


def test_gray_pictures_become_a_film_too(tmp_path: Path, film: Path) -> None:
    gray = simplejpeg.encode_jpeg(np.full((48, 64, 1), 90, np.uint8), 80, colorspace="GRAY")
    convert(write_clip(tmp_path / "clip", [(0.0, gray)]), film, SOFTWARE)
    assert film_picture_at(film, 0)[24, 32].tolist() == pytest.approx([90, 90, 90], abs=2)


def test_broken_pictures_are_skipped_and_counted(tmp_path: Path, film: Path) -> None:
    torn, mixed = big_jpeg()[:4000], big_jpeg()
    mixed = mixed[:5000] + bytes(2000) + mixed[7000:]
    pictures = [big_jpeg(1), torn, mixed, b"no picture", b"\xff\xd8\xff\xd9", big_jpeg(2)]
    clip = write_clip(tmp_path / "clip", [(n / 10, jpeg) for n, jpeg in enumerate(pictures)])
    facts = convert(clip, film, SOFTWARE)
    assert facts.broken == 4
    assert [time_s for time_s, _ in film_pictures(film)] == near([0.0, 0.5])


def test_clip_without_a_picture_that_decodes_is_refused(tmp_path: Path, film: Path) -> None:
    clip = write_clip(tmp_path / "clip", [(0.0, big_jpeg()[:4000]), (0.5, b"\xff\xd8\xff\xd9")])
    with pytest.raises(NotConverted, match="no picture in it that can be decoded"):
        convert(clip, film, SOFTWARE)
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_segments_that_are_gone_are_refused(tmp_path: Path, film: Path) -> None:
    with pytest.raises(NotConverted, match="No such file"):
        convert([tmp_path / "gone.mkv"], film, SOFTWARE)


def test_progress_rises_to_the_end(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[float, float]] = []
    clip = write_clip(tmp_path / "clip", [(n * 20.0, big_jpeg(n)) for n in range(60)])
    convert(clip, film, SOFTWARE, lambda progress, time_s: told.append((progress, time_s)))
    assert told
    assert told == sorted(told)
    assert all(0 <= progress <= 1 and 0 <= time_s <= 1200 for progress, time_s in told)


def test_stopped_conversion_leaves_nothing_and_ends_at_once(tmp_path: Path, film: Path) -> None:
    clip = endless(tmp_path)
    with contextlib.ExitStack() as since_then:

        def is_stopped() -> bool:
            is_begun = film.with_name("film.mp4.part").exists()
            if is_begun:
                since_then.enter_context(within(2))
            return is_begun

        assert convert(clip, film, SOFTWARE, is_stopped=is_stopped) is None
    assert [path.name for path in tmp_path.iterdir()] == ["endless"]
    assert children() == set()


def test_encoder_that_is_killed_is_a_fault_that_says_so(tmp_path: Path, film: Path) -> None:
    clip = endless(tmp_path)

    def kill() -> bool:
        for number in children():
            os.kill(number, signal.SIGSEGV)
        return False

    with pytest.raises(NotConverted, match="ended by itself, status -11"):
        convert(clip, film, SOFTWARE, is_stopped=kill)
    assert [path.name for path in tmp_path.iterdir()] == ["endless"]
    assert len(shades_of(clip)) == 2


def test_encoder_ends_with_the_program_that_was_killed(tmp_path: Path, film: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from camera import film_process
film_process.PRIORITY = "normal"
child = film_process.FilmProcess({{"segments": {[str(path) for path in endless(tmp_path)]}, "target": {str(film)!r},
                     "encoders": ["libx264"], "preset": "ultrafast", "crf": 23}})
print(child.pid, flush=True)
while True: child.answer(1)
"""
    started = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=PROJECT)
    with killed_in_the_end(started) as program:
        number = int(program.stdout.readline())
        wait_until(film.with_name("film.mp4.part").exists, "the film is begun")
        program.kill()
        program.wait()
    wait_until(lambda: not Path(f"/proc/{number}").exists(), "the encoder ends")
    assert not film.exists()


def test_encoder_runs_only_when_nobody_else_wants_to(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_process, "PRIORITY", "idle")
    job = {"segments": [str(path) for path in endless(tmp_path)], "target": str(film), "encoders": ["libx264"],
           "preset": "ultrafast", "crf": 23}  # fmt: skip
    with contextlib.closing(FilmProcess(job)) as child:
        wait_until(lambda: os.sched_getscheduler(child.pid) == os.SCHED_IDLE, "the lowest priority", 30)
        wait_until(lambda: Path(f"/proc/{child.pid}/oom_score_adj").read_text() == "1000\n", "first to go", 30)
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == 19


@needs_root
def test_full_disk_leaves_no_half_film_and_says_so(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as folder:
        clip = write_clip(tmp_path / "clip", [(n / 10, big_jpeg(n * 37)) for n in range(200)])
        settings = SOFTWARE.model_copy(update={"crf": 5})
        with pytest.raises(NoSpace, match="too full"):
            convert(clip, folder / "film.mp4", settings)
        assert list(folder.iterdir()) == []


def test_quality_that_is_set_is_the_quality_of_the_film(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip", [(n / 10, big_jpeg(n)) for n in range(10)])
    sizes = []
    for crf in (15, 23, 40):
        convert(clip, tmp_path / "film.mp4", SOFTWARE.model_copy(update={"crf": crf}))
        sizes.append((tmp_path / "film.mp4").stat().st_size)
    assert sizes[0] > 1.5 * sizes[1] > 3 * sizes[2]


def test_stills_become_a_film_at_their_rate(tmp_path: Path, film: Path) -> None:
    stills = [tmp_path / f"still {number}.jpg" for number in range(12)]
    for number, path in enumerate(stills):
        path.write_bytes(jpeg_of(20 * number))
    stills[4].unlink()
    stills[5].write_bytes(b"no picture")
    facts = render(stills, 25, film, SOFTWARE)
    seen = film_pictures(film)
    assert [time_s for time_s, _ in seen] == near([n / 25 for n in range(12) if n not in (4, 5)])
    assert [shade for _, shade in seen] == pytest.approx([20 * n for n in range(12) if n not in (4, 5)], abs=3)
    assert (facts.broken, facts.frames) == (2, 10)


def test_ten_thousand_names_of_stills_are_no_trouble(tmp_path: Path, film: Path) -> None:
    still = tmp_path / ("a long name " * 10 + ".jpg")
    still.write_bytes(jpeg_of(100, 16, 16))
    assert render([still] * 10_000, 60, film, SOFTWARE).frames == 10_000
