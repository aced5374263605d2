"""Milestones of a project."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.shapes import Day, Incoming, Line, LongText, Outgoing, PathNumber, Reference, absent
from portal import settlement
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


class ConfirmationNew(Incoming):
    """Asks the client to confirm that a milestone is reached. `people` are asked by name; none: whoever approves."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"due_on": "2099-12-31", "holds_up": "The next milestone"}]}
    )

    people: Annotated[list[UUID], Field(max_length=20)] = absent()
    needed: Annotated[int, Field(ge=1, le=20)] = absent()
    due_on: Day = absent()
    holds_up: Annotated[str, Field(max_length=500)] = absent()


class ConfirmationOut(Outgoing):
    """The decision that asks for it."""

    decision: int
    milestone: int
    version: int


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


@router.post("/{number}/confirmation", status_code=201, responses=answers(ConfirmationOut, "The decision that asks.",
                                                                          status=201))  # fmt: skip
async def ask_confirmation(
    scope: WriteScope,
    db: UnitOfWork,
    number: PathNumber,
    wanted: Annotated[ConfirmationNew, json_body(ConfirmationNew)],
) -> ConfirmationOut:
    """Asks the client to confirm a milestone as it stands. Confirmed, what the payment plan makes due is drafted."""
    given = wanted.given()
    people = tuple(given.pop("people", ()))
    row = await settlement.ask_confirmation(db, scope, number, people=people, **given)
    return ConfirmationOut(decision=row.number, milestone=number, version=row.subject_version)
