"""The burndown as a page or the API asks for it: movements from the database, lines and causes from the pure rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, and_, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.backlog import chart, forecast
from portal.backlog.burndown import STILL, Amounts, day_in
from portal.backlog.models import BurnDay, ItemCause, ItemSpan, SeriesKind
from portal.backlog.planlines import PlanLine, PlanLines
from portal.backlog.queries import ITEM
from portal.backlog.store import span_of
from portal.errors import Invalid
from portal.ledger.models import Audience
from portal.projects import queries as projects
from portal.projects.models import Unit

MOST_CAUSES = 60
"""Items whose part in the scope's steps is told; further ones are counted only."""
VELOCITY_ITERATIONS = 12
QUIET_TAIL = timedelta(days=14)
"""At least so much quiet is drawn after a project's last movement."""
DAYS, SPANS = cast(Table, BurnDay.__table__), cast(Table, ItemSpan.__table__)
CAUSES = cast(Table, ItemCause.__table__)
_CAUSED = and_(
    CAUSES.c.project_id == SPANS.c.project_id,
    CAUSES.c.item_number == SPANS.c.item_number,
    CAUSES.c.at == SPANS.c.valid_from,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which burndown: of the project, or of an iteration or milestone by its number; in which unit; as of which day."""

    kind: SeriesKind = SeriesKind.PROJECT
    number: int | None = None
    unit: Unit | None = None
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class NamedCause:
    """A cause of a step with the item it names; an item that this viewer may not know of is not named.

    `change_request` is the number of the accepted one that made the item move on that day, if one did.
    """

    cause: chart.Cause
    number: int | None
    title: str | None
    change_request: int | None = None


@dataclass(frozen=True, slots=True)
class IterationDone:
    """What an iteration had finished by its last day."""

    line: PlanLine
    done: Decimal


@dataclass(frozen=True, slots=True)
class Burndown:
    """All of one burndown. `points` is empty while nothing has moved yet. `line` is None for the whole project."""

    wanted: Wanted
    unit: Unit
    line: PlanLine | None
    first: date | None
    last: date | None
    points: Sequence[chart.BurnPoint]
    ideal: Sequence[tuple[date, Decimal]]
    steps: Sequence[chart.Row]
    causes: Sequence[NamedCause]
    has_more_causes: bool
    velocity: Sequence[IterationDone]
    finish: forecast.Finish | None
    asked_on: date
    """Today, or the past day that was asked for."""

    @property
    def quiet_since(self) -> date | None:
        """The day after which nothing moved, where the chart ends before the day that was asked for."""
        moved = [point.day for point in self.points if point.moved != STILL]
        return moved[-1] if moved and self.last and self.last < self.asked_on else None

    @property
    def now(self) -> chart.BurnPoint | None:
        """How it stands at the end of the last day drawn."""
        return self.points[-1] if self.points else None


async def burndown(db: AsyncSession, scope: Scope, plan: PlanLines, wanted: Wanted, *, causes: bool = True) -> Burndown:
    """The burndown that is wanted, in at most two statements (one without `causes`).

    Raises NotFound for an unknown iteration or milestone, Invalid for a day in the future.
    """
    today = scope.today
    if wanted.as_of and wanted.as_of > today:
        raise Invalid("as_of is a day that has been, or today.", field="as_of", value=wanted.as_of.isoformat())
    line = None if wanted.kind is SeriesKind.PROJECT else plan.numbered(wanted.kind, wanted.number or 0)
    unit = wanted.unit or Unit(scope.project.unit)
    end = wanted.as_of or today
    measured = _measured_iterations(plan, end) if line is None else []
    rows, done = await _movements(db, scope, (wanted.kind, line.id if line else scope.project_id), unit, measured)
    first, last = _window(scope, line, rows, end)
    if first is None or last is None:
        return Burndown(wanted, unit, line, None, None, (), (), (), (), False, (), None, end)
    points = chart.series(rows, first, last)
    steps = chart.steps(rows, first, last)
    named, more = await _causes(db, scope, wanted.kind, line, unit, steps) if causes and steps else ([], False)
    velocity = [IterationDone(one, done.get(one.id, Decimal(0))) for one in measured]
    return Burndown(
        wanted, unit, line, first, last, points, _ideal(scope, line, points, rows), steps, named, more, velocity,
        _finish(scope, points, rows, end) if line is None else None,
        end,
    )  # fmt: skip


def _measured_iterations(plan: PlanLines, end: date) -> list[PlanLine]:
    over = [line for line in plan.iterations if line.ends_on and line.ends_on < end]
    return sorted(over, key=lambda line: (line.ends_on, line.number))[-VELOCITY_ITERATIONS:]


async def _movements(
    db: AsyncSession, scope: Scope, series: tuple[SeriesKind, UUID], unit: Unit, measured: Sequence[PlanLine]
) -> tuple[list[chart.Row], dict[UUID, Decimal]]:
    """The series' movements in one unit, and what each of the measured iterations had done by its last day."""
    kind, series_id = series
    days = _days(scope, unit).where(DAYS.c.series_kind == kind, DAYS.c.series_id == series_id)
    parts = [days]
    if measured:
        in_time = or_(*(and_(DAYS.c.series_id == one.id, DAYS.c.day <= one.ends_on) for one in measured))
        parts.append(_done(scope, unit).where(DAYS.c.series_kind == SeriesKind.ITERATION, in_time))
    rows: list[chart.Row] = []
    done: dict[UUID, Decimal] = {}
    for one_id, day, *amounts in await db.execute(union_all(*parts)):
        if day is None:
            done[one_id] = Decimal(amounts[3]) - Decimal(amounts[4])
        else:
            added, removed, reestimated, finished, reopened, unestimated = amounts
            moved = [Decimal(one) for one in (added, removed, reestimated, finished, reopened)]
            rows.append((day, Amounts(moved[0], moved[1], moved[2], moved[3], moved[4], unestimated)))
    return sorted(rows, key=lambda row: row[0]), done


def _columns(unit: Unit) -> list[Any]:
    """The columns of one unit in the order of `Amounts`; a count of items is never re-estimated or without estimate."""
    prefix, nothing = ("items", literal(0)) if unit is Unit.COUNT else (unit.value, None)
    names = ("added", "removed", "reestimated", "done", "reopened", "unestimated")
    return [DAYS.c.get(f"{prefix}_{name}", nothing) for name in names]


def _seen(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    audiences = [Audience.CLIENT, Audience.INTERNAL] if scope.is_staff else [Audience.CLIENT]
    return (DAYS.c.project_id == scope.project_id, DAYS.c.audience.in_(audiences))


def _days(scope: Scope, unit: Unit) -> Select[Any]:
    return select(literal(None, DAYS.c.series_id.type), DAYS.c.day, *_columns(unit)).where(*_seen(scope))


def _done(scope: Scope, unit: Unit) -> Select[Any]:
    """Sums of done and re-opened for each iteration, in the same columns as `_days`, with no day."""
    columns = _columns(unit)
    sums = [func.sum(column, type_=column.type) for column in columns[3:5]]
    zeros = [literal(0, column.type) for column in columns]
    statement = select(DAYS.c.series_id, literal(None, DAYS.c.day.type), *zeros[:3], *sums, literal(0))
    return statement.where(*_seen(scope)).group_by(DAYS.c.series_id)


def _window(
    scope: Scope, line: PlanLine | None, rows: Sequence[chart.Row], end: date
) -> tuple[date | None, date | None]:
    """The days that are drawn: from the start (or the first movement) until the end of the work, today or `as_of`.

    An iteration is drawn past its planned end for as long as something still moved in it. Where a project has been
    quiet for long, its chart ends soon after the last movement: years of nothing would flatten the work to a stroke.
    """
    started = line.starts_on if line else None
    first = started or (rows[0][0] if rows else None)
    if first is None or first > end or not rows:
        return None, None
    last_moved = max((day for day, _ in rows if day <= end), default=first)
    if line is None:
        return first, min(end, last_moved + max(QUIET_TAIL, (last_moved - first) / 4))
    over = line.done_on or line.ends_on or line.due_on
    return first, min(end, max(over, last_moved)) if over else end


def _ideal(
    scope: Scope, line: PlanLine | None, points: Sequence[chart.BurnPoint], rows: Sequence[chart.Row]
) -> Sequence[tuple[date, Decimal]]:
    due = line.due_on if line else None
    if line is None or due is None or not points or due <= points[0].day:
        return ()
    first = points[0].day
    days = [point.day for point in points if point.day <= due]
    return chart.ideal(points[0].scope, first, due, projects.calendar_of(scope), [*days, due] if days else [due])


def _finish(scope: Scope, points: Sequence[chart.BurnPoint], rows: Sequence[chart.Row], end: date) -> forecast.Finish:
    calendar = projects.calendar_of(scope)
    pace = forecast.pace_of_days(((day, moved.done_change) for day, moved in rows), calendar, end)
    return forecast.finish(points[-1].remaining, pace, calendar, end)


async def _causes(
    db: AsyncSession, scope: Scope, kind: SeriesKind, line: PlanLine | None, unit: Unit, steps: Sequence[chart.Row]
) -> tuple[list[NamedCause], bool]:
    """The latest causes of the steps, newest first, and whether there are more."""
    first, last = steps[0][0], steps[-1][0]
    touched = _touched(scope, kind, line, first, last)
    statement = (
        select(
            *(column for column in SPANS.c if column.name != "project_id"),
            ITEM.c.title,
            ITEM.c.deleted,
            ITEM.c.audience.label("item_audience"),
            CAUSES.c.change_number,
        )
        .select_from(
            SPANS.join(
                ITEM, and_(ITEM.c.project_id == SPANS.c.project_id, ITEM.c.number == SPANS.c.item_number)
            ).outerjoin(CAUSES, _CAUSED)
        )
        .where(SPANS.c.project_id == scope.project_id, SPANS.c.item_number.in_(touched))
        .order_by(SPANS.c.item_number, SPANS.c.valid_from)
    )
    lives: dict[int, list[Any]] = {}
    for row in await db.execute(statement):
        lives.setdefault(row.item_number, []).append(row)
    lens = chart.Lens((kind, line.id if line else None), unit, scope.zone, scope.is_staff)
    found = [
        _named(scope, cause, rows)
        for number, rows in lives.items()
        for cause in chart.step_causes(number, [span_of(row) for row in rows], lens, first, last)
    ]
    found.sort(key=lambda named: (named.cause.day, named.cause.number), reverse=True)
    return found[:MOST_CAUSES], len(found) > MOST_CAUSES or len(lives) >= MOST_CAUSES


def _touched(scope: Scope, kind: SeriesKind, line: PlanLine | None, first: date, last: date) -> Any:
    """The numbers of the items that changed last within the days of the steps."""
    start = clock.start_of_day(first, scope.zone)
    end = clock.start_of_day(last + timedelta(days=1), scope.zone)
    statement = select(ItemSpan.item_number).where(
        ItemSpan.project_id == scope.project_id, ItemSpan.valid_from >= start, ItemSpan.valid_from < end
    )
    if line is not None:
        column = ItemSpan.iteration_id if kind is SeriesKind.ITERATION else ItemSpan.milestone_id
        members = select(ItemSpan.item_number).where(ItemSpan.project_id == scope.project_id, column == line.id)
        statement = statement.where(ItemSpan.item_number.in_(members))
    if not scope.is_staff:
        statement = statement.where(ItemSpan.audience == Audience.CLIENT)
    latest = statement.order_by(ItemSpan.valid_from.desc(), ItemSpan.item_number).limit(MOST_CAUSES)
    return select(latest.subquery().c.item_number)


def _change_behind(scope: Scope, cause: chart.Cause, rows: Sequence[Any]) -> int | None:
    """The change request that made an item move on that day: what was new was new by its first moment's alone."""
    moments = rows[:1] if cause.why is chart.Why.CREATED else rows
    why = [one.change_number for one in moments if day_in(one.valid_from, scope.zone) == cause.day]
    return next((number for number in reversed(why) if number), None)


def _named(scope: Scope, cause: chart.Cause, rows: Sequence[Any]) -> NamedCause:
    row = rows[0]
    change_request = _change_behind(scope, cause, rows)
    if scope.is_staff or (row.item_audience == Audience.CLIENT and not row.deleted):
        return NamedCause(cause, cause.number, row.title, change_request)
    return NamedCause(cause, None, None, change_request)
