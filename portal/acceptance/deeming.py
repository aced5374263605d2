"""Acceptance that is deemed where the contract says so: announced twice, then recorded as such, never as a signature.

Every step is a job's, each in a transaction of its own, so that running twice, or on two machines, does no harm.
"""

import logging
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance import accepting, decided, gates, queries, standing
from portal.acceptance.models import Acceptance, AcceptanceState, TestPlan
from portal.acceptance.telling import tell
from portal.access import SYSTEM, Scope
from portal.apart import Run
from portal.db import Database
from portal.decisions import commands as decisions
from portal.decisions import queries as asked
from portal.decisions.models import Decision, DecisionKind, DecisionState, DecisionTurn, Side
from portal.errors import Conflict, PortalError
from portal.ledger import commands as ledger
from portal.ledger.models import ProjectLedger
from portal.projects import queries as projects
from portal.projects.models import Project, ProjectStatus

_log = logging.getLogger(__name__)

FIRST_DAYS, SECOND_DAYS = 7, 2
"""How many days before the day it is announced, or as soon after as the job runs."""
DEEMED = "The period that the contract states passed without an answer: it counts as accepted, without a signature."


def due_act(today: date, deemed_on: date, announced: int, announced_on: date | None) -> str | None:
    """What is due on a day: "announce", "deem" or nothing. Pure.

    Nothing is deemed before both announcements were made, each on a day of its own and the last before today; so one
    that was late makes the acceptance late, never the announcement short.
    """
    if announced_on is not None and announced_on >= today:
        return None
    days = (FIRST_DAYS, SECOND_DAYS)
    if announced < len(days):
        return "announce" if today >= deemed_on - timedelta(days=days[announced]) else None
    return "deem" if today > deemed_on else None


async def deem_due(database: Database) -> int:
    """Announces what will count as accepted soon, and records what does; returns how many steps were taken. Raises
    SomeFailed."""
    soon = (clock.now() + timedelta(hours=14)).date() + timedelta(days=FIRST_DAYS)  # somewhere on earth it is the day
    statement = (
        select(ProjectLedger.key, Acceptance.number)
        .join(Acceptance, Acceptance.project_id == ProjectLedger.id)
        .join(Project, Project.id == ProjectLedger.id)
        .where(
            Acceptance.state == AcceptanceState.ASKED,
            Acceptance.deemed_on <= soon,
            Project.status != ProjectStatus.ARCHIVED,
        )
        # All of them: one that nobody can answer stays, so a bound would shut others out.
        .order_by(Acceptance.deemed_on, ProjectLedger.key, Acceptance.number)
        .execution_options(cross_project="acceptances whose period ends, in all projects")
    )
    async with database.read() as db:
        found = list(await db.execute(statement))
    run = Run()
    for key, number in found:
        with run.apart(project=key, acceptance=number):
            run.done += await _one(database, key, number)
    return run.end()


async def _one(database: Database, key: str, number: int) -> bool:
    """One step, whole or not at all."""
    try:
        async with database.write() as db:
            return await _step(db, await projects.locked_scope(db, SYSTEM, key), number)
    except Conflict:  # archived meanwhile: nothing happens there any more
        return False
    except PortalError as refusal:
        _log.error("acceptance not deemed", extra={"project": key, "acceptance": number, "reason": refusal.message})
        return False


async def _step(db: AsyncSession, scope: Scope, number: int) -> bool:
    """`scope` is that under the project's lock."""
    scope.require_writable()
    row = await standing.acceptance(db, scope, number)
    if row.state is not AcceptanceState.ASKED or row.deemed_on is None:
        return False
    decision = await asked.decision(db, scope, row.decision_number)
    if decision.state is not DecisionState.ASKED:  # the team took the question back by itself: no silence counts
        row.state, row.settled_at = AcceptanceState.WITHDRAWN, clock.now()
        return False
    plan = await queries.plan(db, scope, row.plan_number)
    if (obstacle := await _obstacle(db, scope, row)) is not None:
        await accepting.withdraw_open(db, scope, plan, obstacle, part=row.part)
        return True
    if await _is_no_silence(db, scope, decision):
        return False
    act = due_act(scope.today, row.deemed_on, row.announced, row.announced_on)
    if act == "announce":
        await _announce(db, scope, plan, row, decision)
    elif act == "deem":
        await _deem(db, scope, plan, row)
    return act is not None


async def _obstacle(db: AsyncSession, scope: Scope, row: Acceptance) -> str | None:
    """What came between the question and its day: then nobody's silence counts, and the question is taken back."""
    if row.milestone_number is None:
        return None
    try:
        await accepting.check_open(db, scope, row.milestone_number)
        await gates.check_gates(db, scope, row.milestone_number)
    except Conflict as obstacle:
        return obstacle.message
    return None


async def _is_no_silence(db: AsyncSession, scope: Scope, decision: Decision) -> bool:
    """Whether one of several answered already, or waits for the team's answer to a question or had it just now, or
    nobody is left who could answer: the silence of nobody says nothing."""
    if decision.turn is Side.AGENCY or not await asked.is_answerable(db, scope, decision):
        return True
    heard_on = await _heard_on(db, scope, decision)
    if heard_on is not None and scope.today <= heard_on + timedelta(days=SECOND_DAYS):
        return True
    return bool(await asked.answers_of(db, scope, decision.number))


async def _heard_on(db: AsyncSession, scope: Scope, decision: Decision) -> date | None:
    """The day on which the team last answered a question of the client's; None while they asked nothing."""
    its = (DecisionTurn.project_id == scope.project_id, DecisionTurn.decision_number == decision.number)
    again = (DecisionTurn.side == Side.CLIENT, DecisionTurn.ordinal > 1)
    at = await db.scalar(select(func.max(DecisionTurn.from_at)).where(*its, *again))
    return clock.day_of(at, scope.zone) if at else None


async def _announce(db: AsyncSession, scope: Scope, plan: TestPlan, row: Acceptance, decision: Decision) -> None:
    row.announced, row.announced_on = row.announced + 1, scope.today
    assert row.deemed_on is not None
    told: dict[str, Any] = {
        "acceptance": row.number, "decision": row.decision_number, "part": row.part, "nth": row.announced,
        "deemed_on": row.deemed_on.isoformat(),
    }  # fmt: skip
    row.seq = plan.seq = await tell(db, scope, plan, "acceptance.announced", told)
    # Those who can answer are mailed as of every decision that is due.
    body = {
        "of": decision.kind.value, "number": decision.subject_number, "version": decision.subject_version,
        "title": decision.title, "due_on": row.deemed_on.isoformat(),
    }  # fmt: skip
    event = ledger.NewEvent(
        "decision.reminded", "decision", decision.number, decision.audience, body, scope.viewer.actor, clock.now()
    )
    decision.seq = await ledger.append(db, scope.project_id, [event])


async def _deem(db: AsyncSession, scope: Scope, plan: TestPlan, row: Acceptance) -> None:
    """The question ends unanswered; that the thing counts as accepted is the contract's word, not the client's."""
    await decisions.withdraw_of_subject(db, scope, DecisionKind.ACCEPTANCE, row.number, DEEMED)
    row.state = AcceptanceState.DEEMED
    assert row.deemed_on is not None
    more: dict[str, object] = {"deemed_on": row.deemed_on.isoformat(), "announced": row.announced}
    await decided.settle(db, scope, plan, row, "acceptance.deemed", more)
