"""What the backlog is divided by, columns, iterations and milestones, in one statement for a whole page."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CompoundSelect, Date, literal, select, union_all
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
    mine = scope.project_id
    count = Status.client_items + Status.internal_items if scope.is_staff else Status.client_items
    day, moment = literal(None, Date()), literal(None, UtcDateTime())
    no_category = literal(None, Status.category.type)
    statement: CompoundSelect[Any] = union_all(
        select(
            literal("status"), Status.id, Status.position, Status.name, Status.category, count,
            day, day, moment, day, day, day, day,
        ).where(Status.project_id == mine),
        select(
            literal("iteration"), Iteration.id, Iteration.number, Iteration.name, no_category, literal(0),
            Iteration.starts_on, Iteration.ends_on, Iteration.closed_at, day, day, day, day,
        ).where(Iteration.project_id == mine),
        select(
            literal("milestone"), Milestone.id, Milestone.number, Milestone.name, no_category, literal(0),
            day, day, moment, Milestone.promised_on, Milestone.agreed_on, Milestone.expected_on, Milestone.done_on,
        ).where(Milestone.project_id == mine),
    )  # fmt: skip
    lines = [PlanLine(*row) for row in await db.execute(statement)]
    iterations = (line for line in lines if line.kind == "iteration")
    return PlanLines(
        _by_number(line for line in lines if line.kind == "status"),
        tuple(sorted(iterations, key=lambda line: (line.starts_on or date.max, line.number), reverse=True)),
        _by_number(line for line in lines if line.kind == "milestone"),
    )


def _by_number(lines: Any) -> tuple[PlanLine, ...]:
    return tuple(sorted(lines, key=lambda line: line.number))
