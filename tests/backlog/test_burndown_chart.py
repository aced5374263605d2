"""The lines of a chart from daily movements: exact, bounded, and cut at the day that was asked for."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.backlog import chart, spans
from portal.backlog.burndown import PROJECT, Amounts, Series
from portal.backlog.chart import Cause, Kind, Lens, Why
from portal.backlog.models import Category, SeriesKind
from portal.backlog.spans import Facts, Span
from portal.errors import Invalid
from portal.ledger.models import Audience
from portal.projects.calendar import Calendar
from portal.projects.models import Unit


def march(day: int) -> date:
    return date(2026, 3, day)


def moved(added: int = 0, removed: int = 0, reestimated: int = 0, done: int = 0, reopened: int = 0) -> Amounts:
    return Amounts(*map(Decimal, (added, removed, reestimated, done, reopened)))


ROWS = [
    (march(2), moved(added=20)),
    (march(5), moved(done=5)),
    (march(6), moved(added=4, removed=4)),
    (march(8), moved(done=3)),
    (march(10), moved(reestimated=2, reopened=5)),
]


def drawn(first: int, last: int, **options: date) -> list[tuple[int, int, int]]:
    return [
        (point.day.day, int(point.scope), int(point.remaining))
        for point in chart.series(ROWS, march(first), march(last), **options)
    ]


def test_days_without_movement_carry_on() -> None:
    assert drawn(4, 9) == [(4, 20, 20), (5, 20, 15), (6, 20, 15), (7, 20, 15), (8, 20, 12), (9, 20, 12)]


def test_what_came_before_the_first_day_is_what_it_began_with() -> None:
    [point] = chart.series(ROWS, march(9), march(9))
    assert (point.scope, point.done, point.moved) == (20, 8, moved())


def test_nothing_is_known_before_the_first_movement() -> None:
    assert drawn(1, 2) == [(1, 0, 0), (2, 20, 20)]


def test_reopened_work_remains_again() -> None:
    assert drawn(9, 10) == [(9, 20, 12), (10, 22, 19)]


def test_a_past_day_sees_no_later_one() -> None:
    assert drawn(4, 20, as_of=march(6)) == drawn(4, 6)
    assert drawn(4, 20, as_of=march(3)) == []


def test_an_iteration_whose_dates_move_keeps_every_days_figures() -> None:
    as_planned, moved_by_three = drawn(3, 8), drawn(6, 11)
    assert [point for point in as_planned if point[0] >= 6] == [point for point in moved_by_three if point[0] <= 8]


def test_rows_of_one_day_add_up_in_any_order() -> None:
    split = [(march(5), moved(done=3)), (march(2), moved(added=20)), (march(5), moved(done=2))]
    assert [point.remaining for point in chart.series(split, march(5), march(5))] == [15]


def test_the_steps_of_the_scope_are_told_apart_even_when_they_cancel_out() -> None:
    assert chart.steps(ROWS, march(2), march(31)) == [
        (march(2), moved(added=20)),
        (march(6), moved(added=4, removed=4)),
        (march(10), moved(reestimated=2, reopened=5)),
    ]
    assert chart.steps(ROWS, march(3), march(31), as_of=march(9)) == [(march(6), moved(added=4, removed=4))]


def test_items_without_estimate_are_counted_along() -> None:
    rows = [(march(2), Amounts(unestimated=3)), (march(4), Amounts(unestimated=-1))]
    assert [point.unestimated for point in chart.series(rows, march(2), march(5))] == [3, 3, 2, 2]


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(-9, 9)), max_size=30),
    st.integers(0, 3000),
    st.integers(2, 60),
)
def test_a_long_stretch_is_sampled_with_exact_values_and_both_ends(
    steps: list[tuple[int, int]], length: int, most: int
) -> None:
    rows = [(march(1) + timedelta(days=day), moved(added=amount, done=amount // 2)) for day, amount in steps]
    first, last = march(1), march(1) + timedelta(days=length)
    sampled = chart.series(rows, first, last, most=most)
    whole = chart.series(rows, first, last, most=10_000)
    assert len(sampled) == min(most, length + 1)
    assert len({point.day for point in sampled}) == len(sampled)
    assert (sampled[0].day, sampled[-1].day) == (first, last)
    exact = {point.day: (point.scope, point.done) for point in whole}
    assert all((point.scope, point.done) == exact[point.day] for point in sampled)
    assert sum(point.moved.added for point in sampled) == sum(point.moved.added for point in whole)


WEEK = [march(day) for day in range(2, 10)]


def test_the_ideal_line_is_flat_over_days_off_and_ends_at_nothing() -> None:
    line = chart.ideal(Decimal(12), march(2), march(9), Calendar(), WEEK)
    assert [float(value) for _, value in line] == [10, 8, 6, 4, 2, 2, 2, 0]


def test_a_day_off_more_makes_the_others_steeper() -> None:
    off = Calendar(days_off=frozenset({march(4)}))
    line = chart.ideal(Decimal(10), march(2), march(9), off, WEEK)
    assert [float(value) for _, value in line] == [8, 6, 6, 4, 2, 2, 2, 0]


def test_an_iteration_of_one_day_holds_all_until_that_day() -> None:
    line = chart.ideal(Decimal(10), march(3), march(3), Calendar(), [march(2), march(3), march(4)])
    assert [value for _, value in line] == [10, 0, 0]


def test_an_iteration_of_days_off_is_shared_out_over_all_of_them() -> None:
    line = chart.ideal(Decimal(1), march(7), march(8), Calendar(), [march(7), march(8)])
    assert [value for _, value in line] == [Decimal("0.5"), 0]


def test_the_ideal_line_holds_before_its_first_day_and_after_its_last() -> None:
    line = chart.ideal(Decimal(10), march(2), march(6), Calendar(), [march(1), march(20)])
    assert [value for _, value in line] == [10, 0]


def test_an_ideal_line_is_not_drawn_over_more_than_a_century() -> None:
    with pytest.raises(Invalid, match="century"):
        chart.ideal(Decimal(1), date(1, 1, 1), date(9999, 12, 31), Calendar(), [])


def test_work_done_on_a_day_off_is_shown_on_that_day() -> None:
    sunday = march(8)
    assert not Calendar().is_working(sunday)
    assert [point.moved.done for point in chart.series(ROWS, sunday, sunday)] == [3]


BERLIN = ZoneInfo("Europe/Berlin")
SPRINT: Series = (SeriesKind.ITERATION, UUID(int=1))
TODO = Facts(Decimal(3), None, Category.TODO, UUID(int=1), None, Audience.CLIENT)


def life(*states: Facts) -> list[Span]:
    """One state a day from 2 March on."""
    known: list[Span] = []
    for day, facts in enumerate(states, 2):
        known = spans.record(known, facts, datetime(2026, 3, day, 12, tzinfo=UTC))
    return known


DROPPED = TODO._replace(category=Category.DROPPED)


@pytest.mark.parametrize(
    ("states", "kind", "why", "amount"),
    [
        ([TODO], Kind.ADDED, Why.CREATED, 3),
        ([TODO, TODO._replace(present=False)], Kind.REMOVED, Why.DELETED, 3),
        ([TODO._replace(present=False), TODO], Kind.ADDED, Why.RESTORED, 3),
        ([TODO, DROPPED], Kind.REMOVED, Why.DROPPED, 3),
        ([DROPPED, TODO], Kind.ADDED, Why.TAKEN_UP, 3),
        ([TODO, TODO._replace(iteration=None)], Kind.REMOVED, Why.MOVED, 3),
        ([TODO._replace(iteration=UUID(int=2)), TODO], Kind.ADDED, Why.MOVED, 3),
        ([TODO, TODO._replace(audience=Audience.INTERNAL)], Kind.REMOVED, Why.HIDDEN, 3),
        ([TODO._replace(audience=Audience.INTERNAL), TODO], Kind.ADDED, Why.SHOWN, 3),
        ([TODO, TODO._replace(points=Decimal(1))], Kind.REESTIMATED, Why.ESTIMATE, -2),
        ([TODO._replace(category=Category.DONE), TODO], Kind.REOPENED, Why.STATUS, 3),
    ],
)
def test_a_step_names_the_item_and_what_happened_to_it(states: list[Facts], kind: Kind, why: Why, amount: int) -> None:
    day = march(1 + len(states))
    lens = Lens(SPRINT, Unit.POINTS, BERLIN, staff=False)
    assert chart.step_causes(7, life(*states), lens, day, day) == [Cause(day, 7, kind, why, Decimal(amount))]


def test_one_day_may_have_two_causes() -> None:
    lens = Lens(PROJECT, Unit.POINTS, BERLIN, staff=True)
    states = [TODO._replace(category=Category.DONE), TODO._replace(points=Decimal(5))]
    causes = chart.step_causes(7, life(*states), lens, march(3), march(3))
    assert [(cause.kind, cause.amount) for cause in causes] == [(Kind.REESTIMATED, 2), (Kind.REOPENED, 3)]


def test_for_staff_an_item_shown_to_the_client_is_no_step() -> None:
    lens = Lens(PROJECT, Unit.POINTS, BERLIN, staff=True)
    assert chart.step_causes(7, life(TODO._replace(audience=Audience.INTERNAL), TODO), lens, march(3), march(3)) == []


def test_the_client_is_told_nothing_of_internal_items() -> None:
    lens = Lens(PROJECT, Unit.COUNT, BERLIN, staff=False)
    hidden = TODO._replace(audience=Audience.INTERNAL)
    states = [hidden, hidden._replace(points=Decimal(8)), hidden._replace(present=False)]
    assert chart.step_causes(7, life(*states), lens, march(1), march(31)) == []


def test_the_span_before_the_window_is_enough_to_name_what_happened_in_it() -> None:
    lens = Lens(SPRINT, Unit.POINTS, BERLIN, staff=False)
    whole = life(TODO, TODO._replace(points=Decimal(5)), TODO._replace(points=Decimal(8)))
    assert chart.step_causes(7, whole[1:], lens, march(4), march(9)) == chart.step_causes(
        7, whole, lens, march(4), march(9)
    )
