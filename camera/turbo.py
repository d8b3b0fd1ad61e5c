"""libturbojpeg where the system has it: gray without decoding, and planes as they lie in the JPEG.

simplejpeg has the same library inside but shows neither its lossless transforms nor its planes. On a Pi
libturbojpeg.so.0 is there because picamera2 needs it, elsewhere by `apt install libturbojpeg0`. Without it
everything works through simplejpeg, a little slower (camera/layers.py).

The calls are those of TurboJPEG 2 (turbojpeg.h), which version 3 still has; each lets go of the GIL.
"""

from __future__ import annotations

import ctypes
import logging
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_ulong, c_void_p

from camera.room import Pixels, Room

LIBRARY = "libturbojpeg.so.0"
OP_NONE, OPTION_GRAY = 0, 8
FAST_DCT = 2048
YCBCR = 1
# Chroma's share of (width, height) by TJSAMP number: 4:4:4, 4:2:2, 4:2:0, gray, 4:4:0. Others are decoded to BGR.
CHROMA = {0: (1, 1), 1: (2, 1), 2: (2, 2), 4: (1, 2)}
WARNING = 0

log = logging.getLogger(__name__)


class Transform(Structure):
    """tjtransform."""

    _fields_ = (
        ("x", c_int), ("y", c_int), ("w", c_int), ("h", c_int), ("op", c_int), ("options", c_int),
        ("data", c_void_p), ("custom_filter", c_void_p),
    )  # fmt: skip


class Turbo:
    """Two handles of the library. For one thread; closed with its last reference.

    :raises OSError: when the system has no libturbojpeg.
    """

    def __init__(self) -> None:
        self._library = _typed(ctypes.CDLL(LIBRARY))
        self._transformer = self._library.tjInitTransform()
        self._decoder = self._library.tjInitDecompress()
        self._to_gray = Transform(op=OP_NONE, options=OPTION_GRAY)

    def __del__(self) -> None:
        for handle in (getattr(self, "_transformer", None), getattr(self, "_decoder", None)):
            if handle:
                self._library.tjDestroy(handle)

    def gray(self, jpeg: bytes) -> bytes:
        """The same picture without its chroma: nothing of the rest is decoded or changed.

        :raises ValueError: when the bytes are no whole JPEG.
        """
        made, size_bytes = c_void_p(), c_ulong()
        failed = self._library.tjTransform(
            self._transformer, jpeg, len(jpeg), 1, byref(made), byref(size_bytes), byref(self._to_gray), 0
        )
        try:
            if failed and not (made and self._is_warning(self._transformer)):
                raise ValueError(self._fault(self._transformer))
            return ctypes.string_at(made, size_bytes.value)
        finally:
            self._library.tjFree(made)

    def planes(self, jpeg: bytes, room: Room, *, half: bool) -> list[Pixels] | None:
        """[Y, U, V] as they lie in the JPEG.

        None for a JPEG that has no such planes, or none of a whole number of pixels.

        :param half: at half width and height.
        :raises ValueError: when the bytes are no JPEG.
        """
        width, height, subsampling, colors = c_int(), c_int(), c_int(), c_int()
        found = (byref(width), byref(height), byref(subsampling), byref(colors))
        if self._library.tjDecompressHeader3(self._decoder, jpeg, len(jpeg), *found):
            raise ValueError(self._fault(self._decoder))
        share = CHROMA.get(subsampling.value) if colors.value == YCBCR else None
        scale = 2 if half else 1
        if share is None or width.value % (scale * share[0]) or height.value % (scale * share[1]):
            return None
        width_px, height_px = width.value // scale, height.value // scale
        chroma = (height_px // share[1], width_px // share[0])
        planes = [room.take(height_px, width_px), room.take(*chroma), room.take(*chroma)]
        addresses = (c_void_p * 3)(*(plane.ctypes.data for plane in planes))
        # The fast DCT and a scale together give wrong chroma (seen with libjpeg-turbo 2.1.5).
        failed = self._library.tjDecompressToYUVPlanes(
            self._decoder, jpeg, len(jpeg), addresses, width_px, None, height_px, 0 if half else FAST_DCT
        )
        if failed and not self._is_warning(self._decoder):
            raise ValueError(self._fault(self._decoder))
        return planes

    def _is_warning(self, handle: int) -> bool:
        """True when the picture was damaged, yet came out."""
        return bool(self._library.tjGetErrorCode(handle) == WARNING)

    def _fault(self, handle: int) -> str:
        text = self._library.tjGetErrorStr2(handle)
        return f"no JPEG: {text.decode(errors='replace')}"


def open_turbo() -> Turbo | None:
    """The library, or None where the system has none."""
    try:
        return Turbo()
    except (OSError, AttributeError) as error:
        log.debug("no libturbojpeg, so gray and rotation cost a little more (apt install libturbojpeg0): %s", error)
        return None


def _typed(library: ctypes.CDLL) -> ctypes.CDLL:
    handle, data, size = c_void_p, c_char_p, c_ulong
    for name, result, arguments in (
        ("tjInitTransform", handle, ()),
        ("tjInitDecompress", handle, ()),
        ("tjDestroy", c_int, (handle,)),
        ("tjFree", None, (c_void_p,)),
        ("tjGetErrorStr2", c_char_p, (handle,)),
        ("tjGetErrorCode", c_int, (handle,)),
        ("tjDecompressHeader3", c_int, (handle, data, size, *[POINTER(c_int)] * 4)),
        ("tjDecompressToYUVPlanes", c_int,
         (handle, data, size, POINTER(c_void_p), c_int, POINTER(c_int), c_int, c_int)),
        ("tjTransform", c_int,
         (handle, data, size, c_int, POINTER(c_void_p), POINTER(c_ulong), POINTER(Transform), c_int)),
    ):  # fmt: skip
        call = getattr(library, name)
        call.restype, call.argtypes = result, arguments
    return library
