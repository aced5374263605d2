"""Writes of calendar addresses: made anew, ended. The caller owns the transaction."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Viewer
from portal.calendar_feed.models import CalendarFeed
from portal.errors import NotAllowed
from portal.identity.sessions import hash_of, new_token


async def make(db: AsyncSession, viewer: Viewer) -> str:
    """A new secret for the viewer's calendar address, the only time that it is told; the one before ends.

    Raises NotAllowed for who is no person.
    """
    person_id = await end(db, viewer)
    token = new_token()
    db.add(CalendarFeed(person_id=person_id, token_hash=hash_of(token), created_at=clock.now()))
    await db.flush()
    return token


async def end(db: AsyncSession, viewer: Viewer) -> UUID:
    """Ends the viewer's calendar address, if there is one; returns whose it was. Raises NotAllowed."""
    if viewer.person_id is None:
        raise NotAllowed("Only a person has a calendar.")
    await db.execute(delete(CalendarFeed).where(CalendarFeed.person_id == viewer.person_id))
    return viewer.person_id
