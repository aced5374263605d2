"""Acceptances: asking the client to accept what was tested, and what came of it. Only the client's approvers answer."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.bodies import json_body
from api.deps import ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.round_shapes import AcceptanceList, AcceptanceOut, acceptance_out
from api.shapes import Day, Incoming, PathNumber, absent
from portal.acceptance import accepting, queries, standing

router = door("tests", "/projects/{key}/tests/{number}/acceptances")


class AcceptanceNew(Incoming):
    """How acceptance is asked for. `part` names a part of the milestone; with the last part `is_whole` is true."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"due_on": "2030-06-01", "holds_up": "The next milestone."}]}
    )

    part: Annotated[str, Field(max_length=200)] = absent()
    is_whole: bool = absent()
    people: Annotated[list[UUID], Field(max_length=20)] = absent()
    needed: Annotated[int | None, Field(ge=1, le=20)] = None
    due_on: Day | None = None
    holds_up: Annotated[str, Field(max_length=500, description="What waits on it; the client reads it.")] = absent()

    def asking(self) -> accepting.Asking:
        """The same for the room."""
        given = self.given()
        return accepting.Asking(people=tuple(given.pop("people", ())), **given)


@router.get("", responses=answers(AcceptanceList, "The acceptances, the newest first."))
async def list_acceptances(scope: ReadScope, db: ReadSession, number: PathNumber) -> AcceptanceList:
    """All acceptances of a plan, the newest first."""
    await queries.plan(db, scope, number)
    return AcceptanceList(items=[acceptance_out(row) for row in await standing.acceptances(db, scope, number)])


@router.post("", status_code=201, responses=answers(AcceptanceOut, "It is asked.", status=201))
async def ask_for_acceptance(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[AcceptanceNew, json_body(AcceptanceNew)]
) -> AcceptanceOut:
    """Asks the client to accept, by the protocol as it stands now; an open question about the same part ends."""
    return acceptance_out(await accepting.ask(db, scope, number, wanted.asking()))


@router.get("/{acceptance}", responses=answers(AcceptanceOut, "The acceptance."))
async def read_acceptance(
    scope: ReadScope, db: ReadSession, number: PathNumber, acceptance: PathNumber
) -> AcceptanceOut:  # fmt: skip
    """One acceptance."""
    return acceptance_out(await standing.acceptance(db, scope, acceptance, plan=number))


@router.get(
    "/{acceptance}/protocol",
    responses={
        200: {
            "description": "The protocol, to the byte as it was signed.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    },
)
async def read_protocol(scope: ReadScope, db: ReadSession, number: PathNumber, acceptance: PathNumber) -> Response:
    """What was put to the client: canonical JSON (RFC 8785), whose SHA-256 is `protocol_digest`."""
    row = await standing.acceptance(db, scope, acceptance, plan=number)
    return Response(row.protocol, media_type="application/json", headers={"Cache-Control": "no-store"})
