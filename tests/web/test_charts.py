"""The geometry of charts."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from web import charts
from web.charts import HEIGHT, WIDTH, bar_chart, burn_chart, nice_ticks, staircase, thin

MONDAY = date(2026, 5, 4)


@dataclass(frozen=True)
class Stood:
    """A day's figures."""

    day: date
    scope: Decimal
    done: Decimal

    @property
    def remaining(self) -> Decimal:
        """What is left."""
        return self.scope - self.done


def days(*figures: tuple[int, int]) -> list[Stood]:
    """Consecutive days from Monday with (scope, done)."""
    return [
        Stood(MONDAY + timedelta(days=at), Decimal(scope), Decimal(done)) for at, (scope, done) in enumerate(figures)
    ]


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        ("0", "0 1"),
        ("1", "0 1"),
        ("3.5", "0 1 2 3 4"),
        ("5", "0 1 2 3 4 5"),
        ("6", "0 2 4 6"),
        ("11", "0 5 10 15"),
        ("100", "0 20 40 60 80 100"),
        ("101", "0 50 100 150"),
        ("2345", "0 500 1000 1500 2000 2500"),
    ],
)
def test_an_axis_has_a_few_round_ticks_and_ends_above_what_is_drawn(highest: str, ticks: str) -> None:
    assert [int(value) for value in nice_ticks(Decimal(highest))] == [int(value) for value in ticks.split()]


def test_the_first_day_is_at_the_left_the_last_at_the_right_and_the_highest_tick_at_the_top() -> None:
    chart = burn_chart(days((10, 0), (10, 5), (10, 10)))
    assert chart is not None
    middle = (chart.left + chart.right) / 2
    assert chart.remaining == f"M{chart.left} {chart.top}L{middle:g} 137L{chart.right} {chart.bottom}"


def test_scope_is_drawn_in_steps_not_slopes() -> None:
    assert staircase([(0, 5), (10, 5), (20, 9)]) == "M0 5H10V5H20V9"


def test_each_step_of_the_scope_is_marked_where_it_is_drawn_except_the_first_days_own() -> None:
    points = days((10, 0), (10, 0), (13, 0), (11, 0))
    steps = [(point.day, change) for point, change in zip(points, map(Decimal, (10, 0, 3, -2)), strict=True)]
    chart = burn_chart(points, steps=steps)
    assert chart is not None
    assert [(mark.day, mark.change) for mark in chart.marks] == [
        (points[2].day, Decimal(3)),
        (points[3].day, Decimal(-2)),
    ]
    assert f"H{chart.marks[0].x:g}V{chart.marks[0].y:g}" in chart.scope


def test_today_is_marked_only_within_the_days_that_are_drawn() -> None:
    points = days((1, 0), (1, 0))
    assert [
        (chart := burn_chart(points, today=today)) and chart.today is not None
        for today in (MONDAY - timedelta(days=1), MONDAY, MONDAY + timedelta(days=1), MONDAY + timedelta(days=2))
    ] == [False, True, True, False]


def test_the_ideal_line_may_run_on_beyond_the_last_known_day() -> None:
    chart = burn_chart(days((4, 0), (4, 1)), ideal=[(MONDAY, Decimal(4)), (MONDAY + timedelta(days=4), Decimal(0))])
    assert chart is not None
    assert chart.ideal.endswith(f"L{chart.right} {chart.bottom}")
    assert not chart.remaining.endswith(f"L{chart.right} {chart.bottom}")


def test_nothing_is_drawn_of_nothing() -> None:
    assert burn_chart([]) is None
    assert bar_chart([]) is None


@pytest.mark.parametrize(("count", "most"), [(0, 5), (1, 5), (5, 5), (6, 5), (400, 120), (121, 120)])
def test_thinning_keeps_both_ends_and_the_order(count: int, most: int) -> None:
    kept = thin(list(range(count)), most)
    assert kept == sorted(set(kept))
    assert len(kept) <= most + 1
    assert not count or (kept[0], kept[-1]) == (0, count - 1)


@given(some.lists(some.tuples(some.integers(0, 10_000), some.integers(0, 10_000)), min_size=1, max_size=300))
def test_whatever_the_figures_all_ink_is_within_the_picture(figures: list[tuple[int, int]]) -> None:
    chart = burn_chart(days(*[(scope + done, done) for scope, done in figures]))
    assert chart is not None
    lines = f"{chart.remaining} {chart.done} {chart.area}"
    places = re.findall(r"([\d.e+-]+) ([\d.e+-]+)", re.sub("[MLZ]", " ", lines))
    assert places
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in places)


def test_bars_stand_side_by_side_on_the_axis_and_the_mean_is_the_mean() -> None:
    chart = bar_chart([("Sprint 1", Decimal(4)), ("Sprint 2", Decimal(8)), ("Sprint 3", Decimal("-1"))])
    assert chart is not None
    assert [bar.y + bar.height for bar in chart.bars] == [chart.bottom] * 3
    assert [bar.height > 0 for bar in chart.bars] == [True, True, False]
    assert all(one.x + one.width < other.x for one, other in zip(chart.bars, chart.bars[1:], strict=False))
    assert chart.mean == Decimal("3.7")


def test_a_long_name_under_a_narrow_bar_is_cut() -> None:
    chart = bar_chart([(f"A very long iteration name {number}", Decimal(1)) for number in range(12)])
    assert chart is not None
    assert all(bar.label.endswith("…") and len(bar.label) < 12 for bar in chart.bars)
    assert chart.width == charts.WIDTH
