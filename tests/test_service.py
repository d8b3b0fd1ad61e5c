"""./flaskstart.sh --install-service: the systemd unit it would install."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pydantic
import pytest
from fake_pwm import PI_3, PI_4, PI_5
from turret_copy import Copy

# What would change the machine, writing down what it was told instead.
SUDO = """#!/usr/bin/env bash
exec "$@"
"""
INSTALL = """#!/usr/bin/env bash
cat "${{@: -2:1}}" >{root}/bagel-turret.service
echo "${{@: -1}}" >{root}/target
"""
SYSTEMCTL = """#!/usr/bin/env bash
echo "$@" >>{root}/systemctl.log
"""


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def install(copy: Copy) -> str:
    """Install the service; the unit."""
    for name, text in {"sudo": SUDO, "install": INSTALL, "systemctl": SYSTEMCTL}.items():
        copy.add_tool(name, text)
    done = copy.start("--install-service", PYTHONPATH=str(Path(pydantic.__file__).parent.parent))
    assert done.returncode == 0, done.stderr
    assert (copy.root / "target").read_text() == "/etc/systemd/system/bagel-turret.service\n"
    return (copy.root / "bagel-turret.service").read_text()


def test_it_runs_as_who_installed_it_in_its_folder(copy: Copy) -> None:
    unit = install(copy)
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    assert {f"User={user}", f"ExecStart={copy.folder}/flaskstart.sh", "Restart=on-failure"} <= set(unit.splitlines())
    assert f"ReadWritePaths={copy.folder} {copy.folder}/media\n" in unit
    assert "@" not in unit.replace("@WORDS@", "")


def test_it_is_started_now_and_at_boot(copy: Copy) -> None:
    install(copy)
    told = (copy.root / "systemctl.log").read_text().splitlines()
    assert told == ["daemon-reload", "enable --quiet bagel-turret.service", "restart bagel-turret.service"]


def test_it_may_write_a_media_folder_elsewhere(copy: Copy, tmp_path: Path) -> None:
    (copy.folder / "config.txt").write_text(f"[server]\nmedia_dir = {tmp_path}/stick\n")
    assert f"ReadWritePaths={copy.folder} {tmp_path}/stick\n" in install(copy)
    assert (tmp_path / "stick").is_dir()


@pytest.mark.parametrize("device", [PI_3, PI_4, PI_5])
def test_it_may_write_the_pwm_of_each_board(copy: Copy, device: str) -> None:
    """ProtectKernelTunables makes /sys read-only otherwise."""
    writable = [line for line in install(copy).splitlines() if line.startswith("ReadWritePaths=")]
    assert f"-/sys/devices/platform/{device}" in " ".join(writable).replace("=", " ").split()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong_with_it(copy: Copy) -> None:
    install(copy)
    verify = ["systemd-analyze", "verify", "--man=no", str(copy.root / "bagel-turret.service")]
    assert subprocess.run(verify, capture_output=True, text=True).stderr == ""


def test_without_systemd_it_says_so(copy: Copy) -> None:
    copy.report()
    assert copy.start("--install-service").stderr == (
        "flaskstart.sh: this machine has no systemd: start ./flaskstart.sh at boot by its own means\n"
    )
