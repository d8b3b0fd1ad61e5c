"""What a Pi's image processor adds to a camera, for libcamera's virtual cameras, under an unchanged picamera2.

libcamera's virtual pipeline gives NV12 only, has no raw modes, wants a plane each for Y and UV, and knows
hardly any control; it also completes requests as fast as they come. picamera2's encoders want RGB or YUV420,
and programs set controls. So this wraps a few names of the libcamera bindings: formats are made from NV12 when
a request completes, at the rate of FrameDurationLimits (30 a second without); the controls below are accepted
(Brightness and Contrast show in the picture), and a buffer of one plane is told to libcamera as two.
Cameras of other pipelines (a USB camera) pass through untouched.
"""

import mmap
import time
from collections import namedtuple

import cv2
import libcamera
import numpy as np

Info = namedtuple("Info", "min max default")
CONTROLS = {
    "AeEnable": (False, True, True),
    "AeExposureMode": (0, 3, 0),
    "AeMeteringMode": (0, 3, 0),
    "AeConstraintMode": (0, 3, 0),
    "AfMode": (0, 2, 0),
    "AfTrigger": (0, 1, 0),
    "AfRange": (0, 2, 0),
    "AfSpeed": (0, 1, 0),
    "LensPosition": (0.0, 15.0, 1.0),
    "AnalogueGain": (1.0, 16.0, 1.0),
    "AwbEnable": (False, True, True),
    "AwbMode": (0, 7, 0),
    "Brightness": (-1.0, 1.0, 0.0),
    "ColourGains": (0.0, 32.0, None),
    "Contrast": (0.0, 32.0, 1.0),
    "ExposureTime": (26, 66666, 20000),
    "ExposureValue": (-8.0, 8.0, 0.0),
    "Saturation": (0.0, 32.0, 1.0),
    "Sharpness": (0.0, 16.0, 1.0),
}
KEPT = {*CONTROLS, "FrameDurationLimits"}  # answered here, not by the pipeline
FORMATS = {  # bytes in a row for one pixel of width; rows for one of height (the planar one: 3/2)
    "RGB888": (3, cv2.COLOR_YUV2BGR_NV12),
    "BGR888": (3, cv2.COLOR_YUV2RGB_NV12),
    "XRGB8888": (4, cv2.COLOR_YUV2BGRA_NV12),
    "XBGR8888": (4, cv2.COLOR_YUV2RGBA_NV12),
    "YUV420": (1, None),
    "NV12": (1, None),
}
_ids = {name: getattr(libcamera.controls, name) for name in CONTROLS if hasattr(libcamera.controls, name)}
_streams = {}  # stream -> (format, width, height, camera id)
_pixels = {}  # length of a buffer -> pixels of it
_set = {}  # camera id -> {control name: value}
_due = {}  # camera id -> when its next frame may come


def _virtual(camera):
    """Whether a camera is one of libcamera's virtual ones, which alone are changed."""
    return camera.id.startswith("Virtual")


def _length(fmt, width, height):
    """Bytes of a picture."""
    return width * height * 3 // 2 if FORMATS[fmt][0] == 1 else width * height * FORMATS[fmt][0]


class Stream:
    """A stream's configuration that keeps the format asked for."""

    def __init__(self, real):
        self.__dict__.update(real=real, wanted=str(real.pixel_format))

    def __getattr__(self, name):
        if name == "pixel_format":
            return libcamera.PixelFormat(self.wanted)
        if name in ("stride", "frame_size"):
            width, height = self.real.size.width, self.real.size.height
            return width * FORMATS[self.wanted][0] if name == "stride" else _length(self.wanted, width, height)
        return getattr(self.real, name)

    def __setattr__(self, name, value):
        if name == "pixel_format":
            self.__dict__["wanted"] = str(value)
        elif name != "stride":
            setattr(self.real, name, value)


class Configuration:
    """A camera's configuration made of our streams; libcamera only ever sees NV12."""

    def __init__(self, real):
        self.__dict__.update(real=real, streams=[Stream(real.at(i)) for i in range(len(real))])

    def __getattr__(self, name):
        return getattr(self.real, name)

    def __setattr__(self, name, value):
        setattr(self.real, name, value)

    def __len__(self):
        return len(self.streams)

    def __iter__(self):
        return iter(self.streams)

    def at(self, index):
        return self.streams[index]

    def validate(self):
        adjusted = False
        for s in self.streams:
            if s.wanted not in FORMATS:  # as the Pi's pipeline does: the nearest it has
                s.__dict__["wanted"], adjusted = "XBGR8888", True
            s.real.pixel_format = libcamera.PixelFormat("NV12")
        status = self.real.validate()
        return (
            libcamera.CameraConfiguration.Status.Adjusted
            if adjusted and status == libcamera.CameraConfiguration.Status.Valid
            else status
        )


_generate, _configure, _start = (
    libcamera.Camera.generate_configuration,
    libcamera.Camera.configure,
    libcamera.Camera.start,
)
_controls = libcamera.Camera.controls
_ready, _set_control = libcamera.CameraManager.get_ready_requests, libcamera.Request.set_control


def generate_configuration(self, roles):
    """In place of Camera.generate_configuration."""
    if not _virtual(self):
        return _generate(self, roles)
    if list(roles) == [libcamera.StreamRole.Raw]:  # "which raw modes have you?": a USB camera names its ordinary ones
        return _generate(self, [libcamera.StreamRole.VideoRecording])
    return Configuration(_generate(self, roles))


def configure(self, config):
    """In place of Camera.configure: remembers what each stream was asked to deliver."""
    if not isinstance(config, Configuration):
        return _configure(self, config)
    result = _configure(self, config.real)
    for s in config.streams:
        width, height = s.real.size.width, s.real.size.height
        _streams[s.real.stream] = (s.wanted, width, height, self.id)
        _pixels[_length(s.wanted, width, height)] = width * height
    return result


class FrameBuffer(libcamera.FrameBuffer):
    """A buffer of one plane, told to libcamera as the two planes of NV12."""

    def __init__(self, planes):
        pixels = _pixels.get(planes[0].length) if len(planes) == 1 else None
        if pixels:
            second = libcamera.FrameBuffer.Plane()
            second.fd, second.offset, second.length = planes[0].fd, pixels, pixels // 2
            planes[0].length = pixels
            planes = [planes[0], second]
        super().__init__(planes)


def controls(self):
    """In place of Camera.controls: what a Pi's camera lists, and rates from 1 to 30 a second."""
    found = dict(_controls.__get__(self))
    if _virtual(self):
        found.update({i: Info(*CONTROLS[name]) for name, i in _ids.items() if i not in found})
        found[libcamera.controls.FrameDurationLimits] = Info(33333, 1000000, 33333)
    return found


def start(self, wanted=None):
    """In place of Camera.start: keeps the controls that libcamera does not know, and forgets those set before."""
    if _virtual(self):
        own = _set[self.id] = {}
        own.update({k.name: v for k, v in (wanted or {}).items() if k.name in KEPT})
        wanted = {k: v for k, v in (wanted or {}).items() if k.name not in KEPT}
    return _start(self, wanted) if wanted else _start(self)


def set_control(self, control, value):
    """In place of Request.set_control: keeps the controls that libcamera does not know."""
    if control.name in KEPT and any(s in _streams for s in self.buffers):
        stream = next(s for s in self.buffers if s in _streams)
        _set.setdefault(_streams[stream][3], {})[control.name] = value
        return None
    return _set_control(self, control, value)


def process(fd, fmt, width, height, values):
    """Turn the NV12 in a buffer into the format asked for, with contrast and brightness."""
    pixels = width * height
    with mmap.mmap(fd, _length(fmt, width, height)) as memory:
        whole = np.frombuffer(memory, np.uint8)
        image = whole[: pixels * 3 // 2].reshape(height * 3 // 2, width)
        contrast, brightness = values.get("Contrast", 1.0), values.get("Brightness", 0.0)
        if contrast != 1.0 or brightness:
            image[:height] = cv2.convertScaleAbs(
                image[:height], alpha=contrast, beta=128 * (1 - contrast) + 128 * brightness
            )
        if fmt == "YUV420":
            pairs = image[height:].reshape(-1, 2).copy()
            whole[pixels : pixels * 5 // 4], whole[pixels * 5 // 4 : pixels * 3 // 2] = pairs[:, 0], pairs[:, 1]
        elif fmt != "NV12":
            whole[:] = cv2.cvtColor(image.copy(), FORMATS[fmt][1]).reshape(-1)
        del whole, image


def pace(camera):
    """Wait until the camera's next picture is due."""
    low, high = _set.get(camera, {}).get("FrameDurationLimits", (33333, 33333))
    now = time.monotonic()
    due = max(now, _due.get(camera, now))
    time.sleep(due - now)
    _due[camera] = due + min(max(33333, low), high) / 1e6


def get_ready_requests(self):
    """In place of CameraManager.get_ready_requests: the pictures are ready only after us."""
    done = _ready(self)
    for request in done:
        if request.status != libcamera.Request.Status.Complete:
            continue
        cameras = {_streams[s][3] for s in request.buffers if s in _streams}
        for camera in cameras:
            pace(camera)
        for stream, buffer in request.buffers.items():
            if stream in _streams:
                fmt, width, height, camera = _streams[stream]
                process(buffer.planes[0].fd, fmt, width, height, _set.get(camera, {}))
    return done


libcamera.FrameBuffer = FrameBuffer
libcamera.Camera.generate_configuration = generate_configuration
libcamera.Camera.configure = configure
libcamera.Camera.controls = property(controls)
libcamera.Camera.start = start
libcamera.Request.set_control = set_control
libcamera.CameraManager.get_ready_requests = get_ready_requests
