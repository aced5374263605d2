"""Writes of the backlog: items and board columns. Each appends its events in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope, StaffRole
from portal.backlog import plan as plans
from portal.backlog import queries, rules, spans, store
from portal.backlog.models import Category, Contributor, Item, ItemType, Status
from portal.backlog.plan import Plan
from portal.diff import apply_changes
from portal.errors import Conflict, Invalid
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects.rules import check_name

POSITION_STEP = 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an upsert did with one row."""

    number: int
    did: Literal["created", "changed", "unchanged"]


async def add_item(
    db: AsyncSession, scope: Scope, fields: Mapping[str, Any], *, change_request: int | None = None
) -> Item:
    """Adds an item and returns it. `fields` as in `change_item`, `title` required; internal unless said otherwise.

    `change_request` is the number of the one that brought it, which history and burndown then name.
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await plans.load(db, scope)
    edit = Edit(scope, plan, change_request=change_request)
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
    change_request: int | None = None,
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
    edit = Edit(scope, plan, lives=lives, change_request=change_request)
    if edit.changed(item, _resolved(plan, wanted), reason=reason):
        await _check_references(db, scope, item)
        await edit.write(db)
    return item


async def remove_item(
    db: AsyncSession, scope: Scope, number: int, *, reason: str = "", change_request: int | None = None
) -> Item:
    """Takes an item out of the backlog; its history stays, and `restore_item` brings it back."""
    return await _set_deleted(db, scope, number, deleted=True, reason=reason, change_request=change_request)


async def restore_item(db: AsyncSession, scope: Scope, number: int, *, reason: str = "") -> Item:
    """Brings a removed item back as it was."""
    return await _set_deleted(db, scope, number, deleted=False, reason=reason)


async def _set_deleted(
    db: AsyncSession, scope: Scope, number: int, *, deleted: bool, reason: str, change_request: int | None = None
) -> Item:
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await plans.load(db, scope)
    item = await queries.item(db, scope, number, removed=None)
    if item.deleted == deleted:
        raise Conflict(f"Item {number} is {'already removed' if deleted else 'not removed'}.")
    lives = await store.spans_of(db, scope.project_id, [number])
    edit = Edit(scope, plan, lives=lives, change_request=change_request)
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
    _check_block(item)
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


def _check_block(item: Item) -> None:
    if (item.blocked_reason is None) != (item.blocked_on is None):
        raise Invalid(
            "A blocked item says why (blocked_reason) and on whom it waits (blocked_on); or neither.",
            field="blocked_reason",
            value=item.blocked_reason,
        )


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


class Edit:
    """One command's edits of items: collects events and what derives from them, and writes all at once."""

    def __init__(
        self,
        scope: Scope,
        plan: Plan,
        *,
        lives: Mapping[int, list[spans.Span]] | None = None,
        change_request: int | None = None,
    ) -> None:
        """`lives` are the present spans of the items that will change, `change_request` is why they do."""
        self.scope = scope
        self.plan = plan
        self.at = clock.now()
        self.lives = dict(lives or {})
        self.change_request = change_request
        self.changes = store.Changes(scope.project_id, scope.zone, change_request)
        self.new: list[Item] = []
        self.events: list[ledger.NewEvent] = []
        self.told: list[Item] = []

    def added(self, item: Item) -> None:
        """A new item."""
        self.new.append(item)
        self.changes.count(item, 1)
        self._relive(item)
        self._retext(item)
        self._tell(item, "item.added", plans.snapshot(item, self.plan))

    def changed(self, item: Item, wanted: Mapping[str, Any], *, reason: str = "") -> bool:
        """Sets the fields of an item; returns whether any differed."""
        before, audience, old_text = plans.snapshot(item, self.plan), item.audience, search_text(item)
        self.changes.count(item, -1)
        apply_changes(item, wanted)
        _check_block(item)
        self._follow(item, before)
        self.changes.count(item, 1)
        difference = plans.difference(before, plans.snapshot(item, self.plan))
        if not difference:
            return False
        self._relive(item)
        if search_text(item) != old_text or "labels" in difference:
            self._retext(item)
        self._tell_change(item, audience, difference, reason)
        return True

    def removed_or_restored(self, item: Item, *, deleted: bool, reason: str) -> None:
        """Takes an item out of the backlog or brings it back."""
        self.changes.count(item, -1)
        item.deleted, item.updated_at = deleted, self.at
        self.changes.count(item, 1)
        self._relive(item)
        self._retext(item)
        self._tell(item, "item.removed" if deleted else "item.restored", {"reason": reason})

    def _follow(self, item: Item, before: Mapping[str, Any]) -> None:
        item.updated_at = self.at
        category = self.plan.statuses[item.status_id].category
        if before["category"] != category.value:
            item.done_at = self.at if category is Category.DONE else None
        if bool(before["blocked_on"]) != bool(item.blocked_on):
            item.blocked_since = self.at if item.blocked_on else None

    def _relive(self, item: Item) -> None:
        before = self.lives.get(item.number, [])
        facts = store.facts_of(item, self.plan.statuses[item.status_id].category)
        after = spans.record(before, facts, self.at)
        if after != before:
            self.lives[item.number] = after
            self.changes.relive(item.number, before, after)

    def _retext(self, item: Item) -> None:
        self.changes.labelled[item.number] = [] if item.deleted else item.labels
        if item not in self.changes.texts:
            self.changes.texts.append(item)

    def _tell_change(self, item: Item, audience: Audience, difference: dict[str, Any], reason: str) -> None:
        """An item that is opened to the client is told whole, without what it was; one that is closed, not at all."""
        body = {"changes": difference, "reason": reason}
        if item.audience is audience:
            self._tell(item, "item.changed", body)
            return
        self._tell(item, "item.changed", body, audience=Audience.INTERNAL)
        if item.audience is Audience.CLIENT:
            self._tell(item, "item.opened", plans.snapshot(item, self.plan))
        else:
            self._tell(item, "item.closed", {}, audience=Audience.CLIENT)

    def _tell(self, item: Item, kind: str, body: dict[str, Any], *, audience: Audience | None = None) -> None:
        self.told.append(item)
        if self.change_request is not None:
            body = body | {"change_request": self.change_request}
        self.events.append(
            ledger.NewEvent(
                kind=kind,
                subject_kind="item",
                subject_number=item.number,
                audience=audience or item.audience,
                body=body,
                actor=self.scope.viewer.actor,
                at=self.at,
            )
        )

    async def write(self, db: AsyncSession) -> None:
        """Appends the events and writes items, spans, burndown, counters, labels and search."""
        if not self.events:
            return
        last = await ledger.append(db, self.scope.project_id, self.events)
        for seq, item in enumerate(self.told, start=last - len(self.told) + 1):
            item.seq = seq
        db.add_all(self.new)
        await db.flush()
        await store.write(db, self.changes)


def search_text(item: Item) -> tuple[Any, ...]:
    """What of an item is searched."""
    return (item.title, item.description, item.acceptance_criteria, item.external_key)


async def add_status(db: AsyncSession, scope: Scope, *, name: str, category: Category, position: int) -> Status:
    """Adds a board column. Raises Conflict when the name is taken."""
    scope.require_staff(StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    plan = await plans.load(db, scope)
    if any(status.name == name for status in plan.statuses.values()):
        raise Conflict(f"There is a status {name!r} already.", field="name", value=name)
    status = Status(
        id=uuid4(), project_id=scope.project_id, name=check_name(name, length=100), category=category,
        position=position, client_items=0, internal_items=0,
    )  # fmt: skip
    db.add(status)
    await db.flush()
    body = {"name": status.name, "category": category.value, "position": position}
    await _tell_of_status(db, scope, "status.added", body)
    return status


async def change_status(db: AsyncSession, scope: Scope, name: str, wanted: Mapping[str, Any]) -> Status:
    """Renames or moves a board column. Its category cannot change: its items' past depends on it."""
    scope.require_staff(StaffRole.MANAGER)
    await ledger.lock(db, scope.project_id)
    status = (await plans.load(db, scope)).status_named(name)
    for field in wanted.keys() - {"name", "position"}:
        raise Invalid(f"A status has no {field} that can be changed.", field=field, value=wanted[field])
    changes = apply_changes(status, wanted)
    if changes:
        await db.flush()
        await _tell_of_status(db, scope, "status.changed", {"name": name, "changes": changes})
    return status


async def _tell_of_status(db: AsyncSession, scope: Scope, kind: str, body: dict[str, Any]) -> None:
    event = ledger.NewEvent(
        kind=kind, subject_kind="status", subject_number=None, audience=Audience.CLIENT, body=body,
        actor=scope.viewer.actor, at=clock.now(),
    )  # fmt: skip
    await ledger.append(db, scope.project_id, [event])


async def add_contributor(db: AsyncSession, scope: Scope, *, name: str, person_id: UUID | None = None) -> Contributor:
    """Adds a name that items can be assigned to."""
    scope.require_staff()
    contributor = Contributor(
        id=uuid4(), project_id=scope.project_id, name=check_name(name), external_ref=None, person_id=person_id
    )
    db.add(contributor)
    await db.flush()
    return contributor
