"""The chart of a project's money: one bar a month of what was paid, is open and is still to come. Pure geometry.

Coordinates place ink in a fixed view box; the table below the picture has the same figures exactly.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.billing.balance import DayOfMoney
from portal.billing.coming import Coming
from portal.money import Money, places_of
from web.charts import Tick, nice_ticks

WIDTH, HEIGHT = 760, 250
LEFT, RIGHT, TOP, BOTTOM = 78, 10, 14, 30
MOST_MONTHS = 24
KINDS = ("paid", "open", "coming")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a month's bar."""

    kind: str
    amount: Money
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Month:
    """A month: what of its invoices was paid, what is open, and what is expected in it. All with tax."""

    first: date
    paid: Money
    open: Money
    coming: Money
    x: float
    width: float
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class MoneyChart:
    """The picture for one currency. `undated` is expected on no known day and stands in the words alone."""

    currency: str
    months: Sequence[Month]
    ticks: Sequence[Tick]
    today: float | None
    undated: Money
    kinds: Sequence[str]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def money_charts(days: Sequence[DayOfMoney], coming: Sequence[Coming], today: date) -> list[MoneyChart]:
    """A chart for each currency. What was expected before `today` and is not invoiced yet stands in today's month."""
    codes = sorted({one.invoiced.currency for one in days} | {one.gross.currency for one in coming})
    made = [
        _chart(
            code, [one for one in days if one.invoiced.currency == code],
            [one for one in coming if one.gross.currency == code], today,
        )
        for code in codes
    ]  # fmt: skip
    return [one for one in made if one is not None]


def _chart(code: str, days: Sequence[DayOfMoney], coming: Sequence[Coming], today: date) -> MoneyChart | None:
    sums: dict[date, dict[str, int]] = {}

    def add(on: date, kind: str, amount: Money) -> None:
        month = sums.setdefault(on.replace(day=1), dict.fromkeys(KINDS, 0))
        month[kind] += amount.minor

    for day in days:
        add(day.on, "paid", day.paid)
        add(day.on, "open", day.open)
    for one in coming:
        if one.on is not None:
            add(max(one.on, today), "coming", one.gross)
    if not sums:
        return None
    months = _months(min(sums), max(sums), today)
    stacks = {first: {kind: max(0, value) for kind, value in sums.get(first, {}).items()} for first in months}
    highest = max(sum(stack.values()) for stack in stacks.values())
    ticks = nice_ticks(Decimal(highest).scaleb(-places_of(code)), 4)
    top = int(ticks[-1].scaleb(places_of(code)))
    slot = (WIDTH - LEFT - RIGHT) / len(months)
    drawn = [_month(code, first, sums.get(first, {}), top, LEFT + slot * at, slot) for at, first in enumerate(months)]
    return MoneyChart(
        currency=code,
        months=drawn,
        ticks=[Tick(_y(int(value.scaleb(places_of(code))), top), value) for value in ticks],
        today=_today(months, today, slot),
        undated=Money(sum(one.gross.minor for one in coming if one.on is None), code),
        kinds=[kind for kind in KINDS if any(stack.get(kind) for stack in stacks.values())],
    )


def _months(first: date, last: date, today: date) -> list[date]:
    """The months from the first to the last without a gap; at most so many, those around today."""
    months = [first]
    while months[-1] < last:  # no month beyond it is asked for: the last of all has none behind it
        months.append(_next(months[-1]))
    if len(months) <= MOST_MONTHS:
        return months
    now = sum(1 for one in months if one <= today)
    begin = max(0, min(now - MOST_MONTHS * 2 // 3, len(months) - MOST_MONTHS))
    return months[begin : begin + MOST_MONTHS]


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _month(code: str, first: date, sums: dict[str, int], top: int, left: float, slot: float) -> Month:
    amounts = {kind: Money(sums.get(kind, 0), code) for kind in KINDS}
    width = round(min(slot * 0.7, 56), 1)
    return Month(first, **amounts, x=round(left + (slot - width) / 2, 1), width=width, parts=_parts(amounts, top))


def _parts(amounts: dict[str, Money], top: int) -> list[Part]:
    """The pieces from the ground up. What was paid back, more than came in, has no height."""
    parts, below = [], 0
    for kind, amount in amounts.items():
        if amount.minor > 0:
            upper = _y(below + amount.minor, top)
            parts.append(Part(kind, amount, upper, round(_y(below, top) - upper, 1)))
            below += amount.minor
    return parts


def _y(minor: int, top: int) -> float:
    return round(HEIGHT - BOTTOM - minor / max(top, 1) * (HEIGHT - BOTTOM - TOP), 1)


def _today(months: Iterable[date], today: date, slot: float) -> float | None:
    return next(
        (round(LEFT + slot * (at + (today.day - 1) / 31), 1) for at, first in enumerate(months)
         if first == today.replace(day=1)), None,
    )  # fmt: skip
