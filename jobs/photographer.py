"""Takes photos from the running stream, or wakes the camera for one, and keeps them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from camera.exif import with_exif
from camera.hub import Frame, FrameHub, Subscription
from camera.image import thumbnail, whole_size
from errors import CameraLost, NotPlayable
from settings import PhotoSettings
from store.library import MediaLibrary
from store.media import Facts, Kind, Media

MAKE = "Bagel Turret"
# A picture of this age still shows the present; anything older waits for the next one.
FRESH_S = 0.5
LONGEST_WAIT_S = 15.0


class Photographer:
    """Takes one photo per call; any thread, several at a time.

    :param camera_name: what the camera is called, for the photo's Exif.
    :param why_none: why the camera fails, or None while it may still deliver.
    :param full_size: has the camera in its largest size meanwhile, for the account with that id.
    :param ensure_room: raises NoSpace when the disk is too full for so many bytes.
    """

    def __init__(
        self,
        hub: FrameHub,
        library: MediaLibrary,
        settings: PhotoSettings,
        camera_name: Callable[[], str],
        why_none: Callable[[], str | None],
        full_size: Callable[[int | None], AbstractContextManager[None]],
        ensure_room: Callable[[int], None] = lambda size_bytes: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.ensure_room = ensure_room
        self._hub = hub
        self._library = library
        self._settings = settings
        self._camera_name = camera_name
        self._why_none = why_none
        self._full_size = full_size
        self._clock = clock
        self._now = now

    def take(
        self, name: str | None = None, date: datetime | None = None, account_id: int | None = None,
        is_full_size: bool = False,
    ) -> Media:  # fmt: skip
        """Shoot and keep a photo with its small picture.

        :param name: what it shall be called, without extension; None names it by its date.
        :param date: the date it shall bear; None is now.
        :param is_full_size: in the camera's largest size, for which the live picture pauses for a moment.
        :raises CameraLost: when the camera gives no picture.
        :raises NoSpace, StoreUnavailable: when it cannot be kept.
        :raises NotSupported: when the camera has no larger size.
        """
        if is_full_size:
            with self._full_size(account_id):
                frame = self.picture(is_cold=True)
        else:
            frame = self.picture()
        return self.keep(frame.jpeg, name, date or self._now(), account_id)

    def keep(
        self, jpeg: bytes, name: str | None, date: datetime, account_id: int | None = None,
        kind: Kind = Kind.PHOTO, parent_id: int | None = None, expires_at: datetime | None = None,
    ) -> Media:  # fmt: skip
        """Keep a picture of any origin as a photo.

        :param expires_at: when it goes, whatever [retention] says.
        :raises NotPlayable: when it cannot be decoded.
        """
        self.ensure_room(len(jpeg))
        width_px, height_px = whole_size(jpeg)
        photo = with_exif(jpeg, date, MAKE, self._camera_name(), expires_at)
        facts = Facts(width_px, height_px)
        media = self._library.add_photo(photo, facts, name, date, account_id, kind, parent_id, expires_at)
        self._library.keep_thumb(media.id, thumbnail(jpeg))
        return media

    def picture(self, timeout_s: float = LONGEST_WAIT_S, is_cold: bool = False) -> Frame:
        """A picture of now that can be decoded, never one from before.

        From a camera that is awake it is the newest or the next one; a camera that sleeps is woken, and its
        exposure gets `delay_s` and `skip_frames` to settle.

        :param is_cold: it was opened just now, although it is awake.
        :raises CameraLost: when none comes within `timeout_s` seconds; says why.
        """
        begin = self._clock()
        until, after = begin + timeout_s, begin - (0.0 if is_cold else FRESH_S)
        is_awake = not is_cold and self._is_live(self._hub.latest)
        with self._hub.subscribe() as frames:
            is_awake = is_awake and self._is_live(self._hub.latest)  # or it fell asleep just before it was watched
            for is_last in (False, False, True):
                frame = self._settled(frames, is_awake, after, until)
                try:
                    whole_size(frame.jpeg, is_strict=not is_last)
                except NotPlayable as error:
                    is_awake, after, fault = True, frame.captured_at, error
                    continue
                return frame
        raise CameraLost(f"the camera sends broken pictures: {fault}")

    def _settled(self, frames: Subscription, is_awake: bool, after: float, until: float) -> Frame:
        """The newest frame, or the next one that was captured after `after`; later ones of a camera that was asleep."""
        frame = self._hub.latest
        if is_awake and frame is not None and frame.is_live and frame.captured_at > after:
            return frame
        frame = self._next(frames, after, until)
        settled_at = frame.captured_at + self._settings.delay_s
        skipped = 0
        while not is_awake and (skipped < self._settings.skip_frames or frame.captured_at < settled_at):
            frame, skipped = self._next(frames, frame.captured_at, until), skipped + 1
        return frame

    def _next(self, frames: Subscription, after: float, until: float) -> Frame:
        """The next live frame that was captured after `after`."""
        while (left_s := until - self._clock()) > 0:
            frame = frames.next(min(left_s, 0.5))
            if frame is None or frame.captured_at <= after:
                continue
            if frame.is_live:
                return frame
            if (reason := self._why_none()) is not None:
                raise CameraLost(f"there is no picture to take: {reason}")
        raise CameraLost("there is no picture to take: the camera gave none in time")

    @staticmethod
    def _is_live(frame: Frame | None) -> bool:
        return frame is not None and frame.is_live
