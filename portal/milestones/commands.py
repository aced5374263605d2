"""Asking the client to confirm a milestone."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope, StaffRole
from portal.decisions import commands as decisions
from portal.decisions.models import Decision, DecisionKind
from portal.decisions.rules import Question
from portal.errors import Conflict
from portal.ledger import commands as ledger
from portal.projects import queries as plan
from portal.projects.models import Milestone


async def ask_confirmation(
    db: AsyncSession,
    scope: Scope,
    number: int,
    *,
    people: tuple[UUID, ...] = (),
    needed: int | None = None,
    due_on: date | None = None,
    holds_up: str = "",
) -> Decision:
    """Asks the client to confirm that a milestone is reached, as it stands now.

    Raises Conflict for one that is confirmed already, NotFound, NotAllowed (a manager), Invalid for wrong people.
    """
    scope.require_staff(StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    milestone = await plan.milestone(db, scope, number)
    if milestone.accepted_on is not None:
        raise Conflict(f"Milestone {number} was confirmed on {milestone.accepted_on}.")
    question = Question(
        kind=DecisionKind.MILESTONE, subject_number=number, subject_version=await _version(db, scope, number),
        title=milestone.name, content=_content(milestone), people=people, needed=needed,
        due_on=due_on, holds_up=holds_up,
    )  # fmt: skip
    return await decisions.ask(db, scope, question)


async def _version(db: AsyncSession, scope: Scope, number: int) -> int:
    """How often it was asked, this time included."""
    about = (Decision.kind == DecisionKind.MILESTONE, Decision.subject_number == number)
    statement = select(func.count()).select_from(Decision).where(Decision.project_id == scope.project_id, *about)
    return (await db.scalar(statement) or 0) + 1


def _content(milestone: Milestone) -> Mapping[str, Any]:
    dates = {"promised_on": milestone.promised_on, "agreed_on": milestone.agreed_on, "done_on": milestone.done_on}
    return {
        "title": milestone.name,
        "description": milestone.description,
        **{field: day.isoformat() for field, day in dates.items() if day is not None},
    }
