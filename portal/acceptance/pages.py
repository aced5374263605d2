"""Reads of a round's pages: the list of its cases as one tester sees it, and one case with all that was said of it.

Each costs a constant number of statements: the head, the cases, and (of one case) its results and defects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, Subquery, Table, and_, bindparam, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import queries
from portal.acceptance.models import (
    Outcome,
    RoundCase,
    Severity,
    TestCase,
    TestDefect,
    TestFile,
    TestPlan,
    TestPlanVersion,
    TestResult,
    TestRound,
    TestTester,
    Why,
)
from portal.access import Scope
from portal.backlog.models import Category, Item, Status
from portal.backlog.queries import visible as visible_items
from portal.errors import NotFound
from portal.files.models import File
from portal.people.models import Person
from portal.projects.queries import MOST_NUMBER

AHEAD = 25
"""How far `next_to_do` looks: the list of what is to do tells the rest."""
MOST_SAID = 300
"""Results of one case that its page shows, the newest first."""


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


@dataclass(frozen=True, slots=True)
class ResultLine:
    """A result and who gave it; a machine's has a source and no name."""

    result: TestResult
    name: str | None
    is_mine: bool


@dataclass(frozen=True, slots=True)
class DefectLine:
    """A defect of a case. `title` is None for an item that this viewer may not know (any more)."""

    item_number: int
    severity: Severity
    round_number: int
    title: str | None
    category: Category | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class CasePage:
    """One case of a round with what was said of it. `previous`, `next`: its neighbours in the round; `next_to_do`: the
    next one of which the viewer has said nothing."""

    head: RoundHead
    case: TestCase
    asked: RoundCase
    item_title: str | None
    """Of the item that it covers; None for none, and for one that this viewer does not see."""
    results: Sequence[ResultLine]
    defects: Sequence[DefectLine]
    previous: int | None
    next: int | None
    next_to_do: int | None

    @property
    def mine(self) -> TestResult | None:
        """What the viewer said last."""
        return next((one.result for one in self.results if one.is_mine and one.result.is_latest), None)


def _person(scope: Scope) -> UUID | None:
    """Who the viewer is among the testers: nobody for staff, also while they look as the client."""
    return None if scope.is_staff or scope.preview else scope.viewer.person_id


async def round_head(db: AsyncSession, scope: Scope, number: int, round_number: int) -> RoundHead:
    """A round with its plan, in one statement. Raises NotFound."""
    row = (await db.execute(_head(scope, number, round_number))).first() if _is_number(number, round_number) else None
    if row is None:
        raise NotFound("There is no such round of testing in this project.")
    return RoundHead(*row)


def _is_number(*numbers: int) -> bool:
    return all(0 < one <= MOST_NUMBER for one in numbers)


def _head(scope: Scope, number: int, round_number: int, *more: Any) -> Select[Any]:
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
        TestTester.person_id == _person(scope),
    )
    return (
        select(TestPlan, TestPlanVersion, TestRound, TestTester, *more)
        .select_from(TestRound)
        .join(TestPlan, its_plan)
        .join(TestPlanVersion, its_version)
        .outerjoin(TestTester, mine)
        .where(*queries.rounds_of(scope, number), TestRound.number == round_number, *queries.visible(scope))
    )


def _is_asked(scope: Scope, row: TestRound) -> ColumnElement[bool]:
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
        "person": _person(scope), "most": limit,
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


async def case_page(db: AsyncSession, scope: Scope, number: int, round_number: int, case_number: int) -> CasePage:
    """One case of a round with its results, defects and neighbours, in three statements. Raises NotFound."""
    words = and_(
        TestCase.project_id == TestRound.project_id,
        TestCase.plan_number == TestRound.plan_number,
        TestCase.version == TestRound.version,
        TestCase.number == case_number,
    )
    asked = and_(
        RoundCase.project_id == TestRound.project_id,
        RoundCase.plan_number == TestRound.plan_number,
        RoundCase.round_number == TestRound.number,
        RoundCase.case_number == TestCase.number,
    )
    covered = and_(*visible_items(scope), Item.number == TestCase.item_number)
    statement = _head(scope, number, round_number, TestCase, RoundCase, Item.title)
    statement = statement.join(TestCase, words).join(RoundCase, asked).outerjoin(Item, covered)
    row = (await db.execute(statement)).first() if _is_number(number, round_number, case_number) else None
    if row is None:
        raise NotFound("There is no such case in this round of testing.")
    head, (case, round_case, item_title) = RoundHead(*row[:4]), row[4:]
    beside = await _beside(db, scope, head.round, case)
    return CasePage(
        head=head, case=case, asked=round_case, item_title=item_title,
        results=await results(db, scope, head.round, case_number), defects=beside.defects, previous=beside.previous,
        next=beside.next, next_to_do=beside.next_to_do,
    )  # fmt: skip


async def results(db: AsyncSession, scope: Scope, row: TestRound, case_number: int) -> list[ResultLine]:
    """What was said of a case in a round, the newest first, also what was replaced or taken back; one statement."""
    mine = (
        TestResult.project_id == scope.project_id,
        TestResult.plan_number == row.plan_number,
        TestResult.round_number == row.number,
        TestResult.case_number == case_number,
    )
    statement = (
        select(TestResult, Person.name)
        .outerjoin(Person, Person.id == TestResult.person_id)
        .where(*mine)
        .order_by(TestResult.seq.desc())
        .limit(MOST_SAID)
    )
    me = _person(scope)
    return [ResultLine(one, name, me is not None and one.person_id == me) for one, name in await db.execute(statement)]


@dataclass(frozen=True, slots=True)
class _Beside:
    defects: list[DefectLine]
    previous: int | None
    next: int | None
    next_to_do: int | None


async def _beside(db: AsyncSession, scope: Scope, row: TestRound, case: TestCase) -> _Beside:
    """The defects of a case and its neighbours in the round: one row at least, so that one statement tells all."""
    before, after, to_do = (_neighbour(scope, row, case, which).label(which) for which in ("previous", "next", "to_do"))
    one = select(literal(1).label("one"), before, after, to_do).subquery()
    of_case = and_(
        TestDefect.project_id == scope.project_id,
        TestDefect.plan_number == row.plan_number,
        TestDefect.case_number == case.number,
    )
    its_item = and_(*visible_items(scope), Item.number == TestDefect.item_number)
    its_status = and_(Status.project_id == Item.project_id, Status.id == Item.status_id)
    statement = (
        select(
            one.c.previous, one.c.next, one.c.to_do, TestDefect.item_number, TestDefect.severity,
            TestDefect.round_number, Item.title, Status.category, Item.done_at,
        )
        .select_from(one)
        .outerjoin(TestDefect, of_case)
        .outerjoin(Item, its_item)
        .outerjoin(Status, its_status)
        .order_by(TestDefect.item_number)
    )  # fmt: skip
    rows = (await db.execute(statement)).all()
    defects = [DefectLine(*found[3:]) for found in rows if found[3] is not None]
    return _Beside(defects, *rows[0][:3])


def _neighbour(scope: Scope, row: TestRound, case: TestCase, which: str) -> Any:
    order = tuple_(TestCase.position, TestCase.number)
    here = tuple_(literal(case.position), literal(case.number))
    statement = select(TestCase.number, TestCase.position).where(
        *queries.cases_of(scope, row.plan_number, row.version), _is_asked(scope, row)
    )
    if which == "previous":
        back = statement.where(order < here).order_by(TestCase.position.desc(), TestCase.number.desc()).limit(1)
        return back.with_only_columns(TestCase.number).scalar_subquery()
    on = statement.where(order > here).order_by(TestCase.position, TestCase.number)
    if which == "next":
        return on.limit(1).with_only_columns(TestCase.number).scalar_subquery()
    return _to_do(scope, row, on.limit(AHEAD).subquery())


def _to_do(scope: Scope, row: TestRound, ahead: Subquery) -> Any:
    """The first of these cases of which the viewer has said nothing."""
    said = select(TestResult.outcome).where(
        TestResult.project_id == scope.project_id,
        TestResult.plan_number == row.plan_number,
        TestResult.round_number == row.number,
        TestResult.case_number == ahead.c.number,
        TestResult.person_id == _person(scope),
        TestResult.is_latest,
    )
    has_said = said.limit(1).correlate(ahead).scalar_subquery()
    waiting = select(ahead.c.number).where(has_said.is_(None))
    return waiting.order_by(ahead.c.position, ahead.c.number).limit(1).scalar_subquery()


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
    found = await db.scalar(statement) if _is_number(number, file_number) else None
    if found is None:
        raise NotFound("There is no such file in this project.")
    return found
