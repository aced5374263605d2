"""Invitations: sent, revoked, sent again. How somebody is let in by one is in `recognition.py`."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, ledger
from portal.access import SYSTEM, Scope, StaffRole
from portal.access.models import Membership
from portal.errors import Conflict, Invalid
from portal.ledger import Audience, NewEvent
from portal.notify import outbox
from portal.people import queries
from portal.people.models import Invitation, Person
from portal.people.rules import LOCALES, clean_email, clean_roles
from portal.settings import Settings

RESEND_SECONDS = 60


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
    company = await queries.company(db, scope.viewer, company_id or scope.project.company_id)
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
    await _send(db, scope, invitation, (await queries.company(db, scope.viewer, invitation.company_id)).name)
    await _tell(db, scope, "invitation.resent", invitation)
    return invitation


async def revoke(db: AsyncSession, scope: Scope, invitation_id: UUID) -> Invitation:
    """Takes an open invitation back. Raises NotAllowed, NotFound, Conflict when it was accepted or revoked already."""
    scope.require_doorkeeper()
    invitation = await _open_one(db, scope, invitation_id)
    invitation.revoked_at = clock.now()
    await db.flush()
    await _tell(db, scope, "invitation.revoked", invitation)
    return invitation


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
            "invited_by": scope.viewer.name if scope.project.show_staff == "name" else SYSTEM.name,
            "provider": invitation.provider,
            "expires_at": clock.rfc3339(invitation.expires_at),
            "invitation": str(invitation.id),
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
