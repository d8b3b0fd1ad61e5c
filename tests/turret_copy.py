"""A copy of the project in which flaskstart.sh can be started, on a machine that has only what we give it."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
REAL_PYTHON = str(Path(sys.executable).resolve())
DEADLINE_S = 30
# All that the script may need of a machine, beside Python.
TOOLS = (
    "awk bash cat df dirname env find flock getent grep id ls mkdir mktemp mv readlink rm sed sha256sum stat tail tee"
)

STUB_PROGRAM = """
import json, os, signal, sys
seen = {"arguments": sys.argv[1:], "folder": os.getcwd(), "pid": os.getpid(), "prefix": sys.prefix}
print(json.dumps(seen), flush=True)
if "--wait" in sys.argv:
    signal.pause()
"""

# Says what pip says, writes what it was asked into pip.log, and does what the file `pip.does` wants.
FAKE_PIP = """
import pathlib, sys
home = pathlib.Path(sys.prefix).parent
does = (home / "pip.does").read_text().split() if (home / "pip.does").exists() else []
system = [l for l in pathlib.Path(sys.prefix, "pyvenv.cfg").read_text().splitlines() if l.startswith("include-system")]
with (home / "pip.log").open("a") as log:
    print(*[pathlib.Path(a).name for a in sys.argv if a.endswith(".txt")], system[0].split()[-1], file=log)
print("Collecting flask==1.0 (from -r requirements.txt)", flush=True)
if "block" in does:
    (home / "pip.gate").open().read()
if "lose-network" in does:
    print("ERROR: No matching distribution found for flask==1.0")
    sys.exit(1)
print("Installing collected packages: flask", flush=True)
if "fill-disk" in does:
    print("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")
    sys.exit(1)
script = pathlib.Path(sys.prefix, "bin", "flask")
script.write_text(f"#!{sys.prefix}/bin/python\\nprint('flask script')\\n")
script.chmod(0o755)
"""

# Makes virtual environments with that pip, in a tenth of the usual time.
NEW_PYTHON = """#!/usr/bin/env bash
case "$*" in
    *"-m venv"*)
        {real} -I -m venv --without-pip "${{@: -1}}" || exit 1
        cd "${{@: -1}}"/lib/python*/site-packages && mkdir pip && cat {pip} >pip/__main__.py ;;
    *) exec {real} "$@" ;;
esac
"""
COPIED = "flaskstart.sh settings/ errors.py config.txt deploy/service deploy/bagel-turret.service"
REQUIREMENTS = "requirements.txt requirements-pi.txt requirements-dev.txt"


class Copy:
    """What flaskstart.sh needs of the project, in `folder`; `bin` is all there is on the PATH."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "turret"
        self.bin = root / "bin"
        self.bin.mkdir()
        for tool in TOOLS.split():
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        (root / "pip.py").write_text(FAKE_PIP)
        self.add_tool("python3", NEW_PYTHON)
        (self.folder / "deploy").mkdir(parents=True)
        for name in COPIED.split():
            copy = shutil.copytree if name.endswith("/") else shutil.copy2
            copy(PROJECT / name, self.folder / name)
        for name in REQUIREMENTS.split():
            (self.folder / name).write_text("# none\n")
        (self.folder / "app.py").write_text(STUB_PROGRAM)

    @property
    def venv(self) -> Path:
        return self.folder / ".venv"

    @property
    def stamp(self) -> Path:
        return self.venv / "stamp"

    @property
    def pip_calls(self) -> list[str]:
        """For each call of pip: the requirement files and whether system packages were visible."""
        log = self.folder / "pip.log"
        return log.read_text().splitlines() if log.exists() else []

    def pip_does(self, what: str) -> None:
        """Make pip `block` until pip.gate is written, `lose-network`, `fill-disk` or `work`."""
        (self.folder / "pip.does").write_text(what)

    def add_tool(self, name: str, text: str) -> None:
        """Put a script on the PATH, in the place of one that is there."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        words = {"real": REAL_PYTHON, "pip": self.root / "pip.py", "root": self.root}
        path.write_text(text.format(**{word: shlex.quote(str(value)) for word, value in words.items()}))
        path.chmod(0o755)

    def popen(
        self, *arguments: str, script: Path | None = None, cwd: Path | None = None, **environ: str
    ) -> subprocess.Popen[str]:
        """Start it, as the leader of a process group."""
        return subprocess.Popen(
            [str(script or self.folder / "flaskstart.sh"), *arguments],
            cwd=cwd or self.root,
            env={"PATH": str(self.bin), "HOME": str(self.root), "TURRET_BOARD": "other", **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start(
        self, *arguments: str, script: Path | None = None, cwd: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        with self.popen(*arguments, script=script, cwd=cwd, **environ) as process:
            out, err = process.communicate(timeout=DEADLINE_S)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def report(self, *arguments: str, **environ: str) -> dict[str, object]:
        """Run it to its good end; what the program saw."""
        return report(self.start(*arguments, **environ))

    def refusal(self, *arguments: str, **environ: str) -> str:
        """Run it to its bad end; the one line it says."""
        done = self.start(*arguments, **environ)
        assert (done.returncode, done.stdout) == (1, "")
        *before, last = done.stderr.splitlines()
        assert last.startswith("flaskstart.sh: ")
        assert not [line for line in before if "flaskstart.sh" in line or "Traceback" in line]
        return last


def report(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """What the program saw that ran to its good end."""
    assert done.returncode == 0, done.stderr
    seen: dict[str, object] = json.loads(done.stdout)
    return seen
