"""A source's values in our terms: as columns, as events tell them, as the burndown counts them. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from portal.backlog.models import Category, ItemType, Waiting
from portal.backlog.spans import Change, Facts
from portal.backlog.spans import Field as FactField
from portal.connectors.mapping import Mapping as Wanted
from portal.connectors.mapping import item_type
from portal.connectors.model import Field, SourceChange, SourceItem, State, Value
from portal.diff import plain
from portal.ledger.models import Audience

LONG = (Field.DESCRIPTION, Field.CRITERIA)


class Column(NamedTuple):
    """A board column here that a status of the source became; without an id when no item stands in it today."""

    id: UUID | None
    name: str
    category: Category


class Planned(NamedTuple):
    """An iteration or milestone here."""

    id: UUID
    number: int


@dataclass(slots=True)
class Terms:
    """What each reference of the source is here."""

    wanted: Wanted
    columns: dict[str, Column] = field(default_factory=dict)
    iterations: dict[str, Planned] = field(default_factory=dict)
    milestones: dict[str, Planned] = field(default_factory=dict)
    people: dict[str, UUID] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    """By external_ref: the numbers of items."""
    types: dict[str, ItemType] = field(default_factory=dict)

    def type_of(self, name: str) -> ItemType:
        """Our type for the source's."""
        if name not in self.types:
            self.types[name] = item_type(name, self.wanted)[0]
        return self.types[name]

    def audience(self, restricted: Value) -> Audience:
        """Internal for what is restricted in the source; else as the mapping file says, `client` without one."""
        return Audience.INTERNAL if restricted else Audience(self.wanted.audience)

    def actor(self, author: str | None) -> str:
        """The ledger's name for who did it in the source; what was inferred is the portal's own doing."""
        return f"contributor:{self.people[author]}" if author else "system"

    def columns_of(self, name: Field, value: Any) -> dict[str, Any]:
        """A field of the source as columns of an item."""
        match name:
            case Field.STATUS:
                return {"status_id": self.columns[value].id}
            case Field.ITERATION | Field.MILESTONE:
                planned = self._planned(name, value)
                return {f"{name.value}_id": planned.id if planned else None}
            case Field.ASSIGNEE:
                return {"assignee_id": self.people[value] if value else None}
            case Field.TYPE:
                return {"type": self.type_of(value)}
            case Field.LABELS:
                return {"labels": list(value)}
            case Field.BLOCKED:
                return {"blocked_reason": value, "blocked_on": Waiting.OTHER if value else None}
            case Field.RESTRICTED:
                return {"audience": self.audience(value)}
        return {name.value: value}

    def told(self, name: Field, value: Any) -> dict[str, Any]:
        """A field of the source as events tell it (`backlog.plan.snapshot`); nothing for `deleted`."""
        match name:
            case Field.STATUS:
                column = self.columns.get(value)  # none for a status of an earlier file that this one has not
                return {"status": column and column.name, "category": column and column.category.value}
            case Field.ITERATION | Field.MILESTONE:
                planned = self._planned(name, value)
                return {name.value: planned.number if planned else None}
            case Field.ASSIGNEE:
                return {"assignee": f"contributor:{self.people[value]}" if value else None}
            case Field.DELETED:
                return {}
        return {column: plain(one) for column, one in self.columns_of(name, value).items()}

    def _planned(self, name: Field, value: Any) -> Planned | None:
        return (self.iterations if name is Field.ITERATION else self.milestones).get(value)

    def snapshot(self, item: SourceItem, state: State) -> dict[str, Any]:
        """An item as its first event tells it; the same keys as `backlog.plan.snapshot`."""
        told: dict[str, Any] = {
            "position": item.position,
            "parent_number": self.numbers.get(item.parent) if item.parent else None,
            "external_key": item.external_key,
            "external_url": item.external_url,
        }
        for name, value in state.items():
            told |= self.told(name, value)
        return told

    def facts(self, state: State) -> Facts:
        """What of a state the burndown counts."""
        iteration = self._planned(Field.ITERATION, state[Field.ITERATION])
        milestone = self._planned(Field.MILESTONE, state[Field.MILESTONE])
        points, hours = state[Field.POINTS], state[Field.HOURS]
        return Facts(
            points=points if isinstance(points, Decimal) else None,
            hours=hours if isinstance(hours, Decimal) else None,
            category=self.columns[str(state[Field.STATUS])].category,
            iteration=iteration.id if iteration else None,
            milestone=milestone.id if milestone else None,
            audience=self.audience(state[Field.RESTRICTED]),
            present=not state[Field.DELETED],
        )

    def fact(self, change: SourceChange) -> Change | None:
        """A change as the burndown counts it; None for one that does not matter there."""
        name: FactField
        value: Any = change.new
        match change.field:
            case Field.POINTS | Field.HOURS:
                return Change(change.at, "points" if change.field is Field.POINTS else "hours", value)
            case Field.STATUS:
                name, value = "category", self.columns[value].category
            case Field.ITERATION | Field.MILESTONE:
                planned = self._planned(change.field, value)
                name, value = "iteration" if change.field is Field.ITERATION else "milestone", planned and planned.id
            case Field.RESTRICTED:
                name, value = "audience", self.audience(value)
            case Field.DELETED:
                name, value = "present", not value
            case _:
                return None
        return Change(change.at, name, value)


def stored(state: State) -> dict[str, Any]:
    """A state as it is remembered until the next import: long texts as a digest."""
    kept = {name.value: plain(value) for name, value in state.items()}
    for name in LONG:
        if len(kept[name.value]) > 64:
            kept[name.value] = f"sha256:{sha256(kept[name.value].encode()).hexdigest()}"
    return kept


def remembered(state: Mapping[str, Any], name: Field) -> Value:
    """A field as `stored` keeps it, as a value again; for a long text, its digest."""
    value = state.get(name.value)
    if name in (Field.POINTS, Field.HOURS):
        return None if value is None else Decimal(value)
    return tuple(value or ()) if name is Field.LABELS else value


def mark(change: SourceChange) -> bytes:
    """Eight bytes by which a change is known again: its moment and field, whatever became of its text."""
    return sha256(f"{change.at.timestamp():.6f} {change.field.value}".encode()).digest()[:8]


class News(NamedTuple):
    """What a source has of an item that the last import did not see."""

    changes: list[SourceChange]
    """In order of time."""
    differing: dict[Field, Value]
    """Fields that are other than they were, with no change in the history that says so."""


def news(item: SourceItem, known: Mapping[str, Any], marks: bytes) -> News:
    """What is new of an item. `known` and `marks` are what is remembered of the last import.

    Where the source keeps no history, the time of a change is inferred and may be another one in the next file: what
    only says again what was known is no news.
    """
    seen = {marks[at : at + 8] for at in range(0, len(marks), 8)}
    now = item.current()
    shown = stored(now)
    differs = {name for name in now if shown[name.value] != known.get(name.value)}
    fresh = [change for change in item.changes if mark(change) not in seen]
    often = Counter(change.field for change in fresh)
    fresh = [change for change in fresh if change.field in differs or often[change.field] > 1]
    told = {change.field for change in fresh}
    return News(fresh, {name: now[name] for name in now if name in differs and name not in told})
