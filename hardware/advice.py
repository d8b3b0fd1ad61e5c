"""What works, but not as well or as safely as it could: said once in the log, and on the page."""

from __future__ import annotations

import logging
from pathlib import Path

from hardware.axis import AxisState
from hardware.machine import BOOT_FILE
from hardware.pins import Pins

TREMBLES = (
    "The {axis} servo gets its pulses by software, so it trembles when the board is busy: choose [{axis}] driver = "
    "hardware or pca9685 (docs/hardware.md says what each needs)."
)
OUTPUTS_STAY = (
    "If the program is killed, its outputs stay as they were until it starts again, so a motor or trigger may stay on: "
    f"put dtparam=strict_gpiod into {BOOT_FILE} and restart the Pi."
)
PI_5 = b"brcm,bcm2712"

log = logging.getLogger(__name__)


def warnings_of(pins: Pins, pan: AxisState, tilt: AxisState) -> tuple[str, ...]:
    """A sentence for each thing that should be changed; none with simulated pins, where nothing can be hurt."""
    if pins.simulated_because is not None:
        return ()
    warnings = [
        TREMBLES.format(axis=name) for name, axis in (("pan", pan), ("tilt", tilt)) if axis.driver == "software"
    ]
    if outputs_stay(pins.machine.root):
        warnings.append(OUTPUTS_STAY)
    for warning in warnings:
        log.warning("%s", warning)
    return tuple(warnings)


def outputs_stay(root: Path) -> bool:
    """True when the kernel keeps outputs as they are when a program dies, which Raspberry Pi's does by default.

    `dtparam=strict_gpiod` changes that by a parameter of the pins' driver (raspberrypi/linux pull request 6150). Its
    value now is what counts, not the boot file, which may have been edited since. False when it does not say: a kernel
    without that parameter, or another one's pins.

    :param root: the folder that holds `sys` and `proc`.
    """
    driver = "pinctrl_rp1" if _is_pi_5(root) else "pinctrl_bcm2835"
    return _read(root / f"sys/module/{driver}/parameters/persist_gpio_outputs").strip() == b"Y"


def _is_pi_5(root: Path) -> bool:
    """A Pi 5's kernel may have the older driver built in as well, with a parameter that changes nothing."""
    return PI_5 in _read(root / "proc/device-tree/compatible").split(b"\0")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
