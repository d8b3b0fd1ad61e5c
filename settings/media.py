"""[photo], [recording], [timelapse] and [retention]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from settings.section import Section, empty_is_none

Degrees = Annotated[float | None, BeforeValidator(empty_is_none)]


class PhotoSettings(Section):
    """[photo]: what a camera that had to be woken does before its picture counts."""

    delay_s: float = Field(0.5, ge=0, le=60)
    skip_frames: int = Field(5, ge=0, le=300)


class RecordingSettings(Section):
    """[recording]: how long, in what pieces, and how it becomes a film."""

    segment_minutes: float = Field(10.0, ge=0.1, le=240)
    max_minutes: float = Field(120.0, ge=0.1, le=1440)
    pre_roll_s: float = Field(0.0, ge=0, le=30)
    encoder: Literal["auto", "software", "hardware", "live"] = "auto"
    preset: Literal["auto", "ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = "auto"
    crf: int = Field(23, ge=0, le=51)


class TimelapseSettings(Section):
    """[timelapse]: how fast its film runs, and where the sun is taken to be."""

    rate: float = Field(30.0, ge=1, le=60)
    latitude_deg: Degrees = Field(None, ge=-90, le=90)
    longitude_deg: Degrees = Field(None, ge=-180, le=180)

    @model_validator(mode="after")
    def _place_is_whole(self) -> TimelapseSettings:
        if (self.latitude_deg is None) != (self.longitude_deg is None):
            raise ValueError("latitude_deg and longitude_deg go together")
        return self


class RetentionSettings(Section):
    """[retention]: what is removed when; 0 is no limit. Protected items are never removed."""

    min_free_gb: float = Field(1.0, ge=0, le=100000)
    min_free_percent: float = Field(10.0, ge=0, le=90)
    photo_days: float = Field(0.0, ge=0, le=36500)
    photo_count: int = Field(0, ge=0, le=10**9)
    photo_gb: float = Field(0.0, ge=0, le=100000)
    video_days: float = Field(0.0, ge=0, le=36500)
    video_count: int = Field(0, ge=0, le=10**9)
    video_gb: float = Field(0.0, ge=0, le=100000)
    timelapse_days: float = Field(0.0, ge=0, le=36500)
    timelapse_count: int = Field(0, ge=0, le=10**9)
    timelapse_gb: float = Field(0.0, ge=0, le=100000)
