"""Warnings: what works but should be changed, by what the kernel says in a folder like `/`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import basic
from turret_by_hand import Bench

from app import create_app
from hardware.advice import OUTPUTS_STAY, outputs_stay
from hardware.machine import Machine
from hardware.pins import Pins, simulated_pins

PI_4 = b"raspberrypi,4-model-b\0brcm,bcm2711\0"
PI_5 = b"raspberrypi,5-model-b\0brcm,bcm2712\0"


def machine_in(root: Path, board: bytes = PI_4, **parameters: str) -> Path:
    """A board whose pins' drivers have these values of persist_gpio_outputs."""
    tree = root / "proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "compatible").write_bytes(board)
    for driver, value in parameters.items():
        path = root / f"sys/module/{driver}/parameters/persist_gpio_outputs"
        path.parent.mkdir(parents=True)
        path.write_text(value + "\n")
    return root


def pins_on(root: Path) -> Pins:
    """Pins that count as real."""
    pins = simulated_pins("")
    pins.simulated_because, pins.machine = None, Machine(root)
    return pins


@pytest.mark.parametrize(
    ("board", "parameters", "stays"),
    [
        (PI_4, {"pinctrl_bcm2835": "Y"}, True),
        (PI_4, {"pinctrl_bcm2835": "N"}, False),  # dtparam=strict_gpiod
        (PI_4, {"pinctrl_bcm2835": "N", "pinctrl_rp1": "Y"}, False),  # one kernel for all boards
        (PI_5, {"pinctrl_bcm2835": "Y", "pinctrl_rp1": "N"}, False),
        (PI_5, {"pinctrl_bcm2835": "N", "pinctrl_rp1": "Y"}, True),
        (PI_4, {}, False),  # a kernel that does not say
        (PI_5, {}, False),
    ],
)
def test_outputs_that_stay_are_seen_by_the_parameter_of_the_boards_own_driver(
    tmp_path: Path, board: bytes, parameters: dict[str, str], stays: bool
) -> None:
    assert outputs_stay(machine_in(tmp_path, board, **parameters)) is stays


def test_no_pi_has_nothing_to_say(tmp_path: Path) -> None:
    assert outputs_stay(tmp_path) is False


def test_a_software_servo_and_outputs_that_stay_are_warned_of_and_logged_once(tmp_path: Path, caplog) -> None:
    bench = Bench(pins=pins_on(machine_in(tmp_path, pinctrl_bcm2835="Y")))
    trembles, stays = bench.turret.state.warnings
    assert trembles.startswith("The tilt servo gets its pulses by software")
    assert "[tilt] driver = hardware or pca9685" in trembles
    assert stays == OUTPUTS_STAY
    assert "put dtparam=strict_gpiod into /boot/firmware/config.txt" in stays
    bench.advance(1)
    assert [record.getMessage() for record in caplog.records] == [trembles, stays]


def test_each_software_servo_is_named(tmp_path: Path) -> None:
    bench = Bench(pins=pins_on(tmp_path), pan={"kind": "servo"})
    assert [warning.split(" gets")[0] for warning in bench.turret.state.warnings] == ["The pan servo", "The tilt servo"]


def test_without_a_software_servo_and_with_strict_outputs_there_is_nothing_to_say(tmp_path: Path, caplog) -> None:
    bench = Bench(pins=pins_on(machine_in(tmp_path, pinctrl_bcm2835="N")), tilt={"kind": "none"})
    assert bench.turret.state.warnings == ()
    assert caplog.text == ""


def test_simulated_pins_are_no_reason_to_warn() -> None:
    assert Bench().turret.state.warnings == ()


def test_the_page_gets_driver_and_warnings(rig) -> None:
    rig.turret._warnings = ("The tilt servo trembles.",)
    app = create_app(rig)
    state = app.test_client().get("/api/turret", headers={"Authorization": basic()}).json
    app.extensions["turret"].close()
    assert state["warnings"] == ["The tilt servo trembles."]
    assert (state["pan"]["driver"], state["tilt"]["driver"]) == (None, "software")
