"""Invitations to a project."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope, settings_of
from api.doors import AdminDoor
from api.doors import router as door
from api.memberships import Roles
from api.openapi import answers
from api.shapes import Incoming, Moment, Outgoing, absent
from portal.access import Role
from portal.people import invitations, queries
from portal.people.models import Invitation

router = door("invitations", "/projects/{key}/invitations", door=AdminDoor)

Short = Annotated[str, Field(min_length=1, max_length=40)]


class InvitationNew(Incoming):
    """Whom to invite, and as what. `company` is the project's own client unless said otherwise."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "iris@client.example", "roles": ["approver"], "locale": "en"}]}
    )

    email: Annotated[str, Field(min_length=3, max_length=254)]
    roles: Roles
    company: UUID | None = absent()
    provider: Annotated[Short | None, Field(description="The provider that must vouch for the address.")] = absent()
    locale: Short | None = absent()


class InvitationOut(Outgoing):
    """An invitation: open until it is accepted, revoked or expired."""

    id: UUID
    email: str
    roles: list[Role]
    company_id: UUID
    provider: str | None
    locale: str
    invited_by: str
    created_at: Moment
    last_sent_at: Moment
    expires_at: Moment
    accepted_at: Moment | None
    person_id: UUID | None
    revoked_at: Moment | None


class InvitationList(Outgoing):
    """All invitations to a project, the newest first."""

    items: list[InvitationOut]


def shape(row: Invitation) -> dict[str, Any]:
    """An invitation as JSON values."""
    return InvitationOut.model_validate(row).shown()


@router.get("", responses=answers(InvitationList, "All invitations, the newest first."))
async def list_invitations(scope: ReadScope, db: ReadSession) -> InvitationList:
    """All invitations to the project, the newest first (at most 500)."""
    return InvitationList(items=[InvitationOut.model_validate(row) for row in await queries.invitations(db, scope)])


@router.post(
    "", status_code=201, responses=answers(InvitationOut, "The invitation.", status=201, headers=("ETag", "Location"))
)
async def invite(
    request: Request, scope: WriteScope, db: UnitOfWork, wanted: Annotated[InvitationNew, json_body(InvitationNew)]
) -> Response:
    """Invites an address and sends it a mail."""
    fields = wanted.given()
    fields["company_id"] = fields.pop("company", None)
    row = await invitations.invite(db, scope, settings_of(request), **fields)
    return editable(shape(row), status_code=201, location=f"/api/v1/projects/{scope.key}/invitations/{row.id}")


@router.get("/{invitation_id}", responses=answers(InvitationOut, "The invitation.", headers=("ETag",)))
async def read_invitation(scope: ReadScope, db: ReadSession, invitation_id: UUID) -> Response:
    """One invitation."""
    return editable(shape(await queries.invitation(db, scope, invitation_id)))


@router.delete("/{invitation_id}", status_code=204)
async def revoke_invitation(scope: EditScope, db: UnitOfWork, match: IfMatch, invitation_id: UUID) -> Response:
    """Takes an open invitation back. It stays in the list, as revoked."""
    match.require(shape(await queries.invitation(db, scope, invitation_id)))
    await invitations.revoke(db, scope, invitation_id)
    return Response(status_code=204)


@router.post("/{invitation_id}/reminder", responses=answers(InvitationOut, "The invitation.", headers=("ETag",)))
async def remind(request: Request, scope: WriteScope, db: UnitOfWork, invitation_id: UUID) -> Response:
    """Sends an open invitation again; it then lives on from now."""
    return editable(shape(await invitations.resend(db, scope, settings_of(request), invitation_id)))
