"""Makes a film out of JPEGs and their times: H.264 in an MP4 that plays and seeks everywhere.

Everything is decoded, brought to the size of the first picture and encoded, one picture at a time. What browsers and
phones want: 4:2:0, limited range with its matrix named, no B-frames, the index in front, a key frame at least every two
seconds. A pause is filled with repeated pictures, which cost some hundred bytes each, so that one can seek in it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import CodecContext
from av.container import OutputContainer
from av.error import FFmpegError
from av.filter import Graph
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from camera.clip import last_frame_s
from errors import NotPlayable

SOFTWARE, HARDWARE = "libx264", "h264_v4l2m2m"
TIME_BASE = Fraction(1, 1000)
FILL_MS = 500
KEY_MS = 1500  # at most FILL_MS until the next picture: never more than 2 s between key frames
LIMITED_RANGE, BT601, BT709 = 1, 6, 1  # ITU-T H.273, tables 2 to 4; JPEG's matrix is that of BT.601 (JFIF)
BITS_PER_PIXEL = 0.12  # for encoders without constant quality, at CRF 23 and 30 pictures a second
RATE_HINT_HZ = 30
HARDWARE_GOP = 15


class EncoderFailed(Exception):
    """The encoder could not be opened, or gave up; another one may do it."""


@dataclass(frozen=True)
class Encoder:
    """How pictures become H.264.

    :ivar codec: `SOFTWARE` or `HARDWARE`.
    :ivar preset: libx264's preset.
    :ivar crf: quality as libx264 counts it, 0..51; less is better.
    """

    codec: str
    preset: str = "veryfast"
    crf: int = 23

    def configure(self, stream: VideoStream) -> None:
        """Set up the stream's encoder; it is opened with the first picture."""
        context = stream.codec_context
        context.time_base, context.pix_fmt, context.max_b_frames = TIME_BASE, "yuv420p", 0
        context.color_range, context.colorspace = LIMITED_RANGE, BT601
        context.color_primaries = context.color_trc = BT709
        if self.codec == SOFTWARE:
            stream.options.update({"preset": self.preset, "crf": str(self.crf), "forced-idr": "1"})
        else:
            pixels = context.width * context.height
            context.bit_rate = round(pixels * RATE_HINT_HZ * BITS_PER_PIXEL * 2 ** ((23 - self.crf) / 6))
            context.gop_size = HARDWARE_GOP

    def check(self, picture: VideoFrame) -> None:
        """Whether the board's encoder sees what we see: FFmpeg copies rows as long as they are in our memory.

        :raises EncoderFailed: when they are longer than the picture is wide: the film would be skewed
            (libavcodec/v4l2_buffers.c, v4l2_buffer_swframe_to_buf).
        """
        if self.codec == HARDWARE and any(plane.line_size != plane.width for plane in picture.planes):
            raise EncoderFailed(f"{self.codec} cannot take pictures {picture.width} pixels wide")


class FilmWriter:
    """Writes one film to `path`; used by one thread.

    :ivar frames: pictures of the camera in it.
    :ivar broken: pictures that could not be decoded; they are left out, and the one before stays on.
    """

    def __init__(self, path: Path, encoder: Encoder) -> None:
        self.frames = 0
        self.broken = 0
        self._path = path
        self._encoder = encoder
        self._decoder = _jpeg_decoder()
        self._fitters: dict[tuple[int, int, str], Graph] = {}
        self._size = (0, 0)
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._picture: VideoFrame | None = None
        self._packet: av.Packet[VideoStream] | None = None
        self._first_ms = self._last_ms = self._key_ms = 0

    @property
    def duration_s(self) -> float:
        """How long the film is, its last picture included."""
        return self._last_ms / 1000 + self._last_frame_s

    @property
    def _last_frame_s(self) -> float:
        return last_frame_s(self._last_ms / 1000, self.frames)

    def write(self, time_s: float, jpeg: bytes) -> None:
        """Show this picture from `time_s` on.

        :raises EncoderFailed: see there.
        :raises OSError: when the disk does not take it.
        """
        decoded = self._decoded(jpeg)
        if decoded is None:
            self.broken += 1
            return
        if self._picture is None:
            self._open(decoded.width, decoded.height)
            self._first_ms, self._last_ms, self._key_ms = round(time_s * 1000), -1, -KEY_MS
        at_ms = self._begin_at(time_s)
        self._picture = self._fitted(decoded)
        self._encoder.check(self._picture)
        self._show(at_ms)
        self.frames += 1

    def hold(self, time_s: float) -> None:
        """The last picture was still to be seen at `time_s`."""
        if self._picture is not None:
            self._show(self._begin_at(time_s))

    def flush(self) -> None:
        """The encoder gives what it kept back: what follows is the disk's work alone. The last call but `finish`.

        :raises NotPlayable: when no picture could be decoded.
        """
        if self._stream is None:
            raise NotPlayable("there is no picture in it that can be decoded")
        self._encode(None)

    def finish(self) -> None:
        """Write the rest and close the file; the last picture is shown as long as one on average, at most 0.5 s."""
        if self._container is not None and self._packet is not None:
            self._packet.duration = round(1000 * self._last_frame_s)
            self._container.mux_one(self._packet)
        self._close_file()

    def close(self) -> None:
        """Let go of the file, finished or not; works twice."""
        with suppress(FFmpegError, OSError):
            self._close_file()

    def _close_file(self) -> None:
        """:raises OSError: when the disk does not take the rest."""
        container, self._container = self._container, None
        if container is not None:
            container.close()

    def _decoded(self, jpeg: bytes) -> VideoFrame | None:
        if not jpeg:  # to a decoder that is the end of the stream
            return None
        try:
            frames = self._decoder.decode(av.Packet(jpeg))
        except (FFmpegError, EOFError):
            self._decoder = _jpeg_decoder()
            return None
        return frames[0] if frames and not frames[0].is_corrupt else None

    def _open(self, width_px: int, height_px: int) -> None:
        """Begin the file: the first picture decides the size, which 4:2:0 wants even."""
        self._size = width, height = max(2, width_px // 2 * 2), max(2, height_px // 2 * 2)
        self._container = av.open(f"file:{self._path}", "w", format="mp4", options={"movflags": "+faststart"})
        try:
            stream = self._container.add_stream(self._encoder.codec, rate=RATE_HINT_HZ, width=width, height=height)
            assert isinstance(stream, VideoStream)
            self._encoder.configure(stream)
            stream.codec_context.open()
        except (FFmpegError, ValueError) as error:
            raise EncoderFailed(f"{self._encoder.codec} cannot be used: {error}") from error
        self._stream = stream

    def _begin_at(self, time_s: float) -> int:
        """The film's own time for `time_s`, ms; a pause up to then is filled."""
        at_ms = max(round(time_s * 1000) - self._first_ms, self._last_ms + 1)
        while self._picture is not None and at_ms - self._last_ms > FILL_MS:
            self._show(self._last_ms + FILL_MS)
        return at_ms

    def _fitted(self, frame: VideoFrame) -> VideoFrame:
        """The picture in the film's size and format; of another shape, it gets black bars."""
        kind = (frame.width, frame.height, frame.format.name)
        if kind not in self._fitters:
            self._fitters[kind] = _fitter(frame, *self._size)
        self._fitters[kind].vpush(frame)
        return self._fitters[kind].vpull()

    def _show(self, at_ms: int) -> None:
        assert self._picture is not None
        is_key = at_ms - self._key_ms >= KEY_MS
        self._key_ms = at_ms if is_key else self._key_ms
        self._last_ms = at_ms
        self._picture.pts, self._picture.time_base = at_ms, TIME_BASE
        self._picture.pict_type = PictureType.I if is_key else PictureType.NONE
        self._encode(self._picture)

    def _encode(self, picture: VideoFrame | None) -> None:
        assert self._stream is not None
        try:
            packets = self._stream.encode(picture)
        except FFmpegError as error:
            raise EncoderFailed(f"{self._encoder.codec} gave up: {error}") from error
        for packet in packets:
            self._mux(packet)

    def _mux(self, packet: av.Packet[VideoStream]) -> None:
        """Write the packet before this one, whose length is known now."""
        assert self._container is not None
        before, self._packet = self._packet, packet
        if before is not None and before.pts is not None and packet.pts is not None:
            before.duration = packet.pts - before.pts
            self._container.mux_one(before)


def _jpeg_decoder() -> VideoCodecContext:
    """A decoder that says no to a torn picture instead of painting the rest gray."""
    decoder = CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1
    decoder.options = {"err_detect": "explode"}
    return decoder


def _fitter(frame: VideoFrame, width: int, height: int) -> Graph:
    """Filters from the frame's size and format to limited-range 4:2:0 of this size."""
    graph = Graph()
    graph.threads = 1
    graph.link_nodes(
        graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=TIME_BASE),
        graph.add(
            "scale",
            f"{width}:{height}:force_original_aspect_ratio=decrease:force_divisible_by=2"
            ":in_range=full:out_range=limited:in_color_matrix=bt601:out_color_matrix=bt601",
        ),
        graph.add("format", "yuv420p"),
        graph.add("pad", f"{width}:{height}:-1:-1:black"),
        graph.add("buffersink"),
    ).configure()
    return graph
