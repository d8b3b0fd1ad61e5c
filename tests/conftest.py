"""Fixtures: settings, a rig with a scripted camera, the application, a running site."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import pytest
from fakes import PASSWORD, ScriptedCamera, free_port
from library_by_hand import opened_library
from recorder_by_hand import Bench

import database_manager
import settings as settings_file
from app import Site, create_app
from rig import Rig
from settings import Settings
from store.library import MediaLibrary

PEOPLE = {"TURRET_ADMIN_PASSWORD": PASSWORD}
QUICK = {"idle_timeout_s": 0.1, "stall_timeout_s": 5, "width": 320, "height": 240}

# With CI set Hypothesis has such a profile by itself.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
if "CI" not in os.environ:
    hypothesis.settings.load_profile("patient")


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Password hashes that cost nothing; what they cost in earnest is no matter of these tests."""
    monkeypatch.setattr("store.accounts.HASH_METHOD", "pbkdf2:sha256:1")


@pytest.fixture(autouse=True)
def hurried_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films at ordinary priority: at the lowest one they wait for whatever else the machine does."""
    monkeypatch.setattr("camera.film_process.PRIORITY", "normal")


@pytest.fixture
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings that look often what came."""
    monkeypatch.setattr("camera.recording.TICK_S", 0.01)
    monkeypatch.setattr("camera.disk_keeper.PERIOD_S", 0.02)


@pytest.fixture
def make_recorder_bench(tmp_path: Path, quick_ticks: None) -> Iterator[Callable[..., Bench]]:
    """Recorders of a camera by hand, into a folder."""
    benches: list[Bench] = []

    def make(folder: Path = tmp_path / "partial", **settings: float) -> Bench:
        benches.append(Bench(folder, **settings))
        return benches[-1]

    yield make
    for bench in benches:
        bench.recorder.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A media folder, still to be made."""
    return tmp_path / "media"


@pytest.fixture
def library(root: Path) -> Iterator[MediaLibrary]:
    """An empty library over `root`."""
    with opened_library(root) as found:
        yield found


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings for a test: own media folder, own port on the loopback, quick time-outs."""

    def make(**sections: dict[str, object]) -> Settings:
        server = {"host": "127.0.0.1", "port": free_port(), **sections.get("server", {})}
        camera = {"camera": "synthetic", **QUICK, **sections.get("camera", {})}
        # Whatever board the tests run on, nothing of it may move.
        turret = {"hardware": "simulated", **sections.get("turret", {})}
        light = {"kind": "simulated", **sections.get("light", {})}
        # However full its disk is.
        retention = {"min_free_gb": 0, **sections.get("retention", {})}
        wanted = {
            **sections,
            "retention": retention,
            "server": server,
            "camera": camera,
            "turret": turret,
            "light": light,
        }
        return settings_file.load(tmp_path / "config.txt", {}, wanted)

    return make


@pytest.fixture
def camera() -> ScriptedCamera:
    return ScriptedCamera()


@pytest.fixture
def make_rig(make_settings: Callable[..., Settings]) -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def make(backend: ScriptedCamera | None = None, **sections: dict[str, object]) -> Rig:
        rig = Rig(make_settings(**sections), backend)
        rigs.append(rig)
        rig.open(PEOPLE)
        return rig

    yield make
    for rig in rigs:
        rig.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig], camera: ScriptedCamera) -> Rig:
    return make_rig(camera)


@pytest.fixture
def client(rig: Rig):
    """Flask's test client, logged in by nothing yet."""
    app = create_app(rig)
    with closing(app.extensions["turret"]):
        yield app.test_client()


@pytest.fixture
def make_site(make_rig: Callable[..., Rig]) -> Iterator[Callable[..., Site]]:
    """A running site on a port of its own: `site.port`."""
    sites: list[Site] = []

    def make(backend: ScriptedCamera | None = None, **sections: dict[str, object]) -> Site:
        rig = make_rig(backend, **sections)
        site = Site(rig)
        site.port = rig.settings.server.port
        site.rig = rig
        sites.append(site)
        site.open()
        return site

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def site(make_site: Callable[..., Site], camera: ScriptedCamera) -> Site:
    return make_site(camera)


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """(status, standard output, standard error) of `database_manager.py` for the library in `root`."""

    def call(*options: str) -> tuple[int, str, str]:
        status = database_manager.main(["--media", str(root), *options])
        return status, *capsys.readouterr()

    return call
