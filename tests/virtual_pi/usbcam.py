"""USB webcams made of software, for the guest of `vpi run --module vhci-hcd --module uvcvideo`.

    python -m tests.virtual_pi.usbcam serve SERIAL... [--frames DIR]
    python -m tests.virtual_pi.usbcam send SERIAL ORDER

ORDER is plug, unplug, freeze, thaw, truncate, behead, pad, refuse, mend, dusk, day or status.
They speak the USB/IP protocol to the kernel's vhci-hcd, so the kernel's own uvcvideo driver binds to
them: MJPG and YUYV modes, a webcam's controls, a serial number each (so /dev/v4l/by-id differs), and
real unplugging and plugging in again. Pictures are the JPEG files of a folder (in MJPG mode) or drawn.

Sources: USB Video Class 1.1 (payload header: 2.4.3.3, requests: 4) and the kernel's
Documentation/usb/usbip_protocol.rst. Runs as root in the guest, from the project's folder.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import struct
import sys
import threading
import time
from collections import deque
from pathlib import Path

from tests.virtual_pi.usbcam_controls import BRIGHTNESS, GET_INFO, GET_LEN, LIGHT, SET_CUR, Controls
from tests.virtual_pi.usbcam_descriptors import (
    INTERVALS,
    MJPG,
    SIZES,
    config_descriptor,
    device_descriptor,
    string_descriptor,
)

ORDERS = "/run/usbcam-{}.sock"
ATTACH = Path("/sys/devices/platform/vhci_hcd.0/attach")
PAYLOAD_BYTES = 16384  # what uvcvideo gives a bulk transfer at most
STALL = -32  # EPIPE
COLORS = [(192, 192, 192), (0, 192, 192), (192, 192, 0), (0, 192, 0), (192, 0, 192), (0, 0, 192), (192, 0, 0)]


def draw(label: str, fmt: int, size: tuple[int, int], number: int, brightness: int) -> bytes:
    """A color bar picture with a label and a block that moves; JPEG or YUYV bytes."""
    import cv2
    import numpy as np

    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    for n, color in enumerate(COLORS):
        pixels[:, n * width // 7 : (n + 1) * width // 7] = color
    cv2.rectangle(pixels, (number * width // 8, 0), ((number + 1) * width // 8, 20), (255, 255, 255), -1)
    cv2.putText(pixels, label, (10, height // 2), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    pixels = np.clip(pixels.astype(int) + brightness - 128, 0, 255).astype(np.uint8)
    if fmt == MJPG:
        return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
    yuv = cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV)
    packed = np.empty((height, width, 2), np.uint8)
    packed[..., 0] = yuv[..., 0]
    packed[:, 0::2, 1], packed[:, 1::2, 1] = yuv[:, 0::2, 1], yuv[:, 0::2, 2]
    return packed.tobytes()


class Camera:
    """One webcam. `_lock` guards the plug, what is written into it, the transfers that wait, and the chosen mode:
    the kernel hangs up on an answer to a transfer that it took back."""

    def __init__(self, serial: str, port: int, folder: Path | None) -> None:
        self.serial, self.port, self.folder = serial, port, folder
        self.controls = Controls()
        self.mode = (MJPG, 1, INTERVALS[0])
        self.fault = ""  # truncate, behead or pad: done to every picture
        self.is_frozen = False
        self.is_at_rest = False  # no picture is under way
        self.sent = 0
        self._made: dict[tuple[int, tuple[int, int], int], list[bytes]] = {}
        self._lock = threading.Condition()
        self._plug: socket.socket | None = None
        self._waiting: deque[tuple[int, int]] = deque()  # (sequence number, room in bytes) of bulk transfers

    # -- plugging ------------------------------------------------------------------------------------------

    def plug(self) -> None:
        """Plug in: the kernel gets one end of a socket pair and takes it for a USB cable."""
        if self._plug:
            return
        self.picture(0)  # drawn before the kernel can ask: OpenCV loads slowly in the guest
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._plug, self._waiting = ours, deque()
        ATTACH.write_text(f"{self.port} {theirs.fileno()} {0x10002 + self.port} 3")
        theirs.close()
        for work in (self.answer_requests, self.send_pictures):
            threading.Thread(target=work, args=(ours,), daemon=True).start()

    def unplug(self) -> None:
        """Pull the cable."""
        with self._lock:
            ours, self._plug = self._plug, None
            self._lock.notify_all()
        if ours:
            ours.shutdown(socket.SHUT_RDWR)
            ours.close()

    # -- USB/IP --------------------------------------------------------------------------------------------

    def reply(self, cable: socket.socket, seq: int, status: int, length: int, data: bytes = b"") -> None:
        """USBIP_RET_SUBMIT."""
        with contextlib.suppress(OSError), self._lock:
            cable.sendall(struct.pack(">IIIIIiiiii8x", 3, seq, 0, 0, 0, status, length, 0, 0, 0) + data)

    def answer_requests(self, cable: socket.socket) -> None:
        """Read USBIP_CMD_SUBMIT and USBIP_CMD_UNLINK until the cable is pulled."""
        stream = cable.makefile("rb")
        with contextlib.suppress(OSError, ValueError):
            while len(head := stream.read(48)) == 48:
                command, seq, _, is_in, endpoint = struct.unpack(">IIIII", head[:20])
                if command == 2:
                    self.unlink(cable, seq, struct.unpack(">I", head[20:24])[0])
                    continue
                length = struct.unpack(">i", head[24:28])[0]
                data = stream.read(length) if not is_in and length else b""
                if endpoint:
                    with self._lock:
                        self._waiting.append((seq, length))
                        self._lock.notify_all()
                    continue
                answer = self.control(head[40:48], data)
                if answer is None:
                    self.reply(cable, seq, STALL, 0)
                else:
                    answer = answer[:length] if is_in else b""
                    self.reply(cable, seq, 0, len(answer) if is_in else len(data), answer)

    def unlink(self, cable: socket.socket, seq: int, victim: int) -> None:
        """Take a waiting transfer back, which the kernel does when a program stops streaming."""
        with self._lock:
            found = [transfer for transfer in self._waiting if transfer[0] == victim]
            for transfer in found:
                self._waiting.remove(transfer)
            cable.sendall(struct.pack(">IIIIIi24x", 4, seq, 0, 0, 0, -104 if found else 0))

    def control(self, setup: bytes, data: bytes) -> bytes | None:
        """Answer a control request; None is a stall."""
        kind, request, value, index, _ = struct.unpack("<BBHHH", setup)
        if kind & 0x60 == 0:
            return self.standard_request(kind, request, value >> 8, value & 255)
        selector, unit, interface = value >> 8, index >> 8, index & 255
        if interface == 1:
            return self.probe_or_commit(request, data)
        if self.controls.has(unit, selector):
            return self.controls.answer(unit, selector, request, data)
        return b"\0" if (interface, unit, selector) == (0, 0, 2) else None

    def standard_request(self, kind: int, request: int, what: int, which: int) -> bytes | None:
        if request != 6:  # anything but GET_DESCRIPTOR
            return b"\0\0"[: 2 if request == 0 else kind >> 7]
        if what == 1:
            return device_descriptor()
        if what == 2:
            return config_descriptor()
        if what == 3 and which < 4:
            texts = ["", "Virtual Pi", "Soft Camera", self.serial]
            return string_descriptor(texts[which]) if which else b"\x04\x03\x09\x04"
        return None

    def probe_or_commit(self, request: int, data: bytes) -> bytes:
        if request == SET_CUR:
            interval = struct.unpack("<I", data[4:8])[0] or INTERVALS[0]
            with self._lock:
                self.mode = (min(max(data[2], 1), 2), min(max(data[3], 1), len(SIZES)), interval)
            return b""
        if request in (GET_LEN, GET_INFO):
            return struct.pack("<H", 26) if request == GET_LEN else b"\x03"
        fmt, frame, interval = self.mode
        width, height = SIZES[frame - 1]
        return struct.pack("<HBBIHHHHHII", 1, fmt, frame, interval, 0, 0, 0, 0, 0, width * height * 2, PAYLOAD_BYTES)

    # -- pictures ------------------------------------------------------------------------------------------

    def picture(self, number: int) -> bytes:
        fmt, size, brightness = self.mode[0], SIZES[self.mode[1] - 1], self.controls.value(BRIGHTNESS)
        made = self._made.get((fmt, size, brightness))
        if made is None:
            if fmt == MJPG and self.folder:
                made = [path.read_bytes() for path in sorted(self.folder.glob("*.jpg"))]
            else:
                made = [draw(f"{self.serial} {size[0]}x{size[1]}", fmt, size, i, brightness) for i in range(8)]
            self._made = {(fmt, size, brightness): made}
        return self.damaged(made[number % len(made)])

    def damaged(self, data: bytes) -> bytes:
        if self.fault == "truncate":
            return data[: len(data) // 3]
        if self.fault == "behead":
            return bytes(64) + data[64:]
        return data + bytes(100) if self.fault == "pad" else data

    def send_pictures(self, cable: socket.socket) -> None:
        """Answer the waiting bulk transfers with pictures, at the rate of the mode, while the cable is in."""
        due, toggle = 0.0, 0
        while self.wait_for_demand(cable):
            now = time.monotonic()
            time.sleep(max(0.0, due - now))
            due = max(due, now) + self.mode[2] / 1e7
            data = self.picture(self.sent)
            for start in range(0, len(data), PAYLOAD_BYTES - 2):
                part = data[start : start + PAYLOAD_BYTES - 2]
                is_last = start + len(part) == len(data)
                if not self.send_payload(cable, bytes([2, 0x80 | toggle | is_last << 1]) + part):
                    break
            self.sent, toggle = self.sent + 1, toggle ^ 1

    def wait_for_demand(self, cable: socket.socket) -> bool:
        """Wait until a picture is wanted; False when the cable was pulled."""
        with self._lock:
            self.is_at_rest = True
            self._lock.wait_for(lambda: self._plug is not cable or (self._waiting and not self.is_frozen))
            self.is_at_rest = False
            return self._plug is cable

    def send_payload(self, cable: socket.socket, payload: bytes) -> bool:
        """Fill one transfer; False when nobody asks for more."""
        with self._lock:
            self._lock.wait_for(lambda: self._plug is not cable or bool(self._waiting), timeout=1.0)
            if self._plug is not cable or not self._waiting:
                return False
            seq, _ = self._waiting.popleft()
            self.reply(cable, seq, 0, len(payload), payload)
        return True

    # -- orders --------------------------------------------------------------------------------------------

    def obey(self, order: str) -> str:
        """Do what the test wants; returns the camera's state in words."""
        if order == "plug":
            self.plug()
        elif order == "unplug":
            self.unplug()
        elif order in ("freeze", "thaw"):
            with self._lock:
                self.is_frozen = order == "freeze"
                self._lock.notify_all()
        elif order in ("truncate", "behead", "pad", "refuse", "mend"):
            self.fault = "" if order == "mend" else order
            self.controls.refuses = order == "refuse"
        elif order in LIGHT:
            self.controls.light = LIGHT[order]
        elif order != "status":
            return f"unknown order {order}"
        return (
            f"plugged={bool(self._plug)} frozen={self.is_frozen} rests={self.is_at_rest} fault={self.fault} "
            f"sent={self.sent} mode={self.mode}"
        )

    def serve_orders(self) -> None:
        """Take one order per connection, for ever."""
        Path(ORDERS.format(self.serial)).unlink(missing_ok=True)
        server = socket.create_server(ORDERS.format(self.serial), family=socket.AF_UNIX)
        self.plug()
        while True:
            client, _ = server.accept()
            with client, client.makefile() as words:
                client.sendall(self.obey(words.read().strip()).encode())


def is_free(port: int) -> bool:
    """True when nothing is plugged into a port of vhci-hcd (state 4 in the kernel's usbip_protocol.rst)."""
    rows = [line.split() for line in ATTACH.with_name("status").read_text().splitlines()[1:]]
    return any(row[0] == "hs" and int(row[1]) == port and int(row[2]) == 4 for row in rows)


def send(serial: str, order: str) -> str:
    """Give a served camera an order; returns its state once it is done."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(ORDERS.format(serial))
        line.sendall(order.encode())
        line.shutdown(socket.SHUT_WR)
        with line.makefile() as answer:
            return answer.read()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    serve = actions.add_parser("serve")
    serve.add_argument("serials", nargs="+")
    serve.add_argument("--frames", type=Path, help="folder with a folder SERIAL of .jpg files to show in MJPG mode")
    sender = actions.add_parser("send")
    sender.add_argument("serial")
    sender.add_argument("order")
    arguments = parser.parse_args()
    if arguments.action == "send":
        print(send(arguments.serial, arguments.order))
        return 0
    for port, serial in enumerate(arguments.serials):
        camera = Camera(serial, port, arguments.frames and arguments.frames / serial)
        threading.Thread(target=camera.serve_orders).start()
    return 0


if __name__ == "__main__":
    sys.exit(main())
