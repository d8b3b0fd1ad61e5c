"""What the machine says of itself: health, status and metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator

from apiflask import APIBlueprint
from flask import Response, current_app, jsonify
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel

from store.accounts import Role
from web.addresses import addresses
from web.context import Context, context
from web.guard import User, needs, public, user_of_request
from web.light import LightOut, light_out
from web.media_out import LibraryOut
from web.recording import RecordingOut, recording_out
from web.timelapse import LapseOut, lapse_out
from web.turret_state import TurretOut, turret_out

blueprint = APIBlueprint("admin", __name__, tag="System")


class UserStatus(BaseModel):
    """Who asks."""

    username: str
    role: str


class CameraStatus(BaseModel):
    """The camera: `state` is idle, starting, live or failed, `reason` why it failed, `since` ISO 8601 UTC.

    While it is live, width and height are those of the picture, filters included. `broken` counts the pictures that
    came damaged and were not shown. `revision` rises with every change of how it is set; see /api/camera.
    """

    name: str
    kind: str
    why: str
    state: str
    reason: str | None
    since: str
    width_px: int | None
    height_px: int | None
    rate_hz: float | None
    pixel_format: str
    broken: int
    revision: int
    changed_by: str | None
    changed: list[str]
    message: str | None


class ViewersStatus(BaseModel):
    """How many watch, and how many may."""

    watching: int
    max: int


class Status(BaseModel):
    """The whole state; `now` in Unix seconds."""

    version: str
    now: float
    uptime_s: float
    user: UserStatus | None
    camera: CameraStatus
    viewers: ViewersStatus
    turret: TurretOut
    light: LightOut
    media: LibraryOut
    timelapse: LapseOut
    recording: RecordingOut
    addresses: list[str]


@blueprint.get("/healthz")
@blueprint.doc(hide=True)
@public
def healthz() -> Response:
    """We serve. `now` lets a page learn how far its clock is from ours."""
    return jsonify(status="ok", now=time.time())


@blueprint.get("/api/status")
@needs(Role.VIEWER)
@blueprint.output(Status)
def status() -> Status:
    """The state of the machine."""
    return status_of(context(), user_of_request())


@blueprint.get("/metrics")
@blueprint.doc(hide=True)
@needs(Role.VIEWER)
def metrics() -> Response:
    """Counters in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(context()))
    return current_app.response_class(generate_latest(registry), mimetype="text/plain; version=0.0.4")


def status_json(user: User | None) -> str:
    """The status as one line of JSON."""
    return status_of(context(), user).model_dump_json()


def status_of(here: Context, user: User | None) -> Status:
    """The status as it is now; callable outside of a request."""
    state, hub, server = here.rig.capture.state, here.rig.hub, here.rig.settings.server
    info, news = state.info, here.rig.tuning.board.news
    shown = hub.latest if state.state == "live" else None
    return Status(
        version=here.version,
        now=round(time.time(), 3),
        uptime_s=round(time.monotonic() - here.started_at, 1),
        user=None if user is None else UserStatus(username=user.username, role=user.role),
        camera=CameraStatus(
            name=info.name,
            kind=info.kind,
            why=info.why,
            state=state.state,
            reason=state.reason,
            since=state.since.isoformat(timespec="milliseconds"),
            width_px=info.width_px if shown is None else shown.width_px,
            height_px=info.height_px if shown is None else shown.height_px,
            rate_hz=round(hub.rate_hz, 1) if state.state == "live" else info.rate_hz,
            pixel_format=info.pixel_format,
            broken=here.rig.capture.broken,
            revision=news.revision,
            changed_by=news.changed_by,
            changed=list(news.changed),
            message=news.message,
        ),
        viewers=ViewersStatus(watching=here.broadcaster.roster.watching, max=here.broadcaster.roster.places),
        turret=turret_out(here.rig, here.rig.turret.state, None if user is None else user.username),
        light=light_out(here.rig.lights.status),
        media=here.shelf.library_out(),
        timelapse=lapse_out(here),
        recording=recording_out(here.rig.recorder.state),
        addresses=addresses(server),
    )


class _Metrics(Collector):
    """One reading of all counters."""

    def __init__(self, here: Context) -> None:
        self._here = here

    def collect(self) -> Iterator[Metric]:
        here, totals, hub = self._here, self._here.broadcaster.totals, self._here.rig.hub
        yield GaugeMetricFamily(
            "turret_camera_live", "1 while the camera delivers", value=here.rig.capture.state.state == "live"
        )
        yield GaugeMetricFamily("turret_camera_rate_hz", "Live frames per second", value=hub.rate_hz)
        yield GaugeMetricFamily("turret_viewers", "Viewers of the live picture", value=here.broadcaster.roster.watching)
        yield GaugeMetricFamily(
            "turret_uptime_seconds", "Time since the start", value=time.monotonic() - here.started_at
        )
        for name, text, value in (
            ("frames_published", "Frames from the camera, placeholders included", hub.published),
            ("frames_broken", "Frames that came damaged from the camera", here.rig.capture.broken),
            ("frames_sent", "Frames and events sent to viewers", totals.frames_sent),
            ("bytes_sent", "Bytes of them", totals.bytes_sent),
            ("copies_made", "Smaller copies of frames made for viewers", here.broadcaster.door.copies.made),
            ("viewers_served", "Viewers that came", totals.viewers),
            ("viewers_refused", "Viewers that found no place", here.broadcaster.door.refused),
            ("viewers_stalled", "Viewers dropped because they took nothing", totals.stalled),
        ):
            yield CounterMetricFamily(f"turret_{name}", text, value=value)
