"""When the rest may be finished, from what was finished until now. Pure.

The method, in the words that the page may use: look at how much was finished in each stretch of ten working days of
the last twelve weeks. A slow stretch (one in ten was slower), a middling one and a fast one (one in ten was faster)
give three paces; what remains, at those paces, over the project's working days, gives the latest, the likely and the
earliest day. Scope is taken as it stands: what will be added or cut is not guessed.

Where there is too little history there is no forecast but a reason: none is made up.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from itertools import accumulate
from statistics import median
from typing import NamedTuple

from portal.projects.calendar import Calendar

STRETCH = 10
"""Working days of one stretch: two weeks, so that a quiet week is seen for what it is."""
LOOK_BACK = timedelta(weeks=12)
LEAST_STRETCHES = 10
"""Fewer stretches (that is: fewer than 19 working days) say nothing about the spread."""
HORIZON_DAYS = 5 * 366
"""No date further off is given: at such a pace the plan will change first."""


class Reason(StrEnum):
    """Why there is no date."""

    FINISHED = "finished"
    """Nothing remains."""
    TOO_LITTLE_HISTORY = "too_little_history"
    NO_PROGRESS = "no_progress"
    """Nothing was finished lately."""
    TOO_FAR = "too_far"
    """Further off than the horizon."""


class Pace(NamedTuple):
    """How much is finished a working day."""

    slow: Decimal
    likely: Decimal
    fast: Decimal


class Finish(NamedTuple):
    """The days between which the rest may be finished. `reason` says why `likely` is None; `latest` alone is None when
    a slow stretch gives no date within the horizon."""

    earliest: date | None
    likely: date | None
    latest: date | None
    reason: Reason | None


def pace_of_days(done: Iterable[tuple[date, Decimal]], calendar: Calendar, today: date) -> Pace | Reason:
    """The pace of the last twelve weeks up to yesterday, from the movements of done (`Amounts.done_change`) by day.

    History begins with the first day in `done`, so give every day on which anything moved, with a nought where nothing
    was done. What was done on a day off counts in the stretch around it; what was re-opened is taken off.
    """
    rows = sorted(row for row in done if row[0] < today)
    if not rows:
        return Reason.TOO_LITTLE_HISTORY
    working = calendar.working_days(max(rows[0][0], today - LOOK_BACK), today - timedelta(days=1))
    if len(working) - STRETCH + 1 < LEAST_STRETCHES:
        return Reason.TOO_LITTLE_HISTORY
    return _moving(_spread([amount / STRETCH for amount in _stretches(rows, working)]))


def finish(remaining: Decimal, pace: Pace | Reason, calendar: Calendar, today: date) -> Finish:
    """The days on which `remaining` may be finished at a pace, counted in working days after `today`."""
    if remaining <= 0:
        return Finish(None, None, None, Reason.FINISHED)
    if isinstance(pace, Reason):
        return Finish(None, None, None, pace)
    latest, likely, earliest = (_day(remaining, one, calendar, today) for one in pace)
    return Finish(earliest, likely, latest, None if likely else Reason.TOO_FAR)


def _stretches(rows: Sequence[tuple[date, Decimal]], working: Sequence[date]) -> list[Decimal]:
    """How much was done in each run of `STRETCH` working days, with the days off among them and right after them."""
    days = [day for day, _ in rows]
    total = [Decimal(0), *accumulate(amount for _, amount in rows)]
    starts = [total[bisect_left(days, day)] for day in working[: len(working) - STRETCH + 1]]
    ends = [total[bisect_left(days, day)] for day in working[STRETCH:]] + [total[-1]]
    return [end - start for start, end in zip(starts, ends, strict=True)]


def _spread(paces: Sequence[Decimal]) -> Pace:
    """The first decile, the median and the last decile, each a pace that really was (nearest rank)."""
    ranked = sorted(paces)
    tenth = len(ranked) // 10
    return Pace(ranked[tenth], median(ranked), ranked[-1 - tenth])


def _moving(pace: Pace) -> Pace | Reason:
    return pace if pace.likely > 0 else Reason.NO_PROGRESS


def _day(remaining: Decimal, pace: Decimal, calendar: Calendar, today: date) -> date | None:
    if pace <= 0 or remaining > pace * HORIZON_DAYS:
        return None
    days = int((remaining / pace).to_integral_value(ROUND_CEILING))
    return calendar.after(today, days, horizon=HORIZON_DAYS)
