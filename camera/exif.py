"""What a photo says of itself: date, maker, program, how long it is kept, in an Exif segment (CIPA DC-008, 2.32)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from camera.backend import SOI

HEAD = b"Exif\0\0"
APP1 = b"\xff\xe1"
# TIFF 6.0, section 2: byte order "II", 42, offset of the first directory; types ASCII, LONG, UNDEFINED.
TIFF_HEAD = b"II*\0\x08\0\0\0"
BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
SCAN = 0xDA
ASCII, LONG, UNDEFINED = 2, 4, 7
MAKE, MODEL, SOFTWARE, DATE, EXIF_DIRECTORY = 0x010F, 0x0110, 0x0131, 0x0132, 0x8769
VERSION, DATE_ORIGINAL, OFFSET_ORIGINAL, SUBSECOND_ORIGINAL = 0x9000, 0x9003, 0x9011, 0x9291
COMMENT = 0x9286
# A comment begins with its character code (Exif 2.32, 4.6.5, UserComment).
KEPT_UNTIL = b"ASCII\0\0\0Bagel Turret keeps this until "

Entry = tuple[int, int, bytes]


def with_exif(jpeg: bytes, date: datetime, make: str, model: str, expires_at: datetime | None = None) -> bytes:
    """The same picture with an Exif segment; one that a camera wrote itself stays as it is.

    :param date: when it was shot; written as local time with its offset, as people expect of a camera.
    :param expires_at: see `expiry_of`.
    """
    if jpeg[2:4] == APP1 and jpeg[6:12] == HEAD:
        return jpeg
    block = HEAD + _tiff(date.astimezone(), make, model, expires_at)
    return SOI + APP1 + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


def expiry_of(jpeg: bytes) -> datetime | None:
    """Until when a picture was to be kept as `with_exif` wrote it; None when it does not say."""
    for start, end in _segments(jpeg):
        at = jpeg.find(KEPT_UNTIL, start, end)
        if at >= 0 and _is_exif(jpeg, start):
            text = jpeg[at + len(KEPT_UNTIL) : end].split(b"\0")[0].decode("ascii", "replace")
            with suppress(ValueError):  # nonsense says nothing
                found = datetime.fromisoformat(text)
                return found if found.tzinfo else None
    return None


def with_exif_of(source: bytes, jpeg: bytes) -> bytes:
    """`jpeg` with the Exif segment of the picture it was made of, or with none if that has none.

    A small picture in there shows the source as it was, so readers do not find it any more.
    """
    at, plain = len(SOI), SOI
    for start, end in _segments(jpeg):
        plain += b"" if _is_exif(jpeg, start) else jpeg[start:end]
        at = end
    found = next((source[start:end] for start, end in _segments(source) if _is_exif(source, start)), b"")
    return SOI + _without_small_picture(found) + plain[len(SOI) :] + jpeg[at:]


def _segments(jpeg: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each marker segment before the first scan, as far as they make sense (ITU-T T.81, B.1.1)."""
    start = len(SOI)
    while start + 4 <= len(jpeg) and jpeg[start] == 0xFF and jpeg[start + 1] != SCAN:
        end = start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")
        if end > len(jpeg):
            return
        yield start, end
        start = end


def _is_exif(jpeg: bytes, start: int) -> bool:
    return jpeg[start : start + 2] == APP1 and jpeg[start + 4 : start + 10] == HEAD


def _without_small_picture(segment: bytes) -> bytes:
    """An Exif segment whose first directory is its last; that of the small picture would be the second."""
    changed, tiff_at = bytearray(segment), len(APP1) + 2 + len(HEAD)
    order = BYTE_ORDERS.get(segment[tiff_at : tiff_at + 4])
    if order is not None:
        with suppress(struct.error):  # nonsense, which stays what it was
            (directory_at,) = struct.unpack_from(f"{order}I", segment, tiff_at + 4)
            (count,) = struct.unpack_from(f"{order}H", segment, tiff_at + directory_at)
            struct.pack_into(f"{order}I", changed, tiff_at + directory_at + 2 + 12 * count, 0)
    return bytes(changed)


def _tiff(date: datetime, make: str, model: str, expires_at: datetime | None) -> bytes:
    moment = _text(f"{date:%Y:%m:%d %H:%M:%S}")
    offset = f"{date:%z}"
    main: list[Entry] = [
        (MAKE, ASCII, _text(make)),
        (MODEL, ASCII, _text(model)),
        (SOFTWARE, ASCII, _text("Bagel Turret")),
        (DATE, ASCII, moment),
        (EXIF_DIRECTORY, LONG, b"\0\0\0\0"),
    ]
    own: list[Entry] = [
        (VERSION, UNDEFINED, b"0232"),
        (DATE_ORIGINAL, ASCII, moment),
        (OFFSET_ORIGINAL, ASCII, _text(f"{offset[:3]}:{offset[3:5]}")),
        *([] if expires_at is None else [(COMMENT, UNDEFINED, KEPT_UNTIL + _text(expires_at.isoformat()))]),
        (SUBSECOND_ORIGINAL, ASCII, _text(f"{date.microsecond // 1000:03d}")),
    ]
    at = len(TIFF_HEAD) + len(_directory(main, len(TIFF_HEAD)))
    main[-1] = (EXIF_DIRECTORY, LONG, struct.pack("<I", at))
    return TIFF_HEAD + _directory(main, len(TIFF_HEAD)) + _directory(own, at)


def _directory(entries: list[Entry], at: int) -> bytes:
    """An image file directory that lies at offset `at`, followed by the values that are longer than 4 bytes."""
    values_at = at + 2 + 12 * len(entries) + 4
    records, values = b"", b""
    for tag, kind, value in entries:
        count = 1 if kind == LONG else len(value)
        if len(value) <= 4:
            place = value.ljust(4, b"\0")
        else:
            place = struct.pack("<I", values_at + len(values))
            values += value + b"\0" * (len(value) % 2)
        records += struct.pack("<HHI", tag, kind, count) + place
    return struct.pack("<H", len(entries)) + records + b"\0\0\0\0" + values


def _text(text: str) -> bytes:
    return text.encode("ascii", "replace")[:200] + b"\0"
