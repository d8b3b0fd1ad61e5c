"""The log, and whoever reads it or does not."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fakes import wait_until
from metronome import within

from logs import LINES_KEPT, LogWriter

log = logging.getLogger("tests.logs")


@pytest.fixture
def make_writer() -> Iterator[object]:
    """Writers that get what `log` is told, and are stopped at the end."""
    writers: list[LogWriter] = []

    def make(descriptor: int) -> LogWriter:
        writers.append(LogWriter(descriptor))
        log.addHandler(writers[-1].handler)
        writers[-1].start()
        return writers[-1]

    log.setLevel(logging.INFO)
    log.propagate = False
    yield make
    log.propagate = True
    for writer in writers:
        log.removeHandler(writer.handler)
        writer.stop()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def read_all(descriptor: int, until: str) -> str:
    """What comes until that text."""
    text, deadline = "", time.monotonic() + 10
    while until not in text:
        assert time.monotonic() < deadline
        text += os.read(descriptor, 65536).decode()
    return text


def test_lines_come_in_order_with_time_level_and_traceback(pipe, make_writer) -> None:
    make_writer(pipe[1])
    log.info("a %s", ["list"])
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        log.exception("a fault")
    first, second, *trace = read_all(pipe[0], "by zero\n").splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO tests\.logs: a \['list'\]", first)
    assert second.endswith("ERROR tests.logs: a fault")
    assert (trace[0], trace[-1]) == ("Traceback (most recent call last):", "ZeroDivisionError: by zero")


def test_nobody_waits_for_a_reader_and_who_reads_again_sees_the_newest_and_how_many_are_lost(pipe, make_writer) -> None:
    make_writer(pipe[1])
    done = threading.Event()

    def write() -> None:
        for number in range(5 * LINES_KEPT):
            log.info("line %d %s", number, "x" * 100)
        log.info("the last one")
        done.set()

    threading.Thread(target=write, daemon=True).start()
    assert done.wait(10), "it waited for the reader"
    text = read_all(pipe[0], "the last one\n")
    numbers = [int(number) for number in re.findall(r"line (\d+) x{100}\n", text)]
    lost = sum(int(count) for count in re.findall(r"\((\d+) lines of the log are lost: nobody read them\)\n", text))
    assert lost > 0
    assert numbers == sorted(set(numbers))
    assert len(numbers) + lost == 5 * LINES_KEPT
    assert numbers[-1] == 5 * LINES_KEPT - 1


def test_stop_writes_what_waits_but_not_for_ever(pipe, make_writer) -> None:
    writer = make_writer(pipe[1])
    log.info("goodbye")
    writer.stop()
    assert os.read(pipe[0], 1000).decode().endswith("goodbye\n")
    stuck = make_writer(pipe[1])
    for _ in range(LINES_KEPT):
        log.info("x" * 200)
    with within(2):
        stuck.stop()
    assert not stuck.is_running


def test_a_stopped_terminal_stops_nobody(make_writer) -> None:
    """Ctrl-S, or a connection that hangs under a shell."""
    here, terminal = os.openpty()
    try:
        termios.tcflow(terminal, termios.TCOOFF)
        writer = make_writer(terminal)
        log.info("held back")
        os.set_blocking(here, False)
        writer.stop()
        with pytest.raises(BlockingIOError):
            os.read(here, 100)
    finally:
        os.close(terminal)
        os.close(here)


def test_whoever_shares_the_pipe_keeps_waiting_writes_but_we_do_not(pipe, make_writer) -> None:
    """The flag is one of the open file, which a shell's other programs share; libraries in C write to ours."""
    theirs = os.dup(pipe[1])
    try:
        make_writer(pipe[1])
        wait_until(lambda: fcntl.fcntl(pipe[1], fcntl.F_GETFL) & os.O_NONBLOCK, "ours does not wait")
        assert not fcntl.fcntl(theirs, fcntl.F_GETFL) & os.O_NONBLOCK
        assert os.get_inheritable(pipe[1]) is True
    finally:
        os.close(theirs)


def test_a_reader_who_left_is_no_fault(pipe, make_writer) -> None:
    writer = make_writer(pipe[1])
    os.close(pipe[0])
    log.info("to nobody")
    log.info("to nobody again")
    writer.stop()
    assert writer.failure is None


def test_a_file_is_written_where_it_was_left(tmp_path: Path, make_writer) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as file:
        file.write(b"before\n")
        writer = make_writer(file.fileno())
        log.info("after")
        writer.stop()
    assert (tmp_path / "log").read_text().splitlines()[0] == "before"
    assert (tmp_path / "log").read_text().endswith("after\n")
