"""Looking after the media library: check and repair, files without a row."""

from __future__ import annotations

from itertools import islice

from apiflask import APIBlueprint
from pydantic import BaseModel

from errors import BadField
from jobs.upkeep import UpkeepState
from store.accounts import Role
from store.anew import new_database
from store.media import Kind
from web.context import context
from web.guard import needs

UNKNOWN_SHOWN = 1000
CONFIRMATION = "new database"

blueprint = APIBlueprint("upkeep", __name__, tag="Media")


class ReportOut(BaseModel):
    """What a run found and put right, as file names."""

    checked: int
    added: list[str]
    expiring: list[str]
    lost: list[str]
    aside: list[str]
    finished: list[str]
    left: list[str]


class UpkeepOut(BaseModel):
    """How far check and repair is; `report` of the last run, `fault` why it could not be done."""

    running: bool
    done: int
    total: int
    report: ReportOut | None
    fault: str | None


class NewWish(BaseModel):
    """`confirm` is to be the words "new database", so that nobody does it by accident."""

    confirm: str


class NewOut(BaseModel):
    """How many items were forgotten, and the name of the copy of the database as it was."""

    forgotten: int
    copy_name: str


class UnknownOut(BaseModel):
    """A file in the media folder that has no row."""

    kind: Kind
    filename: str
    size_bytes: int


class UnknownFilesOut(BaseModel):
    """The first UNKNOWN_SHOWN of them."""

    files: list[UnknownOut]


@blueprint.get("/api/database/repair")
@needs(Role.VIEWER)
@blueprint.output(UpkeepOut)
def repair() -> UpkeepOut:
    """How far check and repair is."""
    return upkeep_out(context().rig.upkeep.state)


@blueprint.post("/api/database/repair")
@needs(Role.ADMIN)
@blueprint.output(UpkeepOut, status_code=202)
def start_repair() -> UpkeepOut:
    """Make rows and files agree again, in the background."""
    upkeep = context().rig.upkeep
    upkeep.ask()
    return upkeep_out(upkeep.state)


@blueprint.delete("/api/database/repair")
@needs(Role.ADMIN)
@blueprint.output(UpkeepOut)
def cancel_repair() -> UpkeepOut:
    """End the run; what it did stays."""
    upkeep = context().rig.upkeep
    upkeep.cancel()
    return upkeep_out(upkeep.state)


@blueprint.post("/api/database/new")
@needs(Role.ADMIN)
@blueprint.input(NewWish, arg_name="wish")
@blueprint.output(NewOut, status_code=201)
def begin_anew(wish: NewWish) -> NewOut:
    """Forget every item and keep every file, account and setting, and a copy of the database."""
    if wish.confirm.strip().lower() != CONFIRMATION:
        raise BadField("confirm", f"confirm {wish.confirm[:40]!r} is not {CONFIRMATION!r}; nothing was changed")
    rig = context().rig
    done = new_database(rig.database, rig.library)
    return NewOut(forgotten=done.forgotten, copy_name=done.copy.name)


@blueprint.get("/api/media/unknown")
@needs(Role.ADMIN)
@blueprint.output(UnknownFilesOut)
def unknown_files() -> UnknownFilesOut:
    """Files in the media folder that have no row."""
    library = context().rig.library
    found = (
        UnknownOut(kind=kind, filename=name, size_bytes=facts.st_size)
        for kind in Kind
        for name, facts in library.folder.facts_of(kind)
        if not library.is_being_added(name) and library.by_name(name) is None  # in this order: a row comes before
    )
    return UnknownFilesOut(files=list(islice(found, UNKNOWN_SHOWN)))


def upkeep_out(state: UpkeepState) -> UpkeepOut:
    """The state as it goes over the wire."""
    report = state.report
    return UpkeepOut(
        running=state.is_running,
        done=state.done,
        total=state.total,
        report=None
        if report is None
        else ReportOut(**{name: getattr(report, name) for name in ReportOut.model_fields}),
        fault=state.fault,
    )
