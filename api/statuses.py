"""Board columns of a project: what its team calls the states of work, and what each means."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.shapes import Incoming, Outgoing, absent
from portal.access import Scope
from portal.backlog import statuses
from portal.backlog.models import Category
from portal.backlog.planlines import PlanLine, plan_lines
from portal.errors import NotFound

router = door("statuses", "/projects/{key}/statuses")

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\r\n]*\S[^\r\n]*$")]
Position = Annotated[int, Field(ge=0, le=10_000)]


class StatusNew(Incoming):
    """A board column to be added."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "In review", "category": "doing", "position": 25}]}
    )

    name: Name
    category: Category
    position: Position


class StatusPatch(Incoming):
    """A new name or place of a board column; what it means cannot change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Being checked"}]})

    name: Name = absent()
    position: Position = absent()


class StatusOut(Outgoing):
    """A board column."""

    id: UUID
    name: str
    category: Category
    position: int


class StatusList(Outgoing):
    """All board columns, in their order."""

    items: list[StatusOut]


def shape(row: Any) -> dict[str, Any]:
    """A board column as JSON values."""
    return StatusOut.model_validate(row).shown()


async def _columns(db: AsyncSession, scope: Scope) -> Sequence[PlanLine]:
    return (await plan_lines(db, scope)).statuses


def _out(line: PlanLine) -> StatusOut:
    return StatusOut.model_validate(
        {"id": line.id, "name": line.name, "category": line.category, "position": line.number}
    )


@router.get("", responses=answers(StatusList, "All board columns, in their order."))
async def list_statuses(scope: ReadScope, db: ReadSession) -> StatusList:
    """All board columns, in their order. A project without any gets the usual three with its first item."""
    return StatusList(items=[_out(line) for line in await _columns(db, scope)])


@router.post("", status_code=201, responses=answers(StatusOut, "The column.", status=201, headers=("ETag",)))
async def add_status(scope: WriteScope, db: UnitOfWork, wanted: Annotated[StatusNew, json_body(StatusNew)]) -> Response:
    """Adds a board column."""
    return editable(shape(await statuses.add_status(db, scope, **wanted.given())), status_code=201)


@router.get("/{status_id}", responses=answers(StatusOut, "The column.", headers=("ETag",)))
async def read_status(scope: ReadScope, db: ReadSession, status_id: UUID) -> Response:
    """One board column."""
    return editable(_named(await _columns(db, scope), status_id).shown())


@router.patch("/{status_id}", responses=answers(StatusOut, "The column as it is now.", headers=("ETag",)))
async def change_status(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    status_id: UUID,
    wanted: Annotated[StatusPatch, json_body(StatusPatch)],
) -> Response:
    """Renames or moves a board column."""
    before = _named(await _columns(db, scope), status_id)
    match.require(before.shown())
    return editable(shape(await statuses.change_status(db, scope, before.name, wanted.given())))


def _named(columns: Sequence[PlanLine], status_id: UUID) -> StatusOut:
    for line in columns:
        if line.id == status_id:
            return _out(line)
    raise NotFound("There is no such status in this project.")
