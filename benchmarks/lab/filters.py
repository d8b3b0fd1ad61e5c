"""What each filter costs: CPU milliseconds a picture, printed as JSON.

    filters.py FRAMES SECONDS

The program's own filters in a process of their own, all threads counted: single ones, each for SECONDS, and every
combination: all for a few pictures, the dearest of them for more, of which the dearest counts.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SINGLE: dict[str, dict[str, Any]] = {
    "gray": {"grayscale": True},
    "half": {"half_resolution": True},
    "gray and half": {"grayscale": True, "half_resolution": True},
    "flip": {"flip_horizontal": True},
    "turn": {"rotation": 90},
    "zoom": {"zoom": 2.0},
    "words": {"timestamp": True, "label": "Bagel Turret"},
    "white balance": {"white_balance_correction": True},
    "edges": {"edges": True},
}
CHOICES: dict[str, tuple[Any, ...]] = {
    "grayscale": (False, True), "half_resolution": (False, True), "flip_horizontal": (False, True),
    "flip_vertical": (False, True), "rotation": (0, 90, 180, 270), "zoom": (1.0, 1.5), "zoom_x": (0.4,),
    "zoom_y": (0.4,), "timestamp": (False, True), "label": ("", "Bagel Turret"),
    "white_balance_correction": (False, True), "edges": (False, True),
}  # fmt: skip
GLANCE_FRAMES, GLANCE_WARM_FRAMES = 1, 1
DEAREST = 20
COMBINATION_FRAMES = 12
WARM_FRAMES = 4


def main(frames: Path, seconds: float) -> None:
    """See above."""
    sys.path.insert(0, str(ROOT))
    from simplejpeg import decode_jpeg

    from camera import image
    from camera.backend import Picture
    from camera.filter_settings import FilterSettings, changed
    from camera.filters import Filters
    from camera.turbo import open_turbo

    jpegs = [path.read_bytes() for path in sorted(frames.glob("*.jpg"))]
    size = image.size_of(jpegs[0])
    pictures = [Picture(jpeg, 0.0, *size) for jpeg in jpegs]

    def cost_ms(wanted: dict[str, Any], some: Iterator[Picture], warm: int = WARM_FRAMES) -> float:
        made = Filters(changed(FilterSettings(), wanted), 80)
        for picture in pictures[:warm]:
            made.apply(picture)
        began, count = time.process_time(), 0
        for picture in some:
            made.apply(picture)
            count += 1
        return 1000 * (time.process_time() - began) / count

    def decode_ms() -> float:
        """The cheapest decode of all pixels: brightness alone."""
        began, count = time.process_time(), 0
        for picture in for_a_while():
            decode_jpeg(picture.jpeg, "GRAY", fastdct=True)
            count += 1
        return 1000 * (time.process_time() - began) / count

    def for_a_while() -> Iterator[Picture]:
        end = time.monotonic() + seconds
        for picture in cycle(pictures):
            yield picture
            if time.monotonic() > end:
                return

    untouched = Filters(FilterSettings(), 80)
    found: dict[str, Any] = {
        "has_turbo": open_turbo() is not None,
        "same_bytes": not untouched.is_on and all(untouched.apply(picture) is picture for picture in pictures),
        "decode_ms": decode_ms(),
        "ms": {name: cost_ms(wanted, for_a_while()) for name, wanted in SINGLE.items()},
    }
    combinations = [dict(zip(CHOICES, values, strict=True)) for values in product(*CHOICES.values())]
    glances = [cost_ms(wanted, islice(pictures, GLANCE_FRAMES), GLANCE_WARM_FRAMES) for wanted in combinations[1:]]
    ranked = sorted(zip(glances, combinations[1:], strict=True), key=lambda glance: glance[0])
    dearest = [(cost_ms(wanted, islice(pictures, COMBINATION_FRAMES)), wanted) for _, wanted in ranked[-DEAREST:]]
    found["dearest_ms"], found["dearest"] = max(dearest, key=lambda cost: cost[0])
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
