"""Reads of how a plan stands over all its rounds: case by case, against its criteria, and by the defects found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import queries, verdicts
from portal.acceptance.models import (
    Acceptance,
    Outcome,
    Severity,
    TestCase,
    TestDefect,
    TestPlan,
    TestPlanVersion,
    TestRound,
    TestStanding,
)
from portal.acceptance.verdicts import Counts, Criterion, Found, RoundDefects
from portal.access import Scope
from portal.backlog.models import Category, Item, Status
from portal.decisions.models import Decision
from portal.decisions.subjects import is_mine
from portal.errors import NotFound
from portal.projects.queries import MOST_NUMBER

MOST_ACCEPTANCES = 200


class Only(StrEnum):
    """Which cases of a plan are listed."""

    ALL = "all"
    NOT_RUN = "not_run"
    FAILED = "failed"
    BLOCKED = "blocked"
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case in the plan's list, and how it stands; a verdict of other words than it has now does not count."""

    number: int
    position: int
    section: str
    title: str
    priority: int
    is_automatic: bool
    requirement_number: int | None
    item_number: int | None
    verdict: Outcome | None
    round_number: int | None


@dataclass(frozen=True, slots=True)
class CriteriaView:
    """A plan's criteria and how they stand, for the version that was offered last."""

    plan: TestPlan
    version: TestPlanVersion
    criteria: Sequence[Criterion]
    counts: Counts

    @property
    def is_met(self) -> bool:
        """Whether nothing is missing."""
        return all(one.is_met for one in self.criteria)

    def count(self, outcome: Outcome | None) -> int:
        """How many cases stand so, whatever their priority."""
        return sum(count for (_, stood), count in self.counts.items() if stood == outcome)


@dataclass(frozen=True, slots=True)
class DefectsOver:
    """The rounds of a plan, the oldest first, and of each the defects that it found and left open."""

    rounds: Sequence[TestRound]
    defects: Sequence[RoundDefects]


@dataclass(frozen=True, slots=True)
class AcceptanceLine:
    """An acceptance of a plan. `is_mine`: the viewer can answer its question now."""

    acceptance: Acceptance
    is_mine: bool


def of_case(scope: Scope, number: int, column: Any) -> Any:
    """A column of how each case stands; NULL of one that was not run, or reads otherwise since.

    Looked up case by case by the whole key, where a join would do: of a plan that it has no statistics of yet,
    PostgreSQL expects one row, and would walk all standings for each case.
    """
    statement = select(column).where(
        TestStanding.project_id == scope.project_id,
        TestStanding.plan_number == number,
        TestStanding.case_number == TestCase.number,
        TestStanding.digest == TestCase.digest,
        TestStanding.verdict.is_not(None),
    )
    return statement.correlate(TestCase).scalar_subquery()


async def plan_cases(
    db: AsyncSession,
    scope: Scope,
    number: int,
    version: int,
    *,
    only: Only = Only.ALL,
    after: tuple[int, int] | None = None,
    since: int = 0,
    limit: int = 50,
) -> list[CaseLine]:
    """Cases of a version that the caller has seen to be visible, with how they stand; `after` is (position, number).
    `since`: only those of this number and later ones, which were added last."""
    verdict = of_case(scope, number, TestStanding.verdict)
    columns: tuple[Any, ...] = (
        TestCase.number, TestCase.position, TestCase.section, TestCase.title, TestCase.priority,
        TestCase.is_automatic, TestCase.requirement_number, TestCase.item_number, verdict,
        of_case(scope, number, TestStanding.round_number),
    )  # fmt: skip
    statement = (
        select(*columns)
        .where(*queries.cases_of(scope, number, version))
        .order_by(TestCase.position, TestCase.number)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(TestCase.position, TestCase.number) > after)
    if since:
        statement = statement.where(TestCase.number >= since)
    if only is Only.NOT_RUN:
        statement = statement.where(verdict.is_(None), TestCase.is_automatic.is_(False))
    elif only is not Only.ALL:
        statement = statement.where(verdict == Outcome(only.value))
    return [CaseLine(*row) for row in await db.execute(statement)]


async def criteria_view(db: AsyncSession, scope: Scope, number: int) -> CriteriaView:
    """How the criteria of the version stand that was offered last, in two statements; of cases that people test.

    Raises NotFound, also while nothing was offered.
    """
    its = and_(
        TestPlanVersion.project_id == TestPlan.project_id,
        TestPlanVersion.plan_number == TestPlan.number,
        TestPlanVersion.version == TestPlan.offered_version,
    )
    statement = select(TestPlan, TestPlanVersion).join(TestPlanVersion, its).where(*queries.visible(scope))
    is_one = 0 < number <= MOST_NUMBER
    row = (await db.execute(statement.where(TestPlan.number == number))).first() if is_one else None
    if row is None:
        raise NotFound("There is no such test plan in this project.")
    plan, version = row
    counts = await _counts(db, scope, plan)
    return CriteriaView(plan, version, verdicts.judge(version.criteria, counts), counts)


async def _counts(db: AsyncSession, scope: Scope, plan: TestPlan) -> Counts:
    verdict = of_case(scope, plan.number, TestStanding.verdict).label("verdict")
    cases = (
        select(TestCase.priority, verdict)
        .where(*queries.cases_of(scope, plan.number, plan.offered_version or 0), TestCase.is_automatic.is_(False))
        .subquery()
    )
    statement = select(*cases.c, func.count()).group_by(*cases.c)
    return {(row[0], row[1]): row[2] for row in await db.execute(statement)}


async def defects_over_rounds(db: AsyncSession, scope: Scope, number: int) -> DefectsOver:
    """The rounds of a plan that the caller has seen to be visible, with their defects by severity: one statement."""
    its_defect = and_(
        TestDefect.project_id == TestRound.project_id,
        TestDefect.plan_number == TestRound.plan_number,
        TestDefect.round_number == TestRound.number,
    )
    its_item = and_(Item.project_id == TestDefect.project_id, Item.number == TestDefect.item_number)
    its_status = and_(Status.project_id == Item.project_id, Status.id == Item.status_id)
    statement = (
        select(TestRound, TestDefect.severity, Item.done_at, Item.deleted, Status.category, Item.updated_at)
        .outerjoin(TestDefect, its_defect)
        .outerjoin(Item, its_item)
        .outerjoin(Status, its_status)
        .where(*queries.rounds_of(scope, number))
        .order_by(TestRound.number)
    )
    rounds: dict[int, TestRound] = {}
    found: list[Found] = []
    for row, severity, done_at, deleted, category, updated_at in await db.execute(statement):
        rounds[row.number] = row
        if severity is not None:
            is_gone = deleted or category is Category.DROPPED
            found.append(Found(row.number, Severity(severity), _ended(done_at, updated_at if is_gone else None)))
    shown = [(row.number, row.closed_at) for row in rounds.values()]
    return DefectsOver(list(rounds.values()), verdicts.severity_over_rounds(shown, found))


def _ended(done_at: datetime | None, gone_at: datetime | None) -> datetime | None:
    """When a defect stopped being open: it was done, or else taken out of the backlog."""
    return done_at or gone_at


async def acceptances(db: AsyncSession, scope: Scope, number: int) -> Sequence[Acceptance]:
    """All acceptances of a plan that the caller has seen to be visible, the newest first; without their protocols."""
    mine = (Acceptance.project_id == scope.project_id, Acceptance.plan_number == number)
    statement = select(Acceptance).where(*mine).order_by(Acceptance.number.desc()).limit(MOST_ACCEPTANCES)
    return (await db.scalars(statement)).all()


async def acceptance_lines(db: AsyncSession, scope: Scope, number: int) -> list[AcceptanceLine]:
    """The same, and whether the viewer can answer each: one statement."""
    its_question = and_(Decision.project_id == scope.project_id, Decision.number == Acceptance.decision_number)
    mine = (Acceptance.project_id == scope.project_id, Acceptance.plan_number == number)
    statement = select(Acceptance, is_mine(scope)).join(Decision, its_question).where(*mine)
    rows = await db.execute(statement.order_by(Acceptance.number.desc()).limit(MOST_ACCEPTANCES))
    return [AcceptanceLine(row, bool(can_answer)) for row, can_answer in rows]


async def acceptance(db: AsyncSession, scope: Scope, number: int, *, plan: int | None = None) -> Acceptance:
    """One acceptance, with its protocol. Raises NotFound."""
    statement = select(Acceptance).where(Acceptance.project_id == scope.project_id, Acceptance.number == number)
    if plan is not None:
        statement = statement.where(Acceptance.plan_number == plan)
    found = await db.scalar(statement) if 0 < number <= MOST_NUMBER else None
    if found is None:
        raise NotFound("There is no such acceptance in this project.")
    return found
