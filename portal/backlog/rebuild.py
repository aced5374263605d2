"""Computing again what is derived: burndown days from spans, column counters, labels and search from items.

The commands keep all of it in step; this is for a changed time zone, for a restored backup, and to prove it. Memory
grows with the number of days and series, not of items.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, fields
from uuid import UUID

from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.backlog import burndown, search, store
from portal.backlog.models import BurnDay, Item, ItemLabel, Status
from portal.ledger import lock
from portal.ledger.models import Audience

CHUNK = 500
"""Items that are read at once."""

Progress = Callable[[int], None]
"""Told how many further items were gone through."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many derived rows were wrong and are right now."""

    items: int
    burn_days: int
    counters: int
    labels: int
    search: int

    @property
    def differed(self) -> int:
        """How many rows were wrong in all."""
        return sum(getattr(self, field.name) for field in fields(self) if field.name != "items")


async def rebuild(db: AsyncSession, scope: Scope, progress: Progress = lambda items: None) -> Rebuilt:
    """Computes a project's derived rows again and puts right what differs; the ledger is not touched.

    The caller owns the transaction, which keeps all other writers of the project out. Raises NotAllowed.
    """
    scope.viewer.require_staff()
    await lock(db, scope.project_id)
    fresh: burndown.Movements = {}
    counts: Counter[tuple[UUID, Audience]] = Counter()
    items = labels = entries = 0
    async for chunk in _chunks(db, scope):
        lives = await store.spans_of(db, scope.project_id, [item.number for item in chunk])
        for item in chunk:
            burndown.add(fresh, burndown.movements(lives.get(item.number, ()), scope.zone))
            if not item.deleted:
                counts[item.status_id, item.audience] += 1
        labels += await _right_labels(db, scope, chunk)
        entries += await _right_search(db, scope, chunk)
        items += len(chunk)
        db.expunge_all()
        progress(len(chunk))
    days = await _right_days(db, scope, fresh)
    return Rebuilt(items, days, await _right_counters(db, scope, counts), labels, entries)


async def _chunks(db: AsyncSession, scope: Scope) -> AsyncIterator[Sequence[Item]]:
    last = 0
    while True:
        statement = select(Item).where(Item.project_id == scope.project_id, Item.number > last)
        chunk = (await db.scalars(statement.order_by(Item.number).limit(CHUNK))).all()
        if not chunk:
            return
        last = chunk[-1].number
        yield chunk


async def _right_days(db: AsyncSession, scope: Scope, fresh: burndown.Movements) -> int:
    stored = {}
    for row in await db.scalars(select(BurnDay).where(BurnDay.project_id == scope.project_id)):
        series = (row.series_kind, None if row.series_id == scope.project_id else row.series_id)
        stored[series, row.day, row.audience] = _movement(row)
    difference = burndown.diff(stored, fresh)
    await store.write_movements(db, scope.project_id, difference)
    await store.clear_still_days(db, scope.project_id)
    return len(difference)


def _movement(row: BurnDay) -> burndown.Movement:
    """A stored day as the rules know it."""
    amounts = (
        burndown.Amounts(
            **{
                name: getattr(row, f"{unit}_{name}")
                for name in burndown.Amounts._fields
                if hasattr(row, f"{unit}_{name}")
            }
        )
        for unit in ("items", "points", "hours")
    )
    return burndown.Movement(*amounts)


async def _right_counters(db: AsyncSession, scope: Scope, counts: Counter[tuple[UUID, Audience]]) -> int:
    wrong = 0
    for status in await db.scalars(select(Status).where(Status.project_id == scope.project_id)):
        client = counts[status.id, Audience.CLIENT]
        internal = sum(number for (one, _), number in counts.items() if one == status.id) - client
        wrong += (status.client_items != client) + (status.internal_items != internal)
        status.client_items, status.internal_items = client, internal
    await db.flush()
    return wrong


async def _right_labels(db: AsyncSession, scope: Scope, chunk: Sequence[Item]) -> int:
    span = (
        ItemLabel.project_id == scope.project_id,
        ItemLabel.item_number.between(chunk[0].number, chunk[-1].number),
    )
    rows = await db.execute(select(ItemLabel.item_number, ItemLabel.label).where(*span))
    stored = {(number, label) for number, label in rows}
    wanted = {(item.number, label) for item in chunk if not item.deleted for label in item.labels}
    if wrong := len(stored ^ wanted):
        await db.execute(delete(ItemLabel).where(*span))
        if wanted:
            keys = [{"project_id": scope.project_id, "item_number": number, "label": label} for number, label in wanted]
            await db.execute(insert(ItemLabel), keys)
    return wrong


_STORED_TERMS = {
    "sqlite": "SELECT rowid, terms FROM item_search WHERE rowid IN (SELECT id FROM item WHERE {mine})",
    "postgresql": "SELECT item_id, array_to_string(tsvector_to_array(terms), ' ') FROM item_search"
    " WHERE item_id IN (SELECT id FROM item WHERE {mine})",
}
_MINE = "project_id = :project AND number BETWEEN :first AND :last"


async def _right_search(db: AsyncSession, scope: Scope, chunk: Sequence[Item]) -> int:
    connection = await db.connection()
    statement = text(_STORED_TERMS[connection.dialect.name].format(mine=_MINE))
    project = scope.project_id.hex if connection.dialect.name == "sqlite" else scope.project_id
    rows = await connection.execute(statement, {"project": project, "first": chunk[0].number, "last": chunk[-1].number})
    stored = {item_id: set(terms.split()) for item_id, terms in rows}
    wrong = [item for item in chunk if stored.get(item.id, set()) != {*search.entry(scope.project_id, item)}]
    await search.index(db, scope.project_id, wrong)
    return len(wrong)
