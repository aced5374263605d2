"""Writes of sign-in: a person comes in, a provider ends sessions, robots are registered.

The caller owns the transaction.
"""

import re
from datetime import timedelta
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import StaffRole, Viewer
from portal.errors import Conflict, Invalid, NotFound
from portal.identity import sessions, tokens
from portal.identity.models import Robot, SignIn, SpentToken
from portal.identity.oidc import Account
from portal.people import commands as people
from portal.people import recognition
from portal.settings import ProviderSettings, Settings

SCOPES = ("staff:read", "staff:write", "staff:admin")
_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,255}")


async def come_in(
    db: AsyncSession, settings: Settings, account: Account, taken: SignIn, *, user_agent: str, replaces: bytes | None
) -> str:
    """Recognises who signed in, accepts what they were invited to, and starts a session; returns its cookie's secret.

    Raises NotAllowed for somebody who was not invited, was disabled, or whose address belongs to another account.
    """
    provider = next(one for one in settings.oidc_providers if one.name == account.provider)
    staff = staff_roles(account, provider)
    person = await recognition.recognise(
        db,
        recognition.Arriving(
            issuer=account.issuer,
            sub=account.sub,
            provider=account.provider,
            email=account.email,
            name=account.name,
            locale=account.locale,
            is_staff=bool(staff),
        ),
    )
    until = clock.now() + timedelta(hours=settings.session_absolute_hours)
    await people.note_standing(db, person.id, staff, until)
    return await sessions.start(
        db, settings, account, person.id, staff, sign_in_id=taken.id, user_agent=user_agent, replaces=replaces
    )


def staff_roles(account: Account, provider: ProviderSettings) -> frozenset[StaffRole]:
    """The staff roles that a provider's groups give; groups that the administrator did not name give none."""
    return frozenset(StaffRole(provider.staff_groups[group]) for group in account.groups & provider.staff_groups.keys())


async def logged_out_by_provider(db: AsyncSession, claims: dict[str, object]) -> int:
    """Ends the sessions that a checked logout token names, and remembers the token; returns how many ended.

    Raises TokenRefused for a token that was used before: it must not end a session that began later.
    """
    issuer, jti = str(claims["iss"]), str(claims["jti"])
    kept_until = clock.now() + timedelta(seconds=tokens.OLDEST_LOGOUT_SECONDS + 2 * tokens.LEEWAY_SECONDS)
    try:
        async with db.begin_nested():
            await db.execute(insert(SpentToken).values(issuer=issuer, jti=jti, expires_at=kept_until))
    except IntegrityError:
        raise tokens.TokenRefused("used before") from None
    sid, sub = claims.get("sid"), claims.get("sub")
    return await sessions.end_by_provider(
        db, issuer, sid=None if sid is None else str(sid), sub=None if sub is None else str(sub)
    )


async def register_robot(db: AsyncSession, viewer: Viewer, client_id: str, name: str, scopes: list[str]) -> Robot:
    """Lets a program use the staff API by the client id in its tokens. Raises NotAllowed, Invalid, Conflict."""
    viewer.require_staff(StaffRole.ADMIN)
    if not _CLIENT_ID.fullmatch(client_id):
        raise Invalid("A client id is 1 to 255 printable ASCII characters.", field="client_id", value=client_id)
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Invalid(f"Scopes are some of {', '.join(SCOPES)}.", field="scopes", value=scopes)
    if not name.strip() or not name.isprintable() or len(name) > 100:
        raise Invalid("A robot's name is 1 to 100 printable characters.", field="name", value=name)
    if await db.scalar(select(Robot.client_id).where(Robot.client_id == client_id, Robot.revoked_at.is_(None))):
        raise Conflict("A robot with this client id is registered already.", field="client_id", value=client_id)
    robot = await db.get(Robot, client_id) or Robot(client_id=client_id)
    robot.name, robot.scopes, robot.created_by = name.strip(), sorted(set(scopes)), viewer.actor
    robot.created_at, robot.revoked_at = clock.now(), None
    db.add(robot)
    await db.flush()
    return robot


async def revoke_robot(db: AsyncSession, viewer: Viewer, client_id: str) -> None:
    """Ends a robot's access with its next call. Raises NotAllowed, NotFound."""
    viewer.require_staff(StaffRole.ADMIN)
    robot = await db.get(Robot, client_id)
    if robot is None or robot.revoked_at is not None:
        raise NotFound("There is no such robot.", field="client_id", value=client_id)
    robot.revoked_at = clock.now()
    await db.flush()


async def shut_out(db: AsyncSession, viewer: Viewer, person_id: UUID) -> None:
    """Disables a person and ends all their sessions at once. Raises NotAllowed, NotFound."""
    await people.disable(db, viewer, person_id)
    await sessions.end_all(db, person_id)


async def release(db: AsyncSession, viewer: Viewer, person_id: UUID) -> None:
    """Forgets the accounts that a person signs in with, and ends what was begun with them: the old account may be
    somebody else's by now. Raises NotAllowed, NotFound, Invalid.
    """
    await people.release(db, viewer, person_id)
    await sessions.end_all(db, person_id)
