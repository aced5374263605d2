"""What a decision means for this room: checked before it counts, done when it is settled."""

from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.decisions.commands import Answer
from portal.decisions.models import Decision


async def before(db: AsyncSession, scope: Scope, decision: Decision, given: Answer) -> None:
    """Raises Conflict when this answer cannot be given (any more). The caller holds the project's lock."""


async def after(db: AsyncSession, scope: Scope, decision: Decision) -> None:
    """Does what follows from a decision that was just settled, in the same transaction. `scope` is the portal's own."""
