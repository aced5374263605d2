"""Reads of sign-in: one's own sessions, and what is known of a robot or of an account that brings a token."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Viewer
from portal.errors import SignInNeeded
from portal.identity.models import Robot, Session
from portal.people.models import Identity, Person


async def my_sessions(db: AsyncSession, viewer: Viewer) -> Sequence[Session]:
    """The viewer's live sessions, the latest used first."""
    now = clock.now()
    statement = (
        select(Session)
        .where(Session.person_id == viewer.person_id, Session.expires_at > now, Session.idle_until > now)
        .order_by(Session.last_seen_at.desc(), Session.id)
        .limit(100)
    )
    return (await db.scalars(statement)).all()


async def session_of(db: AsyncSession, token_hash: bytes) -> Session:
    """The live session of a cookie, with how the person signed in. Raises SignInNeeded."""
    now = clock.now()
    statement = (
        select(Session)
        .join(Person, Person.id == Session.person_id)
        .where(
            Session.token_hash == token_hash,
            Session.expires_at > now,
            Session.idle_until > now,
            Person.disabled_at.is_(None),
        )
    )
    found = await db.scalar(statement)
    if found is None:
        raise SignInNeeded("Please sign in.")
    return found


async def session_by_id(db: AsyncSession, session_id: UUID) -> Session:
    """The session that a request came with: how and when the person proved themselves. Raises SignInNeeded."""
    found = await db.get(Session, session_id)
    if found is None:
        raise SignInNeeded("Please sign in.")
    return found


async def robot(db: AsyncSession, client_id: str) -> Robot | None:
    """The registered robot with this client id, unless it was revoked."""
    return await db.scalar(select(Robot).where(Robot.client_id == client_id, Robot.revoked_at.is_(None)))


async def robots(db: AsyncSession) -> Sequence[Robot]:
    """All robots ever registered here, by client id."""
    return (await db.scalars(select(Robot).order_by(Robot.client_id).limit(1000))).all()


async def person_of(db: AsyncSession, issuer: str, sub: str) -> Person | None:
    """The person whom this account belongs to, disabled or not."""
    statement = (
        select(Person)
        .join(Identity, Identity.person_id == Person.id)
        .where(Identity.issuer == issuer, Identity.sub == sub)
    )
    return await db.scalar(statement)
