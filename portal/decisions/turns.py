"""The two-way clock: which side waits for which, since when, and how much working time it took."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.decisions.hours import minutes_of_each
from portal.decisions.models import Decision, DecisionTurn, Side
from portal.projects.queries import calendar_of


async def pass_to(db: AsyncSession, scope: Scope, decision: Decision, side: Side | None) -> None:
    """Ends the present turn and begins one of `side` (None: nobody has to act). The caller holds the project's lock."""
    if decision.turn == side:
        return
    now = clock.now()
    last = await _last(db, decision)
    if last is not None and last.until_at is None:
        last.until_at, last.minutes = now, minutes_between(scope, last.from_at, now)
    if side is not None:
        db.add(
            DecisionTurn(
                project_id=decision.project_id, decision_number=decision.number,
                ordinal=last.ordinal + 1 if last else 1, side=side, from_at=now, until_at=None, minutes=None,
            )
        )  # fmt: skip
    decision.turn = side
    await db.flush()


async def _last(db: AsyncSession, decision: Decision) -> DecisionTurn | None:
    statement = (
        select(DecisionTurn)
        .where(
            DecisionTurn.project_id == decision.project_id,
            DecisionTurn.decision_number == decision.number,
        )
        .order_by(DecisionTurn.ordinal.desc())
        .limit(1)
    )
    return await db.scalar(statement)


def minutes_between(scope: Scope, start: datetime, end: datetime) -> int:
    """Working minutes of the scope's project between two moments."""
    return minutes_since_each(scope, [start], end)[0]


def minutes_since_each(scope: Scope, starts: Sequence[datetime], end: datetime) -> list[int]:
    """Working minutes of the scope's project from each of many moments to one end, in their order."""
    project = scope.project
    return minutes_of_each(starts, end, scope.zone, calendar_of(scope), project.work_starts, project.work_ends)
