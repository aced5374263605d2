"""Which rounds wait for somebody: for testers those with cases left, for the agency those whose period is over."""

from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Select, Table, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance.models import TestPlan, TestRound, TestTester
from portal.access import Scope, Viewer
from portal.projects.models import ProjectStatus
from portal.projects.queries import LEDGER, MEMBERSHIP, PROJECT

MOST = 200
_PLAN, _ROUND, _TESTER = (cast(Table, model.__table__) for model in (TestPlan, TestRound, TestTester))


@dataclass(frozen=True, slots=True)
class RoundWaiting:
    """A round that runs and waits for somebody. `is_over`: the last day of its period has passed."""

    key: str
    project: str
    plan_number: int
    title: str
    round_number: int
    ends_on: date | None
    is_over: bool


_COLUMNS = (
    LEDGER.c.key, PROJECT.c.name, _PLAN.c.number.label("plan"), _PLAN.c.title, _ROUND.c.number.label("round"),
    _ROUND.c.ends_on, PROJECT.c.time_zone,
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


async def to_test(db: AsyncSession, scope: Scope) -> list[RoundWaiting]:
    """The rounds of a project in which this viewer tests and has cases left; what ends first comes first."""
    statement = (
        select(*_COLUMNS)
        .select_from(_FROM.join(_TESTER, _TESTS_IN))
        .where(
            _ROUND.c.project_id == scope.project_id,
            _TESTER.c.project_id == scope.project_id,
            _TESTER.c.person_id == scope.viewer.person_id,
        )
    )
    return _lines(await db.execute(_in_order(statement)))


async def everywhere(db: AsyncSession, viewer: Viewer) -> list[RoundWaiting]:
    """The rounds that wait for a viewer in all their projects, in one statement: for staff those whose period is over,
    which nobody closes for them; for a client those in which they have cases left."""
    if viewer.is_staff:
        # Somewhere on earth it is the day after already: the project's own day decides below.
        mine = select(*_COLUMNS).select_from(_FROM).where(_ROUND.c.ends_on <= clock.now().date())
    else:
        member = and_(
            MEMBERSHIP.c.project_id == _ROUND.c.project_id, MEMBERSHIP.c.person_id == _TESTER.c.person_id
        )  # fmt: skip
        source = _FROM.join(_TESTER, _TESTS_IN).join(MEMBERSHIP, member)
        mine = select(*_COLUMNS).select_from(source).where(_TESTER.c.person_id == viewer.person_id)
    active = mine.where(PROJECT.c.status != ProjectStatus.ARCHIVED)
    across = active.execution_options(cross_project="rounds that wait in a viewer's own projects")
    return [one for one in _lines(await db.execute(_in_order(across))) if one.is_over or not viewer.is_staff]


def _in_order(statement: Select[Any]) -> Select[Any]:
    order = (_ROUND.c.ends_on.is_(None), _ROUND.c.ends_on, LEDGER.c.key, _PLAN.c.number)
    return statement.where(_ROUND.c.closed_at.is_(None)).order_by(*order).limit(MOST)


def _lines(rows: Any) -> list[RoundWaiting]:
    return [
        RoundWaiting(
            row.key, row.name, row.plan, row.title, row.round, row.ends_on, is_over(row.ends_on, row.time_zone)
        )
        for row in rows
    ]


def is_over(ends_on: date | None, time_zone: str) -> bool:
    """Whether the last day of a period has passed, by the project's days."""
    return ends_on is not None and ends_on < clock.day_of(clock.now(), ZoneInfo(time_zone))
