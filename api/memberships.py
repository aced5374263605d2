"""The client's people in a project, and their roles there."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork
from api.doors import AdminDoor
from api.doors import router as door
from api.openapi import answers
from api.shapes import Incoming, Moment, Outgoing
from portal.access import Role, Scope
from portal.errors import NotFound
from portal.people import commands, queries
from portal.people.queries import Member

router = door("memberships", "/projects/{key}/memberships", door=AdminDoor)

Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


class MembershipPatch(Incoming):
    """The roles that a member shall have; whoever has one may also look."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"roles": ["approver", "billing"]}]})

    roles: Roles


class MembershipOut(Outgoing):
    """A member of a project."""

    person_id: UUID
    name: str
    email: str | None
    company_id: UUID
    company_name: str
    roles: list[Role]
    since: Moment


class MembershipList(Outgoing):
    """All members of a project, by name."""

    items: list[MembershipOut]


def out(row: Member) -> MembershipOut:
    """A member as the API tells of them."""
    fields = {name: getattr(row, name) for name in MembershipOut.model_fields if name != "roles"}
    return MembershipOut.model_validate(fields | {"roles": sorted(row.roles)})


async def _one(db: AsyncSession, scope: Scope, person_id: UUID) -> dict[str, Any]:
    for row in await queries.members(db, scope):
        if row.person_id == person_id:
            return out(row).shown()
    raise NotFound("There is no such member in this project.")


@router.get("", responses=answers(MembershipList, "All members, by name."))
async def list_memberships(scope: ReadScope, db: ReadSession) -> MembershipList:
    """The client's people in the project (at most 500). New ones come by invitation."""
    return MembershipList(items=[out(row) for row in await queries.members(db, scope)])


@router.get("/{person_id}", responses=answers(MembershipOut, "The member.", headers=("ETag",)))
async def read_membership(scope: ReadScope, db: ReadSession, person_id: UUID) -> Response:
    """One member."""
    return editable(await _one(db, scope, person_id))


@router.patch("/{person_id}", responses=answers(MembershipOut, "The member as it is now.", headers=("ETag",)))
async def change_membership(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    person_id: UUID,
    wanted: Annotated[MembershipPatch, json_body(MembershipPatch)],
) -> Response:
    """Gives a member other roles, from their next request on."""
    match.require(await _one(db, scope, person_id))
    await commands.change_roles(db, scope, person_id, wanted.roles)
    return editable(await _one(db, scope, person_id))


@router.delete("/{person_id}", status_code=204)
async def remove_membership(scope: EditScope, db: UnitOfWork, match: IfMatch, person_id: UUID) -> Response:
    """Ends a membership: the person sees nothing of the project at their next request."""
    match.require(await _one(db, scope, person_id))
    await commands.remove_member(db, scope, person_id)
    return Response(status_code=204)
