"""Patrol and going home by itself, on simulated pins, with a clock that the test moves."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from turret_by_hand import ENABLE, PAN_SERVO, TILT, TRIGGER, Bench

from errors import BadField, Busy, NoDevice, NotSupported, NotWatched, StoreUnavailable
from jobs.patrol import Patrol
from jobs.presets import Presets
from rig import SCHEMA
from store.database import Database
from store.presets import Position, PresetChange, PresetTable

BEAT_S = 0.01
SERVOS = {"pan": {"kind": "servo"}, "tilt": {"invert": False}}


def pulse_us(position_deg: float) -> float:
    return pytest.approx(500 + position_deg / 180 * 2000, abs=1)


class Watch:
    """A turret by hand with presets and a patrol whose thread the test is."""

    def __init__(self, folder: Path, *positions: tuple[float | None, float | None], **sections: dict) -> None:
        self.bench = Bench(**(SERVOS | sections))
        self.turret, self.clock, self.scope = self.bench.turret, self.bench.clock, self.bench.scope
        self.database = Database(folder / "media.db", SCHEMA.read_text(encoding="utf-8"))
        self.database.open()
        self.table = PresetTable(self.database)
        self.presets = Presets(self.table, self.turret, lambda: None)
        self.patrol = Patrol(self.turret, self.presets, self.bench.settings.turret, self.clock)
        self.ids = [self.table.add(None, None, Position(*position, None)).id for position in positions]
        self._due_at: float | None = None

    def begin(self, preset_ids: list[int] | None = None, dwell_s: float = 10, holder: str = "ann") -> None:
        self.patrol.begin(preset_ids, dwell_s, holder)
        self._due_at = self.clock.now

    def advance(self, seconds: float) -> None:
        """Let time pass; the patrol is called when it asked to be."""
        for _ in range(round(seconds / BEAT_S)):
            if self._due_at is None or self.clock.now >= self._due_at:
                wait_s = self.patrol.step()
                self._due_at = self.clock.now + (0.5 if wait_s is None else wait_s)
            self.bench.advance(BEAT_S)

    def arrive(self) -> None:
        """Let time pass until it stands at a preset."""
        for _ in range(1000):
            self.advance(0.1)
            state = self.patrol.state
            assert state is not None
            if state.seconds_left is not None:
                return
        raise AssertionError("it does not arrive")

    def pulses(self) -> tuple[float | None, float | None]:
        return self.scope.pulse_us(PAN_SERVO), self.scope.pulse_us(TILT)

    @property
    def is_moving(self) -> bool:
        return self.turret.state.pan.moving or self.turret.state.tilt.moving


@pytest.fixture
def make_watch(tmp_path: Path):
    made: list[Watch] = []

    def make(*positions: tuple[float | None, float | None], **sections: dict) -> Watch:
        made.append(Watch(tmp_path, *positions, **sections))
        return made[-1]

    yield make
    for watch in made:
        watch.bench.turret.close()
        watch.database.close()


@pytest.fixture
def watch(make_watch) -> Watch:
    """Three presets; servos of 90 degrees a second."""
    return make_watch((30, 60), (150, 120), (90, 100))


def test_it_visits_the_presets_in_turn_and_stays_at_each(watch: Watch) -> None:
    watch.begin(dwell_s=5)
    for pan_deg, tilt_deg, name in [
        (30, 60, "Preset 1"),
        (150, 120, "Preset 2"),
        (90, 100, "Preset 3"),
        (30, 60, "Preset 1"),
    ]:
        watch.arrive()
        assert watch.pulses() == (pulse_us(pan_deg), pulse_us(tilt_deg))
        state = watch.patrol.state
        assert (state.preset.name, state.is_paused, state.resumes_in_s) == (name, False, None)
        assert 4.5 <= state.seconds_left <= 5
        watch.advance(4.4)
        assert not watch.is_moving
        watch.advance(0.7)
        assert watch.is_moving
        assert watch.patrol.state.seconds_left is None


def stand_still(watch: Watch) -> None:
    """The whole program stands still for a second, and the watch-dog is the first to go on."""
    watch.turret.dead_man.wake()
    watch.clock.now += 1
    watch.turret.dead_man.look()
    with pytest.raises(NotWatched):
        watch.turret.aim(30, 60, "ann")


def test_a_standstill_of_the_whole_program_does_not_end_it(watch: Watch) -> None:
    """It ended for good when it was to go on just then, before the dead-man beat again."""
    watch.begin(dwell_s=5)
    watch.arrive()
    watch.advance(4.5)
    stand_still(watch)
    watch.patrol.step()
    watch.arrive()
    assert (watch.patrol.state.preset.name, watch.pulses()) == ("Preset 2", (pulse_us(150), pulse_us(120)))


def test_it_visits_those_it_was_told_in_the_order_it_was_told(watch: Watch) -> None:
    first, second, _ = watch.ids
    watch.begin([second, first, second], dwell_s=1)
    seen = []
    for _ in range(4):
        watch.arrive()
        seen.append(watch.patrol.state.preset.id)
        watch.advance(1.1)
    assert seen == [second, first, second, second]


def test_keys_come_first_then_names(watch: Watch) -> None:
    watch.table.change(watch.ids[2], PresetChange(slot=1))
    watch.begin(dwell_s=1)
    watch.arrive()
    assert watch.patrol.state.preset.name == "Preset 3"


def test_nobody_is_seen_to_hold_the_controls(watch: Watch) -> None:
    watch.begin()
    watch.advance(0.5)
    assert watch.is_moving
    lease = watch.turret.state.lease
    assert (lease.holder, lease.seconds_left) == (None, 0)
    watch.arrive()
    assert watch.turret.state.lease.holder is None


def test_a_slow_move_is_not_cut_off_by_the_lease(make_watch) -> None:
    watch = make_watch((10, None), pan={"kind": "servo", "speed_deg_s": 2}, turret={"lease_s": 2})
    watch.begin()
    watch.advance(39)
    assert watch.is_moving
    watch.arrive()
    assert watch.scope.pulse_us(PAN_SERVO) == pulse_us(10)


@pytest.mark.parametrize("command", ["drive", "step", "turn", "aim", "home", "take"])
def test_a_person_takes_over_at_once_and_the_patrol_goes_on_later(watch: Watch, command: str) -> None:
    watch.begin(dwell_s=5)
    watch.advance(0.3)
    assert watch.is_moving
    {
        "drive": lambda: watch.turret.drive(None, 1, "bob"),
        "step": lambda: watch.turret.step(0, 1, "bob"),
        "turn": lambda: watch.turret.turn(0, 15, "bob"),
        "aim": lambda: watch.turret.aim(None, 105, "bob"),
        "home": lambda: watch.turret.home("bob"),
        "take": lambda: watch.turret.controls.take("bob"),
    }[command]()
    state = watch.patrol.state
    assert watch.turret.state.lease.holder == "bob"
    assert (state.is_paused, state.resumes_in_s, state.seconds_left) == (True, 30, None)
    if command != "home":
        assert not watch.turret.state.pan.moving, "what the patrol moved stands still"
    watch.advance(29.4)
    assert watch.patrol.state.is_paused
    assert watch.patrol.state.resumes_in_s == pytest.approx(0.6)
    watch.arrive()
    assert watch.patrol.state.preset.name == "Preset 1", "it goes to where it was going"
    assert watch.pulses() == (pulse_us(30), pulse_us(60))


def test_a_command_while_it_stays_pauses_it_too_and_every_further_one_puts_it_off(watch: Watch) -> None:
    watch.begin(dwell_s=5)
    watch.arrive()
    watch.turret.step(1, 0, "bob")
    watch.advance(20)
    watch.turret.step(1, 0, "bob")
    watch.advance(29)
    assert watch.patrol.state.is_paused
    assert watch.turret.state.pan.position_deg == 60
    watch.arrive()
    assert watch.scope.pulse_us(PAN_SERVO) == pulse_us(30)


def test_it_waits_as_long_as_a_person_keeps_the_controls(make_watch) -> None:
    watch = make_watch((30, 60), turret={"patrol_resume_s": 2, "lease_s": 20})
    watch.begin()
    watch.turret.step(0, 1, "bob")
    assert watch.patrol.state.resumes_in_s == 20
    watch.advance(10)
    assert watch.patrol.state.is_paused
    watch.turret.controls.release("bob")
    watch.arrive()


def test_without_resuming_a_command_ends_it(make_watch) -> None:
    watch = make_watch((30, 60), turret={"patrol_resume_s": 0})
    watch.begin()
    watch.advance(0.3)
    watch.turret.step(0, 1, "bob")
    assert watch.patrol.state is None
    watch.advance(60)
    assert watch.turret.state.tilt.position_deg != 60
    assert watch.patrol.state is None


@pytest.mark.parametrize("is_moving", [True, False])
@pytest.mark.parametrize("by", ["ann", "bob", None])
def test_stop_ends_it_and_stands_still(watch: Watch, is_moving: bool, by: str | None) -> None:
    watch.begin(dwell_s=3)
    if is_moving:
        watch.advance(0.3)
    else:
        watch.arrive()
    watch.turret.stop(by)
    assert watch.patrol.state is None
    assert not watch.is_moving
    stood = watch.pulses()
    watch.advance(0.5)
    assert watch.pulses() == stood
    watch.advance(120)
    assert watch.scope.is_all_low()


def test_end_stands_still_and_nothing_moves_any_more(watch: Watch) -> None:
    watch.begin(dwell_s=3)
    watch.advance(0.3)
    watch.patrol.end()
    assert watch.patrol.state is None
    assert not watch.is_moving
    watch.advance(60)
    assert watch.scope.is_all_low()
    watch.patrol.end()


def test_ending_a_pause_does_not_stop_the_person(watch: Watch) -> None:
    watch.begin()
    watch.turret.aim(170, None, "bob")
    watch.patrol.end()
    assert watch.turret.state.pan.moving
    assert watch.turret.state.lease.holder == "bob"


def test_while_armed_it_waits(watch: Watch) -> None:
    watch.begin(dwell_s=1)
    watch.arrive()
    watch.turret.arm("gus")
    for _ in range(6):
        watch.advance(9.9)
        assert watch.turret.state.trigger.armed
        watch.turret.controls.take("gus")
        assert watch.patrol.state.is_paused
        assert not watch.is_moving
    watch.arrive()
    assert watch.turret.state.trigger.armed is False


def test_it_never_arms_or_fires_and_starting_it_disarms(watch: Watch) -> None:
    watch.turret.arm("ann")
    watch.begin(dwell_s=1)
    assert watch.turret.state.trigger.armed is False
    watch.advance(30)
    assert watch.turret.state.trigger.armed is False
    assert (TRIGGER, 1) not in watch.scope.history(TRIGGER)


def test_it_cannot_be_started_against_whoever_drives(watch: Watch) -> None:
    watch.turret.drive(1, None, "bob")
    with pytest.raises(Busy, match="bob holds the controls"):
        watch.begin(holder="ann")
    assert watch.patrol.state is None
    assert watch.turret.state.pan.moving


def test_the_driver_starts_it_at_once(watch: Watch) -> None:
    watch.turret.drive(1, None, "ann")
    watch.begin(holder="ann")
    watch.advance(0.2)
    assert watch.is_moving
    assert watch.patrol.state.is_paused is False


def test_a_new_one_replaces_the_old(watch: Watch) -> None:
    watch.begin(dwell_s=1)
    watch.advance(0.3)
    watch.begin([watch.ids[1]], dwell_s=1)
    watch.arrive()
    assert watch.pulses() == (pulse_us(150), pulse_us(120))


def test_a_preset_that_is_removed_is_skipped_and_none_left_ends_it(watch: Watch) -> None:
    watch.begin(dwell_s=100)
    watch.arrive()
    watch.table.remove(watch.ids[1])
    watch.table.remove(watch.ids[0])
    watch.advance(1)
    watch.arrive()
    assert watch.patrol.state.preset.name == "Preset 3"
    watch.table.remove(watch.ids[2])
    watch.advance(1)
    assert watch.patrol.state is None


def test_a_new_name_is_shown_and_a_new_position_counts_from_the_next_time(watch: Watch) -> None:
    watch.begin([watch.ids[0]], dwell_s=5)
    watch.arrive()
    watch.table.change(watch.ids[0], PresetChange(name="gate", position=Position(40, 40, None)))
    watch.advance(1)
    assert watch.patrol.state.preset.name == "gate"
    assert not watch.is_moving
    watch.advance(4.2)
    watch.arrive()
    assert watch.pulses() == (pulse_us(40), pulse_us(40))


def test_a_motor_is_left_alone(make_watch) -> None:
    watch = make_watch((30, 60), (None, 120), (40, None), pan={})
    watch.begin(dwell_s=1)
    seen = []
    for _ in range(3):
        watch.arrive()
        seen.append(watch.patrol.state.preset.name)
        watch.advance(1.1)
    assert seen == ["Preset 1", "Preset 2", "Preset 1"], "the third has nothing for the tilt"
    assert (ENABLE, 1) not in watch.scope.history(ENABLE)


def test_nothing_to_patrol_with_or_to(make_watch) -> None:
    watch = make_watch()
    with pytest.raises(BadField, match="needs a preset"):
        watch.begin()
    number = watch.table.add(None, None, Position(1, 1, None)).id
    for wrong in ([], [number, 77], [number] * 101, [10**30]):
        with pytest.raises(BadField, match="preset_ids"):
            watch.begin(wrong)
    for dwell_s in (0.9, 3601, float("nan"), float("inf")):
        with pytest.raises(BadField, match=r"dwell_s .* is outside 1\.\.3600"):
            watch.begin(dwell_s=dwell_s)
    assert watch.patrol.state is None
    assert watch.turret.state.lease.holder is None


def test_without_positions_there_is_no_patrol(make_watch) -> None:
    watch = make_watch((30, 60), pan={}, tilt={"kind": "none"})
    with pytest.raises(NotSupported, match="nothing to patrol"):
        watch.begin()


def test_a_motion_that_was_cut_off_is_begun_again(watch: Watch) -> None:
    watch.begin()
    watch.advance(0.3)
    watch.turret.make_safe()
    assert watch.scope.is_all_low()
    watch.arrive()
    assert watch.pulses() == (pulse_us(30), pulse_us(60))


def test_a_part_that_fails_ends_it_safe(watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    watch.begin()
    watch.advance(0.3)
    watch.turret.step(0, 1, "bob")

    def refuse(position_deg: float) -> None:
        raise NoDevice("tilt: the bus is gone")

    monkeypatch.setattr(watch.turret.tilt, "aim", refuse)
    watch.advance(32)
    assert watch.patrol.state is None
    assert "the patrol ends: tilt: the bus is gone" in caplog.text
    assert not watch.is_moving
    assert watch.scope.is_all_low()


def test_a_database_that_fails_ends_it(watch: Watch, caplog) -> None:
    watch.begin(dwell_s=1)
    watch.arrive()
    watch.database.close()
    with pytest.raises(StoreUnavailable):
        watch.table.all()
    watch.advance(3)
    assert watch.patrol.state is None
    assert "is closed" in caplog.text


def test_closing_the_turret_in_the_middle_leaves_all_low(watch: Watch) -> None:
    watch.begin()
    watch.advance(0.3)
    watch.patrol.forget()
    watch.turret.close()
    watch.patrol.step()
    watch.patrol.stop()
    assert watch.scope.is_all_low()


def test_stop_between_the_look_and_the_pins_stops_what_was_begun(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """STOP comes after the patrol looked and before it aims: it must not move for a whole poll."""
    aim = watch.turret.aim

    def late(*wish: object):
        watch.turret.stop("bob")
        return aim(*wish)

    watch.begin()
    monkeypatch.setattr(watch.turret, "aim", late)
    watch.patrol.step()
    assert not watch.is_moving
    assert watch.patrol.state is None


def test_ending_it_between_the_look_and_the_pins_stops_what_was_begun(watch: Watch, monkeypatch) -> None:
    aim = watch.turret.aim

    def late(*wish: object):
        state = aim(*wish)
        watch.patrol._put(None)
        return state

    watch.begin()
    monkeypatch.setattr(watch.turret, "aim", late)
    watch.patrol.step()
    assert not watch.is_moving


class TellingLock:
    """A lock that says when somebody comes to it."""

    def __init__(self, is_wanted: threading.Event) -> None:
        self._is_wanted = is_wanted
        self._lock = threading.RLock()

    def acquire(self, timeout: float = -1) -> bool:
        self._is_wanted.set()
        return self._lock.acquire(timeout=10)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_command_in_the_middle_of_the_patrols_own_is_not_lost(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patrol has told pan and not yet tilt when a person commands from another thread.

    Once, the patrol then saw that it had lost the controls, and switched off what the person had just begun.
    """
    watch.begin()
    is_in, faults = threading.Event(), []
    monkeypatch.setattr(watch.turret.errands, "_turn", TellingLock(is_in))
    aim = watch.turret.pan.aim

    def command() -> None:
        try:
            watch.turret.aim(None, 50, "bob")
        except Busy as error:
            faults.append(error)
        is_in.set()

    person = threading.Thread(target=command)

    def aim_in_company(position_deg: float) -> object:
        person.start()
        assert is_in.wait(10)
        return aim(position_deg)

    monkeypatch.setattr(watch.turret.pan, "aim", aim_in_company)
    watch.patrol.step()
    person.join(10)
    state = watch.turret.state
    assert faults == []
    assert (state.tilt.target_deg, state.pan.moving, state.lease.holder) == (50, False, "bob")


def test_persons_and_patrol_at_once_the_person_always_wins(make_watch) -> None:
    """A patrol thread that aims as fast as it can never costs a person a command, nor keeps its motion afterwards."""
    watch = make_watch((30, 60), (150, 120), turret={"patrol_resume_s": 0})
    is_over = threading.Event()

    def patrol_on() -> None:
        while not is_over.is_set():
            watch.patrol.step()

    thread = threading.Thread(target=patrol_on)
    thread.start()
    try:
        for number in range(100):
            watch.patrol.begin(None, 1, "ann")
            target_deg = 50 + number % 10
            watch.turret.aim(None, target_deg, "bob")
            state = watch.turret.state
            assert (state.tilt.target_deg, state.pan.moving) in ((target_deg, False), (None, False))
            watch.turret.controls.release("bob")
    finally:
        is_over.set()
        thread.join()


class TestIdleHome:
    def test_it_goes_home_after_so_long_without_a_command_and_once(self, make_watch) -> None:
        watch = make_watch(turret={"home_after_idle_s": 60})
        watch.turret.aim(30, 60, "ann")
        assert watch.patrol.home_in_s == 60
        watch.advance(59)
        assert watch.patrol.home_in_s == pytest.approx(1)
        assert watch.turret.state.pan.position_deg == 30
        watch.advance(1.2)
        assert watch.is_moving
        assert (watch.patrol.home_in_s, watch.turret.state.lease.holder) == (None, None)
        watch.advance(1.2)
        assert watch.pulses() == (pulse_us(90), pulse_us(90))
        watch.advance(200)
        assert watch.scope.is_all_low()

    def test_a_standstill_of_the_whole_program_does_not_keep_it_there(self, make_watch) -> None:
        watch = make_watch(turret={"home_after_idle_s": 60})
        watch.turret.aim(30, 60, "ann")
        watch.advance(59.5)
        stand_still(watch)
        watch.patrol.step()
        watch.advance(3)
        assert watch.turret.state.pan.position_deg == 90

    def test_every_command_puts_it_off_and_so_does_stop(self, make_watch) -> None:
        watch = make_watch(turret={"home_after_idle_s": 30})
        watch.turret.aim(30, 60, "ann")
        watch.advance(20)
        watch.turret.step(0, 1, "ann")
        watch.advance(20)
        watch.turret.stop("bob")
        watch.advance(29)
        assert watch.turret.state.pan.position_deg == 30
        watch.advance(5)
        assert watch.turret.state.pan.position_deg == 90

    def test_a_person_interrupts_it_at_once(self, make_watch) -> None:
        watch = make_watch(turret={"home_after_idle_s": 30})
        watch.turret.aim(30, 60, "ann")
        watch.advance(30.5)
        assert watch.is_moving
        watch.turret.drive(None, -1, "bob")
        assert not watch.turret.state.pan.moving
        assert watch.turret.state.tilt.moving
        assert watch.patrol.home_in_s == 30

    def test_stop_during_it_stays_where_it_is(self, make_watch) -> None:
        watch = make_watch(turret={"home_after_idle_s": 30})
        watch.turret.aim(30, 60, "ann")
        watch.advance(30.5)
        watch.turret.stop("bob")
        stood = watch.turret.state.pan.position_deg
        watch.advance(100)
        assert watch.turret.state.pan.position_deg == stood

    def test_it_waits_while_somebody_holds_the_controls_or_the_trigger_is_armed(self, make_watch) -> None:
        watch = make_watch(turret={"home_after_idle_s": 5, "lease_s": 40})
        watch.turret.aim(30, 60, "ann")
        watch.turret.arm("ann")
        assert watch.patrol.home_in_s == 60, "armed for that long"
        watch.advance(39)
        assert watch.turret.state.pan.position_deg == 30
        watch.advance(5)
        assert watch.turret.state.pan.position_deg == 90
        assert watch.turret.state.trigger.armed is False

    def test_off_and_nothing_to_do_at_the_start(self, make_watch) -> None:
        watch = make_watch()
        watch.turret.aim(30, 60, "ann")
        watch.advance(100)
        assert (watch.patrol.home_in_s, watch.turret.state.pan.position_deg) == (None, 30)
        other = make_watch(turret={"home_after_idle_s": 5})
        other.advance(20)
        assert other.scope.is_all_low()

    def test_not_during_a_patrol_but_after_it(self, make_watch) -> None:
        watch = make_watch((30, 60), turret={"home_after_idle_s": 5})
        watch.begin(dwell_s=3600)
        watch.arrive()
        watch.advance(60)
        assert (watch.patrol.home_in_s, watch.turret.state.pan.position_deg) == (None, 30)
        watch.patrol.end()
        assert watch.patrol.home_in_s == 5
        watch.advance(7)
        assert watch.turret.state.pan.position_deg == 90

    def test_a_part_that_fails_is_tried_once(self, make_watch, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
        watch = make_watch(turret={"home_after_idle_s": 5, "lease_s": 2})
        watch.turret.aim(30, 60, "ann")

        def refuse() -> None:
            raise NoDevice("pan: the bus is gone")

        monkeypatch.setattr(watch.turret.pan, "home", refuse)
        watch.advance(60)
        assert caplog.text.count("the bus is gone") == 1
        assert watch.scope.is_all_low()
