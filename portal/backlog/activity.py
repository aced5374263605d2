"""What happened: events of the ledger with the names that this viewer may read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CompoundSelect, Select, Uuid, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.backlog.models import Contributor, Item
from portal.backlog.queries import shown_name
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.ledger.queries import EventRow
from portal.people.models import Person
from portal.projects.models import Iteration, Milestone

SIDES = ("person", "staff", "contributor")
PLAN = {"iteration": Iteration, "milestone": Milestone}
QUIET = ("test_result.recorded", "test_result.undone")
ALSO = "also "
"""Marks the rows that somebody else's part of the statement gave."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with its actor's name, the title of the item it is about, and the assignees it names.

    `actor` is a name, `queries.AGENCY`, or None where the project shows no names. `title` is None for what is no item,
    or for an item that this viewer may not know of any more.
    """

    event: EventRow
    actor: str | None
    by_client: bool
    title: str | None
    names: dict[str, str | None]
    plan: dict[tuple[str, int], str]
    """The names of the iterations and milestones that it is about or speaks of, by kind and number."""


async def activity(db: AsyncSession, scope: Scope, *, before: int | None = None, limit: int = 50) -> list[Happening]:
    """The newest events that this viewer may see, in two statements. The next page is before the last one's seq.

    Single results of tests are left out: a round tells what it came to when it closes.
    """
    events = await ledger.latest(db, scope.project_id, scope.audiences, before, limit, without=QUIET)
    return await told(db, scope, events)


class Also(NamedTuple):
    """A row that a page asked for beside the names: what it is, in one text, its number and its title."""

    what: str
    number: int
    title: str


async def told(db: AsyncSession, scope: Scope, events: Sequence[EventRow]) -> list[Happening]:
    """Events with the names that this viewer may read; one statement, or none without events."""
    return (await told_also(db, scope, events, None))[0]


async def item_history(
    db: AsyncSession,
    scope: Scope,
    number: int,
    *,
    before: int | None = None,
    limit: int = 100,
    also: Select[Any] | None = None,
) -> tuple[list[Happening], list[Also]]:
    """An item's events that this viewer may see, newest first, and the rows of `also`, in two statements."""
    events = await ledger.of_subject(db, scope.project_id, scope.audiences, "item", number, before, limit)
    return await told_also(db, scope, events, also)


async def told_also(
    db: AsyncSession, scope: Scope, events: Sequence[EventRow], also: Select[Any] | None
) -> tuple[list[Happening], list[Also]]:
    """Events with the names that this viewer may read, and in the same statement the rows of `also`.

    `also` selects `what`, `number` and `title`, such as `traceability.links_statement`: what a page names besides.
    """
    if not events and also is None:
        return [], []
    refs = {ref for event in events for ref in _refs(event)}
    numbers = {event.subject_number for event in events if event.subject_kind == "item"}
    plan = {ref for event in events for ref in _plan_refs(event)}
    found = await _names(db, scope, refs, numbers, plan, also)
    return [_happening(scope, event, *found[:3]) for event in events], found[3]


def _refs(event: EventRow) -> Iterator[str]:
    yield event.actor
    yield from _assignees(event.body)


def _assignees(body: dict[str, Any]) -> list[str]:
    changed = body.get("changes", {}).get("assignee", ())
    return [ref for ref in (*changed, body.get("assignee")) if ref]


def _plan_refs(event: EventRow) -> Iterator[tuple[str, int]]:
    """The iterations and milestones that an event is about or speaks of."""
    changes = event.body.get("changes", {})
    for kind in PLAN:
        spoken = [*changes.get(kind, ()), event.body.get(kind)]
        if event.subject_kind == kind:
            spoken.append(event.subject_number)
        yield from ((kind, number) for number in spoken if isinstance(number, int))


async def _names(
    db: AsyncSession,
    scope: Scope,
    refs: Iterable[str],
    numbers: Iterable[int | None],
    plan: Iterable[tuple[str, int]],
    also: Select[Any] | None,
) -> tuple[dict[str, str], dict[int, str], dict[tuple[str, int], str], list[Also]]:
    ids: dict[str, list[UUID]] = {side: [] for side in SIDES}
    for ref in refs:
        side, _, rest = ref.partition(":")
        if side in ids:
            ids[side].append(UUID(rest))
    people = ids["person"] + ids["staff"]
    statement: CompoundSelect[Any] = union_all(
        select(literal("person"), Person.id, literal(0), Person.name).where(Person.id.in_(people)),
        select(literal("contributor"), Contributor.id, literal(0), Contributor.name).where(
            Contributor.project_id == scope.project_id, Contributor.id.in_(ids["contributor"])
        ),
        _titles(scope, [number for number in numbers if number is not None]),
        *(_planned(scope, kind, model, plan) for kind, model in PLAN.items()),
        *((_besides(also),) if also is not None else ()),
    )
    names: dict[str, str] = {}
    titles: dict[int, str] = {}
    planned: dict[tuple[str, int], str] = {}
    others: list[Also] = []
    for kind, one, number, text in await db.execute(statement):
        if kind.startswith(ALSO):
            others.append(Also(kind.removeprefix(ALSO), number, text))
        elif kind == "item":
            titles[number] = text
        elif kind in PLAN:
            planned[kind, number] = text
        else:
            names[f"{kind}:{one}"] = text
    return names, titles, planned, others


def _besides(also: Select[Any]) -> Select[Any]:
    rows = also.subquery()
    return select(literal(ALSO) + rows.c.what, literal(None, Uuid()), rows.c.number, rows.c.title)


def _titles(scope: Scope, numbers: list[int]) -> Select[Any]:
    """The titles of those items that the scope may see.

    Items are looked up by number and only then asked whether they may be seen: left to choose, SQLite walks the whole
    backlog by the index of `deleted`.
    """
    mine = select(Item.number, Item.title, Item.deleted, Item.audience).where(
        Item.project_id == scope.project_id, Item.number.in_(numbers)
    )
    found = mine.subquery()
    seen = func.coalesce(found.c.deleted, False).is_(False)
    statement = select(literal("item"), literal(None, Uuid()), found.c.number, found.c.title).where(seen)
    return statement if scope.is_staff else statement.where(found.c.audience == Audience.CLIENT)


def _planned(scope: Scope, kind: str, model: Any, plan: Iterable[tuple[str, int]]) -> Select[Any]:
    numbers = [number for of, number in plan if of == kind]
    mine = (model.project_id == scope.project_id, model.number.in_(numbers))
    return select(literal(kind), literal(None, Uuid()), model.number, model.name).where(*mine)


def _happening(
    scope: Scope,
    event: EventRow,
    names: dict[str, str],
    titles: dict[int, str],
    planned: dict[tuple[str, int], str],
) -> Happening:
    title = titles.get(event.subject_number) if event.subject_kind == "item" and event.subject_number else None
    assignees = {ref: _name(scope, ref, names) for ref in _assignees(event.body)}
    by_client = event.actor.startswith("person:")
    return Happening(event, _name(scope, event.actor, names), by_client, title, assignees, planned)


def _name(scope: Scope, ref: str, names: dict[str, str]) -> str | None:
    """How this viewer may read an actor: the client's own people by name, all others as the project says."""
    side, _, rest = ref.partition(":")
    if side == "person":
        return names.get(ref)
    if side in ("staff", "contributor"):
        return shown_name(scope, names.get(ref.replace("staff:", "person:")))
    return shown_name(scope, rest or ref)
