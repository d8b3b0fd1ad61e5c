"""Settings: config.txt, environment and options; every mistake names file, section, key and rule."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

import settings as settings_file
from errors import ConfigError
from settings import SECTIONS, Settings

ROOT = Path(__file__).resolve().parent.parent


def load(tmp_path: Path, text: str, environ: dict[str, str] | None = None, **overrides) -> Settings:
    path = tmp_path / "config.txt"
    path.write_text(text, encoding="utf-8")
    return settings_file.load(path, environ or {}, overrides)


def test_shipped_config_shows_every_setting_with_its_default() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "config.txt", encoding="utf-8")
    shown = {section: set(parser[section]) for section in parser.sections()}
    known = {name: set(Settings.model_fields[name].annotation.model_fields) for name in SECTIONS}
    assert shown == known
    shipped = settings_file.load(ROOT / "config.txt", {})
    defaults = settings_file.load(ROOT / "no-such-file.txt", {})
    assert shipped.model_copy(update={"source": defaults.source}) == defaults


def test_every_shipped_key_is_explained_in_a_comment() -> None:
    lines = (ROOT / "config.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if "=" in line and not line.startswith("#"):
            above = next(text for text in reversed(lines[:number]) if "=" not in text or text.startswith("#"))
            assert above.startswith("#"), line


def test_missing_file_is_all_defaults_unless_it_was_named(tmp_path: Path) -> None:
    assert settings_file.load(tmp_path / "none.txt", {}).server.port == 5000
    with pytest.raises(ConfigError, match=r"none\.txt: there is no such file"):
        settings_file.load(tmp_path / "none.txt", {}, is_required=True)


def test_options_win_over_environment_and_environment_over_file(tmp_path: Path) -> None:
    text = "[server]\nport = 5001\nmax_viewers = 10\n[camera]\nwidth = 640\n"
    environ = {"TURRET_SERVER_PORT": "5002", "TURRET_CAMERA_WIDTH": "800", "HOME": "/root"}
    found = load(tmp_path, text, environ, server={"port": 5003, "host": None})
    assert (found.server.port, found.server.max_viewers, found.camera.width) == (5003, 10, 800)
    assert found.server.host == "0.0.0.0"


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, "[server]\nmedia_dir = pictures\n").server.media_dir == tmp_path / "pictures"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server]\nprot = 1\n", r"config\.txt: \[server\] prot: unknown key; known: host, port, .*"),
        ("[servers]\n", r"config\.txt: unknown section \[servers\]; known: \[server\], \[camera\].*"),
        ("[DEFAULT]\na = 1\n", r"unknown section \[DEFAULT\]"),
        ("[server]\nport = 70000\n", r"\[server\] port = 70000: input should be less than or equal to 65535"),
        ("[server]\nport = many\n", r"\[server\] port = many: input should be a valid integer"),
        ("[camera]\nrate = nan\n", r"\[camera\] rate = nan: "),
        ("[camera]\nrate = inf\n", r"\[camera\] rate = inf: "),
        ("[camera]\ncamera = webcam\n", r"\[camera\] camera = webcam: input should be 'auto', 'pi', 'usb'"),
        ("[camera]\ncamera = network\n", r"\[camera\]: camera = network needs url"),
        ("[camera]\ncamera = files\n", r"\[camera\]: camera = files needs path"),
        ("[light]\nkind = disco\n", r"\[light\] kind = disco: input should be 'none', 'neopixel'"),
        ("[light]\npin = 17\n", r"\[light\] pin = 17: input should be 12, 13, 18 or 19"),
        ("[light]\ncount = 0\n", r"\[light\] count = 0: "),
        ("[light]\nbaud = fast\n", r"\[light\] baud = fast: input should be 1200, 2400"),
        ("[server]\ntls = on\n", r"\[server\]: tls = on needs tls_certificate and tls_key"),
        ("[server]\nport = 1\nport = 2\n", r"option 'port' in section 'server' already exists"),
        ("port = 1\n", r"no section headers"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text)


def test_unknown_environment_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"TURRET_SERVER_PROT: there is no setting \[server\] prot"):
        load(tmp_path, "", {"TURRET_SERVER_PROT": "1"})


def test_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"config\.txt: cannot be read"):
        settings_file.load(path, {})


@pytest.mark.parametrize(
    ("text", "expected"), [("yes", True), ("on", True), ("true", True), ("no", False), ("off", False)]
)
def test_yes_and_no_in_all_spellings(tmp_path: Path, text: str, expected: bool) -> None:
    made = load(tmp_path, f"[server]\ntls = {text}\ntls_certificate = a\ntls_key = b\n")
    assert made.server.tls is expected
