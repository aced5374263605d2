"""What the backlog is divided by, columns, iterations and milestones, in one statement for a whole page."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CompoundSelect, Date, Table, bindparam, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.backlog.models import Category, SeriesKind, Status
from portal.db import UtcDateTime
from portal.errors import NotFound
from portal.projects.models import Iteration, Milestone


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A column, an iteration or a milestone; dates that the kind does not have are None.

    `number` is a column's position. `items` counts a column's items that the viewer may see.
    """

    kind: str
    id: UUID
    number: int
    name: str
    category: Category | None
    items: int
    starts_on: date | None
    ends_on: date | None
    closed_at: datetime | None
    promised_on: date | None
    agreed_on: date | None
    expected_on: date | None
    done_on: date | None

    @property
    def due_on(self) -> date | None:
        """The day by which it should be reached: expected, else agreed, else promised; an iteration's last day."""
        return self.ends_on or self.expected_on or self.agreed_on or self.promised_on


@dataclass(frozen=True, slots=True)
class PlanLines:
    """All that a backlog is divided by, in order: columns from left, iterations newest first, milestones by number."""

    statuses: tuple[PlanLine, ...]
    iterations: tuple[PlanLine, ...]
    milestones: tuple[PlanLine, ...]

    def numbered(self, kind: SeriesKind, number: int) -> PlanLine:
        """The iteration or milestone with this number. Raises NotFound."""
        for line in self.iterations if kind is SeriesKind.ITERATION else self.milestones:
            if line.number == number:
                return line
        raise NotFound(f"There is no {kind} {number} in this project.")

    def current_iteration(self, today: date) -> PlanLine | None:
        """The iteration that runs today, the one that ends first; None between iterations."""
        running = [
            line
            for line in self.iterations
            if not line.closed_at and line.starts_on and line.ends_on and line.starts_on <= today <= line.ends_on
        ]
        return min(running, key=lambda line: (line.ends_on, line.number), default=None)


async def plan_lines(db: AsyncSession, scope: Scope) -> PlanLines:
    """Columns with their counts, iterations and milestones of the scope's project, in one statement."""
    rows = await db.execute(_statement(scope.is_staff), {"project": scope.project_id})
    lines = [PlanLine(*row) for row in rows]
    iterations = (line for line in lines if line.kind == "iteration")
    return PlanLines(
        _by_number(line for line in lines if line.kind == "status"),
        tuple(sorted(iterations, key=lambda line: (line.starts_on or date.max, line.number), reverse=True)),
        _by_number(line for line in lines if line.kind == "milestone"),
    )


@cache
def _statement(staff: bool) -> CompoundSelect[Any]:
    """Made once for each side: building it costs more than running it."""
    status, iteration, milestone = (cast(Table, model.__table__) for model in (Status, Iteration, Milestone))
    mine = bindparam("project", type_=status.c.project_id.type)
    count = status.c.client_items + status.c.internal_items if staff else status.c.client_items
    day, moment = literal(None, Date()), literal(None, UtcDateTime())
    no_category = literal(None, status.c.category.type)
    return union_all(
        select(
            literal("status"), status.c.id, status.c.position, status.c.name, status.c.category, count,
            day, day, moment, day, day, day, day,
        ).where(status.c.project_id == mine),
        select(
            literal("iteration"), iteration.c.id, iteration.c.number, iteration.c.name, no_category, literal(0),
            iteration.c.starts_on, iteration.c.ends_on, iteration.c.closed_at, day, day, day, day,
        ).where(iteration.c.project_id == mine),
        select(
            literal("milestone"), milestone.c.id, milestone.c.number, milestone.c.name, no_category, literal(0),
            day, day, moment, milestone.c.promised_on, milestone.c.agreed_on, milestone.c.expected_on,
            milestone.c.done_on,
        ).where(milestone.c.project_id == mine),
    )  # fmt: skip


def _by_number(lines: Any) -> tuple[PlanLine, ...]:
    return tuple(sorted(lines, key=lambda line: line.number))
