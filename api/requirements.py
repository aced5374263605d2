"""Requirements: in versions, shown to the client, confirmed by them, and many at once by their references elsewhere."""

from typing import Annotated, Any

import orjson
from fastapi import Query
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.decisions import DecisionShort
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.requirement_shapes import (
    ConfirmationsNew,
    RequirementNew,
    RequirementOut,
    RequirementOutcomes,
    RequirementPage,
    RequirementPatch,
    RequirementRows,
    RequirementVersionList,
    out,
    version_short,
)
from api.shapes import Outgoing, PathNumber
from portal.requirements import asking, commands, queries
from portal.requirements.models import Priority, RequirementKind, State
from portal.requirements.queries import Filter, Shown

router = door("requirements", "/projects/{key}/requirements")


class Asked(Outgoing):
    """The questions, one for each requirement in their order."""

    items: list[DecisionShort]


@router.get("", responses=answers(RequirementPage, "A page of requirements, by number.", headers=("Link",)))
async def list_requirements(
    scope: ReadScope,
    db: ReadSession,
    paged: Paged,
    state: Annotated[State | None, Query(description="Of the latest version.")] = None,
    priority: Annotated[Priority | None, Query()] = None,
    kind: Annotated[RequirementKind | None, Query()] = None,
    text: Annotated[str | None, Query(max_length=200, description="Parts of words that it must all have.")] = None,
) -> Response:
    """The requirements that match every filter, each in its latest version."""
    after = paged.after()
    wanted = Filter(state, priority, kind, text)
    rows = await queries.requirements(db, scope, wanted, after=after[0] if after else 0, limit=paged.limit + 1)
    return paged.page(rows, _place, out)


def _place(row: Shown) -> tuple[int]:
    return (row.number,)


@router.post(
    "", status_code=201, responses=answers(RequirementOut, "It is added.", status=201, headers=("ETag", "Location"))
)
async def add_requirement(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[RequirementNew, json_body(RequirementNew)]
) -> Response:
    """Adds a requirement as a draft, internal unless `audience` says otherwise."""
    head = await commands.add(db, scope, wanted.given())
    address = f"/api/v1/projects/{scope.key}/requirements/{head.number}"
    return editable(out(await queries.requirement(db, scope, head.number)), status_code=201, location=address)


@router.post("/upsert", responses=answers(RequirementOutcomes, "What was done with each row, in their order."))
async def upsert_requirements(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[RequirementRows, json_body(RequirementRows)]
) -> Response:
    """Adds or changes up to 500 requirements, each recognised by its `external_ref`; all of them or none."""
    rows = [row.given() for row in wanted.requirements]
    done = await commands.upsert(db, scope, rows)
    told: list[dict[str, Any]] = [
        {"external_ref": row["external_ref"], "number": outcome.number, "did": outcome.did}
        for row, outcome in zip(rows, done, strict=True)
    ]
    return Response(orjson.dumps({"items": told}), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.post("/confirmations", status_code=201, responses=answers(Asked, "What was asked.", status=201))
async def ask_for_confirmation(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[ConfirmationsNew, json_body(ConfirmationsNew)]
) -> Asked:
    """Asks the client to confirm requirements: a decision each, or none while anything is missing in one of them."""
    found = await asking.ask(db, scope, wanted.numbers, wanted.asking())
    return Asked(items=[DecisionShort.model_validate(decision) for decision in found])


@router.get("/{number}", responses=answers(RequirementOut, "The requirement.", headers=("ETag",)))
async def read_requirement(scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """One requirement in its latest version."""
    return editable(out(await queries.requirement(db, scope, number)))


@router.patch("/{number}", responses=answers(RequirementOut, "The requirement as it is now.", headers=("ETag",)))
async def change_requirement(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    wanted: Annotated[RequirementPatch, json_body(RequirementPatch)],
) -> Response:
    """Changes a requirement. A version that the client was asked about stays, and the change makes the next one."""
    match.require(out(await queries.requirement(db, scope, number)))
    fields = wanted.given()
    reason = fields.pop("reason", "")
    await commands.change(db, scope, number, fields, reason=reason)
    return editable(out(await queries.requirement(db, scope, number)))


@router.post(
    "/{number}/publication", responses=answers(RequirementOut, "The client sees it from now on.", headers=("ETag",))
)
async def publish_requirement(scope: WriteScope, db: UnitOfWork, number: PathNumber) -> Response:
    """Shows a requirement to the client, from now on with every later version. That cannot be undone."""
    await commands.publish(db, scope, number)
    return editable(out(await queries.requirement(db, scope, number)))


@router.get("/{number}/versions", responses=answers(RequirementVersionList, "The versions, the newest first."))
async def list_requirement_versions(scope: ReadScope, db: ReadSession, number: PathNumber) -> RequirementVersionList:
    """All versions of a requirement."""
    return RequirementVersionList(items=[version_short(one) for one in await queries.versions(db, scope, number)])


@router.get("/{number}/versions/{version}", responses=answers(RequirementOut, "The requirement as it was worded then."))
async def read_requirement_version(
    scope: ReadScope, db: ReadSession, number: PathNumber, version: PathNumber
) -> Response:
    """One version of a requirement, with what the client answered to it."""
    found = await queries.versions(db, scope, number, version)
    return editable(out(next(one for one in found if one.version == version)))
