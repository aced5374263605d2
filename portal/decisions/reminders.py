"""The reminder on the day that a decision is due: once, and only while the client is waited for."""

from datetime import time, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import SYSTEM
from portal.apart import Run
from portal.db import Database
from portal.decisions.models import Decision, DecisionState, Side
from portal.decisions.telling import tell
from portal.ledger import commands as ledger
from portal.ledger.models import ProjectLedger
from portal.projects import queries as projects
from portal.projects.models import Project, ProjectStatus

REMIND_AT = time(8)
"""By the project's clock."""
MOST = 500


async def remind(database: Database) -> int:
    """Notes for each decision that is due that its people are to be reminded; returns how many. Raises SomeFailed."""
    soon = clock.now().date() + timedelta(days=1)  # by a day either way: the project's own day decides below
    statement = (
        select(Decision.project_id, ProjectLedger.key, Decision.number)
        .join(ProjectLedger, ProjectLedger.id == Decision.project_id)
        .join(Project, Project.id == Decision.project_id)
        .where(*_OPEN, Decision.due_on <= soon, Project.status != ProjectStatus.ARCHIVED)
        .order_by(Decision.due_on, ProjectLedger.key, Decision.number)
        .limit(MOST)
        .execution_options(cross_project="what is due in any project")
    )
    async with database.read() as db:
        due = (await db.execute(statement)).all()
    run = Run()
    for project_id, key, number in due:
        with run.apart(project=key, decision=number):
            async with database.write() as db:
                run.done += await remind_of(db, project_id, key, number)
    return run.end()


_OPEN = (Decision.state == DecisionState.ASKED, Decision.turn == Side.CLIENT, Decision.reminded_on.is_(None))


async def remind_of(db: AsyncSession, project_id: UUID, key: str, number: int) -> bool:
    """Notes that a decision's people are to be reminded, if it is due by now and they were not before. Whoever is asked
    on the day it is due has just been told until when: then nobody is reminded."""
    await ledger.lock(db, project_id)
    scope = await projects.scope_for(db, SYSTEM, key)
    local = clock.now().astimezone(scope.zone)
    if scope.project.status == "archived":
        return False
    statement = select(Decision).where(Decision.project_id == project_id, Decision.number == number, *_OPEN)
    decision = await db.scalar(statement)
    if decision is None or decision.due_on is None:
        return False
    if local.date() < decision.due_on or (local.date() == decision.due_on and local.time() < REMIND_AT):
        return False
    decision.reminded_on = local.date()
    if clock.day_of(decision.asked_at, scope.zone) >= decision.due_on:
        return False
    told = {"due_on": decision.due_on.isoformat()}
    decision.seq = await tell(db, scope, decision, "decision.reminded", told)
    return True
