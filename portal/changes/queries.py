"""Reads of change requests. What is said of money is read for those alone who may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, null, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.changes import pricing, workflow
from portal.changes.kept import days_of, line_of
from portal.changes.models import ChangeAlternative, ChangeLine, ChangeRequest, ChangeState, Contract, Period
from portal.changes.pricing import Line, Sums
from portal.errors import NotFound
from portal.people.models import Person
from portal.projects import queries as plan


@dataclass(frozen=True, slots=True)
class Price:
    """What an alternative costs."""

    free: bool
    lines: Sequence[Line]
    sums: Sums
    period: Period | None = None
    """What it is for each time, where a retainer would be amended."""


@dataclass(frozen=True, slots=True)
class Option:
    """An alternative as its reader may see it: `price` is None for whoever may not see money."""

    key: str
    title: str
    days: Decimal | None
    quality: str
    milestones: Sequence[tuple[int, str, date]]
    """Number, name and newly agreed day."""
    items_added: Sequence[dict[str, Any]]
    items_changed: Sequence[dict[str, Any]]
    price: Price | None
    names: Mapping[int, str] = field(default_factory=dict)
    """Of the project's milestones."""

    @property
    def shown_added(self) -> list[dict[str, Any]]:
        """`items_added` as readers see them: beside a milestone's number stands its name."""
        return [self._named(one) for one in self.items_added]

    @property
    def shown_changed(self) -> list[dict[str, Any]]:
        """`items_changed` likewise."""
        return [one | {"fields": self._named(one["fields"])} for one in self.items_changed]

    def _named(self, fields: dict[str, Any]) -> dict[str, Any]:
        number = fields.get("milestone")
        return fields if number is None else fields | {"milestone_name": self.names.get(number, "")}


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change request in a list. `by` is None for a name that the project hides."""

    request: ChangeRequest
    by: str | None


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change request with its alternatives, as far as its reader may see them."""

    request: ChangeRequest
    by: str | None
    options: Sequence[Option]
    also: Any = None
    """The value of the column that was asked for beside."""


async def change(db: AsyncSession, scope: Scope, number: int) -> ChangeRequest:
    """One change request. Raises NotFound."""
    mine = (ChangeRequest.project_id == scope.project_id, ChangeRequest.number == number)
    found = await db.scalar(select(ChangeRequest).where(*mine)) if 0 < number <= plan.MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no change request {number} in this project.")
    return found


def stands(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """Which change requests are offered and can still be accepted: after its last day an offer stands no more."""
    return (
        ChangeRequest.project_id == scope.project_id,
        ChangeRequest.state == ChangeState.OFFERED,
        ChangeRequest.valid_until >= scope.today,
    )


async def changes(
    db: AsyncSession, scope: Scope, *, state: ChangeState | None = None, before: int | None = None, limit: int = 50
) -> list[ChangeRow]:
    """The change requests, the newest first; the next page is before the last one's number."""
    statement = (
        select(ChangeRequest, Person.name)
        .outerjoin(Person, Person.id == ChangeRequest.raised_by_person)
        .where(ChangeRequest.project_id == scope.project_id)
        .order_by(ChangeRequest.number.desc())
        .limit(limit)
    )
    if state is not None:
        statement = statement.where(ChangeRequest.state == state)
    if before is not None:
        statement = statement.where(ChangeRequest.number < before)
    return [ChangeRow(row, _by(scope, row, name)) for row, name in await db.execute(statement)]


def _by(scope: Scope, row: ChangeRequest, name: str | None) -> str | None:
    hides = not scope.is_staff and not row.by_client and scope.project.show_staff != "name"
    return None if hides else name


def shows_offer(scope: Scope, row: ChangeRequest) -> bool:
    """Whether this viewer sees the alternatives: the client only those that it was offered, never a draft."""
    return scope.is_staff or row.state in workflow.SHOWS_OFFER


async def change_view(
    db: AsyncSession, scope: Scope, number: int, also: ColumnElement[Any] | None = None
) -> ChangeView:  # fmt: skip
    """One change request whole, in three statements. Raises NotFound.

    `also` is a column of its own that the page needs too, such as `traceability.links_column`.
    """
    mine = (ChangeRequest.project_id == scope.project_id, ChangeRequest.number == number)
    joined = and_(
        ChangeAlternative.project_id == ChangeRequest.project_id,
        ChangeAlternative.change_number == ChangeRequest.number,
    )
    statement = (
        select(ChangeRequest, Person.name, ChangeAlternative, null() if also is None else also)
        .outerjoin(Person, Person.id == ChangeRequest.raised_by_person)
        .outerjoin(ChangeAlternative, joined)
        .where(*mine)
        .order_by(ChangeAlternative.key)
    )
    rows = (await db.execute(statement)).all() if 0 < number <= plan.MOST_NUMBER else []
    if not rows:
        raise NotFound(f"There is no change request {number} in this project.")
    request, name, _, besides = rows[0]
    shown = [row[2] for row in rows if row[2] is not None] if shows_offer(scope, request) else []
    return ChangeView(request, _by(scope, request, name), await _options(db, scope, number, shown), besides)


async def options(db: AsyncSession, scope: Scope, number: int) -> list[Option]:
    """The alternatives of a change request, drafts too: for commands, which have checked who asks."""
    mine = (ChangeAlternative.project_id == scope.project_id, ChangeAlternative.change_number == number)
    rows = await db.scalars(select(ChangeAlternative).where(*mine).order_by(ChangeAlternative.key))
    return await _options(db, scope, number, rows.all())


async def _options(
    db: AsyncSession, scope: Scope, number: int, alternatives: Sequence[ChangeAlternative]
) -> list[Option]:  # fmt: skip
    if not alternatives:
        return []
    prices = await _prices(db, scope, number, alternatives) if scope.sees_money else {}
    named = {one.number: one.name for one in await plan.milestones(db, scope)}
    return [
        Option(
            key=one.key,
            title=one.title,
            days=one.days,
            quality=one.quality,
            milestones=[(at, named.get(at, ""), day) for at, day in days_of(one.milestones).items()],
            items_added=one.items_added,
            items_changed=one.items_changed,
            price=prices.get(one.key),
            names=named,
        )
        for one in alternatives
    ]


async def _prices(
    db: AsyncSession, scope: Scope, number: int, alternatives: Sequence[ChangeAlternative]
) -> dict[str, Price]:
    """What each alternative costs, by its key."""
    mine = (ChangeLine.project_id == scope.project_id, ChangeLine.change_number == number)
    statement = (
        select(ChangeLine, Contract.period)
        .outerjoin(Contract, Contract.project_id == scope.project_id)
        .where(*mine)
        .order_by(ChangeLine.key, ChangeLine.position)
    )
    rows = (await db.execute(statement)).all()
    period = rows[0].period if rows else None
    lines: dict[str, list[Line]] = {one.key: [] for one in alternatives}
    for row, _ in rows:
        lines[row.key].append(line_of(row, alternatives[0].currency))
    return {
        one.key: Price(one.free, lines[one.key], pricing.sums(lines[one.key], one.currency), period)
        for one in alternatives
    }
