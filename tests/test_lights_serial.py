"""The serial controller, at the other end of a pty: bytes out, lines in, unplugged and back."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import PASSWORD, free_port, wait_until

from errors import LightLost
from hardware.lights import Lights
from hardware.strip_serial import MAX_LINES, LineBuffer, SerialStrip, update_of

ROOT = Path(__file__).resolve().parent.parent
OFF = b"00000000"


class Controller:
    """A controller behind a symbolic link that stands for /dev/serial0."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.heard = b""
        self._end: int | None = None
        self.plug_in()

    def plug_in(self) -> None:
        self._end, port = pty.openpty()
        self.heard = b""
        self.link.symlink_to(os.ttyname(port))
        self._port = port  # held open, or reading fails before the program opens it

    def pull_out(self) -> None:
        """As with a USB adapter: the node goes, and open handles fail."""
        self.link.unlink(missing_ok=True)
        end, self._end = self._end, None
        if end is not None:
            os.close(self._port)
            os.close(end)

    def say(self, data: bytes) -> None:
        os.write(self._end, data)

    def hears(self, expected: bytes) -> None:
        """Wait until all that was heard since plugging in is `expected`."""
        self._listen(lambda: self.heard == expected)
        assert self.heard == expected

    def hears_last(self, expected: bytes) -> None:
        """Wait until the last update that was heard is `expected`."""
        self._listen(lambda: self.heard.endswith(expected))
        assert self.heard.endswith(expected)

    def _listen(self, is_enough: Callable[[], bool]) -> None:
        until = time.monotonic() + 20
        while not is_enough() and time.monotonic() < until:
            if select.select([self._end], [], [], 0.05)[0]:
                self.heard += os.read(self._end, 4096)

    def speed(self) -> int:
        return termios.tcgetattr(self._port)[4]


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Controller]:
    made = Controller(tmp_path / "serial0")
    yield made
    made.pull_out()


@pytest.fixture
def run(controller: Controller) -> Iterator[Callable[[], Lights]]:
    started: list[Lights] = []

    def start(baud: int = 9600) -> Lights:
        started.append(Lights(SerialStrip(str(controller.link), baud)))
        started[-1].start()
        return started[-1]

    yield start
    for lights in started:
        lights.close()


@pytest.mark.parametrize(
    ("color", "brightness", "wire"),
    [
        ((255, 0, 0), 128, b"80000080"),
        ((255, 255, 255), 255, b"ffffffff"),
        ((1, 2, 3), 255, b"010203ff"),
        ((255, 255, 255), 0, b"00000000"),
    ],
)
def test_update_on_the_wire(color: tuple[int, int, int], brightness: int, wire: bytes) -> None:
    assert update_of(color, brightness) == wire


def test_each_update_is_eight_characters_and_no_more(controller: Controller, run) -> None:
    lights = run()
    controller.hears(OFF)
    lights.set(on=True, brightness=128, color="FF0000")
    controller.hears(OFF + b"80000080")
    lights.set(color="0A0D11")  # CR and LF are no special bytes here, nor is anything else
    controller.hears(OFF + b"80000080" + b"05070980")
    lights.set(on=False)
    controller.hears(OFF + b"80000080" + b"05070980" + OFF)
    lights.set(on=True, brightness=255)
    controller.hears(OFF + b"80000080" + b"05070980" + OFF + b"0a0d11ff")
    lights.close()
    controller.hears(OFF + b"80000080" + b"05070980" + OFF + b"0a0d11ff" + OFF)


@pytest.mark.parametrize(("baud", "speed"), [(9600, termios.B9600), (115200, termios.B115200)])
def test_speed_of_the_port(controller: Controller, run, baud: int, speed: int) -> None:
    run(baud)
    controller.hears(OFF)
    assert controller.speed() == speed


def test_lines_come_back_oldest_first(controller: Controller, run) -> None:
    lights = run()
    controller.hears(OFF)
    assert lights.read_line() == ""
    controller.say(b"pulse 71\r\npul")
    controller.say(b"se 72\nhalf")
    found: list[str] = []

    def has_two() -> bool:
        found.extend(filter(None, [lights.read_line()]))
        return len(found) == 2

    wait_until(has_two, "two lines")
    assert (found, lights.read_line()) == (["pulse 71", "pulse 72"], "")
    lights.set(on=True, brightness=255, color="FF0000")
    controller.hears(OFF + b"ff0000ff")  # and not its own words, echoed


def test_unread_lines_are_bounded_and_the_oldest_go() -> None:
    lines = LineBuffer()
    for number in range(MAX_LINES + 5):
        lines.add(b"%d\n" % number)
    assert lines.pop() == "5"
    lines.add(b"x" * 100_000)
    assert len(lines._rest) == 0
    found = []
    while line := lines.pop():
        found.append(line)
    assert (len(found), found[-1]) == (MAX_LINES, "x" * 256)


def test_bytes_that_are_no_text_do_no_harm() -> None:
    lines = LineBuffer()
    lines.add(b"\xff\x00ok\n\n\r\n")
    assert (lines.pop(), lines.pop()) == ("\ufffd\x00ok", "")


def test_unplugged_and_back_shows_the_newest(controller: Controller, run) -> None:
    lights = run()
    lights.set(on=True, brightness=255, color="FF0000")
    wait_until(lambda: lights.status.reason is None, "it works")
    controller.pull_out()
    wait_until(lambda: lights.status.reason is not None, "the loss is noticed without an update")
    assert str(controller.link) in lights.status.reason
    lights.set(color="0000FF")
    lights.set(color="00FF00")
    controller.plug_in()
    controller.hears(b"00ff00ff")
    wait_until(lambda: lights.status.reason is None, "all is well again")
    controller.say(b"hello again\n")
    wait_until(lambda: lights.read_line() == "hello again", "lines again")


def test_a_port_that_is_not_there_or_not_ours_or_no_port_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, cause in (("none", "No such file or directory"), ("file", "Inappropriate ioctl for device")):
        strip = SerialStrip(str(tmp_path / name), 9600)
        with pytest.raises(LightLost, match=rf"the light's serial port .*{name} cannot be used: {cause}"):
            strip.open()
        strip.close()


def test_a_port_that_takes_no_more_blocks_nobody(controller: Controller) -> None:
    strip = SerialStrip(str(controller.link), 9600)
    strip.open()
    with pytest.raises(LightLost, match="serial0"):
        for _ in range(100_000):  # nobody reads at the other end
            strip.show((1, 2, 3), 4)
    strip.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_light_goes_off_when_the_program_is_told_to_stop(
    controller: Controller, tmp_path: Path, number: int
) -> None:
    config = tmp_path / "config.txt"
    config.write_text(
        f"[server]\nhost = 127.0.0.1\nport = {free_port()}\nmedia_dir = {tmp_path}/media\n"
        f"[camera]\ncamera = synthetic\n[light]\nkind = serial\ntty = {controller.link}\n"
    )
    program = (
        "import app, rig\n"
        "start = rig.Lights.start\n"
        "def lit(lights):\n    start(lights)\n    lights.set(on=True, brightness=255, color='FF0000')\n"
        "rig.Lights.start = lit\n"
        f"raise SystemExit(app.main(['--config', {str(config)!r}]))\n"
    )
    environ = {**os.environ, "TURRET_ADMIN_PASSWORD": PASSWORD}
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            process.stdout.readline()
            controller.hears_last(b"ff0000ff")
            before = controller.heard
            process.send_signal(number)
            assert process.wait(20) == 0, process.stderr.read()
        finally:
            process.kill()
    controller.hears(before + OFF)
