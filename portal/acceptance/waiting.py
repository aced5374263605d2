"""What waits for somebody: open decisions, and beside them rounds of testing, of which testers are told while they have
cases left, and the agency once the period is over. Both in one statement: the pages that ask for one ask for both."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Table,
    and_,
    bindparam,
    func,
    null,
    select,
    union_all,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance.models import TestPlan, TestRound, TestTester
from portal.access import Scope, Viewer
from portal.decisions import waiting as decisions
from portal.decisions.models import Side
from portal.decisions.waiting import THE_MOST, THE_PERSON, THE_PROJECT, WHY_ACROSS, Waiting
from portal.projects.models import ProjectStatus
from portal.projects.queries import LEDGER, MEMBERSHIP, PROJECT

_PLAN, _ROUND, _TESTER = (cast(Table, model.__table__) for model in (TestPlan, TestRound, TestTester))


@dataclass(frozen=True, slots=True)
class RoundWaiting:
    """A round that runs and waits for somebody. `not_run`: its cases without a verdict; `is_over`: the last day of its
    period has passed."""

    key: str
    project: str
    plan_number: int
    title: str
    round_number: int
    not_run: int
    ends_on: date | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class AllWaiting:
    """What is open: decisions, whoever they wait for, and the rounds that wait for the viewer."""

    decisions: list[Waiting]
    rounds: list[RoundWaiting]


_NOT_RUN = _ROUND.c.cases - _ROUND.c.passed - _ROUND.c.failed - _ROUND.c.blocked - _ROUND.c.not_applicable
_COLUMNS = (
    LEDGER.c.key, PROJECT.c.name, _PLAN.c.number.label("plan"), _PLAN.c.title, _ROUND.c.number.label("round"),
    _NOT_RUN.label("not_run"), _ROUND.c.ends_on, PROJECT.c.time_zone,
)  # fmt: skip
_ITS_PLAN = and_(_PLAN.c.project_id == _ROUND.c.project_id, _PLAN.c.number == _ROUND.c.plan_number)
_FROM = (
    _ROUND.join(_PLAN, _ITS_PLAN)
    .join(LEDGER, LEDGER.c.id == _ROUND.c.project_id)
    .join(PROJECT, PROJECT.c.id == _ROUND.c.project_id)
)
_TESTS_IN = and_(
    _TESTER.c.project_id == _ROUND.c.project_id,
    _TESTER.c.plan_number == _ROUND.c.plan_number,
    _TESTER.c.round_number == _ROUND.c.number,
    _TESTER.c.done < _ROUND.c.cases,
)
_IS_MEMBER = and_(MEMBERSHIP.c.project_id == _ROUND.c.project_id, MEMBERSHIP.c.person_id == _TESTER.c.person_id)
_IS_ACTIVE = PROJECT.c.status != ProjectStatus.ARCHIVED
_TODAY = bindparam("today", type_=_ROUND.c.ends_on.type)


async def in_project(db: AsyncSession, scope: Scope) -> AllWaiting:
    """What is open in a project and this viewer may see, and the rounds in which they have cases left."""
    if scope.viewer.is_staff:  # also while they look as the client: nobody of the agency tests
        return AllWaiting(await decisions.waiting(db, scope), [])
    asked, given = decisions.listing(scope)
    return await _both(db, _beside(asked, _to_test()), given | {"person": scope.viewer.person_id})


async def everywhere(db: AsyncSession, viewer: Viewer) -> AllWaiting:
    """What is open in all projects of a viewer, and the rounds there that wait for them: for staff those whose period
    is over, which nobody closes for them; for a client those in which they have cases left."""
    asked, given = decisions.listing_everywhere(viewer)
    both = _beside(asked, _most(_of_viewer(is_staff=viewer.is_staff)), across=WHY_ACROSS)
    found = await _both(db, both, given | _who(viewer))
    return AllWaiting(found.decisions, [one for one in found.rounds if one.is_over or not viewer.is_staff])


async def counts_everywhere(db: AsyncSession, viewer: Viewer) -> dict[str, Counter[str]]:
    """By key of each of a viewer's projects in which anything is open: how much waits for the viewer ("mine"), for
    others of the client's ("client"), for the agency; rounds are counted with the decisions."""
    counts = await decisions.counts_everywhere(db, viewer)
    whose = Side.AGENCY.value if viewer.is_staff else "mine"
    for key, ends_on, zone, number in await db.execute(_counted(is_staff=viewer.is_staff), _who(viewer)):
        if is_over(ends_on, zone) or not viewer.is_staff:
            counts.setdefault(key, Counter())[whose] += number
    return counts


async def to_test(db: AsyncSession, scope: Scope) -> list[RoundWaiting]:
    """The rounds of a project in which this viewer tests and has cases left; what ends first comes first."""
    given = {"project": scope.project_id, "person": scope.viewer.person_id, "most": decisions.MOST}
    return _in_order(await db.execute(_to_test(), given))


@cache
def _to_test() -> Select[Any]:
    tester = _FROM.join(_TESTER, _TESTS_IN)
    ours = (table.c.project_id == THE_PROJECT for table in (_ROUND, _PLAN, _TESTER))
    return _most(select(*_COLUMNS).select_from(tester).where(*ours, *_is_for(is_staff=False)))


@cache
def _of_viewer(*, is_staff: bool) -> Select[Any]:
    """The rounds of all projects, in no order. Of staff's some may not be over yet where the project is: that is for
    the project's own day to decide."""
    source = _FROM if is_staff else _FROM.join(_TESTER, _TESTS_IN).join(MEMBERSHIP, _IS_MEMBER)
    return select(*_COLUMNS).select_from(source).where(_IS_ACTIVE, *_is_for(is_staff=is_staff))


def _is_for(*, is_staff: bool) -> tuple[ColumnElement[bool], ...]:
    """That a round is open and waits for the agency, or for the person."""
    return _ROUND.c.closed_at.is_(None), _ROUND.c.ends_on <= _TODAY if is_staff else _TESTER.c.person_id == THE_PERSON


def _who(viewer: Viewer) -> dict[str, Any]:
    return {"today": clock.now().date()} if viewer.is_staff else {"person": viewer.person_id}


@cache
def _most(statement: Select[Any]) -> Select[Any]:
    order = (_ROUND.c.ends_on.is_(None), _ROUND.c.ends_on, LEDGER.c.key, _PLAN.c.number)
    return statement.order_by(*order).limit(THE_MOST)


@cache
def _counted(*, is_staff: bool) -> Select[Any]:
    """How many rounds end on which day, by project."""
    found = _of_viewer(is_staff=is_staff).subquery()
    by = (found.c.key, found.c.ends_on, found.c.time_zone)
    return select(*by, func.count()).group_by(*by).execution_options(cross_project=WHY_ACROSS)


@cache
def _beside(asked: Select[Any], rounds: Select[Any], *, across: str | None = None) -> CompoundSelect[Any]:
    """Two lists in one statement: a row has the columns of both, and those of one list are filled."""
    left, right = asked.subquery(), rounds.subquery()
    both = union_all(select(*left.c, *_nothing(right.c)), select(*_nothing(left.c), *right.c))
    return both.execution_options(cross_project=across) if across else both


def _nothing(columns: Iterable[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    return [cast_to(null(), one.type) for one in columns]


async def _both(db: AsyncSession, statement: CompoundSelect[Any], given: dict[str, Any]) -> AllWaiting:
    rows = (await db.execute(statement, given)).all()
    asked = [row for row in rows if row.key is not None]
    return AllWaiting(decisions.in_order(asked), _in_order(row[-len(_COLUMNS) :] for row in rows if row.key is None))


def _in_order(rows: Iterable[Any]) -> list[RoundWaiting]:
    found = [
        RoundWaiting(key, project, plan, title, number, not_run, ends_on, is_over(ends_on, zone))
        for key, project, plan, title, number, not_run, ends_on, zone in rows
    ]
    return sorted(found, key=lambda one: (one.ends_on or date.max, one.key, one.plan_number))


def is_over(ends_on: date | None, time_zone: str) -> bool:
    """Whether the last day of a period has passed, by the project's days."""
    return ends_on is not None and ends_on < clock.day_of(clock.now(), ZoneInfo(time_zone))
