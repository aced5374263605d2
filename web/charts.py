"""Charts as plain geometry: scales, ticks and paths that a template prints as SVG. Pure; figures stay exact decimals.

Coordinates are in the units of a fixed view box and rounded to a tenth: they place ink, they are no figures.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Protocol, TypeVar

WIDTH, HEIGHT = 760, 290
BAR_HEIGHT = 220
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 14, 30
MOST_DAYS_DRAWN = 120
MOST_DAY_LABELS = 7

T = TypeVar("T")


class Standing(Protocol):
    """How a series stood at the end of one day, in one unit."""

    @property
    def day(self) -> date:
        """The day."""

    @property
    def scope(self) -> Decimal:
        """All that is to be done."""

    @property
    def done(self) -> Decimal:
        """What is done of it."""

    @property
    def remaining(self) -> Decimal:
        """What is not."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis, at its place in the view box."""

    at: float
    value: Decimal


@dataclass(frozen=True, slots=True)
class DayTick:
    """A day on the horizontal axis."""

    at: float
    day: date
    anchor: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A step of the scope line: where it is drawn, on which day, and by how much."""

    x: float
    y: float
    day: date
    change: Decimal


@dataclass(frozen=True, slots=True)
class BurnChart:
    """A burndown, ready to print. `points` are the days drawn: the table beside the picture says the same."""

    points: Sequence[Standing]
    remaining: str
    area: str
    ideal: str
    done: str
    scope: str
    marks: Sequence[Mark]
    ticks: Sequence[Tick]
    days: Sequence[DayTick]
    today: float | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Bar:
    """What one iteration finished, and where its bar stands. `label` is its name cut to the room there is, or empty."""

    name: str
    label: str
    value: Decimal
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class BarChart:
    """Velocity: a bar an iteration, and the mean."""

    bars: Sequence[Bar]
    ticks: Sequence[Tick]
    mean: Decimal
    mean_y: float
    width: int = WIDTH
    height: int = BAR_HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = BAR_HEIGHT - BOTTOM


def nice_step(highest: Decimal, wanted: int = 5) -> Decimal:
    """The step of an axis from 0 to `highest` with about `wanted` ticks: 1, 2 or 5 times a power of ten, at least 1."""
    if highest <= wanted:
        return Decimal(1)
    rough = highest / wanted
    power = Decimal(10) ** rough.adjusted()
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def nice_ticks(highest: Decimal, wanted: int = 5) -> list[Decimal]:
    """Values from 0 to the first nice one at or above `highest`; always at least 0 and 1."""
    step = nice_step(highest, wanted)
    count = max(1, int((highest / step).to_integral_value(ROUND_CEILING)))
    return [step * place for place in range(count + 1)]


def thin(points: Sequence[T], most: int = MOST_DAYS_DRAWN) -> list[T]:
    """At most about `most` of the points at equal distances, the first and the last always among them."""
    stride = -(-len(points) // most) if len(points) > most else 1
    kept = list(points[::stride])
    if points and kept[-1] is not points[-1]:
        kept.append(points[-1])
    return kept


def polyline(places: Sequence[tuple[float, float]]) -> str:
    """An SVG path through the places; empty for none."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in places) if places else ""


def staircase(places: Sequence[tuple[float, float]]) -> str:
    """An SVG path that keeps its height until the next place: how a scope moves."""
    if not places:
        return ""
    x, y = places[0]
    return f"M{x:g} {y:g}" + "".join(f"H{x:g}V{y:g}" for x, y in places[1:])


class _Plane:
    """The drawing area of a chart with days across and figures upwards."""

    def __init__(self, first: date, last: date, highest: Decimal, bottom: int) -> None:
        self.first, self.span = first, max(1, (last - first).days)
        self.highest, self.bottom = max(highest, Decimal(1)), bottom

    def x(self, day: date) -> float:
        share = (day - self.first).days / self.span
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: Decimal) -> float:
        return round(self.bottom - float(value / self.highest) * (self.bottom - TOP), 1)


def burn_chart(
    points: Sequence[Standing],
    *,
    ideal: Sequence[tuple[date, Decimal]] = (),
    steps: Iterable[tuple[date, Decimal]] = (),
    today: date | None = None,
    most: int = MOST_DAYS_DRAWN,
) -> BurnChart | None:
    """The picture of a burndown; None without points.

    `points` run to the last day that is known, `ideal` may run on to the planned end; `steps` are the days on which the
    scope moved, and by how much. A `today` outside the days draws no mark.
    """
    if not points:
        return None
    kept = thin(points, most)
    highest = max([max(point.scope, point.remaining) for point in kept] + [value for _, value in ideal])
    ticks = nice_ticks(highest)
    last = max([kept[-1].day] + [day for day, _ in ideal])
    plane = _Plane(kept[0].day, last, ticks[-1], HEIGHT - BOTTOM)
    remaining = [(plane.x(point.day), plane.y(point.remaining)) for point in kept]
    return BurnChart(
        points=kept,
        remaining=polyline(remaining),
        area=f"{polyline(remaining)}L{remaining[-1][0]:g} {plane.bottom}L{remaining[0][0]:g} {plane.bottom}Z",
        ideal=polyline([(plane.x(day), plane.y(value)) for day, value in ideal]),
        done=polyline([(plane.x(point.day), plane.y(point.done)) for point in kept]),
        scope=staircase([(plane.x(point.day), plane.y(point.scope)) for point in kept]),
        marks=_marks(kept, steps, plane),
        ticks=[Tick(plane.y(value), value) for value in ticks],
        days=_day_ticks(kept[0].day, last, plane),
        today=plane.x(today) if today and kept[0].day <= today <= last else None,
    )


def _marks(points: Sequence[Standing], steps: Iterable[tuple[date, Decimal]], plane: _Plane) -> list[Mark]:
    """The steps of the scope line, each at the first drawn day on or after it."""
    days = [point.day for point in points]
    return [
        Mark(plane.x(drawn.day), plane.y(drawn.scope), day, change)
        for day, change in steps
        if change and days[0] < day <= days[-1] and (drawn := points[bisect_left(days, day)])
    ]


def _day_ticks(first: date, last: date, plane: _Plane) -> list[DayTick]:
    span = (last - first).days
    count = min(MOST_DAY_LABELS - 1, span)
    days = [first + timedelta(days=span * place // max(count, 1)) for place in range(count + 1)]
    anchors = ["start", *["middle"] * (len(days) - 2), "end"] if len(days) > 1 else ["start"]
    return [DayTick(plane.x(day), day, anchor) for day, anchor in zip(days, anchors, strict=True)]


def bar_chart(rows: Sequence[tuple[str, Decimal]]) -> BarChart | None:
    """Velocity bars from (iteration, done) in time order; None without rows.

    What was re-opened may leave less than nothing: such a bar has no height, and the table says how much.
    """
    if not rows:
        return None
    ticks = nice_ticks(max(done for _, done in rows), 4)
    plane = _Plane(date.min, date.min, ticks[-1], BAR_HEIGHT - BOTTOM)
    mean = sum((done for _, done in rows), Decimal(0)) / len(rows)
    slot = (WIDTH - LEFT - RIGHT) / len(rows)
    bars = [_bar(row, LEFT + slot * (place + 0.5), slot, plane) for place, row in enumerate(rows)]
    marks = [Tick(plane.y(value), value) for value in ticks]
    return BarChart(bars, marks, mean.quantize(Decimal("0.1")), plane.y(mean))


def _bar(row: tuple[str, Decimal], middle: float, slot: float, plane: _Plane) -> Bar:
    name, done = row
    top = plane.y(max(done, Decimal(0)))
    width = round(min(slot * 0.7, 56), 1)
    room = int(slot / 6.5)
    label = name if len(name) <= room else name[: max(1, room - 1)] + "…"
    height = round(plane.bottom - top, 1)
    return Bar(name, label, done, round(middle - width / 2, 1), top, width, height)
