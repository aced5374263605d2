"""Reads of people: companies, persons, the members of a project and who was invited to it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Role, Scope, Viewer
from portal.access.models import Membership
from portal.errors import NotAllowed, NotFound
from portal.notify.models import MailRefused
from portal.people.models import Company, Invitation, Person

LET_IN = (Person.id == Membership.person_id) & Person.disabled_at.is_(None)
"""Joins a person to a membership: whoever was shut out counts as no member, and decides nothing through another."""


async def companies(db: AsyncSession, viewer: Viewer, *, after: str = "", limit: int = 100) -> Sequence[Company]:
    """The agency's clients by name, for staff. `after` is the last name of the page before. Raises NotAllowed."""
    viewer.require_staff()
    statement = select(Company).where(Company.name > after).order_by(Company.name).limit(limit)
    return (await db.scalars(statement)).all()


async def company(db: AsyncSession, viewer: Viewer, company_id: UUID) -> Company:
    """One client company, for staff. Raises NotAllowed, NotFound."""
    viewer.require_staff()
    found = await db.get(Company, company_id)
    if found is None:
        raise NotFound("There is no such company.", field="company", value=str(company_id))
    return found


async def persons(db: AsyncSession, viewer: Viewer, *, after: UUID | None = None, limit: int = 100) -> Sequence[Person]:
    """Everybody who ever signed in, by id, for staff. Raises NotAllowed."""
    viewer.require_staff()
    statement = select(Person).order_by(Person.id).limit(limit)
    return (await db.scalars(statement.where(Person.id > after) if after else statement)).all()


async def person(db: AsyncSession, viewer: Viewer, person_id: UUID) -> Person:
    """One person, for staff. Raises NotAllowed, NotFound."""
    viewer.require_staff()
    found = await db.get(Person, person_id)
    if found is None:
        raise NotFound("There is no such person.", field="person", value=str(person_id))
    return found


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a project as the project's other members may see them; the address is for staff alone."""

    person_id: UUID
    name: str
    email: str | None
    company_id: UUID
    company_name: str
    roles: frozenset[Role]
    since: datetime
    refused: str | None = None
    """For staff: the status with which mail to the address was refused for ever."""


async def members(db: AsyncSession, scope: Scope, *, limit: int = 500) -> list[Member]:
    """The client's people in this project, by name."""
    statement = (
        select(Membership, Person.name, Person.email, Company.name, MailRefused.status)
        .join(Person, LET_IN)
        .join(Company, Company.id == Membership.company_id)
        .outerjoin(MailRefused, MailRefused.address == Person.email)
        .where(Membership.project_id == scope.project_id)
        .order_by(Person.name, Person.id)
        .limit(limit)
    )
    return [
        Member(
            person_id=row.person_id,
            name=name,
            email=email if scope.is_staff else None,
            company_id=row.company_id,
            company_name=company_name,
            roles=frozenset(role for role in Role if getattr(row, role.value)),
            since=row.since,
            refused=refused if scope.is_staff else None,
        )
        for row, name, email, company_name, refused in (await db.execute(statement)).all()
    ]


async def names_of(db: AsyncSession, person_ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of persons whom the caller may name."""
    if not person_ids:
        return {}
    found = await db.execute(select(Person.id, Person.name).where(Person.id.in_(person_ids)))
    return {row.id: row.name for row in found}


async def invitations(db: AsyncSession, scope: Scope, *, limit: int = 500) -> Sequence[Invitation]:
    """All invitations to this project, the newest first, for staff. Raises NotAllowed."""
    _staff_only(scope)
    statement = (
        select(Invitation)
        .where(Invitation.project_id == scope.project_id)
        .order_by(Invitation.created_at.desc(), Invitation.id)
        .limit(limit)
    )
    return (await db.scalars(statement)).all()


async def invitation(db: AsyncSession, scope: Scope, invitation_id: UUID, *, lock: bool = False) -> Invitation:
    """One invitation to this project, for staff. Raises NotAllowed, NotFound alike for none and another project's."""
    _staff_only(scope)
    statement = select(Invitation).where(Invitation.project_id == scope.project_id, Invitation.id == invitation_id)
    found = await db.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound("There is no such invitation in this project.")
    return found


async def is_open(db: AsyncSession, invitation_id: UUID) -> bool:
    """Whether an invitation can be accepted by now: asked before its mail leaves, which names the project."""
    statement = select(Invitation.id).where(
        Invitation.id == invitation_id,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > clock.now(),
    )
    across = {"cross_project": "the mail of one invitation knows its id, and is about to leave"}
    return await db.scalar(statement.execution_options(**across)) is not None


def _staff_only(scope: Scope) -> None:
    # Reading stays possible in an archived project, which `Scope.require_staff` would refuse as a write.
    if not scope.is_staff:
        raise NotAllowed("Only the agency's staff may see this.")
