"""How the backlog's derived tables follow its items: spans, burndown days, counters, labels and the search index.

Single edits and bulk imports go through the same `Changes`, so that there is one way in which they stay in step.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from portal.backlog import burndown, search
from portal.backlog.models import BurnDay, Item, ItemCause, ItemLabel, ItemSpan, Status
from portal.backlog.spans import Facts, Span
from portal.ledger.models import Audience

CHUNK = 500
"""Items whose rows are read or rewritten by one statement."""


@dataclass(slots=True)
class Changes:
    """What a command changed, collected until it is written by `write`."""

    project_id: UUID
    zone: ZoneInfo
    change_request: int | None = None
    """Why all of this changes, where a change request is why."""
    spans: dict[int, list[Span]] = field(default_factory=dict)
    """The new life of each item that changed."""
    movements: burndown.Movements = field(default_factory=dict)
    counts: Counter[tuple[UUID, Audience]] = field(default_factory=Counter)
    labelled: dict[int, Sequence[str]] = field(default_factory=dict)
    texts: list[Item] = field(default_factory=list)

    def relive(self, number: int, before: Sequence[Span], after: list[Span]) -> None:
        """Replaces an item's life; the burndown moves by the difference on the days that differ."""
        self.spans[number] = after
        old, new = burndown.movements(before, self.zone), burndown.movements(after, self.zone)
        burndown.add(self.movements, burndown.diff(old, new))

    def count(self, item: Item, by: int) -> None:
        """Counts an item into (1) or out of (-1) its board column, unless it is removed."""
        if not item.deleted:
            self.counts[item.status_id, item.audience] += by


def facts_of(item: Item, category: Any) -> Facts:
    """What of an item matters for the burndown."""
    return Facts(
        points=item.points,
        hours=item.hours,
        category=category,
        iteration=item.iteration_id,
        milestone=item.milestone_id,
        audience=item.audience,
        present=not item.deleted,
    )


async def spans_of(db: AsyncSession, project_id: UUID, numbers: Iterable[int]) -> dict[int, list[Span]]:
    """The lives of these items, each in order of time; items without any are absent."""
    lives: dict[int, list[Span]] = {}
    wanted = sorted(numbers)
    for start in range(0, len(wanted), CHUNK):
        statement = (
            select(ItemSpan)
            .where(ItemSpan.project_id == project_id, ItemSpan.item_number.in_(wanted[start : start + CHUNK]))
            .order_by(ItemSpan.item_number, ItemSpan.valid_from)
        )
        for row in await db.scalars(statement):
            lives.setdefault(row.item_number, []).append(span_of(row))
    return lives


def span_of(row: Any) -> Span:
    """A stored span as the rules know it."""
    facts = Facts(
        points=row.points,
        hours=row.hours,
        category=row.category,
        iteration=row.iteration_id,
        milestone=row.milestone_id,
        audience=row.audience,
        present=row.present,
    )
    return Span(row.valid_from, row.valid_to, facts)


async def write(db: AsyncSession, changes: Changes) -> None:
    """Writes all that was collected. The items themselves must have been flushed."""
    await _write_spans(db, changes.project_id, changes.spans)
    await write_movements(db, changes.project_id, changes.movements)
    for (status_id, audience), by in sorted(changes.counts.items(), key=str):
        if by:
            column = Status.client_items if audience is Audience.CLIENT else Status.internal_items
            mine = (Status.project_id == changes.project_id, Status.id == status_id)
            await db.execute(update(Status).where(*mine).values({column: column + by}))
    await _write_labels(db, changes.project_id, changes.labelled)
    await search.index(db, changes.project_id, changes.texts)
    if changes.change_request is not None:
        for number, spans in changes.spans.items():
            await db.merge(
                ItemCause(
                    project_id=changes.project_id, item_number=number, at=spans[-1].valid_from,
                    change_number=changes.change_request,
                )
            )  # fmt: skip
        await db.flush()


async def _write_spans(db: AsyncSession, project_id: UUID, lives: dict[int, list[Span]]) -> None:
    numbers = sorted(lives)
    for start in range(0, len(numbers), CHUNK):
        chunk = numbers[start : start + CHUNK]
        await db.execute(delete(ItemSpan).where(ItemSpan.project_id == project_id, ItemSpan.item_number.in_(chunk)))
        rows = [_span_row(project_id, number, span) for number in chunk for span in lives[number]]
        if rows:
            await db.execute(insert(ItemSpan.__table__), rows)  # type: ignore[arg-type]


def _span_row(project_id: UUID, number: int, span: Span) -> dict[str, Any]:
    facts = span.facts
    return {
        "project_id": project_id,
        "item_number": number,
        "valid_from": span.valid_from,
        "valid_to": span.valid_to,
        "points": facts.points,
        "hours": facts.hours,
        "category": facts.category,
        "iteration_id": facts.iteration,
        "milestone_id": facts.milestone,
        "audience": facts.audience,
        "present": facts.present,
    }


KEY = ("project_id", "series_kind", "series_id", "day", "audience")


async def write_movements(db: AsyncSession, project_id: UUID, movements: burndown.Movements) -> None:
    """Adds movements to the burndown's days; a day that had none gets its row."""
    rows = [
        {
            "project_id": project_id,
            "series_kind": kind,
            "series_id": series_id or project_id,
            "day": day,
            "audience": audience,
            **burndown.columns(movement),
        }
        for ((kind, series_id), day, audience), movement in sorted(movements.items(), key=str)
    ]
    if not rows:
        return
    dialect = postgresql if (await db.connection()).dialect.name == "postgresql" else sqlite
    statement = dialect.insert(BurnDay)
    added = {
        column.name: column + statement.excluded[column.name]
        for column in BurnDay.__table__.columns
        if column.name not in KEY
    }
    await db.execute(statement.on_conflict_do_update(index_elements=list(KEY), set_=added), rows)


async def clear_still_days(db: AsyncSession, project_id: UUID) -> None:
    """Takes out the days on which nothing moves any more: a chart would begin with them."""
    amounts = [column for column in BurnDay.__table__.columns if column.name not in KEY]
    still = (BurnDay.project_id == project_id, *(column == 0 for column in amounts))
    await db.execute(delete(BurnDay).where(*still))


async def _write_labels(db: AsyncSession, project_id: UUID, labelled: dict[int, Sequence[str]]) -> None:
    numbers = sorted(labelled)
    for start in range(0, len(numbers), CHUNK):
        chunk = numbers[start : start + CHUNK]
        await db.execute(delete(ItemLabel).where(ItemLabel.project_id == project_id, ItemLabel.item_number.in_(chunk)))
        rows = [
            {"project_id": project_id, "label": label, "item_number": number}
            for number in chunk
            for label in labelled[number]
        ]
        if rows:
            await db.execute(insert(ItemLabel.__table__), rows)  # type: ignore[arg-type]
