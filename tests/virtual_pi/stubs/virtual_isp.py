"""What a Pi's image processor adds to a camera, for libcamera's virtual cameras, under an unchanged picamera2.

libcamera's virtual pipeline gives NV12 only, has no raw modes, wants a plane each for Y and UV, and knows
hardly any control; it also completes requests as fast as they come. picamera2's encoders want RGB or YUV420,
and programs set controls. So this wraps a few names of the libcamera bindings: formats are made from NV12 when
a request completes, at the rate of FrameDurationLimits (30 a second without); the controls below are accepted
(Brightness, Contrast and white balance show in the picture), and a buffer of one plane is told to libcamera as two.
Cameras of other pipelines (a USB camera) pass through untouched.
"""

import os
import time
from collections import namedtuple

import libcamera
import virtual_awb
from virtual_pixels import FORMATS, length_of, process

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
    "Brightness": (-1.0, 1.0, 0.0),
    "Contrast": (0.0, 32.0, 1.0),
    "ExposureTime": (26, 66666, 20000),
    "ExposureValue": (-8.0, 8.0, 0.0),
    "Saturation": (0.0, 32.0, 1.0),
    "Sharpness": (0.0, 16.0, 1.0),
    **virtual_awb.CONTROLS,
}
KEPT = {*CONTROLS, "FrameDurationLimits", "ScalerCrop"}  # answered here, not by the pipeline
CALL_AGAIN = (1).to_bytes(8, "little")  # to an eventfd
SENSOR = libcamera.Rectangle(0, 0, 4608, 2592)
# What a Pi's algorithms decide while they are on: (the switch, its value then, control, value); exposure wanders.
DECIDED = (
    ("AeEnable", True, "ExposureTime", lambda: 10000 + int(time.monotonic() * 100) % 5000),
    ("AeEnable", True, "AnalogueGain", lambda: 2.5),
    ("AfMode", 2, "LensPosition", lambda: 3.75),
)
_ids = {name: getattr(libcamera.controls, name) for name in CONTROLS if hasattr(libcamera.controls, name)}
_streams = {}  # stream -> (format, width, height, camera id)
_pixels = {}  # length of a buffer -> pixels of it
_set = {}  # camera id -> {control name: value}
_balance = {}  # camera id -> its white balance
_wanted = {}  # a request's buffer -> {control name: value} that its picture is the first to have
_ready_later = []  # requests whose picture is not due yet
_stopped = set()  # camera ids
_due = {}  # camera id -> when its next frame may come
_taken_at = {}  # a request's buffer -> when the sensor took its picture, nanoseconds


def _virtual(camera):
    """Whether a camera is one of libcamera's virtual ones, which alone are changed."""
    return camera.id.startswith("Virtual")


class Stream:
    """A stream's configuration that keeps the format and the number of buffers asked for."""

    def __init__(self, real):
        self.__dict__.update(real=real, wanted=str(real.pixel_format), buffer_count=real.buffer_count)

    def __getattr__(self, name):
        if name == "pixel_format":
            return libcamera.PixelFormat(self.wanted)
        if name in ("stride", "frame_size"):
            width, height = self.real.size.width, self.real.size.height
            return width * FORMATS[self.wanted][0] if name == "stride" else length_of(self.wanted, width, height)
        return getattr(self.real, name)

    def __setattr__(self, name, value):
        if name == "pixel_format":
            self.__dict__["wanted"] = str(value)
        elif name == "buffer_count":
            self.__dict__[name] = value
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
_stop, _metadata = libcamera.Camera.stop, libcamera.Request.metadata


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
        _pixels[length_of(s.wanted, width, height)] = width * height
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
        least = libcamera.Rectangle(0, 0, 288, 162)
        found[libcamera.controls.ScalerCrop] = Info(least, SENSOR, whole_view(self.id))
    return found


def whole_view(camera):
    """As much of the sensor as a picture of the camera's shape can show."""
    width, height = next(((w, h) for _, w, h, owner in _streams.values() if owner == camera), (16, 9))
    scale = min(SENSOR.width / width, SENSOR.height / height)
    width, height = round(width * scale), round(height * scale)
    return libcamera.Rectangle((SENSOR.width - width) // 2, (SENSOR.height - height) // 2, width, height)


def start(self, wanted=None):
    """In place of Camera.start: keeps the controls that libcamera does not know, and forgets those set before."""
    if _virtual(self):
        _stopped.discard(self.id)
        own = _set[self.id] = {}
        own.update({k.name: v for k, v in (wanted or {}).items() if k.name in KEPT})
        _balance[self.id] = virtual_awb.Balance()
        _balance[self.id].take(own)
        wanted = {k: v for k, v in (wanted or {}).items() if k.name not in KEPT}
    return _start(self, wanted) if wanted else _start(self)


def buffer_of(request):
    """What tells a request from the others."""
    return next(iter(request.buffers.values())).planes[0].fd


def camera_of(request):
    """The id of the virtual camera a request is for, else None."""
    return next((_streams[s][3] for s in request.buffers if s in _streams), None)


def stop(self):
    """In place of Camera.stop: pictures that were not due yet need not wait any more."""
    _stopped.add(self.id)
    return _stop(self)


def set_control(self, control, value):
    """In place of Request.set_control: keeps the controls that libcamera does not know."""
    if control.name in KEPT and camera_of(self) is not None:
        _wanted.setdefault(buffer_of(self), {})[control.name] = value
        return None
    return _set_control(self, control, value)


def metadata(self):
    """In place of Request.metadata: what a Pi's algorithms say of the picture."""
    found, camera = dict(_metadata.__get__(self)), camera_of(self)
    if camera is not None:
        values = {name: default for name, (_, _, default) in CONTROLS.items()} | _set.get(camera, {})
        found.update({_ids[name]: value for name, value in _balance[camera].metadata().items()})
        for switch, on, name, decide in DECIDED:
            value = decide() if values[switch] == on else values[name]
            if value is not None:
                found[_ids[name]] = value
        # The pipeline's own is when the request was queued: as late as this machine is.
        found[libcamera.controls.SensorTimestamp] = _taken_at.get(buffer_of(self), time.monotonic_ns())
    return found


def pace(camera):
    """Wait until the camera's next picture is due; when that was."""
    low, high = _set.get(camera, {}).get("FrameDurationLimits", (33333, 33333))
    now = time.monotonic()
    due = max(now, _due.get(camera, now))
    time.sleep(due - now)
    _due[camera] = due + min(max(33333, low), high) / 1e6
    return due


def get_ready_requests(self):
    """In place of CameraManager.get_ready_requests: one at a time, and ready only after us."""
    _ready_later.extend(_ready(self))
    at_once = [request for request in _ready_later if not is_to_come(request)]
    _ready_later[:] = [request for request in _ready_later if is_to_come(request)]
    for request in at_once:
        _wanted.pop(buffer_of(request), None)
    if at_once or not _ready_later:
        if _ready_later:
            os.write(self.event_fd, CALL_AGAIN)
        return at_once
    request = _ready_later.pop(0)
    if _ready_later:
        os.write(self.event_fd, CALL_AGAIN)
    camera = camera_of(request)
    _taken_at[buffer_of(request)] = int(pace(camera) * 1e9)
    values = _set.setdefault(camera, {})
    orders = _wanted.pop(buffer_of(request), {})
    values.update(orders)
    _balance[camera].take(orders)
    for stream, buffer in request.buffers.items():
        if stream in _streams:
            process(buffer.planes[0].fd, *_streams[stream][:3], values, whole_view(camera), _balance[camera])
    return [request]


def is_to_come(request):
    """Whether a request is a picture of a virtual camera that runs."""
    camera = camera_of(request)
    return camera is not None and camera not in _stopped and request.status == libcamera.Request.Status.Complete


libcamera.FrameBuffer = FrameBuffer
libcamera.Camera.generate_configuration = generate_configuration
libcamera.Camera.configure = configure
libcamera.Camera.controls = property(controls)
libcamera.Camera.start = start
libcamera.Camera.stop = stop
libcamera.Request.metadata = property(metadata)
libcamera.Request.set_control = set_control
libcamera.CameraManager.get_ready_requests = get_ready_requests
