"""Milestones of a project."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.shapes import Day, Incoming, Line, LongText, Outgoing, PathNumber, Reference, absent
from portal.changes import contracts
from portal.projects import commands, queries

router = door("milestones", "/projects/{key}/milestones")


class MilestoneFields(Incoming):
    """What can be said of a milestone."""

    description: LongText = absent()
    promised_on: Day | None = absent()
    agreed_on: Day | None = absent()
    expected_on: Day | None = absent()
    done_on: Day | None = absent()


class MilestoneNew(MilestoneFields):
    """A milestone to be added."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Beta", "promised_on": "2026-12-15", "expected_on": "2026-12-18"}]}
    )

    name: Line
    external_ref: Reference | None = absent()


class MilestonePatch(MilestoneFields):
    """Changes of a milestone. Moving a date that was set needs a `reason`, which the client reads."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"expected_on": "2027-01-11", "reason": "The supplier is a week late."}]}
    )

    name: Line = absent()
    reason: Annotated[str, Field(max_length=2000)] = absent()


class MilestoneOut(Outgoing):
    """A milestone."""

    number: int
    name: str
    description: str
    promised_on: Day | None
    agreed_on: Day | None
    expected_on: Day | None
    done_on: Day | None
    accepted_on: Day | None
    external_ref: str | None


class MilestoneList(Outgoing):
    """All milestones, the soonest first."""

    items: list[MilestoneOut]


def shape(row: Any) -> dict[str, Any]:
    """A milestone as JSON values."""
    return MilestoneOut.model_validate(row).shown()


@router.get("", responses=answers(MilestoneList, "All milestones, the soonest first."))
async def list_milestones(scope: ReadScope, db: ReadSession) -> MilestoneList:
    """All milestones, the soonest first (at most 500)."""
    return MilestoneList(items=[MilestoneOut.model_validate(row) for row in await queries.milestones(db, scope)])


@router.post(
    "", status_code=201, responses=answers(MilestoneOut, "The milestone.", status=201, headers=("ETag", "Location"))
)
async def add_milestone(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[MilestoneNew, json_body(MilestoneNew)]
) -> Response:
    """Adds a milestone."""
    row = await commands.add_milestone(db, scope, **wanted.given())
    return editable(shape(row), status_code=201, location=f"/api/v1/projects/{scope.key}/milestones/{row.number}")


@router.get("/{number}", responses=answers(MilestoneOut, "The milestone.", headers=("ETag",)))
async def read_milestone(scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """One milestone."""
    return editable(shape(await queries.milestone(db, scope, number)))


@router.patch("/{number}", responses=answers(MilestoneOut, "The milestone as it is now.", headers=("ETag",)))
async def change_milestone(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    wanted: Annotated[MilestonePatch, json_body(MilestonePatch)],
) -> Response:
    """Changes a milestone."""
    match.require(shape(await queries.milestone(db, scope, number)))
    fields = wanted.given()
    reason = fields.pop("reason", "")
    await contracts.check_dates(db, scope, number, fields)
    return editable(shape(await commands.change_milestone(db, scope, number, fields, reason=reason)))
