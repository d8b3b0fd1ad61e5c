"""A client that vanishes in the middle of everything leaves every output off, within the drive time-out and 50 ms.

The times are those of the simulated pins and of the client, which share the machine's monotonic clock. How late the
machine itself was meanwhile is measured beside, and allowed for; `test_deadman.py` shows the bound on a clock that a
test moves by hand.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import closing

import pytest
from fakes import ScriptedCamera, Viewer, basic, wait_until
from metronome import Metronome, within
from turret_by_hand import ENABLE, LEFT, RIGHT, TILT, TRIGGER, Scope
from vanishing import driving, linked

from app import Site

TIMEOUT_S = 0.4
ALLOWED_S = 0.05
PULSE_S = 1.0
OUTPUTS = (LEFT, RIGHT, ENABLE, TILT, TRIGGER)
SETTINGS = {
    "pan": {"net_run_limit_s": 0},
    "tilt": {"settle_s": 0, "speed_deg_s": 10},
    "trigger": {"pulse_ms": round(PULSE_S * 1000)},
}


@pytest.fixture
def open_site(make_site):
    """A site whose every output would stay on for longer than the drive time-out, and a scope on its pins."""

    def open_it(**server: object) -> tuple[Site, Scope]:
        site = make_site(ScriptedCamera(), server=server, **SETTINGS)
        return site, Scope(site.rig.turret._pins)

    return open_it


def expect_off_in_time(scope: Scope, metronome: Metronome, arrived_at: float, sent_at: float) -> None:
    """Everything was on, and went off one time-out after the last command.

    :param arrived_at: when the last command that is known to have arrived was sent.
    :param sent_at: when the last one that may have arrived was sent.
    """
    wait_until(scope.is_all_low, "every output is off")
    edges = scope.edges(*OUTPUTS)
    assert {number for _, number, level in edges if level} == {RIGHT, ENABLE, TILT, TRIGGER}
    assert 0 < scope.high_s(TRIGGER) < PULSE_S - 0.1 + 2 * metronome.worst_s, "the shot was cut off"
    off_at = max(at for at, _, _ in edges)
    assert off_at - arrived_at >= TIMEOUT_S - 0.001, "nothing but the time-out may have ended it"
    assert off_at - sent_at <= TIMEOUT_S + ALLOWED_S + 2 * metronome.worst_s


def test_client_killed_in_the_middle_of_drive_and_shot(open_site) -> None:
    site, scope = open_site()
    with Metronome() as metronome, driving("127.0.0.1", site.port) as client:
        client.wait_for("fired")
        client.kill()
        expect_off_in_time(scope, metronome, *client.last_drive())
    assert not site.rig.turret.state.trigger.armed


def test_network_down_in_the_middle_of_drive_and_shot(open_site) -> None:
    with linked() as link:
        site, scope = open_site(host=link.host)
        with Metronome() as metronome, driving(link.host, site.port, namespace=link.name) as client:
            client.wait_for("fired")
            cut_at = link.cut()
            wait_until(scope.is_all_low, "every output is off")
            client.kill()
            expect_off_in_time(scope, metronome, *client.last_drive(until=cut_at))
            assert client.times("answered")[-1] <= cut_at, "the cable was really pulled"
        assert not site.rig.turret.state.trigger.armed


@pytest.mark.parametrize("farewell", ["FIN", "RST", "half a command"])
def test_socket_cut_in_the_middle_of_drive_and_shot(open_site, farewell: str) -> None:
    site, scope = open_site()
    turret = site.rig.turret
    turret.arm("admin")
    with Metronome() as metronome:
        with closing(Commands(site.port)) as commands:
            for name in ("drive", "fire", "drive"):
                commands.post(name)
            sent_at = commands.sent_at
            if farewell == "half a command":
                commands.sock.sendall(commands.request("drive")[:-5])
            if farewell == "RST":
                commands.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        expect_off_in_time(scope, metronome, sent_at, sent_at)
    assert not turret.state.trigger.armed


def test_armed_at_rest_and_killed_is_disarmed_at_once(open_site) -> None:
    site, _ = open_site()
    with driving("127.0.0.1", site.port, rests=True) as client:
        client.wait_for("armed")
        assert site.rig.turret.state.trigger.armed
        with within(2):
            client.kill()
            wait_until(lambda: not site.rig.turret.state.trigger.armed, "disarmed")
    assert site.rig.turret.state.lease.seconds_left > 5, "not by the end of the lease"


def test_armed_at_rest_and_the_network_down_is_disarmed_by_the_end_of_the_lease(make_site) -> None:
    with linked() as link:
        site = make_site(ScriptedCamera(), server={"host": link.host}, turret={"lease_s": 2})
        with (
            Metronome() as metronome,
            driving(link.host, site.port, namespace=link.name, rests=True) as client,
        ):
            client.wait_for("armed")
            arms_at, armed_at = (client.times(what)[-1] for what in ("arms", "armed"))
            link.cut()
            assert site.rig.turret.state.trigger.armed
            wait_until(lambda: not site.rig.turret.state.trigger.armed, "disarmed")
            disarmed_at = time.monotonic()
            assert disarmed_at - arms_at > 1.9
            assert disarmed_at - armed_at - metronome.late_s < 4


class Commands(Viewer):
    """Commands on one raw connection."""

    def __init__(self, port: int) -> None:
        super().__init__(port, "/api/turret")
        self._port = port
        self._read_answer()

    def request(self, name: str) -> bytes:
        """The bytes of a command."""
        body = b'{"pan": 1, "tilt": 1}' if name == "drive" else b""
        head = f"POST /api/turret/{name} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAuthorization: {basic()}\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def post(self, name: str) -> None:
        """Command something and read the answer."""
        self.sent_at = time.monotonic()
        self.sock.sendall(self.request(name))
        self._read_answer()

    def _read_answer(self) -> None:
        self.read_head()
        self.file.read(int(self.headers["content-length"]))
        assert self.status == 200
