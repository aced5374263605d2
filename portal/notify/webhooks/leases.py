"""Who works on which endpoint, and how far each project has got there: leases and cursors of webhooks.

One sender at a time has an endpoint, under a lease that ends by itself.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, and_, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.db import Database
from portal.ledger.models import ProjectLedger
from portal.notify.webhooks.models import WebhookCursor, WebhookDelivery, WebhookEndpoint

LEASE = timedelta(seconds=90)
"""Longer than a try may take; each try that is written down begins it anew."""
PROJECTS_AT_ONCE = 50

_log = logging.getLogger("portal.webhooks")
_JOB = {"cross_project": "webhooks tell the agency's own systems of all projects"}


@dataclass(frozen=True, slots=True)
class Taken:
    """An endpoint that this sender has for itself."""

    id: UUID
    url: str
    secrets: tuple[str, ...]
    """Sealed, the present one first."""
    kinds: tuple[str, ...]
    audiences: tuple[str, ...]
    only_project_id: UUID | None
    is_enabled: bool
    test_id: UUID | None
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """How far a project has got at the endpoint."""

    project_id: UUID
    key: str
    seq: int
    attempts: int
    failing_since: datetime | None


async def due(database: Database) -> list[UUID]:
    """The endpoints that something waits for, those that waited longest first."""
    now = clock.now()
    waits = exists(_places(WebhookEndpoint.id, WebhookEndpoint.only_project_id, now))
    statement = (
        select(WebhookEndpoint.id)
        .where(
            WebhookEndpoint.lease_until <= now,
            or_(WebhookEndpoint.test_id.is_not(None), and_(WebhookEndpoint.disabled_at.is_(None), waits)),
        )
        .order_by(WebhookEndpoint.lease_until, WebhookEndpoint.id)
        .execution_options(**_JOB)
    )
    async with database.read() as db:
        return list((await db.scalars(statement)).all())


def _places(endpoint_id: Any, only_project_id: Any, now: datetime) -> Any:
    """The projects that have moved on since an endpoint was last told, and whose turn it is."""
    mine = and_(WebhookCursor.project_id == ProjectLedger.id, WebhookCursor.endpoint_id == endpoint_id)
    of_this: ColumnElement[bool] = or_(only_project_id == ProjectLedger.id, only_project_id.is_(None))
    return (
        select(
            ProjectLedger.id.label("project_id"), ProjectLedger.key, func.coalesce(WebhookCursor.seq, 0).label("seq"),
            func.coalesce(WebhookCursor.attempts, 0).label("attempts"), WebhookCursor.failing_since,
        )
        .select_from(ProjectLedger)
        .outerjoin(WebhookCursor, mine)
        .where(
            of_this,
            ProjectLedger.version > func.coalesce(WebhookCursor.seq, 0),
            or_(WebhookCursor.due_at.is_(None), WebhookCursor.due_at <= now),
        )
    )  # fmt: skip


async def take(database: Database, endpoint_id: UUID) -> Taken | None:
    """The endpoint, ours for a while; None when another sender has it."""
    now = clock.now()
    async with database.write() as db:
        return await renew(db, endpoint_id, WebhookEndpoint.lease_until <= now, now)


async def renew(db: AsyncSession, endpoint_id: UUID, still: ColumnElement[bool], now: datetime) -> Taken | None:
    """The endpoint as it is now, ours until the lease ends; None when `still` does not hold, or it is gone."""
    until = now + LEASE
    row = await db.scalar(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id == endpoint_id, still)
        .values(lease_until=until)
        .returning(WebhookEndpoint)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    if row is None:
        return None
    old = [row.old_secret] if row.old_secret and row.old_secret_until and row.old_secret_until > now else []
    return Taken(
        row.id, row.url, (row.secret, *old), tuple(row.kinds), tuple(row.audiences), row.only_project_id,
        row.disabled_at is None, row.test_id, until,
    )  # fmt: skip


async def release(database: Database, taken: Taken) -> None:
    """Lets the next sender have the endpoint."""
    async with database.write() as db:
        mine = (WebhookEndpoint.id == taken.id, WebhookEndpoint.lease_until == taken.lease_until)
        await db.execute(update(WebhookEndpoint).where(*mine).values(lease_until=clock.now()))


async def due_places(database: Database, taken: Taken) -> list[Place]:
    """The projects whose turn it is at the endpoint, those that waited longest first."""
    now = clock.now()
    mine = select(WebhookEndpoint.only_project_id).where(WebhookEndpoint.id == taken.id).scalar_subquery()
    first = WebhookCursor.due_at.asc().nulls_first()  # never told of yet: the databases differ in where
    statement = _places(taken.id, mine, now).order_by(first, ProjectLedger.key).limit(PROJECTS_AT_ONCE)
    async with database.read() as db:
        return [Place(**row._mapping) for row in await db.execute(statement.execution_options(**_JOB))]


async def move(db: AsyncSession, endpoint_id: UUID, place: Place, values: dict[str, Any]) -> bool:
    """Sets a project\'s cursor, unless somebody else has moved it meanwhile; whether it was still ours."""
    mine = (WebhookCursor.endpoint_id == endpoint_id, WebhookCursor.project_id == place.project_id)
    changed = await db.execute(update(WebhookCursor).where(*mine, WebhookCursor.seq == place.seq).values(**values))
    if cast(CursorResult[Any], changed).rowcount:
        return True
    if place.seq or await db.scalar(select(WebhookCursor.seq).where(*mine)) is not None:
        return False
    await db.execute(
        insert(WebhookCursor).values(endpoint_id=endpoint_id, project_id=place.project_id, **values)
    )  # a project that is younger than the endpoint
    return True


async def took_any(db: AsyncSession, endpoint_id: UUID, since: datetime) -> bool:
    """Whether an endpoint took an event of any project since a moment; trials do not count."""
    statement = select(WebhookDelivery.id).where(
        WebhookDelivery.endpoint_id == endpoint_id,
        WebhookDelivery.project_id.is_not(None),
        WebhookDelivery.at >= since,
        WebhookDelivery.status.between(200, 299),
    )
    return await db.scalar(statement.limit(1).execution_options(**_JOB)) is not None


async def disable(db: AsyncSession, endpoint_id: UUID, reason: str, now: datetime) -> None:
    """Switches an endpoint off, for a reason that administrators read."""
    values = {"disabled_at": now, "disabled_reason": reason[:500], "updated_at": now}
    await db.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(**values))
    _log.error("webhook switched off", extra={"webhook": str(endpoint_id), "reason": reason[:500]})
