"""Everything a user can set, read once at start.

One frozen model per section of config.txt. `load` merges, from weakest to strongest: the defaults of
the models, config.txt, environment variables TURRET_<SECTION>_<KEY>, options of app.py. Nothing else in
the program reads config.txt or those variables.
"""

from settings.camera import CameraSettings
from settings.hardware import (
    LightSettings,
    PanSettings,
    ServoSettings,
    TiltSettings,
    TriggerSettings,
    TurretSettings,
)
from settings.load import SECTIONS, Settings, load
from settings.media import PhotoSettings, RecordingSettings, RetentionSettings, TimelapseSettings
from settings.section import Section
from settings.server import LogSettings, ServerSettings

__all__ = [
    "SECTIONS",
    "CameraSettings",
    "LightSettings",
    "LogSettings",
    "PanSettings",
    "PhotoSettings",
    "RecordingSettings",
    "RetentionSettings",
    "Section",
    "ServerSettings",
    "ServoSettings",
    "Settings",
    "TiltSettings",
    "TimelapseSettings",
    "TriggerSettings",
    "TurretSettings",
    "load",
]
