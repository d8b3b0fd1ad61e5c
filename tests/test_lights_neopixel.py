"""NeoPixels: the real rpi_ws281x library in its own process, what it sends over SPI decoded to colors.

Where the library cannot be had (no compiler, no network) its tests are skipped; those of the process around
it run with small programs in its place.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import killed_in_the_end, wait_until

from errors import LightLost, NotSupported
from hardware import strip_neopixel
from hardware.lights import Lights
from hardware.strip_choice import strip_of
from hardware.strip_neopixel import NeoPixelStrip
from settings import LightSettings
from tests.virtual_pi import neopixel

ROOT = Path(__file__).resolve().parent.parent
SPI = LightSettings(kind="neopixel", method="spi", count=3)
DARK = [(0, 0, 0)] * 3


@pytest.fixture(scope="session")
def library() -> None:
    """The real library, compiled once for this machine."""
    try:
        neopixel.build()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"rpi_ws281x cannot be built here: {error}: {getattr(error, 'stderr', '')[-300:]}")


@pytest.fixture
def film(library: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[list[neopixel.Pixel]]]:
    """Processes from now on find a strip of three pixels; what it showed so far."""
    log = tmp_path / "spi.log"
    for name, value in neopixel.with_strip(log).items():
        monkeypatch.setenv(name, value)
    return lambda: neopixel.messages(log, 3)


@pytest.fixture
def no_pi(library: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is installed, the board is none it knows."""
    for name, value in neopixel.with_package().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def run() -> Iterator[Callable[..., Lights]]:
    started: list[Lights] = []

    def start(settings: LightSettings = SPI) -> Lights:
        started.append(Lights(strip_of(settings)))
        started[-1].start()
        return started[-1]

    yield start
    for lights in started:
        lights.close()


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], NeoPixelStrip]:
    """A strip whose process is this program."""

    def make(program: str) -> NeoPixelStrip:
        path = tmp_path / "child.py"
        path.write_text(program, encoding="utf-8")
        monkeypatch.setattr(strip_neopixel, "CHILD", path)
        return NeoPixelStrip(10, 3, "grb")

    return make


def pid_of(lights: Lights) -> int | None:
    return lights._strip.pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_pixel_shows_the_color(film, run) -> None:
    lights = run()
    wait_until(lambda: film()[-1:] == [DARK], "dark at start")
    lights.set(on=True, brightness=128, color="FF0000")
    wait_until(lambda: film()[-1] == [(128, 0, 0)] * 3, "red at 128")
    lights.set(brightness=255, color="0A64FE")
    wait_until(lambda: film()[-1] == [(10, 100, 254)] * 3, "another color")
    lights.set(on=False)
    wait_until(lambda: film()[-1] == DARK, "dark")
    assert lights.status.reason is None
    assert {tuple(message) for message in film()} == {
        tuple(DARK), ((128, 0, 0),) * 3, ((10, 100, 254),) * 3,
    }  # fmt: skip


def test_order_of_the_colors(film, run) -> None:
    lights = run(SPI.model_copy(update={"order": "rgb"}))
    lights.set(on=True, brightness=255, color="010203")
    # The decoder takes what is sent for green, red, blue.
    wait_until(lambda: film()[-1:] == [[(2, 1, 3)] * 3], "red is sent first")


def test_close_switches_off_and_ends_the_process(film, run) -> None:
    lights = run()
    lights.set(on=True, brightness=255, color="00FF00")
    wait_until(lambda: film()[-1:] == [[(0, 255, 0)] * 3], "green")
    pid = pid_of(lights)
    lights.close()
    lights.close()
    assert film()[-1] == DARK
    assert not is_alive(pid)


def test_a_process_that_was_killed_is_replaced_and_shows_the_newest(film, run) -> None:
    lights = run()
    lights.set(on=True, brightness=255, color="00FF00")
    wait_until(lambda: film()[-1:] == [[(0, 255, 0)] * 3], "green")
    first, told = pid_of(lights), []
    lights.on_change = told.append
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: told and told[-1].reason is None, "healed")
    assert told[0].reason == "the pixels' process ended by itself, status -9"
    assert pid_of(lights) != first
    lights.set(color="0000FF")
    wait_until(lambda: film()[-1] == [(0, 0, 255)] * 3, "blue by the new process")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_for_everybody_does_not_end_the_process_before_it_switched_off(film, run, number: int) -> None:
    lights = run()
    lights.set(on=True, brightness=255, color="00FF00")
    wait_until(lambda: film()[-1:] == [[(0, 255, 0)] * 3], "green")
    pid = pid_of(lights)
    os.kill(pid, number)
    lights.set(color="0000FF")
    wait_until(lambda: film()[-1] == [(0, 0, 255)] * 3, "still at work")
    assert pid_of(lights) == pid
    lights.close()
    assert film()[-1] == DARK


LIT = """
import threading
from contextlib import suppress
from errors import NotSupported
from hardware.lights import Lights
from hardware.strip_choice import strip_of
from settings import LightSettings
is_refused = threading.Event()
def look(status):
    if not status.is_supported:
        is_refused.set()
strip = strip_of(LightSettings(kind="neopixel", method="spi", count=3))
lights = Lights(strip, on_change=look)
lights.start()
with suppress(NotSupported):
    lights.set(on=True, brightness=255, color="00FF00")
is_refused.wait(30)
print(lights.status.reason)
lights.close()
"""


def test_pixels_go_off_when_the_program_is_killed(film) -> None:
    with killed_in_the_end(subprocess.Popen([sys.executable, "-c", LIT], cwd=ROOT)) as main:
        wait_until(lambda: film()[-1:] == [[(0, 255, 0)] * 3], "green")
        main.kill()
    wait_until(lambda: film()[-1] == DARK, "dark")


def test_a_board_that_is_not_supported_is_a_reason_and_no_crash(no_pi) -> None:
    done = subprocess.run([sys.executable, "-c", LIT], cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert "Hardware revision is not supported" in done.stdout
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_the_process_itself_ends_in_order_on_a_board_that_is_not_supported(no_pi) -> None:
    # Left to Python's exit handlers the library dies of SIGSEGV here.
    command = [sys.executable, "-P", str(strip_neopixel.CHILD), "10", "3", "grb"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stdout[:12], done.stdout.count("\n")) == (0, "unsupported ", 1)


def test_a_board_that_is_not_supported_is_not_tried_again(no_pi, run) -> None:
    lights = run()
    wait_until(lambda: not lights.status.is_supported, "refused")
    assert "Hardware revision is not supported" in lights.status.reason
    assert pid_of(lights) is None
    with pytest.raises(NotSupported, match="the pixels cannot be driven on this machine"):
        lights.set(on=True)


@pytest.mark.parametrize("reason", [errno.ENOENT, errno.EACCES], ids=["missing", "forbidden"])
def test_spi_that_is_missing_or_forbidden_is_a_reason_and_the_light_comes_when_it_does(
    reason: int, film, run, tmp_path, monkeypatch
) -> None:
    """SPI is off until the boot file has it switched on; its device belongs to the group `spi`."""
    fault = tmp_path / "fault"
    fault.write_text(str(reason))
    monkeypatch.setenv("NEOPIXEL_SPI_ERRNO", str(fault))
    lights = run()
    wait_until(lambda: lights.status.reason, "there is a reason")
    assert "the pixels cannot be driven now" in lights.status.reason
    assert "/dev/spidev0.0" in lights.status.reason
    lights.set(on=True, brightness=255, color="00FF00")
    assert film() == []
    fault.unlink()
    wait_until(lambda: film()[-1:] == [[(0, 255, 0)] * 3], "green by itself", 30)
    wait_until(lambda: lights.status.reason is None, "no reason any more")


def test_a_library_that_is_not_installed_is_named(tmp_path, monkeypatch) -> None:
    (tmp_path / "rpi_ws281x.py").write_text("raise ImportError('there is none')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    strip = NeoPixelStrip(10, 3, "grb")
    with pytest.raises(NotSupported, match=r"the library is missing \(there is none\): sudo apt install gcc"):
        strip.open()
    strip.close()
    strip.close()


def test_no_permission_is_a_reason_that_may_go_away(play) -> None:
    strip = play("print('failed ws2811_init failed with code -5 (mmap() failed)')")
    with pytest.raises(LightLost, match=r"the pixels cannot be driven now: ws2811_init failed with code -5"):
        strip.open()
    strip.close()


def test_a_process_that_crashes_at_start_is_told_by_its_status(play) -> None:
    strip = play("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(LightLost, match="the pixels' process ended, status -11"):
        strip.open()
    strip.close()


def test_a_process_that_says_nothing_at_start_is_killed(play, monkeypatch) -> None:
    monkeypatch.setattr(strip_neopixel, "START_TIMEOUT_S", 0.2)
    strip = play("import threading; threading.Event().wait()")
    with pytest.raises(LightLost, match=r"said nothing for 0\.2 s"):
        strip.open()
    pid = strip.pid
    strip.close()
    assert not is_alive(pid)


def test_a_process_that_hangs_in_an_update_and_will_not_end_is_killed(play, monkeypatch) -> None:
    monkeypatch.setattr(strip_neopixel, "ANSWER_TIMEOUT_S", 0.2)
    monkeypatch.setattr(strip_neopixel, "END_TIMEOUT_S", 0.2)
    strip = play("import threading; print('ready', flush=True); threading.Event().wait()")
    strip.open()
    with pytest.raises(LightLost, match=r"said nothing for 0\.2 s"):
        strip.show((1, 2, 3), 4)
    pid = strip.pid
    strip.close()
    assert not is_alive(pid)


def test_a_process_that_does_not_end_with_its_input_is_killed(play, monkeypatch) -> None:
    monkeypatch.setattr(strip_neopixel, "END_TIMEOUT_S", 0.2)
    strip = play("import threading; print('ready', flush=True); threading.Event().wait()")
    strip.open()
    pid = strip.pid
    strip.close()
    assert not is_alive(pid)


def test_close_does_not_wait_for_a_start_that_hangs(play) -> None:
    strip = play("import threading; threading.Event().wait()")
    lights = Lights(strip)
    lights.start()
    wait_until(lambda: strip.pid is not None, "the process is started")
    pid = strip.pid
    lights.close()
    assert not is_alive(pid)


def test_a_failed_update_is_told(play) -> None:
    strip = play("print('ready', flush=True)\ninput()\nprint('failed ws2811_render failed with code -14', flush=True)")
    strip.open()
    with pytest.raises(LightLost, match="the pixels failed: failed ws2811_render"):
        strip.show((1, 2, 3), 4)
    strip.close()


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ({}, ["18", "16", "grb"]),
        ({"method": "pwm", "pin": 13, "count": 8}, ["13", "8", "grb"]),
        ({"method": "spi", "pin": 13, "order": "rgb"}, ["10", "16", "rgb"]),
    ],
)
def test_what_the_process_is_told(settings: dict[str, object], arguments: list[str]) -> None:
    strip = strip_of(LightSettings.model_validate({"kind": "neopixel", **settings}))
    assert strip._command[-3:] == arguments
