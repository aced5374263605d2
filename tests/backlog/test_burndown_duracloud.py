"""A real project's history gives the ten figures that its tracker would have shown on those days."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from portal.backlog import chart, spans
from portal.backlog.burndown import Movements, Series, add, diff, movements
from portal.backlog.models import Category, SeriesKind
from portal.backlog.spans import Change, Facts, Span
from portal.ledger.models import Audience
from portal.projects.models import Unit

FACTS = Path(__file__).parents[1] / "data" / "duracloud" / "facts.json"
RELEASE = UUID(int=10411)
SPRINT = UUID(int=3)
ZONE = ZoneInfo("UTC")
DONE = {"Closed", "Resolved"}

FIGURES = [
    # series, day, items in scope, points in scope, items remaining, points remaining
    ("release 1.0", date(2011, 4, 30), 28, 78, 28, 78),
    ("release 1.0", date(2011, 5, 15), 29, 74, 24, 63),
    ("release 1.0", date(2011, 6, 16), 42, 88, 23, 47),
    ("release 1.0", date(2011, 7, 16), 56, 122, 23, 45),
    ("release 1.0", date(2011, 7, 29), 44, 117, 0, 0),
    ("sprint 2.4", date(2013, 6, 16), 14, 24, 14, 24),
    ("sprint 2.4", date(2013, 7, 7), 14, 24, 9, 15),
    ("sprint 2.4", date(2013, 7, 26), 14, 24, 8, 13),
    ("sprint 2.4", date(2013, 8, 4), 14, 24, 4, 7),
    ("sprint 2.4", date(2013, 9, 1), 15, 31, 1, 2),
]
SERIES: dict[str, Series] = {
    "release 1.0": (SeriesKind.MILESTONE, RELEASE),
    "sprint 2.4": (SeriesKind.ITERATION, SPRINT),
}


@pytest.fixture(scope="module")
def lives() -> list[list[Span]]:
    return [life(issue) for issue in json.loads(FACTS.read_text())]


@pytest.fixture(scope="module")
def moved(lives: list[list[Span]]) -> Movements:
    total: Movements = {}
    for one in lives:
        add(total, movements(one, ZONE))
    return total


def life(issue: dict[str, Any]) -> list[Span]:
    first = dict(value(field, given) for field, given in issue["initial"].items())
    initial = Facts(hours=None, audience=Audience.CLIENT, **first)
    changes = [Change(moment(at), *value(field, given)) for at, field, given in issue["changes"]]
    return spans.from_changes(moment(issue["created"]), initial, changes)


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)


def value(field: str, given: Any) -> tuple[Any, Any]:
    match field:
        case "status":
            return "category", Category.DONE if given in DONE else Category.TODO
        case "points":
            return "points", None if given is None else Decimal(given)
        case "versions":
            return "milestone", RELEASE if "10411" in given else None
        case _:
            return "iteration", SPRINT if "3" in given else None


def rows(moved: Movements, series: Series, unit: Unit) -> Iterable[chart.Row]:
    return [(day, movement.of(unit)) for (one, day, _), movement in moved.items() if one == series]


@pytest.mark.parametrize(("name", "day", "items", "points", "items_left", "points_left"), FIGURES)
def test_a_day_of_the_real_project(
    moved: Movements, name: str, day: date, items: int, points: int, items_left: int, points_left: int
) -> None:
    [count] = chart.series(rows(moved, SERIES[name], Unit.COUNT), day, day)
    [sized] = chart.series(rows(moved, SERIES[name], Unit.POINTS), day, day)
    assert (count.scope, count.remaining) == (items, items_left)
    assert (sized.scope, sized.remaining) == (points, points_left)


@pytest.mark.parametrize("name", SERIES)
def test_the_whole_line_passes_through_the_days_and_as_of_cuts_it(moved: Movements, name: str) -> None:
    figures = {day: points for series, day, _, points, _, _ in FIGURES if series == name}
    first, last = min(figures), max(figures)
    line = chart.series(rows(moved, SERIES[name], Unit.POINTS), first, last)
    assert {point.day: point.scope for point in line if point.day in figures} == figures
    cut = sorted(figures)[2]
    assert chart.series(rows(moved, SERIES[name], Unit.POINTS), first, last, as_of=cut) == [
        point for point in line if point.day <= cut
    ]


def test_twelve_items_are_pushed_out_of_the_release_in_its_last_days(lives: list[list[Span]]) -> None:
    lens = chart.Lens((SeriesKind.MILESTONE, RELEASE), Unit.COUNT, ZONE, staff=False)
    causes = [
        cause
        for number, one in enumerate(lives)
        for cause in chart.step_causes(number, one, lens, date(2011, 7, 17), date(2011, 7, 29))
    ]
    scope = sum(cause.amount if cause.kind is chart.Kind.ADDED else -cause.amount for cause in causes)
    assert scope == 44 - 56
    assert {cause.why for cause in causes if cause.kind is chart.Kind.REMOVED} == {chart.Why.MOVED}


def test_changes_entered_one_by_one_add_up_to_the_rebuilt_whole(lives: list[list[Span]], moved: Movements) -> None:
    total: Movements = {}
    for one in lives:
        known: list[Span] = []
        for span in one:
            grown = spans.record(known, span.facts, span.valid_from)
            add(total, diff(movements(known, ZONE), movements(grown, ZONE)))
            known = grown
    assert total == moved
