"""Links between the rooms' things with their titles: a viewer sees those of which they may know both ends.

The trace itself knows numbers alone, so this is the only place that joins it with what the numbers stand for. A link to
something internal is no link for the client: in no list, no count, and no list of what lacks links.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    type_coerce,
    union,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance.models import PlanState, TestCase, TestPlan
from portal.acceptance.queries import shown_version
from portal.acceptance.queries import visible as visible_plans
from portal.access import Scope
from portal.backlog.models import Category, Item, ItemType, Status
from portal.backlog.queries import visible as visible_items
from portal.changes.models import ChangeRequest
from portal.decisions.models import Decision, DecisionKind
from portal.designs import queries as designs
from portal.designs.models import Design
from portal.errors import Invalid, NotFound
from portal.ledger.models import Audience
from portal.projects.queries import MOST_NUMBER
from portal.requirements import queries as requirements
from portal.trace import commands as trace
from portal.trace.models import Trace, TraceKind
from portal.trace.queries import as_column, between, sides
from portal.trace.rules import End, audience_of, pair, version_of

MOST_ORPHANS = 100


@dataclass(frozen=True, slots=True)
class Link:
    """The far end of a link. `state` is how it stands, in its own room's words; `version` that of a design which was
    meant, None for the design as it goes on.
    """

    kind: TraceKind
    number: int
    title: str
    state: str
    version: int | None = None


def _items(scope: Scope) -> Select[Any]:
    columns: tuple[Any, ...] = (
        Item.number.label("number"), Item.title.label("title"), type_coerce(Status.category, String).label("state"),
        Item.audience.label("audience"),
    )  # fmt: skip
    status = (Status.project_id == Item.project_id) & (Status.id == Item.status_id)
    return select(*columns).select_from(Item).join(Status, status).where(*visible_items(scope))


def _designs(scope: Scope) -> Select[Any]:
    columns: tuple[Any, ...] = (
        Design.number.label("number"), Design.title.label("title"), _answer_to_design().label("state"),
        Design.audience.label("audience"),
    )  # fmt: skip
    return select(*columns).where(Design.project_id == scope.project_id, Design.audience.in_(scope.audiences))


def _answer_to_design() -> Any:
    """What came of the last question about a design, or that it is open; nothing before the first."""
    return (
        select(func.coalesce(type_coerce(Decision.outcome, String), type_coerce(Decision.state, String)))
        .where(
            Decision.project_id == Design.project_id,
            Decision.kind == DecisionKind.DESIGN,
            Decision.subject_number == Design.number,
        )
        .order_by(Decision.number.desc())
        .limit(1)
        .correlate(Design)
        .scalar_subquery()
    )


def _changes(scope: Scope) -> Select[Any]:
    """Change requests, which all members of a project see; their prices are elsewhere."""
    columns: tuple[Any, ...] = (
        ChangeRequest.number.label("number"), ChangeRequest.title.label("title"),
        type_coerce(ChangeRequest.state, String).label("state"),
        literal(Audience.CLIENT.value, type_=String()).label("audience"),
    )  # fmt: skip
    return select(*columns).where(ChangeRequest.project_id == scope.project_id)


def _plans(scope: Scope) -> Select[Any]:
    """Test plans: to the client, those that were offered."""
    is_offered = TestPlan.offered_version.is_not(None)
    columns: tuple[Any, ...] = (
        TestPlan.number.label("number"), TestPlan.title.label("title"),
        case((is_offered, PlanState.OFFERED.value), else_=PlanState.DRAFT.value).label("state"),
        case((is_offered, Audience.CLIENT.value), else_=Audience.INTERNAL.value).label("audience"),
    )  # fmt: skip
    return select(*columns).where(*visible_plans(scope))


ENDS: Mapping[TraceKind, Callable[[Scope], Select[Any]]] = {
    TraceKind.REQUIREMENT: requirements.ends,
    TraceKind.DESIGN: _designs,
    TraceKind.ITEM: _items,
    TraceKind.CHANGE_REQUEST: _changes,
    TraceKind.TEST_PLAN: _plans,
}
"""Of each kind, the things that a scope may know: number, title, state, audience."""


def links_statement(scope: Scope, kind: TraceKind, numbers: Sequence[int]) -> Select[Any]:
    """What is linked with these things of one kind, as far as the scope may know it; `link_of` reads its rows.

    A requirement or an item is linked with the test plans whose cases name it, too. Columns: `near` (the number of one
    of these things), `what` (the far end's kind, state and version), `number`, `title`. A page can ask for them within
    a statement that it makes anyway, once for each kind.
    """
    found = _links(kind, scope.is_staff, scope.audiences)
    return found.params({"project": scope.project_id, f"{kind.value}_numbers": list(numbers)})


@dataclass(frozen=True, slots=True)
class _Anybody:
    """Stands for every scope of one side, whichever its project: what is made with it is kept."""

    is_staff: bool
    audiences: tuple[Audience, ...]
    project_id: Any


@cache
def _links(kind: TraceKind, is_staff: bool, audiences: tuple[Audience, ...]) -> Select[Any]:
    """Made once for each side: to put it together takes longer than to run it."""
    anybody = cast(Scope, _Anybody(is_staff, audiences, bindparam("project", type_=Uuid())))
    numbers: BindParameter[Any] = bindparam(f"{kind.value}_numbers", expanding=True)
    links = [_linked(anybody, kind, far, numbers) for far in ENDS if far is not kind]
    tested = [_tested(anybody, TESTED[kind], numbers)] if kind in TESTED else []
    found = union(*links, *tested).subquery()
    return select(found.c.near, found.c.what, found.c.number, found.c.title)


def _linked(scope: Scope, near: TraceKind, far: TraceKind, numbers: Any) -> Select[Any]:
    there = ENDS[far](scope)
    near_number, far_number = sides(near, far)
    is_linked = and_(far_number == there.selected_columns.number, near_number.in_(numbers), *between(scope, near, far))
    what = literal(f"{far.value} ") + func.coalesce(there.selected_columns.state, "")
    if far is TraceKind.DESIGN:
        what += literal(" ") + func.coalesce(sql_cast(Trace.design_version, String), "")
    return there.join(Trace, is_linked).with_only_columns(
        near_number.label("near"), what.label("what"), there.selected_columns.number, there.selected_columns.title
    )


TESTED: Mapping[TraceKind, Any] = {
    TraceKind.REQUIREMENT: TestCase.requirement_number,
    TraceKind.ITEM: TestCase.item_number,
}
"""What a test case names as that which it tests."""


def _tested(scope: Scope, named: Any, numbers: Any) -> Select[Any]:
    """The plans of which a case names one of these things, in the version that the scope sees."""
    there = _plans(scope)
    columns = there.selected_columns
    case_of_plan = and_(
        TestCase.project_id == scope.project_id,
        named.in_(numbers),
        TestCase.plan_number == TestPlan.number,
        TestCase.version == shown_version(scope),
    )
    what = literal(f"{TraceKind.TEST_PLAN.value} ") + columns.state
    return there.join(TestCase, case_of_plan).with_only_columns(
        named.label("near"), what.label("what"), columns.number, columns.title
    )


def links_column(scope: Scope, kind: TraceKind, number: int) -> ColumnElement[str]:
    """The links of one thing as a column of another statement; `links_from` reads its value."""
    found = links_statement(scope, kind, [number]).subquery()
    return as_column(select(found.c.what, found.c.number, found.c.title))


def links_from(text: str | None) -> list[Link]:
    """The links in the value of a `links_column`."""
    return in_order(link_of(*row) for row in json.loads(text or "[]"))


def link_of(what: str, number: int, title: str) -> Link:
    """A row of `links_statement` as a link."""
    kind, _, rest = what.partition(" ")
    state, _, version = rest.partition(" ")
    return Link(TraceKind(kind), number, title, state, int(version) if version else None)


def in_order(links: Iterable[Link]) -> list[Link]:
    """Links as pages list them: by kind, then by number."""
    order = tuple(TraceKind)
    return sorted(links, key=lambda link: (order.index(link.kind), link.number))


async def links_of(db: AsyncSession, scope: Scope, kind: TraceKind, number: int) -> list[Link]:
    """What is linked with one thing, as far as the scope may know it, in one statement.

    The caller has seen that the thing itself is visible.
    """
    return (await links_of_all(db, scope, kind, [number])).get(number, [])


async def is_known(db: AsyncSession, scope: Scope, end: End) -> bool:
    """Whether the scope may know of this thing."""
    return end in await _audiences(db, scope, end)


async def check(db: AsyncSession, scope: Scope, end: End) -> None:
    """Raises NotFound unless the scope may know of this thing."""
    if not await is_known(db, scope, end):
        raise NotFound(f"There is no {_words(end)} in this project.")


def _words(end: End) -> str:
    return f"{end.kind.value.replace('_', ' ')} {end.number}"


async def links_of_all(
    db: AsyncSession, scope: Scope, kind: TraceKind, numbers: Sequence[int]
) -> dict[int, list[Link]]:
    """The links of several things of one kind, by their numbers, in one statement; none without numbers."""
    found: dict[int, list[Link]] = {}
    if numbers:
        for near, *link in await db.execute(links_statement(scope, kind, numbers)):
            found.setdefault(near, []).append(link_of(*link))
    return {near: in_order(links) for near, links in found.items()}


async def link(db: AsyncSession, scope: Scope, one: End, other: End) -> bool:
    """Links two things; returns whether they were not linked yet. The client hears of it when they may see both.

    Raises Invalid for something that is not there, for a version of a design that nobody published, and for two of one
    kind; NotAllowed without staff rights.
    """
    scope.require_staff()
    pair(one, other)
    version_of(one, other)
    known = await _audiences(db, scope, one, other)
    for field, end in (("one", one), ("other", other)):
        if end not in known:
            raise Invalid(f"There is no {_words(end)} in this project.", field=field, value=end.number)
        if end.version is not None and not await designs.is_published(db, scope, end.number, end.version):
            told = f"There is no published version {end.version} of design {end.number}."
            raise Invalid(told, field=f"{field}.version", value=end.version)
    return await trace.link(db, scope, one, other, audience_of(known[one], known[other]))


async def unlink(db: AsyncSession, scope: Scope, one: End, other: End) -> None:
    """Takes a link away, also one of something that was removed. Raises NotFound where there is none, NotAllowed."""
    scope.require_staff()
    known = await _audiences(db, scope, one, other)
    heard = audience_of(known.get(one, Audience.INTERNAL), known.get(other, Audience.INTERNAL))
    await trace.unlink(db, scope, one, other, heard)


async def _audiences(db: AsyncSession, scope: Scope, *ends: End) -> dict[End, Audience]:
    """For whom each of these things is that the scope may know."""
    found: dict[End, Audience] = {}
    for end in ends:
        statement = ENDS[end.kind](scope) if end.kind in ENDS and 0 < end.number <= MOST_NUMBER else None
        if statement is not None:
            number, audience = statement.selected_columns.number, statement.selected_columns.audience
            row = (await db.execute(statement.with_only_columns(audience).where(number == end.number))).first()
            if row is not None:
                found[end] = Audience(row[0])
    return found


@dataclass(frozen=True, slots=True)
class Orphans:
    """What lacks links: the first of each kind; `more` names the kinds of which there are others."""

    requirements: Sequence[Link]
    designs: Sequence[Link]
    items: Sequence[Link]
    more: frozenset[TraceKind]


async def orphans(db: AsyncSession, scope: Scope, *, each: int = MOST_ORPHANS) -> Orphans:
    """Requirements without item or design, designs and stories without requirement, in one statement.

    To a viewer, a thing whose links all lead to what they may not know is one without links.
    """
    stories = _without(scope, TraceKind.ITEM, TraceKind.REQUIREMENT).where(
        Item.type == ItemType.STORY, Status.category != Category.DROPPED
    )
    parts = {
        TraceKind.REQUIREMENT: _without(scope, TraceKind.REQUIREMENT, TraceKind.DESIGN, TraceKind.ITEM),
        TraceKind.DESIGN: _without(scope, TraceKind.DESIGN, TraceKind.REQUIREMENT),
        TraceKind.ITEM: stories,
    }
    bounded = [
        select(literal(kind.value), part.order_by(part.selected_columns.number).limit(each + 1).subquery())
        for kind, part in parts.items()
    ]
    found: dict[TraceKind, list[Link]] = {kind: [] for kind in parts}
    for kind, number, title, state in await db.execute(union_all(*bounded)):
        found[TraceKind(kind)].append(Link(TraceKind(kind), number, title, state or ""))
    shown = {kind: in_order(links)[:each] for kind, links in found.items()}
    more = frozenset(kind for kind, links in found.items() if len(links) > each)
    return Orphans(shown[TraceKind.REQUIREMENT], shown[TraceKind.DESIGN], shown[TraceKind.ITEM], more)


def _without(scope: Scope, kind: TraceKind, *others: TraceKind) -> Select[Any]:
    """The things of a kind that have no visible link with any of the other kinds: number, title, state."""
    here = ENDS[kind](scope)
    columns = here.selected_columns
    for far in others:
        there = ENDS[far](scope)
        near_number, far_number = sides(kind, far)
        is_linked = and_(far_number == there.selected_columns.number, *between(scope, kind, far))
        here = here.where(~there.join(Trace, is_linked).where(near_number == columns.number).exists())
    return here.with_only_columns(columns.number, columns.title, columns.state)
