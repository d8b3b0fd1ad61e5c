"""What is done to the picture is done for everybody: viewers, single pictures, photos and recordings."""

from __future__ import annotations

import pytest
import simplejpeg
from fakes import basic, wait_until, watching
from tunable_camera import TunableCamera

from app import Site
from camera import image
from camera.playback import pictures_of

LOGIN = {"Authorization": basic()}


@pytest.fixture
def camera() -> TunableCamera:
    return TunableCamera()


def kind_of(jpeg: bytes) -> tuple[tuple[int, int], str]:
    """(size, color space) of a JPEG."""
    return image.size_of(jpeg), simplejpeg.decode_jpeg_header(jpeg)[2]


def test_stream_still_photo_and_recording_show_the_same(site: Site) -> None:
    client, rig = site.app.test_client(), site.context.rig
    wanted = ((240 // 2, 320 // 2), "Gray")
    with watching(site.port) as viewer:
        viewer.live_part()
        client.patch("/api/camera", json={"grayscale": True, "half_resolution": True, "rotation": 90}, headers=LOGIN)
        part = viewer.live_part()
        while kind_of(part.body) != wanted:
            part = viewer.live_part()
        assert kind_of(client.get("/live.jpeg", headers=LOGIN).data) == wanted
        photo = client.post("/api/photos", json={}, headers=LOGIN).json
        assert (photo["width_px"], photo["height_px"]) == wanted[0]
        with client.get(photo["url"], headers=LOGIN) as answer:
            assert kind_of(answer.data) == wanted
        rig.recorder.start()
        wait_until(lambda: rig.recorder.state.frames >= 5, "some pictures")
        clip = rig.recorder.stop()
    assert {kind_of(jpeg) for _, jpeg in pictures_of(clip.segments)} == {wanted}
