"""RTSP cameras and video files, read and decoded by PyAV (FFmpeg).

MJPEG inside is passed on undecoded. Everything else must be decoded picture by picture, but only pictures
that are taken are encoded. A live stream that we cannot decode fast enough is cut forward to its next
key frame, so that the delay never grows; a file is played at its own rate, over and over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import unquote, urlsplit

import av
import numpy as np
import simplejpeg
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from camera.backend import is_whole_jpeg
from camera.network_reader import OPEN_TIMEOUT_S, READ_TIMEOUT_S, Reader, Shot
from errors import CameraError, CameraLost, NoCamera

# TCP: a lost UDP packet smears the picture until the next key frame. FFmpeg's own time-out is in us.
RTSP_OPTIONS = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "fflags": "nobuffer",
    "timeout": str(round(READ_TIMEOUT_S * 1e6)),
    "analyzeduration": "1000000",
    # Do not wait for 20 pictures to guess a rate: 0.5 s instead of 1.3 s to the first picture at 25 Hz.
    "fpsprobesize": "0",
}
BEHIND_S = 0.5
# A camera's clock may run this much slower than ours before that counts as falling behind.
CLOCK_DRIFT = 0.001
CATCH_UP_LIMIT_S = 5.0
UNKNOWN_RATE_HZ = 25.0
FULL_RANGE = 2


class VideoSource:
    """The camera at an rtsp:// address, or the video at a file:// address.

    :param quality: JPEG quality where we encode, 1..100.
    """

    def __init__(self, url: str, name: str, quality: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.pixel_format = ""
        self.rate_hz: float | None = None
        self._url = url
        self._is_file = urlsplit(url).scheme == "file"
        self._name = name
        self._quality = quality
        self._clock = clock

    def read(self, reader: Reader) -> None:
        starts_at = self._clock()
        while not reader.stopping.is_set():
            with self._translated(NoCamera):
                container = self._open()
            with container, self._translated(CameraLost):
                stream = self._video_of(container)
                reader.opened.set()
                if not self._is_file:
                    self._follow(container, stream, reader)
                    return
                starts_at = max(self._play(container, stream, reader, starts_at), self._clock() - BEHIND_S)

    def _open(self) -> InputContainer:
        timeout_s: tuple[float, float] = (OPEN_TIMEOUT_S, READ_TIMEOUT_S)
        if not self._is_file:
            return av.open(self._url, timeout=timeout_s, options=RTSP_OPTIONS)
        parts = urlsplit(self._url)
        if parts.netloc not in ("", "localhost"):
            raise NoCamera(f"{self._name}: a file url has three slashes: file:///home/pi/clip.mp4")
        return av.open(unquote(parts.path))

    def _video_of(self, container: InputContainer) -> VideoStream:
        if not container.streams.video:
            raise NoCamera(f"{self._name} has sound or data, but no picture")
        stream = container.streams.video[0]
        # Threads over whole frames would hold back as many frames as there are threads.
        stream.thread_type = "SLICE"
        self.pixel_format = "MJPG" if stream.codec_context.name == "mjpeg" else stream.codec_context.name.upper()
        self.rate_hz = float(stream.average_rate) if stream.average_rate else None
        return stream

    def _follow(self, container: InputContainer, stream: VideoStream, reader: Reader) -> None:
        """Put the pictures of a live stream as they come."""
        delay = Delay()
        for packet in container.demux(stream):
            if reader.stopping.is_set():
                return
            now_s = self._clock()
            if not delay.should_skip(_seconds(packet), now_s, packet.is_keyframe):
                for _, encode in self._pictures(packet):
                    reader.put(Shot(now_s, encode))

    def _play(self, container: InputContainer, stream: VideoStream, reader: Reader, starts_at: float) -> float:
        """Put the pictures of a file when they are due; returns when the next after its last would be due.

        :raises CameraLost: when the file has no picture.
        """
        period_s = 1.0 / (self.rate_hz or UNKNOWN_RATE_HZ)
        first_s: float | None = None
        due_at = starts_at - period_s
        for packet in container.demux(stream):
            for time_s, encode in self._pictures(packet):
                first_s = time_s if first_s is None else first_s
                due_at = due_at + period_s if time_s is None or first_s is None else starts_at + time_s - first_s
                if reader.stopping.wait(max(0.0, due_at - self._clock())):
                    return due_at
                reader.put(Shot(self._clock(), encode))
        if due_at < starts_at:
            raise CameraLost(f"{self._name} has no whole picture")
        return due_at + period_s

    def _pictures(self, packet: av.Packet[VideoStream]) -> Iterator[tuple[float | None, Callable[[], bytes]]]:
        """(time within the stream in seconds, encoder) of each whole picture that this packet completes."""
        if self.pixel_format == "MJPG":
            jpeg = bytes(packet)
            if is_whole_jpeg(jpeg):
                yield _seconds(packet), lambda: jpeg
            return
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            return
        for frame in frames:
            if not frame.is_corrupt:
                yield frame.time, partial(encode_frame, frame, self._quality)

    @contextmanager
    def _translated(self, kind: type[CameraError]) -> Iterator[None]:
        """Turn FFmpeg's errors into ours; `from None` keeps the url, with its password, out of logs."""
        try:
            yield
        except FFmpegError as error:
            raise kind(f"{self._name} {_words(error)}") from None


class Delay:
    """Whether a live stream has fallen behind, from its own time stamps; used by one thread."""

    def __init__(self) -> None:
        self._least_s: float | None = None
        self._measured_at = 0.0
        self._skips_since: float | None = None

    def should_skip(self, stream_s: float | None, now_s: float, is_keyframe: bool) -> bool:
        """True when the packet is too old to be decoded: drop it, and all up to a key frame in time.

        :param stream_s: the packet's own time; None when it has none (then it is never skipped).
        """
        if stream_s is None:
            return False
        is_behind = self._delay_s(stream_s, now_s) > BEHIND_S
        if self._skips_since is None:
            self._skips_since = now_s if is_behind else None
        elif is_keyframe and not is_behind:
            self._skips_since = None
        elif now_s - self._skips_since > CATCH_UP_LIMIT_S:
            # Not late, then: the camera has set its clock.
            self._least_s, self._skips_since = None, None
        return self._skips_since is not None

    def _delay_s(self, stream_s: float, now_s: float) -> float:
        """How much later this packet came than the promptest one, seconds."""
        offset_s = now_s - stream_s
        if self._least_s is not None:
            self._least_s += CLOCK_DRIFT * (now_s - self._measured_at)
        self._least_s = offset_s if self._least_s is None else min(offset_s, self._least_s)
        self._measured_at = now_s
        return offset_s - self._least_s


def encode_frame(frame: av.VideoFrame, quality: int) -> bytes:
    """JPEG of a decoded picture of any pixel format; JPEG wants the full range of values in 4:2:0."""
    is_ready = frame.format.name == "yuvj420p" or (frame.format.name == "yuv420p" and frame.color_range == FULL_RANGE)
    if not is_ready:
        frame = frame.reformat(format="yuvj420p", src_color_range=frame.color_range, threads=1)
    planes = [
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]  # type: ignore[call-overload]
        for plane in frame.planes
    ]
    jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(*planes, quality)
    return jpeg


def _seconds(packet: av.Packet[VideoStream]) -> float | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None or packet.time_base is None else float(stamp * packet.time_base)


def _words(error: FFmpegError) -> str:
    """What went wrong, in a half-sentence that follows the camera's name."""
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return "refuses the user name or the password"
    if isinstance(error, av.error.HTTPNotFoundError):
        return "has no picture at this address"
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return f"gave no answer within {OPEN_TIMEOUT_S:g} s"
    if isinstance(error, av.error.InvalidDataError):
        return "sends nothing we can read as video"
    return f"cannot be read: {error.strerror}"
