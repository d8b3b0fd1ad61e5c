"""Every long-lived object below the web: opened in order, closed in reverse."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from camera import image
from camera.backend import Backend
from camera.capture import CameraState, Capture
from camera.choice import open_backend
from camera.clip import Clip
from camera.hub import FrameHub
from camera.newest import newest_frame
from camera.recorder import Recorder, RecordingState
from camera.tuning import Tuning
from errors import AlreadyRecording, BadField, ConfigError, StoreError
from hardware.calibration import Aiming
from hardware.lights import Lights
from hardware.net_run import RunMemory
from hardware.strip_choice import strip_of
from hardware.turret import Turret
from jobs.clips import Clips
from jobs.conversion import Conversions
from jobs.copy_series import CopySeries
from jobs.inspect import inspect
from jobs.patrol import Patrol
from jobs.photo_copies import PhotoCopies
from jobs.photographer import Photographer
from jobs.presets import Presets
from jobs.retention import Retention
from jobs.scheduler import Scheduler
from jobs.stills import LapseStills
from jobs.timelapse import Timelapse
from jobs.upkeep import Upkeep
from jobs.wakening import Wakening
from jobs.window import place_of
from settings import Settings
from store.accounts import Accounts, Role, check_password_rule
from store.database import Database
from store.folder import MediaFolder
from store.kept import Kept
from store.library import MediaLibrary
from store.presets import PresetTable
from threads import do_each

FIRST_ADMIN = "admin"
LIGHT_SETTING = "light"
NET_RUN_SETTING = "pan_net_run"
CALIBRATION_SETTING = "calibration"
LAPSE_SETTING = "timelapse"
THUMBNAIL_WAIT_S = 2.0
SCHEMA = Path(__file__).with_name("media_schema.sql")

log = logging.getLogger(__name__)


class Rig:
    """The machine: turret, presets, lights, camera, hub, database, media library and what is done by the clock.

    `open` starts it; `close` works twice and after a failed open.

    :param backend: the camera to use instead of the one the settings name, for tests.
    :ivar on_camera: called after every change of the camera's state; must not block.
    :ivar first_password: the password made for `admin` at the very first start, else None.
    """

    def __init__(self, settings: Settings, backend: Backend | None = None) -> None:
        self.settings = settings
        self.folder = MediaFolder(settings.server.media_dir)
        self.database = Database(settings.server.media_dir / "media.db", SCHEMA.read_text(encoding="utf-8"))
        self.accounts = Accounts(self.database)
        light, net_run = self._kept(LIGHT_SETTING), self._kept(NET_RUN_SETTING)
        calibration = Kept(self.database, CALIBRATION_SETTING)
        self.lights = Lights(strip_of(settings.light), light.load, light.keep)
        self.turret = Turret(settings, run_memory=RunMemory(net_run.load, net_run.keep))
        self.aiming = Aiming(calibration.load, calibration.keep)
        self.presets = Presets(PresetTable(self.database), self.turret, self._thumbnail)
        self.patrol = Patrol(self.turret, self.presets, settings.turret)
        self.hub = FrameHub()
        backend = backend or open_backend(settings.camera)
        self.capture = Capture(backend, self.hub, settings.camera, self._on_camera_state)
        self.tuning = Tuning(backend, self.capture, self.hub, self.database.setting, self._keep_of_camera)
        self.on_camera: Callable[[], None] = lambda: None
        self._has_picture = False
        self.library = MediaLibrary(self.database, self.folder, inspect)
        self.retention = Retention(self.library, settings.retention)
        self.scheduler = Scheduler()
        self.photographer = Photographer(
            self.hub, self.library, settings.photo, self._camera_name, lambda: self.capture.state.reason,
            self._full_size, self.retention.ensure_room,
        )  # fmt: skip
        self.photo_copies = PhotoCopies(self.library, self.retention.ensure_room, self.retention.played)
        self.copy_series = CopySeries(self.library, self.photo_copies, self.retention.has_room)
        self.clips = Clips(self.library)
        self.conversions = Conversions(
            settings.recording, self.clips.waiting, self.clips.take_over, self.clips.give_up, self.retention.ensure_room
        )
        self.recorder = Recorder(
            self.hub, settings.recording, self.folder.partial, self.retention.ensure_room, on_clip=self._keep_clip
        )
        self.timelapse = self._timelapse()
        self.upkeep = Upkeep(self.library, inspect, self._salvage)
        self.first_password: str | None = None

    def open(self, environ: Mapping[str, str]) -> None:
        """Open everything; on a failure what was opened is closed again.

        :param environ: TURRET_ADMIN_PASSWORD is the first admin's password, if set.
        :raises StoreUnavailable: when the database cannot be used.
        :raises NoDevice: with `[turret] hardware = required`, when a part of the turret cannot be opened.
        :raises ConfigError: when TURRET_ADMIN_PASSWORD breaks the rule for passwords.
        """
        try:
            self.folder.check_mounted()
            self.database.open()
            self.folder.open()
            self._make_first_admin(environ.get("TURRET_ADMIN_PASSWORD"))
            self.tuning.open()
            self.aiming.open()
            self.turret.open()
            self.patrol.start()
            self.lights.start()
            self.capture.start()
            self.recorder.open()
            self.clips.find_leftovers()
            self._begin_timelapse()
            self.scheduler.plan("retention", self.retention.run)
            self.scheduler.start()
            self.conversions.start()
            self.upkeep.start()
            self.upkeep.ask()
        except BaseException:
            self.close()
            raise

    def secret(self, name: str) -> str:
        """A random secret of this installation, made once and kept in the database."""
        kept = self._kept(name)
        secret = kept.load()
        if secret is None:
            secret = secrets.token_hex(32)
            kept.keep(secret)
        return secret

    def close(self) -> None:
        """Close hardware first, then the rest in reverse, each on its own; a fault is logged and stops nothing."""
        do_each(
            self.close_turret,
            self.patrol.stop,
            self.lights.close,
            self.scheduler.stop,
            self.timelapse.close,
            self.recorder.close,
            self.conversions.stop,
            self.capture.stop,
            self.upkeep.stop,
            self.database.close,
        )

    def close_turret(self) -> None:
        """Everything that moves is off, for good; the patrol is told first, but not waited for."""
        do_each(self.patrol.forget, self.turret.close)

    def __enter__(self) -> Rig:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _on_camera_state(self, state: CameraState) -> None:
        """In the capture thread. A picture that was live and is not: with `stop_on_camera_loss` the turret stops."""
        is_lost = self._has_picture and state.state == "failed"
        self._has_picture = state.state == "live" or (self._has_picture and state.state == "starting")
        if is_lost and self.settings.turret.stop_on_camera_loss:
            log.warning("the live picture is lost, so the turret stops: %s", state.reason)
            self.turret.stop()
        self.on_camera()

    def start_recording(self, name: str, account_id: int | None) -> RecordingState:
        """Begin a recording; with `encoder = live` its film is made meanwhile.

        :raises AlreadyRecording: and what else `Recorder.start` raises.
        """
        state = self.recorder.start(name, account_id)
        if state.folder is not None:
            self.conversions.follow(state.folder)
        return state

    def _timelapse(self) -> Timelapse:
        settings, photo, kept = self.settings.timelapse, self.settings.photo, Kept(self.database, LAPSE_SETTING)
        stills = LapseStills(
            self.library, self.photographer, settings.rate, self.settings.camera.quality, self.conversions.look
        )
        return Timelapse(
            stills,
            Wakening(self.hub, photo),
            self.scheduler,
            place_of(settings),
            kept.load,
            kept.keep,
            lambda: self.capture.state.reason,
            lambda: photo.delay_s + photo.skip_frames / (self.capture.state.info.rate_hz or self.settings.camera.rate),
        )

    def _begin_timelapse(self) -> None:
        """Go on with the timelapse of the last run; a disk that is not in order is no reason not to start."""
        try:
            self.timelapse.open()
        except StoreError as error:
            log.warning("the timelapse cannot go on: %s", error)

    def _full_size(self, account_id: int | None) -> AbstractContextManager[None]:
        """The camera in its largest size, for somebody whom all pages name.

        :raises AlreadyRecording: while a recording runs, which another size would break in two.
        """
        if self.recorder.state.is_recording:
            raise AlreadyRecording("a full-size photo would interrupt the recording; end it first, or take a plain one")
        somebody = None if account_id is None else self.accounts.by_id(account_id)
        return self.tuning.largest(somebody.username if somebody else None)

    def _salvage(self) -> None:
        self.clips.salvage()
        self.conversions.look()

    def _keep_clip(self, clip: Clip) -> None:
        self.clips.keep(clip)
        self.conversions.look()

    def _camera_name(self) -> str:
        return self.capture.state.info.name

    def _kept(self, key: str) -> Kept:
        """What is fine for this run without being kept: a disk that cannot be written is no reason to refuse it."""
        return Kept(self.database, key, is_quiet=True)

    def _keep_of_camera(self, key: str, text: str) -> None:
        self._kept(key).keep(text)

    def _thumbnail(self) -> bytes | None:
        """What the camera sees now, small; wakes it for THUMBNAIL_WAIT_S at most. None when there is no picture."""
        frame = newest_frame(self.hub, THUMBNAIL_WAIT_S, lambda: self.capture.state.state == "failed")
        if frame is None or not frame.is_live:
            return None
        try:
            return image.thumbnail(frame.jpeg)
        except ValueError as error:
            log.warning("no thumbnail of a picture that cannot be read: %s", error)
            return None

    def _make_first_admin(self, wanted: str | None) -> None:
        if self.accounts.count():
            return
        if wanted is None:
            self.first_password = secrets.token_urlsafe(9)
        else:
            try:
                check_password_rule(wanted)
            except BadField as error:
                raise ConfigError(f"environment variable TURRET_ADMIN_PASSWORD: {error}") from None
        self.accounts.add(FIRST_ADMIN, wanted or self.first_password or "", Role.ADMIN)
