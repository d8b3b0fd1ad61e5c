"""What a light is to us: the contract of its drivers, the light that is not there, and the simulated one.

A driver is opened, used and closed by one thread (`hardware/lights.py`), except where a method says
"any thread".
"""

from __future__ import annotations

from collections.abc import Callable

from errors import NotSupported

Color = tuple[int, int, int]
OFF: Color = (0, 0, 0)

FASTEST_INTERVAL_S = 1 / 50  # nobody sees more than 50 changes a second


def scaled(color: Color, brightness: int) -> Color:
    """`color` at `brightness`, rounded: (255, 0, 0) at 128 is (128, 0, 0). All values 0..255."""
    red, green, blue = ((part * brightness + 127) // 255 for part in color)
    return red, green, blue


class Strip:
    """The drivers' contract; one color for all pixels.

    :ivar kind: the word for it in config.txt.
    :ivar is_simulated: nothing real shines.
    :ivar interval_s: the shortest time from one update to the next, seconds.
    :ivar refusal: why this light never works here, known without opening it; None if it may work.
    """

    kind = "none"
    is_simulated = False
    interval_s = FASTEST_INTERVAL_S
    refusal: str | None = None

    def open(self, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        """Take the device; what it shows is undefined until the first `show`.

        :param is_cancelled: asked while waiting; when it says yes, `open` gives up soon.
        :raises NotSupported: when this can never work here.
        :raises LightLost: when it does not work now; try again later.
        """

    def show(self, color: Color, brightness: int) -> None:
        """Light every pixel; all values 0..255, brightness 0 is off.

        :raises LightLost: when the device failed.
        """
        raise NotImplementedError

    def fileno(self) -> int | None:
        """What becomes readable when the open device says something or goes away; None if it never does."""
        return None

    def receive(self) -> None:
        """Take what the device said, without waiting.

        :raises LightLost: when it went away.
        """

    def read_line(self) -> str:
        """The oldest unread line of text the device sent, "" if there is none; any thread.

        :raises NotSupported: when it is no device that sends text.
        """
        raise NotSupported(f"a light of kind {self.kind} sends no text")

    def close(self) -> None:
        """Switch off and let go of the device; works twice and after a failed `open`. Never raises."""


class NullStrip(Strip):
    """A light that is not there, and says why.

    :param reason: a sentence for the person at the screen.
    """

    def __init__(self, reason: str, kind: str = "none") -> None:
        self.refusal: str = reason
        self.kind = kind

    def open(self, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        raise NotSupported(self.refusal)

    def show(self, color: Color, brightness: int) -> None:
        raise NotSupported(self.refusal)

    def read_line(self) -> str:
        raise NotSupported(self.refusal)


class SimulatedStrip(Strip):
    """A light that only remembers.

    :ivar color: what every pixel shows, brightness already applied.
    """

    kind = "simulated"
    is_simulated = True

    def __init__(self) -> None:
        self.color = OFF

    def show(self, color: Color, brightness: int) -> None:
        self.color = scaled(color, brightness)

    def close(self) -> None:
        self.color = OFF
