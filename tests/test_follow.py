"""Films that are made while they are recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import HandCamera, film_pictures

from camera.converter import follow
from camera.recorder import Recorder
from errors import NotConverted
from settings import RecordingSettings

SOFTWARE = RecordingSettings(encoder="software", preset="ultrafast")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> HandCamera:
    monkeypatch.setattr("camera.recording.TICK_S", 0.01)
    return HandCamera()


def test_film_made_while_recording_is_whole_soon_after_the_end(tmp_path: Path, film: Path, camera: HandCamera) -> None:
    settings = RecordingSettings().model_copy(update={"segment_minutes": 0.02})
    recorder = Recorder(camera.hub, settings, tmp_path / "partial", clock=camera.clock)
    folder = recorder.start().folder
    shown = 0

    def show_more() -> bool:
        """Called while the film is being made: it follows, however fast or slow."""
        nonlocal shown
        if shown < 30 and recorder.state.frames == shown:
            camera.show(8 * shown, after_s=0.1)
            shown += 1
        elif shown == 30 and recorder.state.is_recording and recorder.state.frames == 30:
            recorder.stop()
        return False

    facts = follow(folder, film, SOFTWARE, is_stopped=show_more)
    assert len(list(folder.glob("seg-*.mkv"))) == 3
    seen = film_pictures(film)
    assert [time_s for time_s, _ in seen] == pytest.approx([n / 10 for n in range(30)], abs=0.001)
    assert [shade for _, shade in seen] == pytest.approx([8 * n for n in range(30)], abs=3)
    assert facts.frames == 30


def test_following_a_recording_that_comes_to_nothing_ends(tmp_path: Path, film: Path, camera: HandCamera) -> None:
    recorder = Recorder(camera.hub, RecordingSettings(), tmp_path / "partial", clock=camera.clock)
    folder = recorder.start().folder
    recorder.close()
    with pytest.raises(NotConverted, match="no picture"):
        follow(folder, film, SOFTWARE)
