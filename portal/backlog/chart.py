"""Burndown and burnup of one series from its daily movements: the lines, their steps and who caused them. Pure.

The same points draw both charts: a burndown shows `remaining` under `scope`, a burnup `done` under `scope`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from itertools import groupby
from operator import add, itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portal.backlog.burndown import STILL, Amounts, Series, between, counted, day_changes, series_of
from portal.backlog.models import Category
from portal.backlog.spans import Facts, Span
from portal.ledger.models import Audience
from portal.projects.calendar import Calendar, days_between
from portal.projects.models import Unit

MOST_POINTS = 400
"""A chart with more points than this shows no more than one with these."""

Row = tuple[date, Amounts]
"""What moved on a day, in one unit; a day may come in several rows (one an audience)."""


class BurnPoint(NamedTuple):
    """How a series stood at the end of a day."""

    day: date
    scope: Decimal
    done: Decimal
    unestimated: int
    moved: Amounts
    """What moved since the point before; at the first point, on its day alone."""

    @property
    def remaining(self) -> Decimal:
        """What is in scope and not done."""
        return self.scope - self.done


def series(
    rows: Iterable[Row], first: date, last: date, *, as_of: date | None = None, most: int = MOST_POINTS
) -> list[BurnPoint]:
    """The ends of the days from `first` to `last`, or to `as_of` where that is earlier: a past day sees no later one.

    `rows` are all movements of the series, also those before `first`: they are what it began with. Days without
    movement carry on. A stretch of more than `most` days is sampled evenly, with exact values, both ends among them.
    """
    moved = _by_day(rows)
    position = _before(moved, first)
    total = _sum(amounts for _, amounts in moved[:position])
    points = []
    for day in _sampled(first, _end(last, as_of), most):
        start, position = position, _before(moved, day + timedelta(days=1))
        step = _sum(amounts for _, amounts in moved[start:position])
        total = _plus(total, step)
        points.append(BurnPoint(day, total.scope_change, total.done_change, total.unestimated, step))
    return points


def steps(rows: Iterable[Row], first: date, last: date, *, as_of: date | None = None) -> list[Row]:
    """The days on which the scope was added to, cut or re-estimated, with how much of each; even if the sum is nought.

    The first day's own movement is a step as well: what an iteration began with came before it.
    """
    end = _end(last, as_of)
    return [(day, moved) for day, moved in _by_day(rows) if first <= day <= end and any(moved[:3])]


def ideal(
    scope: Decimal, first: date, last: date, calendar: Calendar, days: Iterable[date]
) -> list[tuple[date, Decimal]]:
    """From `scope` at the start of `first` evenly down to nothing at the end of `last`, read at the end of `days`.

    Flat over days off, to a thousandth (half to even: the line guides the eye). A stretch of days off alone is shared
    out evenly. Raises Invalid for more than a century.
    """
    working = calendar.working_days(first, last) or list(days_between(first, last))
    return [(day, _share(scope, len(working) - bisect_right(working, day), len(working))) for day in days]


def _share(scope: Decimal, left: int, whole: int) -> Decimal:
    return (scope * left / max(whole, 1)).quantize(Decimal("0.001"), ROUND_HALF_EVEN)


class Kind(StrEnum):
    """How an item made a line step."""

    ADDED = "added"
    REMOVED = "removed"
    REESTIMATED = "reestimated"
    REOPENED = "reopened"


class Why(StrEnum):
    """What happened to an item that made a line step."""

    CREATED = "created"
    RESTORED = "restored"
    DELETED = "deleted"
    DROPPED = "dropped"
    TAKEN_UP = "taken_up"
    """No longer dropped."""
    MOVED = "moved"
    """Into the series, or out of it."""
    SHOWN = "shown"
    HIDDEN = "hidden"
    """Shown to the client from then on, or no longer."""
    ESTIMATE = "estimate"
    STATUS = "status"


class Cause(NamedTuple):
    """Why a line stepped on a day: one item, what happened to it, and by how much the line moved."""

    day: date
    number: int
    kind: Kind
    why: Why
    amount: Decimal


class Lens(NamedTuple):
    """Through what a burndown is looked at: which series, in which unit, in which zone's days, by whom."""

    series: Series
    unit: Unit
    zone: ZoneInfo
    staff: bool
    """False shows what the client sees."""


def step_causes(number: int, spans: Sequence[Span], lens: Lens, first: date, last: date) -> list[Cause]:
    """What one item did to a series between two days, both included; the first day's own movement as well.

    The spans may begin with the one that held at the start of `first`. A client's cause may come from an item that
    clients no longer see: then the caller shows what moved, but not which item.
    """
    return [
        cause
        for day, before, after in day_changes(spans, lens.zone)
        if first <= day <= last
        for cause in _causes(day, number, before, after, lens)
    ]


def _causes(day: date, number: int, before: Facts | None, after: Facts, lens: Lens) -> Iterator[Cause]:
    was, now = _seen(before, lens), _seen(after, lens)
    moved = between(was, now).of(lens.unit)
    came_or_went = _why(before, after, lens.series)
    whys = (came_or_went, came_or_went, Why.ESTIMATE, Why.STATUS)
    for kind, why, amount in zip(Kind, whys, (*moved[:3], moved.reopened), strict=True):
        if amount:
            yield Cause(day, number, kind, why, amount)


def _seen(facts: Facts | None, lens: Lens) -> Facts | None:
    """The facts of an item that counts in what is looked at, else None."""
    kept = counted(facts)
    seen = kept and (lens.staff or kept.audience == Audience.CLIENT) and lens.series in series_of(kept)
    return kept if seen else None


def _why(before: Facts | None, after: Facts, series: Series) -> Why:
    if before is None:
        return Why.CREATED
    if before.present != after.present:
        return Why.RESTORED if after.present else Why.DELETED
    if (before.category == Category.DROPPED) != (after.category == Category.DROPPED):
        return Why.DROPPED if after.category == Category.DROPPED else Why.TAKEN_UP
    if (series in series_of(before)) != (series in series_of(after)):
        return Why.MOVED
    return Why.SHOWN if after.audience == Audience.CLIENT else Why.HIDDEN


def _end(last: date, as_of: date | None) -> date:
    return min(last, as_of) if as_of else last


def _by_day(rows: Iterable[Row]) -> list[Row]:
    """The same movement in the order of the days, each day once."""
    ordered = sorted(rows, key=itemgetter(0))
    return [(day, _sum(amounts for _, amounts in same)) for day, same in groupby(ordered, key=itemgetter(0))]


def _before(moved: Sequence[Row], day: date) -> int:
    """How many rows come before a day."""
    return bisect_right(moved, day - timedelta(days=1), key=itemgetter(0))


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    total = STILL
    for one in amounts:
        total = _plus(total, one) if total is not STILL else one
    return total


def _plus(one: Amounts, other: Amounts) -> Amounts:
    return Amounts(*map(add, one, other))


def _sampled(first: date, last: date, most: int) -> list[date]:
    """Up to `most` (at least two) days from `first` to `last`, evenly, both among them."""
    count = (last - first).days + 1
    chosen = range(count) if count <= most else (step * (count - 1) // (most - 1) for step in range(most))
    return [first + timedelta(days=offset) for offset in chosen]
