"""[pan], [tilt], [trigger], [turret] and [light]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from settings.section import Section, hex_or_number, number_of

Pin = Annotated[int, Field(ge=2, le=27)]
# Pins the kernel's PWM reaches, and those of them that share a channel on boards up to the Pi 4 (BCM2835 ARM
# Peripherals, table 6-31). A Pi 5 has a channel for each, but one rule for every board is easier to keep.
PWM_PINS = (12, 13, 18, 19)
SAME_CHANNEL = ({12, 18}, {13, 19})
I2C_PINS = {1: (2, 3)}  # bus -> SDA, SCL, where the header has them by itself
ALL_CALL_ADDRESS = 0x70  # every PCA9685 answers here too (data sheet, 7.1.1)


class ServoSettings(Section):
    """A servo: what makes its pulses, how degrees become pulse widths, how far and how fast it may turn."""

    kind: Literal["motor", "servo", "none"] = "servo"
    driver: Literal["software", "hardware", "pca9685"] = "software"
    servo_pin: Pin = 12
    bus: int = Field(1, ge=0, le=99)
    address: Annotated[int, BeforeValidator(hex_or_number), Field(ge=0x40, le=0x77)] = 0x40
    channel: int = Field(0, ge=0, le=15)
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

    @model_validator(mode="after")
    def _driver_can_reach_its_output(self) -> ServoSettings:
        if self.address == ALL_CALL_ADDRESS:
            raise ValueError(f"address = {self.address:#x} is the one every PCA9685 answers at; take the board's own")
        if self.drives("hardware") and self.servo_pin not in PWM_PINS:
            raise ValueError(f"driver = hardware needs servo_pin 12, 13, 18 or 19, not {self.servo_pin}")
        return self

    def drives(self, driver: str) -> bool:
        """True for a servo whose pulses are made by this driver."""
        return self.kind == "servo" and self.driver == driver

    def servo_pins(self) -> dict[str, int]:
        """Key -> pin, for a servo that hangs on a pin."""
        return {} if self.driver == "pca9685" else {"servo_pin": self.servo_pin}

    def bus_pins(self) -> dict[str, int]:
        pins = I2C_PINS.get(self.bus, ()) if self.drives("pca9685") else ()
        return {f"bus = {self.bus} ({wire})": pin for wire, pin in zip(("SDA", "SCL"), pins, strict=False)}


class PanSettings(ServoSettings):
    """[pan]: what turns the turret left and right. Positive is right."""

    kind: Literal["motor", "servo", "none"] = "motor"
    left_pin: Pin = 23
    right_pin: Pin = 24
    enable_pin: Pin = 25
    speed_percent: float = Field(100.0, ge=5, le=100)
    soft_start_s: float = Field(0.0, ge=0, le=10)
    slowest_percent: float = Field(0.0, ge=0, le=100)
    pwm_hz: float = Field(100.0, ge=20, le=1000)
    step_s: float = Field(0.2, ge=0.01, le=2)
    net_run_limit_s: float = Field(5.0, ge=0, le=3600)

    @model_validator(mode="after")
    def _powers_fit_together(self) -> PanSettings:
        if self.slowest_percent > self.speed_percent:
            rule = f"slowest_percent {self.slowest_percent:g} must be at most speed_percent {self.speed_percent:g}"
            raise ValueError(rule)
        return self

    @property
    def has_pulses(self) -> bool:
        """True when the motor may get less than full power; else its enable pin is never pulsed."""
        return self.speed_percent < 100 or self.soft_start_s > 0 or 0 < self.slowest_percent < 100

    def pins_in_use(self) -> dict[str, int]:
        motor = {"left_pin": self.left_pin, "right_pin": self.right_pin, "enable_pin": self.enable_pin}
        return {"motor": motor, "servo": self.servo_pins(), "none": {}}[self.kind]


class TiltSettings(ServoSettings):
    """[tilt]: what turns the turret up and down. Positive is up."""

    kind: Literal["servo", "none"] = "servo"
    servo_pin: Pin = 17
    channel: int = Field(1, ge=0, le=15)
    invert: bool = True

    def pins_in_use(self) -> dict[str, int]:
        return self.servo_pins() if self.kind == "servo" else {}


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


def check_servo_outputs(pan: PanSettings, tilt: TiltSettings, light: LightSettings) -> None:
    """:raises ValueError: when two parts want one channel of the PWM or of a PCA9685."""
    for name, own in (("pan", pan), ("tilt", tilt)):
        if own.drives("hardware") and light.kind == "neopixel" and light.method == "pwm":
            raise ValueError(
                f"[light] method = pwm and [{name}] driver = hardware both need the board's PWM; "
                f"take [light] method = spi, or another driver"
            )
    if pan.drives("hardware") and tilt.drives("hardware") and {pan.servo_pin, tilt.servo_pin} in SAME_CHANNEL:
        raise ValueError(
            f"[pan] servo_pin {pan.servo_pin} and [tilt] servo_pin {tilt.servo_pin} are one channel of the board's "
            f"PWM; take one of 12 and 18, and one of 13 and 19"
        )
    both_on_board = pan.drives("pca9685") and tilt.drives("pca9685")
    if both_on_board and (pan.bus, pan.address, pan.channel) == (tilt.bus, tilt.address, tilt.channel):
        raise ValueError(
            f"[pan] channel and [tilt] channel are both {pan.channel} of one PCA9685; every servo needs its own"
        )
