"""A folder that behaves like the kernel's /sys/class/pwm, and what the pins behind it would show."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

PI_4 = "soc/fe20c000.pwm"
PI_3 = "soc/3f20c000.pwm"
PI_5 = "axi/1000120000.pcie/1f00098000.pwm"
FAN_OF_PI_5 = "axi/1000120000.pcie/1f0009c000.pwm"
END = "."
AT_REST = {"period": "0", "duty_cycle": "0", "enable": "0", "polarity": "normal"}


class FakePwm:
    """One chip. A thread makes and removes channels as `export` and `unexport` ask, as the kernel does.

    :param root: what is `/` to the program.
    :param mode: access to the files of a channel.
    :ivar given_back: the state of each channel at the moment it was given back.
    """

    def __init__(self, root: Path, device: str = PI_4, number: int = 0, mode: int = 0o644) -> None:
        self._mode = mode
        self.given_back: list[dict[str, str]] = []
        device_folder = root / "sys/devices/platform" / device
        self.chip = device_folder / f"pwm/pwmchip{number}"
        self.chip.mkdir(parents=True)
        (self.chip / "device").symlink_to(device_folder)
        link = root / "sys/class/pwm" / self.chip.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(self.chip)
        self._threads = [self._serve("export", self.export), self._serve("unexport", self._unexport)]

    def export(self, channel: int, **state: str) -> None:
        """Make a channel, in this state."""
        folder = self.chip / f"new{channel}"
        folder.mkdir()
        for file, value in {**AT_REST, **state}.items():
            (folder / file).write_text(value + "\n")
            (folder / file).chmod(self._mode)
        folder.rename(self._folder(channel))

    def exported(self) -> set[str]:
        """Names of the channels that are there."""
        return {folder.name for folder in self.chip.glob("pwm*")}

    def state(self, channel: int) -> dict[str, str]:
        """What the files of a channel say."""
        return {file: (self._folder(channel) / file).read_text().strip() for file in AT_REST}

    def pulse_us(self, channel: int) -> float | None:
        """The pulses at the pin; None while there are none."""
        state = self.state(channel)
        assert (state["period"], state["polarity"]) == ("20000000", "normal")
        return int(state["duty_cycle"]) / 1000 if state["enable"] == "1" and state["duty_cycle"] != "0" else None

    def close(self) -> None:
        """End the threads."""
        for file in ("export", "unexport"):
            (self.chip / file).write_text(END)
        for thread in self._threads:
            thread.join(5)

    def _folder(self, channel: int) -> Path:
        return self.chip / f"pwm{channel}"

    def _unexport(self, channel: int) -> None:
        self.given_back.append(self.state(channel))
        shutil.rmtree(self._folder(channel))

    def _serve(self, file: str, act: Callable[[int], None]) -> threading.Thread:
        os.mkfifo(self.chip / file)
        wishes = os.open(self.chip / file, os.O_RDWR)
        thread = threading.Thread(target=_listen, args=(wishes, act), daemon=True)
        thread.start()
        return thread


def _listen(wishes: int, act: Callable[[int], None]) -> None:
    while (wish := os.read(wishes, 1).decode()) != END:
        act(int(wish))
    os.close(wishes)
