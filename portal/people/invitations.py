"""Invitations: sent, revoked, sent again; and how somebody who signs in is recognised or let in by one.

An account at a provider is recognised by (issuer, sub) alone. The address counts once: to find the invitations of
somebody whose provider vouches for it. An invitation that names no provider goes to whichever configured provider
vouches for the address first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, ledger, wall
from portal.access import Role, Scope, StaffRole, with_looking
from portal.access.models import Membership
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import Audience, NewEvent
from portal.notify import outbox
from portal.people import queries
from portal.people.models import Company, Identity, Invitation, Person
from portal.people.rules import LOCALES, clean_email, clean_roles, locale_for
from portal.settings import Settings

RESEND_SECONDS = 60


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


async def invite(
    db: AsyncSession,
    scope: Scope,
    settings: Settings,
    *,
    email: str,
    roles: Iterable[str],
    company_id: UUID | None = None,
    provider: str | None = None,
    locale: str | None = None,
) -> Invitation:
    """Invites an address to the project and puts the mail into the outbox; by default for the project's own client.

    Raises NotAllowed, Invalid, Conflict when the address is invited already or belongs to a member.
    """
    scope.require_staff(StaffRole.MANAGER)
    address, wanted = clean_email(email), clean_roles(roles)
    company = await _company(db, company_id or scope.project.company_id)
    _check_choices(settings, provider, locale)
    await ledger.lock(db, scope.project_id)
    await _make_room(db, scope, address)
    now = clock.now()
    invitation = Invitation(
        project_id=scope.project_id,
        company_id=company.id,
        email=address,
        roles=sorted(wanted),
        provider=provider,
        locale=locale or _language(scope),
        invited_by=scope.viewer.actor,
        created_at=now,
        last_sent_at=now,
        expires_at=now + timedelta(days=settings.invitation_days),
    )
    db.add(invitation)
    await db.flush()
    await _send(db, scope, invitation, company.name)
    await _tell(db, scope, "invitation.sent", invitation)
    return invitation


async def resend(db: AsyncSession, scope: Scope, settings: Settings, invitation_id: UUID) -> Invitation:
    """Sends an open invitation again and lets it live on from now. Raises NotAllowed, NotFound, Conflict."""
    scope.require_staff(StaffRole.MANAGER)
    invitation = await _open_one(db, scope, invitation_id)
    now = clock.now()
    if now - invitation.last_sent_at < timedelta(seconds=RESEND_SECONDS):
        raise Conflict("This invitation was sent within the last minute.")
    invitation.last_sent_at, invitation.expires_at = now, now + timedelta(days=settings.invitation_days)
    await db.flush()
    await _send(db, scope, invitation, (await _company(db, invitation.company_id)).name)
    await _tell(db, scope, "invitation.resent", invitation)
    return invitation


async def revoke(db: AsyncSession, scope: Scope, invitation_id: UUID) -> Invitation:
    """Takes an open invitation back. Raises NotAllowed, NotFound, Conflict when it was accepted or revoked already."""
    scope.require_staff(StaffRole.MANAGER)
    invitation = await _open_one(db, scope, invitation_id)
    invitation.revoked_at = clock.now()
    await db.flush()
    await _tell(db, scope, "invitation.revoked", invitation)
    return invitation


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
        .with_for_update()
        .execution_options(cross_project="invitations of one verified address")
    )
    return (await db.scalars(statement)).all()


async def _accept(db: AsyncSession, invitation: Invitation, person: Person) -> None:
    await wall.enter(db, invitation.project_id)
    await ledger.lock(db, invitation.project_id)
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


async def _company(db: AsyncSession, company_id: UUID) -> Company:
    found = await db.get(Company, company_id)
    if found is None:
        raise NotFound("There is no such company.", field="company", value=str(company_id))
    return found


def _check_choices(settings: Settings, provider: str | None, locale: str | None) -> None:
    names = [one.name for one in settings.oidc_providers]
    if provider is not None and provider not in names:
        raise Invalid(f"The providers here are {', '.join(names)}.", field="provider", value=provider)
    if locale is not None and locale not in LOCALES:
        raise Invalid(f"The languages here are {', '.join(LOCALES)}.", field="locale", value=locale)


def _language(scope: Scope) -> str:
    return next((one for one in scope.project.languages if one in LOCALES), "en")


async def _make_room(db: AsyncSession, scope: Scope, address: str) -> None:
    """An expired invitation gives way to a new one; an open one, or a member of that address, does not."""
    member = (
        select(Membership.person_id)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.project_id == scope.project_id, Person.email == address)
    )
    if await db.scalar(member) is not None:
        raise Conflict("This address belongs to a member of the project.", field="email", value=address)
    statement = select(Invitation).where(
        Invitation.project_id == scope.project_id,
        Invitation.email == address,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
    )
    open_one = await db.scalar(statement)
    if open_one is None:
        return
    if open_one.expires_at > clock.now():
        raise Conflict("This address is invited already: send it again or revoke it.", field="email", value=address)
    open_one.revoked_at = clock.now()
    await db.flush()


async def _open_one(db: AsyncSession, scope: Scope, invitation_id: UUID) -> Invitation:
    await ledger.lock(db, scope.project_id)
    invitation = await queries.invitation(db, scope, invitation_id, lock=True)
    if invitation.accepted_at is not None:
        raise Conflict("This invitation was accepted already.")
    if invitation.revoked_at is not None:
        raise Conflict("This invitation was revoked already.")
    return invitation


async def _send(db: AsyncSession, scope: Scope, invitation: Invitation, company: str) -> None:
    await outbox.enqueue(
        db,
        recipient=invitation.email,
        locale=invitation.locale,
        template="invitation",
        context={
            "project": scope.project.name,
            "company": company,
            "invited_by": scope.viewer.name,
            "provider": invitation.provider,
            "expires_at": clock.rfc3339(invitation.expires_at),
        },
    )


async def _tell(db: AsyncSession, scope: Scope, kind: str, invitation: Invitation) -> None:
    # No address in the ledger: events stay for ever, and a person may ask to be forgotten.
    body: dict[str, Any] = {
        "invitation": str(invitation.id),
        "company": str(invitation.company_id),
        "roles": sorted(invitation.roles),
    }
    event = NewEvent(kind, "invitation", None, Audience.INTERNAL, body, scope.viewer.actor, clock.now())
    await ledger.append(db, scope.project_id, [event])
