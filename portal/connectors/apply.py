"""Writing an imported history: events in order of time, then items with their spans, burndown, counters and search.

All in the caller's transaction and in chunks, so that memory does not grow with the events.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, ledger
from portal.access import Scope
from portal.backlog import burndown, spans, store
from portal.backlog.models import Category, Item, Status
from portal.connectors.model import Field, SourceItem, State
from portal.connectors.models import Imported
from portal.connectors.telling import Work, tell
from portal.connectors.terms import Terms, mark, stored
from portal.ledger import NewEvent

EVENTS_AT_ONCE = 2_000
ITEMS_AT_ONCE = 500
ITEM = "item"

Thing = TypeVar("Thing")

Progress = Callable[[int, int], None]
"""Told how many steps of how many are done."""


class Writer:
    """Writes the items of one import."""

    def __init__(self, db: AsyncSession, scope: Scope, terms: Terms, progress: Progress) -> None:
        self.db = db
        self.scope = scope
        self.terms = terms
        self.progress = progress
        self.movements: burndown.Movements = {}
        self.last_seq: dict[int, int] = {}
        self.categories: dict[UUID, Category] = {}
        self.events = self.done = self.steps = 0

    async def write(self, works: Sequence[Work]) -> None:
        """Tells and writes all that is new."""
        self.categories = await self._categories()
        self.steps = len(works) + sum(len(work.changes) + work.is_new for work in works)
        await self.append(tell(works, self.terms))
        for chunk in chunks((work for work in works if work.is_new), ITEMS_AT_ONCE):
            await self._add(chunk)
        for chunk in chunks((work for work in works if not work.is_new), ITEMS_AT_ONCE):
            await self._change(chunk)
        await store.write_movements(self.db, self.scope.project_id, self.movements)

    async def _categories(self) -> dict[UUID, Category]:
        rows = select(Status.id, Status.category).where(Status.project_id == self.scope.project_id)
        return dict((await self.db.execute(rows)).all())

    async def append(self, events: Iterable[NewEvent]) -> None:
        """Appends events in chunks, and notes the last one of each item."""
        for chunk in chunks(events, EVENTS_AT_ONCE):
            last = await ledger.append(self.db, self.scope.project_id, chunk)
            for seq, event in enumerate(chunk, last - len(chunk) + 1):
                if event.subject_number is not None:
                    self.last_seq[event.subject_number] = seq
            self.events += len(chunk)
            self._step(len(chunk))

    async def _add(self, works: Sequence[Work]) -> None:
        rows = [self._row(work.item, work.number) for work in works]
        await self.db.execute(insert(Item.__table__), rows)  # type: ignore[arg-type]
        mine = (Item.project_id == self.scope.project_id, Item.number.between(works[0].number, works[-1].number))
        ids = dict((await self.db.execute(select(Item.number, Item.id).where(*mine))).all())
        changes = store.Changes(self.scope.project_id, self.scope.zone)
        for work, row in zip(works, rows, strict=True):
            item = Item(**row, id=ids[work.number])
            changes.relive(work.number, (), self._life(work.item))
            changes.count(item, 1)
            changes.labelled[work.number] = () if item.deleted else item.labels
            changes.texts.append(item)
        await self._follow(changes, len(works))
        await self.db.execute(insert(Imported.__table__), [self._seen(work) for work in works])  # type: ignore[arg-type]

    def _row(self, item: SourceItem, number: int) -> dict[str, Any]:
        now = item.current()
        row: dict[str, Any] = {
            "project_id": self.scope.project_id,
            "number": number,
            "position": item.position,
            "parent_number": self.terms.numbers.get(item.parent) if item.parent else None,
            "external_ref": item.external_ref,
            "external_key": item.external_key,
            "external_url": item.external_url,
            "created_at": item.created_at,
            "updated_at": max([item.created_at, *(change.at for change in item.changes[-1:])]),
            "done_at": self._done_at(item, now),
            "blocked_since": _since(item, Field.BLOCKED) if now[Field.BLOCKED] else None,
            "seq": self.last_seq[number],
        }
        for field, value in now.items():
            row |= self.terms.columns_of(field, value)
        return row

    def _done_at(self, item: SourceItem, now: State) -> datetime | None:
        """When it last became done; None while it is not."""
        columns = self.terms.columns
        if columns[str(now[Field.STATUS])].category is not Category.DONE:
            return None
        at, done = item.born_at, columns[str(item.initial[Field.STATUS])].category is Category.DONE
        for change in item.changes:
            if change.field is Field.STATUS:
                was, done = done, columns[str(change.new)].category is Category.DONE
                at = change.at if done and not was else at
        return at

    def _life(self, item: SourceItem) -> list[spans.Span]:
        facts = (fact for change in item.changes if (fact := self.terms.fact(change)))
        return spans.from_changes(item.born_at, self.terms.facts(item.initial), facts)

    async def _follow(self, changes: store.Changes, items: int) -> None:
        """Writes what derives from a chunk; the burndown's days, which all chunks share, come once, last."""
        burndown.add(self.movements, changes.movements)
        changes.movements = {}
        await store.write(self.db, changes)
        self._step(items)

    def _seen(self, work: Work) -> dict[str, Any]:
        return {
            "project_id": self.scope.project_id,
            "kind": ITEM,
            "external_ref": work.item.external_ref,
            "number": work.number,
            "state": stored(work.item.current()),
            "changes": b"".join(mark(change) for change in work.item.changes),
        }

    async def _change(self, works: Sequence[Work]) -> None:
        """Brings items up to date that were here before. What was edited here and not in the source stays."""
        numbers = [work.number for work in works]
        mine = (Item.project_id == self.scope.project_id, Item.number.in_(numbers))
        items = {item.number: item for item in await self.db.scalars(select(Item).where(*mine))}
        lives = await store.spans_of(self.db, self.scope.project_id, numbers)
        changes = store.Changes(self.scope.project_id, self.scope.zone)
        for work in works:
            item = items[work.number]
            changes.count(item, -1)
            self._bring_up_to_date(item, work)
            changes.count(item, 1)
            before = lives.get(work.number, [])
            changes.relive(work.number, before, self._relived(before, work, item))
            changes.labelled[work.number] = () if item.deleted else item.labels
            changes.texts.append(item)
            await self._remember(work)
        await self.db.flush()
        await self._follow(changes, len(works))
        for item in items.values():
            self.db.expunge(item)

    def _bring_up_to_date(self, item: Item, work: Work) -> None:
        now = work.item.current()
        for field in {change.field: None for change in work.changes}:
            for column, value in self.terms.columns_of(field, now[field]).items():
                setattr(item, column, value)
        item.seq = self.last_seq.get(work.number, item.seq)
        item.updated_at = max(item.updated_at, work.changes[-1].at)
        if any(change.field is Field.STATUS for change in work.changes):
            item.done_at = self._done_at(work.item, now)
        if any(change.field is Field.BLOCKED for change in work.changes):
            item.blocked_since = _since(work.item, Field.BLOCKED) if now[Field.BLOCKED] else None

    def _relived(self, life: Sequence[spans.Span], work: Work, item: Item) -> list[spans.Span]:
        """The life with the new facts at their own times; at its end it says what the item says."""
        after = list(life)
        for change in work.changes:
            if fact := self.terms.fact(change):
                after = spans.insert_late(after, fact._replace(at=max(fact.at, after[0].valid_from)))
        now = store.facts_of(item, self.categories[item.status_id])
        return after if after[-1].facts == now else spans.record(after, now, clock.now())

    async def _remember(self, work: Work) -> None:
        seen = self._seen(work)
        key = (Imported.project_id == self.scope.project_id, Imported.kind == ITEM)
        await self.db.execute(
            update(Imported)
            .where(*key, Imported.external_ref == work.item.external_ref)
            .values(state=seen["state"], changes=seen["changes"])
        )

    def _step(self, by: int) -> None:
        self.done += by
        self.progress(min(self.done, self.steps), self.steps)


def _since(item: SourceItem, field: Field) -> datetime:
    """When a field last changed."""
    return next((change.at for change in reversed(item.changes) if change.field is field), item.born_at)


def chunks(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    """The things, some at a time."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
