"""The events that tell an imported history, in the words in which the backlog tells its own. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from portal.backlog.plan import told_to
from portal.connectors.model import Field, SourceChange, SourceItem, Value
from portal.connectors.terms import Terms
from portal.ledger import NewEvent
from portal.ledger.models import Audience


@dataclass(slots=True)
class Work:
    """An item on its way into the project: what of its history is to be told, and how it stood before."""

    item: SourceItem
    number: int
    changes: Sequence[SourceChange]
    is_new: bool
    state: dict[Field, Value]
    """Runs along while the events are made, so that an item that is opened can be told whole."""


def new_work(item: SourceItem, number: int) -> Work:
    """An item that is not here yet: its whole history is told."""
    return Work(item, number, item.changes, is_new=True, state=dict(item.initial))


def further_work(item: SourceItem, number: int, fresh: Sequence[SourceChange]) -> Work:
    """An item that is here: only what is new is told."""
    before = {change.field: change.old for change in reversed(fresh)}
    return Work(item, number, fresh, is_new=False, state={**item.current(), **before})


@dataclass(frozen=True, slots=True)
class _Step:
    """All that somebody changed of an item at one moment; its birth has no changes."""

    order: datetime
    work: Work
    at: datetime
    author: str | None
    changes: Sequence[SourceChange]


def tell(works: Iterable[Work], terms: Terms) -> Iterator[NewEvent]:
    """The events of all items in order of time; what is dated before an item's birth follows its birth."""
    steps = [step for work in works for step in _steps(work)]
    steps.sort(key=attrgetter("order"))
    for step in steps:
        yield from _events(step, terms)


def _steps(work: Work) -> Iterator[_Step]:
    born = work.item.born_at
    if work.is_new:
        yield _Step(born, work, born, work.item.author, ())
    for (at, author), changes in groupby(work.changes, key=attrgetter("at", "author")):
        yield _Step(max(at, born), work, at, author, tuple(changes))


def _events(step: _Step, terms: Terms) -> Iterator[NewEvent]:
    work, actor = step.work, terms.actor(step.author)
    audience = terms.audience(work.state[Field.RESTRICTED])

    def event(kind: str, audience: Audience, body: dict[str, Any]) -> NewEvent:
        return NewEvent(kind, "item", work.number, audience, body, actor, step.at)

    if not step.changes:
        yield event("item.added", audience, told_to(audience, terms.snapshot(work.item, work.state)))
        return
    changes = _differences(step.changes, terms)
    was_deleted = work.state[Field.DELETED]
    for change in step.changes:
        work.state[change.field] = change.new
    now = terms.audience(work.state[Field.RESTRICTED])
    if changes:
        yield event("item.changed", now if now is audience else Audience.INTERNAL, {"changes": changes, "reason": ""})
    if now is not audience:
        opened = now is Audience.CLIENT
        body = told_to(Audience.CLIENT, terms.snapshot(work.item, work.state)) if opened else {}
        yield event("item.opened" if opened else "item.closed", Audience.CLIENT, body)
    if work.state[Field.DELETED] != was_deleted:
        yield event("item.restored" if was_deleted else "item.removed", now, {"reason": ""})


def _differences(changes: Sequence[SourceChange], terms: Terms) -> dict[str, list[Any]]:
    """{field: [before, after]} of what differs in our words: two types of the source may be one of ours."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for change in changes:
        before = terms.told(change.field, change.old) | before
        after |= terms.told(change.field, change.new)
    return {name: [before[name], value] for name, value in after.items() if value != before[name]}
