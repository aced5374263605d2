"""Writes of the backlog: its items, and the names that they are assigned to. The caller owns the transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.backlog import plan as plans
from portal.backlog import queries, rules, store
from portal.backlog.edit import Edit
from portal.backlog.models import Category, Contributor, Item, ItemType
from portal.backlog.plan import Plan
from portal.errors import Conflict, Invalid
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects.causes import AcceptedChange
from portal.projects.rules import check_name

POSITION_STEP = 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an upsert did with one row."""

    number: int
    did: Literal["created", "changed", "unchanged"]


async def add_item(
    db: AsyncSession, scope: Scope, fields: Mapping[str, Any], *, behind: AcceptedChange | None = None
) -> Item:
    """Adds an item and returns it. `fields` as in `change_item`, `title` required; internal unless said otherwise.

    `behind` is the change request that brought it, which history and burndown then name.
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await plans.load(db, scope)
    edit = Edit(scope, plan, behind=behind)
    item = _new_item(scope, plan, fields, number=await _highest(db, Item.number, scope) + 1,
                     position=await _highest(db, Item.position, scope) + POSITION_STEP)  # fmt: skip
    await _check_references(db, scope, item)
    edit.added(item)
    await edit.write(db)
    return item


async def change_item(
    db: AsyncSession,
    scope: Scope,
    number: int,
    wanted: Mapping[str, Any],
    *,
    reason: str = "",
    behind: AcceptedChange | None = None,
) -> Item:
    """Changes an item and returns it.

    `wanted` maps fields to values: those of `rules.FIELDS`, and `status` (a column's name), `iteration` and `milestone`
    (their numbers or None), `assignee` (a contributor's id or None). `reason` is told in the history.
    Raises Invalid, NotFound, NotAllowed.
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await plans.load(db, scope)
    item = await queries.item(db, scope, number)
    lives = await store.spans_of(db, scope.project_id, [number])
    edit = Edit(scope, plan, lives=lives, behind=behind)
    if edit.changed(item, _resolved(plan, wanted), reason=reason):
        await _check_references(db, scope, item)
        await edit.write(db)
    return item


async def remove_item(
    db: AsyncSession, scope: Scope, number: int, *, reason: str = "", behind: AcceptedChange | None = None
) -> Item:
    """Takes an item out of the backlog; its history stays, and `restore_item` brings it back."""
    return await _set_deleted(db, scope, number, deleted=True, reason=reason, behind=behind)


async def restore_item(db: AsyncSession, scope: Scope, number: int, *, reason: str = "") -> Item:
    """Brings a removed item back as it was."""
    return await _set_deleted(db, scope, number, deleted=False, reason=reason)


async def _set_deleted(
    db: AsyncSession, scope: Scope, number: int, *, deleted: bool, reason: str, behind: AcceptedChange | None = None
) -> Item:
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await plans.load(db, scope)
    item = await queries.item(db, scope, number, removed=None)
    if item.deleted == deleted:
        raise Conflict(f"Item {number} is {'already removed' if deleted else 'not removed'}.")
    lives = await store.spans_of(db, scope.project_id, [number])
    edit = Edit(scope, plan, lives=lives, behind=behind)
    edit.removed_or_restored(item, deleted=deleted, reason=reason)
    await edit.write(db)
    return item


async def upsert_items(db: AsyncSession, scope: Scope, rows: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Adds or changes many items at once, each recognised by its `external_ref`; all of them or none.

    Raises Invalid with a problem for every row at fault (`items[3].points`).
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await plans.load(db, scope)
    known = await _by_reference(db, scope, rows)
    lives = await store.spans_of(db, scope.project_id, [item.number for item in known.values()])
    edit = Edit(scope, plan, lives=lives)
    number, position = await _highest(db, Item.number, scope), await _highest(db, Item.position, scope)
    outcomes: list[Outcome] = []
    problems: list[tuple[str, str, Any]] = []
    for at, row in enumerate(rows):
        try:
            item = known.get(row["external_ref"])
            if item is None:
                number, position = number + 1, position + POSITION_STEP
                item = _new_item(scope, plan, row, number=number, position=position)
                await _check_references(db, scope, item)
                edit.added(item)
                outcomes.append(Outcome(number, "created"))
            else:
                did = edit.changed(item, _resolved(plan, row))
                await _check_references(db, scope, item)
                outcomes.append(Outcome(item.number, "changed" if did else "unchanged"))
        except Invalid as fault:
            problems.append((f"items[{at}].{fault.field or ''}".rstrip("."), fault.message, fault.value))
    if problems:
        db.expunge_all()
        raise Invalid(f"{len(problems)} of {len(rows)} items are wrong; nothing was changed.", problems=tuple(problems))
    await edit.write(db)
    return outcomes


async def _by_reference(db: AsyncSession, scope: Scope, rows: Sequence[Mapping[str, Any]]) -> dict[str, Item]:
    references = [row.get("external_ref") for row in rows]
    problems = [
        (f"items[{at}].external_ref", "Every item needs an external_ref of its own.", ref)
        for at, ref in enumerate(references)
        if not ref or ref in references[:at]
    ]
    if problems:
        raise Invalid("An upsert recognises items by external_ref.", problems=tuple(problems))
    found: dict[str, Item] = {}
    for start in range(0, len(references), store.CHUNK):
        chunk = references[start : start + store.CHUNK]
        statement = select(Item).where(Item.project_id == scope.project_id, Item.external_ref.in_(chunk))
        found |= {item.external_ref or "": item for item in await db.scalars(statement)}
    return found


def _new_item(scope: Scope, plan: Plan, fields: Mapping[str, Any], *, number: int, position: int) -> Item:
    values = _resolved(plan, fields)
    if "title" not in values:
        raise Invalid("An item needs a title.", field="title")
    now = clock.now()
    defaults = {
        "type": ItemType.STORY,
        "description": "",
        "acceptance_criteria": "",
        "priority": "",
        "labels": [],
        "audience": Audience.INTERNAL,
        "position": position,
        "status_id": plan.first_status().id,
    }
    unset = dict.fromkeys(
        ("points", "hours", "iteration_id", "milestone_id", "parent_number", "assignee_id", "external_ref",
         "external_key", "external_url", "blocked_reason", "blocked_on"))  # fmt: skip
    item = Item(
        project_id=scope.project_id, number=number, created_at=now, updated_at=now, deleted=False,
        done_at=None, blocked_since=None, **(unset | defaults | values),
    )  # fmt: skip
    rules.check_block(item)
    if plan.statuses[item.status_id].category is Category.DONE:
        item.done_at = now
    item.blocked_since = now if item.blocked_on else None
    return item


def _resolved(plan: Plan, wanted: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(wanted)
    if "status" in values:
        values["status_id"] = plan.status_named(values.pop("status")).id
    if "iteration" in values:
        values["iteration_id"] = plan.iteration_id(values.pop("iteration"))
    if "milestone" in values:
        values["milestone_id"] = plan.milestone_id(values.pop("milestone"))
    if "assignee" in values:
        values["assignee_id"] = values.pop("assignee")
    return rules.check_item(values)


async def _check_references(db: AsyncSession, scope: Scope, item: Item) -> None:
    if item.assignee_id is not None:
        mine = (Contributor.project_id == scope.project_id, Contributor.id == item.assignee_id)
        with db.no_autoflush:
            if not await db.scalar(select(Contributor.id).where(*mine)):
                raise Invalid(
                    "There is no such contributor in this project.", field="assignee", value=str(item.assignee_id)
                )


async def _highest(db: AsyncSession, column: Any, scope: Scope) -> int:
    return (await db.scalar(select(func.max(column)).where(Item.project_id == scope.project_id))) or 0


async def add_contributor(db: AsyncSession, scope: Scope, *, name: str, person_id: UUID | None = None) -> Contributor:
    """Adds a name that items can be assigned to."""
    scope.require_staff()
    contributor = Contributor(
        id=uuid4(), project_id=scope.project_id, name=check_name(name), external_ref=None, person_id=person_id
    )
    db.add(contributor)
    await db.flush()
    return contributor
