"""The names that items of a project can be assigned to."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import editable
from api.deps import ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.shapes import Incoming, Line, Outgoing
from portal.backlog import commands, queries

router = door("contributors", "/projects/{key}/contributors")


class ContributorNew(Incoming):
    """A name to be added."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Noor Haddad"}]})

    name: Line


class ContributorOut(Outgoing):
    """Somebody whom items can be assigned to; clients read the name as the project's `show_staff` says."""

    id: UUID
    name: str
    external_ref: str | None
    person_id: UUID | None


class ContributorList(Outgoing):
    """All contributors, by name."""

    items: list[ContributorOut]


def shape(row: Any) -> dict[str, Any]:
    """A contributor as JSON values."""
    return ContributorOut.model_validate(row).shown()


@router.get("", responses=answers(ContributorList, "All contributors, by name."))
async def list_contributors(scope: ReadScope, db: ReadSession) -> ContributorList:
    """Everybody whom items of the project can be assigned to (at most 1,000)."""
    return ContributorList(items=[ContributorOut.model_validate(row) for row in await queries.contributors(db, scope)])


@router.post("", status_code=201, responses=answers(ContributorOut, "The contributor.", status=201))
async def add_contributor(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[ContributorNew, json_body(ContributorNew)]
) -> Response:
    """Adds a name that items can be assigned to."""
    return editable(shape(await commands.add_contributor(db, scope, name=wanted.name)), status_code=201)
