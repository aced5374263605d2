"""The reminder on the last day of a round: once, and of those testers who have cases left."""

from datetime import time, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance import queries
from portal.acceptance.models import TestRound, TestTester
from portal.acceptance.telling import tell
from portal.access import SYSTEM, Scope
from portal.apart import Run
from portal.db import Database
from portal.ledger.models import ProjectLedger
from portal.projects import queries as projects
from portal.projects.models import Project, ProjectStatus

REMIND_AT = time(8)
"""By the project's clock."""


async def remind(database: Database) -> int:
    """Notes for each round whose last day it is that its testers are to be reminded; returns how many rounds. Raises
    SomeFailed."""
    today = clock.now().date()  # by a day either way: the project's own day decides below
    statement = (
        select(ProjectLedger.key, TestRound.plan_number, TestRound.number)
        .join(TestRound, TestRound.project_id == ProjectLedger.id)
        .join(Project, Project.id == ProjectLedger.id)
        .where(
            *_OPEN,
            TestRound.ends_on.between(today - timedelta(days=1), today + timedelta(days=1)),
            Project.status != ProjectStatus.ARCHIVED,
        )
        .order_by(TestRound.ends_on, ProjectLedger.key, TestRound.plan_number, TestRound.number)
        .execution_options(cross_project="rounds whose last day it is, in any project")
    )
    async with database.read() as db:
        found = (await db.execute(statement)).all()
    run = Run()
    for key, plan, number in found:
        with run.apart(project=key, plan=plan, round=number):
            async with database.write() as db:
                run.done += await remind_of(db, await projects.locked_scope(db, SYSTEM, key), plan, number)
    return run.end()


_OPEN = (TestRound.closed_at.is_(None), TestRound.reminded_on.is_(None))


async def remind_of(db: AsyncSession, scope: Scope, number: int, round_number: int) -> bool:
    """Notes that a round's testers are to be reminded, if this is its last day and any has cases left. Who opens a
    round on its last day has just told its testers until when: then nobody is reminded. The caller holds the lock."""
    statement = select(TestRound).where(*queries.rounds_of(scope, number), TestRound.number == round_number, *_OPEN)
    row = await db.scalar(statement)
    local = clock.now().astimezone(scope.zone)
    if row is None or scope.project.status == "archived" or row.ends_on != local.date() or local.time() < REMIND_AT:
        return False
    row.reminded_on = local.date()
    people = await _behind(db, row) if clock.day_of(row.opened_at, scope.zone) < row.ends_on else []
    if people:
        plan = await queries.plan(db, scope, number)
        told = {"round": row.number, "ends_on": row.ends_on.isoformat(), "testers": people}
        row.seq = plan.seq = await tell(db, scope, plan, "test_round.reminded", told)
    return bool(people)


async def _behind(db: AsyncSession, row: TestRound) -> list[str]:
    """The testers who have said nothing yet of some case."""
    statement = select(TestTester.person_id).where(
        TestTester.project_id == row.project_id,
        TestTester.plan_number == row.plan_number,
        TestTester.round_number == row.number,
        TestTester.done < row.cases,
    )
    return [f"person:{one}" for one in await db.scalars(statement.order_by(TestTester.person_id))]
