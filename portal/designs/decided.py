"""What a decision means for this room: checked before it counts, done when it is settled."""

from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.decisions.commands import Answer
from portal.decisions.models import Decision
from portal.designs import queries
from portal.errors import Conflict


async def before(db: AsyncSession, scope: Scope, decision: Decision, given: Answer) -> None:
    """Raises Conflict when this answer cannot be given (any more). The caller holds the project's lock."""
    design = await queries.design(db, scope, decision.subject_number)
    if design.shown_version != decision.subject_version:
        raise Conflict("There is a newer version of this design: look at that one.")


async def after(db: AsyncSession, scope: Scope, decision: Decision) -> None:
    """Nothing: which version was approved is read from the decisions, so that there is one truth about it."""
