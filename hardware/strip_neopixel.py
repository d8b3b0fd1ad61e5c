"""NeoPixels (WS281x) by the library rpi_ws281x, which runs in a process of its own: neopixel_child.py.

That process tells in lines how it goes. It is started by `open`, ends when we close its input or die,
and switches the pixels off as its last deed. One that hangs is killed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from errors import LightLost, NotSupported
from hardware.strip import FASTEST_INTERVAL_S, Color, Strip, scaled
from hardware.waiting import readable
from settings import LightSettings

CHILD = Path(__file__).with_name("neopixel_child.py")
SPI_PIN = 10  # MOSI of SPI 0; with this pin the library takes SPI
PIXEL_TIME_S = 30e-6  # 24 bits at 800 kHz (WS2812B data sheet)
RESET_TIME_S = 300e-6  # the longest pause any WS281x needs to take a picture over
START_TIMEOUT_S = 10.0  # a Pi Zero loads Python in 2 s, more while it boots
ANSWER_TIMEOUT_S = 1.0
END_TIMEOUT_S = 1.0
CANCEL_PERIOD_S = 0.1
MAX_ANSWER_BYTES = 4096


class NeoPixelStrip(Strip):
    """WS281x pixels on one pin.

    :param pin: BCM number; 10 is SPI, without root.
    :param count: how many pixels.
    :param order: the order in which they take the colors, such as "grb".
    """

    kind = "neopixel"

    def __init__(self, pin: int, count: int, order: str) -> None:
        self.interval_s = max(FASTEST_INTERVAL_S, count * PIXEL_TIME_S + RESET_TIME_S)
        # -P: the library must not find our modules; they lie beside the child.
        self._command = [sys.executable, "-P", str(CHILD), str(pin), str(count), order]
        self._child: subprocess.Popen[bytes] | None = None
        self._answers = b""

    @property
    def pid(self) -> int | None:
        """The process that drives the pixels, None while there is none."""
        return None if self._child is None else self._child.pid

    def open(self, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        self._answers = b""
        try:
            # Unbuffered, so that `readable` sees all there is.
            self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        except OSError as error:
            raise LightLost(f"the pixels' process cannot be started: {error}") from error
        word, _, reason = self._answer(START_TIMEOUT_S, is_cancelled).partition(" ")
        if word == "unsupported":
            raise NotSupported(f"the pixels cannot be driven on this machine: {reason}")
        if word != "ready":
            raise LightLost(f"the pixels cannot be driven now: {reason or word}")

    def show(self, color: Color, brightness: int) -> None:
        child = self._opened()
        assert child.stdin is not None
        try:
            child.stdin.write(bytes(scaled(color, brightness)).hex().encode() + b"\n")
        except OSError as error:
            raise LightLost(f"the pixels' process ended: {error}") from error
        answer = self._answer(ANSWER_TIMEOUT_S, lambda: False)
        if answer != "ok":
            raise LightLost(f"the pixels failed: {answer}")

    def fileno(self) -> int | None:
        if self._child is None or self._child.stdout is None:
            return None
        return self._child.stdout.fileno()

    def receive(self) -> None:
        """Between updates the process has nothing to say but that it ended."""
        raise LightLost(f"the pixels' process ended by itself, status {self._status()}")

    def close(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(OSError):
            child.stdin.close()
        try:
            child.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()

    def _answer(self, timeout_s: float, is_cancelled: Callable[[], bool]) -> str:
        """The process' next line; a wait that is cancelled counts as none.

        :raises LightLost: when it ends or says nothing in time.
        """
        stdout = self._opened().stdout
        assert stdout is not None
        until = time.monotonic() + timeout_s
        while b"\n" not in self._answers:
            left_s = until - time.monotonic()
            if left_s <= 0 or is_cancelled():
                self._kill()
                raise LightLost(f"the pixels' process said nothing for {timeout_s:g} s")
            if not readable([stdout.fileno()], min(left_s, CANCEL_PERIOD_S)):
                continue
            data = stdout.read(MAX_ANSWER_BYTES)
            if not data:
                raise LightLost(f"the pixels' process ended, status {self._status()}")
            self._answers += data
        line, _, self._answers = self._answers.partition(b"\n")
        return line.decode(errors="replace")

    def _opened(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise LightLost("the pixels' process is not running")
        return self._child

    def _kill(self) -> None:
        """End a process that no longer listens."""
        self._opened().kill()

    def _status(self) -> int | None:
        """Exit status of a process that closed its output, None if it lives on."""
        with suppress(subprocess.TimeoutExpired):
            return self._opened().wait(END_TIMEOUT_S)
        return None


def neopixel_strip(settings: LightSettings) -> NeoPixelStrip:
    """The pixels that the settings describe."""
    pin = SPI_PIN if settings.method == "spi" else settings.pin
    return NeoPixelStrip(pin, settings.count, settings.order)
