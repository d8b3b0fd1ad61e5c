"""Films out of recordings and stills, made by a process of their own (`film_child.py`).

Which encoder: the board's own where it has one that opens, else x264, tried as hard as the board's processor allows. A
hardware encoder that fails or hangs is given up for x264; what was recorded is not touched by any of it.
"""

from __future__ import annotations

import errno
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from camera.film_process import EncoderLost, FilmProcess, Job
from camera.probe import FilmFacts
from errors import NoSpace, NotConverted
from settings import RecordingSettings

HARDWARE, SOFTWARE = "h264_v4l2m2m", "libx264"
POLL_S = 0.1
HANGS_S = 60.0  # without any picture from the board's encoder: its driver hangs
BOARD = Path("/proc/device-tree/model")
# What keeps up with 720p at 30 pictures a second, or nearly so.
PRESETS = (("Raspberry Pi 5", "veryfast"), ("Raspberry Pi 4", "superfast"), ("Raspberry Pi", "ultrafast"))
DEFAULT_PRESET = "veryfast"

Progress = Callable[[float, float], None]

log = logging.getLogger(__name__)


def convert(
    segments: Sequence[Path],
    target: Path,
    settings: RecordingSettings,
    on_progress: Progress = lambda progress, time_s: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> FilmFacts | None:
    """Make a recording's film: its true times, pauses held, in the size of its first picture.

    `target` appears whole and checked, or not at all; nothing else is left behind.

    :param on_progress: called with how much is done (0..1) and the film's time in seconds, some times a second.
    :param is_stopped: asked ten times a second; when it says yes the answer is None, at once.
    :raises NotConverted: when there is no picture that can be decoded, or no encoder can do it.
    :raises NoSpace: when the disk is full.
    """
    return _film({"segments": [str(path) for path in segments]}, target, settings, on_progress, is_stopped)


def render(
    stills: Sequence[Path],
    rate_hz: float,
    target: Path,
    settings: RecordingSettings,
    on_progress: Progress = lambda progress, time_s: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> FilmFacts | None:
    """Make a film of single JPEGs, so many a second; otherwise as `convert`. What is gone or broken is skipped."""
    work = {"stills": [str(path) for path in stills], "rate_hz": rate_hz}
    return _film(work, target, settings, on_progress, is_stopped)


def follow(
    folder: Path,
    target: Path,
    settings: RecordingSettings,
    on_progress: Progress = lambda progress, time_s: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> FilmFacts | None:
    """Make the film of a recording while it is recorded into `folder`; otherwise as `convert`.

    It reads what the recorder wrote, so it can fall behind without losing a picture; it is ready soon after the end of
    the recording, or later. The progress is always 0.
    """
    return _film({"folder": str(folder)}, target, settings, on_progress, is_stopped)


def encoders_of(settings: RecordingSettings) -> list[str]:
    """FFmpeg's names of the encoders to try, in order."""
    return [SOFTWARE] if settings.encoder == "software" else [HARDWARE, SOFTWARE]


def preset_of(settings: RecordingSettings, board: Path = BOARD) -> str:
    """x264's preset: the one that is set, or what this board can do."""
    if settings.preset != "auto":
        return settings.preset
    try:
        model = board.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return DEFAULT_PRESET
    return next((preset for name, preset in PRESETS if name in model), DEFAULT_PRESET)


def _film(
    work: Job, target: Path, settings: RecordingSettings, on_progress: Progress, is_stopped: Callable[[], bool]
) -> FilmFacts | None:
    job = {**work, "target": str(target), "preset": preset_of(settings), "crf": settings.crf}
    for encoders in (encoders_of(settings), [SOFTWARE]):
        try:
            return _run({**job, "encoders": encoders}, on_progress, is_stopped)
        except EncoderLost as error:
            log.warning("%s, with %s: %s", target.parent.name, " or ".join(encoders), error)
            lost = error
    raise NotConverted(str(lost))


def _run(job: Job, on_progress: Progress, is_stopped: Callable[[], bool]) -> FilmFacts | None:
    """One process, from its start to its end.

    :raises EncoderLost: when it died, or when the board's encoder hangs.
    """
    with closing(FilmProcess(job)) as child:
        hangs_at = math.inf
        while not is_stopped():
            answer = child.answer(POLL_S)
            now = time.monotonic()
            if answer is None:
                if now > hangs_at:
                    raise EncoderLost(f"the encoder made no picture for {HANGS_S:g} s")
            elif "encoder" in answer:
                # x264 never hangs, but may wait long for its turn; and a camera may take its time to begin.
                is_watched = answer["encoder"] == HARDWARE and "folder" not in job
                hangs_at = now + HANGS_S if is_watched else math.inf
            elif "progress" in answer:
                hangs_at = hangs_at if hangs_at == math.inf else now + HANGS_S
                on_progress(answer["progress"], answer["time_s"])
            elif "encoded" in answer:
                hangs_at = math.inf
            else:
                return _facts(answer)
    return None


def _facts(answer: Job) -> FilmFacts:
    """The facts a process ended with.

    :raises NotConverted: or NoSpace, when it ended without.
    """
    if "facts" in answer:
        return FilmFacts(**answer["facts"])
    if answer.get("errno") in (errno.ENOSPC, errno.EDQUOT):
        raise NoSpace("the disk is too full to make the film")
    raise NotConverted(answer["failed"])
