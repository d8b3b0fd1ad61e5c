"""docs/hardware.md and its drawings: every pin, setting, link and command in them is the program's own."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fakes import basic

import settings as settings_file

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "hardware.md"
TEXT = PAGE.read_text(encoding="utf-8")
DRAWINGS = sorted((PROJECT / "docs" / "wiring").glob("*.svg"))
EXAMPLES = re.findall(r"```ini\n(.*?)```", TEXT, re.DOTALL)
SVG = "{http://www.w3.org/2000/svg}"
LOGIN = {"Authorization": basic()}

# BCM number -> pin of the 40-pin header (Raspberry Pi documentation, "GPIO and the 40-pin header").
HEADER_PINS = {
    2: 3, 3: 5, 4: 7, 5: 29, 6: 31, 7: 26, 8: 24, 9: 21, 10: 19, 11: 23, 12: 32, 13: 33, 14: 8, 15: 10,
    16: 36, 17: 11, 18: 12, 19: 35, 20: 38, 21: 40, 22: 15, 23: 16, 24: 18, 25: 22, 26: 37, 27: 13,
}  # fmt: skip


def shipped() -> dict[str, dict[str, str]]:
    """config.txt: section -> key -> default."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(PROJECT / "config.txt", encoding="utf-8")
    return {section: dict(parser[section]) for section in parser.sections()}


def chapter(title: str) -> str:
    """The text from a heading to the next one of its kind."""
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def words_of(drawing: Path) -> str:
    return "\n".join("".join(text.itertext()) for text in ElementTree.parse(drawing).iter(f"{SVG}text"))


def anchor_of(heading: str) -> str:
    """The anchor GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_pins_in_use_are_the_defaults() -> None:
    named = re.findall(r"`\[(\w+)\] (\w+) = (\S+?)`", chapter("The pins in use"))
    assert len(named) == 8
    assert [(section, key, shipped()[section].get(key)) for section, key, _ in named] == named


def test_each_pin_in_use_stands_beside_its_setting() -> None:
    rows = re.findall(r"_?pin = (\d+)` \| (\d+) \(", chapter("The pins in use"))
    assert len(rows) == 7
    assert [(pin, pin) for pin, _ in rows] == rows


def test_safety_rules_name_the_defaults() -> None:
    named = re.findall(r"`(\w+) = (\S+?)`", chapter("What the program does for safety"))
    defaults = {(key, value) for keys in shipped().values() for key, value in keys.items()}
    assert len(named) >= 10
    assert set(named) <= defaults


def test_every_setting_that_is_named_exists() -> None:
    known = {key for keys in shipped().values() for key in keys}
    named = set(re.findall(r"`(\w+_(?:s|ms|us|deg|pin|high|s2|percent|hz))(?: = \S+)?`", TEXT))
    assert len(named) >= 12
    assert named <= known


@pytest.mark.parametrize("example", EXAMPLES, ids=["motor", "servos", "hardware", "pca9685", "pixels", "serial"])
def test_examples_of_settings_are_accepted(tmp_path: Path, example: str) -> None:
    path = tmp_path / "config.txt"
    path.write_text(example, encoding="utf-8")
    settings_file.load(path, {})


@pytest.mark.parametrize("place", [PAGE, *DRAWINGS], ids=lambda path: path.name)
def test_pins_of_the_header_are_right(place: Path) -> None:
    text = TEXT if place == PAGE else words_of(place)
    pairs = re.findall(r"\b(\d+) \((\d+)\)", text)
    assert [(pin, str(HEADER_PINS[int(pin)])) for pin, _ in pairs] == pairs


def test_drawings_use_the_default_pins() -> None:
    drawn = {int(pin) for path in DRAWINGS for pin in re.findall(r"BCM (\d+)", words_of(path))}
    defaults = {int(value) for keys in shipped().values() for key, value in keys.items() if key.endswith("pin")}
    assert drawn == defaults | {2, 3, 10, 14, 15}  # I2C; MOSI; the serial port


@pytest.mark.parametrize("page", [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")], ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    anchors = {anchor_of(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [link for link in links if link.startswith("#") and link[1:] not in anchors]
    missing += [link for link in links if not link.startswith("#") and not (page.parent / link).exists()]
    assert missing == []


def test_every_drawing_is_shown() -> None:
    assert set(re.findall(r"!\[.+?\]\(wiring/(.+?)\)", TEXT)) == {path.name for path in DRAWINGS}


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.name)
def test_drawing_is_readable_everywhere(drawing: Path) -> None:
    root = ElementTree.parse(drawing).getroot()
    ground = next(root.iter(f"{SVG}rect"))
    assert root.get("aria-label")
    assert ground.get("fill") == "#ffffff"
    assert f"0 0 {ground.get('width')} {ground.get('height')}" == root.get("viewBox")
    assert not re.search(r"href|url\(|@import|@font-face|<script|<image", drawing.read_text(encoding="utf-8"))


def test_commands_of_the_first_test_work(client) -> None:
    """In the order of the page, on simulated pins; 409 is what it says of a shot while disarmed."""
    commands = re.findall(r"\bpost (\w+)(?: '(\{.*?\})')?(?=[;`\s])", chapter("The first test"))
    assert {path for path, _ in commands} >= {"step", "stop", "arm", "disarm", "fire", "drive", "aim", "home", "lease"}
    for path, body in commands:
        wish = {"json": json.loads(body)} if body else {"data": "", "content_type": "application/json"}
        answer = client.post(f"/api/turret/{path}", headers=LOGIN, **wish)
        assert answer.status_code == 200 or (path, answer.status_code) == ("fire", 409), (path, body, answer.text)
