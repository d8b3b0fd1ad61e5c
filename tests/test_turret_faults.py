"""Everything people and programs do wrong with the turret over HTTP, and that no pin follows them."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections import Counter
from contextlib import closing

import pytest
from fakes import PASSWORD, ScriptedCamera, basic, wait_until
from metronome import Metronome
from turret_by_hand import ENABLE, LEFT, RIGHT, TILT, TRIGGER, Scope

from app import Site
from store.accounts import Role

COMMANDS = {
    "drive": {"pan": 1, "tilt": 1}, "step": {"pan": 1, "tilt": 1}, "aim": {"tilt_deg": 100}, "home": None,
    "arm": None, "fire": None, "lease": {}, "presets": {"name": "here"},
}  # fmt: skip
NONSENSE = {
    "not a number": b'{"pan": NaN}', "infinity": b'{"pan": -Infinity}', "more than a float holds": b'{"pan": 1e999}',
    "5000 digits": b'{"pan": 1' + b"0" * 5000 + b"}", "a bit too fast": b'{"pan": 1.0000001}', "text": b'{"pan": "1"}',
    "true": b'{"pan": true}', "a list": b'{"pan": [1]}', "an object": b'{"pan": {"pan": 1}}', "unknown": b'{"spin": 1}',
    "cut off": b'{"pan": 1', "no UTF-8": b'{"pan": "\xff\xfe"}',
    "deep": b'{"pan": ' + b"[" * 20000 + b"]" * 20000 + b"}", "good one axis, bad the other": b'{"pan": 1, "tilt": 2}',
}  # fmt: skip


class Person:
    """Somebody at the running site, on a connection of their own."""

    def __init__(self, site: Site, name: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
        self._headers = {"Authorization": basic(name), "Content-Type": "application/json"}

    def post(self, name: str, body: object = None) -> tuple[int, dict]:
        """Status and answer of a command."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        self._connection.request("POST", f"/api/turret/{name}", data, self._headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def turret_site(make_site) -> Site:
    """A site with somebody of each role, and a second gunner."""
    site = make_site(ScriptedCamera(), turret={"lease_s": 2}, trigger={"cooldown_s": 30}, pan={"net_run_limit_s": 0})
    people = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "gina": Role.GUNNER, "gus": Role.GUNNER}
    for name, role in people.items():
        site.rig.accounts.add(name, PASSWORD, role)
    return site


@pytest.fixture
def scope(turret_site: Site) -> Scope:
    return Scope(turret_site.rig.turret._pins)


def nothing_moved(scope: Scope) -> bool:
    return not any(level for _, _, level in scope.edges(LEFT, RIGHT, ENABLE, TILT, TRIGGER))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_viewer_may_command_nothing(turret_site: Site, scope: Scope, name: str) -> None:
    with closing(Person(turret_site, "vera")) as vera:
        status, answer = vera.post(name, COMMANDS[name])
    assert (status, answer["error"]["code"]) == (403, "NotAllowed")
    assert nothing_moved(scope)
    assert turret_site.rig.turret.state.lease.holder is None


@pytest.mark.parametrize("name", ["drive", "step", "aim", "home", "arm", "fire", "lease"])
def test_without_the_lease_nobody_commands(turret_site: Site, scope: Scope, name: str) -> None:
    turret_site.rig.turret.controls.take("gus")
    with closing(Person(turret_site, "gina")) as gina:
        status, answer = gina.post(name, COMMANDS[name])
    assert (status, answer["error"]["code"]) == (409, "Busy")
    assert "gus holds the controls" in answer["error"]["message"]
    assert nothing_moved(scope)


def test_with_a_lease_that_ended_one_is_like_everybody_else(turret_site: Site, scope: Scope) -> None:
    with closing(Person(turret_site, "gina")) as gina:
        assert gina.post("arm")[0] == 200
        wait_until(lambda: turret_site.rig.turret.state.lease.holder is None, "the lease ends")
        status, answer = gina.post("fire")
        assert (status, answer["error"]["code"]) == (409, "NotArmed")
        turret_site.rig.turret.stop("gina")
        turret_site.rig.turret.controls.take_over("gus")
        assert gina.post("drive", COMMANDS["drive"])[0] == 409
    assert nothing_moved(scope)


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_moves_neither_axis_and_takes_no_lease(turret_site: Site, scope: Scope, body: bytes) -> None:
    with closing(Person(turret_site, "otto")) as otto:
        status, answer = otto.post("drive", body)
        assert (status, answer["error"]["code"]) in {(400, "BadField"), (400, "BadRequest"), (400, "OutOfRange")}
        assert nothing_moved(scope)
        assert turret_site.rig.turret.state.lease.holder is None
        assert otto.post("drive", {"pan": 0})[0] == 200, "and the next is served"


def test_two_who_drive_at_once_never_move_it_both_ways(turret_site: Site, scope: Scope) -> None:
    done: dict[str, Counter[int]] = {}

    def drive(name: str, speed: float) -> None:
        with closing(Person(turret_site, name)) as person:
            start.wait(10)
            done[name] = Counter(person.post("drive", {"pan": speed})[0] for _ in range(40))

    start = threading.Barrier(2)
    threads = [threading.Thread(target=drive, args=who) for who in (("otto", 1), ("gina", -1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    winner, loser = sorted(done, key=lambda name: done[name][200], reverse=True)
    assert (done[winner], done[loser]) == (Counter({200: 40}), Counter({409: 40}))
    directions = {number for _, number, level in scope.edges(LEFT, RIGHT) if level}
    assert directions == {RIGHT if winner == "otto" else LEFT}
    wait_until(lambda: not scope.level(ENABLE), "it ends")


def test_eight_who_press_fire_at_once_fire_one_shot_of_its_length(turret_site: Site, scope: Scope) -> None:
    """One account on eight devices: all hold the controls."""
    turret_site.rig.turret.arm("gina")
    answers: list[tuple[int, str]] = []
    start = threading.Barrier(8)

    def fire() -> None:
        with closing(Person(turret_site, "gina")) as gina:
            start.wait(10)
            status, answer = gina.post("fire")
            answers.append((status, answer.get("error", {}).get("code", "")))

    threads = [threading.Thread(target=fire) for _ in range(8)]
    with Metronome() as metronome:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert Counter(answers) == Counter({(200, ""): 1, (409, "Busy"): 7})
        wait_until(lambda: not scope.level(TRIGGER), "the shot ends")
    assert [level for _, _, level in scope.edges(TRIGGER) if level] == [1]
    assert scope.high_s(TRIGGER) < 0.2 + 0.05 + 0.2 + 2 * metronome.worst_s


def test_fire_while_disarmed_and_while_it_cools(turret_site: Site, scope: Scope) -> None:
    with closing(Person(turret_site, "gina")) as gina:
        status, answer = gina.post("fire")
        assert (status, answer["error"]["code"]) == (409, "NotArmed")
        assert nothing_moved(scope)
        gina.post("arm")
        assert gina.post("fire")[0] == 200
        wait_until(lambda: not scope.level(TRIGGER), "the shot ends")
        # A machine that stood still just now refuses for a moment: 503.
        wait_until(lambda: gina.post("arm")[0] == 200, "she is armed")
        status, answer = gina.post("fire")
        assert (status, answer["error"]["code"]) == (409, "Busy")
        ready_in_s = float(re.search(r"ready in ([\d.]+) s", answer["error"]["message"])[1])
        assert 20 < ready_in_s <= 30
        turret_site.rig.turret.trigger._ready_at -= 30  # as if they had passed
        assert gina.post("fire")[0] == 200
    assert [level for _, _, level in scope.edges(TRIGGER) if level] == [1, 1]
