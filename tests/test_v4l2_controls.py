"""V4L2 controls that cannot be set, as a scripted driver tells of them: read-only, grabbed, asleep, or none at all.

The kernel's rules are those of its documentation, vidioc-queryctrl.rst (flags) and vidioc-g-ctrl.rst (errors). The same
on real drivers: tests/drivers/test_vivid.py.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from linuxpy.video import device as linux
from linuxpy.video import raw

from camera import v4l2_controls
from camera.v4l2 import CameraNode
from camera.v4l2_controls import read_controls, write_control
from errors import ControlRefused, NotSupported

CAMERA = CameraNode(Path("/dev/video0"), "desk-camera", "Desk camera")
FLAG, ID, INTEGER, BOOLEAN = raw.ControlFlag, raw.ControlID, raw.CtrlType.INTEGER, raw.CtrlType.BOOLEAN
NEXT = int(FLAG.NEXT_CTRL | FLAG.NEXT_COMPOUND)


@dataclass
class Entry:
    """One control of the driver; `fault` is what it answers to reading or setting it."""

    id: int
    name: str
    value: int = 5
    flags: int = 0
    kind: int = INTEGER
    get_fault: int = 0
    set_fault: int = 0


class Driver:
    """Answers ioctls as the kernel does; `told` holds (name, value) of each order it took."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = {int(entry.id): entry for entry in sorted(entries, key=lambda entry: entry.id)}
        self.told: list[tuple[str, int]] = []

    def ioctl(self, device: object, request: raw.IOC, argument: object) -> None:
        answer = {raw.IOC.QUERY_EXT_CTRL: self.query, raw.IOC.G_CTRL: self.get, raw.IOC.S_CTRL: self.set}[request]
        fault = answer(argument)
        if fault:
            raise OSError(fault, os.strerror(fault))

    def query(self, asked: raw.v4l2_query_ext_ctrl) -> int:
        after = asked.id & ~NEXT
        entry = next((entry for number, entry in self.entries.items() if number > after), None)
        if entry is None:
            return errno.EINVAL
        asked.id, asked.type, asked.name = entry.id, entry.kind, entry.name.encode()
        asked.minimum, asked.maximum, asked.step, asked.default_value = 0, 10, 1, 5
        asked.flags = int(entry.flags)
        return 0

    def get(self, asked: raw.v4l2_control) -> int:
        entry = self.entries[asked.id]
        asked.value = entry.value
        return errno.EACCES if entry.flags & FLAG.WRITE_ONLY else entry.get_fault

    def set(self, order: raw.v4l2_control) -> int:
        entry = self.entries[order.id]
        fault = errno.EACCES if entry.flags & FLAG.READ_ONLY else errno.EBUSY if entry.flags & FLAG.GRABBED else 0
        if fault or entry.set_fault:
            return fault or entry.set_fault
        entry.value = order.value
        self.told.append((entry.name, order.value))
        return 0


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch):
    """Puts a driver behind the camera."""

    def connect(*entries: Entry) -> Driver:
        driver = Driver(*entries)

        @contextmanager
        def opened(camera: CameraNode) -> Iterator[int]:
            yield 99

        monkeypatch.setattr(v4l2_controls, "opened", opened)
        monkeypatch.setattr(linux, "ioctl", driver.ioctl)
        return driver

    return connect


READ_ONLY, GRABBED = "the camera only shows it", "the camera is using it right now"
ASLEEP = "it has no effect as the camera is set"


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (0, None),
        (FLAG.READ_ONLY, READ_ONLY),
        (FLAG.GRABBED, GRABBED),
        (FLAG.INACTIVE, ASLEEP),
        (FLAG.READ_ONLY | FLAG.INACTIVE, READ_ONLY),
        (FLAG.GRABBED | FLAG.INACTIVE, GRABBED),
        (FLAG.UPDATE | FLAG.VOLATILE | FLAG.SLIDER, None),
    ],
)
def test_a_control_says_why_it_cannot_be_set_and_is_not(flags: int, reason: str | None, connect) -> None:
    driver = connect(Entry(ID.CONTRAST, "Contrast", flags=flags))
    (contrast,) = read_controls(CAMERA)
    assert (contrast.name, contrast.value, contrast.reason) == ("contrast", 5, reason)
    if reason is None:
        assert write_control(CAMERA, "contrast", 7) == 7
        assert driver.told == [("Contrast", 7)]
        return
    with pytest.raises(ControlRefused) as caught:
        write_control(CAMERA, "contrast", 7)
    assert str(caught.value) == f"camera desk-camera does not take contrast now: {reason}"
    assert driver.told == []


@pytest.mark.parametrize(("is_on", "reason"), [(1, "gain_auto is on"), (0, ASLEEP)])
def test_what_puts_a_control_to_sleep_is_named_where_it_is_on(is_on: int, reason: str, connect) -> None:
    """A camera in which something else put it to sleep must not blame the automatic."""
    connect(
        Entry(ID.GAIN, "Gain", flags=FLAG.INACTIVE),
        Entry(ID.AUTOGAIN, "Gain, Automatic", value=is_on, kind=BOOLEAN),
    )
    automatic, gain = read_controls(CAMERA)
    assert (gain.name, gain.reason, gain.blocked_by) == ("gain", reason, "gain_auto" if is_on else None)
    assert (automatic.name, automatic.reason, automatic.blocked_by) == ("gain_auto", None, None)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (errno.EACCES, "it only shows it"),
        (errno.EBUSY, "it is using it right now"),
        (errno.EINVAL, "it does not take that value"),
        (errno.ERANGE, "it does not take that value"),
        (errno.EPIPE, "Broken pipe"),
    ],
)
def test_a_driver_that_says_no_only_when_told_is_a_refusal(fault: int, reason: str, connect) -> None:
    """It was free when we looked, and grabbed when we told it."""
    driver = connect(Entry(ID.CONTRAST, "Contrast", set_fault=fault))
    with pytest.raises(ControlRefused) as caught:
        write_control(CAMERA, "contrast", 7)
    assert str(caught.value) == f"camera desk-camera refuses contrast 7: {reason}"
    assert driver.told == []


def test_a_value_that_cannot_be_read_leaves_the_others(connect) -> None:
    connect(Entry(ID.CONTRAST, "Contrast", get_fault=errno.EIO), Entry(ID.SATURATION, "Saturation"))
    found = {control.name: (control.value, control.reason) for control in read_controls(CAMERA)}
    assert found == {"contrast": (None, "the camera does not tell it: Input/output error"), "saturation": (5, None)}


def test_what_can_only_be_told_has_no_value_and_can_be_told(connect) -> None:
    driver = connect(Entry(ID.CONTRAST, "Contrast", flags=FLAG.WRITE_ONLY))
    (contrast,) = read_controls(CAMERA)
    assert (contrast.value, contrast.reason) == (None, None)
    assert write_control(CAMERA, "contrast", 7) == 7
    assert driver.told == [("Contrast", 7)]


@pytest.mark.parametrize("flags", [FLAG.DISABLED, FLAG.HAS_PAYLOAD])
def test_what_is_switched_off_for_good_or_no_number_is_no_control(flags: int, connect) -> None:
    connect(Entry(ID.CONTRAST, "Contrast", flags=flags))
    assert read_controls(CAMERA) == ()
    with pytest.raises(NotSupported, match="camera desk-camera has no control contrast"):
        write_control(CAMERA, "contrast", 7)


def test_a_camera_that_goes_while_it_is_asked_tells_nothing(connect) -> None:
    connect(Entry(ID.CONTRAST, "Contrast"), Entry(ID.SATURATION, "Saturation", get_fault=errno.ENODEV))
    assert read_controls(CAMERA) == ()
