"""One case of a round as its page shows it: what was said of it, its defects, and its neighbours in the round."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Subquery, and_, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import queries
from portal.acceptance.models import RoundCase, Severity, TestCase, TestDefect, TestResult, TestRound
from portal.acceptance.pages import RoundHead, head_of, is_asked, is_number, tester
from portal.access import Scope
from portal.backlog.models import Category, Item, Status
from portal.backlog.queries import visible as visible_items
from portal.errors import NotFound
from portal.people.models import Person

AHEAD = 25
"""How far `next_to_do` looks: the list of what is to do tells the rest."""
MOST_SAID = 300
"""Results of one case that its page shows, the newest first."""


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
    statement = head_of(scope, number, round_number, TestCase, RoundCase, Item.title)
    statement = statement.join(TestCase, words).join(RoundCase, asked).outerjoin(Item, covered)
    row = (await db.execute(statement)).first() if is_number(number, round_number, case_number) else None
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
    me = tester(scope)
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
        *queries.cases_of(scope, row.plan_number, row.version), is_asked(scope, row)
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
        TestResult.person_id == tester(scope),
        TestResult.is_latest,
    )
    has_said = said.limit(1).correlate(ahead).scalar_subquery()
    waiting = select(ahead.c.number).where(has_said.is_(None))
    return waiting.order_by(ahead.c.position, ahead.c.number).limit(1).scalar_subquery()
