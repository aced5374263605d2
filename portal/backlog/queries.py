"""Reads of the backlog. Every one starts from what its scope may know exists."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.backlog import search
from portal.backlog.models import Category, Contributor, Item, ItemLabel, ItemType, Status
from portal.backlog.planlines import PlanLine
from portal.errors import NotFound
from portal.ledger.models import Audience
from portal.projects.models import Iteration, Milestone

AGENCY = "~agency"
"""Stands for a name of the agency's that this viewer may not read; pages say it in their language."""


def visible(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which this scope may know of an item that is in the backlog."""
    everybody = (Item.project_id == scope.project_id, Item.deleted.is_(False))
    return everybody if scope.is_staff else (*everybody, Item.audience == Audience.CLIENT)


async def item(db: AsyncSession, scope: Scope, number: int, *, removed: bool | None = False) -> Item:
    """One item. `removed=None` finds removed ones too, for staff. Raises NotFound, alike for internal and unused."""
    conditions = visible(scope) if removed is False or not scope.is_staff else (Item.project_id == scope.project_id,)
    found = await db.scalar(select(Item).where(*conditions, Item.number == number)) if number < 2**31 else None
    if found is None:
        raise NotFound(f"There is no item {number} in this project.")
    return found


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list of items is narrowed to; every given part must hold. Names and numbers as people know them."""

    status: str | None = None
    type: ItemType | None = None
    iteration: int | None = None
    milestone: int | None = None
    label: str | None = None
    text: str | None = None
    waiting_on: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is narrowed."""
        return self == Filter()


@dataclass(frozen=True, slots=True)
class ItemLine:
    """An item in a list, with the names of what it refers to."""

    number: int
    type: ItemType
    title: str
    priority: str
    position: int
    points: Decimal | None
    hours: Decimal | None
    status: str
    category: Category
    iteration: str | None
    milestone: str | None
    assignee: str | None
    labels: tuple[str, ...]
    audience: Audience
    external_key: str | None
    external_url: str | None
    blocked_reason: str | None
    blocked_on: str | None
    done_at: datetime | None
    updated_at: datetime
    seq: int


ITEM, STATUS, ITERATION, MILESTONE, CONTRIBUTOR = (
    cast(Table, model.__table__) for model in (Item, Status, Iteration, Milestone, Contributor)
)

LINE: tuple[Any, ...] = (
    ITEM.c.number, ITEM.c.type, ITEM.c.title, ITEM.c.priority, ITEM.c.position, ITEM.c.points, ITEM.c.hours,
    STATUS.c.name.label("status"), STATUS.c.category, ITERATION.c.name.label("iteration"),
    MILESTONE.c.name.label("milestone"), CONTRIBUTOR.c.name.label("assignee"), ITEM.c.labels, ITEM.c.audience,
    ITEM.c.external_key, ITEM.c.external_url, ITEM.c.blocked_reason, ITEM.c.blocked_on, ITEM.c.done_at,
    ITEM.c.updated_at, ITEM.c.seq,
)  # fmt: skip


def lines(scope: Scope) -> Select[Any]:
    """The statement that lists visible items with their names, without order or bound.

    Of tables rather than models: lists need no objects. Made once for each side and scoped by a parameter.
    """
    return _lines(scope.is_staff).params(project=scope.project_id)


@cache
def _lines(staff: bool) -> Select[Any]:
    mine = bindparam("project", type_=ITEM.c.project_id.type)

    def named(other: Table, reference: Any) -> ColumnElement[bool]:
        return and_(other.c.id == reference, other.c.project_id == ITEM.c.project_id)

    return (
        select(*LINE)
        .select_from(
            ITEM.join(STATUS, named(STATUS, ITEM.c.status_id))
            .outerjoin(ITERATION, named(ITERATION, ITEM.c.iteration_id))
            .outerjoin(MILESTONE, named(MILESTONE, ITEM.c.milestone_id))
            .outerjoin(CONTRIBUTOR, named(CONTRIBUTOR, ITEM.c.assignee_id))
        )
        .where(
            ITEM.c.project_id == mine,
            ITEM.c.deleted.is_(False),
            *(() if staff else (ITEM.c.audience == Audience.CLIENT,)),
        )
    )


@cache
def _page(staff: bool, goes_on: bool) -> Select[Any]:
    """A page of the whole backlog, by far the most frequent list."""
    statement = _lines(staff)
    if goes_on:
        mark = tuple_(bindparam("position", type_=ITEM.c.position.type), bindparam("number", type_=ITEM.c.number.type))
        statement = statement.where(tuple_(ITEM.c.position, ITEM.c.number) > mark)
    return statement.order_by(ITEM.c.position, ITEM.c.number).limit(bindparam("most", type_=Integer()))


_ASSIGNEE, _LABELS = (ItemLine.__slots__.index(name) for name in ("assignee", "labels"))


def line_of(scope: Scope, row: Any) -> ItemLine:
    """A row of `lines` as this scope may read it."""
    values = list(row)
    values[_ASSIGNEE] = shown_name(scope, values[_ASSIGNEE])
    values[_LABELS] = tuple(values[_LABELS])
    return ItemLine(*values)


def shown_name(scope: Scope, name: str | None) -> str | None:
    """The name of somebody of the agency as the project's setting lets this viewer read it."""
    if name is None or scope.is_staff or scope.project.show_staff == "name":
        return name
    return AGENCY if scope.project.show_staff == "role" else None


async def items(
    db: AsyncSession, scope: Scope, wanted: Filter, *, after: tuple[int, int] | None = None, limit: int = 50
) -> list[ItemLine]:
    """A page of the backlog in its order. `after` is (position, number) of the last line of the page before."""
    if wanted.is_empty:
        mark = {"position": after[0], "number": after[1]} if after else {}
        whole = {"project": scope.project_id, "most": limit, **mark}
        return [line_of(scope, row) for row in await db.execute(_page(scope.is_staff, bool(after)), whole)]
    statement = lines(scope).where(*conditions(scope, wanted, db.get_bind().dialect.name))
    if after is not None:
        statement = statement.where(tuple_(Item.position, Item.number) > tuple_(*map(literal, after)))
    rows = await db.execute(statement.order_by(Item.position, Item.number).limit(limit))
    return [line_of(scope, row) for row in rows]


def conditions(scope: Scope, wanted: Filter, dialect: str) -> list[ColumnElement[bool]]:
    """What a filter asks of an item, as SQL."""
    asked: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        asked.append(_named(Status.id, Item.status_id, Status, Status.name == wanted.status, scope))
    if wanted.type is not None:
        asked.append(Item.type == wanted.type)
    if wanted.iteration is not None:
        asked.append(_named(Iteration.id, Item.iteration_id, Iteration, Iteration.number == wanted.iteration, scope))
    if wanted.milestone is not None:
        asked.append(_named(Milestone.id, Item.milestone_id, Milestone, Milestone.number == wanted.milestone, scope))
    if wanted.waiting_on is not None:
        asked.append(Item.blocked_on == wanted.waiting_on)
    if wanted.label is not None:
        asked.append(
            exists().where(
                ItemLabel.project_id == scope.project_id,
                ItemLabel.label == wanted.label,
                ItemLabel.item_number == Item.number,
            )
        )
    if wanted.text:
        found = search.matches(dialect, scope.project_id, wanted.text)
        if found is not None:
            asked.append(found)
    return asked


def _named(key: Any, reference: Any, model: Any, is_it: ColumnElement[bool], scope: Scope) -> ColumnElement[bool]:
    wanted = select(key).where(model.project_id == scope.project_id, is_it).scalar_subquery()
    narrowed: ColumnElement[bool] = reference == wanted
    return narrowed


async def board(
    db: AsyncSession, scope: Scope, statuses: Iterable[PlanLine], *, iteration: UUID | None = None, each: int = 20
) -> dict[UUID, list[ItemLine]]:
    """The first items of each column, in one statement."""
    parts = []
    columns = list(statuses)
    for column in columns:
        part = lines(scope).add_columns(Item.status_id).where(Item.status_id == column.id)
        if iteration is not None:
            part = part.where(Item.iteration_id == iteration)
        parts.append(select(part.order_by(Item.position, Item.number).limit(each).subquery()))
    found: dict[UUID, list[ItemLine]] = {column.id: [] for column in columns}
    if parts:
        for *row, status_id in await db.execute(union_all(*parts)):
            found[status_id].append(line_of(scope, row))
    return found


@dataclass(frozen=True, slots=True)
class Overview:
    """What the front page says of the backlog."""

    done: list[ItemLine]
    following: list[ItemLine]
    doing: list[ItemLine]
    waiting_for_client: list[ItemLine]


async def overview(db: AsyncSession, scope: Scope, statuses: Sequence[PlanLine], *, each: int = 5) -> Overview:
    """The last items done, those in progress, the next to do and those that wait for the client, in one statement."""

    def in_category(*wanted: Category) -> list[UUID]:
        return [line.id for line in statuses if line.category in wanted]

    parts = {
        "done": lines(scope).where(Item.done_at.is_not(None)).order_by(Item.done_at.desc(), Item.number.desc()),
        "waiting": lines(scope).where(Item.blocked_on == "client").order_by(Item.position, Item.number),
    }
    for line in statuses:
        if line.category in (Category.TODO, Category.DOING):
            part = lines(scope).where(Item.status_id == line.id)
            parts[f"{line.category}:{line.number}"] = part.order_by(Item.position, Item.number)
    statement = union_all(*(select(literal(name), part.limit(each).subquery()) for name, part in parts.items()))
    found: dict[str, list[ItemLine]] = {}
    for name, *row in await db.execute(statement):
        found.setdefault(name.partition(":")[0], []).append(line_of(scope, row))
    order = sorted(found.get("todo", []), key=lambda line: (line.position, line.number))
    doing = sorted(found.get("doing", []), key=lambda line: (line.position, line.number))
    return Overview(found.get("done", []), order[:each], doing[:each], found.get("waiting", []))


async def labels(db: AsyncSession, scope: Scope, *, limit: int = 200) -> list[str]:
    """The labels in use on items that this scope may see."""
    statement = select(ItemLabel.label).distinct().where(ItemLabel.project_id == scope.project_id)
    if not scope.is_staff:
        mine = select(Item.number).where(*visible(scope), Item.number == ItemLabel.item_number)
        statement = statement.where(mine.exists())
    return list((await db.scalars(statement.order_by(ItemLabel.label).limit(limit))).all())


async def contributors(db: AsyncSession, scope: Scope) -> Sequence[Contributor]:
    """Everybody that items of this project can be assigned to."""
    statement = select(Contributor).where(Contributor.project_id == scope.project_id)
    return (await db.scalars(statement.order_by(Contributor.name, Contributor.id).limit(1000))).all()
