"""Offers whose last day has passed: they are marked so, and the question to the client is withdrawn."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import SYSTEM, Scope
from portal.apart import Run
from portal.changes import queries, workflow
from portal.changes.commands import tell
from portal.changes.decided import is_over
from portal.changes.models import ChangeRequest, ChangeState
from portal.changes.workflow import Act
from portal.db import Database
from portal.decisions import commands as decisions
from portal.decisions.models import DecisionKind
from portal.errors import Conflict
from portal.ledger import commands as ledger
from portal.ledger.models import ProjectLedger
from portal.projects import queries as projects
from portal.projects.models import Project, ProjectStatus

AT_ONCE = 200
EXPIRED = "The offer has expired."


async def expire_due(database: Database) -> int:
    """Marks every offer whose last day has passed in its project's zone; returns how many. Each in its own transaction,
    so that running twice, or on two machines, does no harm. Raises SomeFailed."""
    async with database.read() as db:
        found = list(await db.execute(_due()))
    run = Run()
    for key, number in found:
        with run.apart(project=key, change=number), suppress(Conflict):  # archived meanwhile: offered to nobody
            async with database.write() as db:
                run.done += await _expire(db, await projects.scope_for(db, SYSTEM, key), number)
    return run.end()


def _due() -> Any:
    """Offers that may have expired: somewhere on earth their last day has passed (UTC+14 is the first to see it)."""
    somewhere = (clock.now() + timedelta(hours=14)).date()
    return (
        select(ProjectLedger.key, ChangeRequest.number)
        .join(ChangeRequest, ChangeRequest.project_id == ProjectLedger.id)
        .join(Project, Project.id == ProjectLedger.id)
        .where(
            ChangeRequest.state == ChangeState.OFFERED,
            ChangeRequest.valid_until < somewhere,
            Project.status != ProjectStatus.ARCHIVED,
        )
        .order_by(ChangeRequest.valid_until, ProjectLedger.key, ChangeRequest.number)
        .limit(AT_ONCE)
        .execution_options(cross_project="offers that have expired, in all projects")
    )


async def _expire(db: AsyncSession, scope: Scope, number: int) -> bool:
    await ledger.lock(db, scope.project_id)
    request = await queries.change(db, scope, number)
    if request.state is not ChangeState.OFFERED or not is_over(scope, request):
        return False
    await decisions.withdraw_of_subject(db, scope, DecisionKind.CHANGE_REQUEST, number, EXPIRED)
    request.state, request.settled_at = workflow.step(request.state, Act.EXPIRE), clock.now()
    request.seq = await tell(db, scope, request, "expired", {})
    return True
