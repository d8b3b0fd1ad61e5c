"""A camera on the network: RTSP, MJPEG or single JPEGs over HTTP, or a video file.

Connecting, reading and decoding block, so they happen in a `Reader` thread that puts what it gets into
a `NewestSlot`; `frames()` only waits for that slot, and can leave at once. Pictures that are JPEG already
are passed on as they are; decoded ones are encoded here, and only those that are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from camera import image
from camera.backend import HEARTBEAT_S, Backend, CameraInfo, Picture
from camera.network_reader import Reader, Shot, Source, public_name
from errors import NoCamera
from settings import CameraSettings


class NetworkBackend(Backend):
    """The camera at `settings.url`; its name, messages and log lines never show a password."""

    start_timeout_s = 15.0  # a viewer that joins an RTSP stream waits for its next key frame

    def __init__(self, settings: CameraSettings, why: str = "it was asked for") -> None:
        self._settings = settings
        self._url = settings.url or ""
        self._info = CameraInfo(public_name(self._url), "network", why)

    @property
    def info(self) -> CameraInfo:
        return self._info

    def frames(self) -> Iterator[Picture | None]:
        source = self._source()
        reader = Reader(self._info.name, source)
        reader.start()
        try:
            while True:
                shot = reader.slot.take(HEARTBEAT_S)
                if shot is None:
                    reader.check()
                yield None if shot is None else self._picture(shot, source)
        finally:
            reader.leave()

    def _source(self) -> Source:
        """What reads this kind of address; the library behind it is imported only now.

        :raises NoCamera: for an address of no kind we know.
        """
        name, scheme = self._info.name, self._url.partition(":")[0].lower()
        if scheme in ("http", "https"):
            from camera.network_http import HttpSource

            return HttpSource(self._url, name, self._settings.rate)
        if scheme in ("rtsp", "rtsps", "file"):
            from camera.network_video import VideoSource

            return VideoSource(self._url, name, self._settings.quality)
        raise NoCamera(f"{name}: url must start with rtsp://, http://, https:// or file://")

    def _picture(self, shot: Shot, source: Source) -> Picture | None:
        """The picture, None when it starts and ends like a JPEG but is none."""
        jpeg = shot.encode()
        try:
            size = image.size_of(jpeg)
        except ValueError:
            return None
        known = (self._info.width_px, self._info.height_px, self._info.pixel_format)
        if (*size, source.pixel_format) != known:
            self._info = replace(
                self._info,
                width_px=size[0],
                height_px=size[1],
                pixel_format=source.pixel_format,
                rate_hz=source.rate_hz,
            )
        return Picture(jpeg, shot.captured_at, *size)
