"""[pan], [tilt], [trigger], [turret] and [light]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from settings.section import Section, number_of

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
    home_after_idle_s: float = Field(0.0, ge=0, le=86400)
    patrol_resume_s: float = Field(30.0, ge=0, le=3600)
    stop_on_camera_loss: bool = False


class LightSettings(Section):
    """[light]: what shines, and where it is wired."""

    kind: Literal["none", "neopixel", "serial", "simulated"] = "none"
    method: Literal["pwm", "spi"] = "pwm"
    pin: Annotated[Literal[12, 13, 18, 19], BeforeValidator(number_of)] = 18
    count: int = Field(16, ge=1, le=1024)
    order: Literal["rgb", "rbg", "grb", "gbr", "brg", "bgr"] = "grb"
    tty: str = Field("/dev/serial0", min_length=1)
    baud: Annotated[Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200], BeforeValidator(number_of)] = 9600

    def pins_in_use(self) -> dict[str, int]:
        if self.kind != "neopixel":
            return {}
        return {"pin": self.pin} if self.method == "pwm" else {"method = spi": 10}
