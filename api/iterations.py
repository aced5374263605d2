"""Iterations of a project."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.shapes import Day, Incoming, Line, Moment, MomentIn, Outgoing, PathNumber, Reference, absent
from portal.projects import commands, queries

router = door("iterations", "/projects/{key}/iterations")

Goal = Annotated[str, Field(max_length=4000)]


class IterationFields(Incoming):
    """What can be said of an iteration."""

    goal: Goal = absent()
    starts_on: Day | None = absent()
    ends_on: Day | None = absent()
    closed_at: MomentIn | None = absent()


class IterationNew(IterationFields):
    """An iteration to be added."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Sprint 8", "goal": "Sign-in works.", "starts_on": "2026-11-23", "ends_on": "2026-12-04"}
            ]
        }
    )

    name: Line
    external_ref: Reference | None = absent()


class IterationPatch(IterationFields):
    """Changes of an iteration; `closed_at` closes it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"closed_at": "2026-12-04T16:00:00Z"}]})

    name: Line = absent()


class IterationOut(Outgoing):
    """An iteration; both of its days are part of it."""

    number: int
    name: str
    goal: str
    starts_on: Day | None
    ends_on: Day | None
    closed_at: Moment | None
    external_ref: str | None


class IterationList(Outgoing):
    """All iterations, the newest first."""

    items: list[IterationOut]


def shape(row: Any) -> dict[str, Any]:
    """An iteration as JSON values."""
    return IterationOut.model_validate(row).shown()


@router.get("", responses=answers(IterationList, "All iterations, the newest first."))
async def list_iterations(scope: ReadScope, db: ReadSession) -> IterationList:
    """All iterations, the newest first (at most 500)."""
    return IterationList(items=[IterationOut.model_validate(row) for row in await queries.iterations(db, scope)])


@router.post(
    "", status_code=201, responses=answers(IterationOut, "The iteration.", status=201, headers=("ETag", "Location"))
)
async def add_iteration(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[IterationNew, json_body(IterationNew)]
) -> Response:
    """Adds an iteration."""
    row = await commands.add_iteration(db, scope, **wanted.given())
    return editable(shape(row), status_code=201, location=f"/api/v1/projects/{scope.key}/iterations/{row.number}")


@router.get("/{number}", responses=answers(IterationOut, "The iteration.", headers=("ETag",)))
async def read_iteration(scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """One iteration."""
    return editable(shape(await queries.iteration(db, scope, number)))


@router.patch("/{number}", responses=answers(IterationOut, "The iteration as it is now.", headers=("ETag",)))
async def change_iteration(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    wanted: Annotated[IterationPatch, json_body(IterationPatch)],
) -> Response:
    """Changes an iteration: its name, goal and days, and whether it is closed."""
    match.require(shape(await queries.iteration(db, scope, number)))
    return editable(shape(await commands.change_iteration(db, scope, number, wanted.given())))
