"""The least that a photo and a film take, with nothing around: what presses on the page are compared with."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av

CODEC, OPTIONS = "libx264", {"preset": "veryfast", "crf": "23"}  # as the program's own films


def photo_ms(folder: Path, jpeg: bytes) -> float:
    """Until a JPEG lies in `folder` for good, under its name whole or not at all."""
    began_s = time.perf_counter()
    part = folder / "bare.part"
    with part.open("wb") as file:
        file.write(jpeg)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / "bare.jpg")
    _sync(folder)
    return 1000 * (time.perf_counter() - began_s)


def film_s(folder: Path, jpegs: Iterable[bytes], rate_hz: float) -> float:
    """Until these pictures are an H.264 film in `folder`, for good."""
    began_s = time.perf_counter()
    path, decoder = folder / "bare.mp4", av.CodecContext.create("mjpeg", "r")
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = None
        for number, jpeg in enumerate(jpegs):
            (picture,) = decoder.decode(av.Packet(jpeg))
            if stream is None:
                stream = container.add_stream(CODEC, rate=round(rate_hz), options=OPTIONS)
                stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
            picture = picture.reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, round(rate_hz))
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode(None))
    _sync(path)
    _sync(folder)
    return time.perf_counter() - began_s


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
