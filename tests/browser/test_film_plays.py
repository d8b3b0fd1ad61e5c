"""A film of the converter in Chromium: its length, and what is seen after a jump to anywhere in it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from clips import write_clip
from fakes import DEADLINE_S, jpeg_of
from playwright.sync_api import Browser

from camera.converter import convert
from settings import RecordingSettings

LOAD = """(source) => new Promise((resolve, reject) => {
  const video = document.createElement("video");
  video.muted = true;
  video.onerror = () => reject(video.error.message);
  video.onloadeddata = () => resolve([video.duration, video.videoWidth, video.videoHeight]);
  video.src = source;
  document.body.append(video);
})"""
# The jump is told before the new picture is drawn: until `deadline_ms` it is looked at again.
SHADE_AT = """([time, wanted, deadline_ms]) => new Promise((resolve) => {
  const video = document.querySelector("video");
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  video.onseeked = () => {
    const until = performance.now() + deadline_ms;
    const look = () => {
      context.drawImage(video, 0, 0, 1, 1);
      const shade = context.getImageData(0, 0, 1, 1).data[0];
      const isOver = Math.abs(shade - wanted) <= 4 || performance.now() > until;
      return isOver ? resolve([video.currentTime, shade]) : setTimeout(look, 10);
    };
    look();
  };
  video.currentTime = time;
})"""
PLAY_FROM = """(time) => new Promise((resolve, reject) => {
  const video = document.querySelector("video");
  video.onended = () => resolve(video.currentTime);
  video.onerror = () => reject(video.error.message);
  video.currentTime = time;
  video.play();
})"""


def test_film_with_pause_and_change_of_size_plays_and_can_be_sought_in(chrome: Browser, tmp_path: Path) -> None:
    pictures = [(n / 10, jpeg_of(20 * n, 320, 240)) for n in range(11)]
    pictures += [(31.0, jpeg_of(60, 320, 240)), (31.5, jpeg_of(160, 160, 120)), (32.0, jpeg_of(100, 320, 240))]
    convert(write_clip(tmp_path / "clip", pictures), tmp_path / "film.mp4", RecordingSettings(encoder="software"))
    film = base64.b64encode((tmp_path / "film.mp4").read_bytes()).decode()
    page = chrome.new_page()
    try:
        length_s, width_px, height_px = page.evaluate(LOAD, f"data:video/mp4;base64,{film}")
        assert (length_s, width_px, height_px) == (pytest.approx(32.5, abs=0.01), 320, 240)
        wanted = [(0.05, 0), (0.55, 100), (0.95, 180), (1.05, 200), (17.3, 200), (30.9, 200), (31.2, 60), (31.7, 160)]
        for time_s, shade in [*wanted, *reversed(wanted)]:
            seen = page.evaluate(SHADE_AT, [time_s, shade, DEADLINE_S * 1000])
            assert seen == [pytest.approx(time_s), pytest.approx(shade, abs=4)]
        assert page.evaluate(PLAY_FROM, 31.4) == pytest.approx(32.5, abs=0.01)
    finally:
        page.close()
