"""Makes one film after the other out of a clip of the benchmark's frames, as the program does, until it is killed.

    films.py FRAMES FOLDER COUNT

COUNT frames are in each film. Prints a line as soon as the first film is begun.
"""

from __future__ import annotations

import sys
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RATE_HZ = 30


def main(frames: Path, folder: Path, count: int) -> None:
    """See above."""
    sys.path.insert(0, str(ROOT))
    from camera import image
    from camera.converter import convert
    from camera.writer import ClipWriter
    from settings import RecordingSettings

    clip, film = folder / "clip", folder / "film.mp4"
    jpegs = [path.read_bytes() for path in sorted(frames.glob("*.jpg"))]
    size = image.size_of(jpegs[0])
    clip.mkdir(exist_ok=True)
    writer = ClipWriter(clip, segment_s=3600)
    for number, jpeg in enumerate(islice(cycle(jpegs), count)):
        writer.write(jpeg, number / RATE_HZ, *size)
    writer.close()
    has_told = False

    def tell(progress: float, time_s: float) -> None:
        nonlocal has_told
        if not has_told:
            has_told = True
            sys.stdout.write("begun\n")
            sys.stdout.flush()

    while True:
        convert([segment.path for segment in writer.segments], film, RecordingSettings(), tell)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
