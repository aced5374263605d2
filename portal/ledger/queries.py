"""Reads of the ledger: events for a viewer's audiences, a subject's history, the signed heads. Always one project."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from portal.ledger.models import Audience, Event, LedgerHead, ProjectLedger

MAX_EVENTS = 1_000
Columns = tuple[Any, ...]

_COLUMNS = (
    Event.seq, Event.at, Event.recorded_at, Event.actor, Event.kind, Event.subject_kind, Event.subject_number,
    Event.audience, Event.body,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as it is read; `body` is parsed."""

    seq: int
    at: datetime
    recorded_at: datetime
    actor: str
    kind: str
    subject_kind: str
    subject_number: int | None
    audience: Audience
    body: dict[str, Any]


ABOUT_MONEY = ("invoice", "time_entry")
"""Subjects of which whoever sees no money hears nothing: their internal events are for those of staff who see it."""
OF_ANYTHING = ("decision.judged",)
"""Words among staff, also about what has a price: they too are for those who see money."""


def may_speak_of_money(event: EventRow) -> bool:
    """Whether an internal event is for those of staff alone who see money."""
    return event.subject_kind in ABOUT_MONEY or event.kind in OF_ANYTHING


async def since(
    db: AsyncSession,
    project_id: UUID,
    audiences: Collection[Audience],
    seq: int,
    limit: int = 100,
    *,
    only: Collection[str] = (),
) -> list[EventRow]:
    """The events after `seq` that these audiences may see, oldest first, at most `limit` (and never over 1,000); those
    of some kinds, if `only` names any.

    The next page begins after the last row's seq.
    """
    page = [_page(project_id, some, limit).where(Event.seq > seq).order_by(Event.seq) for some in _arms(audiences)]
    if only:
        page = [arm.where(Event.kind.in_(only)) for arm in page]
    return sorted(await _read(db, page), key=lambda event: event.seq)[: _bound(limit)]


async def latest(
    db: AsyncSession,
    project_id: UUID,
    audiences: Collection[Audience],
    before: int | None = None,
    limit: int = 100,
    *,
    without: Collection[str] = (),
) -> list[EventRow]:
    """The newest events (before the seq `before`, if given) that these audiences may see, newest first; none of the
    kinds `without`. The next page is before the last row's seq.
    """
    page = [_page(project_id, some, limit).order_by(Event.seq.desc()) for some in _arms(audiences)]
    if without:
        page = [arm.where(Event.kind.not_in(without)) for arm in page]
    if before is not None:
        page = [arm.where(Event.seq < before) for arm in page]
    return sorted(await _read(db, page), key=lambda event: -event.seq)[: _bound(limit)]


async def of_subject(
    db: AsyncSession,
    project_id: UUID,
    audiences: Collection[Audience],
    kind: str,
    number: int | None,
    before: int | None = None,
    limit: int = 100,
) -> list[EventRow]:
    """A subject's history that these audiences may see, newest first; the next page is before the last row's seq."""
    statement = (
        _page(project_id, audiences, limit)
        .where(Event.subject_kind == kind, Event.subject_number == number)
        .order_by(Event.seq.desc())
    )
    return await _read(db, [statement if before is None else statement.where(Event.seq < before)])


async def latest_head(db: AsyncSession, project_id: UUID) -> LedgerHead | None:
    """The last signed head of a project; None before the first."""
    statement = select(LedgerHead).where(LedgerHead.project_id == project_id)
    return await db.scalar(statement.order_by(LedgerHead.size.desc()).limit(1))


async def project_id_of(db: AsyncSession, key: str) -> UUID | None:
    """The ledger with this key, for the command line; pages and API ask `access` instead."""
    return await db.scalar(select(ProjectLedger.id).where(ProjectLedger.key == key))


def _arms(audiences: Collection[Audience]) -> list[Collection[Audience]]:
    """One ordered walk of the index for each audience, so that a page costs the same wherever its rows lie."""
    return [audiences] if len(set(audiences)) == len(Audience) else [[one] for one in sorted(set(audiences))]


def _page(project_id: UUID, audiences: Collection[Audience], limit: int) -> Select[*Columns]:
    statement = select(*_COLUMNS).where(Event.project_id == project_id).limit(_bound(limit))
    if Audience.INTERNAL in audiences and Audience.BILLING not in audiences:
        statement = statement.where(Event.subject_kind.not_in(ABOUT_MONEY), Event.kind.not_in(OF_ANYTHING))
    return statement if len(set(audiences)) == len(Audience) else statement.where(Event.audience.in_(audiences))


def _bound(limit: int) -> int:
    return max(0, min(limit, MAX_EVENTS))


async def _read(db: AsyncSession, arms: list[Select[*Columns]]) -> list[EventRow]:
    if not arms:
        return []
    statement = arms[0] if len(arms) == 1 else union_all(*(select(arm.subquery()) for arm in arms))
    return [_event(row) for row in await db.execute(statement)]


def _event(row: Row[*Columns]) -> EventRow:
    values = row._asdict()
    return EventRow(**values | {"body": json.loads(values["body"])})
