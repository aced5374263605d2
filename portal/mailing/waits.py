"""What stands on top of a digest: what waits for its reader in a project, the most pressing first."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.decisions import waiting
from portal.decisions.models import Side
from portal.mailing import rounds
from portal.projects.models import ProjectStatus

MOST = 10
"""Of one project are listed; all that there are are counted."""


@dataclass(frozen=True, slots=True)
class Waits:
    """What waits in a project: the first of it, as a digest lists it, and how much it is in all."""

    listed: list[dict[str, Any]]
    number: int


async def of_project(db: AsyncSession, scope: Scope) -> Waits:
    """What waits for the person: what they can answer and test, or for staff what waits for the agency. Nothing in an
    archived project: it is read, not changed."""
    if scope.project.status == ProjectStatus.ARCHIVED:
        return Waits([], 0)
    asked = await _decisions(db, scope) if not scope.is_tester_alone else Waits([], 0)
    to_test = await rounds.waits(db, scope) if not scope.is_staff else []
    return Waits((asked.listed + to_test)[:MOST], asked.number + len(to_test))


async def _decisions(db: AsyncSession, scope: Scope) -> Waits:
    """Found and counted by one statement, which leaves out what waits for others before it is cut: in a project where
    the client is waited for in hundreds of things, nothing that waits for the agency is among the first of them all."""
    statement, given = waiting.listing(scope)
    for_client = waiting.can_answer(scope.viewer.person_id, scope.today)
    mine = waiting.DECISION.c.turn == Side.AGENCY if scope.is_staff else for_client
    counted = statement.where(mine).add_columns(func.count().over().label("in_all"))
    rows = (await db.execute(counted, given | {"most": MOST})).all()
    listed = [
        {
            "title": one.title,
            "path": f"/projects/{one.key}/decisions/{one.number}",
            "due_on": one.due_on.isoformat() if one.due_on else None,
        }
        for one in waiting.in_order(rows)
    ]
    return Waits(listed, rows[0].in_all if rows else 0)
