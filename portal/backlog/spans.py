"""The life of one item as a list of spans: what was true of it, from which moment until which. Pure.

A life is contiguous and half-open, `[valid_from, valid_to)`; its last span is open and no two neighbours say the same.
Before its first span an item does not exist.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter
from typing import Any, Literal, NamedTuple
from uuid import UUID

from portal.backlog.models import Category
from portal.errors import Invalid
from portal.ledger.models import Audience


class Facts(NamedTuple):
    """What of an item matters for a burndown. `None` for points or hours means "not estimated", which is not zero."""

    points: Decimal | None
    hours: Decimal | None
    category: Category
    iteration: UUID | None
    milestone: UUID | None
    audience: Audience
    present: bool = True
    """False once it is deleted, or gone from the source of an import."""


class Span(NamedTuple):
    """Facts that held from one moment (included) until another (excluded); `valid_to` is None while they hold."""

    valid_from: datetime
    valid_to: datetime | None
    facts: Facts


Field = Literal["points", "hours", "category", "iteration", "milestone", "audience", "present"]


class Change(NamedTuple):
    """One field of an item became `value` at an aware moment."""

    at: datetime
    field: Field
    value: Any


def record(spans: Sequence[Span], facts: Facts, at: datetime) -> list[Span]:
    """The life with `facts` true from `at` on: what a live change does, and with no spans the birth of an item.

    Only the last span is touched. A moment before the last recorded one (the clocks of two machines differ) counts as
    that moment, so that a live change never rewrites what came before; a fact that is late on purpose takes
    `insert_late`.
    """
    if not spans:
        return [Span(at, None, facts)]
    last = spans[-1]
    return joined([*_until(spans, last.valid_from), *_then(last, max(at, last.valid_from), facts)])


def _then(last: Span, at: datetime, facts: Facts) -> Iterable[Span]:
    if at > last.valid_from:
        yield Span(last.valid_from, at, last.facts)
    yield Span(at, None, facts)


def insert_late(spans: Sequence[Span], change: Change) -> list[Span]:
    """The life after learning that one field had already changed at `change.at`.

    The value holds from then until the next later change of that same field; other fields and earlier moments stay.
    An item may turn out to have existed earlier (`present`, True, before the first span: it then looked as in its first
    span). Raises Invalid for any other change before the item existed.
    """
    if not spans or change.at < spans[0].valid_from:
        return _born_earlier(spans, change)
    cut = _cut(spans, change.at)
    start = bisect_right(cut, change.at, key=attrgetter("valid_from")) - 1
    replaced = getattr(cut[start].facts, change.field)
    end = start
    while end < len(cut) and getattr(cut[end].facts, change.field) == replaced:
        end += 1
    corrected = [Span(begin, to, _with(facts, change)) for begin, to, facts in cut[start:end]]
    return joined([*cut[:start], *corrected, *cut[end:]])


def from_changes(created_at: datetime, initial: Facts, changes: Iterable[Change]) -> list[Span]:
    """The life that an imported history tells: `initial` at creation, then one field after the other.

    Changes may come in any order; those of one moment collapse into its last state in the order given, and those
    dated before the creation (some trackers do) count from the creation.
    """
    states = {created_at: initial}
    facts = initial
    for change in sorted(changes, key=attrgetter("at")):
        facts = _with(facts, change)
        states[max(change.at, created_at)] = facts
    moments = list(states)
    ends: list[datetime | None] = [*moments[1:], None]
    return joined(map(Span, moments, ends, states.values()))


def at(spans: Sequence[Span], moment: datetime) -> Facts | None:
    """What was true at a moment; None before the item existed."""
    position = bisect_right(spans, moment, key=attrgetter("valid_from"))
    return spans[position - 1].facts if position else None


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same life in the fewest spans: neighbours that say the same become one."""
    fewest: list[Span] = []
    for span in spans:
        if fewest and fewest[-1].facts == span.facts:
            fewest[-1] = Span(fewest[-1].valid_from, span.valid_to, span.facts)
        else:
            fewest.append(span)
    return fewest


def check(spans: Sequence[Span]) -> None:
    """Raises Invalid unless the spans are a life: not empty, contiguous, ending open."""
    if not spans or spans[-1].valid_to is not None:
        raise Invalid("The last span of an item must be open.", field="valid_to")
    for earlier, later in pairwise(spans):
        if earlier.valid_to != later.valid_from or earlier.valid_from >= later.valid_from:
            raise Invalid("Spans must follow each other without a gap.", field="valid_from", value=later.valid_from)


def _with(facts: Facts, change: Change) -> Facts:
    return facts._replace(**{change.field: change.value})


def _until(spans: Sequence[Span], moment: datetime) -> list[Span]:
    return [span for span in spans if span.valid_from < moment]


def _cut(spans: Sequence[Span], moment: datetime) -> list[Span]:
    """The same life with a boundary at `moment`."""
    cut: list[Span] = []
    for span in spans:
        if span.valid_from < moment and (span.valid_to is None or moment < span.valid_to):
            cut += [Span(span.valid_from, moment, span.facts), Span(moment, span.valid_to, span.facts)]
        else:
            cut.append(span)
    return cut


def _born_earlier(spans: Sequence[Span], change: Change) -> list[Span]:
    if not spans or change.field != "present" or change.value is not True:
        raise Invalid("Nothing can be known of an item before it existed.", field="at", value=change.at.isoformat())
    return joined([Span(change.at, spans[0].valid_from, spans[0].facts._replace(present=True)), *spans])
