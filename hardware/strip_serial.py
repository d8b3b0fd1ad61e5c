"""A light behind a serial controller: eight hex characters per update, and lines of text coming back.

The protocol is that of the controllers people have: RRGGBB already scaled by the brightness, then the
brightness byte, no line end; red at 128 is "80000080". Lines that come back (a pulse sensor's, say)
wait in a bounded queue.
"""

from __future__ import annotations

import logging
import os
import termios
import tty
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from errors import LightLost
from hardware.strip import FASTEST_INTERVAL_S, OFF, Color, Strip, scaled

UPDATE_SIZE_BYTES = 8
BITS_PER_BYTE = 10  # start bit, eight data bits, stop bit
READ_SIZE_BYTES = 4096
MAX_LINES = 256
MAX_LINE_BYTES = 256

log = logging.getLogger(__name__)


def update_of(color: Color, brightness: int) -> bytes:
    """What goes over the wire: ((255, 0, 0), 128) is b"80000080"."""
    return bytes([*scaled(color, brightness), brightness]).hex().encode()


class LineBuffer:
    """Cuts what arrives into lines. Full, it drops the oldest line, and says so once.

    `add` is for one thread, `pop` for any: a deque's append and popleft need no lock.
    """

    def __init__(self, max_lines: int = MAX_LINES) -> None:
        self._lines: deque[str] = deque(maxlen=max_lines)
        self._rest = b""
        self._is_dropping = False

    def add(self, data: bytes) -> None:
        """Take bytes as they come; a line ends with CR, LF or both, empty lines do not count."""
        *whole, rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            whole, rest = [*whole, rest], b""
        self._rest = rest
        for line in filter(None, whole):
            self._note_overflow()
            self._lines.append(line[:MAX_LINE_BYTES].decode("ascii", "replace"))

    def forget_half(self) -> None:
        """Forget a line that has no end yet."""
        self._rest = b""

    def pop(self) -> str:
        """The oldest line, "" if there is none."""
        try:
            return self._lines.popleft()
        except IndexError:
            return ""

    def _note_overflow(self) -> None:
        is_full = len(self._lines) == self._lines.maxlen
        if is_full and not self._is_dropping:
            log.info("light: nobody reads the controller's lines, the oldest are dropped")
        self._is_dropping = is_full


class SerialStrip(Strip):
    """A controller at a serial port.

    :param path: the port, e.g. /dev/serial0.
    :param baud: bits per second, one of those termios knows.
    """

    kind = "serial"

    def __init__(self, path: str, baud: int) -> None:
        self.interval_s = max(FASTEST_INTERVAL_S, UPDATE_SIZE_BYTES * BITS_PER_BYTE / baud)
        self._path = path
        self._baud = baud
        self._fd: int | None = None
        self._lines = LineBuffer()

    def open(self, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        self._lines.forget_half()
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._set_up(self._fd)
        except (OSError, termios.error) as error:
            self._let_go()
            raise LightLost(f"the light's serial port {self._path} cannot be used: {_cause(error)}") from error

    def show(self, color: Color, brightness: int) -> None:
        try:
            written = os.write(self._opened(), update_of(color, brightness))
        except OSError as error:
            raise LightLost(f"the light's serial port {self._path} failed: {_cause(error)}") from error
        if written != UPDATE_SIZE_BYTES:
            raise LightLost(f"the light's serial port {self._path} takes no more data")

    def fileno(self) -> int | None:
        return self._fd

    def receive(self) -> None:
        try:
            data = os.read(self._opened(), READ_SIZE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise LightLost(f"the light's serial port {self._path} failed: {_cause(error)}") from error
        if not data:
            raise LightLost(f"the light's serial port {self._path} was unplugged")
        self._lines.add(data)

    def read_line(self) -> str:
        return self._lines.pop()

    def close(self) -> None:
        if self._fd is not None:
            with suppress(LightLost):
                self.show(OFF, 0)
        self._let_go()

    def _set_up(self, fd: int) -> None:
        """Raw bytes, 8N1, no flow control; closing does not drop DTR, which would reset some controllers."""
        tty.setraw(fd, termios.TCSANOW)
        iflag, oflag, cflag, lflag, _, _, characters = termios.tcgetattr(fd)
        cflag &= ~(termios.CRTSCTS | termios.CSTOPB | termios.PARENB | termios.HUPCL)
        cflag |= termios.CLOCAL | termios.CREAD | termios.CS8
        speed = getattr(termios, f"B{self._baud}")
        termios.tcsetattr(fd, termios.TCSANOW, [iflag, oflag, cflag, lflag, speed, speed, characters])

    def _opened(self) -> int:
        if self._fd is None:
            raise LightLost(f"the light's serial port {self._path} is not open")
        return self._fd

    def _let_go(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            with suppress(OSError):
                os.close(fd)


def _cause(error: OSError | termios.error) -> str:
    """ "Permission denied", without number and path."""
    return str(error.args[1] if len(error.args) > 1 else error)
