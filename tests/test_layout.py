"""The import law: arrows point down, rooms do not know each other, outside packages stay in their room."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {"camera", "hardware", "store", "relay"}
SHARED = {"errors", "threads", "logs", "rig"}
DOORS = {"app", "database_manager", "benchcamera"}
MAY_IMPORT = {
    "errors": set(),
    "threads": {"errors"},
    "logs": {"threads", "errors"},
    "settings": {"settings", "errors"},
    "camera": {"camera", "threads", "settings", "errors"},
    "hardware": {"hardware", "threads", "settings", "errors"},
    "store": {"store", "threads", "settings", "errors"},
    "relay": {"relay", "camera", "threads", "settings", "errors"},
    "jobs": {"jobs", *ROOMS, "threads", "settings", "errors"},
    "rig": {"jobs", *ROOMS, "threads", "settings", "errors"},
    "web": {"web", "rig", "jobs", *ROOMS, "threads", "settings", "errors"},
    "shell": {"shell", "jobs", *ROOMS, "threads", "settings", "errors"},
    **{door: {"shell", "web", "rig", "jobs", *ROOMS, "logs", "threads", "settings", "errors"} for door in DOORS},
}
HOME_OF = {
    "flask": {"web", "app"}, "apiflask": {"web", "app"}, "cheroot": {"web"}, "werkzeug": {"web", "app", "store"},
    "flask_login": {"web"}, "flask_httpauth": {"web"}, "prometheus_client": {"web"}, "sqlite3": {"store"},
    "gpiozero": {"hardware"}, "lgpio": {"hardware"}, "rpi_ws281x": {"hardware"}, "redis": {"relay"},
    "cv2": {"camera"}, "picamera2": {"camera"}, "libcamera": {"camera"}, "av": {"camera"}, "linuxpy": {"camera"},
    "simplejpeg": {"camera"}, "numpy": {"camera"}, "zipstream": {"web"}, "pydantic": {"settings", "web"},
    "smbus2": {"hardware"},
}  # fmt: skip
OWN = set(MAY_IMPORT)
FILES = sorted(
    path
    for path in ROOT.rglob("*.py")
    if path.relative_to(ROOT).parts[0] in OWN or (path.stem in OWN and path.parent == ROOT)
)


TOLD = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_stands_in_the_list_of_rooms(path: Path) -> None:
    patterns = {word for word in TOLD.replace(",", " ").split() if word.endswith(".py")}
    assert path.name == "__init__.py" or any(path.match(pattern) for pattern in patterns)


def room_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Top-level names of everything a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down_and_packages_stay_at_home(path: Path) -> None:
    room, imports = room_of(path), imports_of(path)
    assert imports & OWN <= MAY_IMPORT[room]
    strangers = {
        name for name in imports - OWN if name not in sys.stdlib_module_names | {"__future__"} or name in HOME_OF
    }
    assert {name for name in strangers if room not in HOME_OF.get(name, set())} == set()


def test_only_known_files_lie_at_the_root() -> None:
    assert {path.stem for path in ROOT.glob("*.py")} <= SHARED | DOORS


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_holds_state_that_changes(path: Path) -> None:
    """No `global`, and nothing at module level that is an empty list, dict or set waiting to be filled."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)]
    empties = [
        node.lineno
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and ((isinstance(node.value, ast.List | ast.Set) and not node.value.elts)
             or (isinstance(node.value, ast.Dict) and not node.value.keys))
    ]  # fmt: skip
    assert empties == []
