"""The picture a film begins with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from camera import image
from errors import NotPlayable

QUALITY = 85


def first_picture(path: Path) -> bytes:
    """JPEG of a film's first picture.

    :raises NotPlayable: when there is none that can be decoded.
    """
    import av  # loads the video library, which nobody may need
    from av.error import FFmpegError

    try:
        with av.open(f"file:{path}") as container:
            for frame in container.decode(video=0):
                pixels: image.Pixels = frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
                return image.encode(pixels, QUALITY)
    except (FFmpegError, OSError, IndexError) as error:
        raise NotPlayable(f"{path.name} is no film: {error}") from error
    raise NotPlayable(f"{path.name} has no picture")
