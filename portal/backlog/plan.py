"""What an item's references mean: board columns, iterations and milestones of one project, by what people call them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.backlog.models import Category, Item, Status
from portal.diff import plain
from portal.errors import Invalid
from portal.ledger.models import Audience
from portal.projects.models import Iteration, Milestone

DEFAULT_STATUSES = (("To do", Category.TODO), ("In progress", Category.DOING), ("Done", Category.DONE))


@dataclass(frozen=True, slots=True)
class Plan:
    """The things of a project that items refer to, each by its id."""

    statuses: dict[UUID, Status]
    iterations: dict[UUID, Iteration]
    milestones: dict[UUID, Milestone]

    def status_named(self, name: str) -> Status:
        """The board column of this name. Raises Invalid that lists the names there are."""
        for status in self.statuses.values():
            if status.name == name:
                return status
        names = ", ".join(s.name for s in sorted(self.statuses.values(), key=lambda s: s.position))
        raise Invalid(f"There is no status {name!r}. There are: {names}.", field="status", value=name)

    def first_status(self) -> Status:
        """Where a new item stands: the first column for things to do."""
        return min(self.statuses.values(), key=lambda status: (status.category is not Category.TODO, status.position))

    def iteration_id(self, number: int | None) -> UUID | None:
        """The id of the iteration with this number; None for none. Raises Invalid."""
        return _id_of(self.iterations.values(), number, "iteration")

    def milestone_id(self, number: int | None) -> UUID | None:
        """The id of the milestone with this number; None for none. Raises Invalid."""
        return _id_of(self.milestones.values(), number, "milestone")


def _id_of(rows: Any, number: int | None, field: str) -> UUID | None:
    if number is None:
        return None
    for row in rows:
        if row.number == number:
            found: UUID = row.id
            return found
    raise Invalid(f"There is no {field} {number} in this project.", field=field, value=number)


async def load(db: AsyncSession, scope: Scope) -> Plan:
    """The project's columns, iterations and milestones; a project without columns gets the usual three first."""
    statuses = await _rows(db, Status, scope)
    if not statuses:
        statuses = await _open_board(db, scope)
    return Plan(statuses, await _rows(db, Iteration, scope), await _rows(db, Milestone, scope))


async def _rows(db: AsyncSession, model: Any, scope: Scope) -> dict[UUID, Any]:
    rows = (await db.scalars(select(model).where(model.project_id == scope.project_id))).all()
    return {row.id: row for row in rows}


async def _open_board(db: AsyncSession, scope: Scope) -> dict[UUID, Status]:
    statuses = [
        Status(
            id=uuid4(), project_id=scope.project_id, name=name, category=category, position=position,
            client_items=0, internal_items=0,
        )
        for position, (name, category) in enumerate(DEFAULT_STATUSES, start=1)
    ]  # fmt: skip
    db.add_all(statuses)
    await db.flush()
    return {status.id: status for status in statuses}


SHOWN = (
    "type",
    "title",
    "description",
    "acceptance_criteria",
    "priority",
    "position",
    "points",
    "hours",
    "labels",
    "audience",
    "parent_number",
    "external_key",
    "external_url",
    "blocked_reason",
    "blocked_on",
)
"""The fields of an item that its history tells of. A new field is closed until it is listed here."""
AMONG_STAFF = ("parent_number",)
"""Those that no event for the client tells: the number of what an item is part of says that this exists."""


def snapshot(item: Item, plan: Plan) -> dict[str, Any]:
    """An item as its events tell of it: people's words and numbers, no ids but the assignee's opaque one."""
    told = {field: plain(getattr(item, field)) for field in SHOWN}
    status = plan.statuses[item.status_id]
    iteration = plan.iterations.get(item.iteration_id) if item.iteration_id else None
    milestone = plan.milestones.get(item.milestone_id) if item.milestone_id else None
    return told | {
        "status": status.name,
        "category": status.category.value,
        "iteration": iteration.number if iteration else None,
        "milestone": milestone.number if milestone else None,
        "assignee": f"contributor:{item.assignee_id}" if item.assignee_id else None,
    }


def told_to(audience: Audience, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those of an item's fields that an event for this audience tells."""
    return {name: value for name, value in fields.items() if audience is Audience.INTERNAL or name not in AMONG_STAFF}


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """{field: [before, after]} of the fields in which two snapshots differ."""
    return {field: [before[field], after[field]] for field in after if before[field] != after[field]}
