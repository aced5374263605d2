"""Addresses that mail cannot be delivered to for ever: written down, shown to staff, left in peace for a while."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.notify.models import MailRefused

POLICY = "5.7."
"""How a status begins by which we were refused and not the address (RFC 3463): where we may not relay, or do not sign
as we should. It is shown to staff; else whoever was written to before that is mended would hear nothing for a week."""
LEFT_ALONE = timedelta(days=7)
"""So long nothing is sent by itself to an address after a refusal; then one mail finds out how it stands."""


async def record(db: AsyncSession, address: str, source: Literal["smtp", "bounce"], status: str) -> None:
    """Writes down that an address was refused for ever, once more if it was before."""
    now = clock.now()
    found = await db.get(MailRefused, address.lower())
    if found is None:
        found = MailRefused(address=address.lower(), first_at=now, times=0)
        db.add(found)
    found.source, found.status, found.last_at, found.times = source, status, now, found.times + 1
    await db.flush()


async def accepted(db: AsyncSession, address: str) -> None:
    """Forgets what our mail server refused before: it takes the address now. What came back later still counts."""
    await db.execute(delete(MailRefused).where(MailRefused.address == address.lower(), MailRefused.source == "smtp"))


async def is_left_alone(db: AsyncSession, address: str) -> bool:
    """Whether an address was refused so lately that nothing goes there by itself."""
    known = select(MailRefused.address).where(
        MailRefused.address == address.lower(),
        MailRefused.last_at > clock.now() - LEFT_ALONE,
        MailRefused.status.not_like(f"{POLICY}%"),
    )
    return await db.scalar(known) is not None


async def refused(db: AsyncSession, *, after: str = "", limit: int = 50) -> Sequence[MailRefused]:
    """The refused addresses in their alphabet's order; `after` is the last one of the page before.

    The caller shows them to staff alone.
    """
    statement = select(MailRefused).where(MailRefused.address > after).order_by(MailRefused.address).limit(limit)
    return (await db.scalars(statement)).all()
