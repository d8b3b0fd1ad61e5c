"""Whether a file is the film it should be, and what it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from errors import NotPlayable


@dataclass(frozen=True)
class FilmFacts:
    """What a film tells of itself.

    :ivar frames: how many pictures; where the file does not say, what length and rate make.
    :ivar codec: FFmpeg's name for it: "h264", "mjpeg".
    :ivar pixel_format: FFmpeg's name for it: "yuv420p".
    :ivar broken: pictures that could not be decoded when it was made; known to its maker alone.
    """

    duration_s: float
    frames: int
    width_px: int
    height_px: int
    codec: str
    pixel_format: str
    broken: int = 0


def probe(path: Path) -> FilmFacts:
    """The facts of a film whose first picture was decoded, and whose last one lies within the file.

    :raises NotPlayable: when it is no film, or cut off.
    """
    import av
    from av.error import FFmpegError

    try:
        with av.open(f"file:{path}") as container:
            if not container.streams.video:
                raise NotPlayable(f"{path.name} has no picture")
            stream = container.streams.video[0]
            first = next(container.decode(stream), None)
            duration_s = (container.duration or 0) / av.time_base
            if first is None or not duration_s:
                raise NotPlayable(f"{path.name} has no picture that can be decoded")
            if len(stream.index_entries):
                last = stream.index_entries[-1]
                if last.pos + last.size > path.stat().st_size:
                    raise NotPlayable(f"{path.name} is cut off")
            frames = stream.frames or round(duration_s * float(stream.average_rate or 0))
            return FilmFacts(
                duration_s, frames, first.width, first.height, stream.codec_context.name, first.format.name
            )
    except (FFmpegError, OSError) as error:
        raise NotPlayable(f"{path.name} is no film: {error.strerror or error}") from error
