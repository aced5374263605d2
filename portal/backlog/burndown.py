"""How an item's life moves the burndowns that it is part of, day by day. Pure.

A day's movement is the difference between how the item stood at the end of that day and at the end of the day before,
in the project's zone; what came and went within one day moves nothing. Movements add up: the table `burn_day` holds
their sum over all items, so a change costs `diff(movements(old life), movements(new life))` and leaves alone every day
before the moment of the change.

An item is in scope of a series while it is present, not dropped and in that series. Scope grows by `added` and
`reestimated` and shrinks by `removed`; done grows by `done` and shrinks by `reopened`. Work is done only while it is in
scope: a done item that leaves takes its amount out of scope (`removed`) and out of done (`done`, negative).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from operator import add as plus
from operator import sub as minus
from typing import Any, NamedTuple, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.backlog.models import Category, SeriesKind
from portal.backlog.spans import Facts, Span
from portal.clock import start_of_day
from portal.ledger.models import Audience
from portal.projects.models import Unit

ZERO = Decimal(0)
ONE = Decimal(1)

Series = tuple[SeriesKind, UUID | None]
"""What a burndown is drawn for; the whole project has no id here."""

PROJECT: Series = (SeriesKind.PROJECT, None)


class Amounts(NamedTuple):
    """How much moved, in one unit; see the rules at the top of this file."""

    added: Decimal = ZERO
    removed: Decimal = ZERO
    reestimated: Decimal = ZERO
    done: Decimal = ZERO
    reopened: Decimal = ZERO
    unestimated: int = 0
    """Items in scope that have no estimate in this unit, and so count as nothing."""

    @property
    def scope_change(self) -> Decimal:
        """By how much the scope line moves."""
        return self.added - self.removed + self.reestimated

    @property
    def done_change(self) -> Decimal:
        """By how much the done line moves."""
        return self.done - self.reopened


class Movement(NamedTuple):
    """How much moved, in each unit."""

    items: Amounts
    points: Amounts
    hours: Amounts

    def of(self, unit: Unit) -> Amounts:
        """The amounts in one unit."""
        match unit:
            case Unit.POINTS:
                return self.points
            case Unit.HOURS:
                return self.hours
            case Unit.COUNT:
                return self.items


STILL = Amounts()
NOTHING = Movement(STILL, STILL, STILL)

Place = tuple[Series, date, Audience]
Movements = dict[Place, Movement]
Operation = Callable[[Any, Any], Any]
PlaceT = TypeVar("PlaceT")


def movements(spans: Sequence[Span], zone: ZoneInfo) -> Movements:
    """All that one item's life moves, by series, day and audience; days on which nothing moves are left out.

    A client sees the sum of `client` rows, staff the sum of both audiences. So the `internal` row is what staff see
    more than the client: when an item is shown to the client it is added there, and for staff nothing has moved.
    """
    moved: Movements = {}
    for day, before, after in day_changes(spans, zone):
        was, now = counted(before), counted(after)
        if was and now and was.audience != now.audience:
            _move_across(moved, day, was, now)
        elif shown := now or was:
            audience = Audience.CLIENT if shown.audience == Audience.CLIENT else Audience.INTERNAL
            for series, movement in _moves(was, now).items():
                moved[series, day, audience] = movement
    return moved


def diff(before: Mapping[PlaceT, Movement], after: Mapping[PlaceT, Movement]) -> dict[PlaceT, Movement]:
    """What must be added to `before` to make it `after`: the cost of a change."""
    difference: dict[PlaceT, Movement] = {}
    for place in {**before, **after}:
        old, new = before.get(place, NOTHING), after.get(place, NOTHING)
        if old != new:
            difference[place] = _combine(minus, new, old)
    return difference


def add(total: MutableMapping[Place, Movement], more: Mapping[Place, Movement]) -> None:
    """Adds `more` into `total`, which keeps no empty movement."""
    for place, movement in more.items():
        known = total.get(place)
        summed = movement if known is None else _combine(plus, known, movement)
        if summed != NOTHING:
            total[place] = summed
        elif known is not None:
            del total[place]


def columns(movement: Movement) -> dict[str, Decimal | int]:
    """A movement under the names of the table's columns: `items_added`, `points_unestimated`, …"""
    return {
        f"{unit}_{field}": int(amount) if unit == "items" else amount
        for unit, amounts in movement._asdict().items()
        for field, amount in amounts._asdict().items()
        if unit != "items" or field not in ("reestimated", "unestimated")
    }


def day_in(moment: datetime, zone: ZoneInfo) -> date:
    """The day that a moment belongs to: from the day's first moment until the next day's.

    Unlike the date on the wall it never goes back: where clocks were turned back over midnight (St. John's until 2011),
    the minutes that the wall shows a second time belong to the day that had already begun.
    """
    local = moment.astimezone(zone)
    day = local.date()
    if local.fold and start_of_day(day + timedelta(days=1), zone) <= moment:
        return day + timedelta(days=1)
    return day


def day_changes(spans: Sequence[Span], zone: ZoneInfo) -> Iterator[tuple[date, Facts | None, Facts]]:
    """Each day with changes: how the item stood at the end of the day before, and at the end of the day."""
    before: Facts | None = None
    days = [day_in(span.valid_from, zone) for span in spans]
    for position, (day, span) in enumerate(zip(days, spans, strict=True), 1):
        if position == len(days) or days[position] != day:
            yield day, before, span.facts
            before = span.facts


def counted(facts: Facts | None) -> Facts | None:
    """The facts of an item that is in the scope of anything: present and not dropped; else None."""
    return facts if facts and facts.present and facts.category != Category.DROPPED else None


def _move_across(moved: Movements, day: date, was: Facts, now: Facts) -> None:
    """Enters a day on which the item passed between the audiences."""
    client = _moves(_shown(was), _shown(now))
    moved.update(((series, day, Audience.CLIENT), movement) for series, movement in client.items())
    rest = diff(client, _moves(was, now))
    moved.update(((series, day, Audience.INTERNAL), movement) for series, movement in rest.items())


def _shown(facts: Facts) -> Facts | None:
    return facts if facts.audience == Audience.CLIENT else None


def _moves(was: Facts | None, now: Facts | None) -> dict[Series, Movement]:
    """What a change moves in each series; None stands for an item that does not count."""
    old, new = series_of(was), series_of(now)
    if old == new:
        stayed = between(was, now)
        return dict.fromkeys(old, stayed) if stayed != NOTHING else {}
    parts = (
        (was, now, [one for one in old if one in new]),
        (was, None, [one for one in old if one not in new]),
        (None, now, [one for one in new if one not in old]),
    )
    moved: dict[Series, Movement] = {}
    for before, after, places in parts:
        if places and (movement := between(before, after)) != NOTHING:
            moved.update(dict.fromkeys(places, movement))
    return moved


def series_of(facts: Facts | None) -> tuple[Series, ...]:
    """The series that an item is part of."""
    if facts is None:
        return ()
    iteration = ((SeriesKind.ITERATION, facts.iteration),) if facts.iteration else ()
    milestone = ((SeriesKind.MILESTONE, facts.milestone),) if facts.milestone else ()
    return (PROJECT, *iteration, *milestone)


def between(was: Facts | None, now: Facts | None) -> Movement:
    """The movement in a series that contained the item as `was` and contains it as `now`."""
    if was and now:
        return _stay(was, now)
    if now:
        done = now.category == Category.DONE
        return Movement(_enter(ONE, done), _enter(now.points, done), _enter(now.hours, done))
    if was:
        done = was.category == Category.DONE
        return Movement(_leave(ONE, done), _leave(was.points, done), _leave(was.hours, done))
    return NOTHING


def _stay(was: Facts, now: Facts) -> Movement:
    was_done, is_done = was.category == Category.DONE, now.category == Category.DONE
    if was_done == is_done and was[:2] == now[:2]:
        return NOTHING
    return Movement(
        _change(ONE, ONE, was_done, is_done),
        _change(was.points, now.points, was_done, is_done),
        _change(was.hours, now.hours, was_done, is_done),
    )


def _enter(amount: Decimal | None, done: bool) -> Amounts:
    if amount is None:
        return _UNESTIMATED
    return Amounts(added=amount, done=amount if done else ZERO)


def _leave(amount: Decimal | None, done: bool) -> Amounts:
    if amount is None:
        return _UNESTIMATED_LESS
    return Amounts(removed=amount, done=-amount if done else ZERO)


def _change(was: Decimal | None, now: Decimal | None, was_done: bool, is_done: bool) -> Amounts:
    """An item that stays in scope. What is re-estimated while done, or in being done, is done at its new estimate."""
    old, new = was or ZERO, now or ZERO
    return Amounts(
        reestimated=new - old,
        done=new - (old if was_done else ZERO) if is_done else ZERO,
        reopened=old if was_done and not is_done else ZERO,
        unestimated=(now is None) - (was is None),
    )


_UNESTIMATED = Amounts(unestimated=1)
_UNESTIMATED_LESS = Amounts(unestimated=-1)


def _combine(operation: Operation, left: Movement, right: Movement) -> Movement:
    return Movement(
        _amounts(map(operation, left.items, right.items)),
        _amounts(map(operation, left.points, right.points)),
        _amounts(map(operation, left.hours, right.hours)),
    )


_amounts: Callable[[Iterable[Any]], Amounts] = partial(tuple.__new__, Amounts)
"""`Amounts._make` without its check: imports add up millions of these."""
