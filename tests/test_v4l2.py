"""Finding USB cameras in a made-up /dev and /sys, choosing among what they offer, and what is said of faults."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera.v4l2 import (
    Card,
    Mode,
    RateRange,
    SizeRange,
    choose,
    explain,
    find_usb_cameras,
    nearest_rate,
    nearest_size,
    pick_camera,
)
from errors import NoCamera

CAPTURE, METADATA, CODEC, SENSOR = 0x04200001, 0x04A00000, 0x04208000, 0x24200001
USB = "devices/platform/soc/xhci/usb1/1-1/1-1.2:1.0"
VGA = SizeRange(640, 640, 1, 480, 480, 1)
HD = SizeRange(1280, 1280, 1, 720, 720, 1)


class Machine:
    """A made-up /dev and /sys; `find` looks at them and `asked` tells which nodes were opened."""

    def __init__(self, root: Path) -> None:
        self.dev, self.sys = root / "dev", root / "sys"
        self.dev.mkdir()
        (self.sys / "class/video4linux").mkdir(parents=True)
        self.answers: dict[str, Card | OSError] = {}
        self.asked: list[str] = []

    def add(self, node: str, where: str, answer: Card | OSError, *links: str) -> None:
        """A video node at a place of sysfs, with its udev links (below /dev/v4l)."""
        (self.dev / node).touch()
        (self.sys / where / "video4linux" / node).mkdir(parents=True)
        (self.sys / "class/video4linux" / node).symlink_to(self.sys / where / "video4linux" / node)
        for link in links:
            path = self.dev / "v4l" / link
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(f"../../{node}")
        self.answers[node] = answer

    def query(self, node: Path) -> Card:
        self.asked.append(node.name)
        answer = self.answers[node.name]
        if isinstance(answer, OSError):
            raise answer
        return answer

    def find(self) -> list[tuple[str, str]]:
        """(path below /dev, name) of what is found."""
        found = find_usb_cameras(self.dev, self.sys, self.query)
        return [(str(camera.path.relative_to(self.dev)), camera.name) for camera in found]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_camera_goes_by_its_lasting_name(machine: Machine) -> None:
    machine.add(
        "video0", USB, Card("HD Webcam", CAPTURE), "by-id/usb-A_B_1-video-index0", "by-path/p-usb-0:1-video-index0"
    )
    machine.add("video1", f"{USB}/meta", Card("HD Webcam", METADATA), "by-id/usb-A_B_1-video-index1")
    assert machine.find() == [("v4l/by-id/usb-A_B_1-video-index0", "usb-A_B_1")]


def test_the_second_of_two_cameras_without_serial_number_goes_by_its_socket(machine: Machine) -> None:
    """They share one name under by-id, which udev gives to one of them only."""
    machine.add("video0", USB, Card("Cam", CAPTURE), "by-path/p-usb-0:1-video-index0")
    machine.add(
        "video2", f"{USB}/2", Card("Cam", CAPTURE), "by-id/usb-A_B-video-index0", "by-path/p-usb-0:2-video-index0"
    )
    assert machine.find() == [
        ("v4l/by-id/usb-A_B-video-index0", "usb-A_B"),
        ("v4l/by-path/p-usb-0:1-video-index0", "p-usb-0:1"),
    ]


def test_a_camera_without_udev_names_goes_by_its_node(machine: Machine) -> None:
    machine.add("video3", USB, Card("Cam", CAPTURE))
    assert machine.find() == [("video3", "video3")]


def test_a_pis_codecs_and_ribbon_sensor_are_not_even_opened(machine: Machine) -> None:
    machine.add("video10", "devices/platform/soc/mailbox/bcm2835-codec", Card("codec", CODEC))
    machine.add("video0", "devices/platform/soc/fe801000.csi", Card("unicam", CAPTURE))
    assert machine.find() == []
    assert machine.asked == []


@pytest.mark.parametrize("capabilities", [METADATA, CODEC, SENSOR, CAPTURE & ~0x04000000, 0x04200003])
def test_usb_nodes_that_are_no_cameras_are_left_out(capabilities: int, machine: Machine) -> None:
    machine.add("video0", USB, Card("x", capabilities), "by-id/usb-A-video-index0")
    assert machine.find() == []


def test_virtual_cameras_count(machine: Machine) -> None:
    machine.add("video0", "devices/virtual", Card("OBS", CAPTURE))
    machine.add("video1", "devices/platform/vivid.0", Card("vivid", CAPTURE))
    assert [name for _, name in machine.find()] == ["video0", "video1"]


def test_a_camera_we_may_not_open_is_still_found(machine: Machine) -> None:
    """So that the user is told of the group video instead of seeing the test picture."""
    machine.add("video0", USB, PermissionError(errno.EACCES, "no"), "by-id/usb-A-video-index0")
    machine.add("video1", f"{USB}/meta", PermissionError(errno.EACCES, "no"), "by-id/usb-A-video-index1")
    assert machine.find() == [("v4l/by-id/usb-A-video-index0", "usb-A")]


def test_a_camera_pulled_out_while_we_look_is_left_out(machine: Machine) -> None:
    machine.add("video0", USB, OSError(errno.ENODEV, "gone"), "by-id/usb-A-video-index0")
    assert machine.find() == []


def test_a_machine_without_dev_has_no_cameras(tmp_path: Path) -> None:
    assert find_usb_cameras(tmp_path / "no", tmp_path / "none") == []


def test_this_machine_can_be_asked() -> None:
    assert all(camera.path.exists() for camera in find_usb_cameras())


@pytest.fixture
def two(machine: Machine) -> Machine:
    machine.add("video0", USB, Card("Left eye", CAPTURE), "by-id/usb-Acme_Eye_L-video-index0")
    machine.add("video2", f"{USB}/2", Card("Right eye", CAPTURE), "by-id/usb-Acme_Eye_R-video-index0")
    return machine


@pytest.mark.parametrize(
    ("device", "name"),
    [(None, "usb-Acme_Eye_L"), ("eye_r", "usb-Acme_Eye_R"), ("Right", "usb-Acme_Eye_R"), ("acme", "usb-Acme_Eye_L")],
)
def test_a_part_of_a_name_picks_a_camera(device: str | None, name: str, two: Machine) -> None:
    assert pick_camera(device, find_usb_cameras(two.dev, two.sys, two.query)).name == name


def test_a_path_picks_a_camera_and_keeps_its_lasting_name(two: Machine) -> None:
    camera = pick_camera(str(two.dev / "video2"), find_usb_cameras(two.dev, two.sys, two.query))
    assert (camera.path, camera.name) == (two.dev / "video2", "usb-Acme_Eye_R")


def test_a_path_to_any_other_device_is_taken_as_it_is(two: Machine, tmp_path: Path) -> None:
    (tmp_path / "capture-card").touch()
    camera = pick_camera(str(tmp_path / "capture-card"), [])
    assert (camera.path, camera.name) == (tmp_path / "capture-card", "capture-card")


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("zoom", "no USB camera has 'zoom' in its name; there is usb-Acme_Eye_L, usb-Acme_Eye_R"),
        ("/dev/no-such", "there is no camera /dev/no-such; there is usb-Acme_Eye_L, usb-Acme_Eye_R"),
    ],
)
def test_a_missing_camera_is_named_with_those_there_are(device: str, sentence: str, two: Machine) -> None:
    with pytest.raises(NoCamera) as caught:
        pick_camera(device, find_usb_cameras(two.dev, two.sys, two.query))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        (None, "no USB camera is plugged in"),
        ("zoom", "no USB camera is plugged in (looked for 'zoom')"),
        ("/dev/no-such", "there is no camera /dev/no-such; there is no USB camera"),
    ],
)
def test_a_machine_without_cameras_says_so(device: str | None, sentence: str) -> None:
    with pytest.raises(NoCamera) as caught:
        pick_camera(device, [])
    assert str(caught.value) == sentence


def offers(**formats: dict[SizeRange, list[int]]) -> Callable[[int, int, float], Mode]:
    """A camera's offer: format -> size -> rates; called with a wish it gives the mode chosen."""

    def rates(name: str, width_px: int, height_px: int) -> list[RateRange]:
        for size, listed in formats[name].items():
            if size.nearest(width_px, height_px) == (width_px, height_px):
                return [RateRange(Fraction(rate), Fraction(rate)) for rate in listed]
        return []

    return lambda *wish: choose(formats, lambda name: list(formats[name]), rates, wish)


def test_the_cameras_own_jpeg_is_preferred() -> None:
    camera = offers(YUYV={VGA: [30], HD: [10]}, MJPG={VGA: [30], HD: [30, 60]})
    assert camera(1280, 720, 30) == Mode("MJPG", 1280, 720, 30)


def test_a_camera_without_jpeg_gives_its_cheapest_raw_format() -> None:
    assert offers(H264={HD: [30]}, GREY={HD: [30]}, YUYV={VGA: [30]})(640, 480, 30).pixel_format == "YUYV"


def test_size_goes_before_rate() -> None:
    assert offers(YUYV={VGA: [30], HD: [5, 10]})(1280, 720, 30) == Mode("YUYV", 1280, 720, 10)


def test_a_driver_that_lists_nothing_is_asked_for_the_wish() -> None:
    assert offers(MJPG={})(800, 600, 25) == Mode("MJPG", 800, 600, None)


def test_a_camera_without_a_usable_format_says_what_it_has() -> None:
    with pytest.raises(NoCamera, match="it offers only H264, Z16 , not one of MJPG, JPEG"):
        offers(**{"H264": {HD: [30]}, "Z16 ": {HD: [30]}})(640, 480, 30)


def test_the_larger_of_two_equally_near_sizes_is_taken() -> None:
    sizes = [SizeRange(600, 600, 1, 480, 480, 1), SizeRange(680, 680, 1, 480, 480, 1)]
    assert nearest_size(sizes, 640, 480) == (680, 480)


def test_a_stepwise_size_is_clamped_and_snapped() -> None:
    sizes = [SizeRange(160, 1920, 16, 120, 1080, 8)]
    assert nearest_size(sizes, 1000, 701) == (992, 696)
    assert nearest_size(sizes, 10, 9999) == (160, 1080)


@given(
    st.lists(st.tuples(st.integers(16, 4096), st.integers(16, 4096)), min_size=1, max_size=12),
    st.tuples(st.integers(64, 8192), st.integers(64, 8192)),
)
def test_the_size_taken_is_offered_and_none_is_nearer(sizes: list[tuple[int, int]], wish: tuple[int, int]) -> None:
    taken = nearest_size([SizeRange(width, width, 1, height, height, 1) for width, height in sizes], *wish)
    assert taken in sizes
    distances = [abs(width - wish[0]) + abs(height - wish[1]) for width, height in sizes]
    assert abs(taken[0] - wish[0]) + abs(taken[1] - wish[1]) == min(distances)


def test_rates() -> None:
    discrete = [RateRange(rate, rate) for rate in (Fraction(30000, 1001), Fraction(15), Fraction(60))]
    assert nearest_rate(discrete, 29.97) == Fraction(30000, 1001)
    assert nearest_rate(discrete, 1000) == 60
    assert nearest_rate([RateRange(Fraction(10), Fraction(10)), RateRange(Fraction(20), Fraction(20))], 15) == 20
    assert nearest_rate([RateRange(Fraction(1), Fraction(25))], 12.5) == Fraction(25, 2)
    assert nearest_rate([RateRange(Fraction(0), Fraction(0))], 30) is None
    assert nearest_rate([], 30) is None


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EBUSY, "camera cam is in use by another program"),
        (errno.EACCES, "no permission to open camera cam: add this user to the group video and log in again"),
        (errno.EPERM, "no permission to open camera cam: add this user to the group video and log in again"),
        (errno.ENODEV, "camera cam was unplugged"),
        (errno.ENOSPC, "no USB bandwidth left for camera cam: choose a smaller size or rate, or another port"),
        (errno.EPROTO, "camera cam failed: Protocol error"),
    ],
)
def test_faults_are_explained(number: int, sentence: str) -> None:
    assert explain(OSError(number, os.strerror(number)), "cam") == sentence
