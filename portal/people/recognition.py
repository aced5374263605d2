"""How somebody who signs in is recognised, or let in by an invitation.

An account at a provider is recognised by (issuer, sub) alone. The address counts once: to find the invitations of
somebody whose provider vouches for it. An invitation that names no provider goes to whichever configured provider
vouches for the address first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, ledger, wall
from portal.access import Role, with_looking
from portal.access.models import Membership
from portal.errors import NotAllowed
from portal.ledger import Audience, NewEvent
from portal.people.models import Identity, Invitation, Person
from portal.people.rules import locale_for


class NotInvited(NotAllowed):
    """Somebody signed in whom nobody has invited: they get no account."""


class AddressTaken(NotAllowed):
    """The invited address belongs to somebody who signs in with another account."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """Somebody whom a provider has just vouched for. `email` only if it is verified."""

    issuer: str
    sub: str
    provider: str
    email: str | None
    name: str
    locale: str | None
    is_staff: bool


async def recognise(db: AsyncSession, arriving: Arriving) -> Person:
    """The person who signs in, with every invitation of their verified address accepted.

    Raises NotInvited, AddressTaken, or NotAllowed for a person who was disabled.
    """
    person = await _known(db, arriving) or await _bind(db, arriving)
    if person.disabled_at is not None:
        raise NotAllowed("This account was disabled. Please ask your contact at the agency.")
    if (arriving.email and arriving.email != person.email) or person.name != arriving.name:
        person.name, person.email = arriving.name, arriving.email or person.email
        person.updated_at = clock.now()
    await db.flush()
    for invitation in await _open_for(db, arriving):
        await _accept(db, invitation, person)
    return person


async def _known(db: AsyncSession, arriving: Arriving) -> Person | None:
    identity = await db.get(Identity, (arriving.issuer, arriving.sub))
    return await db.get(Person, identity.person_id) if identity else None


async def _bind(db: AsyncSession, arriving: Arriving) -> Person:
    if not await _open_for(db, arriving):
        # The same account may have come in by another tab, and taken the invitation, while this one waited for it.
        if (found := await _known(db, arriving)) is not None:
            return found
        if not arriving.is_staff:
            raise NotInvited("You have signed in, but nobody has invited you to a project here.")
    person = await _without_account(db, arriving) or _newcomer(arriving)
    try:
        async with db.begin_nested():
            db.add(person)
            await db.flush()
            db.add(Identity(issuer=arriving.issuer, sub=arriving.sub, person_id=person.id, bound_at=clock.now()))
            await db.flush()
    except IntegrityError:
        # The same account came in by another tab at the same moment: that one is the person.
        found = await _known(db, arriving)
        if found is None:
            raise
        return found
    return person


def _newcomer(arriving: Arriving) -> Person:
    now = clock.now()
    return Person(
        name=arriving.name,
        email=arriving.email or "",
        locale=locale_for(arriving.locale),
        created_at=now,
        updated_at=now,
        disabled_at=None,
    )


async def _without_account(db: AsyncSession, arriving: Arriving) -> Person | None:
    """A person of this address whose account was released; raises AddressTaken when it is bound to another account."""
    if arriving.email is None:
        return None
    statement = (
        select(Person, Identity.sub)
        .outerjoin(Identity, Identity.person_id == Person.id)
        .where(Person.email == arriving.email)
        .order_by(Person.created_at, Person.id)
    )
    known = (await db.execute(statement)).all()
    if any(sub is not None for _person, sub in known):
        raise AddressTaken("Your address belongs to somebody who signs in with another account.")
    return known[0][0] if known else None


async def _open_for(db: AsyncSession, arriving: Arriving) -> Sequence[Invitation]:
    """The open invitations of a verified address, their projects locked: before that nobody knows whether one is just
    being taken back. In the order of the projects, so that no two who sign in wait for each other.
    """
    if arriving.email is None:
        return []
    statement = (
        select(Invitation)
        .where(
            Invitation.email == arriving.email,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > clock.now(),
            or_(Invitation.provider.is_(None), Invitation.provider == arriving.provider),
        )
        .order_by(Invitation.project_id)
        .execution_options(cross_project="invitations of one verified address", populate_existing=True)
    )
    found = (await db.scalars(statement)).all()
    for invitation in found:
        await wall.enter(db, invitation.project_id)
        await ledger.lock(db, invitation.project_id)
    return (await db.scalars(statement)).all() if found else []


async def _accept(db: AsyncSession, invitation: Invitation, person: Person) -> None:
    await wall.enter(db, invitation.project_id)
    invitation.accepted_at, invitation.person_id = clock.now(), person.id
    statement = select(Membership).where(
        Membership.project_id == invitation.project_id, Membership.person_id == person.id
    )
    membership = await db.scalar(statement)
    if membership is None:
        membership = Membership(
            project_id=invitation.project_id,
            person_id=person.id,
            company_id=invitation.company_id,
            since=clock.now(),
            **{role.value: False for role in Role},
        )
        db.add(membership)
    for role in with_looking(frozenset(Role(name) for name in invitation.roles)):
        setattr(membership, role.value, True)
    await db.flush()
    body = {
        "person": f"person:{person.id}",
        "company": str(membership.company_id),
        "roles": sorted(role for role in Role if getattr(membership, role.value)),
    }
    event = NewEvent("member.joined", "member", None, Audience.CLIENT, body, f"person:{person.id}", clock.now())
    await ledger.append(db, invitation.project_id, [event])
