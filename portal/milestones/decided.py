"""What a decision about a milestone means: it is confirmed, and its part of the price becomes a draft invoice."""

from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.billing import drafts
from portal.changes import overtaken
from portal.changes.overtaken import CONFIRMED
from portal.decisions.commands import Answer
from portal.decisions.models import Decision
from portal.errors import Conflict
from portal.projects import commands as projects
from portal.projects import queries as plan


async def before(db: AsyncSession, scope: Scope, decision: Decision, given: Answer) -> None:
    """Raises Conflict for a milestone that is confirmed already."""
    milestone = await plan.milestone(db, scope, decision.subject_number)
    if milestone.accepted_on is not None:
        raise Conflict("This milestone is confirmed already.")


async def after(db: AsyncSession, scope: Scope, decision: Decision) -> None:
    """Confirms the milestone and drafts its invoice."""
    if decision.outcome is not None and decision.outcome.is_approval:
        await confirm(db, scope, decision.subject_number, decision.number)


async def confirm(
    db: AsyncSession, scope: Scope, number: int, decision_number: int, *, is_deemed: bool = False
) -> None:
    """Marks a milestone as accepted by the client today, and drafts what the payment plan makes due by it. Open offers
    that would move it are taken back: what they add would never become due by it.

    `is_deemed`: nobody signed, the contract's period passed.
    """
    await projects.accept_milestone(db, scope, number, decision_number, is_deemed=is_deemed)
    await drafts.drafts_for_milestone(db, scope, number)
    await overtaken.take_back(db, scope, reason=CONFIRMED, milestones={number})
