"""How far the motor has wound its cable: kept over a restart, on the safe side after a kill, and declared centred."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import DEADLINE_S, PASSWORD, basic, killed_in_the_end, wait_until
from hypothesis import given
from hypothesis import strategies as st
from metronome import Metronome, within
from turret_by_hand import ENABLE, LEFT, RIGHT, Bench, HandClock

from app import create_app
from errors import NotSupported, StoreUnavailable
from hardware.net_run import UNKNOWN, NetRun, RunMemory, packed, unpacked
from rig import Rig
from store.accounts import Role

PROJECT = Path(__file__).resolve().parent.parent
LIMIT = {"pan": {"net_run_limit_s": 1.0}}
ADMIN = {"Authorization": basic()}
RUNNING = """
import sys, time
from pathlib import Path
import settings
from rig import Rig
rig = Rig(settings.load(Path(sys.argv[1]), {}, {}))
rig.open({"TURRET_ADMIN_PASSWORD": "sesame-bagel"})
rig.turret.drive(1, None, "ann")
while '"high_s": 5.0' not in (rig.database.setting("pan_net_run") or ""):
    rig.turret.drive(1, None, "ann")
    time.sleep(0.02)
print("runs", flush=True)
time.sleep(60)
"""


class Card:
    """What a program keeps, as its thread wrote it."""

    def __init__(self, text: str | None = None) -> None:
        self.texts = [text] if text else []

    def load(self) -> str | None:
        return self.texts[-1] if self.texts else None

    def memory(self, clock: HandClock) -> RunMemory:
        memory = RunMemory(self.load, self.texts.append, clock)
        memory.load()
        return memory


def bench_with(kept: str | None, keep: Callable[[str], None] = lambda text: None, **sections) -> Bench:
    """A turret that remembers `kept`."""
    return Bench(load_run=lambda: kept, keep_run=keep, **{**LIMIT, **sections})


def runs_s(bench: Bench, direction: int) -> float:
    """How long it can be driven to that side at most, to 10 ms."""
    high = 0
    for _ in range(300):
        if not high % 5:
            bench.turret.drive(direction, None, "ann")
        if not bench.scope.level(ENABLE):
            break
        high += 1
        bench.advance(0.01)
    return high / 100


def test_at_the_very_first_start_it_counts_from_the_middle() -> None:
    state = Bench(**LIMIT).turret.state
    assert (state.pan.net_run_s, state.pan.net_run_limit_s, state.warnings) == (0, 1, ())


def test_the_net_run_is_shown_and_kept_over_a_restart() -> None:
    card = Card()
    bench = bench_with(None, card.texts.append)
    bench.turret.step(3, 0, "ann")
    bench.advance(1)
    assert bench.turret.state.pan.net_run_s == pytest.approx(0.6, abs=0.011)
    bench.turret.close()
    bench = bench_with(card.load())
    assert bench.turret.state.pan.net_run_s == pytest.approx(0.6, abs=0.011)
    assert runs_s(bench, +1) == pytest.approx(0.4, abs=0.021)


@pytest.mark.parametrize("direction", [+1, -1])
def test_a_run_that_a_kill_cut_off_counts_as_the_longest_it_may_have_been(direction: int) -> None:
    """Further that way is refused; the way back is what it is if the run had not even begun."""
    clock, card = HandClock(), Card()
    memory = card.memory(clock)
    memory.note(NetRun(0.25 * direction, 0.25 * direction).interrupted(direction, 1.0))
    memory.step()
    bench = bench_with(card.load())
    state = bench.turret.state
    assert (state.pan.net_run_s, state.pan.at_limit) == (direction, True)
    assert "nobody knows how far its cable is wound" in state.warnings[0]
    assert runs_s(bench, direction) == 0
    assert runs_s(bench, -direction) == pytest.approx(1.25, abs=0.021)


def test_after_a_cut_off_run_declaring_it_centred_starts_anew() -> None:
    card = Card()
    bench = bench_with(packed(NetRun(-1, 1)), card.texts.append)
    assert (runs_s(bench, +1), runs_s(bench, -1)) == (0, 0)
    bench.turret.centre("ann")
    state = bench.turret.state
    assert (state.pan.net_run_s, state.pan.at_limit, state.warnings) == (0, False, ())
    assert runs_s(bench, +1) == pytest.approx(1, abs=0.021)
    bench.turret.close()
    assert unpacked(card.load()) == NetRun(pytest.approx(1, abs=0.021), pytest.approx(1, abs=0.021))


def test_centring_is_news_to_other_pages() -> None:
    bench = Bench(**LIMIT)
    bench.turret.step(1, 0, "ann")
    bench.advance(1)
    before = bench.news
    bench.turret.centre("ann")
    assert bench.news == before + 1


def test_centring_a_motor_that_runs_stops_it() -> None:
    bench = Bench(**LIMIT)
    bench.turret.drive(1, None, "ann")
    bench.advance(0.1)
    state = bench.turret.centre("ann")
    assert (state.pan.moving, state.pan.net_run_s, state.lease.holder) == (False, 0, "ann")
    assert bench.scope.levels(LEFT, RIGHT, ENABLE) == (0, 0, 0)


@pytest.mark.parametrize(
    ("pan", "words"), [({"kind": "servo"}, "pan is a servo, which knows where"), ({"kind": "none"}, "there is no pan")]
)
def test_only_a_motor_can_be_centred(pan: dict, words: str) -> None:
    bench = Bench(pan=pan)
    with pytest.raises(NotSupported, match=words):
        bench.turret.centre("ann")


def test_without_a_bound_nothing_is_refused_and_nothing_warned_of() -> None:
    bench = bench_with(packed(NetRun(-5, 5)), pan={"net_run_limit_s": 0})
    state = bench.turret.state
    assert (state.pan.net_run_limit_s, state.pan.at_limit, state.warnings) == (None, False, ())
    assert runs_s(bench, +1) == 3


def test_a_click_is_written_twice_and_never_while_it_runs() -> None:
    """Once at once, as a range, because the program may be killed; once when the motor has stood for a second."""
    clock, card = HandClock(), Card()
    memory = card.memory(clock)
    bench = bench_with(None)
    bench.turret.pan._on_net_run = memory.note
    for _ in range(3):
        bench.turret.step(1, 0, "ann")
        for _ in range(30):
            bench.advance(0.01)
            clock.now += 0.01
            memory.step()
    clock.now += 1
    memory.step()
    memory.step()
    assert [json.loads(text) for text in card.texts] == [
        {"low_s": 0, "high_s": 1},
        {"low_s": pytest.approx(0.6, abs=0.031), "high_s": pytest.approx(0.6, abs=0.031)},
    ]


def test_a_card_that_fails_is_said_once_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(text: str) -> None:
        raise StoreUnavailable("the card is gone")

    bench = bench_with(None, refuse)
    bench.turret.step(1, 0, "ann")
    bench.advance(1)
    bench.turret.close()
    bench.turret.close()
    assert caplog.text.count("will be forgotten: the card is gone") == 1


def test_a_card_that_hangs_holds_neither_the_motor_nor_the_dead_man() -> None:
    is_over, writes = threading.Event(), threading.Event()

    def hang(text: str) -> None:
        writes.set()
        is_over.wait(20)

    bench = Bench(has_threads=True, load_run=lambda: None, keep_run=hang)
    bench.turret.step(1, 0, "ann")
    assert writes.wait(DEADLINE_S)
    with within(2):
        wait_until(lambda: bench.scope.level(ENABLE) == 0, "the dead-man ends the click")
    bench.turret.step(-1, 0, "ann")
    assert bench.scope.levels(LEFT, ENABLE) == (1, 1)
    is_over.set()
    bench.turret.close()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"low_s": "x", "high_s": 1}', '{"low_s": 2, "high_s": 1}', "null"])
@pytest.mark.parametrize("odd", [False, True])
def test_what_makes_no_sense_is_taken_for_the_worst(text: str, odd: bool) -> None:
    assert unpacked('{"low_s": NaN, "high_s": Infinity}' if odd else text) == UNKNOWN


@given(st.floats(-100, 100), st.floats(0, 100), st.floats(0, 100), st.sampled_from([-1, 1]), st.floats(0, 1))
def test_a_run_of_any_length_stays_within_what_was_noted(low_s, width_s, limit_s, direction, share) -> None:
    run = NetRun(low_s, low_s + width_s)
    longest_s = max(0.0, run.left_s(direction, limit_s))
    after = run.moved(direction * share * longest_s)
    noted = run.interrupted(direction, limit_s)
    assert noted.low_s - 1e-9 <= after.low_s <= after.high_s <= noted.high_s + 1e-9
    assert unpacked(packed(noted)).covers(unpacked(packed(noted)))


def test_the_database_keeps_it_over_a_restart(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    with Metronome() as metronome:
        rig.turret.step(2, 0, "ann")
        wait_until(lambda: not rig.turret.state.pan.moving, "the click is over")
    ran_s = rig.turret.state.pan.net_run_s
    rig.close()
    assert make_rig().turret.state.pan.net_run_s == pytest.approx(ran_s, abs=0.001)
    assert 0.2 < ran_s < 0.6 + 2 * metronome.worst_s


def test_after_sigkill_in_a_run_the_next_start_is_on_the_safe_side(make_rig, make_settings, tmp_path: Path) -> None:
    (tmp_path / "config.txt").write_text("[turret]\nhardware = simulated\n[camera]\ncamera = synthetic\n")
    command = [sys.executable, "-c", RUNNING, str(tmp_path / "config.txt")]
    environ = {**os.environ, "PYTHONPATH": str(PROJECT)}
    started = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    with killed_in_the_end(started) as program:
        assert program.stdout.readline() == "runs\n"
        program.send_signal(signal.SIGKILL)
    state = make_rig().turret.state
    assert (state.pan.net_run_s, state.pan.at_limit) == (5, True)
    assert "Bring it to the middle" in state.warnings[0]


@pytest.fixture
def client(rig: Rig):
    rig.accounts.add("viewer", PASSWORD, Role.VIEWER)
    app = create_app(rig)
    yield app.test_client()
    app.extensions["turret"].close()


def test_centre_over_http_takes_the_lease_and_answers_the_state(rig: Rig, client) -> None:
    client.post("/api/turret/step", json={"pan": 1}, headers=ADMIN)
    wait_until(lambda: not rig.turret.state.pan.moving, "the click is over")
    before = client.get("/api/turret", headers=ADMIN).json["pan"]
    assert (before["net_run_s"], before["net_run_limit_s"]) == (pytest.approx(0.2, abs=0.1), 5)
    answer = client.post("/api/turret/centre", headers=ADMIN)
    assert answer.status_code == 200
    assert (answer.json["pan"]["net_run_s"], answer.json["lease"]["mine"]) == (0, True)
    assert (answer.json["tilt"]["net_run_s"], answer.json["tilt"]["net_run_limit_s"]) == (None, None)


def test_centre_needs_an_operator_and_the_lease(rig: Rig, client) -> None:
    assert client.post("/api/turret/centre", headers={"Authorization": basic("viewer")}).status_code == 403
    rig.turret.drive(0, None, "somebody")
    assert client.post("/api/turret/centre", headers=ADMIN).status_code == 409


def test_centre_of_a_servo_is_501_with_a_sentence(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(pan={"kind": "servo"})
    app = create_app(rig)
    answer = app.test_client().post("/api/turret/centre", headers=ADMIN)
    app.extensions["turret"].close()
    assert answer.status_code == 501
    assert "only a motor can be centred" in answer.json["error"]["message"]
