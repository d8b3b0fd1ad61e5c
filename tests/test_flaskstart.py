"""flaskstart.sh: starting, repairing, updating."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from turret_copy import DEADLINE_S, PROJECT, Copy, report


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.fixture
def ready(copy: Copy) -> Copy:
    """A copy that was set up."""
    assert copy.start("--setup-only").returncode == 0
    return copy


@pytest.fixture
def blocked(copy: Copy) -> Iterator[subprocess.Popen[str]]:
    """A first start that waits within pip until somebody writes into pip.gate."""
    os.mkfifo(copy.folder / "pip.gate")
    copy.pip_does("block")
    with copy.popen() as process:
        assert process.stderr
        for line in process.stderr:
            if "fetching flask" in line:
                break
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_first_start_installs_the_packages_and_runs_the_program_in_them(copy: Copy) -> None:
    (copy.folder / "requirements.txt").write_text("flask==1.0\n")
    done = copy.start()
    assert report(done)["prefix"] == str(copy.venv)
    assert copy.pip_calls == ["requirements.txt false"]
    assert "fetching flask (1 of 1)" in done.stderr


def test_it_works_through_a_symlink_and_leaves_the_working_directory_alone(copy: Copy, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    link = elsewhere / "turret"
    link.symlink_to("../turret/flaskstart.sh")
    assert report(copy.start(script=link, cwd=elsewhere))["folder"] == str(elsewhere)
    assert copy.stamp.exists()


def test_it_works_in_a_folder_with_spaces_and_quotes(tmp_path: Path) -> None:
    root = tmp_path / "my turret's folder"
    root.mkdir()
    copy = Copy(root)
    assert copy.report()["prefix"] == str(copy.venv)
    assert copy.report()["prefix"] == str(copy.venv)
    assert len(copy.pip_calls) == 1


def test_second_start_says_nothing_and_runs_only_the_program(ready: Copy) -> None:
    for tool in ("python3", "find", "flock", "sed"):
        (ready.bin / tool).unlink()
    done = ready.start()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(ready.pip_calls) == 1


def test_options_reach_the_program_unchanged(ready: Copy) -> None:
    options = ["--port", "8080", "--media", "my photos", "--config", "", "a'b\"c", "$HOME", "*", "--", "-x=1 2", "\n"]
    assert ready.report(*options)["arguments"] == options


def test_the_scripts_own_options_are_taken_out(ready: Copy) -> None:
    assert ready.report("--dev", "--port", "8080")["arguments"] == ["--port", "8080"]


def test_a_plain_shell_will_do(ready: Copy) -> None:
    asked = ["/bin/sh", str(ready.folder / "flaskstart.sh"), "a b"]
    environ = {"PATH": str(ready.bin), "TURRET_BOARD": "other"}
    done = subprocess.run(asked, env=environ, capture_output=True, text=True, timeout=DEADLINE_S)
    assert report(done)["arguments"] == ["a b"]


def test_setup_only_does_not_serve(copy: Copy) -> None:
    done = copy.start("--setup-only", "--port", "8080")
    assert (done.returncode, done.stdout) == (0, "")
    assert copy.stamp.exists()


def test_the_program_takes_the_place_of_the_script_and_gets_its_signals(ready: Copy) -> None:
    with ready.popen("--wait") as process:
        assert process.stdout
        seen = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        status = process.wait(DEADLINE_S)
    assert (seen["pid"], status) == (process.pid, -signal.SIGTERM)


def test_the_programs_status_and_last_words_are_the_scripts(ready: Copy) -> None:
    (ready.folder / "app.py").write_text("import sys\nprint('app.py: no', file=sys.stderr)\nsys.exit(2)\n")
    done = ready.start()
    assert (done.returncode, done.stderr) == (2, "app.py: no\n")


def test_help_needs_nothing_and_names_every_option_of_the_program(copy: Copy) -> None:
    (copy.bin / "python3").unlink()
    done = copy.start("--help")
    asked = subprocess.run([sys.executable, PROJECT / "app.py", "--help"], capture_output=True, text=True, check=True)
    options = {word.strip("[],") for word in asked.stdout.split() if word.strip("[],").startswith("--")}
    assert done.returncode == 0
    assert "--port" in options
    assert not [option for option in options if option not in done.stdout]


def test_changed_requirements_are_installed_once(ready: Copy) -> None:
    (ready.folder / "requirements.txt").write_text("flask==2.0\n")
    assert "fetching flask" in ready.start().stderr
    assert ready.start().stderr == ""
    assert len(ready.pip_calls) == 2


def test_who_set_up_for_development_keeps_it(ready: Copy) -> None:
    ready.start("--dev", "--setup-only")
    ready.start()
    (ready.folder / "requirements-dev.txt").write_text("pytest==1.0\n")
    ready.start()
    assert ready.pip_calls == ["requirements.txt false", *["requirements.txt requirements-dev.txt false"] * 2]


def test_an_interrupted_set_up_is_made_again(copy: Copy, blocked: subprocess.Popen[str]) -> None:
    (copy.venv / "half.py").touch()
    os.killpg(blocked.pid, signal.SIGKILL)
    blocked.wait(DEADLINE_S)
    copy.pip_does("work")
    assert copy.report()["prefix"] == str(copy.venv)
    assert len(copy.pip_calls) == 2
    assert not (copy.venv / "half.py").exists()


def test_an_interrupted_update_is_made_again(ready: Copy) -> None:
    os.mkfifo(ready.folder / "pip.gate")
    ready.pip_does("block")
    before = (ready.folder / "requirements.txt").read_text()
    (ready.folder / "requirements.txt").write_text("flask==2.0\n")
    with ready.popen() as process:
        assert process.stderr
        assert any("fetching" in line for line in process.stderr)
        os.killpg(process.pid, signal.SIGKILL)
    ready.pip_does("work")
    (ready.venv / "half.py").touch()
    # The stamp fits again, but nobody knows what pip had done by then.
    (ready.folder / "requirements.txt").write_text(before)
    ready.report()
    assert not (ready.venv / "half.py").exists()


@pytest.mark.parametrize("now", ["nowhere/python3.11", "/usr/bin/env"], ids=["gone", "another one"])
def test_an_environment_of_another_python_is_made_again(ready: Copy, now: str) -> None:
    (ready.venv / "bin" / "python").unlink()
    (ready.venv / "bin" / "python").symlink_to(now)
    assert ready.report()["prefix"] == str(ready.venv)
    assert len(ready.pip_calls) == 2


def test_an_environment_of_another_processor_is_made_again(ready: Copy) -> None:
    folder, python, packages = ready.stamp.read_text().splitlines()
    ready.stamp.write_text("\n".join([folder, python.replace(python.split()[0], "armv9"), packages, ""]))
    ready.report()
    assert len(ready.pip_calls) == 2


def test_a_moved_folder_works_without_network(ready: Copy) -> None:
    before = ready.venv
    ready.folder = ready.folder.rename(ready.root / "moved")
    assert ready.report()["prefix"] == str(ready.venv)
    assert len(ready.pip_calls) == 1
    script = subprocess.run([ready.venv / "bin" / "flask"], capture_output=True, text=True, check=True)
    assert script.stdout == "flask script\n"
    assert str(before) not in (ready.venv / "bin" / "activate").read_text()
    assert ready.start().stderr == ""


def test_an_environment_made_by_hand_is_kept(copy: Copy) -> None:
    subprocess.run([copy.bin / "python3", "-m", "venv", copy.venv], check=True)
    (copy.venv / "mine.txt").touch()
    copy.report()
    assert (copy.venv / "mine.txt").exists()
    assert len(copy.pip_calls) == 1


def test_two_starts_at_once_set_up_once(copy: Copy, blocked: subprocess.Popen[str]) -> None:
    with copy.popen() as second:
        assert second.stderr
        assert "waiting" in second.stderr.readline()
        (copy.folder / "pip.gate").write_text("go on")
        for process in (blocked, second):
            assert process.stdout
            assert json.loads(process.stdout.read())["prefix"] == str(copy.venv)
            assert process.wait(DEADLINE_S) == 0
    assert len(copy.pip_calls) == 1


def test_on_a_pi_the_systems_packages_are_seen_by_the_program_but_not_by_pip(copy: Copy) -> None:
    # /usr/bin/python3 goes first on a Pi; this one stands in for it.
    script = copy.folder / "flaskstart.sh"
    script.write_text(script.read_text().replace("/usr/bin/python3 ", "python3 "))
    for requirements in ("flask==1.0\n", "flask==2.0\n"):
        (copy.folder / "requirements.txt").write_text(requirements)
        copy.report(TURRET_BOARD="pi")
        assert "include-system-site-packages = true\n" in (copy.venv / "pyvenv.cfg").read_text()
    assert copy.pip_calls == ["requirements.txt requirements-pi.txt false"] * 2
