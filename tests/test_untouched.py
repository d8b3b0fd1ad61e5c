"""With no filter on, a camera's JPEG is never decoded and never encoded, whoever watches and records."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import cv2
import pytest
import simplejpeg
from fakes import ScriptedCamera, basic, jpeg_of, wait_until, watching

from app import Site
from camera.turbo import Turbo, open_turbo

LOGIN = {"Authorization": basic()}
SHADES = range(20, 200, 6)
CODECS = [
    (simplejpeg, "decode_jpeg"), (simplejpeg, "encode_jpeg"), (simplejpeg, "encode_jpeg_yuv_planes"),
    (cv2, "imdecode"), (cv2, "imencode"), (Turbo, "gray"), (Turbo, "planes"),
]  # fmt: skip


def note_codecs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What decodes or encodes a picture from now on, in any thread, by name; each still does its work."""
    used: list[str] = []

    def noted(name: str, codec: Callable) -> Callable:
        def note(*values: object, **named: object) -> object:
            used.append(name)
            return codec(*values, **named)

        return note

    for owner, name in CODECS:
        monkeypatch.setattr(owner, name, noted(name, getattr(owner, name)))
    return used


def test_no_picture_is_decoded_or_encoded_until_a_filter_is_on(
    site: Site, camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, jpegs = site.app.test_client(), [jpeg_of(shade) for shade in SHADES]
    with ExitStack() as stack:
        viewers = [stack.enter_context(watching(site.port)) for _ in range(3)]
        camera.show_bytes(jpegs[0])
        assert [viewer.live_part().body for viewer in viewers] == [jpegs[0]] * 3
        assert client.post("/api/recording", headers=LOGIN, json={}).status_code == 201
        used = note_codecs(monkeypatch)
        for jpeg in jpegs[1:]:
            camera.show_bytes(jpeg)
            assert {viewer.live_part().body for viewer in viewers} == {jpeg}
        wait_until(lambda: site.context.rig.recorder.state.frames >= len(jpegs), "all of them recorded")
        assert used == []
        assert client.patch("/api/camera", json={"grayscale": True}, headers=LOGIN).status_code == 200
        camera.show_bytes(jpegs[0])
        assert simplejpeg.decode_jpeg_header(viewers[0].live_part().body)[2] == "Gray"
        one_pass = ["gray"] if open_turbo() is not None else ["decode_jpeg", "encode_jpeg_yuv_planes"]
        assert used == one_pass, "for three viewers and a clip"
