"""One item whole, in one statement, as far as the scope may know it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.backlog.models import Item, Status
from portal.backlog.queries import LINE, ItemLine, line_of, lines
from portal.errors import NotFound
from portal.ledger.models import Audience
from portal.projects.models import Iteration, Milestone

MOST_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ItemDetail:
    """An item with the names of what it refers to and its texts."""

    line: ItemLine
    description: str
    acceptance_criteria: str
    parent_number: int | None
    iteration_number: int | None
    milestone_number: int | None
    blocked_since: datetime | None
    created_at: datetime


async def detail(db: AsyncSession, scope: Scope, number: int) -> ItemDetail:
    """One item. Raises NotFound, alike for internal, removed and unused numbers."""
    statement = lines(scope).add_columns(
        Item.description, Item.acceptance_criteria, Item.parent_number, Iteration.number, Milestone.number,
        Item.blocked_since, Item.created_at,
    )  # fmt: skip
    row = (await db.execute(statement.where(Item.number == number))).first() if 0 < number <= MOST_NUMBER else None
    if row is None:
        raise NotFound(f"There is no item {number} in this project.")
    return ItemDetail(line_of(scope, row[: len(LINE)]), *row[len(LINE) :])


@dataclass(frozen=True, slots=True)
class AudienceCounts:
    """How many items in the backlog the client can see, and how many are internal."""

    client: int
    internal: int


async def audience_counts(db: AsyncSession, scope: Scope) -> AudienceCounts:
    """The maintained counters of both audiences, for staff. Raises NotAllowed."""
    scope.viewer.require_staff()
    statement = select(func.sum(Status.client_items), func.sum(Status.internal_items))
    client, internal = (await db.execute(statement.where(Status.project_id == scope.project_id))).one()
    return AudienceCounts(int(client or 0), int(internal or 0))


async def internal_items(db: AsyncSession, scope: Scope, *, limit: int = 50) -> list[ItemLine]:
    """The first items that the client does not see, for staff. Raises NotAllowed."""
    scope.viewer.require_staff()
    statement = lines(scope).where(Item.audience == Audience.INTERNAL).order_by(Item.position, Item.number)
    return [line_of(scope, row) for row in await db.execute(statement.limit(limit))]
