"""What somebody had written of an answer, kept while they go to prove themselves anew. No event tells of it."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.decisions import queries, workflow
from portal.decisions.models import DecisionDraft


async def keep(db: AsyncSession, scope: Scope, number: int, written: Mapping[str, str]) -> None:
    """Keeps the viewer's `verdict`, `comment` and `choice`, in place of what was kept before. Raises NotFound."""
    scope.require_writable()
    await queries.decision(db, scope, number)
    values = {field: written.get(field, "")[: workflow.LONGEST_COMMENT] for field in ("verdict", "comment", "choice")}
    await forget(db, scope, number)
    db.add(
        DecisionDraft(
            project_id=scope.project_id,
            decision_number=number,
            person_id=scope.viewer.person_id,
            at=clock.now(),
            **values,
        )
    )
    await db.flush()


async def forget(db: AsyncSession, scope: Scope, number: int) -> None:
    """Deletes the viewer's draft of an answer, if there is one."""
    draft = await queries.draft(db, scope, number)
    if draft is not None:
        await db.delete(draft)
        await db.flush()
