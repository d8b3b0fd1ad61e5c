"""What keeping asks of people: how long a photo takes beside viewers, and how fast 1 GB comes out as one zip file."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import machine
import servers
from measure import Load
from recording import ask
from servers import CannotMeasure, Process, Target
from trials import Bench, background

VIEWERS = 16
PHOTOS = 20
ZIP_FILES, ZIP_FILE_BYTES = 40, 25_000_000
CHUNK_BYTES = 1 << 18
NOTHING_GOES = {"TURRET_RETENTION_MIN_FREE_GB": "0"}
ROW = """INSERT INTO media (filename, kind, date, size_bytes, width_px, height_px)
  VALUES (?, 'photo', '2026-01-01T00:00:00.000Z', ?, 1, 1)"""


def photos(bench: Bench) -> None:
    """From the request to the answer, which comes when file, small picture and row are on the disk."""
    with bench.ours(extra=NOTHING_GOES) as process, background(bench, process.target, Load(VIEWERS, 3600)):
        for _ in range(bench.rounds * PHOTOS):
            began_s = time.perf_counter()
            item = ask(process.target, "POST", "/api/photos")
            bench.note("photo", {"ms": 1000 * (time.perf_counter() - began_s)})
            ask(process.target, "DELETE", f"/api/media/{item['id']}")


def zipped(bench: Bench) -> None:
    """A bare loop that reads, sums up and sends the files, then our zip of them, in turn, each read from the disk."""
    folder = bench.folder / "zip"
    folder.mkdir()
    try:
        servers.start_ours(bench.camera, folder, bench.max_viewers, NOTHING_GOES).close()  # makes the database
        paths = _fill(folder / "media")
        with closing(servers.start_ours(bench.camera, folder, bench.max_viewers, NOTHING_GOES)) as process:
            for _ in range(bench.rounds):
                _note_rate(bench, "bare loop", paths, _received(_bare_loop(paths)))
                before_kb = machine.rss_kb(process.target.pid)
                _note_rate(bench, "ours", paths, _watched(bench, process, before_kb))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(media: Path) -> list[Path]:
    """1 GB of photos that nobody will look at: bytes that do not repeat, and their rows."""
    paths = [media / "photos" / f"photo-{number}.jpg" for number in range(ZIP_FILES)]
    for path in paths:
        with path.open("wb") as file:
            file.write(os.urandom(ZIP_FILE_BYTES))
            os.fsync(file.fileno())
    with closing(sqlite3.connect(media / "media.db")) as database, database:
        database.executemany(ROW, [(path.name, ZIP_FILE_BYTES) for path in paths])
    return paths


def _note_rate(bench: Bench, name: str, paths: Sequence[Path], chunks: Iterator[int]) -> None:
    """The rate from the request to the last byte, with nothing of the files in memory before.

    :raises CannotMeasure: when less came than the files hold.
    """
    for path in paths:
        _forget(path)
    began_s = time.perf_counter()
    received = sum(chunks)
    took_s = time.perf_counter() - began_s
    if received < ZIP_FILES * ZIP_FILE_BYTES:
        raise CannotMeasure(f"{name}: {received} bytes of {ZIP_FILES * ZIP_FILE_BYTES} came")
    bench.note("zip", {"name": name, "mb_per_s": received / took_s / 1e6})


def _forget(path: Path) -> None:
    """The kernel drops what it holds of a file (posix_fadvise(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def _bare_loop(paths: Sequence[Path]) -> socket.socket:
    """The end of a connection over which a thread sends the files and keeps their sums: the least that a zip needs."""

    def send_all(sink: socket.socket) -> None:
        with closing(sink):
            for path in paths:
                with path.open("rb", buffering=0) as file:
                    total = 0
                    while chunk := file.read(CHUNK_BYTES):
                        total = zlib.crc32(chunk, total)
                        sink.sendall(chunk)

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        source = socket.create_connection(server.getsockname())
        sink, _ = server.accept()
    threading.Thread(target=send_all, args=(sink,), name="bare zip").start()
    return source


def _received(source: socket.socket) -> Iterator[int]:
    buffer = bytearray(CHUNK_BYTES)
    with closing(source):
        while count := source.recv_into(buffer):
            yield count


def _watched(bench: Bench, process: Process, before_kb: int) -> Iterator[int]:
    """What our zip brings; by how much the program's memory is larger at its largest is noted at the end."""
    ids = [item["id"] for item in ask(process.target, "GET", f"/api/media?limit={ZIP_FILES}")["items"]]
    most_kb = before_kb
    for number, count in enumerate(_download(process.target, f"/api/media/zip?ids={','.join(map(str, ids))}")):
        if number % 64 == 0:
            most_kb = max(most_kb, machine.rss_kb(process.target.pid))
        yield count
    bench.note("zip_memory", {"kb": most_kb - before_kb})


def _download(target: Target, path: str) -> Iterator[int]:
    name, _, value = servers.basic_header(target).strip().partition(": ")
    buffer = bytearray(CHUNK_BYTES)
    with closing(http.client.HTTPConnection(target.host, target.port, timeout=60)) as connection:
        connection.request("GET", path, headers={name: value})
        answer = connection.getresponse()
        if answer.status != 200:
            raise CannotMeasure(f"GET {path}: {answer.status}")
        while count := answer.readinto(buffer):
            yield count
