"""Writes of people: companies, persons, and who of them is a member of a project. The caller owns the transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, ledger
from portal.access import Role, Scope, StaffRole, Viewer
from portal.access.models import Membership
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import Audience, NewEvent
from portal.people import queries
from portal.people.models import Company, Identity, Person, StaffStanding
from portal.people.rules import LOCALES, clean_name, clean_roles


async def create_company(db: AsyncSession, viewer: Viewer, name: str, *, external_ref: str | None = None) -> Company:
    """A new client company. Raises NotAllowed, Invalid, Conflict when the name or reference is taken."""
    viewer.require_staff(StaffRole.MANAGER)
    cleaned = clean_name(name)
    await _check_free(db, cleaned, external_ref, None)
    now = clock.now()
    company = Company(name=cleaned, external_ref=external_ref, created_at=now, updated_at=now)
    db.add(company)
    await db.flush()
    return company


async def rename_company(db: AsyncSession, viewer: Viewer, company_id: UUID, name: str) -> Company:
    """Gives a company another name. Raises NotAllowed, NotFound, Invalid, Conflict."""
    viewer.require_staff(StaffRole.MANAGER)
    company = await queries.company(db, viewer, company_id)
    cleaned = clean_name(name)
    await _check_free(db, cleaned, None, company_id)
    company.name, company.updated_at = cleaned, clock.now()
    await db.flush()
    return company


async def _check_free(db: AsyncSession, name: str, external_ref: str | None, own_id: UUID | None) -> None:
    for field, column, value in (("name", Company.name, name), ("external_ref", Company.external_ref, external_ref)):
        if value is None:
            continue
        holder = await db.scalar(select(Company.id).where(column == value))
        if holder is not None and holder != own_id:
            raise Conflict("Another company has this already.", field=field, value=value)


async def change_roles(db: AsyncSession, scope: Scope, person_id: UUID, roles: Iterable[str]) -> Membership:
    """Gives a member of the project other roles, from their next request on. Raises NotAllowed, NotFound, Invalid."""
    scope.require_staff(StaffRole.MANAGER)
    wanted = clean_roles(roles)
    membership = await _member(db, scope, person_id)
    if roles_of(membership) != wanted:
        for role in Role:
            setattr(membership, role.value, role in wanted)
        await db.flush()
        await _tell(db, scope, "member.roles_changed", membership, roles=sorted(wanted))
    return membership


async def remove_member(db: AsyncSession, scope: Scope, person_id: UUID) -> None:
    """Ends a membership: the person sees nothing of the project at their next request. Raises NotAllowed, NotFound."""
    scope.require_doorkeeper()
    membership = await _member(db, scope, person_id)
    await db.execute(
        delete(Membership).where(Membership.project_id == scope.project_id, Membership.person_id == person_id)
    )
    await _tell(db, scope, "member.removed", membership)


async def _member(db: AsyncSession, scope: Scope, person_id: UUID) -> Membership:
    await ledger.lock(db, scope.project_id)
    statement = select(Membership).where(Membership.project_id == scope.project_id, Membership.person_id == person_id)
    found = await db.scalar(statement)
    if found is None:
        raise NotFound("There is no such member in this project.")
    return found


def roles_of(membership: Membership) -> frozenset[Role]:
    """The roles that a membership row gives."""
    return frozenset(role for role in Role if getattr(membership, role.value))


async def _tell(db: AsyncSession, scope: Scope, kind: str, membership: Membership, **more: Any) -> None:
    body = {"person": f"person:{membership.person_id}", "company": str(membership.company_id), **more}
    event = NewEvent(kind, "member", None, Audience.CLIENT, body, scope.viewer.actor, clock.now())
    await ledger.append(db, scope.project_id, [event])


async def disable(db: AsyncSession, viewer: Viewer, person_id: UUID) -> Person:
    """Shuts a person out of everything until enabled again. Raises NotAllowed, NotFound, Conflict.

    `identity.commands.shut_out` also ends their sessions; a session of a disabled person lets nobody in anyway.
    """
    viewer.require_staff(StaffRole.ADMIN)
    person = await queries.person(db, viewer, person_id)
    if person.id == viewer.person_id:
        raise Conflict("Nobody can disable themselves: ask another administrator.")
    person.disabled_at = person.disabled_at or clock.now()
    await db.flush()
    return person


async def enable(db: AsyncSession, viewer: Viewer, person_id: UUID) -> Person:
    """Lets a disabled person sign in again. Raises NotAllowed, NotFound."""
    viewer.require_staff(StaffRole.ADMIN)
    person = await queries.person(db, viewer, person_id)
    person.disabled_at = None
    await db.flush()
    return person


async def release(db: AsyncSession, viewer: Viewer, person_id: UUID) -> None:
    """Forgets the accounts that a person signs in with, for when a provider gave them a new one.

    Their next sign-in needs an invitation (or a staff group) and their verified address, like the first.
    `identity.commands.release` also ends their sessions.
    Raises NotAllowed, NotFound; Invalid for a person without an address to come back by.
    """
    viewer.require_staff(StaffRole.ADMIN)
    person = await queries.person(db, viewer, person_id)
    if not person.email:
        raise Invalid("This person has no verified address by which they could come back.", field="person")
    await db.execute(delete(Identity).where(Identity.person_id == person_id))


async def note_standing(db: AsyncSession, person_id: UUID, roles: frozenset[StaffRole], until_at: datetime) -> None:
    """Remembers until when somebody counts as staff for being told of things; without roles, that they do not."""
    known = await db.get(StaffStanding, person_id)
    if not roles:
        if known is not None:
            await db.delete(known)
        return
    if known is None:
        db.add(StaffStanding(person_id=person_id, roles=sorted(roles), until_at=until_at))
    else:
        known.roles, known.until_at = sorted(roles), until_at
    await db.flush()


async def choose_language(db: AsyncSession, person_id: UUID, locale: str) -> None:
    """Sets the language in which somebody is written to. Raises Invalid for one that the portal does not speak."""
    if locale not in LOCALES:
        raise Invalid(f"The languages here are {', '.join(LOCALES)}.", field="locale", value=locale)
    await db.execute(update(Person).where(Person.id == person_id).values(locale=locale, updated_at=clock.now()))
