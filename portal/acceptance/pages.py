"""Reads of a round's page: its head, the list of its cases as one tester sees it, and the files that results name.

Each is one statement, however many cases there are. One case is in case_pages.py.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, Table, and_, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import queries
from portal.acceptance.models import (
    Outcome,
    RoundCase,
    TestCase,
    TestFile,
    TestPlan,
    TestPlanVersion,
    TestResult,
    TestRound,
    TestTester,
    Why,
)
from portal.access import Scope
from portal.errors import NotFound
from portal.files.models import File
from portal.projects.queries import MOST_NUMBER


class Only(StrEnum):
    """Which cases of a round are listed. `mine`: of which the viewer said something; `to_do`: of which not yet."""

    ALL = "all"
    MINE = "mine"
    TO_DO = "to_do"
    NOT_RUN = "not_run"
    FAILED = "failed"
    BLOCKED = "blocked"
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class RoundHead:
    """A round with its plan and version. `mine`: the viewer's own row among the testers, if they test in it."""

    plan: TestPlan
    version: TestPlanVersion
    round: TestRound
    mine: TestTester | None

    @property
    def is_open(self) -> bool:
        """Whether results are taken."""
        return self.round.closed_at is None

    @property
    def may_enter(self) -> bool:
        """Whether the viewer may enter results now."""
        return self.is_open and self.mine is not None

    @property
    def left(self) -> int:
        """Of how many cases the viewer has said nothing yet; of none, who does not test in it."""
        return self.round.cases - self.mine.done if self.mine else 0


@dataclass(frozen=True, slots=True)
class RoundLine:
    """A case in a round: why it is asked, its verdict so far, and what the viewer said last."""

    number: int
    position: int
    section: str
    title: str
    priority: int
    why: Why
    verdict: Outcome | None
    mine: Outcome | None


def tester(scope: Scope) -> UUID | None:
    """Who the viewer is among the testers: nobody for staff, also while they look as the client."""
    return None if scope.is_staff or scope.preview else scope.viewer.person_id


async def round_head(db: AsyncSession, scope: Scope, number: int, round_number: int) -> RoundHead:
    """A round with its plan, in one statement. Raises NotFound."""
    row = (await db.execute(head_of(scope, number, round_number))).first() if is_number(number, round_number) else None
    if row is None:
        raise NotFound("There is no such round of testing in this project.")
    return RoundHead(*row)


def is_number(*numbers: int) -> bool:
    """Whether all of these could be numbers of something."""
    return all(0 < one <= MOST_NUMBER for one in numbers)


def head_of(scope: Scope, number: int, round_number: int, *more: Any) -> Select[Any]:
    """The statement of a round with its plan, its version and the viewer among its testers, and what else is wanted."""
    its_version = and_(
        TestPlanVersion.project_id == TestRound.project_id,
        TestPlanVersion.plan_number == TestRound.plan_number,
        TestPlanVersion.version == TestRound.version,
    )
    its_plan = and_(TestPlan.project_id == TestRound.project_id, TestPlan.number == TestRound.plan_number)
    mine = and_(
        TestTester.project_id == TestRound.project_id,
        TestTester.plan_number == TestRound.plan_number,
        TestTester.round_number == TestRound.number,
        TestTester.person_id == tester(scope),
    )
    return (
        select(TestPlan, TestPlanVersion, TestRound, TestTester, *more)
        .select_from(TestRound)
        .join(TestPlan, its_plan)
        .join(TestPlanVersion, its_version)
        .outerjoin(TestTester, mine)
        .where(*queries.rounds_of(scope, number), TestRound.number == round_number, *queries.visible(scope))
    )


def is_asked(scope: Scope, row: TestRound) -> ColumnElement[bool]:
    """Whether a round asks a case: looked up by the whole key (`standing.of_case` says why)."""
    asked = select(RoundCase.why).where(
        RoundCase.project_id == scope.project_id,
        RoundCase.plan_number == row.plan_number,
        RoundCase.round_number == row.number,
        RoundCase.case_number == TestCase.number,
    )
    return asked.correlate(TestCase).scalar_subquery().is_not(None)


async def round_cases(
    db: AsyncSession,
    scope: Scope,
    row: TestRound,
    *,
    only: Only = Only.ALL,
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> list[RoundLine]:
    """Cases that a round asks, in the plan's order, in one statement; `after` is (position, number) of the last line of
    the page before. The caller has seen that the round is visible."""
    known = {
        "project": scope.project_id, "plan": row.plan_number, "round": row.number, "version": row.version,
        "person": tester(scope), "most": limit,
    }  # fmt: skip
    if after is not None:
        known |= {"position": after[0], "number": after[1]}
    return [RoundLine(*one) for one in await db.execute(_lines(only, after is not None), known)]


_CASE, _ASKED, _SAID = (cast(Table, model.__table__).c for model in (TestCase, RoundCase, TestResult))


@cache
def _lines(only: Only, goes_on: bool) -> Select[Any]:
    """The list that testers look at all day: of tables rather than models, and made once. It goes by the plan's order,
    and looks up each case by its whole key (`standing.of_case` says why)."""
    project = bindparam("project", type_=_CASE.project_id.type)
    plan, number = bindparam("plan", type_=Integer()), bindparam("round", type_=Integer())
    version, person = bindparam("version", type_=Integer()), bindparam("person", type_=_SAID.person_id.type)
    mine = _of_this_case(
        _SAID.outcome, _SAID.project_id == project, _SAID.plan_number == plan, _SAID.round_number == number,
        _SAID.case_number == _CASE.number, _SAID.person_id == person, _SAID.is_latest,
    )  # fmt: skip
    why, verdict = (
        _of_this_case(
            column, _ASKED.project_id == project, _ASKED.plan_number == plan, _ASKED.round_number == number,
            _ASKED.case_number == _CASE.number,
        )
        for column in (_ASKED.why, _ASKED.verdict)
    )  # fmt: skip
    columns = (_CASE.number, _CASE.position, _CASE.section, _CASE.title, _CASE.priority, why, verdict, mine)
    of_version = (_CASE.project_id == project, _CASE.plan_number == plan, _CASE.version == version)
    statement = select(*columns).where(*of_version, *_narrowed(only, why, verdict, mine))
    if goes_on:
        here = tuple_(bindparam("position", type_=Integer()), bindparam("number", type_=Integer()))
        statement = statement.where(tuple_(_CASE.position, _CASE.number) > here)
    return statement.order_by(_CASE.position, _CASE.number).limit(bindparam("most", type_=Integer()))


def _of_this_case(column: Any, *where: ColumnElement[bool]) -> Any:
    return select(column).where(*where).limit(1).correlate(TestCase.__table__).scalar_subquery()


def _narrowed(only: Only, why: Any, verdict: Any, mine: Any) -> list[ColumnElement[bool]]:
    match only:
        case Only.ALL:
            return [why.is_not(None)]
        case Only.MINE:
            return [mine.is_not(None)]
        case Only.TO_DO:
            return [why.is_not(None), mine.is_(None)]
        case Only.NOT_RUN:
            return [why.is_not(None), verdict.is_(None)]
    return [verdict == Outcome(only.value)]


async def file_of_plan(db: AsyncSession, scope: Scope, number: int, file_number: int) -> File:
    """A file that a result of a plan names: what its testers may open. Raises NotFound alike for every other."""
    named = and_(TestFile.project_id == File.project_id, TestFile.file_number == File.number)
    plan = and_(TestPlan.project_id == TestFile.project_id, TestPlan.number == TestFile.plan_number)
    statement = (
        select(File)
        .join(TestFile, named)
        .join(TestPlan, plan)
        .where(
            File.project_id == scope.project_id,
            File.audience.in_(scope.audiences),
            TestPlan.number == number,
            File.number == file_number,
            *queries.visible(scope),
        )
    )
    found = await db.scalar(statement) if is_number(number, file_number) else None
    if found is None:
        raise NotFound("There is no such file in this project.")
    return found
