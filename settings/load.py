"""From config.txt, the environment and options to one frozen `Settings`."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator

from errors import ConfigError
from settings.camera import CameraSettings
from settings.hardware import (
    LightSettings,
    PanSettings,
    TiltSettings,
    TriggerSettings,
    TurretSettings,
    check_servo_outputs,
)
from settings.media import PhotoSettings, RecordingSettings, RetentionSettings, TimelapseSettings
from settings.section import Section
from settings.server import LogSettings, ServerSettings

ENVIRONMENT_PREFIX = "TURRET_"
OTHER_VARIABLES = frozenset({"TURRET_ADMIN_PASSWORD", "TURRET_VENV"})


class Settings(Section):
    """All sections; `source` is the file they came from, for messages."""

    source: Path = Path("config.txt")
    server: ServerSettings = ServerSettings()
    camera: CameraSettings = CameraSettings()
    light: LightSettings = LightSettings()
    pan: PanSettings = PanSettings()
    tilt: TiltSettings = TiltSettings()
    trigger: TriggerSettings = TriggerSettings()
    turret: TurretSettings = TurretSettings()
    photo: PhotoSettings = PhotoSettings()
    recording: RecordingSettings = RecordingSettings()
    timelapse: TimelapseSettings = TimelapseSettings()
    retention: RetentionSettings = RetentionSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _no_pin_is_used_twice(self) -> Settings:
        users: dict[int, str] = {}
        for name, section in self:
            for key, pin in section.pins_in_use().items() if isinstance(section, Section) else ():
                user = f"[{name}] {key}"
                if pin in users:
                    raise ValueError(f"{users[pin]} and {user} are both pin {pin}; every part needs a pin of its own")
                users[pin] = user
        for name, section in self:
            for key, pin in section.bus_pins().items() if isinstance(section, Section) else ():
                if pin in users:
                    raise ValueError(f"{users[pin]} is pin {pin}, which [{name}] {key} needs")
        return self

    @model_validator(mode="after")
    def _no_servo_output_is_used_twice(self) -> Settings:
        check_servo_outputs(self.pan, self.tilt, self.light)
        return self


SECTIONS = tuple(name for name in Settings.model_fields if name != "source")


def load(
    path: Path,
    environ: Mapping[str, str],
    overrides: Mapping[str, Mapping[str, object]] | None = None,
    is_required: bool = False,
) -> Settings:
    """The settings in force.

    Relative paths are taken from the folder of `path`, so that the working directory never matters.

    :param overrides: section -> key -> value, the options of app.py; None values are ignored.
    :param is_required: a missing file is an error (it was named by the user), not "all defaults".
    :raises ConfigError: names file, section, key and rule of the first thing that is wrong.
    """
    values = _read_file(path, is_required)
    _merge(values, _read_environment(environ))
    _merge(values, {s: {k: v for k, v in keys.items() if v is not None} for s, keys in (overrides or {}).items()})
    try:
        settings = Settings.model_validate({"source": path, **values})
    except ValidationError as error:
        raise ConfigError(_describe(path, error)) from None
    return _anchored(settings, path.resolve().parent)


def _read_file(path: Path, is_required: bool) -> dict[str, dict[str, Any]]:
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=None, strict=True)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if is_required:
            raise ConfigError(f"{path}: there is no such file") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as error:
        raise ConfigError(str(error).replace("\n", " ")) from None
    for section in parser.sections():
        if section not in SECTIONS:
            raise ConfigError(f"{path}: unknown section [{section}]; known: {', '.join(f'[{s}]' for s in SECTIONS)}")
    if parser.defaults():
        raise ConfigError(f"{path}: unknown section [DEFAULT]")
    return {section: dict(parser.items(section)) for section in parser.sections()}


def _read_environment(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, value in environ.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or name in OTHER_VARIABLES:
            continue
        section, _, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("_")
        if section not in SECTIONS or key not in Settings.model_fields[section].annotation.model_fields:  # type: ignore[union-attr]
            raise ConfigError(f"environment variable {name}: there is no setting [{section}] {key}")
        found.setdefault(section, {})[key] = value
    return found


def _merge(into: dict[str, dict[str, Any]], other: Mapping[str, Mapping[str, Any]]) -> None:
    for section, keys in other.items():
        into.setdefault(section, {}).update(keys)


def _describe(path: Path, error: ValidationError) -> str:
    """`config.txt: [server] port = 70000: input should be less than or equal to 65535`."""
    first = error.errors()[0]
    rule = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{path}: {rule}"
    section, *keys = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields[section].annotation.model_fields)  # type: ignore[union-attr]
        return f"{path}: [{section}] {keys[0]}: unknown key; known: {known}"
    if not keys:
        return f"{path}: [{section}]: {rule}"
    return f"{path}: [{section}] {keys[0]} = {first['input']}: {rule[0].lower()}{rule[1:]}"


def _anchored(settings: Settings, folder: Path) -> Settings:
    """The same settings with every relative path made absolute from `folder`."""

    def anchor(section: Section) -> Section:
        paths = {name: folder / value for name, value in section if isinstance(value, Path)}
        return section.model_copy(update=paths)

    return settings.model_copy(update={"server": anchor(settings.server), "camera": anchor(settings.camera)})
