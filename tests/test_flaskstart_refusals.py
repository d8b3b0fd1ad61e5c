"""flaskstart.sh: what it says when it cannot, one line with what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pip
import pytest
from turret_copy import Copy

OLD_PYTHON = "sys.version_info = (3, 9, 2)"
PYTHON_WITHOUT_VENV = "sys.modules['ensurepip'] = None"
# In the place of the stand-in: the pip that the tests run beside.
REAL_PIP = f"""
import runpy, sys
sys.modules.pop("pip")
sys.path.insert(0, {str(Path(pip.__file__).parent.parent)!r})
runpy.run_module("pip", run_name="__main__")
"""


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def break_python(copy: Copy, how: str) -> None:
    """Make python3 believe something of itself before it answers the script's questions."""
    copy.add_tool("python3", f"""#!/usr/bin/env bash\nexec {{real}} -c "import sys; {how}; exec(sys.argv[1])" "$2"\n""")


def test_no_python(copy: Copy) -> None:
    (copy.bin / "python3").unlink()
    assert "Please run: sudo apt install python3 python3-venv" in copy.refusal()


def test_python_too_old(copy: Copy) -> None:
    break_python(copy, OLD_PYTHON)
    assert "Python 3.11 or newer is needed, here is 3.9." in copy.refusal()


def test_python_without_venv(copy: Copy) -> None:
    break_python(copy, PYTHON_WITHOUT_VENV)
    assert "Please run: sudo apt install python3-venv" in copy.refusal()
    assert not copy.venv.exists()


@pytest.mark.parametrize("how", [OLD_PYTHON, PYTHON_WITHOUT_VENV, "sys.exit(127)"])
def test_another_python_is_taken_where_python3_will_not_do(copy: Copy, how: str) -> None:
    (copy.bin / "python3").rename(copy.bin / "python3.12")
    break_python(copy, how)
    assert copy.report()["prefix"] == str(copy.venv)


def test_no_room_for_the_packages(copy: Copy) -> None:
    copy.add_tool("df", "#!/usr/bin/env bash\nprintf 'Filesystem\\n/dev/root 29000 28880 120 99%% /\\n'\n")
    assert "needs 600 MB of free disk space, there are 120: make room" in copy.refusal()
    assert not copy.venv.exists()


def test_disk_full_while_installing(copy: Copy) -> None:
    copy.pip_does("fill-disk")
    assert "the disk is full: make room and start again" in copy.refusal()
    copy.pip_does("work")
    copy.report()


def test_no_network_at_the_first_start(copy: Copy) -> None:
    """With the real pip, and a port where nobody listens."""
    (copy.root / "pip.py").write_text(REAL_PIP)
    (copy.folder / "requirements.txt").write_text("no-such-package==3.1.3\n")
    said = copy.refusal(PIP_INDEX_URL="http://127.0.0.1:9/", PIP_RETRIES="0", PIP_CONFIG_FILE=os.devnull)
    assert "the packages could not be had, nothing was changed: check the network and start again" in said
    assert "No matching distribution found for no-such-package==3.1.3" in said
    assert f"(all of it: {copy.venv}/setup.log)" in said


def test_no_network_at_an_update_leaves_what_was_there(copy: Copy) -> None:
    copy.report()
    before = (copy.folder / "requirements.txt").read_text()
    (copy.folder / "requirements.txt").write_text("flask==2.0\n")
    copy.pip_does("lose-network")
    assert "nothing was changed" in copy.refusal()
    (copy.folder / "requirements.txt").write_text(before)
    assert copy.start().stderr == ""


def test_a_folder_that_is_no_environment_is_left_alone(copy: Copy, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_text("a cat")
    assert "holds something else" in copy.refusal(TURRET_VENV=str(photos))
    assert [path.name for path in photos.iterdir()] == ["cat.jpg"]
