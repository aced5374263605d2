"""Reads of webhooks, for administrators: endpoints, how far they got, what came of each try."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import StaffRole, Viewer
from portal.errors import NotFound
from portal.ledger.models import ProjectLedger
from portal.notify.webhooks import rules
from portal.notify.webhooks.models import WebhookCursor, WebhookDelivery, WebhookEndpoint

_AGENCY = {"cross_project": "the agency's own endpoints, for its administrators"}


async def endpoints(db: AsyncSession, viewer: Viewer) -> Sequence[WebhookEndpoint]:
    """All endpoints, the oldest first (commands.MOST_ENDPOINTS at most). Raises NotAllowed."""
    viewer.require_staff(StaffRole.ADMIN)
    statement = select(WebhookEndpoint).order_by(WebhookEndpoint.created_at, WebhookEndpoint.id)
    return (await db.scalars(statement)).all()


async def endpoint(db: AsyncSession, viewer: Viewer, endpoint_id: UUID, *, lock: bool = False) -> WebhookEndpoint:
    """One endpoint. Raises NotAllowed, NotFound."""
    viewer.require_staff(StaffRole.ADMIN)
    statement = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    found = await db.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


async def keys(db: AsyncSession, found: Sequence[WebhookEndpoint]) -> dict[UUID, str]:
    """The keys of the projects that endpoints are limited to."""
    ids = {one.only_project_id for one in found if one.only_project_id}
    if not ids:
        return {}
    statement = select(ProjectLedger.id, ProjectLedger.key).where(ProjectLedger.id.in_(ids))
    return {row.id: row.key for row in await db.execute(statement.execution_options(**_AGENCY))}


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A line of an endpoint's log."""

    id: int
    webhook_id: str
    project: str | None
    seq: int | None
    kind: str
    attempt: int
    at: datetime
    status: int | None
    milliseconds: int
    error: str | None
    response: str


_LINE: tuple[Any, ...] = tuple(
    getattr(WebhookDelivery, name)
    for name in ("id", "webhook_id", "seq", "kind", "attempt", "at", "status", "milliseconds", "error", "response")
)


async def deliveries(
    db: AsyncSession, viewer: Viewer, endpoint_id: UUID, *, before: int | None = None, limit: int = 50
) -> list[DeliveryRow]:
    """An endpoint's tries, the newest first; `before` is the id of the last one of the page before.

    Raises NotAllowed, NotFound.
    """
    await endpoint(db, viewer, endpoint_id)
    statement = (
        select(*_LINE, ProjectLedger.key.label("project"))
        .outerjoin(ProjectLedger, ProjectLedger.id == WebhookDelivery.project_id)
        .where(WebhookDelivery.endpoint_id == endpoint_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
        .execution_options(**_AGENCY)
    )
    if before is not None:
        statement = statement.where(WebhookDelivery.id < before)
    return [DeliveryRow(**row._mapping) for row in await db.execute(statement)]


@dataclass(frozen=True, slots=True)
class Behind:
    """A project whose events have not all reached an endpoint."""

    project: str
    delivered: int
    last: int
    attempts: int
    due_at: datetime | None
    failing_since: datetime | None


async def behind(db: AsyncSession, viewer: Viewer, endpoint_id: UUID) -> list[Behind]:
    """The projects that an endpoint is behind with, those that fail the longest first. Raises NotAllowed, NotFound."""
    found = await endpoint(db, viewer, endpoint_id)
    mine = (WebhookCursor.project_id == ProjectLedger.id) & (WebhookCursor.endpoint_id == endpoint_id)
    seq = func.coalesce(WebhookCursor.seq, 0)
    attempts = func.coalesce(WebhookCursor.attempts, 0)
    statement = (
        select(
            ProjectLedger.key.label("project"), seq.label("delivered"), ProjectLedger.version.label("last"),
            attempts.label("attempts"), WebhookCursor.due_at, WebhookCursor.failing_since,
        )
        .outerjoin(WebhookCursor, mine)
        .where(ProjectLedger.version > seq)
        .order_by(attempts.desc(), ProjectLedger.key)
        .limit(200)
        .execution_options(**_AGENCY)
    )  # fmt: skip
    if found.only_project_id is not None:
        statement = statement.where(ProjectLedger.id == found.only_project_id)
    return [Behind(**row._mapping) for row in await db.execute(statement)]


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """An endpoint that was switched off by itself: when and why, and since when nothing got through."""

    id: UUID
    name: str
    url: str
    reason: str
    at: datetime
    failing_since: datetime | None


async def switched_off(db: AsyncSession, since: datetime) -> list[SwitchedOff]:
    """The endpoints that were switched off by themselves since a moment and still are: for telling administrators."""
    began = (
        select(func.min(WebhookCursor.failing_since))
        .where(WebhookCursor.endpoint_id == WebhookEndpoint.id)
        .correlate(WebhookEndpoint)
        .scalar_subquery()
        .label("failing_since")
    )
    row = WebhookEndpoint
    statement = (
        select(row.id, row.name, row.url, row.disabled_reason.label("reason"), row.disabled_at.label("at"), began)
        .where(row.disabled_at >= since, row.disabled_reason != rules.BY_HAND)
        .order_by(row.disabled_at, row.id)
        .execution_options(**_AGENCY)
    )
    return [SwitchedOff(**found._mapping) for found in await db.execute(statement)]


async def is_still_off(db: AsyncSession, endpoint_id: UUID, since: datetime, *, lock: bool = False) -> bool:
    """Whether an endpoint is off, and was never on since that moment."""
    mine = (WebhookEndpoint.id == endpoint_id, WebhookEndpoint.disabled_at == since)
    statement = select(WebhookEndpoint.id).where(*mine)
    return await db.scalar(statement.with_for_update() if lock else statement) is not None
