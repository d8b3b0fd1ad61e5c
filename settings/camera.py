"""[camera]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from settings.section import OptionalPath, OptionalText, Section, number_of


class CameraSettings(Section):
    """[camera]: which camera and how it is set."""

    camera: Literal["auto", "pi", "usb", "network", "synthetic", "files"] = "auto"
    device: OptionalText = None
    url: OptionalText = None
    path: OptionalPath = None
    width: int = Field(1280, ge=64, le=8192)
    height: int = Field(720, ge=64, le=8192)
    rate: float = Field(30.0, ge=0.1, le=1000)
    pixel_format: OptionalText = None
    quality: int = Field(80, ge=1, le=100)
    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: Annotated[Literal[0, 90, 180, 270], BeforeValidator(number_of)] = 0
    grayscale: bool = False
    half_resolution: bool = False
    timestamp: bool = False
    label: str = Field("", max_length=60)
    idle_timeout_s: float = Field(2.0, ge=0, le=86400)
    stall_timeout_s: float = Field(2.0, ge=0.5, le=60)

    @model_validator(mode="after")
    def _kind_has_what_it_needs(self) -> CameraSettings:
        if self.camera == "network" and self.url is None:
            raise ValueError("camera = network needs url")
        if self.camera == "files" and self.path is None:
            raise ValueError("camera = files needs path, a folder of .jpg files")
        return self
