"""Reads of plans, versions, cases and rounds. The client sees a plan from its first offer on, as offered last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, null, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance.models import Acceptance, TestCase, TestPlan, TestPlanVersion, TestRound, TestTester
from portal.access import Scope
from portal.errors import NotFound
from portal.people.models import Person
from portal.projects.queries import MOST_NUMBER

MOST_ROUNDS = 500


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A plan in the list, with its newest round and its newest acceptance, if there are any."""

    plan: TestPlan
    round: TestRound | None
    acceptance: Acceptance | None


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with the version that this viewer sees: the newest to staff, the one offered last to the client."""

    plan: TestPlan
    version: TestPlanVersion
    also: Any
    """What else was asked for with it."""


@dataclass(frozen=True, slots=True)
class TesterLine:
    """Somebody who tests in a round, and of how many cases they have said something."""

    tester: TestTester
    name: str


def visible(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which this scope may know of a plan."""
    mine = (TestPlan.project_id == scope.project_id,)
    return mine if scope.is_staff else (*mine, TestPlan.offered_version.is_not(None))


def shown_version(scope: Scope) -> ColumnElement[Any]:
    """The version of a plan that this scope sees."""
    return TestPlan.version.expression if scope.is_staff else TestPlan.offered_version.expression


async def plan(db: AsyncSession, scope: Scope, number: int) -> TestPlan:
    """One plan. Raises NotFound, in the same words for what is not there and for a draft that is not the client's."""
    statement = select(TestPlan).where(*visible(scope), TestPlan.number == number)
    found = await db.scalar(statement) if 0 < number <= MOST_NUMBER else None
    if found is None:
        raise NotFound("There is no such test plan in this project.")
    return found


async def plans(
    db: AsyncSession, scope: Scope, *, before: int | None = None, milestone: int | None = None, limit: int = 50
) -> list[PlanLine]:
    """The plans, the newest first, in one statement; the next page is before the last one's number."""
    its_round = and_(
        TestRound.project_id == TestPlan.project_id,
        TestRound.plan_number == TestPlan.number,
        TestRound.number == _newest(TestRound),
    )
    its_acceptance = and_(
        Acceptance.project_id == TestPlan.project_id,
        Acceptance.plan_number == TestPlan.number,
        Acceptance.number == _newest(Acceptance),
    )
    statement = (
        select(TestPlan, TestRound, Acceptance)
        .outerjoin(TestRound, its_round)
        .outerjoin(Acceptance, its_acceptance)
        .where(*visible(scope))
        .order_by(TestPlan.number.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(TestPlan.number < before)
    if milestone is not None:
        statement = statement.where(TestPlan.milestone_number == milestone)
    return [PlanLine(*row) for row in await db.execute(statement)]


def _newest(model: type[TestRound | Acceptance]) -> Any:
    of_plan = (model.project_id == TestPlan.project_id, model.plan_number == TestPlan.number)
    return select(func.max(model.number)).where(*of_plan).correlate(TestPlan).scalar_subquery()


async def plan_view(db: AsyncSession, scope: Scope, number: int, also: ColumnElement[Any] | None = None) -> PlanView:
    """One plan with the version that this viewer sees, in one statement. Raises NotFound.

    `also` is a column of its own that the page needs too, such as `traceability.links_column`.
    """
    its = and_(
        TestPlanVersion.project_id == TestPlan.project_id,
        TestPlanVersion.plan_number == TestPlan.number,
        TestPlanVersion.version == shown_version(scope),
    )
    columns = (TestPlan, TestPlanVersion, null() if also is None else also)
    statement = select(*columns).join(TestPlanVersion, its).where(*visible(scope))
    is_one = 0 < number <= MOST_NUMBER
    row = (await db.execute(statement.where(TestPlan.number == number))).first() if is_one else None
    if row is None:
        raise NotFound("There is no such test plan in this project.")
    return PlanView(*row)


async def version(db: AsyncSession, scope: Scope, number: int, version: int) -> TestPlanVersion:
    """One version of a plan that the caller has seen to be visible. The client sees offered ones alone: NotFound."""
    which = (TestPlanVersion.plan_number == number, TestPlanVersion.version == version)
    statement = select(TestPlanVersion).where(TestPlanVersion.project_id == scope.project_id, *which)
    if not scope.is_staff:
        statement = statement.where(TestPlanVersion.offered_at.is_not(None))
    found = await db.scalar(statement) if 0 < version <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no version {version} of this test plan.")
    return found


def cases_of(scope: Scope, number: int, version: int) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a case is of this version of a plan."""
    return TestCase.project_id == scope.project_id, TestCase.plan_number == number, TestCase.version == version


async def cases(
    db: AsyncSession,
    scope: Scope,
    number: int,
    version: int,
    *,
    after: tuple[int, int] | None = None,
    limit: int = 100,
) -> Sequence[TestCase]:
    """Cases of a version that the caller has seen to be visible, in order; `after` is (position, number)."""
    statement = select(TestCase).where(*cases_of(scope, number, version))
    if after is not None:
        statement = statement.where(tuple_(TestCase.position, TestCase.number) > after)
    return (await db.scalars(statement.order_by(TestCase.position, TestCase.number).limit(limit))).all()


async def case(db: AsyncSession, scope: Scope, number: int, version: int, case_number: int) -> TestCase:
    """One case of a version that the caller has seen to be visible. Raises NotFound."""
    statement = select(TestCase).where(*cases_of(scope, number, version), TestCase.number == case_number)
    found = await db.scalar(statement) if 0 < case_number <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no case {case_number} in this test plan.")
    return found


def rounds_of(scope: Scope, number: int) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a round is of this plan."""
    return TestRound.project_id == scope.project_id, TestRound.plan_number == number


async def rounds(db: AsyncSession, scope: Scope, number: int) -> Sequence[TestRound]:
    """The rounds of a plan that the caller has seen to be visible, the oldest first."""
    statement = select(TestRound).where(*rounds_of(scope, number)).order_by(TestRound.number).limit(MOST_ROUNDS)
    return (await db.scalars(statement)).all()


async def test_round(db: AsyncSession, scope: Scope, number: int, round_number: int) -> TestRound:
    """One round of a plan that the caller has seen to be visible. Raises NotFound."""
    statement = select(TestRound).where(*rounds_of(scope, number), TestRound.number == round_number)
    found = await db.scalar(statement) if 0 < round_number <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no round {round_number} of this test plan.")
    return found


async def open_round(db: AsyncSession, scope: Scope, number: int) -> TestRound | None:
    """The round that runs, if one does."""
    return await db.scalar(select(TestRound).where(*rounds_of(scope, number), TestRound.closed_at.is_(None)))


async def testers(db: AsyncSession, scope: Scope, number: int, round_number: int) -> list[TesterLine]:
    """Who tests in a round, by name; the caller has seen that the plan is visible."""
    statement = (
        select(TestTester, Person.name)
        .join(Person, Person.id == TestTester.person_id)
        .where(
            TestTester.project_id == scope.project_id,
            TestTester.plan_number == number,
            TestTester.round_number == round_number,
        )
        .order_by(Person.name, Person.id)
    )
    return [TesterLine(*row) for row in await db.execute(statement)]
