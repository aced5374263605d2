"""Sign-ins under way and sessions: begun, taken, started, touched, ended. The caller owns the transaction."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import InstrumentedAttribute

from portal import clock
from portal.access import Role, StaffRole, Viewer
from portal.errors import NotFound, SignInNeeded
from portal.identity.models import Session, SignIn
from portal.identity.oidc import Account, Request
from portal.settings import Settings

SIGN_IN_MINUTES = 10
LONGEST_USER_AGENT = 200


def new_token() -> str:
    """A secret for a cookie: 256 bits."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """What is kept of a secret. It is random already, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


async def begin(db: AsyncSession, request: Request, browser: str, next_path: str) -> None:
    """Keeps a sign-in that goes to a provider, bound to the browser's secret; clears away those that expired."""
    now = clock.now()
    await db.execute(delete(SignIn).where(SignIn.expires_at <= now))
    db.add(
        SignIn(
            state_hash=hash_of(request.state),
            browser_hash=hash_of(browser),
            provider=request.provider,
            nonce=request.nonce,
            verifier=request.verifier,
            next=next_path,
            max_age=request.max_age,
            acr=request.acr,
            created_at=now,
            expires_at=now + timedelta(minutes=SIGN_IN_MINUTES),
        )
    )
    await db.flush()


async def take(db: AsyncSession, state: str, browser: str) -> SignIn | None:
    """The sign-in of this state and browser, exactly once; None when there is none, or it took too long.

    It is gone when the transaction commits, whatever becomes of the answer: commit before the code is sent on.
    """
    statement = (
        delete(SignIn)
        .where(SignIn.state_hash == hash_of(state), SignIn.browser_hash == hash_of(browser))
        .returning(SignIn)
    )
    taken = (await db.scalars(statement, execution_options={"synchronize_session": False})).one_or_none()
    return taken if taken is not None and taken.expires_at > clock.now() else None


async def start(
    db: AsyncSession,
    settings: Settings,
    account: Account,
    person_id: UUID,
    staff: frozenset[StaffRole],
    *,
    sign_in_id: UUID,
    user_agent: str,
    replaces: bytes | None,
) -> str:
    """A new session; returns the secret for its cookie. The session that this browser had (`replaces`) ends."""
    if replaces is not None:
        await end(db, replaces)
    now = clock.now()
    token = new_token()
    db.add(
        Session(
            token_hash=hash_of(token),
            person_id=person_id,
            provider=account.provider,
            issuer=account.issuer,
            sub=account.sub,
            sid=account.sid,
            sign_in_id=sign_in_id,
            staff_roles=sorted(staff),
            acr=account.acr,
            amr=list(account.amr),
            auth_time=account.auth_time,
            created_at=now,
            last_seen_at=now,
            idle_until=now + timedelta(minutes=settings.session_idle_minutes),
            expires_at=now + timedelta(hours=settings.session_absolute_hours),
            user_agent=_printable(user_agent),
            view_as=None,
        )
    )
    await db.flush()
    return token


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:LONGEST_USER_AGENT]


async def touch(db: AsyncSession, session_id: UUID) -> None:
    """The person was here just now: the idle limit moves on by its own length. A session that ended stays ended."""
    now = clock.now()
    session = await db.get(Session, session_id)
    if session is not None:
        session.idle_until = now + (session.idle_until - session.last_seen_at)
        session.last_seen_at = now
        await db.flush()


async def end(db: AsyncSession, token_hash: bytes) -> Session | None:
    """Ends the session of a cookie; returns what it was, or None when there was none."""
    statement = delete(Session).where(Session.token_hash == token_hash).returning(Session)
    return (await db.scalars(statement, execution_options={"synchronize_session": False})).one_or_none()


async def end_one(db: AsyncSession, viewer: Viewer, session_id: UUID) -> None:
    """Ends one of the viewer's own sessions. Raises NotFound alike for none and for somebody else's."""
    statement = (
        delete(Session).where(Session.id == session_id, Session.person_id == viewer.person_id).returning(Session.id)
    )
    if (await db.scalars(statement)).one_or_none() is None:
        raise NotFound("There is no such session.")


async def end_all(db: AsyncSession, person_id: UUID) -> None:
    """Ends every session of a person: their account was disabled, or its binding released."""
    await db.execute(delete(Session).where(Session.person_id == person_id))


async def end_by_provider(db: AsyncSession, issuer: str, *, sid: str | None, sub: str | None) -> int:
    """Ends the sessions that a provider names: of one of its sessions, of one account, or of both; returns how many."""
    named: list[InstrumentedAttribute[str] | InstrumentedAttribute[str | None]] = []
    statement = delete(Session).where(Session.issuer == issuer)
    for column, value in ((Session.sid, sid), (Session.sub, sub)):
        if value is not None:
            named.append(column)
            statement = statement.where(column == value)
    if not named:
        return 0
    return len((await db.scalars(statement.returning(Session.id))).all())


async def look_as_client(
    db: AsyncSession, viewer: Viewer, session_id: UUID, view: tuple[str, frozenset[Role]] | None
) -> None:
    """Lets staff look at one project with a client's roles, or stop doing so (None). Raises NotAllowed,
    SignInNeeded when the session is gone.
    """
    viewer.require_staff()
    stored = {"key": view[0], "roles": sorted(view[1])} if view else None
    statement = update(Session).where(Session.id == session_id, Session.person_id == viewer.person_id)
    changed = await db.scalars(statement.values(view_as=stored).returning(Session.id))
    if changed.one_or_none() is None:
        raise SignInNeeded("Please sign in.")
