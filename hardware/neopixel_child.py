"""A program of its own that drives WS281x pixels by rpi_ws281x, so that a crash in there is not ours.

    python neopixel_child.py PIN COUNT ORDER

The C library dies of SIGSEGV at exit when its `begin` failed, and at once when it is used without. Reads
lines RRGGBB, answers each "ok" or "failed REASON"; says before that "ready", "unsupported REASON" or
"failed REASON". Ends when its input does, with the pixels off. Only then: Ctrl-C and SIGTERM are sent to
every process of a group, and the pixels must not be left burning.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import suppress
from typing import Any, NoReturn, TextIO

DMA_CHANNEL = 10  # the library's own default
FREQUENCY_HZ = 800_000
PINS_OF_PWM1 = (13, 19)  # BCM2835 ARM Peripherals, table 6-31: PWM1 is on these, PWM0 on 12 and 18
HOW_TO_INSTALL = "sudo apt install gcc python3-dev, then .venv/bin/pip install -r requirements-neopixel.txt"
UNKNOWN_BOARD = -3  # WS2811_ERROR_HW_NOT_SUPPORTED of ws2811.h


def main(pin: int, count: int, order: str) -> None:
    """Serve until the input ends; never returns when the pixels could not be begun."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever the library prints must not look like an answer
    strip = begin(pin, count, order, answers)
    answers.write("ready\n")
    try:
        with suppress(BrokenPipeError):  # who asked has died
            for line in sys.stdin:
                answers.write(shown(strip, count, int(line, 16)) + "\n")
    finally:
        shown(strip, count, 0)


def begin(pin: int, count: int, order: str, answers: TextIO) -> Any:
    """The strip, ready; or the reason is told and the process ends without Python's exit handlers."""
    try:
        import rpi_ws281x
    except ImportError as error:
        give_up(answers, f"unsupported the library is missing ({error}): {HOW_TO_INSTALL}")
    strip = rpi_ws281x.PixelStrip(
        count, pin, FREQUENCY_HZ, DMA_CHANNEL, channel=int(pin in PINS_OF_PWM1),
        strip_type=getattr(rpi_ws281x, f"WS2811_STRIP_{order.upper()}"),
    )  # fmt: skip
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)  # it explains itself on standard error
        try:
            strip.begin()
        except RuntimeError as error:
            said.seek(0)
            why = " ".join([str(error), *said.read(1000).decode(errors="replace").split()])
            give_up(answers, ("unsupported " if f"code {UNKNOWN_BOARD} " in why else "failed ") + why)
        finally:
            os.dup2(1, 2)
    return strip


def give_up(answers: TextIO, answer: str) -> NoReturn:
    """Say why and end at once: the library's exit handler would crash."""
    answers.write(answer + "\n")
    answers.flush()
    os._exit(0)


def shown(strip: Any, count: int, color: int) -> str:
    """Light every pixel with 0xRRGGBB; returns the answer to it."""
    try:
        for pixel in range(count):
            strip.setPixelColor(pixel, color)
        strip.show()
    except RuntimeError as error:
        return f"failed {error}"
    return "ok"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
