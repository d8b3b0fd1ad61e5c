"""Everything a user can set, read once at start.

One frozen model per section of config.txt. `load` merges, from weakest to strongest: the defaults
below, config.txt, environment variables TURRET_<SECTION>_<KEY>, options of app.py. Nothing else in
the program reads config.txt or those variables.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from errors import ConfigError

ENVIRONMENT_PREFIX = "TURRET_"
OTHER_VARIABLES = frozenset({"TURRET_ADMIN_PASSWORD", "TURRET_VENV"})


def _split_words(value: object) -> object:
    """`a, b c` -> ("a", "b", "c"); anything but text passes through."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _number_of(value: object) -> object:
    """`18` -> 18, for choices among numbers; what is no number is left for the rule to refuse."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Words = Annotated[tuple[str, ...], BeforeValidator(_split_words)]
OptionalText = Annotated[str | None, BeforeValidator(_empty_is_none)]
OptionalPath = Annotated[Path | None, BeforeValidator(_empty_is_none)]


class Section(BaseModel):
    """A section: frozen, and every key must be known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def pins_in_use(self) -> dict[str, int]:
        """Key -> pin (BCM number) of every pin this section really drives."""
        return {}


class ServerSettings(Section):
    """[server]: where we listen and for how many."""

    host: str = Field("0.0.0.0", min_length=1)
    port: int = Field(5000, ge=1, le=65535)
    media_dir: Path = Path("media")
    max_viewers: int = Field(256, ge=1, le=4096)
    viewer_timeout_s: float = Field(10.0, ge=1, le=300)
    tls: bool = False
    tls_certificate: OptionalPath = None
    tls_key: OptionalPath = None
    trusted_proxies: int = Field(0, ge=0, le=8)
    allowed_hosts: Words = ()

    @model_validator(mode="after")
    def _tls_has_its_files(self) -> ServerSettings:
        if self.tls and (self.tls_certificate is None or self.tls_key is None):
            raise ValueError("tls = on needs tls_certificate and tls_key")
        return self


class CameraSettings(Section):
    """[camera]: which camera and how it is set."""

    camera: Literal["auto", "pi", "usb", "network", "synthetic", "files"] = "auto"
    device: OptionalText = None
    url: OptionalText = None
    path: OptionalPath = None
    width: int = Field(1280, ge=64, le=8192)
    height: int = Field(720, ge=64, le=8192)
    rate: float = Field(30.0, ge=0.1, le=1000)
    quality: int = Field(80, ge=1, le=100)
    idle_timeout_s: float = Field(2.0, ge=0, le=86400)
    stall_timeout_s: float = Field(2.0, ge=0.5, le=60)

    @model_validator(mode="after")
    def _kind_has_what_it_needs(self) -> CameraSettings:
        if self.camera == "network" and self.url is None:
            raise ValueError("camera = network needs url")
        if self.camera == "files" and self.path is None:
            raise ValueError("camera = files needs path, a folder of .jpg files")
        return self


class LightSettings(Section):
    """[light]: what shines, and where it is wired."""

    kind: Literal["none", "neopixel", "serial", "simulated"] = "none"
    method: Literal["pwm", "spi"] = "pwm"
    pin: Annotated[Literal[12, 13, 18, 19], BeforeValidator(_number_of)] = 18
    count: int = Field(16, ge=1, le=1024)
    order: Literal["rgb", "rbg", "grb", "gbr", "brg", "bgr"] = "grb"
    tty: str = Field("/dev/serial0", min_length=1)
    baud: Annotated[Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200], BeforeValidator(_number_of)] = 9600

    def pins_in_use(self) -> dict[str, int]:
        if self.kind != "neopixel":
            return {}
        return {"pin": self.pin} if self.method == "pwm" else {"method = spi": 10}


Pin = Annotated[int, Field(ge=2, le=27)]


class ServoSettings(Section):
    """A servo: how degrees become pulse widths, how far and how fast it may turn."""

    travel_deg: float = Field(180.0, ge=10, le=360)
    min_pulse_us: float = Field(500.0, ge=300, le=3000)
    max_pulse_us: float = Field(2500.0, ge=300, le=3000)
    invert: bool = False
    lowest_deg: float = Field(0.0, ge=0, le=360)
    highest_deg: float = Field(180.0, ge=0, le=360)
    start_deg: float = Field(90.0, ge=0, le=360)
    step_deg: float = Field(15.0, ge=0.1, le=90)
    speed_deg_s: float = Field(90.0, ge=1, le=1000)
    acceleration_deg_s2: float = Field(360.0, ge=1, le=10000)
    settle_s: float = Field(1.0, ge=0, le=60)
    hold: bool = False

    @model_validator(mode="after")
    def _numbers_fit_together(self) -> ServoSettings:
        if self.min_pulse_us >= self.max_pulse_us:
            raise ValueError(f"min_pulse_us {self.min_pulse_us:g} must be below max_pulse_us {self.max_pulse_us:g}")
        if not self.lowest_deg < self.highest_deg <= self.travel_deg:
            raise ValueError(
                f"lowest_deg {self.lowest_deg:g} must be below highest_deg {self.highest_deg:g}, "
                f"and that at most travel_deg {self.travel_deg:g}"
            )
        if not self.lowest_deg <= self.start_deg <= self.highest_deg:
            where = f"lowest_deg {self.lowest_deg:g}..highest_deg {self.highest_deg:g}"
            raise ValueError(f"start_deg {self.start_deg:g} is outside {where}")
        return self


class PanSettings(ServoSettings):
    """[pan]: what turns the turret left and right. Positive is right."""

    kind: Literal["motor", "servo", "none"] = "motor"
    left_pin: Pin = 23
    right_pin: Pin = 24
    enable_pin: Pin = 25
    step_s: float = Field(0.2, ge=0.01, le=2)
    net_run_limit_s: float = Field(5.0, ge=0, le=3600)
    servo_pin: Pin = 12

    def pins_in_use(self) -> dict[str, int]:
        motor = {"left_pin": self.left_pin, "right_pin": self.right_pin, "enable_pin": self.enable_pin}
        return {"motor": motor, "servo": {"servo_pin": self.servo_pin}, "none": {}}[self.kind]


class TiltSettings(ServoSettings):
    """[tilt]: what turns the turret up and down. Positive is up."""

    kind: Literal["servo", "none"] = "servo"
    servo_pin: Pin = 17
    invert: bool = True

    def pins_in_use(self) -> dict[str, int]:
        return {"servo_pin": self.servo_pin} if self.kind == "servo" else {}


class TriggerSettings(Section):
    """[trigger]: what fires."""

    kind: Literal["output", "none"] = "output"
    pin: Pin = 27
    active_high: bool = True
    pulse_ms: int = Field(200, ge=10, le=1000)
    cooldown_s: float = Field(1.0, ge=0, le=600)

    def pins_in_use(self) -> dict[str, int]:
        return {"pin": self.pin} if self.kind == "output" else {}


class TurretSettings(Section):
    """[turret]: rules for everything that moves or fires."""

    hardware: Literal["auto", "required", "simulated"] = "auto"
    drive_timeout_ms: int = Field(400, ge=100, le=2000)
    lease_s: float = Field(15.0, ge=2, le=300)
    arm_timeout_s: float = Field(60.0, ge=1, le=600)


class LogSettings(Section):
    """[log]: how much we say on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


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
