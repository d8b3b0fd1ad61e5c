"""A program of its own that makes one film, ordinarily at the lowest priority there is.

    python -m camera.film_child FD idle|normal

A process, because a thread would hold the interpreter's lock between pictures, its memory would stay with the program,
and a fault in an encoder would end the program. It reads its job from file FD (JSON, see `converter.py`), says how far
it is in lines of JSON, and ends with its input, which is when the program that started it is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

from camera.film import Encoder, EncoderFailed, FilmWriter
from camera.film_process import part_of
from camera.playback import follow, read_segment
from camera.probe import FilmFacts, probe
from camera.writer import HELD, sync
from errors import NotPlayable

TELL_S = 0.25
TOLERANCE_S = 0.5
SYNC_BYTES = 16 << 20  # a card that has to take much at once blocks everybody who writes to it

Job = dict[str, Any]
Picture = tuple[float, bytes, float]  # seconds, JPEG, how much of the work is done then (0..1)


def main(number: int, priority: str) -> None:
    """Do the job in file `number`; the last line has the facts of the film, or why there is none."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is sent to every process of a group
    if priority == "idle":
        be_humble()
    with os.fdopen(number) as file:
        job = json.load(file)
    threading.Thread(target=end_with_input, daemon=True).start()
    try:
        answer: dict[str, Any] = {"facts": asdict(made(job, Teller(answers)))}
    except (NotPlayable, EncoderFailed) as error:
        answer = {"failed": str(error)}
    except OSError as error:
        answer = {"failed": error.strerror or str(error), "errno": error.errno}
    answers.write(json.dumps(answer) + "\n")


def be_humble() -> None:
    """Run when nobody else wants to, and be the first to go when memory runs out."""
    os.nice(19)
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # the kernel also gives it the disk last
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # proc(5)


def end_with_input() -> None:
    """End at once, in the middle of whatever it is, when nobody is there any more to want the film."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(1)


class Teller:
    """Says how far it is, four times a second."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._told_at = 0.0

    def is_due(self) -> bool:
        return time.monotonic() - self._told_at >= TELL_S

    def tell_encoder(self, codec: str) -> None:
        """From here on this one is tried."""
        self._answers.write(json.dumps({"encoder": codec}) + "\n")

    def tell(self, progress: float, time_s: float) -> None:
        self._told_at = time.monotonic()
        self._answers.write(json.dumps({"progress": round(progress, 4), "time_s": round(time_s, 3)}) + "\n")

    def tell_encoded(self) -> None:
        """The encoder is done; on a slow disk the rest may take minutes."""
        self._answers.write(json.dumps({"encoded": True}) + "\n")


def made(job: Job, teller: Teller) -> FilmFacts:
    """The film at the job's target, by the first of its encoders that can.

    It appears there whole, checked and for good, or not at all.

    :raises EncoderFailed: when the last encoder could not.
    :raises NotPlayable: when there is no picture in it.
    :raises OSError: when the disk does not take it.
    """
    target, codecs = Path(job["target"]), list(job["encoders"])
    part = part_of(target)
    try:
        while True:
            try:
                encoder = Encoder(codecs.pop(0), job["preset"], job["crf"])
                teller.tell_encoder(encoder.codec)
                return written(job, encoder, part, target, teller)
            except EncoderFailed:
                if not codecs:
                    raise
    finally:
        part.unlink(missing_ok=True)


def written(job: Job, encoder: Encoder, part: Path, target: Path, teller: Teller) -> FilmFacts:
    """Write to `part`, look whether it is a film, and let it appear at `target`."""
    with closing(FilmWriter(part, encoder)) as film:
        synced_bytes = 0
        for time_s, jpeg, progress in pictures_for(job):
            if jpeg.startswith(HELD):
                film.hold(time_s)
            else:
                film.write(time_s, jpeg)
            if teller.is_due():
                teller.tell(progress, time_s)
                size_bytes = part.stat().st_size if part.exists() else 0
                if size_bytes - synced_bytes >= SYNC_BYTES:
                    sync(part)
                    synced_bytes = size_bytes
        film.flush()
        teller.tell_encoded()
        film.finish()
    sync(part)
    facts = replace(probe(part), broken=film.broken)
    if abs(facts.duration_s - film.duration_s) > TOLERANCE_S:
        raise EncoderFailed(f"{encoder.codec} made {facts.duration_s:.1f} s out of {film.duration_s:.1f} s")
    part.replace(target)
    sync(target.parent)
    return facts


def pictures_for(job: Job) -> Iterator[Picture]:
    """The pictures of any kind of job."""
    if "segments" in job:
        return recorded([Path(name) for name in job["segments"]])
    if "folder" in job:
        return ((time_s, jpeg, 0.0) for time_s, jpeg in follow(Path(job["folder"])))
    return stills([Path(name) for name in job["stills"]], job["rate_hz"])


def recorded(segments: list[Path]) -> Iterator[Picture]:
    """The pictures of a finished recording."""
    total_bytes = sum(path.stat().st_size for path in segments) or 1
    done_bytes = 0
    for path in segments:
        for time_s, jpeg in read_segment(path):
            done_bytes += len(jpeg)
            yield time_s, jpeg, min(1.0, done_bytes / total_bytes)


def stills(paths: list[Path], rate_hz: float) -> Iterator[Picture]:
    """The pictures of single files, at an even rate; one that cannot be read is a broken one."""
    for number, path in enumerate(paths):
        try:
            jpeg = path.read_bytes()
        except OSError:
            jpeg = b""
        yield number / rate_hz, jpeg, (number + 1) / len(paths)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
